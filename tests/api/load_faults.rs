//! A load is repeated after any of its calls failed, and comes to the same record: nothing is lost, nothing is in two
//! records, and a receipt names everything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{StreamExt, stream};
use http::StatusCode;
use patient_access::load::{Report, Source, load};
use patient_access::stack::{Descriptor, Stack};
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use tests::{App, Fault, Tokens, Wire};

const EVERYTHING: &str = "patient/*.rs";

/// The number of walks side by side.
const SIDE_BY_SIDE: usize = 16;

fn observation(id: &str, patient: &str, performer: Option<&str>) -> Json {
    let mut resource = json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"text": "x"},
        "subject": {"reference": format!("Patient/{patient}")}});
    if let Some(performer) = performer {
        resource["performer"] = json!([{"reference": performer}]);
    }
    resource
}

/// The resources before the load: alice's, and bob's by mistake.
pub fn before(walk: &str) -> Vec<Json> {
    vec![
        observation(&format!("moved-{walk}"), "bob", None),
        observation(&format!("deleted-{walk}"), "alice", None),
        observation(&format!("changed-{walk}"), "alice", None),
        binary(&format!("waits-{walk}"), walk),
        binary(&format!("goes-{walk}"), walk),
        letter(&format!("goes-{walk}"), "bob", &format!("goes-{walk}")),
        binary(&format!("ends-{walk}"), walk),
        letter(&format!("turns-{walk}"), "alice", &format!("ends-{walk}")),
        letter(&format!("ends-{walk}"), "alice", &format!("stays-{walk}")),
        binary(&format!("stays-{walk}"), walk),
    ]
}

/// A document's content, large enough for the bucket.
fn binary(id: &str, walk: &str) -> Json {
    let data = STANDARD.encode(held(walk));
    json!({"resourceType": "Binary", "id": id, "contentType": "text/plain", "data": data})
}

fn held(walk: &str) -> String {
    format!("{walk:>20000}")
}

fn letter(id: &str, patient: &str, binary: &str) -> Json {
    json!({"resourceType": "DocumentReference", "id": id, "status": "current",
        "subject": {"reference": format!("Patient/{patient}")},
        "content": [{"attachment": {"contentType": "text/plain", "url": format!("Binary/{binary}")}}]})
}

/// The resources that the load under test brings.
pub fn after(walk: &str) -> Vec<Json> {
    let role = format!("PractitionerRole/role-{walk}");
    let mut changed = observation(&format!("changed-{walk}"), "alice", None);
    changed["status"] = json!("amended");
    vec![
        json!({"resourceType": "Bundle", "type": "transaction",
            "entry": [{"request": {"method": "DELETE", "url": format!("Observation/deleted-{walk}")}},
                {"request": {"method": "DELETE", "url": format!("DocumentReference/ends-{walk}")}}]}),
        observation(&format!("moved-{walk}"), "alice", None),
        changed,
        observation(&format!("new-{walk}"), "alice", Some(&role)),
        json!({"resourceType": "PractitionerRole", "id": format!("role-{walk}"),
            "practitioner": {"reference": format!("Practitioner/doctor-{walk}")}}),
        json!({"resourceType": "Practitioner", "id": format!("doctor-{walk}")}),
        letter(&format!("letter-{walk}"), "alice", &format!("waits-{walk}")),
        // It was bob's; its content moves with it.
        letter(&format!("goes-{walk}"), "alice", &format!("goes-{walk}")),
        // It has other content now, that of a document which this run deletes.
        letter(&format!("turns-{walk}"), "alice", &format!("stays-{walk}")),
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

/// Loads while one call fails for good, then once more. Returns the number of calls of the first load.
async fn walk(whole: &BTreeMap<String, String>, name: &str, failing: Option<(usize, Fault)>) -> usize {
    attempt(whole, before(name)).await.expect("nothing fails yet");
    let wire = Wire::new().await;
    wire.lead_to(whole);
    let mut broken = whole.clone();
    broken.extend(wire.environment());
    if let Some((nth, fault)) = failing {
        wire.plan(nth, fault, true);
    }
    let first = attempt(&broken, after(name)).await;
    assert!(first.is_ok() || failing.is_some(), "without a fault nothing fails: {first:?}");
    let second = attempt(whole, after(name)).await.expect("the same load again succeeds");
    assert!(second.is_clean(), "{second}");
    let third = attempt(whole, after(name)).await.expect("and once more");
    assert_eq!((third.total().stored, third.total().deleted), (0, 0), "nothing is left to do: {third}");
    wire.calls().len()
}

/// T117
#[tokio::test(flavor = "multi_thread")]
async fn a_load_repeated_after_any_failed_call_comes_to_the_same_record() {
    let app = App::empty().await;
    for name in ["alice", "bob"] {
        app.add_member(name, name).await;
    }
    let calls = walk(app.environment(), "whole", None).await;
    let failing =
        [Fault::Throttled, Fault::AnswerLost].into_iter().flat_map(|fault| (0..calls).map(move |nth| (nth, fault)));
    let mut walks: Vec<String> = stream::iter(failing)
        .map(async |(nth, fault)| {
            let (name, whole) = (format!("{nth}-{fault:?}").to_lowercase(), app.environment().clone());
            // A load keeps its thread busy, so each has a task of its own.
            let walk = async move {
                walk(&whole, &name, Some((nth, fault))).await;
                name
            };
            tokio::spawn(walk).await.expect("a walk does not panic")
        })
        .buffer_unordered(SIDE_BY_SIDE)
        .collect()
        .await;
    assert!(walks.len() > 40, "a load makes more than {calls} calls");
    walks.push("whole".to_owned());
    let (alice, bob) = (app.sign_in("alice", EVERYTHING).await, app.sign_in("bob", EVERYTHING).await);
    let theirs = app.fhir(&bob, "Patient/bob/$everything?_type=Observation,DocumentReference,Binary").await;
    assert!(theirs.matches().is_empty(), "nothing stayed in the wrong record: {}", theirs.body);
    let record = whole(&app, &alice).await;
    let named: BTreeSet<&str> = record
        .values()
        .flat_map(|resource| resource["target"].as_array().into_iter().flatten())
        .filter_map(|target| target["reference"].as_str())
        .collect();
    for walk in walks {
        let deleted = app.fhir(&alice, &format!("Observation/deleted-{walk}")).await;
        assert_eq!(deleted.status, StatusCode::GONE, "{walk}");
        for key in ["PractitionerRole/role", "Practitioner/doctor", "Provenance/word"] {
            assert!(record.contains_key(&format!("{key}-{walk}")), "{key}-{walk}");
        }
        for name in ["waits", "goes", "stays"] {
            assert!(record.contains_key(&format!("Binary/{name}-{walk}")), "{name}-{walk}");
            let content = app.fhir(&alice, &format!("Binary/{name}-{walk}")).await;
            assert!(content.body == held(&walk), "{name}-{walk}: {}", content.status);
        }
        for gone in ["Binary/ends", "DocumentReference/ends"] {
            assert_eq!(app.fhir(&alice, &format!("{gone}-{walk}")).await.status, StatusCode::GONE, "{gone}-{walk}");
        }
        for key in [
            "Observation/moved",
            "Observation/changed",
            "Observation/new",
            "DocumentReference/letter",
            "DocumentReference/goes",
            "DocumentReference/turns",
        ] {
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
