//! Whichever call of the loader fails, the same load again comes to the same record: nothing is lost, nothing is in two records,
//! and a receipt names everything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use futures_util::{StreamExt, stream};
use http::StatusCode;
use patient_access::load::{Report, Source, load};
use patient_access::stack::{Descriptor, Stack};
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use tests::{App, Fault, Tokens, Wire};

const EVERYTHING: &str = "patient/*.rs";

/// Walks that go side by side.
const SIDE_BY_SIDE: usize = 16;

fn observation(id: &str, patient: &str, performer: Option<&str>) -> Json {
    let mut resource = json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"text": "x"},
        "subject": {"reference": format!("Patient/{patient}")}});
    if let Some(performer) = performer {
        resource["performer"] = json!([{"reference": performer}]);
    }
    resource
}

/// What is there before: of alice, and of bob by mistake.
fn before(walk: &str) -> Vec<Json> {
    vec![
        observation(&format!("moved-{walk}"), "bob", None),
        observation(&format!("deleted-{walk}"), "alice", None),
        observation(&format!("changed-{walk}"), "alice", None),
        json!({"resourceType": "Binary", "id": format!("waits-{walk}"), "contentType": "text/plain", "data": "aGk="}),
    ]
}

/// What the load under test brings.
fn after(walk: &str) -> Vec<Json> {
    let role = format!("PractitionerRole/role-{walk}");
    let mut changed = observation(&format!("changed-{walk}"), "alice", None);
    changed["status"] = json!("amended");
    vec![
        json!({"resourceType": "Bundle", "type": "transaction",
            "entry": [{"request": {"method": "DELETE", "url": format!("Observation/deleted-{walk}")}}]}),
        observation(&format!("moved-{walk}"), "alice", None),
        changed,
        observation(&format!("new-{walk}"), "alice", Some(&role)),
        json!({"resourceType": "PractitionerRole", "id": format!("role-{walk}"),
            "practitioner": {"reference": format!("Practitioner/doctor-{walk}")}}),
        json!({"resourceType": "Practitioner", "id": format!("doctor-{walk}")}),
        json!({"resourceType": "DocumentReference", "id": format!("letter-{walk}"), "status": "current",
            "subject": {"reference": "Patient/alice"},
            "content": [{"attachment": {"contentType": "text/plain", "url": format!("Binary/waits-{walk}")}}]}),
        json!({"resourceType": "Provenance", "id": format!("word-{walk}"), "recorded": "2026-01-01T00:00:00Z",
            "target": [{"reference": format!("Observation/new-{walk}")}], "agent": [{"who": {"display": "a lab"}}]}),
    ]
}

async fn attempt(environment: &BTreeMap<String, String>, resources: Vec<Json>) -> anyhow::Result<Report> {
    let descriptor = Descriptor { url: environment["ISSUER"].clone(), environment: environment.clone() };
    let stack = Stack::local(&descriptor).await.expect("the stack has all parts");
    let bar = indicatif::ProgressBar::hidden();
    load(&stack, &Source::Memory(resources), Path::new("/dev/null"), Clock::System, &bar).await
}

/// Loads while one call fails for good, then once more; tells how many calls the first load made.
async fn walk(app: &App, name: &str, failing: Option<(usize, Fault)>) -> usize {
    attempt(app.environment(), before(name)).await.expect("nothing fails yet");
    let wire = Wire::new().await;
    wire.lead_to(app.environment());
    let mut broken = app.environment().clone();
    broken.extend(wire.environment());
    if let Some((nth, fault)) = failing {
        wire.plan(nth, fault, true);
    }
    let first = attempt(&broken, after(name)).await;
    assert!(first.is_ok() || failing.is_some(), "without a fault nothing fails: {first:?}");
    let second = attempt(app.environment(), after(name)).await.expect("the same load again succeeds");
    assert!(second.is_clean(), "{second}");
    wire.calls().len()
}

/// T117
#[tokio::test(flavor = "multi_thread")]
async fn whichever_call_of_a_load_fails_the_same_load_again_comes_to_the_same_record() {
    let app = App::empty().await;
    for name in ["alice", "bob"] {
        app.add_member(name, name).await;
    }
    let calls = walk(&app, "whole", None).await;
    let failing =
        [Fault::Throttled, Fault::AnswerLost].into_iter().flat_map(|fault| (0..calls).map(move |nth| (nth, fault)));
    let mut walks: Vec<String> = stream::iter(failing)
        .map(async |(nth, fault)| {
            let name = format!("{nth}-{fault:?}").to_lowercase();
            walk(&app, &name, Some((nth, fault))).await;
            name
        })
        .buffer_unordered(SIDE_BY_SIDE)
        .collect()
        .await;
    assert!(walks.len() > 40, "a load makes more calls than {calls}");
    walks.push("whole".to_owned());
    let (alice, bob) = (app.sign_in("alice", EVERYTHING).await, app.sign_in("bob", EVERYTHING).await);
    let theirs = app.fhir(&bob, "Patient/bob/$everything?_type=Observation").await;
    assert!(theirs.matches().is_empty(), "nothing stayed where it does not belong: {}", theirs.body);
    let record = whole(&app, &alice).await;
    let named: BTreeSet<&str> = record
        .values()
        .flat_map(|resource| resource["target"].as_array().into_iter().flatten())
        .filter_map(|target| target["reference"].as_str())
        .collect();
    for walk in walks {
        let deleted = app.fhir(&alice, &format!("Observation/deleted-{walk}")).await;
        assert_eq!(deleted.status, StatusCode::GONE, "{walk}");
        for key in ["PractitionerRole/role", "Practitioner/doctor", "Binary/waits", "Provenance/word"] {
            assert!(record.contains_key(&format!("{key}-{walk}")), "{key}-{walk}");
        }
        for key in ["Observation/moved", "Observation/changed", "Observation/new", "DocumentReference/letter"] {
            let key = format!("{key}-{walk}");
            assert!(record.contains_key(&key), "{key}");
            assert!(named.contains(&*key), "no receipt names {key}");
        }
        let changed = &record[&format!("Observation/changed-{walk}")];
        assert_eq!((&changed["status"], &changed["meta"]["versionId"]), (&json!("amended"), &json!("2")));
    }
    app.finish().await;
}

/// Everything that the app reads, by its type and id.
async fn whole(app: &App, tokens: &Tokens) -> BTreeMap<String, Json> {
    let (mut record, mut path) = (BTreeMap::new(), Some(format!("Patient/{}/$everything", tokens.patient)));
    while let Some(next) = path {
        let page = app.fhir(tokens, &next).await;
        record.extend(page.matches().into_iter().zip(page.entries("match")));
        path = page.link("next").map(|url| url.split("/fhir/").nth(1).unwrap().to_owned());
    }
    record
}
