//! Rules that every record keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde_json::Value;

use crate::values::{ANCHOR, day};
use crate::{history, household, population};

fn key(resource: &Value) -> String {
    let text = |name: &str| resource[name].as_str().expect("a string").to_string();
    format!("{}/{}", text("resourceType"), text("id"))
}

fn walk(value: &Value, name: &str, see: &mut impl FnMut(&str, &str)) {
    match value {
        Value::Array(list) => list.iter().for_each(|v| walk(v, name, see)),
        Value::Object(map) => map.iter().for_each(|(k, v)| walk(v, k, see)),
        Value::String(text) => see(name, text),
        _ => {}
    }
}

/// Each record by itself, and the household as one. They are made once for all tests.
fn everything() -> &'static [Vec<Value>] {
    static ALL: OnceLock<Vec<Vec<Value>>> = OnceLock::new();
    let long = || history(1200, 7).flatten().collect();
    ALL.get_or_init(|| population(25, 7).chain([household().resources, long()]).collect())
}

#[test]
fn ids_are_unique_and_well_formed_and_references_lead_somewhere() {
    for record in everything() {
        let mut keys = BTreeSet::new();
        for resource in record {
            let id = resource["id"].as_str().expect("an id");
            assert!(id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.'), "{id}");
            assert!(keys.insert(key(resource)), "twice: {id}");
        }
        for resource in record {
            walk(resource, "", &mut |name, text| {
                let binary = name == "url" && text.starts_with("Binary/");
                assert!(!(name == "reference" || binary) || keys.contains(text), "{} -> {text}", key(resource));
            });
        }
    }
}

#[test]
fn nothing_happened_after_the_anchor() {
    let last = day(ANCHOR);
    // Periods of validity, due dates and expiration dates may lie ahead.
    let ahead = ["end", "dueDate", "expirationDate"];
    for resource in everything().iter().flatten() {
        walk(resource, "", &mut |name, text| {
            let bytes = text.as_bytes();
            let date = bytes.len() >= 10 && text.is_ascii() && bytes.starts_with(b"20") && bytes[4] == b'-';
            assert!(!date || ahead.contains(&name) || text[..10] <= *last, "{} {name} {text}", key(resource));
        });
    }
}

/// Amounts by category, in cents.
fn amounts(rows: &Value) -> BTreeMap<String, i64> {
    let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
    let of = |row: &Value| {
        let code = row["category"]["coding"][0]["code"].as_str()?.to_string();
        let cents = (row["amount"]["value"].as_f64()? * 100.0).round();
        (code != "adjustmentreason").then_some((code, cents as i64))
    };
    rows.iter().filter_map(of).collect()
}

#[test]
fn money_adds_up_in_every_line_and_every_total() {
    let claims =
        everything().iter().flatten().filter(|r| r["resourceType"] == "ExplanationOfBenefit" && r["use"] == "claim");
    for eob in claims {
        let total = amounts(&eob["total"]);
        let items: Vec<_> =
            eob["item"].as_array().expect("items").iter().map(|i| amounts(&i["adjudication"])).collect();
        for a in items.iter().chain([&total]).filter(|a| !a.is_empty()) {
            let of = |code: &str| a.get(code).copied().unwrap_or(0);
            assert_eq!(of("submitted"), of("discount") + of("noncovered") + of("eligible"), "{}", key(eob));
            assert_eq!(of("eligible"), of("benefit") + of("memberliability"), "{}", key(eob));
            assert_eq!(of("memberliability"), of("deductible") + of("copay") + of("coinsurance"), "{}", key(eob));
            assert!(a.values().all(|cents| *cents >= 0), "{}", key(eob));
        }
        // A claim at a case rate is adjudicated as a whole: its lines have no amounts.
        if items.iter().all(|i| !i.is_empty()) {
            for (code, cents) in &total {
                let sum: i64 = items.iter().filter_map(|i| i.get(code)).sum();
                assert_eq!(*cents, sum, "{} {code}", key(eob));
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_members_one_by_one() {
    let long: Vec<_> = population(12, 3).collect();
    let short: Vec<_> = population(4, 3).collect();
    assert_eq!(long[..4], short[..]);
    assert_ne!(short, population(4, 4).collect::<Vec<_>>());
    assert!(household().resources == everything()[25]);
}

#[test]
fn sensitive_illnesses_are_labelled_wherever_they_are_named() {
    let sensitive = ["F33.1", "F41.1", "F11.20", "B20", "O03.9"];
    for resource in everything().iter().flatten() {
        walk(resource, "", &mut |name, text| {
            let named = name == "code" && sensitive.contains(&text);
            assert!(!named || resource["meta"]["security"].is_array(), "{} {text}", key(resource));
        });
    }
}

#[test]
fn labels_are_sensitivity_labels_and_only_robin_has_them() {
    let mut kinds = BTreeMap::<String, usize>::new();
    for resource in household().resources.iter().filter(|resource| resource["meta"]["security"].is_array()) {
        let labels = shared::fhir::sensitivity::labels(resource);
        assert_eq!(labels.len(), resource["meta"]["security"].as_array().map_or(0, Vec::len), "{}", key(resource));
        assert!(labels.contains(&"R") && labels.len() > 1, "{}: restricted, and by what", key(resource));
        assert!(key(resource).contains("robin"), "{}", key(resource));
        for label in labels {
            *kinds.entry(label.to_owned()).or_default() += 1;
        }
    }
    assert!(["PSY", "SUD", "ETH", "HIV", "SEX"].iter().all(|label| kinds.contains_key(*label)), "{kinds:?}");
}

#[test]
fn prior_authorizations_tell_all_that_the_rule_wants() {
    // 42 CFR 422.119(b)(1)(iv): status, dates, end, items and services, the reason of a denial, documents.
    let household = household().resources;
    let mut outcomes = BTreeMap::<String, usize>::new();
    let claims = household.iter().filter(|r| r["resourceType"] == "ExplanationOfBenefit");
    for pa in claims.filter(|r| r["use"] == "preauthorization") {
        let (item, name) = (&pa["item"][0], key(pa));
        let review = &pa["adjudication"][0]["extension"];
        let action = review[0]["extension"][1]["valueCodeableConcept"]["coding"][0]["code"].as_str().expect("a status");
        assert!(review[1]["valueDateTime"].is_string() && pa["created"].is_string(), "{name}: when");
        assert!(item["productOrService"]["coding"][0]["display"].is_string(), "{name}: what");
        assert!(item["quantity"]["value"].is_number(), "{name}: how much");
        let document = pa["supportingInfo"][0]["valueReference"]["reference"].as_str().expect("a document");
        assert!(household.iter().any(|r| key(r) == document), "{name}: {document}");
        assert_eq!(pa["preAuthRefPeriod"][0]["end"].is_string(), action == "A1", "{name}: until when");
        let reason = |row: &Value| row["reason"]["coding"][0]["code"].is_string();
        let rows = item["adjudication"].as_array().expect("decisions of the item");
        assert_eq!(rows.iter().any(reason), action == "A3", "{name}: why not");
        assert_eq!(pa["processNote"][0]["text"].is_string(), action == "A3", "{name}: why not, in words");
        *outcomes.entry(action.to_owned()).or_default() += 1;
    }
    assert!(["A1", "A3", "A4"].iter().all(|action| outcomes.contains_key(*action)), "{outcomes:?}");
}

#[test]
fn a_history_is_exactly_as_long_as_asked_and_one_members_own() {
    for length in [1, 30, 100, 1200] {
        let record: Vec<Value> = history(length, 3).flatten().collect();
        let own = record.iter().filter(|resource| resource["id"].as_str().is_some_and(|id| id.starts_with("long-3")));
        assert_eq!(own.count(), length);
        assert_eq!(record[0]["resourceType"], "Patient");
    }
}
