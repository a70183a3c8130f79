//! `meta.profile`: the loader works out claims that a feed does not make, for the deployed versions of the guides.

mod mutants;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;

use patient_access::load::Source;
use patient_access::stack::{Descriptor, Stack};
use serde_json::{Value as Json, json};
use shared::fhir::guides::{Guide, Guides};
use shared::fhir::profiles::{self, Profile};
use tests::App;

use crate::sample::validator;

const EVERYTHING: &str = "patient/*.rs";

fn observation(id: &str) -> Json {
    let category =
        json!({"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"});
    let weight = json!({"system": "http://loinc.org", "code": "29463-7"});
    json!({"resourceType": "Observation", "id": id, "status": "final", "subject": {"reference": "Patient/alice"},
        "category": [{"coding": [category]}], "code": {"coding": [weight]}, "effectiveDateTime": "2025-05-01",
        "valueQuantity": {"value": 71, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}})
}

/// The same tables as the operator's command sees them in a deployment with other guides.
async fn stack_of(app: &App, guides: &str) -> Stack {
    let mut environment = app.environment().clone();
    environment.insert("GUIDES".to_owned(), guides.to_owned());
    Stack::local(&Descriptor { url: app.url().to_owned(), environment }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_without_profiles_comes_back_with_those_of_the_deployed_guides_and_is_found_by_them() {
    const CORE: &str = "http://hl7.org/fhir/us/core/StructureDefinition";
    let app = App::start().await;
    for (guides, expected) in [
        ("3.1.1", ["http://hl7.org/fhir/StructureDefinition/vitalsigns".to_owned(), String::new()]),
        ("6.1.0", [format!("{CORE}/us-core-body-weight"), format!("{CORE}/us-core-body-weight|6.1.0")]),
        ("7.0.0", [format!("{CORE}/us-core-vital-signs"), format!("{CORE}/us-core-vital-signs|7.0.0")]),
    ] {
        let id = format!("weight-{}", guides.replace('.', "-"));
        let stack = stack_of(&app, guides).await;
        app.load_into(&stack, Source::Memory(vec![observation(&id)])).await;
        let tokens = app.sign_in("alice", EVERYTHING).await;
        let stored = app.fhir(&tokens, &format!("Observation/{id}")).await.json();
        let claimed: Vec<&str> =
            stored["meta"]["profile"].as_array().unwrap().iter().filter_map(Json::as_str).collect();
        for canonical in expected.iter().filter(|canonical| !canonical.is_empty()) {
            assert!(claimed.contains(&canonical.as_str()), "{guides}: {claimed:?}");
            let query: String =
                form_urlencoded::Serializer::new(String::new()).append_pair("_profile", canonical).finish();
            let found = app.fhir(&tokens, &format!("Observation?{query}")).await.matches();
            assert!(found.contains(&format!("Observation/{id}")), "{canonical}: {found:?}");
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_resource_of_a_record_has_a_profile_the_receipt_of_the_load_too() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let whole = app.fhir(&tokens, "Patient/alice/$everything").await;
    let entries = whole.entries("match");
    assert!(entries.iter().any(|resource| resource["resourceType"] == "Provenance"));
    for resource in entries {
        let claimed = resource["meta"]["profile"].as_array().unwrap_or_else(|| panic!("{resource}"));
        assert!(!claimed.is_empty() && claimed.iter().all(Json::is_string), "{resource}");
    }
    app.finish().await;
}

/// Examples that do not meet what they claim, and why.
const FALSE_CLAIMS: &[(&str, &str, &str)] = &[
    (
        "carin-bb-2.1.0",
        "EOBProfessionalTransportation1",
        "the slice of its ambulance has no reason, which must be there once",
    ),
    ("us-core-3.1.1", "cardiology-report", "the hash of its attachment is no base64"),
    ("us-core-3.1.1", "satO2-fiO2", "R4 binds a component's unit to its common ones, and litres a minute are none"),
];

/// The examples of a guide, each without its claims, and these.
pub(crate) fn examples(guide: &str) -> Option<Vec<(Json, Vec<String>)>> {
    let folder = tests::shared_folder("spec/examples")?.join(guide);
    let mut paths: Vec<_> = std::fs::read_dir(folder).ok()?.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        let Ok(mut resource) = serde_json::from_slice::<Json>(&std::fs::read(path).unwrap()) else { continue };
        if resource["resourceType"] == "Bundle" || !resource["resourceType"].is_string() {
            continue;
        }
        let meta = resource.get_mut("meta").and_then(Json::as_object_mut);
        let claims = meta.and_then(|meta| meta.shift_remove("profile")).unwrap_or_default();
        if resource.get("meta").is_some_and(|meta| *meta == json!({})) {
            resource.as_object_mut().unwrap().shift_remove("meta");
        }
        let bare = |claim: &Json| claim.as_str().unwrap_or_default().split('|').next().unwrap().to_owned();
        found.push((resource, claims.as_array().into_iter().flatten().map(bare).collect()));
    }
    Some(found)
}

#[test]
fn the_guides_own_examples_claim_their_profiles_again() {
    let sets: [(&str, &[&str]); 3] = [
        ("3.1.1", &["us-core-3.1.1", "carin-bb-2.0.0", "pdex-2.0.0", "hrex-1.0.0"]),
        ("6.1.0", &["us-core-6.1.0", "carin-bb-2.1.0", "pdex-2.1.1ci", "hrex-1.1.0"]),
        ("7.0.0", &["us-core-7.0.0", "carin-bb-2.2.0", "pdex-2.2.0ci"]),
    ];
    let (mut claimed, mut lost) = (BTreeMap::<&str, usize>::new(), Vec::new());
    for (set, guide) in sets.iter().flat_map(|(set, guides)| guides.iter().map(move |guide| (*set, *guide))) {
        let Some(examples) = examples(guide) else {
            return tests::missing_tool("the_guides_own_examples_claim_their_profiles", "the guides' examples");
        };
        let guides = Guides::named(set).unwrap();
        for (mut resource, own) in examples {
            profiles::name_in(guides, &mut resource);
            let id = resource["id"].as_str().unwrap_or_default().to_owned();
            let again = resource["meta"]["profile"].as_array().cloned().unwrap_or_default();
            let kind = resource["resourceType"].as_str().unwrap_or_default();
            // Those of forms are another guide's.
            let known = Profile::of(kind, guides).filter(|profile| profile.guide != Guide::Sdc);
            let known: Vec<String> = known.map(|profile| format!("/StructureDefinition/{}", profile.id)).collect();
            for claim in own.into_iter().filter(|claim| known.iter().any(|end| claim.ends_with(end))) {
                let excused = FALSE_CLAIMS.iter().any(|(of, resource, _)| (*of, *resource) == (guide, &*id));
                match (again.iter().any(|has| *has == *claim), excused) {
                    (true, _) => *claimed.entry(set).or_default() += 1,
                    (false, true) => {}
                    (false, false) => lost.push(format!("{guide} {id}: {claim}")),
                }
            }
        }
    }
    println!("claims of the guides' examples that are made again: {claimed:?}");
    assert!(lost.is_empty(), "{lost:#?}");
    assert!(claimed.len() == 3 && claimed.values().all(|count| *count > 90), "{claimed:?}");
}

#[test]
fn every_profile_that_is_claimed_for_a_synthea_member_holds() {
    let test = "every_profile_that_is_claimed_for_a_synthea_member_holds";
    let Some(folder) = tests::shared_folder("sample-data/synthea") else {
        return tests::missing_tool(test, "the Synthea sample data");
    };
    let Some(check) = validator::found(test) else { return };
    let mut claims = BTreeMap::<String, usize>::new();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("claimed.ndjson");
    let mut lines = String::new();
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for path in files.iter().filter(|path| path.extension().is_some_and(|end| end == "json")).step_by(4) {
        let bundle: Json = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        for entry in bundle["entry"].as_array().unwrap() {
            let mut resource = entry["resource"].clone();
            resource.as_object_mut().unwrap().shift_remove("meta");
            profiles::name_in(Guides::default(), &mut resource);
            resource["meta"]["lastUpdated"] = json!("2026-01-01T00:00:00Z");
            for canonical in resource["meta"]["profile"].as_array().unwrap().iter().filter_map(Json::as_str) {
                *claims.entry(canonical.to_owned()).or_default() += usize::from(!canonical.contains('|'));
            }
            writeln!(lines, "{resource}").unwrap();
        }
    }
    std::fs::write(&file, &lines).unwrap();
    claims.retain(|canonical, _| !canonical.contains('|'));
    let output = Command::new("node").arg(check).arg("--json").arg(&file).output().unwrap();
    let mut faults = BTreeMap::<String, usize>::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let fault: Json = serde_json::from_str(line).unwrap();
        let (profile, text) =
            (fault["profile"].as_str().unwrap_or_default(), fault["text"].as_str().unwrap_or_default());
        *faults.entry(format!("{profile}: {text}")).or_default() += 1;
    }
    println!("{} resources, claims: {claims:#?}", lines.lines().count());
    assert!(claims.len() > 20, "{claims:#?}");
    assert!(faults.is_empty(), "{faults:#?}");
}
