//! A token sees a document's content if it sees a resource that names the document.

use http::{HeaderMap, StatusCode};
use patient_access::load::Source;
use serde_json::{Value as Json, json};
use shared::fhir::types::{Owner, TYPES};
use tests::{App, Tokens};

fn note(id: &str, category: &str) -> Json {
    json!({"resourceType": "DocumentReference", "id": id, "status": "current",
        "subject": {"reference": "Patient/alice"}, "type": {"text": "note"},
        "category": [{"coding": [{"system": "http://example.org/categories", "code": category}]}],
        "content": [{"attachment": {"contentType": "text/plain", "url": format!("Binary/{id}")}}]})
}

/// T086, for documents
#[tokio::test(flavor = "multi_thread")]
async fn a_granular_scope_on_documents_holds_for_their_contents() {
    let app = App::start().await;
    let binary = |id: &str| json!({"resourceType": "Binary", "id": id, "contentType": "text/plain", "data": "aGk="});
    let feed = vec![note("clinical", "clinical-note"), note("other", "other"), binary("clinical"), binary("other")];
    assert!(app.load(Source::Memory(feed)).await.is_clean());
    let granular =
        "patient/DocumentReference.rs?category=http://example.org/categories|clinical-note patient/Binary.rs";
    for (scope, clinical, other) in [
        ("patient/*.rs", StatusCode::OK, StatusCode::OK),
        ("patient/DocumentReference.rs patient/Binary.rs", StatusCode::OK, StatusCode::OK),
        (granular, StatusCode::OK, StatusCode::NOT_FOUND),
        // Fewer scopes never open more: without a resource that names the document, there is no document.
        ("patient/Binary.rs", StatusCode::NOT_FOUND, StatusCode::NOT_FOUND),
        ("patient/DocumentReference.s patient/Binary.rs", StatusCode::NOT_FOUND, StatusCode::NOT_FOUND),
        ("patient/DocumentReference.rs?category=clinical-note", StatusCode::FORBIDDEN, StatusCode::FORBIDDEN),
    ] {
        let tokens = app.sign_in("alice", scope).await;
        for (id, status) in [("clinical", clinical), ("other", other)] {
            assert_eq!(app.fhir(&tokens, &format!("Binary/{id}")).await.status, status, "{scope}: {id}");
        }
        let everything = app.fhir(&tokens, "Patient/alice/$everything").await;
        let given = everything.matches().contains(&"Binary/other".into());
        assert!(!given || other == StatusCode::OK, "{scope}: {}", everything.body);
    }
    let wide = app.sign_in("alice", &format!("{granular} offline_access")).await;
    let narrowed =
        app.refresh_with(&wide, &[("client_id", "app"), ("scope", "patient/Binary.rs")], HeaderMap::new()).await;
    let other = app.fhir(&Tokens::of(&narrowed), "Binary/other").await;
    assert_eq!(other.status, StatusCode::NOT_FOUND, "a refresh for less opens no more");
    app.finish().await;
}

/// Whichever element of whichever type names a Binary, a token that reads that resource reads the Binary, and no other
/// token does.
#[tokio::test(flavor = "multi_thread")]
async fn a_binary_is_read_by_who_reads_what_names_it_whatever_that_is() {
    let app = App::start().await;
    let binary = |id: &str| json!({"resourceType": "Binary", "id": id, "contentType": "text/plain", "data": "aGk="});
    let answer = json!({"resourceType": "ClaimResponse", "id": "answer", "status": "active", "use": "preauthorization",
        "patient": {"reference": "Patient/alice"}, "form": {"contentType": "text/plain", "url": "Binary/form"}});
    let plan = json!({"resourceType": "CarePlan", "id": "plan", "status": "active", "intent": "plan",
        "subject": {"reference": "Patient/alice"}, "supportingInfo": [{"reference": "Binary/information"}]});
    assert!(app.load(Source::Memory(vec![answer, plan, binary("form"), binary("information")])).await.is_clean());
    let all_but = |left_out: &str| {
        let kinds = TYPES.iter().filter(|kind| kind.owner != Owner::Shared && kind.name != left_out);
        kinds.map(|kind| format!("patient/{}.rs", kind.name)).collect::<Vec<_>>().join(" ")
    };
    for (id, naming) in [("form", "ClaimResponse"), ("information", "CarePlan")] {
        for (scope, status) in [
            ("patient/*.rs".to_owned(), StatusCode::OK),
            (format!("patient/{naming}.rs patient/Binary.rs"), StatusCode::OK),
            (all_but(naming), StatusCode::NOT_FOUND),
        ] {
            let tokens = app.sign_in("alice", &scope).await;
            assert_eq!(app.fhir(&tokens, &format!("Binary/{id}")).await.status, status, "{id}: {scope}");
        }
    }
    app.finish().await;
}

/// The cost of looking for the resources that name a document does not depend on the length of the histories.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_a_part_pays_one_round_trip_more_for_a_document() {
    let app = App::start().await;
    let mut feed: Vec<Json> = (0..400).map(|number| note(&format!("note-{number}"), "other")).collect();
    feed.push(json!({"resourceType": "Binary", "id": "note-7", "contentType": "text/plain", "data": "aGk="}));
    assert!(app.load(Source::Memory(feed)).await.is_clean());
    for (read, (scope, waves, calls, units)) in
        [("patient/*.rs", 2, 3, 1.5), ("patient/DocumentReference.rs patient/Binary.rs", 3, 5, 2.5)]
            .into_iter()
            .enumerate()
    {
        let tokens = app.sign_in("alice", scope).await;
        assert_eq!(app.fhir(&tokens, "Binary/note-7").await.body, "hi");
        let lines = app.answered("GET /fhir/{type}/{id}", 200, read + 1).await;
        let line = &lines[read];
        assert_eq!((&line["waves"], &line["calls"]), (&json!(waves), &json!(calls)), "{scope}: {line}");
        assert!(line["read_units"].as_f64().unwrap() <= units, "{scope}: {line}");
    }
    // A resource that named the document once and no longer does opens nothing, although another member's document
    // keeps it there.
    let mut other = note("note-7", "other");
    other["content"][0]["attachment"]["url"] = json!("Binary/note-8");
    let report = json!({"resourceType": "DiagnosticReport", "id": "report", "status": "final", "code": {"text": "x"},
        "subject": {"reference": "Patient/alice"}, "presentedForm": [{"url": "Binary/note-7"}]});
    assert!(app.load(Source::Memory(vec![other, report])).await.is_clean());
    for (scope, status) in
        [("patient/*.rs", StatusCode::OK), ("patient/DocumentReference.rs patient/Binary.rs", StatusCode::NOT_FOUND)]
    {
        let tokens = app.sign_in("alice", scope).await;
        assert_eq!(app.fhir(&tokens, "Binary/note-7").await.status, status, "{scope}");
    }
    app.finish().await;
}
