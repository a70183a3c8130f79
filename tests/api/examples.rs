//! The guides' own examples: each is loaded, found again by each of its values, and left out by another value. A member
//! whose resources refer to the shared examples finds those.
//!
//! [`values`] works out which values an example has, and shares no code with the server. Values that it cannot judge
//! are counted by reason, and printed.

mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use http::StatusCode;
use patient_access::load::Source;
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use shared::fhir::types::{Owner, ResourceType};
use tests::{App, Tokens};
use values::{elements, others, queries, text};

const GUIDES: [&str; 9] = [
    "us-core-3.1.1",
    "us-core-6.1.0",
    "us-core-7.0.0",
    "carin-bb-2.0.0",
    "carin-bb-2.1.0",
    "pdex-2.0.0",
    "pdex-2.1.1ci",
    "hrex-1.1.0",
    "plan-net-1.2.0",
];

/// The member whose observations refer to every shared example.
const READER: &str = "reader";

/// Examples that cannot be loaded, and why.
const REJECTED: [(&str, &str, &str); 9] = [
    ("us-core-3.1.1", "DiagnosticReport/cardiology-report", "the hash of its attachment is no base64"),
    ("pdex-2.0.0", "Provenance/1000001", "its target is a Bundle, which is no resource of a member"),
    ("pdex-2.0.0", "Provenance/1000017", "its target is a Bundle, which is no resource of a member"),
    ("pdex-2.1.1ci", "Provenance/1000001", "its target is a Bundle, which is no resource of a member"),
    ("pdex-2.1.1ci", "Provenance/1000017", "its target is a Bundle, which is no resource of a member"),
    ("hrex-1.1.0", "Coverage/full", "its beneficiary is a patient of another server, by URL"),
    ("hrex-1.1.0", "Coverage/min", "its beneficiary is a patient of another server, by URL"),
    ("hrex-1.1.0", "Provenance/full", "its target is a Coverage that was not taken"),
    ("hrex-1.1.0", "Provenance/min", "its target is a Coverage that was not taken"),
];

/// One example, under an id that no other guide's example has.
struct Example {
    owner: String,
    kind: &'static ResourceType,
    resource: Json,
}

/// A guide's examples as their files have them.
fn read(folder: &Path) -> Vec<Json> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()).collect()
}

/// Puts `prefix` before the ids in references, because the guides' versions share ids.
fn prefix_references(value: &mut Json, prefix: &str) {
    match value {
        Json::Array(items) => items.iter_mut().for_each(|item| prefix_references(item, prefix)),
        Json::Object(parts) => {
            for (name, part) in parts {
                match part.as_str().and_then(|text| text.split_once('/')) {
                    Some((kind, id)) if name == "reference" && ResourceType::named(kind).is_some() => {
                        *part = json!(format!("{kind}/{prefix}{id}"));
                    }
                    _ => prefix_references(part, prefix),
                }
            }
        }
        _ => {}
    }
}

/// Loads every guide's examples, and returns each with its owner. Fails on a rejection that [`REJECTED`] does not
/// explain.
async fn load(stack: &App, folder: &Path) -> Vec<Example> {
    let mut examples = Vec::new();
    for (number, guide) in GUIDES.iter().enumerate() {
        let prefix = format!("g{number}-");
        let mut resources = read(&folder.join(guide));
        let of_type = |resource: &Json| ResourceType::named(resource["resourceType"].as_str().unwrap_or_default());
        resources.retain(|resource| of_type(resource).is_some());
        for resource in &mut resources {
            prefix_references(resource, &prefix);
            resource["id"] = json!(format!("{prefix}{}", resource["id"].as_str().unwrap()));
        }
        let report = stack.load(Source::Memory(resources.clone())).await;
        let lines =
            report.rejected_file.as_ref().map(|file| std::fs::read_to_string(file).unwrap()).unwrap_or_default();
        let rejected: BTreeSet<String> = lines
            .lines()
            .map(|line| {
                let resource = &serde_json::from_str::<Json>(line).unwrap()["resource"];
                let id = resource["id"].as_str().unwrap().trim_start_matches(&prefix);
                format!("{}/{id}", resource["resourceType"].as_str().unwrap())
            })
            .collect();
        let explained: BTreeSet<String> =
            REJECTED.iter().filter(|(of, ..)| of == guide).map(|(_, name, _)| (*name).to_owned()).collect();
        assert_eq!(rejected, explained, "{guide}: {lines}");
        let subject = |element: &str, resource: &Json| {
            text(&resource[element], "reference").and_then(|text| text.strip_prefix("Patient/")).map(str::to_owned)
        };
        let mut owners: BTreeMap<String, String> = BTreeMap::new();
        for resource in &resources {
            let kind = of_type(resource).unwrap();
            let owner = match kind.owner {
                Owner::Itself => text(resource, "id").map(str::to_owned),
                Owner::Subject(element) | Owner::SubjectOrShared(element) => subject(element, resource),
                _ => None,
            };
            if let Some(owner) = owner {
                owners.insert(format!("{}/{}", kind.name, resource["id"].as_str().unwrap()), owner);
            }
        }
        for resource in resources {
            let kind = of_type(&resource).unwrap();
            let name = format!("{}/{}", kind.name, resource["id"].as_str().unwrap());
            let owner = match kind.owner {
                Owner::Targets(element) => elements(&resource, element)
                    .iter()
                    .find_map(|target| owners.get(text(target, "reference")?))
                    .cloned(),
                _ if kind.is_shared() => Some(owners.get(&name).map_or(READER, String::as_str).to_owned()),
                _ => owners.get(&name).cloned(),
            };
            if let Some(owner) = owner.filter(|_| !rejected.contains(&name.replace(&prefix, ""))) {
                examples.push(Example { owner, kind, resource });
            }
        }
    }
    let mut record = vec![json!({"resourceType": "Patient", "id": READER})];
    for (number, example) in examples.iter().filter(|example| example.owner == READER).enumerate() {
        let about = format!("{}/{}", example.kind.name, example.resource["id"].as_str().unwrap());
        record.push(json!({"resourceType": "Observation", "id": format!("{READER}-{number}"), "status": "final",
            "code": {"text": "x"}, "subject": {"reference": format!("Patient/{READER}")}, "focus": [{"reference": about}]}));
    }
    assert!(stack.load(Source::Memory(record)).await.is_clean());
    examples
}

/// The matches of a search within one example's id. Any status but 200 is reported.
async fn ask(app: &App, tokens: &Tokens, kind: &str, pairs: &[(String, String)]) -> Result<Vec<String>, String> {
    let url = format!("{kind}?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish());
    let reply = app.fhir_unguarded(tokens, &url).await;
    if reply.status == StatusCode::OK {
        Ok(reply.matches())
    } else {
        Err(format!("{} {:?}", reply.status, reply.issue()))
    }
}

#[test]
fn every_example_of_the_guides_is_found_by_its_own_values_and_by_no_other() {
    tests::with_room(compare);
}

async fn compare() {
    let Some(folder) = tests::shared_folder("spec/examples") else {
        return tests::missing_tool("every_example_of_the_guides_is_found", "the guides' examples");
    };
    let stack = App::empty().await;
    let examples = load(&stack, &folder).await;
    let app = stack.inside(&Clock::System, stack.environment().clone()).await;
    let (mut tokens, mut faults) = (BTreeMap::new(), Vec::new());
    let mut unjudged = BTreeMap::<&str, usize>::new();
    let mut by_type = BTreeMap::<&str, (usize, BTreeSet<&str>)>::new();
    let mut left_out = BTreeSet::new();
    let mut asked = 0;
    for Example { owner, kind, resource } in &examples {
        if !tokens.contains_key(owner) {
            stack.add_member(owner, owner).await;
            tokens.insert(owner.clone(), app.sign_in(owner, "patient/*.rs").await);
        }
        let (tokens, id) = (&tokens[owner], resource["id"].as_str().unwrap());
        let name = format!("{}/{id}", kind.name);
        let mut own = Vec::new();
        for (_, parameter) in kind.parameters().filter(|(_, parameter)| parameter.code != "_lastUpdated") {
            for element in parameter.path.split(" | ").flat_map(|path| elements(resource, path)) {
                match queries(parameter, element, owner) {
                    Ok(found) => own.extend(found.into_iter().map(|(modifier, value)| (parameter, modifier, value))),
                    Err(reason) => *unjudged.entry(reason).or_default() += 1,
                }
            }
        }
        let entry = by_type.entry(kind.name).or_default();
        entry.0 += 1;
        entry.1.extend(own.iter().map(|(parameter, ..)| parameter.code));
        for some in own.chunks(24) {
            let mut pairs = vec![("_id".to_owned(), id.to_owned())];
            pairs.extend(
                some.iter()
                    .map(|(parameter, modifier, value)| (format!("{}{modifier}", parameter.code), value.clone())),
            );
            asked += some.len();
            if ask(&app, tokens, kind.name, &pairs).await == Ok(vec![name.clone()]) {
                continue;
            }
            // One by one, to name the failing pair.
            for pair in &pairs[1..] {
                let answer = ask(&app, tokens, kind.name, &[pairs[0].clone(), pair.clone()]).await;
                if answer != Ok(vec![name.clone()]) {
                    faults.push(format!("{name} is not found by {}={}: {answer:?}", pair.0, pair.1));
                }
            }
        }
        for (parameter, _, own) in own {
            if !left_out.insert((owner, kind.name, parameter.code)) {
                continue;
            }
            for (modifier, value) in others(parameter, &own) {
                // A search for another member is refused, so that nobody learns who is here.
                let only_member = value.starts_with("Patient/");
                let pair = (format!("{}{modifier}", parameter.code), value);
                let answer = ask(&app, tokens, kind.name, std::slice::from_ref(&pair)).await;
                let refused = answer.as_ref().is_err_and(|error| error.starts_with("403"));
                if (only_member && !refused) || (!only_member && answer != Ok(vec![])) {
                    faults.push(format!("{} of {owner} by {}={}: {answer:?}", kind.name, pair.0, pair.1));
                }
            }
        }
    }
    println!("{} examples of {} members; {asked} values asked for", examples.len(), tokens.len());
    for (kind, (count, parameters)) in &by_type {
        println!("{kind:25} {count:4} examples, {:3} parameters with a value", parameters.len());
    }
    println!("not judged: {unjudged:#?}");
    assert!(faults.is_empty(), "{} faults: {faults:#?}", faults.len());
    assert!(examples.len() > 500, "{}", examples.len());
    let shared: BTreeSet<&str> = examples.iter().filter(|one| one.owner == READER).map(|one| one.kind.name).collect();
    let directory =
        ["Endpoint", "Location", "Medication", "Organization", "Practitioner", "PractitionerRole", "Questionnaire"];
    assert!(directory.iter().all(|kind| shared.contains(kind)), "{shared:?}");
    app.finish().await;
    stack.finish().await;
}
