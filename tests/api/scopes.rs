//! The data that scopes open. A granular scope holds on every path that leads to data.

use std::collections::BTreeSet;

use http::StatusCode;
use patient_access::load::Source;
use serde_json::json;
use shared::fhir::types::{Owner, TYPES};
use tests::{App, AuthorizeOptions, Tokens};

const LABS: &str =
    "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory";

/// The number of alice's observations that are lab results, and vital signs.
const LAB_COUNT: usize = 10;
const VITAL_COUNT: usize = 20;

/// All matches of all pages.
async fn all(app: &App, tokens: &Tokens, first: &str) -> BTreeSet<String> {
    let (mut found, mut next) = (BTreeSet::new(), Some(first.to_owned()));
    while let Some(url) = next {
        let page = app.fhir(tokens, &url).await;
        assert_eq!(page.status, StatusCode::OK, "{url}: {}", page.body);
        found.extend(page.matches());
        next = page.link("next");
    }
    found
}

/// T085
#[tokio::test(flavor = "multi_thread")]
async fn read_and_search_are_two_permissions_and_writing_is_none() {
    let app = App::start().await;
    for (scope, reads, searches) in [
        ("patient/Observation.r", true, false),
        ("patient/Observation.s", false, true),
        ("patient/Observation.rs", true, true),
        ("patient/Observation.read", true, true),
        ("patient/Observation.*", true, true),
        ("patient/Observation.cruds", true, true),
        ("user/Observation.r", true, false),
        ("patient/Observation.r user/Observation.s", true, true),
        ("patient/Observation.write patient/Coverage.rs", false, false),
        ("patient/Observation.cud patient/Coverage.rs", false, false),
    ] {
        let tokens = app.sign_in("alice", scope).await;
        let allowed = |allowed: bool| if allowed { StatusCode::OK } else { StatusCode::FORBIDDEN };
        let status = async |path: &str| app.fhir(&tokens, path).await.status;
        assert_eq!(status("Observation/alice-observation-0").await, allowed(reads), "{scope}");
        assert_eq!(status("Observation").await, allowed(searches), "{scope}");
        assert_eq!(app.fhir_post(&tokens, "Observation/_search", &[]).await.status, allowed(searches), "{scope}");
        assert_eq!(status("Observation?_summary=count").await, allowed(searches), "{scope}");
    }
    let none = app.authorize(&AuthorizeOptions::new(&app, "alice", "patient/Observation.write")).await;
    assert_eq!(none.redirected("error").as_deref(), Some("invalid_scope"));
    app.finish().await;
}

/// T086: search, filtered search, read, `$everything`, include and reverse include
#[tokio::test(flavor = "multi_thread")]
async fn a_granular_scope_holds_on_every_path() {
    let app = App::start().await;
    let report = json!({"resourceType": "DiagnosticReport", "id": "alice-report", "status": "final", "code": {"text": "x"},
        "subject": {"reference": "Patient/alice"}, "effectiveDateTime": "2025-06-01",
        "result": [{"reference": "Observation/alice-observation-0"}, {"reference": "Observation/alice-observation-1"}]});
    let visit = json!({"resourceType": "Encounter", "id": "alice-visit", "status": "finished", "class": {"code": "AMB"},
        "subject": {"reference": "Patient/alice"}, "period": {"start": "2025-06-01"}});
    let seen = |number: usize, category: &str| {
        json!({"resourceType": "Observation", "id": format!("alice-seen-{number}"),
        "status": "final", "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category",
        "code": category}]}], "code": {"text": "x"}, "subject": {"reference": "Patient/alice"},
        "encounter": {"reference": "Encounter/alice-visit"}, "effectiveDateTime": "2025-07-01"})
    };
    let more = vec![report, visit, seen(0, "laboratory"), seen(1, "vital-signs")];
    assert!(app.load(Source::Memory(more)).await.is_clean());
    let scope = format!("{LABS} patient/DiagnosticReport.rs patient/Encounter.rs patient/Patient.rs");
    let tokens = app.sign_in("alice", &scope).await;
    assert_eq!(tokens.answer["scope"], scope);
    let labs = all(&app, &tokens, "Observation?_count=100").await;
    assert_eq!(labs.len(), LAB_COUNT + 1);
    for query in ["Observation?_count=3", "Observation?_count=3&_sort=date", "Observation?_count=4&_sort=code"] {
        assert_eq!(all(&app, &tokens, query).await, labs, "{query}");
    }
    for query in [
        "category=vital-signs",
        "_id=alice-observation-1",
        "category:not=laboratory",
        "code:missing=true&_id=alice-seen-1",
    ] {
        let reply = app.fhir(&tokens, &format!("Observation?{query}")).await;
        assert!(reply.status == StatusCode::BAD_REQUEST || reply.matches().is_empty(), "{query}: {}", reply.body);
    }
    let posted = app.fhir_post(&tokens, "Observation/_search", &[("category", "vital-signs")]).await;
    assert!(posted.matches().is_empty());
    assert_eq!(app.fhir(&tokens, "Observation/alice-observation-0").await.status, StatusCode::OK);
    let vital = app.fhir(&tokens, "Observation/alice-observation-1").await;
    let nothing = app.fhir(&tokens, "Observation/no-such-thing").await;
    assert_eq!((vital.status, vital.body), (StatusCode::NOT_FOUND, nothing.body), "a vital sign looks absent");
    let everything = all(&app, &tokens, "Patient/alice/$everything?_count=7").await;
    let observations: BTreeSet<String> = everything.into_iter().filter(|id| id.starts_with("Observation/")).collect();
    assert_eq!(observations, labs);
    let typed = all(&app, &tokens, "Patient/alice/$everything?_type=Observation").await;
    assert_eq!(typed, labs);
    let included = app.fhir(&tokens, "DiagnosticReport?_include=DiagnosticReport:result").await;
    assert_eq!(included.included(), ["Observation/alice-observation-0"]);
    let included = app.fhir(&tokens, "DiagnosticReport?_include=DiagnosticReport:*").await;
    assert!(!included.body.contains("\"alice-observation-1\""));
    let reverse = app.fhir(&tokens, "Encounter?_revinclude=Observation:encounter").await;
    assert_eq!(reverse.included(), ["Observation/alice-seen-0"]);
    app.finish().await;
}

/// T087
#[tokio::test(flavor = "multi_thread")]
async fn granular_scopes_add_up_and_each_must_hold_as_a_whole() {
    let app = App::start().await;
    let vitals = LABS.replace("laboratory", "vital-signs");
    for (scope, count) in [
        (format!("{LABS} {vitals}"), LAB_COUNT + VITAL_COUNT),
        (format!("{LABS} patient/Observation.rs"), LAB_COUNT + VITAL_COUNT + 1),
        (format!("{LABS}&code=http://loinc.org|0-1"), 2),
        (format!("{LABS}&code=http://loinc.org|0-1 {vitals}&code=http://loinc.org|1-1"), 2 + 4),
        (format!("{LABS}&category=vital-signs"), 0),
        (
            format!("{LABS},http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"),
            LAB_COUNT + VITAL_COUNT,
        ),
        (LABS.replace('|', "%7C"), LAB_COUNT),
        (LABS.replace("patient/", "user/"), LAB_COUNT),
        ("patient/Observation.rs?category=laboratory".to_owned(), LAB_COUNT),
        ("patient/Observation.rs?category=http://other.example|laboratory".to_owned(), 0),
    ] {
        let tokens = app.sign_in("alice", &scope).await;
        assert_eq!(tokens.answer["scope"], scope);
        assert_eq!(all(&app, &tokens, "Observation?_count=50").await.len(), count, "{scope}");
        let everything = all(&app, &tokens, "Patient/alice/$everything").await;
        assert_eq!(everything.len(), count, "{scope}");
    }
    let split = app.sign_in("alice", &format!("{} {}", LABS.replace(".rs", ".r"), vitals.replace(".rs", ".s"))).await;
    assert_eq!(
        all(&app, &split, "Observation?_count=50").await.len(),
        VITAL_COUNT,
        "the search scope is for vital signs"
    );
    assert_eq!(
        app.fhir(&split, "Observation/alice-observation-0").await.status,
        StatusCode::OK,
        "the read scope is for lab results"
    );
    assert_eq!(app.fhir(&split, "Observation/alice-observation-1").await.status, StatusCode::NOT_FOUND);
    app.finish().await;
}

/// T087: a scope whose query this server cannot evaluate opens nothing
#[tokio::test(flavor = "multi_thread")]
async fn a_granular_scope_that_does_not_read_as_a_search_opens_nothing() {
    let app = App::start().await;
    for query in [
        "colour=red",
        "category:in=http://x.example/vs",
        "patient.name=x",
        "_has:x:y:z=1",
        "_filter=x",
        "date=nonsense",
    ] {
        let options =
            AuthorizeOptions::new(&app, "alice", &format!("patient/Coverage.rs patient/Observation.rs?{query}"));
        let reply = app.authorize(&options).await;
        let Some(code) = reply.redirected("code") else {
            assert_eq!(reply.redirected("error").as_deref(), Some("invalid_scope"), "{query}: {reply:?}");
            continue;
        };
        let tokens = Tokens::of(&app.exchange(&code).await);
        assert_eq!(app.fhir(&tokens, "Observation").await.status, StatusCode::FORBIDDEN, "{query}");
        assert_eq!(app.fhir(&tokens, "Observation/alice-observation-0").await.status, StatusCode::FORBIDDEN, "{query}");
        assert_eq!(all(&app, &tokens, "Patient/alice/$everything").await.len(), 2, "{query}");
    }
    app.finish().await;
}

/// T088
#[tokio::test(flavor = "multi_thread")]
async fn the_wildcard_is_every_type_that_is_served() {
    let app = App::start().await;
    for scope in ["patient/*.rs", "user/*.read"] {
        let tokens = app.sign_in("alice", scope).await;
        for kind in TYPES.iter().filter(|kind| kind.owner != Owner::Attachment) {
            assert_eq!(app.fhir(&tokens, kind.name).await.status, StatusCode::OK, "{}", kind.name);
        }
        for other in ["Account", "Group", "Person", "Nonsense"] {
            assert_eq!(app.fhir(&tokens, other).await.status, StatusCode::NOT_FOUND, "{other}");
        }
    }
    app.finish().await;
}

/// T088
#[tokio::test(flavor = "multi_thread")]
async fn a_scope_for_a_type_that_is_not_served_is_unknown() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/Coverage.rs patient/Account.rs patient/Nonsense.read").await;
    assert_eq!(tokens.answer["scope"], "patient/Coverage.rs", "a scope that opens nothing is not granted");
    let none = app.authorize(&AuthorizeOptions::new(&app, "alice", "patient/Nonsense.rs")).await;
    assert_eq!(none.redirected("error").as_deref(), Some("invalid_scope"));
    app.finish().await;
}

/// T089
#[tokio::test(flavor = "multi_thread")]
async fn a_patient_in_context_and_a_sign_in_open_no_data() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "launch/patient openid").await;
    assert_eq!(
        (tokens.answer["patient"].as_str(), tokens.answer["scope"].as_str()),
        (Some("alice"), Some("launch/patient openid"))
    );
    for kind in TYPES {
        let read = app.fhir(&tokens, &format!("{}/alice", kind.name)).await;
        assert_eq!(read.status, StatusCode::FORBIDDEN, "{}", kind.name);
        if kind.owner != Owner::Attachment {
            assert_eq!(app.fhir(&tokens, kind.name).await.status, StatusCode::FORBIDDEN, "{}", kind.name);
        }
    }
    assert_eq!(app.fhir(&tokens, "Patient/alice/$everything").await.status, StatusCode::FORBIDDEN);
    app.finish().await;
}

/// T086, T090: neither the number of resources on a page nor its `next` link tells that there are others, or which
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_a_granular_scope_tell_nothing_of_what_it_leaves_out() {
    let app = App::start().await;
    let (whole, labs) = (app.sign_in("alice", "patient/*.rs").await, app.sign_in("alice", LABS).await);
    let shown = all(&app, &labs, "Observation?_count=100").await;
    let others = all(&app, &whole, "Observation?_count=100").await;
    assert!(others.len() >= shown.len() + VITAL_COUNT, "there are resources to hide");
    for query in ["_count=1", "_count=3", "_count=3&_sort=date", "_count=2&status=final"] {
        let (mut found, mut next) = (Vec::new(), Some(format!("Observation?{query}")));
        while let Some(url) = next {
            let page = app.fhir(&labs, &url).await;
            assert_eq!(page.status, StatusCode::OK, "{url}: {}", page.body);
            next = page.link("next");
            let count: usize = query[7..8].parse().unwrap();
            assert!(page.matches().len() == count || next.is_none(), "{query}: a page that goes on is full");
            found.extend(page.matches());
            let Some(cursor) = page.next_place() else { continue };
            let place = cursor["at"][0].as_str().unwrap();
            let key = format!("Observation/{}", place.rsplit('/').next().unwrap());
            assert!(shown.contains(&key), "{query}: {cursor}");
        }
        assert_eq!(found.len(), shown.len(), "{query}");
    }
    app.finish().await;
}

/// T090
#[tokio::test(flavor = "multi_thread")]
async fn a_count_tells_no_more_than_the_scope_shows() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", LABS).await;
    for (query, total) in [
        ("_summary=count", LAB_COUNT),
        ("_count=0", LAB_COUNT),
        ("_total=accurate&_count=3", LAB_COUNT),
        ("_elements=code&_count=50", LAB_COUNT),
        ("_summary=count&category=vital-signs", 0),
        ("_summary=count&category=vital-signs,laboratory", LAB_COUNT),
        ("_total=accurate&_sort=code&_count=1", LAB_COUNT),
    ] {
        let reply = app.fhir(&tokens, &format!("Observation?{query}")).await;
        assert_eq!(reply.json()["total"], total, "{query}: {}", reply.body);
    }
    let some = app.fhir(&tokens, "Observation?_elements=code&_count=50").await;
    assert_eq!(some.matches().len(), LAB_COUNT);
    app.finish().await;
}
