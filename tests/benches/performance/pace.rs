//! Requests on the clock, over one connection and over several: what a machine like this one gives, and where the time goes.

use std::time::Instant;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use patient_access::load::Source;
use serde::{Deserialize, Serialize};
use tests::Tokens;

use crate::material;
use crate::stage::Stage;

/// As many clients at once.
const CLIENTS: usize = 4;

/// One kind of request.
#[derive(Serialize, Deserialize)]
pub struct Beat {
    /// What was asked.
    pub request: String,
    /// Median milliseconds over one connection, and how many requests made it.
    pub ms: f64,
    /// The latter.
    pub requests: usize,
    /// Answers a second over four connections.
    pub per_second: f64,
    /// What a good native FHIR server takes: one process, `SQLite`, no token, no audit, the same data.
    pub yardstick_ms: Option<f64>,
    /// The median time in the function beside its calls to AWS, in milliseconds, where it tells.
    pub own_ms: Option<f64>,
}

/// All of them.
#[derive(Serialize, Deserialize)]
pub struct Pace {
    /// Whose data.
    pub material: String,
    /// The requests.
    pub beats: Vec<Beat>,
    /// Milliseconds of a request that no function has to think about: client, gateway, Runtime API and back.
    pub way_ms: f64,
    /// Milliseconds of one `GetItem`, the least that a wave of calls takes: SDK and emulator.
    pub call_ms: f64,
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
    let mut beats = Vec::new();
    let read = format!("Patient/{patient}");
    for (name, path, yardstick) in [
        ("read of the Patient", read.as_str(), 0.34),
        ("20 claims, the newest first", "ExplanationOfBenefit?_sort=-created&_count=20", 3.0),
        ("50 claims", "ExplanationOfBenefit?_count=50", 6.9),
        ("50 Observations", "Observation?_count=50", 2.2),
    ] {
        let (request, yardstick_ms) = (name.to_owned(), Some(yardstick));
        beats.push(Beat { request, yardstick_ms, ..beat(stage, &tokens, path, requests).await });
    }
    Pace { material, beats, way_ms: way(stage, requests).await, call_ms: call(stage, requests).await }
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

async fn beat(stage: &Stage, tokens: &Tokens, path: &str, requests: usize) -> Beat {
    let mut times = Vec::new();
    for _ in 0..requests + requests / 4 {
        times.push(stage.timed(tokens, path).await.1);
    }
    let clients = async || {
        let client = async |_| {
            for _ in 0..requests / CLIENTS {
                stage.timed(tokens, path).await;
            }
        };
        join_all((0..CLIENTS).map(client)).await;
    };
    // The first round starts a function for each.
    clients().await;
    let started = Instant::now();
    clients().await;
    let seconds = started.elapsed().as_secs_f64();
    let own_ms = stage.ask(tokens, path).await.line["own_micros"].as_f64().map(|cpu| cpu / 1000.0);
    // The first ones warm up what there is to warm.
    let ms = median(times.split_off(requests / 4));
    Beat { request: String::new(), ms, requests, per_second: count(requests) / seconds, yardstick_ms: None, own_ms }
}

/// A request to the function that calls nobody.
async fn way(stage: &Stage, requests: usize) -> f64 {
    let mut times = Vec::new();
    for _ in 0..requests + requests / 4 {
        let started = Instant::now();
        stage.app.get("/nothing/here").await;
        times.push(milliseconds(started));
    }
    median(times.split_off(requests / 4))
}

/// A row that is not there, by the SDK.
async fn call(stage: &Stage, requests: usize) -> f64 {
    let environment = stage.app.environment();
    let client = tests::dynamodb(environment);
    let mut times = Vec::new();
    for _ in 0..requests + requests / 4 {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let get = client.get_item().table_name(&environment["AUTH_TABLE"]).consistent_read(true);
        let get = get.key("pk", text("nothing")).key("sk", text("here"));
        let started = Instant::now();
        get.send().await.expect("the table answers");
        times.push(milliseconds(started));
    }
    median(times.split_off(requests / 4))
}

fn milliseconds(started: Instant) -> f64 {
    started.elapsed().as_secs_f64() * 1000.0
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn count(count: usize) -> f64 {
    u32::try_from(count).expect("some thousands").into()
}
