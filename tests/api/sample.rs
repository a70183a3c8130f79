//! The made-up members: as many as wanted, the same for the same seed, and with every element that the guides' profiles
//! demand.

mod must_support;
pub mod validator;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use patient_access::load::Source;
use serde_json::Value as Json;
use tests::{App, binaries};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(binaries().join("patient-access"));
    command.arg("sample").args(arguments);
    command
}

async fn written(arguments: &[&str]) -> Vec<u8> {
    let output = command(arguments).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[tokio::test]
async fn one_seed_makes_the_same_bytes_and_another_one_other_members() {
    let first = written(&["--members", "3", "--seed", "7"]).await;
    assert_eq!(first, written(&["--members", "3", "--seed", "7"]).await);
    assert_ne!(first, written(&["--members", "3", "--seed", "8"]).await);
    let more = written(&["--members", "4", "--seed", "7"]).await;
    assert!(more.starts_with(&first), "one more member does not change the earlier ones");
    let long = written(&["--history", "300", "--seed", "7"]).await;
    assert_eq!(long, written(&["--history", "300", "--seed", "7"]).await);
    assert_ne!(long, written(&["--history", "300", "--seed", "8"]).await);
}

#[tokio::test]
async fn members_and_histories_are_written_as_they_are_made_until_nobody_reads_on() {
    for many in [["--members", "1000000000"], ["--history", "1000000"]] {
        let mut child = command(&many).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for _ in 0..1000 {
            let line = lines.next_line().await.unwrap().unwrap();
            assert!(serde_json::from_str::<Json>(&line).unwrap()["resourceType"].is_string());
        }
        drop(lines);
        assert!(child.wait().await.unwrap().success());
    }
}

#[tokio::test]
async fn a_file_and_a_folder_hold_the_same_and_no_resource_twice() {
    let place = tempfile::tempdir().unwrap();
    let (file, folder) = (place.path().join("members.ndjson"), format!("{}/by-type/", place.path().display()));
    written(&["--members", "5", "--out", file.to_str().unwrap()]).await;
    written(&["--members", "5", "--out", &folder]).await;
    let lines =
        |path: &Path| -> Vec<String> { std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect() };
    let whole: BTreeSet<String> = lines(&file).into_iter().collect();
    let files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    for path in &files {
        let kind = path.file_stem().unwrap().to_str().unwrap();
        assert!(lines(path).iter().all(|line| line.starts_with(&format!("{{\"resourceType\":\"{kind}\""))), "{kind}");
    }
    assert_eq!(whole, files.iter().flat_map(|path| lines(path)).collect());
    assert_eq!(whole.len(), lines(&file).len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_population_and_a_history_load_without_a_rejection() {
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str| place.path().join(name).display().to_string();
    written(&["--members", "6", "--seed", "3", "--out", &file("members.ndjson")]).await;
    written(&["--history", "300", "--seed", "3", "--out", &file("long.ndjson")]).await;
    let app = App::empty().await;
    let report = app.load(Source::of_paths(&[place.path().to_owned()]).unwrap()).await;
    let total = report.total();
    assert!(report.is_clean() && total.read == total.stored + total.superseded && total.read > 800, "{report}");
    app.add_member("first", "m000001").await;
    let tokens = app.sign_in("first", "patient/*.rs").await;
    assert!(!app.fhir(&tokens, "Coverage").await.matches().is_empty());
    app.finish().await;
}

#[tokio::test]
async fn the_help_says_what_there_is() {
    let help = String::from_utf8(written(&["--help"]).await).unwrap();
    for part in ["--members", "--seed", "--household", "--history", "--out", "m000001", "patient-access load"] {
        assert!(help.contains(part), "{part}: {help}");
    }
}

/// The types of the guides that have members' data, or that such resources refer to.
const KINDS: [&str; 30] = [
    "AllergyIntolerance",
    "CarePlan",
    "CareTeam",
    "Claim",
    "ClaimResponse",
    "Condition",
    "Coverage",
    "Device",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "Endpoint",
    "ExplanationOfBenefit",
    "Goal",
    "Immunization",
    "Location",
    "Medication",
    "MedicationDispense",
    "MedicationRequest",
    "Observation",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Procedure",
    "Provenance",
    "QuestionnaireResponse",
    "RelatedPerson",
    "ServiceRequest",
    "Specimen",
];

/// The guides, with the number of measured profiles and must-support elements.
const GUIDES: [(&str, usize, usize); 9] = [
    ("us-core-3.1.1", 26, 295),
    ("us-core-6.1.0", 49, 661),
    ("us-core-7.0.0", 52, 721),
    ("carin-bb-2.0.0", 11, 553),
    ("carin-bb-2.1.0", 16, 1011),
    ("pdex-2.0.0", 6, 87),
    ("pdex-2.1.1ci", 6, 120),
    ("hrex-1.0.0", 7, 87),
    ("hrex-1.1.0", 5, 70),
];

/// A pressure is two numbers, which are its components.
const TWO_NUMBERS: &str = "a blood pressure has no single value";
/// Nobody signs the sample's Provenances: a made-up signature would be a false one.
const NOBODY_SIGNED: &str = "a made-up signature would be a false one";
/// The snapshot of HRex 1.0.0 goes into the text of a reference, which has no parts in JSON.
const ITS_TEXT: &str = "a text is its own value in JSON";
/// HRex 1.0.0 has a profile of its own for practitioners, with the number of a facility; 1.1.0 uses US Core's.
const DROPPED: &str = "HRex has dropped the profile for US Core's";
/// Payers sign and exchange these to find each other's endpoints; they are never in a member's record.
const BETWEEN_PAYERS: &str = "it is exchanged between payers, apart from members' data";

/// Elements that are not filled: profile, the element with everything below it, and the reason. A profile's name counts
/// in every release.
const EXCEPTIONS: [(&str, &str, &str); 6] = [
    ("us-core-blood-pressure", "Observation.value[x]", TWO_NUMBERS),
    ("hrex-practitioner", "Practitioner", DROPPED),
    ("hrex-provenance", "Provenance.signature", NOBODY_SIGNED),
    ("hrex-provenance", "Provenance.target.reference.value", ITS_TEXT),
    ("mtls-endpoint", "Endpoint", BETWEEN_PAYERS),
    ("mtls-organization", "Organization", BETWEEN_PAYERS),
];

#[test]
fn the_household_fills_every_must_support_element() {
    let Some(folder) = tests::shared_folder("spec/mustsupport") else {
        return tests::missing_tool(
            "the_household_fills_every_must_support_element",
            "the guides' must-support elements",
        );
    };
    let household = sample_members::household().resources;
    let mut used = BTreeSet::new();
    for (guide, profiles, elements) in GUIDES {
        let found = must_support::measure(&folder.join(guide), &KINDS, &household);
        for profile in &found {
            let filled = profile.elements - profile.missing.len();
            let name = &profile.profile;
            println!(
                "{guide:<15} {name:<62} {filled:>3} of {:>3}, {:>5} resources",
                profile.elements, profile.resources
            );
            for element in &profile.missing {
                let exception = EXCEPTIONS.iter().find(|(of, from, _)| {
                    of == name
                        && element.strip_prefix(from).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                });
                let (of, from, why) = exception.unwrap_or_else(|| panic!("{guide} {name}: nothing fills {element}"));
                println!("    not {element}: {why}");
                used.insert((*of, *from));
            }
        }
        let count: usize = found.iter().map(|profile| profile.elements).sum();
        let missing: usize = found.iter().map(|profile| profile.missing.len()).sum();
        println!("{guide:<15} {} of {count} must-support elements of {} profiles\n", count - missing, found.len());
        assert_eq!((found.len(), count), (profiles, elements), "{guide}: the measured profiles and elements");
    }
    assert_eq!(used.len(), EXCEPTIONS.len(), "an exception that is no longer one");
}
