//! The loader: nothing is lost, nothing is stored twice, and every rejection is reported.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use http::StatusCode;
use patient_access::load::{Settings, Source, Tally, UNREADABLE, load, run};
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use tests::App;

const EVERYTHING: &str = "patient/*.rs";

fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn tally(read: u64, stored: u64, unchanged: u64, superseded: u64, rejected: u64) -> Tally {
    Tally { read, stored, deleted: 0, unchanged, superseded, ignored: 0, rejected }
}

fn observation(id: &str, patient: &str) -> Json {
    json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"text": "x"},
        "subject": {"reference": format!("Patient/{patient}")}})
}

#[tokio::test(flavor = "multi_thread")]
async fn every_synthea_resource_is_accounted_for_and_a_second_run_stores_nothing() {
    let Some(folder) = tests::shared_folder("sample-data/synthea") else {
        return tests::missing_tool("every_synthea_resource_is_accounted_for", "the Synthea sample data");
    };
    let file = folder.join("Annmarie_Doyle_b1756d32-c4c4-4fd2-9023-ff241b55bae0.json");
    let bundle: Json = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let patient = bundle["entry"][0]["resource"]["id"].as_str().unwrap().to_owned();
    let app = App::empty().await;
    let first = app.load(Source::of_paths(std::slice::from_ref(&folder)).unwrap()).await;
    let total = first.total();
    assert_eq!((total.read, total.rejected, total.unchanged), (4579, 0, 0), "{first}");
    assert_eq!(total.read, total.stored + total.superseded);
    let of = |kind: &str| first.types[kind].clone();
    assert_eq!(of("Organization").superseded + of("Practitioner").superseded, 56, "{first}");
    assert_eq!(of("Observation"), tally(2285, 2285, 0, 0, 0));
    let second = app.load(Source::of_paths(&[folder]).unwrap()).await;
    assert_eq!(second.total(), tally(4579, 0, total.stored, total.superseded, 0), "{second}");

    // One member's record has the content of the file, with every urn resolved.
    app.add_member("annmarie", &patient).await;
    let tokens = app.sign_in("annmarie", EVERYTHING).await;
    let whole = app.fhir(&tokens, &format!("Patient/{}/$everything", tokens.patient)).await;
    assert_eq!(whole.link("next"), None);
    let kinds = whole.matches().iter().fold(BTreeMap::new(), |mut kinds: BTreeMap<String, usize>, key| {
        *kinds.entry(key.split('/').next().unwrap().to_owned()).or_default() += 1;
        kinds
    });
    assert!(kinds["Observation"] > 0 && kinds["Practitioner"] > 0 && kinds["Organization"] > 0, "{kinds:?}");
    assert!(!whole.body.contains("urn:uuid"));
    let claims = app.fhir(&tokens, "ExplanationOfBenefit?_include=ExplanationOfBenefit:provider&_count=100").await;
    assert!(!claims.included().is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bundles_ndjson_single_resources_and_folders_are_read() {
    let app = App::empty().await;
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    for (number, kind) in ["transaction", "batch", "collection", "searchset"].iter().enumerate() {
        let entry = json!({"resource": observation(&format!("o{number}"), "alice")});
        file(
            &inner,
            &format!("{kind}.json"),
            &json!({"resourceType": "Bundle", "type": kind, "entry": [entry]}).to_string(),
        );
    }
    file(&inner, "document.json", &json!({"resourceType": "Bundle", "type": "document", "entry": []}).to_string());
    file(&inner, "one.json", &serde_json::to_string_pretty(&observation("one", "alice")).unwrap());
    file(&inner, "lines.json", &format!("{}\n\n{}\n", observation("l1", "alice"), observation("l2", "alice")));
    file(&inner, "notes.txt", "not read");
    file(&inner, "first-broken.json", &format!("{{broken\n{}\n", observation("l3", "alice")));
    let lines = file(
        folder.path(),
        "more.ndjson",
        &format!("{}\n{{broken\n{}", observation("n1", "alice"), observation("n2", "alice")),
    );
    let report = app.load(Source::of_paths(&[lines, inner]).unwrap()).await;
    assert_eq!(report.types["Observation"], tally(10, 10, 0, 0, 0), "{report}");
    assert_eq!(report.types[UNREADABLE], tally(3, 0, 0, 0, 3), "the broken lines and the document Bundle");
    let rejected = std::fs::read_to_string(report.rejected_file.unwrap()).unwrap();
    assert!(rejected.contains("more.ndjson line 2") && rejected.contains("document"), "{rejected}");
    assert!(Source::of_paths(&[folder.path().join("missing")]).is_err());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_occurrence_counts_and_earlier_ones_are_never_written() {
    let app = App::empty().await;
    app.add_member("alice", "alice").await;
    let version = |text: &str| {
        let mut resource = observation("same", "alice");
        resource["note"] = json!([{"text": text}]);
        resource
    };
    let report = app.load(Source::Memory(vec![version("first"), version("second"), version("third")])).await;
    assert_eq!(report.types["Observation"], tally(3, 1, 0, 2, 0));
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let stored = app.fhir(&tokens, "Observation/same").await;
    assert_eq!((stored.json()["note"][0]["text"].as_str(), stored.header("etag")), (Some("third"), "W/\"1\""));
    let again = app.load(Source::Memory(vec![version("fourth")])).await;
    assert_eq!(again.types["Observation"], tally(1, 1, 0, 0, 0));
    let stored = app.fhir(&tokens, "Observation/same").await;
    assert_eq!((stored.json()["meta"]["versionId"].as_str(), stored.header("etag")), (Some("2"), "W/\"2\""));
    app.finish().await;
}

/// T128
#[tokio::test(flavor = "multi_thread")]
async fn an_older_version_by_the_sources_own_date_does_not_replace_a_newer_one() {
    let app = App::empty().await;
    app.add_member("alice", "alice").await;
    let dated = |date: &str, text: &str| {
        let mut resource = observation("dated", "alice");
        resource["meta"] = json!({"lastUpdated": date, "versionId": "77"});
        resource["note"] = json!([{"text": text}]);
        resource
    };
    app.load(Source::Memory(vec![dated("2026-02-01T00:00:00Z", "new")])).await;
    let older = app.load(Source::Memory(vec![dated("2026-01-01T00:00:00Z", "old")])).await;
    assert_eq!(older.types["Observation"], tally(1, 0, 0, 1, 0));
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let stored = app.fhir(&tokens, "Observation/dated").await.json();
    assert_eq!(stored["note"][0]["text"], "new");
    assert_ne!(
        stored["meta"]["lastUpdated"], "2026-02-01T00:00:00Z",
        "it is the moment at which this server made it visible"
    );
    app.finish().await;
}

/// T084
#[tokio::test(flavor = "multi_thread")]
async fn a_resource_without_owner_type_or_id_is_rejected_with_the_reason() {
    let app = App::empty().await;
    let mut nobody = observation("nobody", "x");
    nobody["subject"] = json!({"display": "Somebody"});
    let mut group = observation("group", "x");
    group["subject"] = json!({"reference": "Group/1"});
    let mut unnamed = observation("x", "alice");
    unnamed["id"] = json!("not an id");
    let mut huge = observation("huge", "alice");
    huge["note"] = json!([{"text": "\"".repeat(3 << 20)}]);
    let all = vec![
        nobody,
        group,
        unnamed,
        huge,
        json!({"resourceType": "Spaceship", "id": "a"}),
        json!({"id": "a"}),
        json!([1, 2]),
        json!({"resourceType": "Provenance", "id": "p", "target": [{"reference": "Observation/not-in-this-run"}]}),
        observation("good", "alice"),
    ];
    let report = app.load(Source::Memory(all)).await;
    assert_eq!(report.types["Observation"], tally(5, 1, 0, 0, 4), "{report}");
    assert_eq!(report.types["Spaceship"], tally(1, 0, 0, 0, 1));
    assert_eq!(report.types["Provenance"], tally(1, 0, 0, 0, 1));
    assert_eq!(report.types[UNREADABLE], tally(2, 0, 0, 0, 2));
    let rejected = std::fs::read_to_string(report.rejected_file.unwrap()).unwrap();
    for reason in [
        "does not say whose it is",
        "Group/1",
        "is no id",
        "larger than an answer",
        "Spaceship",
        "no resourceType",
        "none of its targets",
    ] {
        assert!(rejected.contains(reason), "{reason}: {}", &rejected[..500]);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_two_resources_go_by_leads_nowhere() {
    let app = App::empty().await;
    let folder = tempfile::tempdir().unwrap();
    let bundle = |patient: &str| {
        json!({"resourceType": "Bundle", "type": "transaction", "entry": [
            {"fullUrl": "urn:uuid:p1", "resource": {"resourceType": "Patient", "id": patient}},
            {"resource": {"resourceType": "Observation", "id": format!("of-{patient}"), "subject": {"reference": "urn:uuid:p1"}}}]})
    };
    let mut files =
        ["alice", "bob"].map(|name| file(folder.path(), &format!("{name}.json"), &bundle(name).to_string())).to_vec();
    let mut outside = observation("outside", "x");
    outside["subject"] = json!({"reference": "urn:uuid:p1"});
    files.push(file(folder.path(), "outside.json", &outside.to_string()));
    let report = app.load(Source::of_paths(&files).unwrap()).await;
    assert_eq!(report.types["Patient"], tally(2, 2, 0, 0, 0));
    assert_eq!(report.types["Observation"], tally(3, 2, 0, 0, 1), "a name is one of its Bundle: {report}");
    assert_eq!(report.reasons.keys().collect::<Vec<_>>(), [&"ambiguous-reference"], "it may land in neither's record");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_keep_their_digits() {
    let app = App::empty().await;
    app.add_member("alice", "alice").await;
    let folder = tempfile::tempdir().unwrap();
    let text = r#"{"resourceType":"Observation","id":"n","subject":{"reference":"Patient/alice"},"valueQuantity":{"value":1.50}}"#;
    app.load(Source::of_paths(&[file(folder.path(), "n.ndjson", text)]).unwrap()).await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    assert!(app.fhir(&tokens, "Observation/n").await.body.contains("\"value\":1.50"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provenance_goes_to_each_member_with_their_own_targets_only() {
    let app = App::start().await;
    let provenance = json!({"resourceType": "Provenance", "id": "prov", "recorded": "2026-01-01T00:00:00Z",
        "target": [{"reference": "Observation/a1"}, {"reference": "Observation/b1"}, {"reference": "Patient/carol"}],
        "entity": [{"role": "source", "what": {"reference": "DocumentReference/b9", "display": "CANARY-BOB"}}],
        "agent": [{"who": {"reference": "Organization/payer"}}]});
    let report = app.load(Source::Memory(vec![provenance, observation("a1", "alice"), observation("b1", "bob")])).await;
    assert_eq!(report.types["Provenance"], tally(1, 1, 0, 0, 0), "{report}");
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let own = app.fhir(&tokens, "Provenance/prov").await.json();
    assert_eq!(own["target"], json!([{"reference": "Observation/a1"}]));
    let reverse = app.fhir(&tokens, "Observation?_id=a1&_revinclude=Provenance:target").await;
    assert_eq!(reverse.included()[0], "Provenance/prov", "beside the receipts");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binary_is_reached_once_a_document_of_the_member_names_it_in_whatever_order_they_come() {
    let app = App::start().await;
    let binary = |id: &str| json!({"resourceType": "Binary", "id": id, "contentType": "text/plain", "data": "aGk="});
    let document = |id: &str, owner: &str, binary: &str| {
        json!({"resourceType": "DocumentReference", "id": id, "status": "current", "subject": {"reference": format!("Patient/{owner}")},
            "content": [{"attachment": {"contentType": "text/plain", "url": format!("Binary/{binary}")}}]})
    };
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let together = app.load(Source::Memory(vec![binary("one"), document("d1", "alice", "one")])).await;
    assert!(together.is_clean() && together.unclaimed == 0, "{together}");
    let alone = app.load(Source::Memory(vec![binary("two"), binary("three")])).await;
    assert_eq!((alone.types["Binary"].stored, alone.unclaimed), (2, 2));
    assert_eq!(app.fhir(&tokens, "Binary/two").await.status, StatusCode::NOT_FOUND);
    app.load(Source::Memory(vec![document("d2", "alice", "two"), document("d3", "bob", "three")])).await;
    app.load(Source::Memory(vec![document("d4", "alice", "four")])).await;
    app.load(Source::Memory(vec![binary("four")])).await;
    for (id, status) in [("one", 200), ("two", 200), ("four", 200), ("three", 404)] {
        assert_eq!(app.fhir(&tokens, &format!("Binary/{id}")).await.status, status, "{id}");
    }
    let stolen = app.load(Source::Memory(vec![document("d5", "alice", "three")])).await;
    assert_eq!(stolen.types["DocumentReference"].rejected, 1, "a Binary has one owner");
    assert_eq!(app.fhir(&tokens, "Binary/three").await.status, StatusCode::NOT_FOUND);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_resource_may_come_after_what_refers_to_it() {
    let app = App::empty().await;
    app.add_member("alice", "alice").await;
    let mut seen = observation("seen", "alice");
    seen["performer"] = json!([{"reference": "Practitioner/late"}]);
    app.load(Source::Memory(vec![seen])).await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    assert_eq!(app.fhir(&tokens, "Practitioner/late").await.status, StatusCode::NOT_FOUND);
    app.load(Source::Memory(vec![json!({"resourceType": "Practitioner", "id": "late"})])).await;
    assert_eq!(app.fhir(&tokens, "Practitioner/late").await.status, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_too_large_for_a_row_lies_in_the_bucket_and_reads_the_same() {
    let app = App::empty().await;
    app.add_member("alice", "alice").await;
    // Random text does not compress to a size that a row can hold.
    let random = shared::secret::Random::system();
    let text: String = (0..20_000).map(|_| random.secret().reveal().to_owned()).collect();
    let mut large = observation("large", "alice");
    large["note"] = json!([{"text": text}]);
    let report = app.load(Source::Memory(vec![large])).await;
    assert_eq!(report.types["Observation"], tally(1, 1, 0, 0, 0), "{report}");
    let tokens = app.sign_in("alice", EVERYTHING).await;
    for reply in [app.fhir(&tokens, "Observation/large").await, app.fhir(&tokens, "Observation?status=final").await] {
        assert!(reply.body.contains(&text));
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_grows_while_it_is_read_ends_the_load_and_nothing_of_it_is_taken_for_superseded() {
    let app = App::empty().await;
    let folder = tempfile::tempdir().unwrap();
    let feed = file(folder.path(), "feed.ndjson", &observation("one", "alice").to_string());
    let source = Source::of_paths(std::slice::from_ref(&feed)).unwrap();
    file(folder.path(), "feed.ndjson", &format!("{}\n{}", observation("one", "alice"), observation("two", "alice")));
    let (stack, bar) = (app.stack_to_work_on().await, indicatif::ProgressBar::hidden());
    let error = load(&stack, &source, Path::new("/dev/null"), Clock::System, &bar).await.unwrap_err().to_string();
    assert!(error.contains("feed.ndjson changed while it was read; run the same load again"), "{error}");
    let report = app.load(Source::of_paths(&[feed]).unwrap()).await;
    assert_eq!(report.total(), tally(2, 2, 0, 0, 0));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rejections_never_replace_what_is_read_and_are_no_part_of_a_feed() {
    let app = App::empty().await;
    let folder = tempfile::tempdir().unwrap();
    let paths = [folder.path().to_owned()];
    file(folder.path(), "feed.json", &json!({"resourceType": "Observation", "id": "nobodys"}).to_string());
    let rejected = folder.path().join("rejected.ndjson");
    let stack = app.stack_to_work_on().await;
    let into = |file: &Path| Settings { rejected: file.to_owned(), ..Settings::default() };
    let (report, ended) = run(&stack, &paths, into(&rejected)).await.unwrap();
    assert_eq!((report.total().rejected, report.exit_code(), ended.is_ok()), (1, 3, true));
    let error = run(&stack, &paths, Settings::default()).await.unwrap_err().to_string();
    assert!(
        error.contains("rejected.ndjson holds what an earlier load rejected: move it out of the folder"),
        "{error}"
    );
    // The corrected file is loaded by its own name, and not into itself.
    let mended = std::fs::read_to_string(&rejected).unwrap();
    let mended =
        mended.replace("\"id\":", "\"subject\":{\"reference\":\"Patient/alice\"},\"status\":\"final\",\"id\":");
    let rejected = file(folder.path(), "rejected.ndjson", &mended);
    let error = run(&stack, std::slice::from_ref(&rejected), into(&rejected)).await.unwrap_err().to_string();
    assert!(error.contains("is one of the files to load"), "{error}");
    assert_eq!(std::fs::read_to_string(&rejected).unwrap(), mended);
    let (report, _) = run(&stack, &[rejected], into(&folder.path().join("other.ndjson"))).await.unwrap();
    assert_eq!(report.total(), tally(1, 1, 0, 0, 0), "{report}");
    app.finish().await;
}
