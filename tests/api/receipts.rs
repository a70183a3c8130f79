//! Receipts: every resource has a Provenance that says which plan sent it and when, and a search for news reads these.

use std::process::Command;

use http::StatusCode;
use patient_access::load::Source;
use serde_json::{Value as Json, json};
use tests::{App, Tokens};

use crate::sample::validator;

const EVERYTHING: &str = "patient/*.rs";

fn observation(id: &str, patient: &str) -> Json {
    json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"text": "x"},
        "subject": {"reference": format!("Patient/{patient}")}})
}

fn bundle(resources: &[Json]) -> Json {
    let entries: Vec<Json> = resources.iter().map(|resource| json!({"resource": resource})).collect();
    json!({"resourceType": "Bundle", "type": "collection", "entry": entries})
}

/// The moment at which a resource became visible, by its own `meta`.
async fn updated(app: &App, tokens: &Tokens, key: &str) -> String {
    app.fhir(tokens, key).await.json()["meta"]["lastUpdated"].as_str().unwrap().to_owned()
}

/// The read units of a route's last answer.
async fn units(app: &App, route: &str, asked: usize) -> f64 {
    app.answered(route, 200, asked).await.pop().unwrap()["read_units"].as_f64().unwrap()
}

/// `PDex`, "Provenance"; US Core, "Basic Provenance": the last transmitter.
#[tokio::test(flavor = "multi_thread")]
async fn each_file_gives_each_of_its_members_one_receipt_that_names_what_was_new_of_theirs() {
    let app = App::empty().await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, resources: &[Json]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bundle(resources).to_string()).unwrap();
        path
    };
    let first = file("1.json", &[observation("a1", "alice"), observation("b1", "bob"), observation("a2", "alice")]);
    let second = file("2.json", &[observation("a3", "alice"), observation("b2", "bob")]);
    for name in ["alice", "bob"] {
        app.add_member(name, name).await;
    }
    app.load(Source::of_paths(&[first.clone(), second]).unwrap()).await;
    let alice = app.sign_in("alice", EVERYTHING).await;
    let receipts = app.fhir(&alice, "Provenance").await.entries("match");
    let mut targets: Vec<Vec<&str>> = receipts
        .iter()
        .map(|receipt| {
            assert_eq!(receipt["agent"][0]["type"]["coding"][0]["code"], "transmitter");
            assert_eq!(receipt["agent"][0]["who"]["display"], "Your health plan");
            assert_eq!(receipt["recorded"].as_str().map(str::len), Some("2026-11-22T15:23:18.123Z".len()));
            receipt["target"].as_array().unwrap().iter().map(|target| target["reference"].as_str().unwrap()).collect()
        })
        .collect();
    targets.sort();
    assert_eq!(targets, [vec!["Observation/a1", "Observation/a2", "Organization/this-plan"], vec!["Observation/a3"]]);
    let reverse = app.fhir(&alice, "Observation?_id=a3&_revinclude=Provenance:target").await;
    assert_eq!(reverse.included().len(), 1, "one receipt, and none of other members");
    let id = reverse.included().pop().unwrap();
    assert_eq!(app.fhir(&alice, &id).await.status, StatusCode::OK, "it reads like any other");
    assert_eq!(app.fhir(&alice, "Provenance?target=Observation/a3").await.matches(), [id]);

    app.load(Source::of_paths(&[first]).unwrap()).await;
    assert_eq!(app.fhir(&alice, "Provenance").await.matches().len(), 2, "nothing new, no receipt");
    let mut changed = observation("a1", "alice");
    changed["status"] = json!("amended");
    app.load(Source::Memory(vec![changed])).await;
    let receipts = app.fhir(&alice, "Provenance?target=Observation/a1").await;
    assert_eq!(receipts.matches().len(), 2, "one for each version");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_for_what_is_new_finds_it_and_costs_what_is_new() {
    let app = App::empty().await;
    app.add_member("alice", "alice").await;
    let alice = app.sign_in("alice", EVERYTHING).await;
    let old: Vec<Json> = (0..400).map(|number| observation(&format!("old{number}"), "alice")).collect();
    app.load(Source::Memory(old)).await;
    let before = updated(&app, &alice, "Observation/old399").await;
    let quiet = "2099-01-01T00:00:00Z";
    assert!(app.fhir(&alice, &format!("Observation?_lastUpdated=gt{quiet}")).await.matches().is_empty());
    assert!(units(&app, "GET /fhir/{type}", 1).await <= 2.0, "the grant, and a look for receipts");
    let mut changed = observation("old7", "alice");
    changed["status"] = json!("amended");
    app.load(Source::Memory(vec![observation("new1", "alice"), changed, observation("new2", "alice")])).await;
    let mut page = app.fhir(&alice, &format!("Observation?_count=2&_lastUpdated=gt{before}")).await;
    assert_eq!(page.json()["total"], 3);
    let mut found = page.matches();
    while let Some(next) = page.link("next") {
        page = app.fhir(&alice, next.split("/fhir/").nth(1).unwrap()).await;
        found.extend(page.matches());
    }
    found.sort();
    assert_eq!(found, ["Observation/new1", "Observation/new2", "Observation/old7"]);
    let sorted = app.fhir(&alice, &format!("Observation?_sort=-_id&_lastUpdated=gt{before}")).await;
    assert_eq!(sorted.matches(), ["Observation/old7", "Observation/new2", "Observation/new1"]);
    let counted = app.fhir(&alice, &format!("Observation?_summary=count&_lastUpdated=gt{before}")).await;
    assert_eq!(counted.json()["total"], 3);
    app.finish().await;
}

/// `PDex` asks for the Provenance of "any information requested", which includes the resources of those who gave the
/// care.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_names_the_shared_resources_to_each_member_who_is_led_to_them() {
    let app = App::empty().await;
    let mut seen = observation("seen", "alice");
    seen["performer"] = json!([{"reference": "PractitionerRole/role"}, {"reference": "Practitioner/elsewhere"}]);
    let role =
        json!({"resourceType": "PractitionerRole", "id": "role", "organization": {"reference": "Organization/clinic"}});
    let clinic = json!({"resourceType": "Organization", "id": "clinic"});
    app.load(Source::Memory(vec![seen, observation("other", "bob"), role, clinic])).await;
    for name in ["alice", "bob"] {
        app.add_member(name, name).await;
    }
    let alice = app.sign_in("alice", EVERYTHING).await;
    for search in ["PractitionerRole?_id=role", "Organization?_id=clinic"] {
        let found = app.fhir(&alice, &format!("{search}&_revinclude=Provenance:target")).await;
        assert_eq!((found.matches().len(), found.included().len()), (1, 1), "{search}: {}", found.body);
    }
    let receipts = app.fhir(&alice, "Provenance").await;
    assert!(!receipts.body.contains("Practitioner/elsewhere"), "nothing else came: {}", receipts.body);
    let bob = app.sign_in("bob", EVERYTHING).await;
    assert!(!app.fhir(&bob, "Provenance").await.body.contains("clinic"));
    app.finish().await;
}

/// US Core and `PDex` have `agent.who` as a reference that must be supported.
#[tokio::test(flavor = "multi_thread")]
async fn the_author_of_a_receipt_is_an_organization_that_each_member_with_a_record_reaches() {
    let app = App::empty().await;
    app.load(Source::Memory(vec![observation("a1", "alice"), observation("b1", "bob")])).await;
    for name in ["alice", "bob", "carol"] {
        app.add_member(name, name).await;
    }
    for name in ["alice", "bob"] {
        let tokens = app.sign_in(name, EVERYTHING).await;
        let receipt = app.fhir(&tokens, "Provenance").await.entries("match").pop().unwrap();
        let author = receipt["agent"][0]["who"]["reference"].as_str().unwrap();
        let plan = app.fhir(&tokens, author).await.json();
        assert_eq!((plan["name"].as_str(), plan["active"].as_bool()), (Some("Your health plan"), Some(true)));
        let claims = plan["meta"]["profile"].to_string();
        assert!(claims.contains("/us-core-organization|") && claims.contains("/C4BB-Organization|"), "{claims}");
        let with_author = app.fhir(&tokens, "Provenance?_include=Provenance:agent").await;
        assert_eq!((with_author.matches().len(), with_author.included()), (1, vec![author.to_owned()]));
        assert_eq!(app.fhir(&tokens, &format!("Provenance?agent={author}")).await.matches().len(), 1);
        assert_eq!(app.fhir(&tokens, "Organization?_revinclude=Provenance:target").await.included().len(), 1);
        let whole = app.fhir(&tokens, &format!("Patient/{name}/$everything")).await;
        assert!(whole.matches().contains(&author.to_owned()), "{}", whole.body);
    }
    let carol = app.sign_in("carol", EVERYTHING).await;
    assert_eq!(app.fhir(&carol, "Organization/this-plan").await.status, StatusCode::NOT_FOUND, "she has no receipts");
    let narrow = app.sign_in("alice", "patient/Provenance.rs").await;
    assert!(app.fhir(&narrow, "Provenance?_include=Provenance:agent").await.included().is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_and_its_author_hold_to_the_profiles_that_they_claim() {
    let Some(validator) = validator::found("a_receipt_and_its_author_hold_to_the_profiles_that_they_claim") else {
        return;
    };
    let app = App::empty().await;
    app.load(Source::Memory(vec![observation("a1", "alice")])).await;
    app.add_member("alice", "alice").await;
    let alice = app.sign_in("alice", EVERYTHING).await;
    let served = app.fhir(&alice, "Provenance?_include=Provenance:agent").await;
    let resources = [served.entries("match"), served.entries("include")].concat();
    assert_eq!(resources.len(), 2, "{}", served.body);
    let file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
    std::fs::write(file.path(), bundle(&resources).to_string()).unwrap();
    let output = Command::new("node").arg(validator).arg(file.path()).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    for profile in ["us-core-provenance", "us-core-organization", "C4BB-Organization"] {
        let checked = told.lines().find(|line| line.contains(&format!("{profile}|"))).unwrap_or(&told);
        assert!(checked.ends_with("2 checked, 0 with errors"), "bare and with its version: {checked}");
    }
    assert!(output.status.success(), "{told}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_author_of_receipts_is_not_the_feeds_to_change_or_delete() {
    let app = App::empty().await;
    app.load(Source::Memory(vec![observation("a1", "alice")])).await;
    app.add_member("alice", "alice").await;
    let alice = app.sign_in("alice", EVERYTHING).await;
    let author = app.fhir(&alice, "Organization/this-plan").await.json();
    let report = app.load(Source::Memory(vec![author.clone(), observation("a2", "alice")])).await;
    assert!(report.is_clean(), "an export may come back as it is: {report:?}");
    let named = json!({"resourceType": "Organization", "id": "this-plan", "active": true, "name": "Another plan"});
    let deletion = json!({"resourceType": "Bundle", "type": "transaction",
        "entry": [{"request": {"method": "DELETE", "url": "Organization/this-plan"}}]});
    for refused in [named, deletion] {
        let report = app.load(Source::Memory(vec![refused, observation("a3", "alice")])).await;
        assert_eq!(report.reasons["reserved-id"], 1, "{report:?}");
        assert_eq!(app.fhir(&alice, "Organization/this-plan").await.json(), author);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_loses_resources_keeps_the_author_of_their_receipts_until_nothing_is_left() {
    let app = App::empty().await;
    app.load(Source::Memory(vec![observation("a1", "alice"), observation("a2", "alice")])).await;
    app.add_member("alice", "alice").await;
    let alice = app.sign_in("alice", EVERYTHING).await;
    for (id, left) in [("a1", StatusCode::OK), ("a2", StatusCode::NOT_FOUND)] {
        let deletion = json!({"resourceType": "Bundle", "type": "transaction",
            "entry": [{"request": {"method": "DELETE", "url": format!("Observation/{id}")}}]});
        assert!(app.load(Source::Memory(vec![deletion])).await.is_clean());
        assert_eq!(app.fhir(&alice, "Organization/this-plan").await.status, left, "without {id}");
    }
    assert!(app.fhir(&alice, "Provenance").await.matches().is_empty());
    app.finish().await;
}

/// R4, `Patient/$everything`: `_since`.
#[tokio::test(flavor = "multi_thread")]
async fn everything_since_a_moment_is_what_is_new_of_the_member_and_of_what_they_reach() {
    let app = App::empty().await;
    app.add_member("alice", "alice").await;
    let alice = app.sign_in("alice", EVERYTHING).await;
    let mut seen = observation("seen", "alice");
    seen["performer"] = json!([{"reference": "PractitionerRole/role"}]);
    let role =
        json!({"resourceType": "PractitionerRole", "id": "role", "organization": {"reference": "Organization/clinic"}});
    let clinic = |name: &str| json!({"resourceType": "Organization", "id": "clinic", "name": name});
    app.load(Source::Memory(vec![seen, observation("old", "alice"), role, clinic("Before")])).await;
    let whole = app.fhir(&alice, "Patient/alice/$everything").await.entries("match");
    let after = next(whole.iter().map(|resource| resource["meta"]["lastUpdated"].as_str().unwrap()).max().unwrap());
    let quiet = app.fhir(&alice, "Patient/alice/$everything?_since=2099-01-01").await;
    assert!(quiet.matches().is_empty());
    assert!(units(&app, "GET /fhir/Patient/{id}/{operation}", 2).await <= 2.0);
    app.load(Source::Memory(vec![observation("new", "alice"), clinic("After")])).await;
    let news = app.fhir(&alice, &format!("Patient/alice/$everything?_since={after}")).await;
    let found: Vec<String> = news.matches().into_iter().filter(|key| !key.starts_with("Provenance/")).collect();
    assert_eq!(found, ["Observation/new", "Organization/clinic"]);
    let whole = app.fhir(&alice, "Patient/alice/$everything").await;
    assert_eq!(whole.matches().iter().filter(|key| *key == "Organization/clinic").count(), 1, "each comes once");
    app.finish().await;
}

/// The moment one millisecond later.
fn next(moment: &str) -> String {
    let millis: u32 = moment[20..23].parse().unwrap();
    if millis == 999 { moment.replace(".999Z", ".9999Z") } else { format!("{}{:03}Z", &moment[..20], millis + 1) }
}
