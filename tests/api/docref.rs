//! `$docref`: the existing documents, by care dates, type and profile.

use http::{Request, StatusCode};
use patient_access::load::Source;
use serde_json::{Value as Json, json};
use tests::{App, Reply, Tokens};

const SUMMARY: &str = "34133-9";

fn document(id: &str, owner: &str, code: &str, date: &str, care: Option<(&str, &str)>) -> Json {
    let mut document = json!({"resourceType": "DocumentReference", "id": id, "status": "current", "date": date,
        "subject": {"reference": format!("Patient/{owner}")},
        "type": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "content": [{"attachment": {"contentType": "text/plain", "data": "aGk="}}]});
    if let Some((start, end)) = care {
        document["context"] = json!({"period": {"start": start, "end": end}});
    }
    document
}

async fn stack() -> App {
    let app = App::start().await;
    let mut old = document("gone", "alice", SUMMARY, "2026-03-01T10:00:00Z", None);
    old["status"] = "superseded".into();
    let mut profiled = document("note", "alice", "11506-3", "2026-01-10T10:00:00Z", Some(("2025-06-01", "2025-06-10")));
    profiled["meta"] = json!({"profile": ["http://example.org/StructureDefinition/note"]});
    let feed = vec![
        document("summary", "alice", SUMMARY, "2026-02-01T10:00:00Z", Some(("2025-01-01", "2025-12-31"))),
        document("summary-before", "alice", SUMMARY, "2025-02-01T10:00:00Z", Some(("2024-01-01", "2024-12-31"))),
        profiled,
        document("undated-care", "alice", "18842-5", "2024-05-01T10:00:00Z", None),
        old,
        document("bobs", "bob", SUMMARY, "2026-02-01T10:00:00Z", None),
    ];
    assert!(app.load(Source::Memory(feed)).await.is_clean());
    app
}

async fn post(app: &App, tokens: &Tokens, body: &Json) -> Reply {
    let request = Request::post(format!("{}/fhir/DocumentReference/$docref", app.url()));
    let request = request.header("content-type", "application/fhir+json").body(body.to_string()).unwrap();
    app.fhir_request(tokens, request).await
}

fn named(reply: &Reply) -> String {
    let mut names: Vec<String> =
        reply.matches().into_iter().map(|name| name.replace("DocumentReference/", "")).collect();
    names.sort();
    names.join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_found_by_care_dates_type_and_profile() {
    let app = stack().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    for (query, found) in [
        ("", "note summary undated-care"),
        ("&type=http://loinc.org|34133-9", "summary"),
        ("&type=http://loinc.org|34133-9&start=2000-01-01", "summary summary-before"),
        ("&type=34133-9&type=11506-3", "note summary"),
        ("&start=2025-03-01&end=2025-07-01", "note summary"),
        ("&end=2024-06-30T00:00:00Z", "summary-before undated-care"),
        ("&start=2026-01-01", ""),
        ("&profile=http://example.org/StructureDefinition/note", "note"),
        ("&profile=http://example.org/StructureDefinition/other", ""),
        ("&on-demand=false", "note summary undated-care"),
        ("&on-demand=true", ""),
    ] {
        let reply = app.fhir(&tokens, &format!("DocumentReference/$docref?patient=alice{query}")).await;
        assert_eq!((reply.status, named(&reply).as_str()), (StatusCode::OK, found), "{query}: {}", reply.body);
        assert_eq!(reply.json()["type"], "searchset");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn posted_parameters_ask_the_same() {
    let app = stack().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let loinc = |code: &str| json!({"system": "http://loinc.org", "code": code});
    for (parameter, found) in [
        (json!({"name": "type", "valueCoding": loinc(SUMMARY)}), "summary"),
        (
            json!({"name": "type", "valueCodeableConcept": {"coding": [loinc(SUMMARY), loinc("11506-3")]}}),
            "note summary",
        ),
        (json!({"name": "start", "valueDateTime": "2025-03-01T00:00:00Z"}), "note summary"),
        (json!({"name": "on-demand", "valueBoolean": true}), ""),
        (json!({"name": "profile", "valueCanonical": "http://example.org/StructureDefinition/note"}), "note"),
    ] {
        let patient = json!({"name": "patient", "valueId": "alice"});
        let body = json!({"resourceType": "Parameters", "parameter": [patient, parameter]});
        assert_eq!(named(&post(&app, &tokens, &body).await), found, "{body}");
    }
    let form = [("patient", "alice"), ("type", SUMMARY)];
    assert_eq!(named(&app.fhir_post(&tokens, "DocumentReference/$docref", &form).await), "summary");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_elses_documents_and_nothing_malformed() {
    let app = stack().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    for (query, status) in [
        ("patient=bob", StatusCode::FORBIDDEN),
        ("patient=alice,bob", StatusCode::FORBIDDEN),
        ("patient=alice&patient=bob", StatusCode::BAD_REQUEST),
        ("", StatusCode::BAD_REQUEST),
        ("patient=alice&start=yesterday", StatusCode::BAD_REQUEST),
        ("patient=alice&start=ge2025-01-01", StatusCode::BAD_REQUEST),
        ("patient=alice&on-demand=maybe", StatusCode::BAD_REQUEST),
        ("patient=alice&colour=red", StatusCode::BAD_REQUEST),
    ] {
        let reply = app.fhir(&tokens, &format!("DocumentReference/$docref?{query}")).await;
        assert_eq!(reply.status, status, "{query}: {}", reply.body);
    }
    let nobodys = app.fhir(&tokens, "DocumentReference/$docref?patient=Practitioner/alice").await;
    assert!(nobodys.matches().is_empty(), "that is no patient: {}", nobodys.body);
    for body in [json!({}), json!([]), json!({"resourceType": "Patient"}), json!({"resourceType": "Parameters"})] {
        assert_eq!(post(&app, &tokens, &body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let narrow = app.sign_in("alice", "patient/DocumentReference.rs?type=http://loinc.org|11506-3").await;
    assert_eq!(named(&app.fhir(&narrow, "DocumentReference/$docref?patient=alice").await), "note");
    let other = app.sign_in("alice", "patient/Condition.rs patient/DocumentReference.r").await;
    let reply = app.fhir(&other, "DocumentReference/$docref?patient=alice").await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    let last = app.audit("Patient/alice").await.pop().unwrap();
    assert_eq!((last["action"].as_str(), last["outcome"].as_str()), ("docref", "forbidden"));
    app.finish().await;
}
