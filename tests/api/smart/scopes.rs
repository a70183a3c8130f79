//! SMART 2.2 "Scopes and Launch Context", and the lists of C4BB 2.1.0 and US Core 7.

use http::StatusCode;
use patient_access::load::Source;
use serde_json::json;
use tests::{App, AuthorizeOptions, Tokens};

/// C4BB 2.1.0, "Authorization and Authentication": the minimum.
pub const C4BB_MINIMUM: &[&str] = &[
    "openid",
    "fhirUser",
    "launch/patient",
    "patient/ExplanationOfBenefit.read",
    "patient/Coverage.read",
    "patient/Patient.read",
    "patient/Organization.read",
    "patient/Practitioner.read",
    "user/ExplanationOfBenefit.read",
    "user/Coverage.read",
    "user/Patient.read",
    "user/Organization.read",
    "user/Practitioner.read",
];

/// US Core 7.0.0, "SMART on FHIR Obligations": the types for which `.rs` is required, all of which are served here.
pub const US_CORE_TYPES: &[&str] = &[
    "AllergyIntolerance",
    "CarePlan",
    "CareTeam",
    "Condition",
    "Coverage",
    "Device",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "Goal",
    "Immunization",
    "MedicationDispense",
    "MedicationRequest",
    "Observation",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Procedure",
    "Provenance",
    "QuestionnaireResponse",
    "RelatedPerson",
    "ServiceRequest",
    "Specimen",
];

/// US Core 7.0.0, the same page: the granular scopes that are required.
pub const US_CORE_GRANULAR: &[&str] = &[
    "Condition.rs?category=http://terminology.hl7.org/CodeSystem/condition-category|encounter-diagnosis",
    "Condition.rs?category=http://terminology.hl7.org/CodeSystem/condition-category|problem-list-item",
    "Condition.rs?category=http://hl7.org/fhir/us/core/CodeSystem/condition-category|health-concern",
    "Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
    "Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|social-history",
    "Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs",
    "Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|survey",
    "Observation.rs?category=http://hl7.org/fhir/us/core/CodeSystem/us-core-category|sdoh",
];

/// The type, and the id of the one resource of member dana that a granular scope of the list admits.
fn admitted(scope: &str) -> (&str, String) {
    let (kind, _) = scope.split_once('.').unwrap();
    let (_, code) = scope.rsplit_once('|').unwrap();
    (kind, format!("{kind}/dana-{code}"))
}

/// A member with one resource of each category.
async fn start() -> App {
    let app = App::empty().await;
    let mut record = vec![json!({"resourceType": "Patient", "id": "dana", "name": [{"family": "D"}]})];
    for scope in US_CORE_GRANULAR {
        let (kind, key) = admitted(scope);
        let (system, code) = scope.split_once("category=").unwrap().1.split_once('|').unwrap();
        record.push(json!({"resourceType": kind, "id": key.split_once('/').unwrap().1, "code": {"text": "x"},
            "category": [{"coding": [{"system": system, "code": code}]}], "subject": {"reference": "Patient/dana"}}));
    }
    let report = app.load(Source::Memory(record)).await;
    assert!(report.is_clean(), "{report}");
    app.add_member("dana", "dana").await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn the_minimum_of_carin_blue_button_is_granted_as_it_is_asked_for() {
    let app = start().await;
    let all = C4BB_MINIMUM.join(" ");
    let tokens = app.sign_in("dana", &all).await;
    assert_eq!(tokens.answer["scope"], all);
    assert_eq!(app.fhir(&tokens, "Patient/dana").await.status, StatusCode::OK);
    for scope in C4BB_MINIMUM.iter().filter(|scope| scope.contains(".read")) {
        let tokens = app.sign_in("dana", scope).await;
        assert_eq!(tokens.answer["scope"], *scope);
        let (_, kind) = scope.trim_end_matches(".read").split_once('/').unwrap();
        assert_eq!(app.fhir(&tokens, kind).await.status, StatusCode::OK, "{scope}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_of_us_core_has_its_scope() {
    let app = start().await;
    let all: Vec<String> = US_CORE_TYPES.iter().map(|kind| format!("patient/{kind}.rs")).collect();
    let tokens = app.sign_in("dana", &all.join(" ")).await;
    assert_eq!(tokens.answer["scope"], all.join(" "));
    for kind in US_CORE_TYPES {
        assert_eq!(app.fhir(&tokens, kind).await.status, StatusCode::OK, "{kind}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_granular_scope_of_us_core_shows_its_category_and_nothing_else() {
    let app = start().await;
    for scope in US_CORE_GRANULAR {
        let (kind, key) = admitted(scope);
        for (asked, context) in [(format!("patient/{scope}"), "patient"), (format!("user/{scope}"), "user")] {
            let tokens = app.sign_in("dana", &asked).await;
            assert_eq!(tokens.answer["scope"], asked);
            assert_eq!(app.fhir(&tokens, kind).await.matches(), [key.as_str()], "{context}/{scope}");
            assert_eq!(app.fhir(&tokens, &key).await.status, StatusCode::OK);
        }
    }
    app.finish().await;
}

/// The two groups in which the ONC test suite asks for the granular scopes.
#[tokio::test(flavor = "multi_thread")]
async fn the_granular_scopes_add_up_in_the_groups_of_onc_certification() {
    let app = start().await;
    for group in [
        ["encounter-diagnosis", "health-concern", "laboratory", "social-history"],
        ["problem-list-item", "vital-signs", "survey", "sdoh"],
    ] {
        let of_group = |scope: &&&str| group.iter().any(|code| scope.ends_with(&format!("|{code}")));
        let scopes: Vec<&&str> = US_CORE_GRANULAR.iter().filter(of_group).collect();
        let asked: Vec<String> = scopes.iter().map(|scope| format!("patient/{scope}")).collect();
        let tokens = app.sign_in("dana", &asked.join(" ")).await;
        for kind in ["Condition", "Observation"] {
            let mut found = app.fhir(&tokens, kind).await.matches();
            let mut wanted: Vec<String> =
                scopes.iter().map(|s| admitted(s)).filter(|a| a.0 == kind).map(|a| a.1).collect();
            found.sort();
            wanted.sort();
            assert_eq!(found, wanted, "{group:?}");
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_come_back_in_the_syntax_in_which_they_were_asked_for() {
    let app = start().await;
    for scope in [
        "patient/*.read",
        "patient/*.rs",
        "patient/Coverage.read patient/Claim.rs user/Condition.r",
        "openid fhirUser launch/patient offline_access patient/Condition.s",
        "patient/Observation.rs?category=laboratory patient/Coverage.read",
    ] {
        assert_eq!(app.sign_in("dana", scope).await.answer["scope"], scope);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_is_in_context_with_every_patient_scope_asked_for_or_not() {
    let app = start().await;
    for scope in ["patient/Coverage.rs", "launch/patient patient/Coverage.rs", "patient/*.read"] {
        assert_eq!(app.sign_in("dana", scope).await.patient, "dana", "{scope}");
    }
    app.finish().await;
}

/// US Core 7: the member can select a subset.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_grants_a_part_of_what_is_asked() {
    let app = start().await;
    let mut options = AuthorizeOptions::new(&app, "dana", "patient/Condition.rs patient/Observation.rs offline_access");
    options.ticked = Some(vec!["patient/Condition.rs".into()]);
    let tokens = Tokens::of(&app.exchange(&app.code(&options).await).await);
    assert_eq!(tokens.answer["scope"], "patient/Condition.rs");
    assert_eq!(app.fhir(&tokens, "Observation").await.status, StatusCode::FORBIDDEN);
    app.finish().await;
}
