//! Which of two versions counts: the source's dates, and deletions.

use http::StatusCode;
use patient_access::load::{Source, Tally};
use serde_json::{Value as Json, json};
use tests::App;

use super::{EVERYTHING, balances, findings, observation};

fn dated(id: &str, text: &str, date: &str) -> Json {
    let mut resource = observation(id, "alice");
    resource["meta"] = json!({"lastUpdated": date});
    resource["note"] = json!([{"text": text}]);
    resource
}

fn deletion(id: &str, date: Option<&str>) -> Json {
    let entry = json!({"request": {"method": "DELETE", "url": format!("Observation/{id}")}});
    let mut bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [entry]});
    if let Some(date) = date {
        bundle["timestamp"] = json!(date);
    }
    bundle
}

async fn one(app: &App, resource: Json) -> Tally {
    let report = app.load(Source::Memory(vec![resource])).await;
    balances(&report);
    report.total()
}

fn read(of: Tally) -> Tally {
    Tally { read: 1, ..of }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_date_of_a_version_moves_though_its_content_is_the_same() {
    let app = App::empty().await;
    app.add_member("alice", "alice").await;
    let (unchanged, superseded) =
        (Tally { unchanged: 1, ..Tally::default() }, Tally { superseded: 1, ..Tally::default() });
    one(&app, dated("o", "a", "2026-01-01T00:00:00Z")).await;
    assert_eq!(one(&app, dated("o", "a", "2026-02-01T00:00:00Z")).await, read(unchanged));
    assert_eq!(one(&app, dated("o", "b", "2026-01-15T00:00:00Z")).await, read(superseded));
    let tokens = app.sign_in("alice", EVERYTHING).await;
    assert_eq!(app.fhir(&tokens, "Observation/o").await.json()["note"][0]["text"], "a");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_of_properties_makes_no_new_version() {
    let app = App::empty().await;
    let text = r#"{"status":"final","subject":{"reference":"Patient/alice"},"code":{"text":"x"},"id":"o","resourceType":"Observation"}"#;
    one(&app, observation("o", "alice")).await;
    assert_eq!(one(&app, serde_json::from_str(text).unwrap()).await, read(Tally { unchanged: 1, ..Tally::default() }));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn yesterdays_file_does_not_bring_back_what_was_deleted_since() {
    let app = App::empty().await;
    app.add_member("alice", "alice").await;
    for id in ["told", "by-load", "shared"] {
        one(&app, dated(id, "a", "2026-01-01T00:00:00Z")).await;
    }
    one(&app, json!({"resourceType": "Practitioner", "id": "p", "meta": {"lastUpdated": "2026-01-01T00:00:00Z"}}))
        .await;
    let deleted = Tally { read: 1, deleted: 1, ..Tally::default() };
    assert_eq!(one(&app, deletion("told", Some("2026-03-01T00:00:00Z"))).await, deleted);
    assert_eq!(one(&app, deletion("by-load", None)).await, deleted);
    let superseded = Tally { read: 1, superseded: 1, ..Tally::default() };
    assert_eq!(one(&app, dated("told", "b", "2026-02-01T00:00:00Z")).await, superseded);
    assert_eq!(one(&app, dated("by-load", "b", "2026-06-01T00:00:00Z")).await, superseded);
    let tokens = app.sign_in("alice", EVERYTHING).await;
    for id in ["told", "by-load"] {
        assert_eq!(app.fhir(&tokens, &format!("Observation/{id}")).await.status, StatusCode::GONE, "{id}");
    }
    // A newer version is back, and so is one without a date that comes later.
    for resource in [dated("told", "c", "2026-04-01T00:00:00Z"), observation("by-load", "alice")] {
        let report = app.load(Source::Memory(vec![resource])).await;
        assert_eq!((report.restored, report.total().stored), (1, 1), "{report}");
        assert_eq!(findings(&report, "restored").len(), 1);
    }
    // A deletion of before a version does not delete it.
    assert_eq!(one(&app, deletion("told", Some("2026-03-15T00:00:00Z"))).await, superseded);
    assert_eq!(app.fhir(&tokens, "Observation/told").await.status, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_deletion_moves_the_date_of_the_first() {
    let app = App::empty().await;
    one(&app, dated("o", "a", "2026-01-01T00:00:00Z")).await;
    one(&app, deletion("o", Some("2026-02-01T00:00:00Z"))).await;
    assert_eq!(
        one(&app, deletion("o", Some("2026-04-01T00:00:00Z"))).await,
        read(Tally { unchanged: 1, ..Tally::default() })
    );
    let late = one(&app, dated("o", "b", "2026-03-01T00:00:00Z")).await;
    assert_eq!(late, read(Tally { superseded: 1, ..Tally::default() }));
    app.finish().await;
}

/// The manifest of a Bulk Data export dates the deletions that its `deleted` files list.
#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_dates_its_deletions() {
    let app = App::empty().await;
    one(&app, dated("o", "a", "2026-01-01T00:00:00Z")).await;
    let folder = tempfile::tempdir().unwrap();
    super::write(folder.path(), "deleted.ndjson", deletion("o", None).to_string());
    let manifest = json!({"transactionTime": "2026-02-01T00:00:00Z", "output": [],
        "deleted": [{"type": "Bundle", "url": "https://src.example/export/deleted.ndjson"}]});
    super::write(folder.path(), "manifest.json", manifest.to_string());
    let report = super::load(&app, &[folder.path().to_owned()]).await;
    assert_eq!(report.total().deleted, 1, "{report}");
    let back = one(&app, dated("o", "b", "2026-03-01T00:00:00Z")).await;
    assert_eq!(back, read(Tally { stored: 1, ..Tally::default() }), "it is newer than the export");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_in_the_far_future_is_named() {
    let app = App::empty().await;
    let report = app.load(Source::Memory(vec![dated("o", "a", "2099-01-01T00:00:00Z")])).await;
    assert_eq!((report.warned.get("future-date"), report.exit_code()), (Some(&1), 0), "{report}");
    assert!(findings(&report, "future-date")[0].1.contains("2099-01-01"), "{report}");
    app.finish().await;
}
