//! A real payer's output: CMS's own, with everything in it that a guide's examples lack.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use http::StatusCode;
use patient_access::load::{ReasonCode, Report, Source, Tally, UNREADABLE};
use serde_json::{Value as Json, json};
use tests::{App, Tokens};

const EVERYTHING: &str = "patient/*.rs";

/// The members of the feed.
const MEMBERS: [&str; 3] = ["567834", "-20140000008325", "123456789"];

/// The reasons for which resources of the feed are rejected, and how many are. There may be no other.
const EXPLAINED: &[(ReasonCode, u64)] = &[
    // Claims and ClaimResponses of BFD's partially adjudicated claims name a Patient that they contain.
    (ReasonCode::ContainedOwner, 18),
    // Answers of the older API (v1): 5 Coverages and 23 EOBs. Its Patients read the same in R4.
    (ReasonCode::NotR4, 28),
    // EOBs as CMS's mapping makes them, before a server gives them ids.
    (ReasonCode::NoId, 10),
    // CapabilityStatements and an AuditEvent. The OperationOutcome is ignored.
    (ReasonCode::TypeNotKept, 4),
    // The claims of a user from an OpenID provider.
    (ReasonCode::NotFhir, 2),
];

fn tally(read: u64, stored: u64, unchanged: u64, superseded: u64, rejected: u64) -> Tally {
    Tally { read, stored, deleted: 0, unchanged, superseded, ignored: 0, rejected }
}

/// Every rejection of a run, read from its file.
fn rejections(report: &Report) -> Vec<Json> {
    let text = std::fs::read_to_string(report.rejected_file.as_ref().expect("something was rejected")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn balances(report: &Report) {
    for (kind, Tally { read, stored, deleted: _, unchanged, superseded, ignored, rejected }) in &report.types {
        assert_eq!(*read, stored + unchanged + superseded + ignored + rejected, "{kind}: {report}");
    }
}

/// All resources in the files of a folder, by `Type/id`, read by other code than the loader's.
fn occurrences(folder: &Path, found: &mut BTreeMap<String, Vec<Json>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            occurrences(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            let json: Json = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            let entries = json["entry"].as_array().into_iter().flatten().map(|entry| entry["resource"].clone());
            for resource in entries.chain([json.clone()]) {
                let key = format!("{}/{}", resource["resourceType"], resource["id"]).replace('"', "");
                found.entry(key).or_default().push(without_version(resource));
            }
        }
    }
}

/// A resource without the parts that this server writes into it.
fn without_version(mut resource: Json) -> Json {
    if let Some(meta) = resource["meta"].as_object_mut() {
        meta.remove("lastUpdated");
        meta.remove("versionId");
    }
    resource
}

/// A resource without the profiles that this server claims for it.
fn without_profile(mut resource: Json) -> Json {
    if let Some(meta) = resource["meta"].as_object_mut() {
        meta.remove("profile");
    }
    resource
}

/// All of a member's record.
async fn whole(app: &App, tokens: &Tokens) -> Vec<Json> {
    let mut next = Some(format!("Patient/{}/$everything", tokens.patient));
    let mut record = Vec::new();
    while let Some(url) = next {
        let page = app.fhir(tokens, &url).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        record.extend(page.entries("match"));
        next = page.link("next");
    }
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_in_a_payers_feed_is_stored_or_rejected_with_a_known_reason() {
    let Some(folder) = tests::shared_folder("sample-data/cms-bfd") else {
        let test = "everything_in_a_payers_feed_is_stored_or_rejected_with_a_known_reason";
        return tests::missing_tool(test, "CMS's sample data");
    };
    let app = App::empty().await;
    let source = || Source::of_paths(std::slice::from_ref(&folder)).unwrap();
    let first = app.load(source()).await;
    balances(&first);
    assert_eq!(first.total(), Tally { ignored: 1, ..tally(146, 38, 0, 45, 62) }, "{first}");
    assert_eq!(first.types["ExplanationOfBenefit"], tally(85, 22, 0, 30, 33), "{first}");
    assert_eq!(first.types["Coverage"], tally(24, 13, 0, 6, 5), "{first}");
    assert_eq!(first.types["Patient"], tally(12, 3, 0, 9, 0), "{first}");
    assert_eq!(first.types[UNREADABLE], tally(2, 0, 0, 0, 2), "{first}");
    let explained: BTreeMap<&str, u64> = EXPLAINED.iter().map(|(code, count)| (code.as_str(), *count)).collect();
    assert_eq!(first.reasons, explained, "{first}");
    let rejected = rejections(&first);
    assert_eq!(rejected.len(), 62);
    for line in &rejected {
        let place = line["place"].as_str().unwrap();
        assert!(place.contains("cms-bfd") && line["reason"].as_str().is_some_and(|words| words.len() > 20), "{line}");
        // The loader tells the older API by the content, never by the name of a file.
        assert!(line["code"] != ReasonCode::NotR4.as_str() || place.contains("_v1.json"), "{line}");
    }
    let second = app.load(source()).await;
    balances(&second);
    assert_eq!(
        second.total(),
        Tally { ignored: 1, ..tally(146, 0, 38, 45, 62) },
        "a second load stores nothing: {second}"
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_a_payers_feed_read_what_the_payer_sent() {
    let Some(folder) = tests::shared_folder("sample-data/cms-bfd") else {
        return tests::missing_tool("members_of_a_payers_feed_read_what_the_payer_sent", "CMS's sample data");
    };
    let mut sent = BTreeMap::new();
    occurrences(&folder, &mut sent);
    let app = App::empty().await;
    app.load(Source::of_paths(&[folder]).unwrap()).await;
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for (number, patient) in MEMBERS.iter().enumerate() {
        let name = format!("member{number}");
        app.add_member(&name, patient).await;
        let tokens = app.sign_in(&name, EVERYTHING).await;
        let record = whole(&app, &tokens).await;
        let keys: BTreeSet<String> =
            record.iter().map(|r| format!("{}/{}", r["resourceType"], r["id"]).replace('"', "")).collect();
        assert_eq!(keys.len(), record.len(), "each comes once");
        assert!(keys.contains(&format!("Patient/{patient}")), "{keys:?}");
        let (receipts, keys): (BTreeSet<String>, BTreeSet<String>) =
            keys.into_iter().partition(|key| key.starts_with("Provenance/") || key == "Organization/this-plan");
        assert!(receipts.len() > 1, "the payer sent none, nor their author");
        for key in &keys {
            // An app reads, element by element, one of the texts that the payer sent under that id.
            let read = app.fhir(&tokens, key).await;
            assert_eq!(read.status, StatusCode::OK, "{key}");
            let read = without_version(read.json());
            let same = |sent: &&Json| **sent == read || **sent == without_profile(read.clone());
            assert!(sent[key].iter().any(|text| same(&text)), "{key} is not as it was sent: {read}");
            *kinds.entry(key.split('/').next().unwrap().to_owned()).or_default() += 1;
        }
        let claims = app.fhir(&tokens, &format!("ExplanationOfBenefit?patient={patient}&_sort=-created")).await;
        let of_member = keys.iter().filter(|key| key.starts_with("ExplanationOfBenefit/")).count();
        assert_eq!(claims.matches().len(), of_member, "{}", claims.body);
    }
    assert_eq!(
        kinds,
        BTreeMap::from([("Coverage".into(), 13), ("ExplanationOfBenefit".into(), 22), ("Patient".into(), 3)])
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_whose_patient_is_not_in_the_feed_belongs_to_the_patient_it_names() {
    let app = App::empty().await;
    let claim = json!({"resourceType": "ExplanationOfBenefit", "id": "c1", "patient": {"reference": "Patient/-42"}});
    let report = app.load(Source::Memory(vec![claim])).await;
    assert_eq!(report.types["ExplanationOfBenefit"], tally(1, 1, 0, 0, 0), "{report}");
    app.add_member("early", "-42").await;
    let tokens = app.sign_in("early", EVERYTHING).await;
    assert_eq!(app.fhir(&tokens, "ExplanationOfBenefit/c1").await.status, StatusCode::OK);
    assert_eq!(app.fhir(&tokens, "Patient/-42").await.status, StatusCode::NOT_FOUND);
    app.load(Source::Memory(vec![json!({"resourceType": "Patient", "id": "-42"})])).await;
    assert_eq!(app.fhir(&tokens, "Patient/-42").await.status, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_in_place_of_a_date_is_no_date_and_does_no_harm() {
    let app = App::empty().await;
    app.add_member("alice", "alice").await;
    let version = |updated: Json, birth: &str| json!({"resourceType": "Patient", "id": "alice", "meta": {"lastUpdated": updated}, "birthDate": birth});
    for updated in [json!("IGNORED_FIELD"), json!(""), json!(20_200_101), json!("2020-13-40T00:00:00Z"), Json::Null] {
        let report = app.load(Source::Memory(vec![version(updated.clone(), "1980-01-01")])).await;
        assert!(report.is_clean(), "{updated}: {report}");
    }
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let stored = app.fhir(&tokens, "Patient/alice").await.json();
    assert!(stored["meta"]["lastUpdated"].as_str().is_some_and(|time| time.starts_with("20")), "{stored}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_version_displaces_no_good_one_and_an_older_one_no_newer() {
    let app = App::empty().await;
    app.add_member("alice", "alice").await;
    let coverage = |updated: &str, text: &str| {
        json!({"resourceType": "Coverage", "id": "c", "meta": {"lastUpdated": updated}, "subscriberId": text,
            "beneficiary": {"reference": "Patient/alice"}})
    };
    let mut older = coverage("2030-01-01T00:00:00Z", "of STU3");
    older["grouping"] = json!({"group": "g"});
    let mut nobodys = coverage("2030-01-01T00:00:00Z", "of nobody");
    nobodys["beneficiary"] = json!({"reference": "#inside"});
    let all =
        vec![coverage("2021-01-01T00:00:00Z", "newer"), coverage("2020-01-01T00:00:00Z", "stale"), older, nobodys];
    let report = app.load(Source::Memory(all)).await;
    assert_eq!(report.types["Coverage"], tally(4, 1, 0, 1, 2), "{report}");
    let tokens = app.sign_in("alice", EVERYTHING).await;
    assert_eq!(app.fhir(&tokens, "Coverage/c").await.json()["subscriberId"], "newer");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resources_inside_wrappers_are_found_and_no_file_goes_without_a_word() {
    let app = App::empty().await;
    let folder = tempfile::tempdir().unwrap();
    let patient = |id: &str| json!({"resourceType": "Patient", "id": id});
    let bundle = |entries: Json| json!({"resourceType": "Bundle", "type": "searchset", "entry": entries});
    for (name, json) in [
        ("answer.json", json!({"status": 200, "took": [1, 2], "body": bundle(json!([{"resource": patient("a")}]))})),
        ("list.json", json!([patient("b"), {"data": {"items": [patient("c"), "nothing"]}}, 5])),
        ("nested.json", bundle(json!([{"resource": bundle(json!([{"resource": patient("d")}]))}]))),
        ("settings.json", json!({"page": {"size": 10}})),
        ("nobody.json", bundle(json!([]))),
    ] {
        std::fs::write(folder.path().join(name), json.to_string()).unwrap();
    }
    std::fs::write(folder.path().join("empty.ndjson"), "\n").unwrap();
    std::fs::write(folder.path().join("void.json"), "").unwrap();
    let report = app.load(Source::of_paths(&[folder.path().to_owned()]).unwrap()).await;
    assert_eq!(report.types["Patient"], tally(4, 4, 0, 0, 0), "{report}");
    assert_eq!(report.types[UNREADABLE], tally(3, 0, 0, 0, 3), "{report}");
    let mut places: Vec<String> =
        rejections(&report).iter().map(|line| line["place"].as_str().unwrap().to_owned()).collect();
    places.sort();
    let ends = ["list.json/1/data/items/1", "list.json/2", "settings.json"];
    assert!(places.iter().zip(ends).all(|(place, end)| place.ends_with(end)), "{places:?}");
    let empty: Vec<&str> = report.empty.iter().filter_map(|place| place.rsplit('/').next()).collect();
    assert_eq!(
        empty,
        ["empty.ndjson", "nobody.json", "void.json"],
        "a file without a resource is named, and is not a fault"
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_example_of_r4_is_taken_for_an_older_release() {
    let Some(folder) = tests::shared_folder("spec/examples") else {
        return tests::missing_tool("no_example_of_r4_is_taken_for_an_older_release", "the guides' examples");
    };
    let app = App::empty().await;
    let report = app.load(Source::of_paths(&[folder]).unwrap()).await;
    balances(&report);
    assert!(report.total().read > 1000 && !report.reasons.contains_key(ReasonCode::NotR4.as_str()), "{report}");
    app.finish().await;
}
