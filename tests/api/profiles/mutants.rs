//! No claim is false: the guides' examples, each with one element dropped or altered, claim what an independent validator confirms.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::Command;

use serde_json::{Value as Json, json};
use shared::fhir::guides::Guides;
use shared::fhir::profiles;

use super::examples;
use crate::sample::validator;

/// One in this many mutants is judged; all of them, 19 thousand, take the validator four minutes. `PATIENT_ACCESS_ALL_MUTANTS=1`
/// judges all.
const ONE_IN: usize = 11;

/// Elements that repeat, and whose every item is told apart by a slice: each of them is dropped and altered.
const SLICED: [&str; 5] = ["adjudication", "careTeam", "component", "identifier", "supportingInfo"];

/// The places in a resource, each as the steps to it.
fn places(json: &Json, steps: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let inner: Vec<(String, &Json)> = match json {
        Json::Object(properties) => properties.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Json::Array(items) => items.iter().enumerate().map(|(place, item)| (place.to_string(), item)).collect(),
        _ => return,
    };
    for (step, value) in inner {
        steps.push(step);
        found.push(steps.clone());
        places(value, steps, found);
        steps.pop();
    }
}

fn is_place(step: &str) -> bool {
    step.bytes().all(|byte| byte.is_ascii_digit())
}

fn pointer(steps: &[String]) -> String {
    steps.iter().fold(String::new(), |pointer, step| pointer + "/" + step)
}

fn dropped(resource: &Json, steps: &[String]) -> Json {
    let mut mutant = resource.clone();
    let (last, above) = steps.split_last().unwrap();
    match mutant.pointer_mut(&pointer(above)).unwrap() {
        Json::Object(properties) => drop(properties.shift_remove(last)),
        Json::Array(items) => drop(items.remove(last.parse().unwrap())),
        _ => unreachable!("a place is in an object or a list"),
    }
    mutant
}

/// The values that may stand in place of another: another target, another code, another type of JSON, one more.
fn others(value: &Json, name: &str) -> Vec<Json> {
    match value {
        Json::String(text) if name == "reference" => {
            let kinds = ["Organization", "Patient", "Practitioner"].into_iter().filter(|kind| !text.starts_with(kind));
            kinds.map(|kind| json!(format!("{kind}/other"))).collect()
        }
        Json::String(text) if ["code", "system"].contains(&name) => vec![json!(format!("{text}x")), json!(5)],
        Json::String(_) => vec![json!("altered"), json!(5)],
        Json::Number(_) => vec![json!("12,50")],
        Json::Bool(value) => vec![json!(!value)],
        Json::Object(_) => vec![json!("text")],
        Json::Array(items) => {
            let more: Vec<&Json> = items.iter().chain(items.last()).collect();
            vec![json!(more), items.first().cloned().unwrap_or_default()]
        }
        Json::Null => Vec::new(),
    }
}

/// Without what an element that was dropped leaves empty.
fn tidied(json: &mut Json) {
    let is_empty = |json: &Json| *json == json!({}) || *json == json!([]);
    match json {
        Json::Object(properties) => {
            properties.values_mut().for_each(tidied);
            properties.retain(|_, value| !is_empty(value));
        }
        Json::Array(items) => {
            items.iter_mut().for_each(tidied);
            items.retain(|item| !is_empty(item));
        }
        _ => {}
    }
}

/// A change of an example: the place, and what stands there; nothing, if it is dropped.
struct Change {
    steps: Vec<String>,
    other: Option<Json>,
}

impl Change {
    fn of(self, resource: &Json) -> Json {
        let mut mutant = match self.other {
            None => dropped(resource, &self.steps),
            Some(other) => {
                let mut mutant = resource.clone();
                *mutant.pointer_mut(&pointer(&self.steps)).unwrap() = other;
                mutant
            }
        };
        tidied(&mut mutant);
        mutant
    }
}

fn changes(resource: &Json) -> Vec<Change> {
    let (mut all, mut seen, mut changes) = (Vec::new(), BTreeSet::new(), Vec::new());
    places(resource, &mut Vec::new(), &mut all);
    for steps in all {
        let names: Vec<&str> = steps.iter().map(String::as_str).filter(|step| !is_place(step)).collect();
        let is_first = seen.insert((names.join("."), is_place(steps.last().unwrap())));
        let is_sliced = names.iter().any(|name| SLICED.contains(name));
        if ["resourceType", "id", "text", "meta"].contains(&names[0]) || !(is_first || is_sliced) {
            continue;
        }
        let others = others(resource.pointer(&pointer(&steps)).unwrap(), names.last().unwrap());
        let others = others.into_iter().map(Some).chain([None]);
        changes.extend(others.map(|other| Change { steps: steps.clone(), other }));
    }
    changes
}

#[test]
fn no_mutant_of_an_example_claims_what_it_does_not_meet() {
    let test = "no_mutant_of_an_example_claims_what_it_does_not_meet";
    let Some(validator) = validator::found(test) else { return };
    let step = if std::env::var_os("PATIENT_ACCESS_ALL_MUTANTS").is_some() { 1 } else { ONE_IN };
    let (mut lines, mut claims, mut judged, mut made) = (String::new(), 0, 0, 0);
    for guide in ["us-core-6.1.0", "carin-bb-2.1.0", "pdex-2.1.1ci", "hrex-1.1.0"] {
        let Some(examples) = examples(guide) else { return tests::missing_tool(test, "the guides' examples") };
        let changes =
            examples.iter().flat_map(|(resource, _)| changes(resource).into_iter().map(move |of| (resource, of)));
        for (resource, change) in changes {
            made += 1;
            if made % step != 0 {
                continue;
            }
            let mut mutant = change.of(resource);
            profiles::name_in(Guides::default(), &mut mutant);
            let Some(claimed) = mutant["meta"]["profile"].as_array() else { continue };
            (claims, judged) =
                (claims + claimed.iter().filter(|claim| !claim.as_str().unwrap().contains('|')).count(), judged + 1);
            mutant["meta"]["lastUpdated"] = json!("2026-01-01T00:00:00Z");
            mutant["id"] = json!(format!("mutant-{made}"));
            writeln!(lines, "{mutant}").unwrap();
        }
    }
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("mutants.ndjson");
    std::fs::write(&file, lines).unwrap();
    let output = Command::new("node").arg(validator).arg("--json").arg(&file).output().unwrap();
    assert!(output.status.code().is_some_and(|code| code < 2), "{}", String::from_utf8_lossy(&output.stderr));
    let mut faults = BTreeMap::<String, usize>::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let fault: Json = serde_json::from_str(line).unwrap();
        *faults.entry(format!("{} {} {}", fault["resource"], fault["profile"], fault["text"])).or_default() += 1;
    }
    println!("{made} mutants, {judged} judged with {claims} claims; {} are false", faults.len());
    assert!(claims > 1_000, "the mutants claim too little to judge: {claims}");
    assert!(faults.is_empty(), "{faults:#?}");
}
