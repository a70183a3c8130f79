//! What was loaded once changes hands, is deleted, or comes back: nobody keeps what is not theirs, and what is gone is told as gone.

use http::StatusCode;
use patient_access::load::{Kind, Source, Tally};
use serde_json::{Value as Json, json};
use tests::{App, Tokens};

const EVERYTHING: &str = "patient/*.rs";

fn observation(id: &str, patient: &str) -> Json {
    json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"text": "x"},
        "subject": {"reference": format!("Patient/{patient}")}})
}

/// A transaction that deletes, as Bulk Data's `deleted` files are (Bulk Data Access, "Response - Output Files").
fn deletion(urls: &[&str]) -> Source {
    let entry = |url: &&str| json!({"request": {"method": "DELETE", "url": url}});
    let entries: Vec<Json> = urls.iter().map(entry).collect();
    Source::Memory(vec![json!({"resourceType": "Bundle", "type": "transaction", "entry": entries})])
}

async fn status(app: &App, tokens: &Tokens, path: &str) -> StatusCode {
    app.fhir(tokens, path).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_was_another_members_leaves_their_record() {
    let app = App::start().await;
    let (alice, bob) = (app.sign_in("alice", EVERYTHING).await, app.sign_in("bob", EVERYTHING).await);
    app.load(Source::Memory(vec![observation("mistaken", "alice")])).await;
    assert_eq!(status(&app, &alice, "Observation/mistaken").await, StatusCode::OK);
    let report = app.load(Source::Memory(vec![observation("mistaken", "bob")])).await;
    assert_eq!(report.total().stored, 1, "{report}");
    let (theirs, none) = (app.fhir(&alice, "Observation/mistaken").await, app.fhir(&alice, "Observation/none").await);
    assert_eq!((theirs.status, theirs.body), (StatusCode::NOT_FOUND, none.body), "as if it had never been there");
    assert!(app.fhir(&alice, "Observation?_id=mistaken").await.matches().is_empty());
    assert_eq!(status(&app, &bob, "Observation/mistaken").await, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_word_on_whose_it_is_changes_nothing() {
    let app = App::start().await;
    let dated = |patient: &str, date: &str| {
        let mut resource = observation("moved", patient);
        resource["meta"] = json!({"lastUpdated": date});
        resource
    };
    app.load(Source::Memory(vec![dated("alice", "2026-03-01T00:00:00Z")])).await;
    let report = app.load(Source::Memory(vec![dated("bob", "2026-02-01T00:00:00Z")])).await;
    assert_eq!(report.total().superseded, 1, "{report}");
    let alice = app.sign_in("alice", EVERYTHING).await;
    assert_eq!(status(&app, &alice, "Observation/moved").await, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_turns_out_to_be_a_members_own_is_shared_no_more() {
    let app = App::start().await;
    let (alice, bob) = (app.sign_in("alice", EVERYTHING).await, app.sign_in("bob", EVERYTHING).await);
    let device = |patient: Option<&str>| {
        let mut device = json!({"resourceType": "Device", "id": "pump", "status": "active"});
        if let Some(patient) = patient {
            device["patient"] = json!({"reference": format!("Patient/{patient}")});
        }
        device
    };
    let mut uses = observation("uses", "alice");
    uses["device"] = json!({"reference": "Device/pump"});
    app.load(Source::Memory(vec![device(None), uses])).await;
    assert_eq!(status(&app, &alice, "Device/pump").await, StatusCode::OK);
    app.load(Source::Memory(vec![device(Some("bob"))])).await;
    assert_eq!(status(&app, &alice, "Device/pump").await, StatusCode::NOT_FOUND);
    assert_eq!(status(&app, &bob, "Device/pump").await, StatusCode::OK);
    app.load(Source::Memory(vec![device(None)])).await;
    assert_eq!(status(&app, &alice, "Device/pump").await, StatusCode::OK);
    assert_eq!(
        status(&app, &bob, "Device/pump").await,
        StatusCode::OK,
        "what of his named it as his own still finds it"
    );
    app.finish().await;
}

/// R4, "HTTP": a read of a deleted resource is 410.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_plan_deletes_is_gone_and_said_to_be_gone() {
    let app = App::start().await;
    app.load(Source::Memory(vec![observation("wrong", "alice"), observation("right", "alice")])).await;
    let alice = app.sign_in("alice", EVERYTHING).await;
    let report = app.load(deletion(&["Observation/wrong", "Observation/never-there"])).await;
    assert_eq!(
        report.types["Observation"],
        Tally { read: 2, deleted: 1, unchanged: 1, ..Tally::default() },
        "{report}"
    );
    let gone = app.fhir(&alice, "Observation/wrong").await;
    assert_eq!((gone.status, gone.issue().0.as_str()), (StatusCode::GONE, "deleted"));
    assert_eq!(status(&app, &alice, "Observation/wrong/_history/1").await, StatusCode::GONE);
    assert_eq!(app.fhir(&alice, "Observation?_id=right,wrong").await.matches(), ["Observation/right"]);
    let whole = app.fhir(&alice, "Patient/alice/$everything?_type=Observation").await;
    assert!(whole.matches().iter().all(|key| key != "Observation/wrong"));
    let again = app.load(deletion(&["Observation/wrong"])).await;
    assert_eq!(again.total().unchanged, 1);
    app.load(Source::Memory(vec![observation("wrong", "alice")])).await;
    assert_eq!(
        app.fhir(&alice, "Observation/wrong").await.header("etag"),
        "W/\"3\"",
        "it is back as a version of its own"
    );
    // Some senders put what is to be deleted beside it, or null.
    for beside in [observation("right", "alice"), Json::Null] {
        let request = json!({"method": "DELETE", "url": "Observation/right"});
        let entry = json!([{"resource": beside, "request": request}]);
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entry});
        assert!(app.load(Source::Memory(vec![bundle])).await.is_clean());
        assert_eq!(status(&app, &alice, "Observation/right").await, StatusCode::GONE);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_tells_nothing_to_another_member_nor_to_a_token_for_a_part() {
    let app = App::start().await;
    app.load(Source::Memory(vec![observation("wrong", "alice")])).await;
    app.load(deletion(&["Observation/wrong"])).await;
    let vitals = "http://terminology.hl7.org/CodeSystem/observation-category|vital-signs";
    let part = app.sign_in("alice", &format!("patient/Observation.rs?category={vitals}")).await;
    let bob = app.sign_in("bob", EVERYTHING).await;
    for tokens in [&part, &bob] {
        let (gone, none) = (app.fhir(tokens, "Observation/wrong").await, app.fhir(tokens, "Observation/none").await);
        assert_eq!((gone.status, gone.body), (StatusCode::NOT_FOUND, none.body));
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_resource_can_be_deleted_too() {
    let app = App::start().await;
    let mut seen = observation("seen", "alice");
    seen["performer"] = json!([{"reference": "Practitioner/retired"}]);
    app.load(Source::Memory(vec![seen, json!({"resourceType": "Practitioner", "id": "retired"})])).await;
    app.load(deletion(&["Practitioner/retired"])).await;
    let (alice, bob) = (app.sign_in("alice", EVERYTHING).await, app.sign_in("bob", EVERYTHING).await);
    assert_eq!(status(&app, &alice, "Practitioner/retired").await, StatusCode::GONE);
    assert_eq!(status(&app, &bob, "Practitioner/retired").await, StatusCode::NOT_FOUND);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_word_of_a_run_counts_be_it_a_deletion() {
    let app = App::start().await;
    let alice = app.sign_in("alice", EVERYTHING).await;
    let delete = json!({"resourceType": "Bundle", "type": "transaction",
        "entry": [{"request": {"method": "DELETE", "url": "Observation/brief"}}]});
    app.load(Source::Memory(vec![observation("brief", "alice"), delete.clone()])).await;
    assert_eq!(status(&app, &alice, "Observation/brief").await, StatusCode::NOT_FOUND, "it was never there");
    app.load(Source::Memory(vec![delete, observation("brief", "alice")])).await;
    assert_eq!(status(&app, &alice, "Observation/brief").await, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_names_no_resource_by_its_id_is_rejected() {
    let app = App::start().await;
    let urls = [
        "Observation?subject=Patient/alice",
        "",
        "Group/g",
        "https://elsewhere.example/Observation/1",
        "Observation/a/_history/1",
    ];
    let report = app.load(deletion(&urls)).await;
    assert_eq!(report.reasons, [(Kind::BadDeletion.code(), 5)].into(), "{report}");
    app.finish().await;
}

/// The owner of a Provenance is that of its targets, whichever run they came in.
#[tokio::test(flavor = "multi_thread")]
async fn a_provenance_may_come_after_what_it_is_about() {
    let app = App::start().await;
    let alice = app.sign_in("alice", EVERYTHING).await;
    app.load(Source::Memory(vec![observation("first", "alice")])).await;
    let provenance = |target: &str| {
        json!({"resourceType": "Provenance", "id": "late", "recorded": "2026-01-01T00:00:00Z",
        "target": [{"reference": target}], "agent": [{"who": {"display": "a lab"}}]})
    };
    app.load(Source::Memory(vec![provenance("Observation/first")])).await;
    assert_eq!(status(&app, &alice, "Provenance/late").await, StatusCode::OK);
    app.load(Source::Memory(vec![observation("other", "bob"), provenance("Observation/other")])).await;
    assert_eq!(
        status(&app, &alice, "Provenance/late").await,
        StatusCode::NOT_FOUND,
        "it is about another member's now"
    );
    let report = app.load(Source::Memory(vec![provenance("Observation/unknown")])).await;
    assert_eq!(report.reasons, [(Kind::UnknownTargets.code(), 1)].into());
    app.finish().await;
}

/// A document as plans send it: what it holds in a Binary of its own.
fn document(id: &str, patient: &str, binary: &str) -> Json {
    json!({"resourceType": "DocumentReference", "id": id, "status": "current",
        "subject": {"reference": format!("Patient/{patient}")},
        "content": [{"attachment": {"contentType": "text/plain", "url": format!("Binary/{binary}")}}]})
}

fn binary(id: &str) -> Json {
    json!({"resourceType": "Binary", "id": id, "contentType": "text/plain", "data": "aGk="})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_was_another_members_takes_along_what_it_holds() {
    let app = App::start().await;
    let (alice, bob) = (app.sign_in("alice", EVERYTHING).await, app.sign_in("bob", EVERYTHING).await);
    app.load(Source::Memory(vec![binary("scan"), document("letter", "alice", "scan")])).await;
    assert_eq!(status(&app, &alice, "Binary/scan").await, StatusCode::OK);
    let report = app.load(Source::Memory(vec![document("letter", "bob", "scan")])).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(status(&app, &alice, "Binary/scan").await, StatusCode::NOT_FOUND);
    assert_eq!(status(&app, &bob, "Binary/scan").await, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_documents_of_a_member_hold_stays_theirs_when_one_of_them_goes() {
    let app = App::start().await;
    let (alice, bob) = (app.sign_in("alice", EVERYTHING).await, app.sign_in("bob", EVERYTHING).await);
    let both = vec![binary("shared"), document("one", "alice", "shared"), document("two", "alice", "shared")];
    app.load(Source::Memory(both)).await;
    let report = app.load(Source::Memory(vec![document("one", "bob", "shared")])).await;
    assert_eq!(report.reasons, [(Kind::BinaryOfAnother.code(), 1)].into(), "{report}");
    app.load(deletion(&["DocumentReference/one"])).await;
    assert_eq!(status(&app, &alice, "Binary/shared").await, StatusCode::OK);
    assert_eq!(status(&app, &bob, "Binary/shared").await, StatusCode::NOT_FOUND);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_beside_the_feed_follows_its_document_and_goes_with_it() {
    let app = App::start().await;
    let (alice, bob) = (app.sign_in("alice", EVERYTHING).await, app.sign_in("bob", EVERYTHING).await);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("scan.txt"), "x".repeat(20_000)).unwrap();
    let feed = folder.path().join("feed.json");
    let load = async |patient: &str| {
        let mut document = document("filed", patient, "x");
        document["content"][0]["attachment"]["url"] = json!("scan.txt");
        std::fs::write(&feed, document.to_string()).unwrap();
        app.load(Source::of_paths(std::slice::from_ref(&feed)).unwrap()).await
    };
    let held = async |tokens: &Tokens| {
        let document = app.fhir(tokens, "DocumentReference/filed").await.json();
        document["content"][0]["attachment"]["url"].as_str().unwrap().to_owned()
    };
    load("alice").await;
    let hers = held(&alice).await;
    assert_eq!(status(&app, &alice, &hers).await, StatusCode::OK);
    load("bob").await;
    assert_eq!(status(&app, &alice, &hers).await, StatusCode::NOT_FOUND, "nothing of hers names it any more");
    let his = held(&bob).await;
    assert_eq!(status(&app, &bob, &his).await, StatusCode::OK);
    app.load(deletion(&["DocumentReference/filed"])).await;
    assert_eq!(status(&app, &bob, &his).await, StatusCode::GONE);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_documents_that_hold_the_same_go_to_another_member_together() {
    let app = App::start().await;
    let (alice, bob) = (app.sign_in("alice", EVERYTHING).await, app.sign_in("bob", EVERYTHING).await);
    let both = |patient: &str| vec![document("one", patient, "held"), document("two", patient, "held")];
    app.load(Source::Memory([both("alice"), vec![binary("held")]].concat())).await;
    let report = app.load(Source::Memory(both("bob"))).await;
    assert_eq!((report.total().stored, report.is_clean()), (2, true), "{report}");
    assert_eq!(status(&app, &alice, "Binary/held").await, StatusCode::NOT_FOUND);
    assert_eq!(app.fhir(&bob, "Binary/held").await.body, "hi");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_refused_moves_nothing_of_what_it_holds() {
    let app = App::start().await;
    let (alice, bob) = (app.sign_in("alice", EVERYTHING).await, app.sign_in("bob", EVERYTHING).await);
    let held = |patient: &str| {
        let mut document = document("many", patient, "own-0");
        let attachments =
            (0..8).map(|n| json!({"attachment": {"contentType": "text/plain", "url": format!("Binary/own-{n}")}}));
        document["content"] = attachments.collect();
        document
    };
    let mut feed: Vec<Json> = (0..8).map(|number| binary(&format!("own-{number}"))).collect();
    feed.extend([held("alice"), document("other", "alice", "own-4")]);
    app.load(Source::Memory(feed)).await;
    let report = app.load(Source::Memory(vec![held("bob")])).await;
    assert_eq!(report.reasons, [(Kind::BinaryOfAnother.code(), 1)].into(), "{report}");
    for number in 0..8 {
        let path = format!("Binary/own-{number}");
        assert_eq!(status(&app, &alice, &path).await, StatusCode::OK, "{path}");
        assert_eq!(status(&app, &bob, &path).await, StatusCode::NOT_FOUND, "{path}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_deleted_document_held_stays_where_another_of_the_run_names_it() {
    let app = App::start().await;
    let alice = app.sign_in("alice", EVERYTHING).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("scan.txt"), "x".repeat(20_000)).unwrap();
    let load = async |resources: &[Json]| {
        let feed = folder.path().join("feed.ndjson");
        std::fs::write(&feed, resources.iter().map(Json::to_string).collect::<Vec<_>>().join("\n")).unwrap();
        app.load(Source::of_paths(&[feed]).unwrap()).await
    };
    let filed = |id: &str| {
        let mut document = document(id, "alice", "x");
        document["content"][0]["attachment"]["url"] = json!("scan.txt");
        document
    };
    let gone = |ids: &[&str]| {
        let entry = |id: &&str| json!({"request": {"method": "DELETE", "url": format!("DocumentReference/{id}")}});
        json!({"resourceType": "Bundle", "type": "transaction", "entry": ids.iter().map(entry).collect::<Vec<_>>()})
    };
    load(&[filed("old-file"), document("old-binary", "alice", "kept"), binary("kept")]).await;
    // The one Binary is made of a file, and the other is not in the feed again.
    let again = [gone(&["old-file", "old-binary"]), filed("new-file"), document("new-binary", "alice", "kept")];
    let report = load(&again).await;
    assert_eq!((report.total().stored, report.total().deleted), (2, 2), "{report}");
    let read = app.fhir(&alice, "DocumentReference/new-file").await.json();
    let url = read["content"][0]["attachment"]["url"].as_str().unwrap();
    assert_eq!(app.fhir(&alice, url).await.body.len(), 20_000);
    assert_eq!(app.fhir(&alice, "Binary/kept").await.body, "hi");
    assert_eq!(app.objects().await.len(), 1);
    load(&[gone(&["new-file", "new-binary"])]).await;
    assert_eq!(status(&app, &alice, url).await, StatusCode::GONE);
    assert_eq!(status(&app, &alice, "Binary/kept").await, StatusCode::GONE);
    assert!(app.objects().await.is_empty(), "what was deleted is not kept in the bucket");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_document_holds_no_more_is_gone_with_its_content() {
    let app = App::start().await;
    let alice = app.sign_in("alice", EVERYTHING).await;
    let folder = tempfile::tempdir().unwrap();
    let feed = folder.path().join("feed.json");
    let load = async |content: &str| {
        std::fs::write(folder.path().join("scan.txt"), content).unwrap();
        let mut document = document("filed", "alice", "x");
        document["content"][0]["attachment"]["url"] = json!("scan.txt");
        std::fs::write(&feed, document.to_string()).unwrap();
        assert!(app.load(Source::of_paths(std::slice::from_ref(&feed)).unwrap()).await.is_clean());
        let document = app.fhir(&alice, "DocumentReference/filed").await.json();
        document["content"][0]["attachment"]["url"].as_str().unwrap().to_owned()
    };
    let wrong = load(&"another person's".repeat(2_000)).await;
    let right = load(&"hers".repeat(6_000)).await;
    assert_eq!(status(&app, &alice, &wrong).await, StatusCode::GONE);
    assert_eq!(app.fhir(&alice, &right).await.body.len(), 24_000);
    assert_eq!(app.objects().await.len(), 1);
    app.finish().await;
}

/// A Provenance is about documents and gives them to nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_provenance_about_two_members_documents_takes_neither_away() {
    let app = App::start().await;
    let (alice, bob) = (app.sign_in("alice", EVERYTHING).await, app.sign_in("bob", EVERYTHING).await);
    let about = |targets: &[&str]| {
        let targets: Vec<Json> = targets.iter().map(|target| json!({"reference": target})).collect();
        json!({"resourceType": "Provenance", "id": "word", "recorded": "2026-01-01T00:00:00Z", "target": targets,
            "agent": [{"who": {"display": "a lab"}}]})
    };
    let targets = ["Patient/alice", "Patient/bob", "Binary/his"];
    let report = app.load(Source::Memory(vec![binary("his"), about(&targets)])).await;
    assert_eq!((report.is_clean(), report.unclaimed), (true, 1), "{report}");
    let all = ["DocumentReference/a", "DocumentReference/b", "Binary/hers", "Binary/his"];
    let feed = vec![document("a", "alice", "hers"), document("b", "bob", "his"), binary("hers"), about(&all)];
    assert!(app.load(Source::Memory(feed)).await.is_clean());
    for (tokens, own, foreign) in [(&alice, "hers", "his"), (&bob, "his", "hers")] {
        assert_eq!(status(&app, tokens, &format!("Binary/{own}")).await, StatusCode::OK);
        assert_eq!(status(&app, tokens, &format!("Binary/{foreign}")).await, StatusCode::NOT_FOUND);
        let word = app.fhir(tokens, "Provenance/word").await.body;
        assert!(word.contains(own) && !word.contains(foreign), "{word}");
    }
    app.load(deletion(&["DocumentReference/a"])).await;
    assert_eq!(status(&app, &alice, "Binary/hers").await, StatusCode::GONE, "that something is about it keeps nothing");
    app.finish().await;
}

/// An app that kept what it read asks with its `ETag`: no number may ever mean two contents.
#[tokio::test(flavor = "multi_thread")]
async fn versions_go_on_counting_when_a_resource_comes_back() {
    let app = App::start().await;
    let alice = app.sign_in("alice", EVERYTHING).await;
    let mut numbers = Vec::new();
    for (status, patient) in [("final", "alice"), ("final", "bob"), ("amended", "alice")] {
        let mut resource = observation("wanders", patient);
        resource["status"] = json!(status);
        app.load(Source::Memory(vec![resource])).await;
        if patient == "alice" {
            numbers.push(app.fhir(&alice, "Observation/wanders").await.json()["meta"]["versionId"].clone());
        }
    }
    assert_eq!(numbers, [json!("1"), json!("3")]);
    app.finish().await;
}
