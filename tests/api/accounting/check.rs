//! `load --check`: what a load would find is told, and nothing is stored.

use patient_access::load::{Inspection, Settings, Source, inspect};
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use tests::App;

use super::{EVERYTHING, observation, write};

async fn found(app: &App, source: &Source) -> Inspection {
    let (stack, bar) = (app.stack_to_work_on().await, indicatif::ProgressBar::hidden());
    inspect(&stack, source, &Settings::default(), &Clock::System, &bar).unwrap()
}

/// The rows of a rule: the type, the count and the first place.
fn rows(told: &Json, rule: &str) -> Vec<(String, u64, String)> {
    let rows = told["found"].as_array().unwrap().iter().filter(|row| row["rule"] == rule);
    let text = |json: &Json| json.as_str().unwrap().to_owned();
    rows.map(|row| (text(&row["type"]), row["count"].as_u64().unwrap(), text(&row["places"][0]["text"]))).collect()
}

fn claim(id: &str, total: &str) -> Json {
    let total: Json = serde_json::from_str(total).unwrap();
    let submitted = json!({"coding": [{"code": "submitted"}], "text": "submitted"});
    let amount = |value: Json| json!({"category": submitted, "amount": {"value": value, "currency": "USD"}});
    let unique = json!({"coding": [{"code": "uc"}], "text": "claim"});
    json!({"resourceType": "ExplanationOfBenefit", "id": id, "status": "active", "type": {"text": "x"}, "use": "claim",
        "patient": {"reference": "Patient/alice"}, "created": "2025-01-01", "insurer": {"display": "the plan"},
        "provider": {"reference": "Practitioner/gone"}, "outcome": "complete",
        "insurance": [{"focal": true, "coverage": {"reference": "Coverage/bobs"}}],
        "identifier": [{"type": unique, "system": "http://plan.example", "value": "1"}],
        "item": [{"sequence": 1, "productOrService": {"text": "x"}, "adjudication": [amount(json!(10))]}],
        "total": [amount(total)]})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_tells_what_a_load_would_find_and_stores_nothing() {
    let app = App::empty().await;
    app.add_member("alice", "alice").await;
    let folder = tempfile::tempdir().unwrap();
    let patient =
        |id: &str| json!({"resourceType": "Patient", "id": id, "birthDate": "1066-10-14", "name": [{"family": id}]});
    let coverage = json!({"resourceType": "Coverage", "id": "bobs", "status": "active", "beneficiary": {"reference": "Patient/bob"},
        "payor": [{"display": "the plan"}]});
    let mut wrong = observation("wrong", "alice");
    wrong["effectiveDateTime"] = json!("13/45/2026");
    let mut lacking = observation("lacking", "carol");
    lacking.as_object_mut().unwrap().remove("status");
    lacking["code"] = json!({"coding": [{"system": "http://s.example", "code": "<b>"}]});
    let mut own = observation("own", "alice");
    own["meta"] = json!({"profile": ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-observation-lab"]});
    let all =
        [patient("alice"), patient("bob"), coverage, wrong, lacking, own, claim("c1", "10.00"), claim("c2", "10.01")];
    let lines: Vec<String> = all.iter().map(ToString::to_string).collect();
    write(folder.path(), "a.ndjson", lines.join("\n"));
    let found = found(&app, &Source::of_paths(&[folder.path().to_owned()]).unwrap()).await;
    let told = found.to_json();
    assert!(!found.is_clean() && told["refused"] == 1, "{found}");
    assert_eq!(rows(&told, "not-r4")[0].0, "Observation");
    assert!(rows(&told, "missing")[0].2.contains("`status` is missing"), "{found}");
    assert_eq!(
        rows(&told, "no-patient"),
        [("Observation".to_owned(), 1, "Patient/carol is not in these files".to_owned())]
    );
    assert_eq!(rows(&told, "no-display")[0].2, "`code` http://s.example|<b>");
    assert_eq!(rows(&told, "date-range"), [("Patient".to_owned(), 2, "`birthDate` is 1066-10-14".to_owned())]);
    assert!(rows(&told, "claimed-profile")[0].2.contains("us-core-observation-lab: `category` is missing"), "{found}");
    let nowhere: Vec<u64> = rows(&told, "reference-nowhere").into_iter().map(|row| row.1).collect();
    assert_eq!(nowhere, [2], "{found}");
    assert_eq!(rows(&told, "other-member")[0].2, "Coverage/bobs is Patient/bob's, and this is Patient/alice's");
    assert!(rows(&told, "total-differs")[0].2.contains("is 10.01, and the items' adjudications are 10.00"), "{found}");
    assert!(rows(&told, "claim-twice")[0].2.contains("http://plan.example|1"), "{found}");
    let page = found.to_html();
    assert!(page.contains("&lt;b&gt;") && !page.contains("<b>") && !page.contains("<script"), "{page}");
    assert!(page.contains("Nothing was stored"), "{page}");

    let tokens = app.sign_in("alice", EVERYTHING).await;
    let record = app.fhir(&tokens, "Observation").await;
    assert!(record.entries("match").is_empty(), "{}", record.body);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_id_of_two_sources_is_found() {
    let app = App::empty().await;
    let of = |source: &str| {
        let mut of = observation("o", "alice");
        of["meta"] = json!({"source": source});
        of
    };
    let source = Source::Memory(vec![of("http://a.example#1"), of("http://a.example#2"), of("http://b.example")]);
    let told = found(&app, &source).await.to_json();
    assert_eq!(rows(&told, "two-sources").len(), 1);
    assert_eq!(rows(&told, "two-sources")[0].1, 1, "the part after `#` is no other source");
    app.finish().await;
}
