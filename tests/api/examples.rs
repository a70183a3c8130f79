//! The guides' own examples: each that belongs to a member is loaded, found again by every value that it has, and left out by
//! another value.
//!
//! Which values it has is worked out here from the parameter's path, by an evaluator that shares no code with the server.
//! What the evaluator cannot judge is counted by reason, and printed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use http::StatusCode;
use patient_access::load::Source;
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use shared::fhir::types::{Owner, ResourceType};
use shared::fhir::{Kind, SearchParameter, parameters_of};
use tests::{App, Tokens};

const GUIDES: [&str; 8] = [
    "us-core-3.1.1",
    "us-core-6.1.0",
    "us-core-7.0.0",
    "carin-bb-2.0.0",
    "carin-bb-2.1.0",
    "pdex-2.0.0",
    "pdex-2.1.1ci",
    "hrex-1.1.0",
];

/// What cannot be loaded, and why.
const REJECTED: [(&str, &str, &str); 8] = [
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

/// Puts `prefix` before the ids that references name: the guides' versions share ids.
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

/// The elements at `path` (see the path grammar of `shared::fhir::parameters`), one name at a time from the front.
fn elements<'a>(from: &'a Json, path: &str) -> Vec<&'a Json> {
    let mut found: Vec<&Json> = vec![from];
    let (mut rest, mut depth, mut step) = (path.chars(), 0, String::new());
    loop {
        let next = rest.next();
        depth += i32::from(next == Some('(')) - i32::from(next == Some(')'));
        if let Some(c) = next.filter(|c| *c != '.' || depth > 0) {
            step.push(c);
            continue;
        }
        let (name, condition) = step.split_once('(').unwrap_or((&step, ""));
        let condition = condition.trim_end_matches(')').split_once('=');
        let children = found.into_iter().filter_map(|element| element.get(name));
        let flat = children.flat_map(|child| child.as_array().map_or(vec![child], |items| items.iter().collect()));
        found = flat.filter(|child| condition.is_none_or(|(key, wanted)| child[key] == wanted)).collect();
        step.clear();
        if next.is_none() {
            return found;
        }
    }
}

fn escaped(text: &str) -> String {
    text.chars().flat_map(|c| if ",|$\\".contains(c) { vec!['\\', c] } else { vec![c] }).collect()
}

fn text<'a>(element: &'a Json, name: &str) -> Option<&'a str> {
    element.get(name).and_then(Json::as_str)
}

/// Queries that the element must be found by: modifier and value; or why there is none.
type Queries = Result<Vec<(&'static str, String)>, &'static str>;

fn queries(parameter: &SearchParameter, element: &Json, owner: &str) -> Queries {
    match parameter.kind {
        Kind::Token => tokens(element).map(|values| values.into_iter().map(|value| ("", value)).collect()),
        Kind::Date => dates(element),
        Kind::Reference => references(parameter, element, owner),
        Kind::Text => {
            let words = strings(element);
            let found = words.iter().filter(|word| !word.trim().is_empty()).flat_map(|word| {
                let start: String = word.chars().take(4).collect();
                [(":exact", escaped(word)), ("", escaped(&start.to_uppercase())), (":contains", escaped(word))]
            });
            Ok(found.collect())
        }
        Kind::Quantity => {
            let number = element["value"].as_number().ok_or("a Range, or a quantity without a value")?;
            let unit = text(element, "system").zip(text(element, "code"));
            let exact = unit.map(|(system, code)| ("", format!("{number}|{}|{}", escaped(system), escaped(code))));
            Ok(exact.into_iter().chain([("", number.to_string())]).collect())
        }
        Kind::Uri => Ok(element.as_str().map(|uri| ("", escaped(uri))).into_iter().collect()),
        Kind::Number => Ok(vec![("", element.to_string())]),
    }
}

fn tokens(element: &Json) -> Result<Vec<String>, &'static str> {
    let pair = |system: Option<&str>, code: &str| {
        let with_system = system.map(|system| format!("{}|{}", escaped(system), escaped(code)));
        with_system.into_iter().chain([escaped(code)]).collect::<Vec<_>>()
    };
    match element {
        Json::String(code) => Ok(vec![escaped(code)]),
        Json::Bool(flag) => Ok(vec![flag.to_string()]),
        Json::Object(parts) if parts.contains_key("coding") => {
            let codings = element["coding"].as_array().unwrap();
            let codes = codings.iter().filter_map(|coding| Some(pair(text(coding, "system"), text(coding, "code")?)));
            Ok(codes.flatten().collect())
        }
        Json::Object(parts) if parts.contains_key("code") => {
            Ok(pair(text(element, "system"), text(element, "code").unwrap_or_default()))
        }
        Json::Object(parts) if parts.contains_key("value") => {
            let value = text(element, "value").unwrap_or_default();
            // The system of a ContactPoint is no namespace.
            let system = text(element, "system").filter(|system| system.contains(':'));
            Ok(pair(system, value))
        }
        _ => Err("a concept of words alone, or an element of extensions alone"),
    }
}

fn dates(element: &Json) -> Queries {
    if let Some(date) = element.as_str() {
        return Ok(vec![("", date.to_owned()), ("", format!("ge{date}")), ("", format!("le{date}"))]);
    }
    let start = text(element, "start").map(|start| ("", format!("ge{start}")));
    let end = text(element, "end").map(|end| ("", format!("le{end}")));
    let found: Vec<_> = start.into_iter().chain(end).collect();
    if found.is_empty() { Err("a Timing") } else { Ok(found) }
}

fn references(parameter: &SearchParameter, element: &Json, owner: &str) -> Queries {
    let Some(reference) = element.as_str().or_else(|| text(element, "reference")) else {
        let identifier = element.get("identifier").ok_or("a reference by its display alone")?;
        return Ok(tokens(identifier)?.into_iter().map(|value| (":identifier", value)).collect());
    };
    if reference.starts_with('#') {
        return Err("a reference to a contained resource");
    }
    match reference.split_once('/') {
        Some((kind, id)) if !reference.contains(':') => {
            if kind == "Patient" && id != owner {
                return Err("a reference to another member, by whom nobody may search");
            }
            if parameter.targets != ["*"] && !parameter.targets.contains(&kind) {
                return Err("a reference to a type that the parameter does not search");
            }
            Ok(vec![("", reference.to_owned()), ("", id.to_owned())])
        }
        _ => Ok(vec![("", escaped(reference))]),
    }
}

fn strings(element: &Json) -> Vec<String> {
    match element {
        Json::String(text) => vec![text.clone()],
        Json::Array(items) => items.iter().flat_map(strings).collect(),
        Json::Object(parts) => {
            let parts =
                parts.iter().filter(|(name, _)| !["use", "type", "period", "extension"].contains(&name.as_str()));
            parts.filter(|(name, _)| !name.starts_with('_')).flat_map(|(_, part)| strings(part)).collect()
        }
        _ => vec![],
    }
}

/// A value that no example has.
fn other(parameter: &SearchParameter) -> Option<(&'static str, String)> {
    Some(match parameter.kind {
        Kind::Token => ("", "http://nowhere.example|no-such-code".to_owned()),
        Kind::Date => ("", "1900-01-01".to_owned()),
        Kind::Text => (":exact", "no such text".to_owned()),
        Kind::Quantity | Kind::Number => ("", "987654".to_owned()),
        Kind::Uri => ("", "http://nowhere.example/other".to_owned()),
        Kind::Reference if parameter.targets == ["Patient"] => ("", "Patient/no-such-id".to_owned()),
        Kind::Reference => {
            ("", format!("{}/no-such-id", parameter.targets.iter().find(|kind| **kind != "Patient" && **kind != "*")?))
        }
    })
}

/// Loads every guide's examples, and says what is whose. Fails on a rejection that [`REJECTED`] does not explain.
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
                _ => owners.get(&name).cloned(),
            };
            if let Some(owner) = owner.filter(|_| !rejected.contains(&name.replace(&prefix, ""))) {
                examples.push(Example { owner, kind, resource });
            }
        }
    }
    examples
}

/// The matches of a search within one example's id; everything that is not 200 is told.
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
        for (_, parameter) in parameters_of(kind.name).filter(|(_, parameter)| parameter.code != "_lastUpdated") {
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
            // One by one, to name the fault.
            for pair in &pairs[1..] {
                let answer = ask(&app, tokens, kind.name, &[pairs[0].clone(), pair.clone()]).await;
                if answer != Ok(vec![name.clone()]) {
                    faults.push(format!("{name} is not found by {}={}: {answer:?}", pair.0, pair.1));
                }
            }
        }
        for (parameter, ..) in own {
            if !left_out.insert((owner, kind.name, parameter.code)) {
                continue;
            }
            let Some((modifier, value)) = other(parameter) else { continue };
            // Another member is refused, so that nobody learns who is here.
            let only_member = value.starts_with("Patient/");
            let pair = (format!("{}{modifier}", parameter.code), value);
            let answer = ask(&app, tokens, kind.name, std::slice::from_ref(&pair)).await;
            let refused = answer.as_ref().is_err_and(|error| error.starts_with("403"));
            if (only_member && !refused) || (!only_member && answer != Ok(vec![])) {
                faults.push(format!("{} of {owner} by {}={}: {answer:?}", kind.name, pair.0, pair.1));
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
    app.finish().await;
    stack.finish().await;
}
