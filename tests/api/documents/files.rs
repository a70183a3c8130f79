//! Documents that come as files beside the feed.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use patient_access::load::{Report, Source};
use serde_json::{Value as Json, json};
use tests::App;

use super::{ask, noise};

fn document(id: &str, attachment: Json) -> Json {
    json!({"resourceType": "DocumentReference", "id": id, "status": "current", "subject": {"reference": "Patient/alice"},
        "content": [{"attachment": attachment}]})
}

async fn load(app: &App, feed: &Path, resources: &[Json]) -> Report {
    let lines: Vec<String> = resources.iter().map(Json::to_string).collect();
    fs::write(feed, lines.join("\n")).unwrap();
    app.load(Source::of_paths(&[feed.to_owned()]).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn files_beside_the_feed_become_documents_of_the_member() {
    let app = App::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (feed, files) = (folder.path().join("feed.ndjson"), folder.path().join("documents"));
    fs::create_dir(&files).unwrap();
    let cda = b"<?xml version=\"1.0\"?><ClinicalDocument xmlns=\"urn:hl7-org:v3\"/>".to_vec();
    let contents = [("report.pdf", noise(300_000)), ("visit 1.xml", cda), ("me.jpg", noise(20_000))];
    for (name, bytes) in &contents {
        fs::write(files.join(name), bytes).unwrap();
    }
    let mut patient = app.fhir(&app.sign_in("alice", "patient/*.rs").await, "Patient/alice").await.json();
    patient["photo"] = json!([{"contentType": "image/jpeg", "url": "documents/me.jpg"}]);
    let report = json!({"resourceType": "DiagnosticReport", "id": "lab", "status": "final", "code": {"text": "Lab"},
        "subject": {"reference": "Patient/alice"},
        "presentedForm": [{"contentType": "application/pdf", "url": "./documents/report.pdf", "size": 300_000}]});
    let resources = [
        document("scan", json!({"contentType": "application/pdf", "url": "documents/report.pdf"})),
        document("visit", json!({"contentType": "application/hl7-cda+xml", "url": "documents/visit%201.xml"})),
        document("elsewhere", json!({"url": "https://documents.example/a.pdf"})),
        document("bucket", json!({"url": "s3://bucket/bob/secret.pdf"})),
        report,
        patient,
    ];
    let first = load(&app, &feed, &resources).await;
    assert!(first.is_clean(), "{first}");
    assert_eq!(first.documents, 4);
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let attachment =
        async |path: &str, pointer: &str| app.fhir(&tokens, path).await.json().pointer(pointer).unwrap().clone();
    let named = [
        (attachment("DocumentReference/scan", "/content/0/attachment").await, &contents[0].1, "application/pdf"),
        (attachment("DiagnosticReport/lab", "/presentedForm/0").await, &contents[0].1, "application/pdf"),
        (
            attachment("DocumentReference/visit", "/content/0/attachment").await,
            &contents[1].1,
            "application/hl7-cda+xml",
        ),
        (attachment("Patient/alice", "/photo/0").await, &contents[2].1, "image/jpeg"),
    ];
    for (attachment, bytes, media_type) in &named {
        let id = attachment["url"].as_str().unwrap().strip_prefix("Binary/").unwrap();
        assert_eq!(attachment["size"], bytes.len());
        let sha1 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
        assert_eq!(attachment["hash"], STANDARD.encode(sha1));
        let reply = ask(&app, &tokens, id, &[]).await;
        assert_eq!((reply.status, reply.header("content-type")), (StatusCode::OK, *media_type));
        assert!(reply.bytes == **bytes, "{attachment}");
    }
    assert_eq!(named[0].0["url"], named[1].0["url"], "the same file is the same Binary");
    let elsewhere = attachment("DocumentReference/elsewhere", "/content/0/attachment").await;
    assert_eq!(elsewhere, json!({"url": "https://documents.example/a.pdf"}), "another server's URL is left alone");
    assert_eq!(attachment("DocumentReference/bucket", "/content/0/attachment/url").await, "s3://bucket/bob/secret.pdf");

    let objects = app.objects().await;
    assert_eq!(objects.len(), 2, "small content stays in its row: {objects:?}");
    let second = load(&app, &feed, &resources).await;
    assert_eq!((second.total().stored, second.total().unchanged, second.documents), (0, resources.len() as u64, 0));
    assert_eq!(app.objects().await, objects);
    fs::write(files.join("report.pdf"), noise(300_001)).unwrap();
    let third = load(&app, &feed, &resources).await;
    assert_eq!((third.types["DocumentReference"].stored, third.reasons["attachment-differs"]), (1, 1), "{third}");
    app.finish().await;
}

/// T097: a path leads to files of the feed and to nothing else
#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_leads_elsewhere_is_rejected() {
    let app = App::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (alice, bob) = (folder.path().join("alice"), folder.path().join("bob"));
    fs::create_dir(&alice).unwrap();
    fs::create_dir(&bob).unwrap();
    fs::write(bob.join("secret.pdf"), "CANARY-BOB").unwrap();
    for feed in ["other.ndjson", "other.ndjson.gz"] {
        fs::write(alice.join(feed), "CANARY-BOB").unwrap();
    }
    fs::write(alice.join("note.txt"), "a note").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(bob.join("secret.pdf"), alice.join("link.pdf")).unwrap();
    let absolute = bob.join("secret.pdf").display().to_string();
    let cases = [
        ("../bob/secret.pdf", "attachment-outside"),
        ("%2e%2e/bob/secret.pdf", "attachment-outside"),
        ("a/../../bob/secret.pdf", "attachment-outside"),
        ("..\\bob\\secret.pdf", "attachment-outside"),
        ("..%5Cbob%5Csecret.pdf", "attachment-outside"),
        (&absolute, "attachment-outside"),
        ("//localhost/secret.pdf", "attachment-outside"),
        #[cfg(unix)]
        ("link.pdf", "attachment-outside"),
        ("other.ndjson", "attachment-outside"),
        ("other.ndjson.gz", "attachment-outside"),
        ("nothing.pdf", "attachment-missing"),
        ("note.txt%00.pdf", "attachment-missing"),
        ("%ff", "attachment-missing"),
        (".", "attachment-missing"),
    ];
    let resources: Vec<Json> =
        cases.iter().enumerate().map(|(n, (url, _))| document(&format!("d{n}"), json!({"url": url}))).collect();
    let report = load(&app, &alice.join("feed.ndjson"), &resources).await;
    let rejected = fs::read_to_string(report.rejected_file.as_ref().unwrap()).unwrap();
    let rejected: Vec<Json> = rejected.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (n, (url, code)) in cases.iter().enumerate() {
        let of_this = rejected.iter().find(|line| line["resource"]["id"] == format!("d{n}")).unwrap();
        assert_eq!(of_this["code"], *code, "{url}: {of_this}");
        assert!(of_this["reason"].as_str().unwrap().contains(url), "{of_this}");
    }
    assert!(app.objects().await.is_empty());

    let wrong = [
        (document("size", json!({"url": "note.txt", "size": 7})), "attachment-differs"),
        (document("hash", json!({"url": "note.txt", "hash": "AAAA"})), "attachment-differs"),
        (json!({"resourceType": "Practitioner", "id": "p", "photo": [{"url": "note.txt"}]}), "no-owner"),
        (json!({"resourceType": "Binary", "id": "b", "contentType": "text/plain", "data": "not: base64"}), "bad-data"),
    ];
    for (resource, code) in wrong {
        let report = load(&app, &alice.join("feed.ndjson"), &[resource]).await;
        assert_eq!(report.reasons.keys().collect::<Vec<_>>(), [&code]);
    }
    app.finish().await;
}

/// T097: a document made from a file belongs to its member, whoever else names it
#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_can_name_a_document_made_of_a_file() {
    let app = App::start().await;
    let folder = tempfile::tempdir().unwrap();
    let feed = folder.path().join("feed.ndjson");
    fs::write(folder.path().join("note.txt"), "a note of alice's").unwrap();
    load(&app, &feed, &[document("d", json!({"url": "note.txt"}))]).await;
    let alice = app.sign_in("alice", "patient/*.rs").await;
    let read = app.fhir(&alice, "DocumentReference/d").await.json();
    let url = read["content"][0]["attachment"]["url"].as_str().unwrap();
    let mut stolen = document("e", json!({"url": url}));
    stolen["subject"] = json!({"reference": "Patient/bob"});
    let report = load(&app, &feed, &[stolen]).await;
    assert_eq!(report.reasons["binary-of-another"], 1);
    let bob = app.sign_in("bob", "patient/*.rs").await;
    assert_eq!(app.fhir(&bob, url).await.status, StatusCode::NOT_FOUND);

    // If two members' documents name one file, each gets a document of their own.
    let mut same = document("f", json!({"url": "note.txt"}));
    same["subject"] = json!({"reference": "Patient/bob"});
    assert!(load(&app, &feed, &[same]).await.is_clean());
    let own = app.fhir(&bob, "DocumentReference/f").await.json();
    let own = own["content"][0]["attachment"]["url"].as_str().unwrap();
    assert_ne!(own, url);
    assert_eq!(app.fhir(&bob, own).await.body, "a note of alice's");
    assert_eq!(app.fhir(&alice, own).await.status, StatusCode::NOT_FOUND);
    app.finish().await;
}
