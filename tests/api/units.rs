//! The write units of a load, as DynamoDB bills them.

use patient_access::load::{Report, Source};
use patient_access::stack::{Descriptor, Stack};
use serde_json::{Value as Json, json};
use tests::{App, Meter, Units};

/// A stack whose calls to DynamoDB pass a meter.
async fn metered(app: &App) -> (Stack, Meter) {
    let mut environment = app.environment().clone();
    let meter = Meter::before(&environment["AWS_ENDPOINT_URL_DYNAMODB"]).await;
    environment.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), meter.url.clone());
    (Stack::local(&Descriptor { url: app.url().to_owned(), environment }).await.unwrap(), meter)
}

async fn load(app: &App, (stack, meter): &(Stack, Meter), source: Source) -> (Report, Units) {
    let report = app.load_into(stack, source).await;
    (report, meter.take())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_synthea_resource_takes_at_most_three_write_units_and_an_unchanged_one_none() {
    let test = "a_new_synthea_resource_takes_at_most_three_write_units_and_an_unchanged_one_none";
    let Some(folder) = tests::shared_folder("sample-data/synthea") else {
        return tests::missing_tool(test, "the Synthea sample data");
    };
    let app = App::empty().await;
    let stack = metered(&app).await;
    let (report, units) = load(&app, &stack, Source::of_paths(std::slice::from_ref(&folder)).unwrap()).await;
    let stored = f64::from(u32::try_from(report.total().stored).unwrap());
    assert!(stored > 4_500.0, "{report}");
    assert!(units.write <= 3.0 * stored, "{} for {stored}: {:?}", units.write, units.writes);
    let (report, units) = load(&app, &stack, Source::of_paths(&[folder]).unwrap()).await;
    assert_eq!((report.total().stored, units.write), (0, 0.0), "{:?}", units.writes);
    app.finish().await;
}

/// Resources of one member: one that a date orders and is large, one that none orders, a shared one, and the Patient.
fn resources(date: &str, content: &str) -> Vec<Json> {
    let words = (0..400_u32).map(|number| format!("{:x} ", number.wrapping_mul(2_654_435_761)));
    let text = words.collect::<Vec<_>>().concat();
    let mut all = vec![
        json!({"resourceType": "Patient", "id": "alice", "gender": "female",
            "identifier": [{"system": "http://plan.example/members", "value": "M1"}]}),
        json!({"resourceType": "Observation", "id": "o", "status": "final", "effectiveDateTime": "2026-01-01",
            "code": {"text": text}, "subject": {"reference": "Patient/alice"}}),
        json!({"resourceType": "Coverage", "id": "c", "status": "active", "beneficiary": {"reference": "Patient/alice"},
            "subscriberId": "S1", "payor": [{"reference": "Organization/plan"}]}),
        json!({"resourceType": "Organization", "id": "plan", "name": "Plan"}),
    ];
    for resource in &mut all {
        resource["meta"] = json!({"lastUpdated": date});
        resource["language"] = content.into();
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_of_which_only_the_sources_date_moved_takes_one_write_unit() {
    let app = App::empty().await;
    let stack = metered(&app).await;
    let total = async |date: &str, content: &str| {
        let (report, units) = load(&app, &stack, Source::Memory(resources(date, content))).await;
        (report.total().stored, report.total().unchanged, report.total().superseded, units.write)
    };
    let (stored, ..) = total("2026-01-01T00:00:00Z", "en").await;
    assert_eq!(stored, 4);
    assert_eq!(total("2026-01-01T00:00:00Z", "en").await, (0, 4, 0, 0.0));
    assert_eq!(total("2026-03-01T00:00:00Z", "en").await, (0, 4, 0, 4.0), "one for each, whatever its size");
    assert_eq!(total("2026-03-01T00:00:00Z", "en").await, (0, 4, 0, 0.0));
    // The date that moved decides, and only for the version that it is of.
    let (stored, _, superseded, _) = total("2026-02-01T00:00:00Z", "de").await;
    assert_eq!((stored, superseded), (0, 4));
    let (stored, ..) = total("2026-04-01T00:00:00Z", "de").await;
    assert_eq!(stored, 4);
    let (stored, _, superseded, _) = total("2026-03-15T00:00:00Z", "fr").await;
    assert_eq!((stored, superseded), (0, 4));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_row_of_a_new_resource_takes_the_units_that_are_reckoned() {
    let app = App::empty().await;
    let stack = metered(&app).await;
    // The author of receipts comes with the first resource of all.
    load(&app, &stack, Source::Memory(vec![json!({"resourceType": "Patient", "id": "alice"})])).await;
    let observation = json!({"resourceType": "Observation", "id": "o", "status": "final",
        "effectiveDateTime": "2026-01-01", "code": {"text": "x"}, "subject": {"reference": "Patient/alice"}});
    let (_, units) = load(&app, &stack, Source::Memory(vec![observation])).await;
    let rows: Vec<(&str, f64)> = units.writes.iter().map(|(kind, units)| (kind.as_str(), *units)).collect();
    // The row stands in the index by date, too. The run's ledger has one entry, which is written and deleted.
    assert_eq!(rows, [("Patient", 2.0), ("home", 1.0), ("load", 2.0), ("receipt", 1.0)]);
    app.finish().await;
}
