//! A load that is killed anywhere is ended by the same load again: the report of that and the store are as if it had been loaded once.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use patient_access::stack::Descriptor;
use serde_json::{Value as Json, json};
use tests::{App, Meter, binaries};
use tokio::process::Command;

/// Resources of the feed, and how often it is killed. `PATIENT_ACCESS_KILLS=resources,times` changes that.
fn extent() -> (usize, usize) {
    let given = std::env::var("PATIENT_ACCESS_KILLS").ok();
    let given = given
        .as_deref()
        .and_then(|text| text.split_once(','))
        .map(|(resources, times)| (resources.parse().unwrap(), times.parse().unwrap()));
    given.unwrap_or((5_000, 3))
}

fn member(number: usize) -> String {
    format!("m{}", number % 50)
}

/// A resource of a feed: of 50 members, some of which another load had given to a wrong member.
fn resource(number: usize) -> Json {
    let (id, patient) = (format!("r{number}"), json!({"reference": format!("Patient/{}", member(number))}));
    let practitioner = format!("Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|{}", number % 70);
    match number {
        0..50 => json!({"resourceType": "Patient", "id": member(number), "birthDate": "1980-01-02",
            "identifier": [{"system": "http://plan.example/cards", "value": format!("card-{number}")}]}),
        50..120 => json!({"resourceType": "Practitioner", "id": id,
            "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": format!("{}", number % 70)}]}),
        _ if number.is_multiple_of(97) => {
            json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"text": "nobody's"}})
        }
        _ if number.is_multiple_of(89) => {
            json!({"resourceType": "Provenance", "id": id, "recorded": "2026-01-01T00:00:00Z",
            "target": [{"reference": format!("Observation/r{}", number - 1)}, {"reference": format!("Observation/r{}", number - 2)}],
            "agent": [{"who": {"reference": practitioner}}]})
        }
        _ => {
            json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"text": format!("value {number}")},
            "effectiveDateTime": format!("2026-01-{:02}", number % 28 + 1), "subject": patient,
            "performer": [{"reference": practitioner}]})
        }
    }
}

fn write(folder: &Path, resources: usize) {
    for (file, start) in (0..resources).step_by(700).enumerate() {
        let lines = (start..resources.min(start + 700)).map(|number| resource(number).to_string());
        fs::write(folder.join(format!("part-{file:03}.ndjson")), lines.collect::<Vec<_>>().join("\n")).unwrap();
    }
}

/// The rows that an earlier load left: claims that are another member's, and one that is deleted.
fn before() -> Vec<Json> {
    let mut all: Vec<Json> = (130..140)
        .map(|number| {
            let mut resource = resource(number);
            resource["subject"]["reference"] = "Patient/m0".into();
            resource
        })
        .collect();
    all.push(resource(0));
    all.push(resource(150));
    all
}

/// The command, with a checkout of its own around it, in which it finds one stack.
pub(crate) struct Loader {
    folder: tempfile::TempDir,
    feed: PathBuf,
    url: String,
}

impl Loader {
    pub(crate) fn of(app: &App, meter: &Meter, feed: &Path) -> Loader {
        let folder = tempfile::tempdir().unwrap();
        // `cp` writes the copy, and not this process: another test that starts a program at this moment would hold it open for writing,
        // and the copy could not be started ("Text file busy").
        let copied =
            std::process::Command::new("cp").arg(binaries().join("patient-access")).arg(folder.path()).status();
        assert!(copied.unwrap().success());
        fs::write(folder.path().join("template.yaml"), "").unwrap();
        fs::create_dir_all(folder.path().join("functions")).unwrap();
        fs::create_dir_all(folder.path().join(".local/stacks")).unwrap();
        let mut environment = app.environment().clone();
        environment.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), meter.url.clone());
        let descriptor = Descriptor { url: app.url().to_owned(), environment };
        fs::write(folder.path().join(".local/stacks/1.json"), serde_json::to_vec(&descriptor).unwrap()).unwrap();
        Loader { folder, feed: feed.to_owned(), url: app.url().to_owned() }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.folder.path().join("patient-access"));
        command.current_dir(self.folder.path()).env_remove("PATIENT_ACCESS_STACK");
        command.arg("load").arg(&self.feed).args(["--json", "--stack", &self.url]);
        command.arg("--rejected").arg(self.folder.path().join("rejected.ndjson"));
        command
    }

    /// Kills the load once it has made so many calls. Returns whether it was alive.
    async fn killed_after(&self, meter: &Meter, calls: u32) -> bool {
        meter.take();
        let mut child = self.command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        loop {
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            if meter.calls() >= calls {
                child.kill().await.unwrap();
                return true;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Presses Ctrl-C once the load has made so many calls. Returns what it left.
    #[cfg(unix)]
    async fn interrupted_after(&self, meter: &Meter, calls: u32) -> std::process::Output {
        meter.take();
        let child = self.command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while meter.calls() < calls {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let sent = Command::new("kill").args(["-INT", &child.id().unwrap().to_string()]).status().await;
        assert!(sent.unwrap().success());
        child.wait_with_output().await.unwrap()
    }

    /// Runs the load to its end. Returns its report, and the most memory that it had at once, in KB.
    #[cfg(target_os = "linux")]
    pub(crate) async fn whole_with_peak(&self, options: &[&str]) -> (Json, u64) {
        let child = self.command().args(options).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let status = format!("/proc/{}/status", child.id().unwrap());
        let mut peak = 0;
        let watch = async {
            loop {
                let text = fs::read_to_string(&status).unwrap_or_default();
                let most = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
                let most = most.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok());
                peak = most.unwrap_or(0).max(peak);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let output = tokio::select! {
            output = child.wait_with_output() => output.unwrap(),
            () = watch => unreachable!("it goes on until the load ends"),
        };
        (serde_json::from_slice(&output.stdout).unwrap(), peak)
    }

    async fn whole(&self) -> Json {
        let output = self.command().output().await.unwrap();
        let mut report: Json = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        report["rejected_file"] = Json::Null;
        report
    }
}

/// The keys of all rows, without those of moments: receipts, and when shared resources changed.
async fn keys(app: &App) -> BTreeSet<String> {
    let client = tests::dynamodb(app.environment());
    let rows = client.scan().table_name(&app.environment()["RESOURCES_TABLE"]).into_paginator().items().send();
    let rows = rows.collect::<Result<Vec<_>, _>>().await.unwrap();
    let key = |row: &std::collections::HashMap<String, _>| {
        let text = |name: &str| {
            let value: &aws_sdk_dynamodb::types::AttributeValue = &row[name];
            value.as_s().unwrap().clone()
        };
        format!("{} {}", text("pk"), text("sk"))
    };
    rows.iter().map(key).filter(|key| !key.contains("Provenance/received-") && !key.starts_with("shared ")).collect()
}

/// A member's record as apps read it, without the moments at which versions became visible, and without receipts.
async fn record(app: &App, member: &str) -> Vec<String> {
    let username = format!("user-{member}");
    app.add_member(&username, member).await;
    let tokens = app.sign_in(&username, "patient/*.rs").await;
    let mut found = BTreeSet::new();
    for search in ["Patient?", "Observation?_count=200", "Practitioner?_count=200", "Provenance?_count=200"] {
        let page = app.fhir(&tokens, search).await;
        assert_eq!(page.link("next"), None, "{search}");
        for mut entry in page.json()["entry"].as_array().cloned().unwrap_or_default() {
            let resource = &mut entry["resource"];
            assert!(resource["meta"]["lastUpdated"].is_string());
            resource["meta"]["lastUpdated"] = Json::Null;
            let text = resource.to_string();
            found.extend((!text.contains("received-")).then_some(text));
        }
    }
    found.into_iter().collect()
}

/// A number that looks random, by which the moments of kills are chosen.
fn scattered(seed: u64, step: u64) -> u64 {
    let mut value = seed.wrapping_add(step.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_is_killed_again_and_again_ends_as_one_that_was_not() {
    let (resources, times) = extent();
    let seed = std::env::var("PATIENT_ACCESS_KILLS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let feed = tempfile::tempdir().unwrap();
    write(feed.path(), resources);
    let (once, often) = (App::empty().await, App::empty().await);
    let mut reports = Vec::new();
    for (app, kills) in [(&once, 0), (&often, times)] {
        app.load(patient_access::load::Source::Memory(before())).await;
        let deletion = json!({"resourceType": "Bundle", "type": "transaction",
            "entry": [{"request": {"method": "DELETE", "url": "Observation/r150"}}]});
        app.load(patient_access::load::Source::Memory(vec![deletion])).await;
        let meter = Meter::before(&app.environment()["AWS_ENDPOINT_URL_DYNAMODB"]).await;
        let loader = Loader::of(app, &meter, feed.path());
        let share = u64::try_from(resources).unwrap() * 2 / u64::try_from(kills + 1).unwrap();
        for kill in 0..kills {
            let calls = 20 + scattered(seed, kill as u64) % share;
            let was_alive = loader.killed_after(&meter, u32::try_from(calls).unwrap()).await;
            assert!(was_alive, "kill {kill} came after {calls} calls: too late");
        }
        reports.push(loader.whole().await);
    }
    let [of_once, of_often] = &reports[..] else { panic!("there are two") };
    assert!(of_once["moved"].as_u64() > Some(0) && of_once["restored"] == 1, "{of_once}");
    for name in ["types", "moved", "restored", "mended", "warned", "references", "reasons", "files", "finished"] {
        assert_eq!(of_often[name], of_once[name], "{name}, seed {seed}");
    }
    assert_eq!(keys(&often).await, keys(&once).await, "seed {seed}");
    for member in ["m0", "m1", "m30", "m49"] {
        assert_eq!(record(&often, member).await, record(&once, member).await, "{member}, seed {seed}");
    }
    once.finish().await;
    often.finish().await;
}

/// T182
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_says_what_is_stored_and_that_a_repeat_is_safe() {
    let feed = tempfile::tempdir().unwrap();
    write(feed.path(), 2_100);
    let app = App::empty().await;
    let meter = Meter::before(&app.environment()["AWS_ENDPOINT_URL_DYNAMODB"]).await;
    let loader = Loader::of(&app, &meter, feed.path());
    let output = loader.interrupted_after(&meter, 400).await;
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("stopped. What is counted is stored"), "{told}");
    assert!(told.contains("It is safe to run the same load again"), "{told}");
    let report: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &report["finished"]), (Some(1), &json!(false)), "{report}");
    let stored = |report: &Json| report["types"]["Observation"]["stored"].as_u64().unwrap_or_default();
    let whole = loader.whole().await;
    assert_eq!(whole["finished"], true, "{whole}");
    assert!(stored(&report) < stored(&whole), "{report} {whole}");
    let expected = (120..2_100).filter(|number| number % 97 > 0 && number % 89 > 0).count();
    assert_eq!(stored(&whole), u64::try_from(expected).unwrap(), "{whole}");
    app.finish().await;
}
