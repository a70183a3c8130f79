//! The permission matrix, for people: which scopes open what, as the API really answers. It is in
//! `tests/snapshots/permissions.txt`. Run this test with `PATIENT_ACCESS_BLESS=1` to write it anew, and read the
//! difference before you commit it.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use futures_util::{StreamExt, stream};
use http::StatusCode;
use patient_access::load::Source;
use serde_json::{Value as Json, json};
use shared::fhir::types::{Owner, TYPES};
use tests::{App, checkout};

use crate::delegates::{add_person, delegate};

/// The scope sets, each with its meaning in a person's words.
const SCOPES: &[(&str, &str)] = &[
    ("patient/*.rs", "everything, as today's apps ask for it"),
    ("patient/*.read", "everything, as SMART 1.0 apps ask for it"),
    ("user/*.rs", "everything that the signed-in person may see: here, their own record"),
    ("patient/*.cruds", "everything, and to write: writing is not granted to anybody"),
    ("patient/*.r", "to read what the app knows the id of, and to search nothing"),
    ("patient/*.s", "to search, and to read nothing by its id"),
    ("patient/Coverage.rs patient/ExplanationOfBenefit.r", "coverage, and claims by their id"),
    (
        "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
        "lab results alone",
    ),
    ("openid fhirUser", "who signed in"),
    (
        "openid fhirUser launch/patient patient/ExplanationOfBenefit.read patient/Coverage.read patient/Patient.read \
         patient/Organization.read patient/Practitioner.read",
        "the minimum of CARIN Blue Button",
    ),
];

/// The same for somebody who acts for the member.
const DELEGATES: &[(&str, &str)] = &[
    ("patient/*.rs", "everything, for somebody who acts for the member"),
    ("openid fhirUser", "who signed in, where somebody acts for the member: the RelatedPerson who stands for them"),
];

/// The interactions with a type: the columns.
const COLUMNS: [&str; 4] = ["read", "search", "count", "everything"];

/// The row that must be refused everywhere.
const OTHERS: &str = "anything of another member";

const INTRODUCTION: &str = "\
An app's access to a member's record, by the scopes that the member granted.
A test asks the API for every line of this, so that a change shows up here first.

  read        one resource by its id
  search      the resources of a type
  count       only the number of them
  everything  the whole record at once

  ✔ it gets it    ✘ it does not    - there is no such request
";

/// One row of the matrix.
struct Subject {
    /// The words for it.
    label: String,
    kind: &'static str,
    id: String,
    /// A search that finds it alone among its type.
    search: String,
    searchable: bool,
}

/// A member `erin` with one resource of each served type, and one Observation of each of two categories.
fn record() -> Vec<Json> {
    let me = json!({"reference": "Patient/erin"});
    let mut all = Vec::new();
    for kind in TYPES {
        let mut resource = json!({"resourceType": kind.name, "id": id_of(kind.name)});
        match kind.owner {
            Owner::Subject(element) | Owner::SubjectOrShared(element) => resource[element] = me.clone(),
            Owner::Targets(element) => resource[element] = json!([{"reference": "Coverage/erin-coverage"}]),
            Owner::Itself | Owner::Shared | Owner::Attachment => {}
        }
        match kind.name {
            "Observation" => {
                resource["category"] = category("laboratory");
                let mut vital = resource.clone();
                (vital["id"], vital["category"]) = (json!("erin-vital"), category("vital-signs"));
                all.push(vital);
            }
            "Binary" => (resource["contentType"], resource["data"]) = (json!("text/plain"), json!("aGk=")),
            "DocumentReference" => {
                resource["content"] =
                    json!([{"attachment": {"contentType": "text/plain", "url": "Binary/erin-binary"}}]);
            }
            // A shared resource is reached through a resource that refers to it.
            "Encounter" => {
                let shared = TYPES.iter().filter(|kind| kind.owner == Owner::Shared);
                resource["extension"] = shared
                    .map(|kind| {
                        let reference = format!("{}/{}", kind.name, id_of(kind.name));
                        json!({"url": "http://plan.example/refers", "valueReference": {"reference": reference}})
                    })
                    .collect();
            }
            _ => {}
        }
        all.push(resource);
    }
    all
}

fn id_of(kind: &str) -> String {
    if kind == "Patient" { "erin".to_owned() } else { format!("erin-{}", kind.to_lowercase()) }
}

fn category(code: &str) -> Json {
    json!([{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": code}]}])
}

fn subjects() -> Vec<Subject> {
    let mut subjects: Vec<Subject> = TYPES
        .iter()
        .map(|kind| Subject {
            label: if kind.name == "Observation" { "Observation (lab result)".into() } else { kind.name.into() },
            kind: kind.name,
            id: id_of(kind.name),
            search: format!("_id={}", id_of(kind.name)),
            searchable: kind.owner != Owner::Attachment,
        })
        .collect();
    subjects.push(Subject {
        label: "Observation (vital sign)".into(),
        kind: "Observation",
        id: "erin-vital".into(),
        search: "_id=erin-vital".into(),
        searchable: true,
    });
    subjects.push(Subject {
        label: OTHERS.into(),
        kind: "Observation",
        id: "bob-observation-0".into(),
        search: "_id=bob-observation-0".into(),
        searchable: true,
    });
    subjects
}

/// The marks of one subject, column by column.
async fn marks(app: &App, token: &str, everything: &BTreeSet<String>, subject: &Subject) -> [char; COLUMNS.len()] {
    let Subject { kind, id, search, searchable, .. } = subject;
    let mark = |allowed: bool| if allowed { '✔' } else { '✘' };
    let read = app.with_bearer(token, &format!("{kind}/{id}")).await;
    assert!(matches!(read.status.as_u16(), 200 | 403 | 404), "{kind}/{id}: {read:?}");
    let (mut found, mut counted) = ('-', '-');
    if *searchable {
        let reply = app.with_bearer(token, &format!("{kind}?{search}")).await;
        assert!(matches!(reply.status.as_u16(), 200 | 403), "{kind}: {reply:?}");
        found = mark(reply.status == StatusCode::OK && !reply.matches().is_empty());
        let reply = app.with_bearer(token, &format!("{kind}?{search}&_summary=count")).await;
        counted = mark(reply.status == StatusCode::OK && reply.json()["total"] == 1);
    }
    [mark(read.status == StatusCode::OK), found, counted, mark(everything.contains(&format!("{kind}/{id}")))]
}

/// A list, wrapped into lines.
fn wrapped(words: &[&str]) -> String {
    let (mut text, mut width) = (String::new(), 13);
    for (place, word) in words.iter().enumerate() {
        let comma = if place + 1 < words.len() { "," } else { "" };
        if width + word.len() > 100 {
            text.push_str("\n ");
            width = 2;
        }
        let space = if place == 0 { "" } else { " " };
        let _ = write!(text, "{space}{word}{comma}");
        width += word.len() + 2;
    }
    text
}

/// One scope set's part of the matrix. Subjects with the same marks share a line.
async fn part(app: &App, number: usize, who: &str, (scope, words): (&str, &str)) -> String {
    let token = app.sign_in(who, scope).await.access;
    let reply = app.with_bearer(&token, "Patient/erin/$everything").await;
    let everything: BTreeSet<String> = match reply.status {
        StatusCode::OK => reply.matches().into_iter().collect(),
        _ => BTreeSet::new(),
    };
    let subjects = subjects();
    let marked: Vec<([char; COLUMNS.len()], &str)> = stream::iter(&subjects)
        .map(async |subject| (marks(app, &token, &everything, subject).await, subject.label.as_str()))
        .buffered(4)
        .collect()
        .await;
    let mut patterns: Vec<[char; COLUMNS.len()]> = Vec::new();
    for (pattern, _) in &marked {
        if !patterns.contains(pattern) {
            patterns.push(*pattern);
        }
    }
    // Rare patterns come first; the rest is "every other type".
    let count = |pattern: &[char; COLUMNS.len()]| marked.iter().filter(|(marks, _)| marks == pattern).count();
    patterns.sort_by_key(count);
    let most = patterns.last().copied().filter(|pattern| count(pattern) > 3);
    let mut text = format!("\n{number}. {words}\n   {scope}\n\n");
    let _ = writeln!(text, "   {}", COLUMNS.map(|column| format!("{column:<12}")).concat().trim_end());
    for pattern in patterns {
        let foreign = |label: &&str| *label == OTHERS;
        let of_pattern = || marked.iter().filter(|(marks, _)| *marks == pattern).map(|(_, label)| *label);
        let labels: Vec<&str> = match Some(pattern) == most {
            true => std::iter::once("every other type").chain(of_pattern().filter(foreign)).collect(),
            false => of_pattern().collect(),
        };
        let marks = pattern.map(|mark| format!("{mark:<12}")).concat();
        let _ = writeln!(text, "   {marks}{}", labels.join(", "));
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn the_permission_matrix_is_the_one_that_people_read() {
    let app = App::start().await;
    let report = app.load(Source::Memory(record())).await;
    assert!(report.is_clean(), "{report}");
    app.add_member("erin", "erin").await;
    let types: Vec<&str> = TYPES.iter().map(|kind| kind.name).collect();
    let mut matrix = format!("{INTRODUCTION}\n  The types: {}.\n", wrapped(&types));
    add_person(&app, "dora").await;
    delegate(&app, "dora", "erin", "proxy", &["--related-person", "erin-relatedperson"]).await;
    let all = SCOPES.iter().map(|row| ("erin", *row)).chain(DELEGATES.iter().map(|row| ("dora", *row)));
    for (number, (who, row)) in all.enumerate() {
        matrix += &part(&app, number + 1, who, row).await;
    }
    let file = checkout().join("tests/snapshots/permissions.txt");
    if std::env::var_os("PATIENT_ACCESS_BLESS").is_some() {
        fs::write(&file, &matrix).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(matrix, kept, "the matrix changed; where that is right, run this test with PATIENT_ACCESS_BLESS=1");
    app.finish().await;
}
