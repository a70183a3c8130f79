//! Whose a resource is: moves, two members under one id, two persons under one Patient id.

use http::StatusCode;
use patient_access::load::{Settings, Source, Tally, load_with};
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use tests::App;

use super::{EVERYTHING, balances, findings, observation, reasons};

fn patient(id: &str, family: &str, birth_date: &str) -> Json {
    json!({"resourceType": "Patient", "id": id, "name": [{"family": family}], "birthDate": birth_date})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_changes_its_member_is_counted_and_listed() {
    let app = App::empty().await;
    app.load(Source::Memory(vec![observation("o", "alice"), observation("p", "alice")])).await;
    let report = app.load(Source::Memory(vec![observation("o", "bob"), observation("p", "alice")])).await;
    balances(&report);
    assert_eq!((report.moved, report.total().stored, report.total().unchanged), (1, 1, 1), "{report}");
    let (_, text) = findings(&report, "moved")[0];
    assert_eq!(text, "Observation/o moved from Patient/alice to Patient/bob");
    assert!(report.to_string().contains("moved to another member: 1"), "{report}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_one_run_gives_to_two_members_is_neithers_and_what_is_stored_stays() {
    let app = App::empty().await;
    for name in ["alice", "bob"] {
        app.add_member(name, name).await;
    }
    let mut named = observation("by-name", "x");
    named["subject"] = json!({"reference": "urn:uuid:of-bob"});
    let bob = json!({"resourceType": "Bundle", "type": "collection", "entry": [
        {"fullUrl": "urn:uuid:of-bob", "resource": patient("bob", "B", "1980-01-01")}, {"resource": named}]});
    app.load(Source::Memory(vec![observation("stays", "alice")])).await;
    let all = vec![
        observation("stays", "bob"),
        observation("new", "alice"),
        observation("new", "bob"),
        observation("by-name", "alice"),
        bob,
        observation("stays", "alice"),
    ];
    let report = app.load(Source::Memory(all)).await;
    balances(&report);
    assert_eq!(reasons(&report), [("two-owners", 6)], "{report}");
    let (alice, bob) = (app.sign_in("alice", EVERYTHING).await, app.sign_in("bob", EVERYTHING).await);
    for (tokens, id, status) in
        [(&alice, "stays", 200), (&bob, "stays", 404), (&alice, "new", 404), (&bob, "new", 404), (&bob, "by-name", 404)]
    {
        assert_eq!(app.fhir(tokens, &format!("Observation/{id}")).await.status.as_u16(), status, "{id}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_person_under_a_known_patient_id_is_refused_with_all_that_names_them() {
    let app = App::empty().await;
    app.add_member("alice", "alice").await;
    app.load(Source::Memory(vec![patient("alice", "Müller", "1980-02-03")])).await;
    let about = json!({"resourceType": "Provenance", "id": "about", "recorded": "2026-01-01T00:00:00Z",
        "target": [{"reference": "Patient/alice"}], "agent": [{"who": {"display": "a lab"}}]});
    let stranger = || {
        vec![
            observation("o", "alice"),
            about.clone(),
            patient("alice", "Smith", "1991-12-31"),
            observation("of-bob", "bob"),
        ]
    };
    let report = app.load(Source::Memory(stranger())).await;
    balances(&report);
    assert_eq!(reasons(&report), [("another-person", 3)], "{report}");
    assert_eq!(report.types["Observation"], Tally { read: 2, stored: 1, rejected: 1, ..Tally::default() }, "{report}");
    let tokens = app.sign_in("alice", EVERYTHING).await;
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.json()["birthDate"], "1980-02-03");
    assert_eq!(app.fhir(&tokens, "Observation/o").await.status, StatusCode::NOT_FOUND);
    // One of the two alone is a warning; the name may be another spelling.
    for (family, date, warned) in [("MULLER", "1980-02-03", None), ("Smith", "1980-02-03", Some(&1))] {
        let report = app.load(Source::Memory(vec![patient("alice", family, date)])).await;
        assert_eq!((report.warned.get("same-person"), report.exit_code()), (warned, 0), "{family}: {report}");
    }
    let settings =
        Settings { rejected: "/dev/null".into(), same_person: ["alice".to_owned()].into(), ..Settings::default() };
    let (stack, bar) = (app.stack_to_work_on().await, indicatif::ProgressBar::hidden());
    let source = Source::Memory(vec![patient("alice", "Jones", "1991-12-31")]);
    let (report, ended) = load_with(&stack, &source, settings, Clock::System, &bar).await;
    ended.unwrap();
    assert_eq!(report.total().stored, 1, "{report}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_persons_under_one_id_in_a_run_are_both_refused() {
    let app = App::empty().await;
    let all = vec![patient("p", "Ito", "1980-01-01"), patient("p", "Sato", "1990-01-01"), observation("o", "p")];
    let report = app.load(Source::Memory(all)).await;
    balances(&report);
    assert_eq!(reasons(&report), [("another-person", 3)], "{report}");
    app.finish().await;
}
