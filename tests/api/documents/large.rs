//! A document of 200 MB, from a file to an app.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use patient_access::stack::{Descriptor, announce};
use serde_json::json;
use tests::{App, binaries, checkout};
use tokio::process::Command;

use super::{ask, noise};

const SIZE: usize = 200 << 20;

/// Writes the file, and returns its SHA-256.
fn scan(path: &Path) -> Vec<u8> {
    let (mut file, mut hash) = (BufWriter::new(File::create(path).unwrap()), Context::new(&SHA256));
    let mut block = noise(1 << 20);
    for number in 0..(SIZE >> 20) as u64 {
        block[..8].copy_from_slice(&number.to_le_bytes());
        hash.update(&block);
        file.write_all(&block).unwrap();
    }
    file.flush().unwrap();
    hash.finish().as_ref().to_vec()
}

/// Loads a feed with the operator's command, and returns the most memory that it was seen to use, in KB.
async fn load(app: &App, feed: &Path) -> usize {
    let descriptor = Descriptor { url: app.url().to_owned(), environment: app.environment().clone() };
    let announced = announce(checkout(), &descriptor).unwrap();
    let mut command = Command::new(binaries().join("patient-access"));
    command.args(["load", feed.to_str().unwrap(), "--json", "--stack", app.url()]).current_dir(checkout());
    let mut child = command.stdout(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id().unwrap());
    let mut most = 0;
    let ended = loop {
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        let told = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = told.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        most = peak.and_then(|peak| peak.split_whitespace().next()?.parse().ok()).unwrap_or(most);
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    std::fs::remove_file(announced).unwrap();
    assert!(ended.success());
    most
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_megabytes_go_in_and_out_and_are_never_held_whole() {
    let app = App::start().await;
    let folder = tempfile::tempdir().unwrap();
    let sha256 = scan(&folder.path().join("scan.dcm"));
    let feed = folder.path().join("feed.json");
    let document = json!({"resourceType": "DocumentReference", "id": "scan", "status": "current",
        "subject": {"reference": "Patient/alice"},
        "content": [{"attachment": {"contentType": "application/dicom", "url": "scan.dcm"}}]});
    std::fs::write(&feed, document.to_string()).unwrap();
    let most = load(&app, &feed).await;
    assert!(most < (SIZE >> 10) / 2, "loading took {most} KB of memory");

    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let document = app.fhir(&tokens, "DocumentReference/scan").await.json();
    let attachment = &document["content"][0]["attachment"];
    assert_eq!(attachment["size"], SIZE);
    let id = attachment["url"].as_str().unwrap().strip_prefix("Binary/").unwrap();
    let end = ask(&app, &tokens, id, &[("range", "bytes=-1048568")]).await;
    assert_eq!((end.status, end.bytes[..] == noise(1 << 20)[8..]), (StatusCode::PARTIAL_CONTENT, true));

    let redirect = ask(&app, &tokens, id, &[]).await;
    assert_eq!(redirect.status, StatusCode::SEE_OTHER);
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::get(redirect.header("location")).body(Empty::<bytes::Bytes>::new()).unwrap();
    let mut body = client.request(request).await.unwrap().into_body();
    let mut hash = Context::new(&SHA256);
    while let Some(frame) = body.frame().await {
        hash.update(frame.unwrap().data_ref().unwrap());
    }
    assert_eq!(hash.finish().as_ref(), sha256);
    app.finish().await;
}
