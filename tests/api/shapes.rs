//! The shape of an answer: the part of each resource, and the order; and searches of amounts as ranges.

use std::collections::BTreeSet;

use patient_access::load::Source;
use serde_json::{Value as Json, json};
use tests::App;

fn properties(resource: &Json) -> BTreeSet<String> {
    resource.as_object().unwrap().keys().cloned().collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_has_what_r4_marks_for_it_and_says_that_it_is_one() {
    let app = App::start().await;
    let feed = vec![json!({"resourceType": "Observation", "id": "alice-summed", "status": "final",
        "text": {"status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">Five</div>"},
        "contained": [{"resourceType": "Specimen", "id": "s"}], "language": "en",
        "identifier": [{"value": "i"}], "code": {"text": "x"}, "subject": {"reference": "Patient/alice"},
        "effectiveDateTime": "2025-07-01", "valueInteger": 5, "note": [{"text": "n"}], "method": {"text": "m"},
        "referenceRange": [{"text": "r"}], "component": [{"code": {"text": "c"}}]})];
    assert!(app.load(Source::Memory(feed)).await.is_clean());
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let whole = app.fhir(&tokens, "Observation/alice-summed").await.json();
    let always = set(&["resourceType", "id", "meta", "status", "code"]);
    let summary = set(&["identifier", "subject", "effectiveDateTime", "valueInteger", "component"]);
    for (control, expected) in [
        ("_summary=true", always.union(&summary).cloned().collect()),
        ("_summary=text", always.union(&set(&["text"])).cloned().collect()),
        ("_summary=data", properties(&whole).difference(&set(&["text"])).cloned().collect()),
        ("_summary=false", properties(&whole)),
        ("_elements=note", always.union(&set(&["note"])).cloned().collect::<BTreeSet<_>>()),
    ] {
        let reply = app.fhir(&tokens, &format!("Observation?_id=alice-summed&{control}")).await;
        let [resource] = &reply.entries("match")[..] else { panic!("{control}: {}", reply.body) };
        assert_eq!(properties(resource), expected, "{control}");
        let tag = &resource["meta"]["tag"][0]["code"];
        assert_eq!(*tag == "SUBSETTED", control != "_summary=false", "{control}");
    }
    let count = app.fhir(&tokens, "Observation?_id=alice-summed&_summary=count").await;
    assert_eq!((count.json()["total"].as_u64(), count.matches().len()), (Some(1), 0));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resources_without_a_value_come_last_in_every_order_and_on_every_page() {
    let app = App::start().await;
    let goal = |id: &str, start: Option<&str>, text: Option<&str>| {
        let mut goal = json!({"resourceType": "Goal", "id": id, "lifecycleStatus": "active",
            "description": {"text": "x"}, "subject": {"reference": "Patient/alice"}});
        if let Some(start) = start {
            goal["startDate"] = start.into();
        }
        if let Some(code) = text {
            goal["category"] = json!([{"coding": [{"code": code}]}]);
        }
        goal
    };
    let feed = vec![
        goal("a", None, Some("x")),
        goal("b", Some("2025-01-01"), None),
        goal("c", None, None),
        goal("d", Some("2024-01-01"), Some("y")),
    ];
    assert!(app.load(Source::Memory(feed)).await.is_clean());
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    for (sort, order) in [
        ("start-date", "d b a c"),
        ("-start-date", "b d c a"),
        ("category", "a d b c"),
        ("-category", "d a b c"),
        ("start-date,category", "d b a c"),
        ("-start-date,-category", "b d a c"),
    ] {
        for count in [1, 2, 3, 4, 50] {
            let mut next = Some(format!("Goal?_sort={sort}&_count={count}"));
            let mut found = Vec::new();
            while let Some(page) = next {
                let reply = app.fhir(&tokens, &page).await;
                found.extend(reply.matches().into_iter().map(|name| name.replace("Goal/", "")));
                if let Some(total) = reply.json()["total"].as_u64() {
                    assert_eq!(total, 4, "{page}");
                }
                next = reply.link("next");
            }
            assert_eq!(found.join(" "), order, "{sort}, {count} a page");
        }
    }
    let filtered = app.fhir(&tokens, "Goal?_sort=start-date&start-date=le2024-12-31").await;
    assert_eq!(filtered.matches(), ["Goal/d"]);
    let undated = app.fhir(&tokens, "Goal?_sort=start-date&start-date:missing=true").await;
    assert_eq!(undated.matches(), ["Goal/a", "Goal/c"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_is_found_by_the_amounts_in_it() {
    let app = App::start().await;
    let years =
        |value: u32| json!({"value": value, "unit": "years", "system": "http://unitsofmeasure.org", "code": "a"});
    let feed = vec![
        json!({"resourceType": "Condition", "id": "alice-since", "subject": {"reference": "Patient/alice"},
        "code": {"text": "x"}, "onsetRange": {"low": years(20), "high": years(30)}, "abatementRange": {"low": years(40)}}),
    ];
    assert!(app.load(Source::Memory(feed)).await.is_clean());
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    for (query, found) in [
        ("onset-age=gt25", true),
        ("onset-age=gt30", false),
        ("onset-age=lt21", true),
        ("onset-age=lt20", false),
        ("onset-age=sa19", true),
        ("onset-age=eb31", true),
        ("onset-age=eb30", false),
        ("onset-age=25", false),
        ("onset-age=ne25", true),
        ("onset-age=gt25|http://unitsofmeasure.org|a", true),
        ("onset-age=gt25|http://unitsofmeasure.org|mo", false),
        ("onset-age=gt25||years", true),
        ("abatement-age=gt1000", true),
        ("abatement-age=lt40", false),
    ] {
        let reply = app.fhir(&tokens, &format!("Condition?{query}")).await;
        assert_eq!(reply.matches() == ["Condition/alice-since"], found, "{query}: {}", reply.body);
    }
    app.finish().await;
}
