//! The content of documents moves and goes with the documents.

use http::StatusCode;
use patient_access::load::{ReasonCode, Source};
use serde_json::{Value as Json, json};
use tests::{App, Tokens};

use super::{EVERYTHING, deletion, status};

/// A document as plans send it, with its content in a Binary of its own.
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
async fn content_that_two_documents_share_stays_when_one_of_them_goes() {
    let app = App::start().await;
    let (alice, bob) = (app.sign_in("alice", EVERYTHING).await, app.sign_in("bob", EVERYTHING).await);
    let both = vec![binary("shared"), document("one", "alice", "shared"), document("two", "alice", "shared")];
    app.load(Source::Memory(both)).await;
    let report = app.load(Source::Memory(vec![document("one", "bob", "shared")])).await;
    assert_eq!(report.reasons, [(ReasonCode::BinaryOfAnother.as_str(), 1)].into(), "{report}");
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

/// By whatever name, and not as an attachment alone: R4 lets a claim refer to anything that supports it.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_was_another_members_takes_along_what_it_refers_to_by_the_names_of_a_bundle() {
    let app = App::start().await;
    let (alice, bob) = (app.sign_in("alice", EVERYTHING).await, app.sign_in("bob", EVERYTHING).await);
    let names = ["urn:uuid:8d7e0bb4-6d7f-4c53-9d0e-8a2f4f5a1c11", "urn:oid:1.2.3.4", "https://x.example/scans/77"];
    for (number, name) in names.into_iter().enumerate() {
        let id = format!("held-{number}");
        let claim = |patient: &str| {
            json!({"resourceType": "Claim", "id": format!("claim-{number}"), "status": "active", "use": "claim",
                "patient": {"reference": format!("Patient/{patient}")},
                "supportingInfo": [{"sequence": 1, "valueReference": {"reference": name}}]})
        };
        let bundle = |patient: &str| {
            json!({"resourceType": "Bundle", "type": "collection",
                "entry": [{"resource": claim(patient)}, {"fullUrl": name, "resource": binary(&id)}]})
        };
        app.load(Source::Memory(vec![bundle("alice")])).await;
        let path = format!("Binary/{id}");
        assert_eq!(status(&app, &alice, &path).await, StatusCode::OK, "{name}");
        let report = app.load(Source::Memory(vec![bundle("bob")])).await;
        assert!(report.is_clean(), "{name}: {report}");
        assert_eq!(status(&app, &alice, &path).await, StatusCode::NOT_FOUND, "{name}");
        assert_eq!(status(&app, &bob, &path).await, StatusCode::OK, "{name}");
    }
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
    assert_eq!(report.reasons, [(ReasonCode::BinaryOfAnother.as_str(), 1)].into(), "{report}");
    for number in 0..8 {
        let path = format!("Binary/own-{number}");
        assert_eq!(status(&app, &alice, &path).await, StatusCode::OK, "{path}");
        assert_eq!(status(&app, &bob, &path).await, StatusCode::NOT_FOUND, "{path}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn content_of_a_deleted_document_stays_if_another_of_the_run_names_it() {
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
    // One Binary is made from a file. The other is not in the feed again.
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
    assert!(app.objects().await.is_empty(), "the bucket does not keep deleted content");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn content_that_a_document_drops_is_gone() {
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

/// A Provenance is about documents; it does not give them to anybody.
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
    assert_eq!(status(&app, &alice, "Binary/hers").await, StatusCode::GONE, "a Provenance about it keeps nothing");
    app.finish().await;
}
