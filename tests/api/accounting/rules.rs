//! The rules of R4: what breaks one is refused, put right, or kept with a warning and without a claim of ours.

use std::collections::BTreeMap;

use patient_access::load::{Rules, Settings, Source, load_with};
use patient_access::stack::{Descriptor, Stack};
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use tests::App;

use super::{EVERYTHING, balances, findings, reasons, rejections};

/// A body weight, with this in place of what R4 has there.
fn weight(id: &str, name: &str, value: Json) -> Json {
    let category =
        json!({"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"});
    let code = json!({"system": "http://loinc.org", "code": "29463-7"});
    let mut weight = json!({"resourceType": "Observation", "id": id, "status": "final", "category": [{"coding": [category]}],
        "code": {"coding": [code]}, "subject": {"reference": "Patient/alice"}, "effectiveDateTime": "2025-05-01",
        "valueQuantity": {"value": 71, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}});
    match value {
        Json::Null => drop(weight.as_object_mut().unwrap().remove(name)),
        value => weight[name] = value,
    }
    weight
}

fn read_back(entries: &[Json], id: &str) -> Json {
    entries.iter().find(|resource| resource["id"] == id).cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_client_could_read_is_refused_and_what_means_one_thing_is_put_right() {
    let app = App::empty().await;
    let refused = [
        ("shape", weight("number", "status", json!(1))),
        ("shape", weight("text", "valueQuantity", json!({"value": "72.5", "unit": "kg"}))),
        ("shape", weight("list", "valueQuantity", json!([{"value": 72.5}]))),
        ("shape", weight("whose", "subject", json!([{"reference": "Patient/alice"}]))),
        ("choice", weight("two", "valueString", json!("heavy"))),
        ("format", weight("us-date", "effectiveDateTime", json!("01/02/2024"))),
        ("format", weight("no-day", "effectiveDateTime", json!("2024-13-45"))),
        ("format", weight("no-zone", "effectiveDateTime", json!("2024-01-02 10:00:00"))),
        ("release", weight("old", "comment", json!("of STU3"))),
    ];
    let mended = [
        ("zone", weight("java", "effectiveDateTime", json!("2024-01-02T10:00:00.000+0000"))),
        ("zone", weight("small", "effectiveDateTime", json!("2024-01-02T10:00:00z"))),
        ("blank", weight("blank", "status", json!(" final"))),
        ("placeholder", weight("placeholder", "issued", json!("IGNORED_FIELD"))),
        ("empty", weight("empty", "note", json!([]))),
    ];
    let sent = refused.iter().chain(&mended).map(|(_, resource)| resource.clone()).collect();
    let report = app.load(Source::Memory(sent)).await;
    balances(&report);
    assert_eq!(reasons(&report), [("not-r4", refused.len() as u64)], "{report}");
    for (rejection, (rule, resource)) in rejections(&report).iter().zip(&refused) {
        let reason = rejection["reason"].as_str().unwrap();
        assert!(reason.starts_with(&format!("{rule}: ")), "{}: {reason}", resource["id"]);
    }
    assert_eq!(report.mended, BTreeMap::from([("blank", 1), ("empty", 1), ("placeholder", 1), ("zone", 2)]));
    app.add_member("alice", "alice").await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let entries = app.fhir(&tokens, "Observation?_count=50").await.entries("match");
    assert_eq!(entries.len(), mended.len());
    assert_eq!(read_back(&entries, "java")["effectiveDateTime"], "2024-01-02T10:00:00.000+00:00");
    assert_eq!(read_back(&entries, "small")["effectiveDateTime"], "2024-01-02T10:00:00Z");
    assert_eq!(read_back(&entries, "blank")["status"], "final");
    assert_eq!(read_back(&entries, "placeholder").get("issued"), None);
    for resource in &entries {
        let claims = resource["meta"]["profile"].as_array().unwrap();
        assert!(claims.iter().any(|claim| claim.as_str().unwrap().ends_with("us-core-body-weight")), "{resource}");
    }
    let dated = app.fhir(&tokens, "Observation?date=2024-01-02").await.entries("match");
    assert_eq!(dated.len(), 2, "what is put right is found by its date");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_with_a_warning_claims_nothing_and_a_claim_of_the_feed_stays() {
    let app = App::empty().await;
    let mut own = weight("own", "status", Json::Null);
    own["meta"] = json!({"profile": ["http://plan.example/StructureDefinition/own"]});
    let report = app
        .load(Source::Memory(vec![
            weight("good", "status", json!("final")),
            weight("missing", "status", Json::Null),
            weight("unknown", "method", json!({"text": "scale", "stop": "2024-01-02"})),
            weight("code", "status", json!("done")),
            weight("target", "device", json!({"reference": "Practitioner/p"})),
            weight("invariant", "dataAbsentReason", json!({"text": "refused"})),
            own,
        ]))
        .await;
    balances(&report);
    assert_eq!(reasons(&report), [], "{report}");
    let counted = [("code", 1), ("invariant", 1), ("missing", 2), ("target", 1), ("unknown-element", 1)];
    assert_eq!(report.warned, BTreeMap::from(counted), "{report}");
    assert_eq!(report.exit_code(), 0);
    let told = findings(&report, "missing");
    assert!(told[0].1.contains("`status` is missing"), "{told:?}");
    assert!(told[1].1.contains("it claims http://plan.example/StructureDefinition/own, and that stays"), "{told:?}");
    app.add_member("alice", "alice").await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let entries = app.fhir(&tokens, "Observation?_count=50").await.entries("match");
    for (id, claims) in [
        ("good", true),
        ("missing", false),
        ("unknown", false),
        ("code", false),
        ("target", false),
        ("invariant", false),
    ] {
        let resource = read_back(&entries, id);
        assert!(resource["id"] == id && resource["meta"].get("profile").is_some() == claims, "{id}: {resource}");
    }
    assert_eq!(read_back(&entries, "own")["meta"]["profile"], json!(["http://plan.example/StructureDefinition/own"]));
    app.finish().await;
}

/// The stack of `app`, with this choice of its plan.
async fn stack_of(app: &App, rules: &str) -> anyhow::Result<Stack> {
    let mut environment = app.environment().clone();
    environment.insert("LOAD_RULES".to_owned(), rules.to_owned());
    Stack::local(&Descriptor { url: app.url().to_owned(), environment }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_moves_a_rule_for_all_loads_and_an_operator_for_one() {
    let app = App::empty().await;
    let sent = || vec![weight("lacks", "status", Json::Null), weight("date", "effectiveDateTime", json!("01/02/2024"))];
    let stack = stack_of(&app, "refuse:missing accept:format").await.unwrap();
    let report = app.load_into(&stack, Source::Memory(sent())).await;
    assert_eq!(report.rules, BTreeMap::from([("missing", "refused"), ("format", "warned")]));
    assert_eq!((report.total().stored, report.warned.get("format")), (1, Some(&1)), "{report}");
    assert!(report.to_string().contains("by choice, what breaks missing is refused"), "{report}");

    let mut rules = stack.rules().clone();
    rules.accept("missing").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { rejected: folder.path().join("rejected"), rules: Some(rules), ..Settings::default() };
    let (source, bar) = (Source::Memory(sent()), indicatif::ProgressBar::hidden());
    let (report, ended) = load_with(&stack, &source, settings, Clock::System, &bar).await;
    ended.unwrap();
    assert_eq!((report.total().rejected, report.warned.get("missing")), (0, Some(&1)), "{report}");
    assert_eq!(Rules::default().moved(), BTreeMap::new());

    let wrong = stack_of(&app, "refuse:everything").await.err().unwrap();
    assert!(format!("{wrong:#}").contains("LoadRules: `everything` is no rule"), "{wrong:#}");
    app.finish().await;
}
