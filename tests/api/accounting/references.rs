//! References are read in every spelling that R4 allows, and what leads nowhere is told.

use http::StatusCode;
use patient_access::load::{References, Settings, Source, Tally, load_with};
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use tests::App;

use super::{EVERYTHING, balances, findings, observation, reasons};

fn seen_by(id: &str, performer: &str) -> Json {
    let mut resource = observation(id, "alice");
    resource["performer"] = json!([{"reference": performer}]);
    resource
}

fn doctor(id: &str, npi: &str) -> Json {
    json!({"resourceType": "Practitioner", "id": id, "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": npi}]})
}

const NPI: &str = "Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|";
const ENCODED: &str = "Practitioner?identifier=http%3A%2F%2Fhl7.org%2Ffhir%2Fsid%2Fus-npi%7C";

async fn performer(app: &App, id: &str) -> Json {
    let tokens = app.sign_in("alice", EVERYTHING).await;
    app.fhir(&tokens, &format!("Observation/{id}")).await.json()["performer"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conditional_reference_finds_its_resource_in_the_run_and_in_the_store() {
    let app = App::empty().await;
    app.add_member("alice", "alice").await;
    let patient = json!({"resourceType": "Patient", "id": "alice", "identifier": [{"system": "http://plan.example/mb", "value": "7"}]});
    let mut by_number = observation("by-number", "x");
    by_number["subject"] = json!({"reference": "Patient?identifier=http%3A%2F%2Fplan.example%2Fmb%7C7"});
    let first = vec![patient, doctor("d1", "101"), seen_by("o1", &format!("{ENCODED}101")), by_number.clone()];
    let report = app.load(Source::Memory(first)).await;
    assert_eq!((report.exit_code(), report.total().stored), (0, 4), "{report}");
    by_number["id"] = json!("by-number-later");
    let later = vec![seen_by("o2", &format!("{NPI}101")), seen_by("o3", &format!("{ENCODED}101")), by_number];
    let report = app.load(Source::Memory(later)).await;
    assert_eq!((report.exit_code(), report.total().stored), (0, 3), "{report}");
    for id in ["o1", "o2", "o3"] {
        assert_eq!(performer(&app, id).await, json!({"reference": "Practitioner/d1"}), "{id}");
    }
    // The identifier is another's now.
    app.load(Source::Memory(vec![doctor("d1", "102"), doctor("d2", "101")])).await;
    app.load(Source::Memory(vec![seen_by("o4", &format!("{NPI}101"))])).await;
    assert_eq!(performer(&app, "o4").await, json!({"reference": "Practitioner/d2"}));
    // Two have it: neither is chosen.
    app.load(Source::Memory(vec![doctor("d3", "101")])).await;
    let report = app.load(Source::Memory(vec![seen_by("o5", &format!("{NPI}101"))])).await;
    assert_eq!(reasons(&report), [("ambiguous-reference", 1)], "{report}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_resource_is_kept_as_the_logical_reference_that_it_means() {
    let app = App::empty().await;
    app.add_member("alice", "alice").await;
    let all = vec![seen_by("query", &format!("{ENCODED}404")), seen_by("name", "urn:uuid:of-another-bundle")];
    let report = app.load(Source::Memory(all)).await;
    balances(&report);
    assert_eq!((report.mended.get("logical-reference"), report.exit_code()), (Some(&2), 0), "{report}");
    assert_eq!(findings(&report, "logical-reference").len(), 2);
    let npi = json!({"system": "http://hl7.org/fhir/sid/us-npi", "value": "404"});
    assert_eq!(performer(&app, "query").await, json!({"identifier": npi, "type": "Practitioner"}));
    let urn = json!({"system": "urn:ietf:rfc:3986", "value": "urn:uuid:of-another-bundle"});
    assert_eq!(performer(&app, "name").await, json!({"identifier": urn}));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_under_a_base_of_the_plans_own_is_a_resource_of_this_server() {
    let app = App::empty().await;
    app.add_member("alice", "alice").await;
    let mut of_alice = seen_by("o1", &format!("{}/fhir/Practitioner/d1", app.url()));
    of_alice["subject"] = json!({"reference": "https://claims.plan.example/r4/Patient/alice"});
    let settings = Settings {
        rejected: "/dev/null".into(),
        bases: vec!["https://claims.plan.example/r4/".to_owned()],
        ..Settings::default()
    };
    let (stack, bar) = (app.stack_to_work_on().await, indicatif::ProgressBar::hidden());
    let source = Source::Memory(vec![of_alice, doctor("d1", "1")]);
    let (report, ended) = load_with(&stack, &source, settings, Clock::System, &bar).await;
    ended.unwrap();
    assert_eq!((report.total().stored, report.exit_code()), (2, 0), "{report}");
    assert_eq!(performer(&app, "o1").await, json!({"reference": "Practitioner/d1"}));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn references_that_lead_nowhere_or_to_another_member_are_counted_and_listed() {
    let app = App::empty().await;
    app.load(Source::Memory(vec![observation("of-bob", "bob"), doctor("stored", "1")])).await;
    let mut resource = observation("o", "alice");
    resource["performer"] = json!([{"reference": "Practitioner/stored"}, {"reference": "Practitioner/here"}, {"reference": "Practitioner/gone"}]);
    resource["hasMember"] =
        json!([{"reference": "Observation/of-bob"}, {"reference": "Observation/o2"}, {"reference": "Observation/o3"}]);
    resource["focus"] = json!([{"reference": "Patient/carol"}, {"reference": "Patient/alice"}, {"reference": "https://elsewhere.example/Device/1"}]);
    let all = vec![resource, doctor("here", "2"), observation("o2", "alice"), observation("o3", "dora")];
    let report = app.load(Source::Memory(all)).await;
    assert_eq!(report.references, References { nowhere: 1, other_member: 3 }, "{report}");
    let told: Vec<&str> = report.findings.iter().map(|finding| finding.text.as_str()).collect();
    for target in ["Practitioner/gone", "Observation/of-bob", "Observation/o3", "Patient/carol"] {
        assert!(told.iter().any(|text| text.contains(target)), "{target}: {told:?}");
    }
    assert_eq!(
        (report.exit_code(), report.to_json()["references"].clone()),
        (0, json!({"nowhere": 1, "other_member": 3}))
    );
    app.finish().await;
}

/// R4, "Conditional Create".
#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_already_is_not_created_again() {
    let app = App::empty().await;
    app.add_member("alice", "alice").await;
    let transaction = |urn: &str, id: &str| {
        let mut practitioner = doctor("x", "909");
        practitioner.as_object_mut().unwrap().remove("id");
        json!({"resourceType": "Bundle", "type": "transaction", "entry": [
            {"fullUrl": format!("urn:uuid:{urn}"), "resource": practitioner, "request": {"method": "POST", "url": "Practitioner",
                "ifNoneExist": "identifier=http://hl7.org/fhir/sid/us-npi|909"}},
            {"resource": seen_by(id, &format!("urn:uuid:{urn}")), "request": {"method": "PUT", "url": format!("Observation/{id}")}}]})
    };
    let first = app.load(Source::Memory(vec![transaction("first", "o1"), transaction("second", "o2")])).await;
    balances(&first);
    assert_eq!(first.types["Practitioner"], Tally { read: 2, stored: 1, unchanged: 1, ..Tally::default() }, "{first}");
    let second = app.load(Source::Memory(vec![transaction("third", "o3")])).await;
    balances(&second);
    assert_eq!(second.types["Practitioner"], Tally { read: 1, unchanged: 1, ..Tally::default() }, "{second}");
    for id in ["o1", "o2", "o3"] {
        assert_eq!(performer(&app, id).await, json!({"reference": "Practitioner/first"}), "{id}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provenance_whose_targets_are_names_of_its_bundle_is_stored() {
    let app = App::empty().await;
    app.add_member("alice", "alice").await;
    let about = |id: &str, target: &str| {
        json!({"resource": {"resourceType": "Provenance", "id": id, "recorded": "2026-01-01T00:00:00Z",
            "target": [{"reference": target}], "agent": [{"who": {"display": "a lab"}}]}})
    };
    let entries = json!([about("p1", "urn:uuid:o"), about("p2", "urn:uuid:nothing"),
        {"fullUrl": "urn:uuid:o", "resource": observation("o", "alice")}]);
    let report = app
        .load(Source::Memory(vec![json!({"resourceType": "Bundle", "type": "transaction", "entry": entries})]))
        .await;
    balances(&report);
    assert_eq!(reasons(&report), [("unknown-targets", 1)], "{report}");
    let tokens = app.sign_in("alice", EVERYTHING).await;
    assert_eq!(app.fhir(&tokens, "Provenance/p1").await.json()["target"], json!([{"reference": "Observation/o"}]));
    assert_eq!(app.fhir(&tokens, "Provenance/p2").await.status, StatusCode::NOT_FOUND);
    app.finish().await;
}
