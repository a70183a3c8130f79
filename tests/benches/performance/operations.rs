//! The cost of requests, row by row of the table of targets: round trips, units, bytes. None of these depends on the
//! machine.

use std::collections::HashSet;

use patient_access::load::Source;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use shared::bounds::{ALL_VALUES, INCLUDES, PARAMETERS, SLICES, VALUES};
use shared::fhir::parameters::SearchParameter;
use shared::fhir::types::TYPES;
use tests::{Reply, Tokens};

use crate::Sizes;
use crate::material;
use crate::plots::float;
use crate::stage::{Asked, Stage, days_ago, load_at};

/// The most that one request may cost.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Target {
    /// Sequential round trips.
    pub round_trips: f64,
    /// Read units, if they are limited.
    pub read_units: Option<f64>,
    /// Write units.
    pub write_units: f64,
}

/// A request, or several that belong together, with the cost. For several requests, round trips, units and bytes are
/// those of the costliest.
#[derive(Clone, Serialize, Deserialize)]
pub struct Operation {
    /// The operation's name.
    #[serde(rename = "operation")]
    pub name: String,
    /// The number of resources of that type, or of the member.
    pub size: usize,
    /// The number of requests.
    pub requests: usize,
    /// The number of resources in the answers.
    pub resources: usize,
    /// Sequential round trips.
    pub round_trips: f64,
    /// Read units.
    pub read_units: f64,
    /// Write units: the audit record's.
    pub write_units: f64,
    /// Read units of all requests.
    pub total_read_units: f64,
    /// Bytes of the answer.
    pub bytes: usize,
    /// Bytes of the answer as a function hands it to Lambda: JSON in JSON.
    pub carried: usize,
    /// Processor time of the function's process, in microseconds: the mean of several requests, if the kernel tells.
    pub process_cpu_us: Option<f64>,
    /// Instructions of the function's process, as callgrind counts them: the mean of several requests.
    #[serde(default)]
    pub instructions: Option<f64>,
    /// Milliseconds: the median of a request, or the sum over the requests of an operation that takes several.
    pub ms: f64,
    /// The target.
    pub target: Option<Target>,
}

/// A target of round trips, read units and write units.
const fn target(round_trips: f64, read_units: Option<f64>, write_units: f64) -> Target {
    Target { round_trips, read_units, write_units }
}

impl Target {
    /// Whether an operation meets this target.
    pub fn is_met(&self, operation: &Operation) -> bool {
        operation.round_trips <= self.round_trips
            && self.read_units.is_none_or(|limit| operation.read_units <= limit)
            && operation.write_units <= self.write_units
    }
}

impl Operation {
    /// The cost of one request.
    fn of(name: &str, size: usize, asked: &Asked, target: impl Into<Option<Target>>) -> Operation {
        Operation {
            size,
            resources: references(&asked.reply.json()).len(),
            bytes: asked.reply.bytes.len(),
            carried: as_carried(&asked.reply),
            ms: asked.ms,
            process_cpu_us: asked.work.cpu_us,
            instructions: asked.work.instructions,
            target: target.into(),
            ..Operation::of_line(name, &asked.line)
        }
    }

    /// The cost of a request, from the function's own log line.
    pub fn of_line(name: &str, line: &Json) -> Operation {
        let figure = |name: &str| line[name].as_f64().unwrap_or_default();
        Operation {
            name: name.to_owned(),
            size: 0,
            requests: 1,
            resources: 0,
            round_trips: figure("waves"),
            read_units: figure("read_units"),
            write_units: figure("write_units"),
            total_read_units: figure("read_units"),
            bytes: 0,
            carried: 0,
            process_cpu_us: None,
            instructions: None,
            ms: 0.0,
            target: None,
        }
    }

    /// The cost with one more request.
    fn and(mut self, other: &Operation) -> Operation {
        self.requests += other.requests;
        self.resources += other.resources;
        self.round_trips = self.round_trips.max(other.round_trips);
        self.read_units = self.read_units.max(other.read_units);
        self.write_units = self.write_units.max(other.write_units);
        self.total_read_units += other.total_read_units;
        self.bytes = self.bytes.max(other.bytes);
        self.carried = self.carried.max(other.carried);
        let costlier = |ours: Option<f64>, theirs| ours.zip(theirs).map(|(ours, theirs): (f64, f64)| ours.max(theirs));
        self.process_cpu_us = costlier(self.process_cpu_us, other.process_cpu_us);
        self.instructions = costlier(self.instructions, other.instructions);
        self.ms += other.ms;
        self
    }
}

/// How often a request is repeated for its processor time and its median of milliseconds.
const REPEATS: u32 = 9;

/// How often a request is repeated where its instructions are counted.
const COUNTS: u32 = 3;

/// The codings in which each page is asked for, with the ends of their rows' names.
const CODINGS: [(Option<&str>, &str); 3] = [(None, ""), (Some("gzip"), ", gzip"), (Some("zstd"), ", zstd")];

/// The length of an answer's body inside the JSON that a function returns: bytes that are no text go as base64.
fn as_carried(reply: &Reply) -> usize {
    match reply.header("content-encoding") {
        "" => serde_json::to_string(&reply.body).map_or(0, |text| text.len()),
        _ => reply.bytes.len().div_ceil(3) * 4 + 2,
    }
}

/// `Type/id` of every resource in an answer.
pub fn references(answer: &Json) -> Vec<String> {
    let name = |json: &Json| {
        format!("{}/{}", json["resourceType"].as_str().unwrap_or_default(), json["id"].as_str().unwrap_or_default())
    };
    match answer["entry"].as_array() {
        Some(entries) => entries.iter().map(|entry| name(&entry["resource"])).collect(),
        None if answer["resourceType"] == "Bundle" => Vec::new(),
        None => vec![name(answer)],
    }
}

impl Stage {
    /// One request, asked for [`REPEATS`] times after one like it has started the function.
    pub async fn one(
        &self,
        tokens: &Tokens,
        name: &str,
        size: usize,
        path: &str,
        target: impl Into<Option<Target>>,
    ) -> Operation {
        self.one_coded(tokens, name, size, path, None, target).await
    }

    async fn one_coded(
        &self,
        tokens: &Tokens,
        name: &str,
        size: usize,
        path: &str,
        coding: Option<&str>,
        target: impl Into<Option<Target>>,
    ) -> Operation {
        self.coded(tokens, path, coding).await;
        let times = if self.is_counted() { COUNTS } else { REPEATS };
        Operation::of(name, size, &self.ask_repeatedly(tokens, path, coding, times).await, target)
    }

    /// One page, plain and packed by each coding.
    async fn page(
        &self,
        tokens: &Tokens,
        name: &str,
        size: usize,
        path: &str,
        target: impl Into<Option<Target>>,
    ) -> Vec<Operation> {
        let (target, mut rows) = (target.into(), Vec::new());
        for (coding, end) in CODINGS {
            rows.push(self.one_coded(tokens, &format!("{name}{end}"), size, path, coding, target).await);
        }
        rows
    }

    /// A request and all pages after it. No resource may come twice.
    async fn all(
        &self,
        tokens: &Tokens,
        name: &str,
        size: usize,
        path: &str,
        target: impl Into<Option<Target>>,
    ) -> Operation {
        let target = target.into();
        let (mut seen, mut next, mut sum) = (HashSet::new(), Some(path.to_owned()), None::<Operation>);
        while let Some(path) = next {
            let asked = self.ask(tokens, &path, None).await;
            for reference in references(&asked.reply.json()) {
                assert!(seen.insert(reference.clone()), "{name}: {reference} comes twice");
            }
            let page = Operation::of(name, size, &asked, target);
            sum = Some(sum.map_or_else(|| page.clone(), |sum| sum.and(&page)));
            next = asked.reply.link("next");
        }
        sum.expect("there is a first page")
    }
}

/// Every row of the table.
pub async fn operations(stage: &Stage, sizes: &Sizes) -> Vec<Operation> {
    let mut rows = claims(stage).await;
    rows.extend(cms_claims(stage).await);
    for size in sizes.histories {
        rows.extend(history(stage, *size).await);
    }
    rows.extend(whole_records(stage, sizes).await);
    rows.extend(long_texts(stage).await);
    rows.extend(worst(stage).await);
    rows
}

/// The rows whose instructions are counted: none of a long history, because a function under callgrind takes fifty times as long.
pub async fn counted(stage: &Stage) -> Vec<Operation> {
    let mut rows = claims(stage).await;
    rows.extend(cms_claims(stage).await);
    rows.extend(history(stage, 100).await);
    rows.extend(whole_record(stage).await);
    rows
}

/// The costliest search of each kind that the bounds allow, over histories that one call or several read.
async fn worst(stage: &Stage) -> Vec<Operation> {
    const SORTED: usize = 2_500;
    let folder = tempfile::tempdir().expect("there is room for a file");
    let file = material::observations(folder.path(), SORTED);
    stage.load(Source::of_paths(&[file]).expect("it is there")).await;
    let sorted = stage.connect(&material::long_member(SORTED)).await;
    let counted = stage.app.sign_in(&material::long_member(COUNTED), "patient/*.rs").await;
    let values = |count: usize| (0..count).map(|number| format!("x{number}")).collect::<Vec<_>>();
    let apart =
        |values: &[String]| values.iter().map(|value| format!("code:not={value}")).collect::<Vec<_>>().join("&");
    let names = ["_id:not", "code:not", "status:not", "category:not"];
    let together = values(ALL_VALUES);
    let together = together.chunks(VALUES).zip(names).map(|(values, name)| format!("{name}={}", values.join(",")));
    let together = together.collect::<Vec<_>>().join("&");
    let keys = "_sort=code,-status,category,-value-date,_id,-_lastUpdated,identifier,combo-code";
    let reverse = reverse_includes("Observation");
    let mut rows = Vec::new();
    for (name, tokens, size, path) in [
        ("worst: a count by 400 values", &counted, COUNTED, format!("Observation?_summary=count&{together}")),
        (
            "worst: a count by 100 parameters",
            &counted,
            COUNTED,
            format!("Observation?_summary=count&{}", apart(&values(PARAMETERS - 1))),
        ),
        ("worst: a page sorted by 8 keys", &sorted, SORTED, format!("Observation?_count=100&{keys}")),
        (
            "worst: a page of Provenances with all targets",
            &counted,
            COUNTED,
            "Provenance?_count=100&_include=Provenance:target".to_owned(),
        ),
        ("worst: a page with 16 reverse includes", &counted, COUNTED, format!("Observation?_count=100&{reverse}")),
    ] {
        rows.push(stage.one(tokens, name, size, &path, None).await);
    }
    rows
}

/// The history that the worst requests count.
const COUNTED: usize = 10_000;

/// The requests that take most memory: many long texts in one call.
async fn long_texts(stage: &Stage) -> Vec<Operation> {
    let folder = tempfile::tempdir().expect("there is room for a file");
    let file = material::long_texts(folder.path());
    stage.load(Source::of_paths(&[file]).expect("it is there")).await;
    let tokens = stage.connect(material::LONG_TEXTS).await;
    let record = format!("Patient/{}/$everything", material::LONG_TEXTS);
    let mut rows = Vec::new();
    for (name, path) in [
        ("Observations with long texts, a page", "Observation?_count=100"),
        ("the same by their status", "Observation?_count=100&status=final"),
        ("the same in another order", "Observation?_count=100&_sort=code"),
        ("the whole record, a page", &*record),
    ] {
        rows.push(stage.one(&tokens, name, 430, path, None).await);
    }
    rows
}

async fn claims(stage: &Stage) -> Vec<Operation> {
    stage.load(Source::Memory(material::claims())).await;
    let tokens = stage.connect("claims").await;
    let first = material::claims().into_iter().find(|json| json["resourceType"] == "ExplanationOfBenefit");
    let id = first.and_then(|claim| claim["id"].as_str().map(str::to_owned)).expect("there is a claim");
    let (page, included) =
        ("ExplanationOfBenefit?_count=50", "ExplanationOfBenefit?_count=50&_include=ExplanationOfBenefit:*");
    let read = format!("ExplanationOfBenefit/{id}");
    let mut rows = vec![stage.one(&tokens, "read by id: a claim", 1, &read, target(2.0, Some(2.0), 1.0)).await];
    rows.extend(
        stage.page(&tokens, "newest 50 claims, our own samples", 300, page, target(2.0, Some(15.0), 1.0)).await,
    );
    let target = target(3.0, None, 1.0);
    rows.push(stage.one(&tokens, "the same with everything they refer to", 300, included, target).await);
    rows
}

async fn cms_claims(stage: &Stage) -> Vec<Operation> {
    let Some(resources) = material::cms_claims() else {
        tests::missing_tool("newest 50 claims, CMS's own", "the CMS sample data");
        return Vec::new();
    };
    stage.load(Source::Memory(resources)).await;
    let tokens = stage.connect("cms").await;
    let path = "ExplanationOfBenefit?_count=50";
    stage.page(&tokens, "newest 50 claims, CMS's own", 300, path, target(2.0, None, 1.0)).await
}

async fn history(stage: &Stage, size: usize) -> Vec<Operation> {
    let folder = tempfile::tempdir().expect("there is room for a file");
    let file = material::observations(folder.path(), size);
    stage.load(Source::of_paths(&[file]).expect("it is there")).await;
    let member = material::long_member(size);
    let tokens = stage.connect(&member).await;
    let newest = "newest 50 Observations";
    let (page, limit) = ("Observation?_count=50", target(2.0, Some(5.0), 1.0));
    if size == 100 {
        return stage.page(&tokens, newest, size, page, limit).await;
    }
    let mut rows = vec![stage.one(&tokens, newest, size, page, limit).await];
    if size == 10_000 {
        let most = target(2.0, Some(2.0 * rows[0].read_units), 1.0);
        let filtered = "newest 50 Observations that are final";
        rows.push(stage.one(&tokens, filtered, size, "Observation?_count=50&status=final", most).await);
        rows.extend(news(stage, &tokens, &member, size).await);
        for (name, filter) in FILTERS {
            let path = format!("Observation?_count=50&{filter}");
            rows.push(stage.all(&tokens, name, size, &path, target(float(1 + SLICES), None, 1.0)).await);
        }
    }
    rows
}

/// Filters by how much of the history they let through, each walked to its end.
const FILTERS: [(&str, &str); 4] = [
    ("one code of the Observations, to the end", "code=http://loinc.org|4548-4"),
    ("a code that none of the Observations has, to the end", "code=http://loinc.org|0-0"),
    ("one code of the Observations in one year, to the end", "code=http://loinc.org|4548-4&date=2020"),
    ("a status that all Observations have, to the end", "status=final"),
];

/// The questions of an app that comes back after a day: first nothing is new, then something is.
async fn news(stage: &Stage, tokens: &Tokens, member: &str, size: usize) -> Vec<Operation> {
    let yesterday = days_ago(1);
    let (since, record) =
        (format!("Observation?_lastUpdated=gt{yesterday}"), format!("Patient/{member}/$everything?_since={yesterday}"));
    let limit = target(2.0, Some(2.0), 1.0);
    let mut rows = vec![
        stage.one(tokens, "_lastUpdated since yesterday, nothing new", size, &since, limit).await,
        stage.one(tokens, "$everything with _since yesterday, nothing new", size, &record, limit).await,
    ];
    let newest = stage.ask(tokens, "Observation?_count=5", None).await.reply.entries("match");
    let changed = newest.into_iter().map(material::changed).collect();
    load_at(&stage.app.stack_to_work_on().await, &Source::Memory(changed), days_ago(0)).await;
    rows.push(stage.one(tokens, "_lastUpdated since yesterday, 5 new", size, &since, None).await);
    rows.push(stage.one(tokens, "$everything with _since yesterday, 5 new", size, &record, None).await);
    rows
}

async fn whole_records(stage: &Stage, sizes: &Sizes) -> Vec<Operation> {
    let mut rows = whole_record(stage).await;
    let (tokens, path) = member_with_record(stage, sizes.walk).await;
    rows.push(stage.all(&tokens, "$everything to the end, each resource once", sizes.walk, &path, None).await);
    rows.extend(synthea(stage).await);
    rows
}

async fn whole_record(stage: &Stage) -> Vec<Operation> {
    const SIZE: usize = 1_000;
    let (tokens, path) = member_with_record(stage, SIZE).await;
    stage.page(&tokens, "$everything, the first page", SIZE, &path, target(3.0, Some(66.0), 2.0)).await
}

/// Loads a record of so many resources, and gives the path of `$everything`.
async fn member_with_record(stage: &Stage, size: usize) -> (Tokens, String) {
    let folder = tempfile::tempdir().expect("there is room for a file");
    // The record has a member of its own: those of the histories have the same names for the same sizes.
    let seed = size + 1;
    let file = material::record(folder.path(), size, seed);
    stage.load(Source::of_paths(&[file]).expect("it is there")).await;
    let member = material::long_member(seed);
    (stage.connect(&member).await, format!("Patient/{member}/$everything"))
}

/// The 20 Synthea members, each record whole: the costliest of all requests.
async fn synthea(stage: &Stage) -> Option<Operation> {
    let Some(folder) = material::synthea() else {
        tests::missing_tool("$everything of 20 Synthea members", "the Synthea sample data");
        return None;
    };
    let resources = material::bundles(&folder);
    let (patients, size) = (material::ids_of(&resources, "Patient"), resources.len());
    stage.load(Source::of_paths(&[folder]).expect("it is there")).await;
    let mut sum = None::<Operation>;
    for patient in &patients {
        let tokens = stage.connect(patient).await;
        let path = format!("Patient/{patient}/$everything");
        let limit = target(3.0, Some(66.0), 2.0);
        let row = stage.all(&tokens, "$everything of the 20 Synthea members, one by one", size, &path, limit).await;
        sum = Some(sum.map_or_else(|| row.clone(), |sum| sum.and(&row)));
    }
    sum
}

/// As many `_revinclude`s as a search may have, of what refers to a type.
fn reverse_includes(resource_type: &str) -> String {
    let codes = TYPES.iter().flat_map(|source| {
        let refers = |row: &SearchParameter| row.targets.contains(&resource_type) || row.targets == ["*"];
        let rows = source.parameters().filter(move |(_, row)| refers(row));
        rows.map(|(_, row)| format!("_revinclude={}:{}", source.name, row.code))
    });
    codes.take(INCLUDES).collect::<Vec<_>>().join("&")
}
