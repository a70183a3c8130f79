//! Timed requests, over one connection and over several: the speed on a machine like this one, and where the time goes.

use std::collections::HashMap;
use std::time::Instant;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::{join, join_all};
use patient_access::load::Source;
use serde::{Deserialize, Serialize};
use tests::Tokens;

use crate::material;
use crate::operations::references;
use crate::plots::float;
use crate::stage::{Stage, route};

/// The number of clients at once.
const CLIENTS: usize = 4;

/// The number of rounds. The kinds of requests take turns in each, and the quietest round of each kind counts, because
/// everything else on the machine only adds to a time.
const ROUNDS: usize = 5;

/// One kind of request.
#[derive(Serialize, Deserialize)]
pub struct Beat {
    /// The request.
    pub request: String,
    /// The number of resources in the answer.
    pub resources: usize,
    /// Median milliseconds of the quietest round, over one connection.
    pub ms: f64,
    /// Answers a second in the quietest round, over four connections.
    pub per_second: f64,
    /// The time of a good native FHIR server: one process, `SQLite`, no token, no audit, the same data.
    pub yardstick_ms: Option<f64>,
    /// The time in the function's own code beside its calls to AWS, in milliseconds: the median of the quietest round.
    pub own_ms: f64,
    /// Processor time of the function's process, in milliseconds: the mean of the quietest round, if the kernel tells.
    pub cpu_ms: Option<f64>,
}

/// All timed requests.
#[derive(Serialize, Deserialize)]
pub struct Pace {
    /// Whose data.
    pub material: String,
    /// The number of rounds.
    pub rounds: usize,
    /// The number of requests of each kind in a round, over one connection and over four.
    pub requests: usize,
    /// The requests.
    pub beats: Vec<Beat>,
    /// Milliseconds of a request without any work in a function: client, gateway, Runtime API and back.
    pub way_ms: f64,
    /// Milliseconds of two `GetItem`s at once, as for grant and data: SDK and emulator.
    pub gets_ms: f64,
    /// Milliseconds of one `PutItem`, as for an audit record: SDK and emulator.
    pub put_ms: f64,
}

/// Times all kinds of requests, in rounds.
pub async fn pace(stage: &Stage, requests: usize) -> Pace {
    // The Synthea members are there: the operations before have loaded them.
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

/// A new user name for the member. Members whose whole records were read have one already.
async fn signed_up(stage: &Stage, patient: &str) -> String {
    let name = format!("pace-{patient}");
    stage.app.add_member(&name, patient).await;
    name
}

impl Beat {
    fn new(request: &str, yardstick_ms: f64) -> Beat {
        let (request, yardstick_ms) = (request.to_owned(), Some(yardstick_ms));
        let unmeasured = f64::INFINITY;
        Beat { request, resources: 0, ms: unmeasured, per_second: 0.0, yardstick_ms, own_ms: unmeasured, cpu_ms: None }
    }

    async fn round(&mut self, stage: &Stage, tokens: &Tokens, path: &str, requests: usize) {
        let asked = async || stage.timed(tokens, path).await.1;
        let (before, spent) = (stage.settled(route(path), 200).await, stage.spent());
        self.ms = self.ms.min(median(requests, asked).await);
        let lines = stage.settled(route(path), 200).await - before;
        let work = spent.each(stage.spent(), u32::try_from(lines).expect("some hundred"));
        self.cpu_ms = work.cpu_us.map(|us| self.cpu_ms.map_or(us / 1000.0, |least| least.min(us / 1000.0)));
        let lines = stage.app.answered_so_far(route(path), 200).split_off(before);
        let own: Vec<f64> = lines.iter().map(|line| line["own_micros"].as_f64().expect("the line tells")).collect();
        self.own_ms = self.own_ms.min(middle(own) / 1000.0);
        let clients = async || {
            let client = async |_| {
                for _ in 0..requests / CLIENTS {
                    asked().await;
                }
            };
            join_all((0..CLIENTS).map(client)).await;
        };
        // The first pass starts a function for each client.
        clients().await;
        let started = Instant::now();
        clients().await;
        self.per_second = self.per_second.max(float(requests) / started.elapsed().as_secs_f64());
        self.resources = references(&stage.timed(tokens, path).await.0.json()).len();
    }
}

/// A request to the function that makes no call.
async fn way(stage: &Stage, requests: usize) -> f64 {
    median(requests, async || {
        let started = Instant::now();
        stage.app.get("/nothing/here").await;
        milliseconds(started)
    })
    .await
}

/// Reads two rows that do not exist, by the SDK.
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

/// Writes a small row, by the SDK.
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

/// The median time of this many requests, after some that warm everything up.
async fn median(requests: usize, request: impl AsyncFn() -> f64) -> f64 {
    for _ in 0..requests / 4 {
        request().await;
    }
    let mut times = Vec::new();
    for _ in 0..requests {
        times.push(request().await);
    }
    middle(times)
}

/// The median.
fn middle(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
