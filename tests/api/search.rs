//! Searches as real clients send them, page by page.

mod tokens;
mod values;

use std::collections::BTreeSet;

use http::StatusCode;
use patient_access::load::Source;
use serde_json::json;
use tests::fixtures::CLAIMS;
use tests::{App, Tokens};

const EVERYTHING: &str = "patient/*.rs";

/// Every match of all pages.
async fn walk(app: &App, tokens: &Tokens, first: &str) -> Vec<String> {
    let (mut found, mut next) = (Vec::new(), Some(first.to_owned()));
    while let Some(url) = next {
        let page = app.fhir(tokens, &url).await;
        assert_eq!(page.status, StatusCode::OK, "{url}: {}", page.body);
        found.extend(page.matches());
        next = page.link("next");
        assert!(found.len() < 1000, "{first} never ends");
    }
    let unique: BTreeSet<&String> = found.iter().collect();
    assert_eq!(unique.len(), found.len(), "{first} gives each match once");
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_searches_of_the_guides_answer() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let newest = app.fhir(&tokens, "ExplanationOfBenefit?patient=alice&_count=20&_sort=-created").await;
    let created: Vec<String> =
        newest.entries("match").iter().map(|claim| claim["created"].as_str().unwrap().to_owned()).collect();
    assert!(created.len() == CLAIMS && created.is_sorted_by(|a, b| a >= b), "{created:?}");
    let typed = app.fhir(&tokens, "ExplanationOfBenefit?patient=alice&_count=20&_sort=-created&type=pharmacy").await;
    assert_eq!(typed.matches().len(), 4);
    let recent = app.fhir(&tokens, "ExplanationOfBenefit?patient=alice&created=ge2025-01-01").await;
    assert_eq!(recent.matches().len(), 4);
    let coverage = app.fhir(&tokens, "Coverage?patient=alice&_sort=-period").await;
    assert_eq!(coverage.matches(), ["Coverage/alice-coverage", "Coverage/alice-coverage-old"]);
    let active = app.fhir(&tokens, "Condition?patient=alice&clinical-status=active&_sort=-recorded-date").await;
    assert_eq!(active.matches(), ["Condition/alice-asthma"]);
    let medicines = "MedicationRequest?patient=alice&status=active&_include=MedicationRequest:medication";
    let medicines = app.fhir(&tokens, medicines).await;
    assert_eq!((medicines.matches().len(), medicines.included()), (1, vec!["Medication/pill".to_owned()]));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn following_next_yields_every_match_once_in_every_order() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let all: BTreeSet<String> = walk(&app, &tokens, "Observation?_count=100").await.into_iter().collect();
    assert_eq!(all.len(), 31);
    for query in [
        "_count=7",
        "_count=7&_sort=date",
        "_count=7&_sort=-date",
        "_count=4&_sort=code",
        "_count=4&_sort=-code,date",
        "_count=1&_sort=_id",
    ] {
        let found = walk(&app, &tokens, &format!("Observation?{query}")).await;
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), all, "{query}");
    }
    let oldest = walk(&app, &tokens, "Observation?_count=7&_sort=date").await;
    let newest = walk(&app, &tokens, "Observation?_count=7&_sort=-date").await;
    assert_eq!(oldest, newest.into_iter().rev().collect::<Vec<_>>());
    let labs = walk(&app, &tokens, "Observation?_count=3&category=laboratory").await;
    assert_eq!(labs.len(), 10);
    let filtered = walk(&app, &tokens, "Observation?_count=3&category=laboratory&date=gt2025-06-10&_sort=date").await;
    assert_eq!(filtered.len(), 6);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_without_a_patient_means_the_member_and_totals_are_told_when_known() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    assert_eq!(app.fhir(&tokens, "Condition").await.json()["total"], 2);
    assert_eq!(app.fhir(&tokens, "Patient").await.matches(), ["Patient/alice"]);
    assert_eq!(app.fhir(&tokens, "Patient?_id=bob").await.json()["total"], 0);
    assert_eq!(app.fhir(&tokens, "Patient?identifier=bob-number").await.json()["total"], 0);
    assert_eq!(app.fhir(&tokens, "Patient?name=fam").await.json()["total"], 1);
    assert_eq!(app.fhir(&tokens, "Observation?_count=0").await.json()["total"], 31);
    assert_eq!(app.fhir(&tokens, "Observation?_count=5&_total=accurate").await.json()["total"], 31);
    assert_eq!(app.fhir(&tokens, "Observation?code=none").await.json()["total"], 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_posted_search_is_the_same_search() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let form = [("patient", "alice"), ("clinical-status", "active")];
    let posted = app.fhir_post(&tokens, "Condition/_search", &form).await;
    assert_eq!(posted.matches(), ["Condition/alice-asthma"]);
    app.finish().await;
}

/// T070: the star of a type
#[tokio::test(flavor = "multi_thread")]
async fn includes_bring_what_is_in_reach_once() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let all = app.fhir(&tokens, "ExplanationOfBenefit?_include=ExplanationOfBenefit:*").await;
    let included: BTreeSet<String> = all.included().into_iter().collect();
    let wanted = ["Coverage/alice-coverage", "Organization/payer", "Patient/alice", "Practitioner/doctor"];
    assert_eq!(included.into_iter().collect::<Vec<_>>(), wanted);
    let reverse = app.fhir(&tokens, "Coverage?_id=alice-coverage&_revinclude=ExplanationOfBenefit:coverage").await;
    assert_eq!((reverse.matches().len(), reverse.included().len()), (1, CLAIMS));
    let role = app.fhir(&tokens, "PractitionerRole?_include=PractitionerRole:practitioner").await;
    assert_eq!(role.included(), ["Practitioner/rolled"]);
    app.finish().await;
}

/// T070: the bare star and `:iterate`; T076 and T077
#[tokio::test(flavor = "multi_thread")]
async fn an_error_names_the_mistake_and_what_would_be_right() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    for (query, code, words) in [
        ("Observation?colour=red", "invalid", "It has: _id"),
        ("Observation?date=yesterday", "invalid", "YYYY-MM-DD"),
        ("Observation?date=xx2024", "invalid", "YYYY-MM-DD"),
        ("Observation?code:above=x", "not-supported", ":above"),
        ("Observation?patient.name=x", "not-supported", "patient.name"),
        ("Observation?_has:Provenance:target:agent=x", "not-supported", "_has"),
        ("Observation?_sort=colour", "invalid", "sorts by"),
        ("Observation?_count=many", "invalid", "whole number"),
        ("Observation?_include=*", "invalid", "Type:parameter"),
        ("Observation?_revinclude=*", "invalid", "Type:parameter"),
        ("Observation?_include:iterate=Observation:subject", "not-supported", "iterate"),
        ("Observation?_filter=code+eq+x", "not-supported", "_filter"),
        ("Observation?_query=x", "not-supported", "_query"),
        ("Observation?_list=x", "not-supported", "_list"),
        ("Observation?_text=x", "not-supported", "_text"),
        ("Observation?_content=x", "not-supported", "_content"),
        ("Observation?_contained=true", "not-supported", "_contained"),
        ("Observation?_cursor=abc", "invalid", "next"),
        ("Binary", "not-supported", "read by id"),
    ] {
        let reply = app.fhir(&tokens, query).await;
        let (told, text) = reply.issue();
        assert_eq!((reply.status, told.as_str()), (StatusCode::BAD_REQUEST, code), "{query}: {text}");
        assert!(text.contains(words), "{query}: {text}");
    }
    assert_eq!(app.fhir(&tokens, "Nonsense").await.status, StatusCode::NOT_FOUND);
    let xml = app.fhir(&tokens, "Observation?_format=xml").await;
    assert_eq!(xml.status, StatusCode::NOT_ACCEPTABLE);
    assert!(xml.issue().1.contains("ask for `application/fhir+json`"), "{}", xml.body);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lenient_search_leaves_an_unknown_parameter_out_and_says_so() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let request = http::Request::get(format!("{}/fhir/Condition?colour=red&clinical-status=active", app.url()));
    let reply =
        app.fhir_request(&tokens, request.header("prefer", "handling=lenient").body(String::new()).unwrap()).await;
    assert_eq!(reply.matches(), ["Condition/alice-asthma"]);
    assert!(!reply.link("self").unwrap().contains("colour"), "the self link shows the understood parameters");
    assert!(reply.entries("outcome")[0]["issue"][0]["diagnostics"].as_str().unwrap().contains("colour"));
    app.finish().await;
}

/// `GET` and `POST` say in the same header how unknown parameters are handled. Without it, or with an unknown word, the
/// search is strict.
#[tokio::test(flavor = "multi_thread")]
async fn a_posted_search_is_as_lenient_as_it_asks_to_be() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    for (prefer, lenient) in [
        (None, false),
        (Some("handling=strict"), false),
        (Some("return=minimal"), false),
        (Some("handling=lenient"), true),
        (Some("return=representation, handling=lenient"), true),
    ] {
        let url = format!("{}/fhir/Condition/_search", app.url());
        let request = http::Request::post(url).header("content-type", "application/x-www-form-urlencoded");
        let request = prefer.into_iter().fold(request, |request, prefer| request.header("prefer", prefer));
        let form = "colour=red&clinical-status=active".to_owned();
        let reply = app.fhir_request(&tokens, request.body(form).unwrap()).await;
        if lenient {
            assert_eq!(reply.matches(), ["Condition/alice-asthma"], "{prefer:?}");
            let outcome = &reply.entries("outcome")[0];
            assert!(outcome["issue"][0]["diagnostics"].as_str().unwrap().contains("colour"), "{prefer:?}");
        } else {
            assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{prefer:?}: {}", reply.body);
            assert!(
                reply.issue().1.contains("no parameter `colour`; the nearest is `code`"),
                "{prefer:?}: {}",
                reply.body
            );
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subset_is_marked_and_holds_what_was_asked() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let some = app.fhir(&tokens, "Condition?_elements=code&_count=1").await.entries("match").remove(0);
    assert!(some["code"].is_object() && some["subject"].is_object() && some.get("recordedDate").is_none());
    assert_eq!(some["meta"]["tag"][0]["code"], "SUBSETTED");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_record_comes_page_by_page_each_resource_once() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let whole = app.fhir(&tokens, "Patient/alice/$everything").await;
    assert_eq!(whole.link("next"), None, "it fits one answer");
    let all = whole.matches();
    assert_eq!(all[0], "Patient/alice", "the member comes first");
    let expected: BTreeSet<String> = tests::fixtures::resources()
        .iter()
        .map(|resource| format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap()))
        .filter(|key| !["bob", "carol", "nobodys"].iter().any(|other| key.contains(&format!("/{other}"))))
        .chain(["Observation/alice-about-bob".to_owned(), "Organization/this-plan".to_owned()])
        .chain(app.fhir(&tokens, "Provenance").await.matches())
        .collect();
    assert_eq!(all.iter().cloned().collect::<BTreeSet<_>>(), expected);
    assert_eq!(all.len(), expected.len(), "each comes once");
    for count in [1, 7, 20] {
        let paged = walk(&app, &tokens, &format!("Patient/alice/$everything?_count={count}")).await;
        assert_eq!(paged.into_iter().collect::<BTreeSet<_>>(), expected, "_count={count}");
    }
    let typed = app.fhir(&tokens, "Patient/alice/$everything?_type=Coverage,Organization").await;
    assert_eq!(typed.matches().len(), 5);
    let later = app.fhir(&tokens, "Patient/alice/$everything?_since=2100-01-01").await;
    assert_eq!(later.matches().len(), 0);
    let care = app.fhir(&tokens, "Patient/alice/$everything?_type=Observation&start=2025-06-01&end=2025-06-10").await;
    assert_eq!(care.matches().len(), 10);
    // Dates of care are not the dates of writing or billing.
    let mut claim = app.fhir(&tokens, "ExplanationOfBenefit?_count=1").await.entries("match").remove(0);
    claim["id"] = json!("billed-late");
    claim["billablePeriod"] = json!({"start": "2023-03-01", "end": "2023-03-02"});
    claim["item"] = json!([{"sequence": 1, "productOrService": {"text": "x"}, "servicedDate": "2023-03-01"}]);
    claim["created"] = json!("2023-05-05");
    assert!(app.load(Source::Memory(vec![claim])).await.is_clean());
    for (time, found) in [("start=2023-03-02&end=2023-03-31", 1), ("start=2023-05-01&end=2023-05-31", 0)] {
        let url = format!("Patient/alice/$everything?_type=ExplanationOfBenefit&{time}");
        assert_eq!(app.fhir(&tokens, &url).await.matches().len(), found, "{time}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_of_another_member_is_not_found_and_bad_parameters_are_named() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    for other in ["bob", "nobody"] {
        assert_eq!(app.fhir(&tokens, &format!("Patient/{other}/$everything")).await.status, StatusCode::NOT_FOUND);
    }
    let long = "\"".repeat(7_000);
    for (name, value) in [("_pretty", &*long), (&*long, "true"), ("_type", &*long)] {
        for path in ["Patient/alice/$everything", "DocumentReference/$docref", "Observation/_search"] {
            let reply = app.fhir_post(&tokens, path, &[("patient", "alice"), (name, value)]).await;
            assert_eq!((reply.status, reply.issue().0.as_str()), (StatusCode::BAD_REQUEST, "invalid"), "{path}");
            assert!(reply.body.len() < 2_000, "{path}: a value that is too long is not repeated: {}", reply.body.len());
        }
    }
    for query in ["_since=soon", "start=2025-01-02&end=2025-01-01", "_count=0", "colour=red", "_cursor=x"] {
        let reply = app.fhir(&tokens, &format!("Patient/alice/$everything?{query}")).await;
        assert_eq!((reply.status, reply.issue().0.as_str()), (StatusCode::BAD_REQUEST, "invalid"), "{query}");
    }
    assert_eq!(app.fhir(&tokens, "Patient/alice/$match").await.status, StatusCode::NOT_FOUND);
    let posted = app.fhir_post(&tokens, "Patient/alice/$everything", &[("_type", "Coverage")]).await;
    assert_eq!(posted.matches().len(), 2);
    app.finish().await;
}
