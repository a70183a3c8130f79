//! Values in a request: a bad one gets an answer that says so, and no spelling of another member opens anything.

use http::{Request, StatusCode};
use patient_access::load::Source;
use serde_json::{Value as Json, json};
use tests::App;

const EVERYTHING: &str = "patient/*.rs";

/// T069, T071, T073: a member is named by another member's resource as payee, in a list, as a link; and a resource is
/// contained
#[tokio::test(flavor = "multi_thread")]
async fn being_named_gives_no_right_and_what_is_contained_stays_inside() {
    let app = App::start().await;
    let claim = json!({"resourceType": "ExplanationOfBenefit", "id": "paid-to-alice", "status": "active", "use": "claim",
        "patient": {"reference": "Patient/bob"}, "payee": {"type": {"text": "x"}, "party": {"reference": "Patient/alice"}}});
    let inner = json!({"resourceType": "Patient", "id": "inner", "name": [{"family": "Inner"}]});
    let holder = json!({"resourceType": "Observation", "id": "holder", "status": "final", "code": {"text": "x"},
        "subject": {"reference": "Patient/alice"}, "contained": [inner], "focus": [{"reference": "#inner"}],
        "performer": [{"identifier": {"system": "urn:x", "value": "bob"}}]});
    let provenance = json!({"resourceType": "Provenance", "id": "of-both", "recorded": "2026-01-01T00:00:00Z",
        "target": [{"reference": "Observation/holder"}], "agent": [{"who": {"display": "x"}}]});
    app.load(Source::Memory(vec![claim, holder.clone(), provenance])).await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    assert_eq!(app.fhir(&tokens, "ExplanationOfBenefit/paid-to-alice").await.status, StatusCode::NOT_FOUND);
    let held = app.fhir(&tokens, "Observation?_id=holder&_include=Observation:*&_revinclude=Provenance:target").await;
    assert_eq!(held.entries("match")[0]["contained"], holder["contained"]);
    assert!(held.included().contains(&"Provenance/of-both".to_owned()), "{:?}", held.included());
    assert_eq!(app.fhir(&tokens, "Patient/inner").await.status, StatusCode::NOT_FOUND);
    let narrow = app.sign_in("alice", "patient/Observation.rs").await;
    let held = app.fhir(&narrow, "Observation?_id=holder&_revinclude=Provenance:target").await;
    assert_eq!((held.matches().len(), held.included().len()), (1, 0), "without its scope it is not there");
    app.finish().await;
}

/// T078
#[tokio::test(flavor = "multi_thread")]
async fn a_search_of_patients_finds_the_member_or_nobody() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    assert_eq!(app.fhir(&tokens, "Patient").await.matches(), ["Patient/alice"]);
    for query in ["identifier=bob-mbi", "name=bob", "_id=bob", "_id=bob,carol"] {
        let found = app.fhir(&tokens, &format!("Patient?{query}")).await;
        assert_eq!((found.status, &found.json()["total"]), (StatusCode::OK, &json!(0)), "{query}");
        assert!(found.matches().is_empty(), "{query}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_that_is_no_person_is_no_other_member() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    for query in ["subject=Device/x", "subject=Group/x", "subject=Location/x&patient=alice", "patient=Device/x"] {
        let reply = app.fhir(&tokens, &format!("Observation?{query}")).await;
        assert_eq!((reply.status, reply.matches().len()), (StatusCode::OK, 0), "{query}: {}", reply.body);
    }
    for query in ["subject=https://elsewhere.example/Patient/alice", "subject=urn:uuid:1", "subject=Patient/bob"] {
        assert_eq!(app.fhir(&tokens, &format!("Observation?{query}")).await.status, StatusCode::FORBIDDEN, "{query}");
    }
    app.finish().await;
}

/// T099, T103, T104, T105: malformed values, dates, repetitions and spellings
#[tokio::test(flavor = "multi_thread")]
async fn malformed_values_and_spellings_are_refused() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    for query in [
        "_count=-1",
        "_count=1.5",
        "_count=abc",
        "_count=1&_count=2",
        "_sort=date&_sort=code",
        "date=2024-13",
        "date=2024-02-30",
        "date=ge",
        "date=2024-01-01T25:00",
        "date=eqge2024",
        "Patient=alice",
        "patient[]=alice",
        "patient:exact=alice",
        "patient%00=alice",
        "code=a|b|c",
        "code=|",
    ] {
        let reply = app.fhir(&tokens, &format!("Observation?{query}")).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{query}: {}", reply.body);
        assert_eq!(reply.json()["resourceType"], "OperationOutcome");
    }
    assert_eq!(app.fhir(&tokens, "Observation?_count=0").await.json()["total"], 31);
    let most = app.fhir(&tokens, "Observation?_count=1000000").await;
    let told = most.link("self").unwrap();
    assert!(
        most.status == StatusCode::OK && !told.contains("1000000"),
        "the self link shows the count that was used: {told}"
    );
    app.finish().await;
}

/// T106: an escaped separator is part of the value
#[tokio::test(flavor = "multi_thread")]
async fn an_escaped_separator_is_a_character_of_the_value() {
    let app = App::start().await;
    let code = json!({"coding": [{"system": "urn:a|b", "code": "1,2$3"}]});
    let odd = json!({"resourceType": "Observation", "id": "odd", "status": "final", "code": code,
        "subject": {"reference": "Patient/alice"}});
    app.load(Source::Memory(vec![odd])).await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    for (value, found) in [(r"urn:a\|b|1\,2\$3", 1), (r"1\,2\$3", 1), (r"1,2\$3", 0), (r"urn:a|1\,2\$3", 0)] {
        let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("code", value).finish();
        assert_eq!(app.fhir(&tokens, &format!("Observation?{query}")).await.matches().len(), found, "{value}");
    }
    app.finish().await;
}

/// T109 and T110: there is one format, and links name the issuer whatever the client calls it
#[tokio::test(flavor = "multi_thread")]
async fn headers_choose_neither_another_format_nor_another_host() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let ask = async |headers: &[(&str, &str)]| {
        let request = Request::get(format!("{}/fhir/Observation?_count=2", app.url()));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        app.fhir_request(&tokens, request.body(String::new()).unwrap()).await
    };
    let xml = ask(&[("accept", "application/fhir+xml")]).await;
    assert_eq!(xml.status, StatusCode::NOT_ACCEPTABLE);
    assert!(xml.issue().1.contains("ask for `application/fhir+json`"), "{}", xml.body);
    for accept in ["*/*", "application/json", "application/fhir+json", "text/html, */*;q=0.1"] {
        let reply = ask(&[("accept", accept)]).await;
        assert_eq!(reply.status, StatusCode::OK, "{accept}");
        assert!(reply.header("content-type").starts_with("application/fhir+json"), "{accept}");
    }
    for name in ["x-forwarded-host", "forwarded", "x-original-host"] {
        let reply = ask(&[(name, "evil.example")]).await;
        let body: Json = reply.json();
        assert!(reply.link("next").unwrap().starts_with(app.url()), "{name}");
        assert!(body["entry"][0]["fullUrl"].as_str().unwrap().starts_with(app.url()) && !reply.body.contains("evil"));
    }
    app.finish().await;
}
