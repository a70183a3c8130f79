//! Sensitive data: a deployed stack takes no labelled resource, because members cannot choose at consent yet.

use http::StatusCode;
use patient_access::load::{ReasonCode, Source, Tally};
use serde_json::{Value as Json, json};
use tests::App;

const EVERYTHING: &str = "patient/*.rs";
const ACT: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";

fn condition(id: &str, security: &Json) -> Json {
    json!({"resourceType": "Condition", "id": id, "meta": {"security": security}, "code": {"text": id},
        "subject": {"reference": "Patient/alice"}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployed_stack_refuses_what_is_labelled_and_says_why() {
    let app = App::empty().await;
    app.add_member("alice", "alice").await;
    let all = vec![
        condition("plain", &json!([])),
        condition(
            "normal",
            &json!([{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "N"}]),
        ),
        condition("addiction", &json!([{"system": ACT, "code": "42CFRPart2"}])),
        // The same record came first without its label. That version must not take the place of the rejected one.
        condition("relabelled", &json!([])),
        condition("relabelled", &json!([{"system": ACT, "code": "HIV"}])),
    ];
    let deployed = app.deployed_stack().await;
    let report = app.load_into(&deployed, Source::Memory(all.clone())).await;
    let expected = Tally { read: 5, stored: 2, deleted: 0, unchanged: 0, superseded: 1, ignored: 0, rejected: 2 };
    assert_eq!(report.types["Condition"], expected, "{report}");
    assert_eq!(report.reasons[ReasonCode::Sensitive.as_str()], 2);
    let rejected = std::fs::read_to_string(report.rejected_file.unwrap()).unwrap();
    for words in ["sensitivity label 42CFRPart2", "sensitivity label HIV", "choose at consent"] {
        assert!(rejected.contains(words), "{words}: {rejected}");
    }
    let tokens = app.sign_in("alice", EVERYTHING).await;
    for (id, status) in [("plain", 200), ("normal", 200), ("addiction", 404), ("relabelled", 404)] {
        assert_eq!(app.fhir(&tokens, &format!("Condition/{id}")).await.status, status, "{id}");
    }
    // A stack on the developer's own machine takes everything.
    let local = app.load(Source::Memory(all)).await;
    assert!(local.is_clean(), "{local}");
    assert_eq!(app.fhir(&tokens, "Condition/addiction").await.status, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployed_stack_takes_only_the_ordinary_part_of_robins_sample_record() {
    let app = App::empty().await;
    let mut sample = sample_members::household().resources;
    sample.retain(|resource| resource["id"].as_str().is_some_and(|id| id.starts_with("robin")));
    let (labelled, plain): (Vec<&Json>, Vec<&Json>) =
        sample.iter().partition(|resource| resource["meta"]["security"].is_array());
    let deployed = app.deployed_stack().await;
    let report = app.load_into(&deployed, Source::Memory(sample.clone())).await;
    assert!(labelled.len() > 100 && plain.len() > 10, "{} {}", labelled.len(), plain.len());
    assert_eq!(report.reasons[ReasonCode::Sensitive.as_str()], labelled.len() as u64, "{report}");
    assert_eq!(report.total().stored, plain.len() as u64, "{report}");
    app.add_member("robin", "robin").await;
    let tokens = app.sign_in("robin", EVERYTHING).await;
    let conditions = app.fhir(&tokens, "Condition?_count=100").await;
    assert!(!conditions.matches().is_empty());
    for code in ["PSY", "SUD", "HIV", "SEX"] {
        for kind in ["Condition", "ExplanationOfBenefit", "MedicationRequest", "Encounter"] {
            let found = app.fhir(&tokens, &format!("{kind}?_security={ACT}|{code}")).await;
            assert!(found.matches().is_empty(), "{kind} {code}");
        }
    }
    let local = app.load(Source::Memory(sample)).await;
    assert!(local.is_clean(), "{local}");
    let found = app.fhir(&tokens, &format!("Condition?_security={ACT}|HIV")).await;
    assert!(!found.matches().is_empty(), "a local stack has it, with its label");
    app.finish().await;
}
