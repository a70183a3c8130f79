//! The memory of a load, as the operating system counts it: it does not grow with the length of a file, of a line, or with how often one
//! id comes.

use std::fs::{self, File};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use serde_json::{Value as Json, json};
use tests::{App, Meter};

use crate::resume::Loader;

/// The difference that two measurements of the same may have, in percent.
const PERCENT: u64 = 10;

async fn load(app: &App, feed: &Path) -> (Json, u64) {
    let meter = Meter::before(&app.environment()["AWS_ENDPOINT_URL_DYNAMODB"]).await;
    Loader::of(app, &meter, feed).whole_with_peak(&[]).await
}

fn is_flat(small: u64, large: u64) {
    assert!(small > 0 && large * 100 <= small * (100 + PERCENT), "{small} KB became {large} KB");
}

/// A Bundle of resources that no member's app gets, of 100 KB each: they are read and not stored.
fn bundle(path: &Path, entries: usize) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    let entry = json!({"resource": {"resourceType": "Task", "status": "draft", "intent": "plan", "description": "x".repeat(100_000)}});
    write!(file, "{{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{entry}").unwrap();
    for _ in 1..entries {
        write!(file, ",\n{entry}").unwrap();
    }
    write!(file, "]}}").unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_read_in_the_same_memory_however_long_it_is() {
    let app = App::empty().await;
    let folder = tempfile::tempdir().unwrap();
    let megabytes = std::env::var("PATIENT_ACCESS_BUNDLE_MB").ok().map_or(40, |text| text.parse().unwrap());
    let mut peaks = Vec::new();
    for entries in [20, megabytes * 10] {
        let feed = folder.path().join("bundle.json");
        bundle(&feed, entries);
        let (report, peak) = load(&app, &feed).await;
        assert_eq!(
            (&report["types"]["Task"]["ignored"], &report["finished"]),
            (&json!(entries), &json!(true)),
            "{report}"
        );
        assert_eq!(report["files"][0]["format"], "json");
        peaks.push(peak);
    }
    eprintln!("{peaks:?} KB");
    is_flat(peaks[0], peaks[1]);
    app.finish().await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_comes_again_and_again_takes_the_memory_of_one() {
    let app = App::empty().await;
    let folder = tempfile::tempdir().unwrap();
    let times = std::env::var("PATIENT_ACCESS_TIMES").ok().map_or(100_000, |text| text.parse().unwrap());
    let mut peaks = Vec::new();
    for times in [1_000, times] {
        let feed = folder.path().join("again.ndjson");
        let mut file = BufWriter::new(File::create(&feed).unwrap());
        for number in 0..times {
            let subject = json!({"reference": "Patient/alice"});
            writeln!(file, "{}", json!({"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": format!("{times} {number}")}, "subject": subject})).unwrap();
        }
        file.flush().unwrap();
        let (report, peak) = load(&app, &feed).await;
        let of = &report["types"]["Observation"];
        assert_eq!(
            (&of["read"], &of["stored"], &of["superseded"]),
            (&json!(times), &json!(1), &json!(times - 1)),
            "{report}"
        );
        peaks.push(peak);
    }
    eprintln!("{peaks:?} KB");
    is_flat(peaks[0], peaks[1]);
    app.finish().await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_500_megabytes_is_refused_by_itself_in_bounded_memory() {
    let app = App::empty().await;
    let folder = tempfile::tempdir().unwrap();
    let feed = folder.path().join("long.ndjson");
    let line = |id: &str| {
        let subject = json!({"reference": "Patient/alice"});
        json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"text": id}, "subject": subject})
    };
    let mut file = File::create(&feed).unwrap();
    writeln!(file, "{}", line("before")).unwrap();
    write!(file, "{{\"resourceType\":\"Observation\",\"id\":\"").unwrap();
    // A hole, which reads as zeros.
    file.seek(SeekFrom::Current(500 << 20)).unwrap();
    writeln!(file, "\"}}\n{}", line("after")).unwrap();
    drop(file);
    let (report, peak) = load(&app, &feed).await;
    assert_eq!(
        (&report["types"]["Observation"]["stored"], &report["reasons"]["too-large"]),
        (&json!(2), &json!(1)),
        "{report}"
    );
    eprintln!("{peak} KB");
    assert!(peak < 400 << 10, "{peak} KB");
    fs::remove_file(feed).unwrap();
    app.finish().await;
}

/// Resources of as many ids, of 50 to a member, with names by which others may refer to them.
fn distinct(path: &Path, resources: usize, text: usize) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    for number in 0..resources {
        let observation = json!({"resourceType": "Observation", "id": format!("distinct-{resources}-{number}"), "status": "final",
            "identifier": [{"system": "http://plan.example/observations", "value": format!("{number}")}],
            "code": {"text": format!("{number:0>text$}")}, "subject": {"reference": format!("Patient/m{}", number / 50)},
            "performer": [{"reference": format!("Practitioner/p{}", number % 997)}]});
        writeln!(file, "{observation}").unwrap();
    }
    file.flush().unwrap();
}

/// T183
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn ten_times_as_many_resources_take_the_same_memory() {
    let app = App::empty().await;
    let folder = tempfile::tempdir().unwrap();
    let most = std::env::var("PATIENT_ACCESS_DISTINCT").ok().map_or(10_000, |text| text.parse().unwrap());
    let mut peaks = Vec::new();
    for resources in [1_000, most] {
        let feed = folder.path().join("distinct.ndjson");
        distinct(&feed, resources, 10);
        let meter = Meter::before(&app.environment()["AWS_ENDPOINT_URL_DYNAMODB"]).await;
        let (report, peak) = Loader::of(&app, &meter, &feed).whole_with_peak(&["--check"]).await;
        assert_eq!(report["types"]["Observation"], json!(resources), "{report}");
        peaks.push(peak);
    }
    eprintln!("checked: {peaks:?} KB");
    is_flat(peaks[0], peaks[1]);
    peaks.clear();
    for resources in [1_000, most / 2] {
        let feed = folder.path().join("distinct.ndjson");
        distinct(&feed, resources, 2_500);
        let (report, peak) = load(&app, &feed).await;
        assert_eq!(report["types"]["Observation"]["stored"], json!(resources), "{report}");
        peaks.push(peak);
    }
    eprintln!("loaded: {peaks:?} KB");
    is_flat(peaks[0], peaks[1]);
    app.finish().await;
}
