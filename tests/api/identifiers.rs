//! Members are found by what the plan calls them: the rows that lead from an identifier to a record come and go with the resource that
//! has it, and the identifier itself stands in none of them.

use patient_access::load::Source;
use serde_json::{Value as Json, json};
use shared::config::{AuthTableName, DataKeyId, from_lookup};
use shared::fhir::identifier::Identifier;
use shared::store::Aws;
use shared::store::identifiers::{Identifiers, KnownBy};
use tests::App;

const CARDS: &str = "http://plan.example/cards";

/// The look-up as a sign-in has it.
async fn look_up(app: &App) -> Identifiers {
    let value = |name: &str| app.environment().get(name).cloned();
    let (table, key): (AuthTableName, DataKeyId) = from_lookup(value).unwrap();
    Identifiers::new(&Aws::local(app.environment()).await, &table, &key)
}

fn patient(id: &str, cards: &[&str]) -> Json {
    let mut all: Vec<Json> = cards.iter().map(|card| json!({"system": CARDS, "value": card})).collect();
    all.push(json!({"system": "http://hl7.org/fhir/sid/us-ssn", "value": "999-00-1234"}));
    json!({"resourceType": "Patient", "id": id, "identifier": all})
}

fn coverage(id: &str, member: &str, subscriber: &str) -> Json {
    json!({"resourceType": "Coverage", "id": id, "status": "active", "subscriberId": subscriber,
        "beneficiary": {"reference": format!("Patient/{member}")}, "payor": [{"display": "Plan"}]})
}

fn deletion(of: &str) -> Json {
    json!({"resourceType": "Bundle", "type": "transaction", "entry": [{"request": {"method": "DELETE", "url": of}}]})
}

async fn found(app: &App, kind: &str, system: &str, value: &str) -> Vec<String> {
    let known =
        KnownBy { resource_type: kind, identifier: Identifier { system, value }, birth_date: None, dependent: None };
    look_up(app).await.members(&known).await.unwrap().into_iter().collect()
}

/// The rows of the `auth` table that lead from identifiers.
async fn rows(app: &App) -> Vec<String> {
    let client = tests::dynamodb(app.environment());
    let answer = client.scan().table_name(&app.environment()["AUTH_TABLE"]).send().await.unwrap();
    let rows = answer.items().iter().map(|row| format!("{row:?}"));
    rows.filter(|row| row.contains("\"identifier#")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identifier_leads_to_its_member_until_it_is_corrected_moved_or_deleted() {
    let app = App::empty().await;
    app.load(Source::Memory(vec![patient("alice", &["A1", "A2"]), coverage("c", "alice", "S")])).await;
    assert_eq!(found(&app, "Patient", CARDS, "A1").await, ["alice"]);
    assert_eq!(found(&app, "Coverage", "", "S").await, ["alice"]);
    // Neither a type nor a system says another's value, and what others give leads to nobody.
    assert!(found(&app, "Coverage", CARDS, "A1").await.is_empty() && found(&app, "Patient", "", "A1").await.is_empty());
    assert!(found(&app, "Patient", "http://hl7.org/fhir/sid/us-ssn", "999-00-1234").await.is_empty());
    let all = rows(&app).await;
    assert_eq!(all.len(), 3, "{all:?}");
    assert!(all.iter().all(|row| !row.contains("A1") && !row.contains(CARDS)), "{all:?}");

    // Corrected.
    app.load(Source::Memory(vec![patient("alice", &["A2", "A3"])])).await;
    assert!(found(&app, "Patient", CARDS, "A1").await.is_empty());
    assert_eq!(
        (found(&app, "Patient", CARDS, "A2").await, found(&app, "Patient", CARDS, "A3").await),
        (vec!["alice".to_owned()], vec!["alice".to_owned()])
    );
    // Moved.
    app.load(Source::Memory(vec![patient("bob", &[]), coverage("c", "bob", "S")])).await;
    assert_eq!(found(&app, "Coverage", "", "S").await, ["bob"]);
    // Deleted.
    app.load(Source::Memory(vec![deletion("Coverage/c"), deletion("Patient/alice")])).await;
    assert_eq!(rows(&app).await, [""; 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_members_who_claim_one_identifier_are_told() {
    let app = App::empty().await;
    let report = app.load(Source::Memory(vec![patient("alice", &["A1"])])).await;
    assert!(report.warned.is_empty(), "{report}");
    let report = app.load(Source::Memory(vec![patient("bob", &["A1"])])).await;
    assert_eq!((report.warned.get("one-identifier"), report.total().stored), (Some(&1), 1), "{report}");
    let finding = report.findings.iter().find(|finding| finding.rule == "one-identifier").unwrap();
    assert!(finding.text.contains("Patient/alice") && finding.text.contains("Patient/bob"), "{}", finding.text);
    assert_eq!(found(&app, "Patient", CARDS, "A1").await, ["alice", "bob"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_is_found_by_a_later_feed_whether_or_not_the_identifier_is_the_id() {
    let app = App::empty().await;
    app.load(Source::Memory(vec![patient("alice", &["alice", "A1"])])).await;
    assert_eq!(rows(&app).await.len(), 2, "the id may be a number on the card");
    for (id, value) in [("one", "alice"), ("two", "A1")] {
        let claim = json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"text": "x"},
            "subject": {"reference": format!("Patient?identifier={CARDS}|{value}")}});
        let report = app.load(Source::Memory(vec![claim])).await;
        assert_eq!(report.total().stored, 1, "{report}");
    }
    app.finish().await;
}
