//! The measured data: our own samples, made from a seed, and the sample data beside the checkout, if they are there.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

/// The number of claims of the members that have claims.
const CLAIMS: usize = 300;

/// The 20 Synthea members and their providers, a Bundle each.
pub fn synthea() -> Option<PathBuf> {
    tests::shared_folder("sample-data/synthea")
}

/// Twenty members of our own samples.
pub fn samples() -> Vec<Json> {
    sample_members::population(20, 1).flatten().collect()
}

/// A member `claims` with 300 claims of all kinds, taken from a population with everything they refer to.
pub fn claims() -> Vec<Json> {
    let mut claims = 0;
    let mut resources = vec![patient("claims")];
    for record in sample_members::population(usize::MAX, 5) {
        let member = format!("Patient/{}", record[0]["id"].as_str().unwrap_or_default());
        for resource in record {
            let kind = resource["resourceType"].as_str().unwrap_or_default();
            let is_claim = kind == "ExplanationOfBenefit";
            if is_claim && claims == CLAIMS {
                return resources;
            }
            claims += usize::from(is_claim);
            let shared = ["Practitioner", "Organization", "PractitionerRole", "Location"].contains(&kind);
            if is_claim || kind == "Coverage" || shared {
                let text = resource.to_string().replace(&format!("{member}\""), "Patient/claims\"");
                resources.push(serde_json::from_str(&text).expect("it was JSON"));
            }
        }
    }
    resources
}

/// A member `cms` with 300 claims: those of CMS's sandbox, repeated under new ids.
pub fn cms_claims() -> Option<Vec<Json>> {
    let folder = tests::shared_folder("sample-data/cms-bfd")?;
    let mut originals = Vec::new();
    for kind in ["bfd-v2-endpoint-responses", "bfd-v3-idr-out"] {
        let found = bundles(&folder.join(kind));
        originals.extend(found.into_iter().filter(|json| json["resourceType"] == "ExplanationOfBenefit"));
    }
    let copies = (0..CLAIMS).map(|number| {
        let mut claim = originals[number % originals.len()].clone();
        claim["id"] = format!("cms-{number}").into();
        claim["patient"]["reference"] = "Patient/cms".into();
        claim
    });
    Some([patient("cms")].into_iter().chain(copies).collect())
}

fn patient(id: &str) -> Json {
    serde_json::json!({"resourceType": "Patient", "id": id, "name": [{"family": "Long"}], "gender": "female",
        "birthDate": "1950-02-03"})
}

/// The resources of every JSON file in a folder, from Bundles or by themselves.
pub fn bundles(folder: &Path) -> Vec<Json> {
    let mut resources = Vec::new();
    for (_, mut json) in files(folder) {
        match json["entry"].as_array_mut() {
            Some(entries) => resources.extend(entries.iter_mut().map(|entry| entry["resource"].take())),
            None => resources.push(json),
        }
    }
    resources
}

/// Writes the Bundles of a folder into another, with each of their resources [`changed`].
pub fn changed_bundles(folder: &Path, into: &Path) {
    for (name, mut bundle) in files(folder) {
        for entry in bundle["entry"].as_array_mut().into_iter().flatten() {
            entry["resource"] = changed(entry["resource"].take());
        }
        fs::write(into.join(name), bundle.to_string()).expect("there is room");
    }
}

/// The JSON files of a folder, by name.
fn files(folder: &Path) -> impl Iterator<Item = (String, Json)> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let paths = entries.filter_map(|file| Some(file.ok()?.path()));
    let paths = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let mut names: Vec<String> = paths.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
    names.sort();
    let folder = folder.to_owned();
    names.into_iter().map(move |name| {
        let text = fs::read(folder.join(&name)).expect("the sample data can be read");
        let json = serde_json::from_slice(&text).expect("it is JSON");
        (name, json)
    })
}

/// The Patient that [`observations`] and [`record`] make for a seed.
pub fn long_member(seed: usize) -> String {
    format!("long-{seed}")
}

/// Writes a member with `count` Observations, and no other resource of their own but the Patient.
pub fn observations(folder: &Path, count: usize) -> PathBuf {
    // Almost every second resource of a history is an Observation.
    let whole = sample_members::history(count * 3 + 100, count as u64).flatten();
    let mut found = 0;
    let wanted = whole.filter(|json| !is_other_of_member(json)).take_while(move |json| {
        found += usize::from(json["resourceType"] == "Observation");
        found <= count
    });
    write(folder, wanted)
}

/// Whether a resource is the member's own and neither their Patient nor an Observation.
fn is_other_of_member(json: &Json) -> bool {
    let of_member = json["id"].as_str().is_some_and(|id| id.starts_with("long-"));
    of_member && json["resourceType"] != "Observation" && json["resourceType"] != "Patient"
}

/// Writes a member with `count` resources of all types.
pub fn record(folder: &Path, count: usize, seed: usize) -> PathBuf {
    write(folder, sample_members::history(count, seed as u64).flatten())
}

/// The member with the [`long_texts`].
pub const LONG_TEXTS: &str = "texts";

/// Writes a member with Observations whose text repeats itself: 145 MB of JSON that are packed into less than one call
/// reads.
pub fn long_texts(folder: &Path) -> PathBuf {
    let lengths = [3_500_000].repeat(30).into_iter().chain([100_000].repeat(400));
    let observations = lengths.enumerate().map(|(number, length)| {
        let day = format!("2025-{:02}-{:02}", number / 28 % 12 + 1, number % 28 + 1);
        serde_json::json!({"resourceType": "Observation", "id": format!("text-{number}"), "status": "final",
            "code": {"text": "A long note"}, "subject": {"reference": format!("Patient/{LONG_TEXTS}")},
            "effectiveDateTime": day, "note": [{"text": "Nothing new. ".repeat(length / 13)}]})
    });
    write(folder, [patient(LONG_TEXTS)].into_iter().chain(observations))
}

fn write(folder: &Path, resources: impl Iterator<Item = Json>) -> PathBuf {
    let path = folder.join("member.ndjson");
    let mut file = BufWriter::new(File::create(&path).expect("the file can be made"));
    for resource in resources {
        writeln!(file, "{resource}").expect("there is room");
    }
    file.flush().expect("there is room");
    path
}

/// A resource as its source sends it again, with a change.
pub fn changed(mut resource: Json) -> Json {
    resource["language"] = if resource["language"] == "en" { "en-US" } else { "en" }.into();
    if let Some(meta) = resource["meta"].as_object_mut() {
        // The `meta` may be ours, if the resource was read here. No date of the source's may say that it is old.
        meta.remove("lastUpdated");
        meta.remove("versionId");
    }
    resource
}

/// The ids of one type.
pub fn ids_of(resources: &[Json], kind: &str) -> Vec<String> {
    let of_kind = resources.iter().filter(|json| json["resourceType"] == kind);
    of_kind.filter_map(|json| json["id"].as_str().map(str::to_owned)).collect()
}
