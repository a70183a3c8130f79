//! Nothing that a feed brings is passed over in silence: each file is read or named, each resource is counted once, and what is
//! refused, mended, moved or restored is told.

mod dates;
mod files;
mod persons;
mod references;

use std::path::{Path, PathBuf};

use patient_access::load::{Report, Source};
use serde_json::{Value as Json, json};
use tests::App;

const EVERYTHING: &str = "patient/*.rs";

fn observation(id: &str, patient: &str) -> Json {
    json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"text": "x"},
        "subject": {"reference": format!("Patient/{patient}")}})
}

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}

async fn load(app: &App, paths: &[PathBuf]) -> Report {
    let report = app.load(Source::of_paths(paths).unwrap()).await;
    balances(&report);
    report
}

/// read = stored + deleted + unchanged + superseded + ignored + rejected, by type and by file.
fn balances(report: &Report) {
    for (kind, tally) in &report.types {
        let sum = tally.stored + tally.deleted + tally.unchanged + tally.superseded + tally.ignored + tally.rejected;
        assert_eq!(tally.read, sum, "{kind}: {report}");
    }
    if !report.files.is_empty() {
        let (total, files) = (report.total(), &report.files);
        assert_eq!(total.read, files.iter().map(|file| file.read).sum::<u64>(), "{report}");
        assert_eq!(total.rejected, files.iter().map(|file| file.rejected).sum::<u64>(), "{report}");
    }
}

/// The reasons of a report's rejections, with how many there are.
fn reasons(report: &Report) -> Vec<(&str, u64)> {
    report.reasons.iter().map(|(code, count)| (*code, *count)).collect()
}

/// Every rejection of a run, read from its file.
fn rejections(report: &Report) -> Vec<Json> {
    let Some(file) = &report.rejected_file else { return Vec::new() };
    std::fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The findings of a rule, each with its place.
fn findings<'a>(report: &'a Report, rule: &str) -> Vec<(&'a str, &'a str)> {
    let of_rule = report.findings.iter().filter(|finding| finding.rule == rule);
    of_rule.map(|finding| (finding.place.as_str(), finding.text.as_str())).collect()
}
