//! Chained parameters: those that US Core and HRex demand work, and they reveal nothing beyond the member's reach.

use http::StatusCode;
use patient_access::load::Source;
use serde_json::json;
use tests::App;

/// A stack with identifiers on shared resources, both those that alice reaches and those that she does not.
async fn stack() -> App {
    let app = App::start().await;
    let npi = |value: &str| json!([{"system": "http://hl7.org/fhir/sid/us-npi", "value": value}]);
    let feed = vec![
        json!({"resourceType": "Practitioner", "id": "rolled", "identifier": npi("1234567893"),
            "name": [{"family": "Only through a role", "given": ["Élise"]}]}),
        json!({"resourceType": "Practitioner", "id": "bobs", "identifier": npi("1999999984"), "name": [{"family": "Bobs doctor"}]}),
        json!({"resourceType": "PractitionerRole", "id": "bobs-role", "practitioner": {"reference": "Practitioner/bobs"}}),
        json!({"resourceType": "Organization", "id": "payer", "active": true, "name": "Plan", "identifier": npi("1111111112")}),
        json!({"resourceType": "Organization", "id": "nobodys", "active": true, "name": "None", "identifier": npi("1888888885")}),
        json!({"resourceType": "Observation", "id": "bob-by-role", "status": "final", "code": {"text": "CANARY-BOB"},
            "subject": {"reference": "Patient/bob"}, "performer": [{"reference": "PractitionerRole/bobs-role"}]}),
    ];
    assert!(app.load(Source::Memory(feed)).await.is_clean());
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_found_by_its_practitioner_and_a_coverage_by_its_payor() {
    let app = stack().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let role = vec!["PractitionerRole/role".to_owned()];
    for (query, found) in [
        ("practitioner.identifier=http://hl7.org/fhir/sid/us-npi|1234567893", true),
        ("practitioner.identifier=1234567893", true),
        ("practitioner.identifier=http://example.org|1234567893", false),
        ("practitioner.name=elise", true),
        ("practitioner:Practitioner.name=only", true),
        ("practitioner.name:contains=role", true),
        ("practitioner.name:exact=only", false),
        ("practitioner.name=nobody,only", true),
        ("practitioner.name=nobody", false),
        ("practitioner.name=only&practitioner.identifier=1999999984", false),
        ("practitioner.name=only&_id=role", true),
    ] {
        let reply = app.fhir(&tokens, &format!("PractitionerRole?{query}")).await;
        assert_eq!(reply.matches(), if found { role.clone() } else { vec![] }, "{query}");
    }
    let with = "PractitionerRole?practitioner.name=only&_include=PractitionerRole:practitioner";
    assert_eq!(app.fhir(&tokens, with).await.included(), ["Practitioner/rolled"]);
    for (query, count) in [
        ("Coverage?payor.identifier=1111111112", 2),
        ("Coverage?payor:Organization.identifier=1111111112&status=active", 1),
        ("Coverage?payor.identifier=1111111112&_count=1&_sort=status", 1),
        ("Coverage?payor.identifier=1888888885", 0),
    ] {
        assert_eq!(app.fhir(&tokens, query).await.matches().len(), count, "{query}");
    }
    let total = app.fhir(&tokens, "Coverage?payor.identifier=1111111112&_summary=count").await;
    assert_eq!(total.json()["total"], 2);
    let posted = app.fhir_post(&tokens, "PractitionerRole/_search", &[("practitioner.name", "elise")]).await;
    assert_eq!(posted.matches(), role);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coverage_is_found_by_its_member() {
    let app = stack().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    for (query, count) in [
        ("patient.name=family", 2),
        ("patient.name:exact=Given", 2),
        ("patient.name=nobody", 0),
        ("patient.gender=female", 2),
        ("patient.gender=http://hl7.org/fhir/administrative-gender|female", 2),
        ("patient.gender=http://example.org|female", 0),
        ("patient.gender=male", 0),
        ("patient.birthdate=1980-02-03", 2),
        ("patient:Patient.birthdate=lt1980-02-03", 0),
        ("patient.birthdate=1980&patient.name=family&patient.gender=female&status=active", 1),
        ("patient.birthdate=1980&patient.name=nobody", 0),
        ("patient.name=family&patient=alice&_sort=-period&_count=1", 1),
    ] {
        let reply = app.fhir(&tokens, &format!("Coverage?{query}")).await;
        assert_eq!(reply.matches().len(), count, "{query}: {}", reply.body);
        assert!(reply.matches().iter().all(|name| name.starts_with("Coverage/alice-")), "{query}");
    }
    app.finish().await;
}

/// T075
#[tokio::test(flavor = "multi_thread")]
async fn a_chain_tells_nothing_of_what_is_out_of_reach() {
    let app = stack().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    for (there, nowhere) in [
        ("PractitionerRole?practitioner.name=bobs", "PractitionerRole?practitioner.name=none"),
        ("PractitionerRole?practitioner.identifier=1999999984", "PractitionerRole?practitioner.identifier=0000000000"),
        ("Coverage?payor.identifier=1888888885", "Coverage?payor.identifier=0000000000"),
        ("Coverage?patient.name=canary-bob", "Coverage?patient.name=canary-none"),
    ] {
        let (there, nowhere) = (app.fhir(&tokens, there).await.json(), app.fhir(&tokens, nowhere).await.json());
        assert_eq!((&there["total"], there.get("entry")), (&json!(0), None));
        assert_eq!((&nowhere["total"], nowhere.get("entry")), (&json!(0), None));
    }
    let bobs = app.sign_in("bob", "patient/*.rs").await;
    let own = app.fhir(&bobs, "PractitionerRole?practitioner.name=bobs").await;
    assert_eq!(own.matches(), ["PractitionerRole/bobs-role"], "it is there to be found");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_needs_the_scope_of_the_type_it_leads_to() {
    let app = stack().await;
    let narrow = app.sign_in("alice", "patient/PractitionerRole.rs patient/Coverage.rs").await;
    for query in [
        "PractitionerRole?practitioner.name=only",
        "Coverage?payor.identifier=1111111112",
        "Coverage?patient.name=family",
    ] {
        assert_eq!(app.fhir(&narrow, query).await.status, StatusCode::FORBIDDEN, "{query}");
    }
    let wide = app.sign_in("alice", "patient/Coverage.rs patient/Patient.s").await;
    assert_eq!(app.fhir(&wide, "Coverage?patient.name=family").await.matches().len(), 2);
    let reading = app.sign_in("alice", "patient/Coverage.rs patient/Patient.r").await;
    assert_eq!(app.fhir(&reading, "Coverage?patient.name=family").await.status, StatusCode::FORBIDDEN);
    let wide = app.sign_in("alice", "patient/PractitionerRole.rs patient/Practitioner.s").await;
    assert_eq!(app.fhir(&wide, "PractitionerRole?practitioner.name=only").await.matches().len(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_chain_is_refused_by_name() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    for query in [
        "Coverage?payor.name=Plan",
        "Coverage?payor:Patient.identifier=x",
        "Coverage?payor:RelatedPerson.identifier=x",
        "Coverage?beneficiary.identifier=x",
        "Coverage?beneficiary.name=x",
        "Coverage?patient.identifier=x",
        "Coverage?patient.family=x",
        "Coverage?patient:Practitioner.name=x",
        "Coverage?subscriber.name=x",
        "Coverage?subscriber:Patient.name=x",
        "Coverage?payor.identifier.system=x",
        "PractitionerRole?practitioner.name.family=x",
        "PractitionerRole?organization.name=x",
        "ExplanationOfBenefit?provider.name=x",
        "Observation?patient.name=x",
        "Observation?subject:Patient.name=x",
    ] {
        let reply = app.fhir(&tokens, query).await;
        assert_eq!((reply.status, reply.issue().0.as_str()), (StatusCode::BAD_REQUEST, "not-supported"), "{query}");
    }
    let many = "PractitionerRole?practitioner.name=a".to_owned() + &"&practitioner.name=a".repeat(5);
    assert_eq!(app.fhir(&tokens, &many).await.status, StatusCode::OK, "equal ones count once");
    let many =
        format!("PractitionerRole?{}", ["a", "b", "c", "d", "e"].map(|n| format!("practitioner.name={n}")).join("&"));
    assert_eq!(app.fhir(&tokens, &many).await.issue().0, "invalid");
    let empty = app.fhir(&tokens, "PractitionerRole?practitioner.name=").await;
    assert_eq!(empty.status, StatusCode::BAD_REQUEST);
    app.finish().await;
}
