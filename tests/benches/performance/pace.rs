//! Requests on the clock, over one connection and over several: what a machine like this one gives, and where the time goes.

use std::collections::HashMap;
use std::time::Instant;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::{join, join_all};
use patient_access::load::Source;
use serde::{Deserialize, Serialize};
use tests::Tokens;

use crate::material;
use crate::plots::float;
use crate::stage::Stage;

/// As many clients at once.
const CLIENTS: usize = 4;

/// The kinds of requests take turns in so many rounds, and the quietest round of each counts: what else runs on the machine
/// only adds to a time.
const ROUNDS: usize = 5;

/// One kind of request.
#[derive(Serialize, Deserialize)]
pub struct Beat {
    /// What was asked.
    pub request: String,
    /// Median milliseconds of the quietest round, over one connection.
    pub ms: f64,
    /// Answers a second in the quietest round, over four connections.
    pub per_second: f64,
    /// What a good native FHIR server takes: one process, `SQLite`, no token, no audit, the same data.
    pub yardstick_ms: Option<f64>,
    /// The least time in the function beside its calls to AWS, in milliseconds.
    pub own_ms: f64,
}

/// All of them.
#[derive(Serialize, Deserialize)]
pub struct Pace {
    /// Whose data.
    pub material: String,
    /// How many rounds.
    pub rounds: usize,
    /// How many requests of each kind in a round, over one connection and over four.
    pub requests: usize,
    /// The requests.
    pub beats: Vec<Beat>,
    /// Milliseconds of a request that no function has to think about: client, gateway, Runtime API and back.
    pub way_ms: f64,
    /// Milliseconds of two `GetItem`s at once, as of a grant and of data: SDK and emulator.
    pub gets_ms: f64,
    /// Milliseconds of one `PutItem`, as of an audit record: SDK and emulator.
    pub put_ms: f64,
}

/// Asks again and again.
pub async fn pace(stage: &Stage, requests: usize) -> Pace {
    // The Synthea members are there: the operations before loaded them.
    let (material, patient) = if let Some(folder) = material::synthea() {
        ("the Synthea member with most claims".to_owned(), richest(&material::bundles(&folder)))
    } else {
        let resources = material::samples();
        let patient = richest(&resources);
        stage.load(Source::Memory(resources)).await;
        ("the one of our own sample members with most claims".to_owned(), patient)
    };
    let tokens = stage.app.sign_in(&signed_up(stage, &patient).await, "patient/*.rs").await;
    let read = format!("Patient/{patient}");
    let kinds = [
        ("read of the Patient", read.as_str(), 0.34),
        ("20 claims, the newest first", "ExplanationOfBenefit?_sort=-created&_count=20", 3.0),
        ("50 claims", "ExplanationOfBenefit?_count=50", 6.9),
        ("50 Observations", "Observation?_count=50", 2.2),
    ];
    let beats = kinds.iter().map(|(name, _, yardstick)| Beat::new(name, *yardstick)).collect();
    let mut pace = Pace {
        material,
        rounds: ROUNDS,
        requests,
        beats,
        way_ms: f64::INFINITY,
        gets_ms: f64::INFINITY,
        put_ms: f64::INFINITY,
    };
    for _ in 0..ROUNDS {
        for (beat, (_, path, _)) in pace.beats.iter_mut().zip(kinds) {
            beat.round(stage, &tokens, path, requests).await;
        }
        pace.way_ms = pace.way_ms.min(way(stage, requests).await);
        pace.gets_ms = pace.gets_ms.min(gets(stage, requests).await);
        pace.put_ms = pace.put_ms.min(put(stage, requests).await);
    }
    pace
}

/// The Patient with the most claims.
fn richest(resources: &[serde_json::Value]) -> String {
    let claims = |id: &String| {
        let owner = |json: &&serde_json::Value| {
            let patient = json["patient"]["reference"].as_str().unwrap_or_default();
            json["resourceType"] == "ExplanationOfBenefit" && patient.ends_with(id.as_str())
        };
        resources.iter().filter(owner).count()
    };
    material::ids_of(resources, "Patient").into_iter().max_by_key(claims).expect("there is a member")
}

/// A user name for the member; those whose whole records were read have one.
async fn signed_up(stage: &Stage, patient: &str) -> String {
    let name = format!("pace-{patient}");
    stage.app.add_member(&name, patient).await;
    name
}

impl Beat {
    fn new(request: &str, yardstick_ms: f64) -> Beat {
        let (request, yardstick_ms) = (request.to_owned(), Some(yardstick_ms));
        Beat { request, ms: f64::INFINITY, per_second: 0.0, yardstick_ms, own_ms: f64::INFINITY }
    }

    async fn round(&mut self, stage: &Stage, tokens: &Tokens, path: &str, requests: usize) {
        let asked = async || stage.timed(tokens, path).await.1;
        self.ms = self.ms.min(median(requests, asked).await);
        let clients = async || {
            let client = async |_| {
                for _ in 0..requests / CLIENTS {
                    asked().await;
                }
            };
            join_all((0..CLIENTS).map(client)).await;
        };
        // The first time starts a function for each.
        clients().await;
        let started = Instant::now();
        clients().await;
        self.per_second = self.per_second.max(float(requests) / started.elapsed().as_secs_f64());
        let own = stage.ask(tokens, path).await.line["own_micros"].as_f64().expect("the line tells");
        self.own_ms = self.own_ms.min(own / 1000.0);
    }
}

/// A request to the function that calls nobody.
async fn way(stage: &Stage, requests: usize) -> f64 {
    median(requests, async || {
        let started = Instant::now();
        stage.app.get("/nothing/here").await;
        milliseconds(started)
    })
    .await
}

/// Two rows that are not there, by the SDK.
async fn gets(stage: &Stage, requests: usize) -> f64 {
    let environment = stage.app.environment();
    let client = tests::dynamodb(environment);
    median(requests, async || {
        let get = || client.get_item().table_name(&environment["AUTH_TABLE"]).set_key(Some(key())).send();
        let started = Instant::now();
        let (one, other) = join(get(), get()).await;
        let took = milliseconds(started);
        one.and(other).expect("the table answers");
        took
    })
    .await
}

/// A small row, by the SDK.
async fn put(stage: &Stage, requests: usize) -> f64 {
    let environment = stage.app.environment();
    let client = tests::dynamodb(environment);
    median(requests, async || {
        let put = client.put_item().table_name(&environment["AUTH_TABLE"]).set_item(Some(key()));
        let started = Instant::now();
        put.send().await.expect("the table answers");
        milliseconds(started)
    })
    .await
}

fn key() -> HashMap<String, AttributeValue> {
    [("pk", "nothing"), ("sk", "here")]
        .map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())))
        .into()
}

fn milliseconds(started: Instant) -> f64 {
    started.elapsed().as_secs_f64() * 1000.0
}

/// The median of what that many requests take, after some that warm up what there is to warm.
async fn median(requests: usize, request: impl AsyncFn() -> f64) -> f64 {
    for _ in 0..requests / 4 {
        request().await;
    }
    let mut times = Vec::new();
    for _ in 0..requests {
        times.push(request().await);
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
