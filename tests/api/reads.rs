//! Reads by id: versions that the app already holds, and versions by number.

use http::{Request, StatusCode};
use patient_access::load::Source;
use serde_json::{Value as Json, json};
use tests::{App, Reply, Tokens};

async fn ask(app: &App, tokens: &Tokens, path: &str, headers: &[(&str, &str)]) -> Reply {
    let request = Request::get(format!("{}/fhir/{path}", app.url()));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    app.fhir_request(tokens, request.body(String::new()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_the_app_holds_is_not_sent_again() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let whole = ask(&app, &tokens, "Condition/alice-asthma", &[]).await;
    let (etag, modified) = (whole.header("etag").to_owned(), whole.header("last-modified").to_owned());
    assert_eq!(etag, format!("W/\"{}\"", whole.json()["meta"]["versionId"].as_str().unwrap()));
    let strong = etag.trim_start_matches("W/");
    let several = format!("W/\"77\", {etag}");
    for headers in [
        &[("if-none-match", etag.as_str())][..],
        &[("if-none-match", strong)],
        &[("if-none-match", &several)],
        &[("if-none-match", "*")],
        &[("if-modified-since", &modified)],
        &[("if-none-match", &etag), ("if-modified-since", "Sat, 01 Jan 2000 00:00:00 GMT")],
    ] {
        let reply = ask(&app, &tokens, "Condition/alice-asthma", headers).await;
        assert_eq!((reply.status, reply.body.as_str()), (StatusCode::NOT_MODIFIED, ""), "{headers:?}");
        assert_eq!((reply.header("etag"), reply.header("last-modified")), (etag.as_str(), modified.as_str()));
    }
    for headers in [
        &[("if-none-match", "W/\"77\"")][..],
        &[("if-modified-since", "Sat, 01 Jan 2000 00:00:00 GMT")],
        &[("if-modified-since", "yesterday")],
        &[("if-none-match", "W/\"77\""), ("if-modified-since", &modified)],
    ] {
        let reply = ask(&app, &tokens, "Condition/alice-asthma", headers).await;
        assert_eq!(reply.status, StatusCode::OK, "{headers:?}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_resource_is_read_in_as_few_round_trips_as_ones_own() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let shared = app.fhir(&tokens, "Practitioner").await.matches().remove(0);
    for (number, path) in [(1, "Condition/alice-asthma"), (2, &shared)] {
        assert_eq!(app.fhir(&tokens, path).await.status, StatusCode::OK);
        let line = app.answered("GET /fhir/{type}/{id}", 200, number).await.pop().unwrap();
        assert_eq!(line["waves"], 2, "{path}: {line}");
        assert!(line["read_units"].as_f64().unwrap() <= 2.0, "{path}: {line}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_of_what_is_held_is_recorded_and_tells_nothing_of_others() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let held = [("if-none-match", "*")];
    assert_eq!(ask(&app, &tokens, "Patient/alice", &held).await.status, StatusCode::NOT_MODIFIED);
    let last = app.audit("Patient/alice").await.pop().unwrap();
    assert_eq!((last["action"].as_str(), last["outcome"].as_str()), ("read", "not-modified"));
    assert_eq!(last.get("ids"), None, "nothing was given out");
    for path in ["Patient/bob", "Condition/bob-asthma", "Practitioner/bobs", "Patient/nobody"] {
        assert_eq!(ask(&app, &tokens, path, &held).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let narrow = app.sign_in("alice", "patient/Condition.rs?clinical-status=active").await;
    assert_eq!(ask(&app, &narrow, "Condition/alice-cold", &held).await.status, StatusCode::NOT_FOUND);
    assert_eq!(ask(&app, &narrow, "Patient/alice", &held).await.status, StatusCode::FORBIDDEN);
    let nobody = app.get_with("/fhir/Patient/alice", [("if-none-match", "*")].into_iter().map(header).collect()).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    app.finish().await;
}

fn header((name, value): (&'static str, &'static str)) -> (http::HeaderName, http::HeaderValue) {
    (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_current_version_is_read_by_its_number_and_no_other() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let first = app.fhir(&tokens, "Condition/alice-cold/_history/1").await;
    assert_eq!(first.json(), app.fhir(&tokens, "Condition/alice-cold").await.json());
    assert_eq!(first.header("etag"), "W/\"1\"");
    let shared = app.fhir(&tokens, "Practitioner/rolled/_history/1").await;
    assert_eq!(shared.json()["id"], "rolled");

    let changed = json!({"resourceType": "Condition", "id": "alice-cold", "subject": {"reference": "Patient/alice"},
        "recordedDate": "2025-01-06", "code": {"text": "A heavy cold"}});
    assert!(app.load(Source::Memory(vec![changed])).await.is_clean());
    let second = app.fhir(&tokens, "Condition/alice-cold/_history/2").await;
    assert_eq!(second.json()["code"]["text"], "A heavy cold");
    let held = ask(&app, &tokens, "Condition/alice-cold", &[("if-none-match", "W/\"1\"")]).await;
    assert_eq!(held.status, StatusCode::OK, "the app holds the previous version");
    let none = app.fhir(&tokens, "Condition/alice-none/_history/1").await;
    for path in [
        "Condition/alice-cold/_history/1",
        "Condition/alice-cold/_history/3",
        "Condition/alice-cold/_history/02",
        "Condition/bob-cold/_history/1",
        "Patient/bob/_history/1",
    ] {
        let reply = app.fhir(&tokens, path).await;
        assert_eq!((reply.status, &reply.body), (StatusCode::NOT_FOUND, &none.body), "{path}");
    }
    let unscoped = app.sign_in("alice", "patient/Patient.rs").await;
    let reply = app.fhir(&unscoped, "Condition/alice-cold/_history/2").await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_that_it_reads_versions_and_on_conditions() {
    let app = App::empty().await;
    let statement = app.get("/fhir/metadata").await.json();
    for resource in statement["rest"][0]["resource"].as_array().unwrap() {
        let interactions = resource["interaction"].as_array().unwrap();
        assert!(interactions.contains(&json!({"code": "vread"})), "{}", resource["type"]);
        assert_eq!(resource["conditionalRead"], "full-support", "{}", resource["type"]);
    }
    app.finish().await;
}

/// A resource out of the member's reach costs as much as one that is not there, however large it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_shared_resource_out_of_reach_costs_what_an_absent_one_costs() {
    let app = App::start().await;
    // Text and identifiers that no compression makes short: too much for a row, of the resource and of its index.
    let random = shared::secret::Random::system();
    let secrets = |count: usize| (0..count).map(|_| random.secret().reveal().to_owned()).collect::<Vec<String>>();
    let identifiers: Vec<Json> = secrets(200).iter().map(|value| json!({"system": "urn:x", "value": value})).collect();
    let last = identifiers[199]["value"].as_str().unwrap().to_owned();
    let large = json!({"resourceType": "Practitioner", "id": "large", "identifier": identifiers,
        "name": [{"family": "Large", "text": secrets(800).concat()}]});
    let seen = json!({"resourceType": "Observation", "id": "bob-seen", "status": "final", "code": {"text": "CANARY-BOB"},
        "subject": {"reference": "Patient/bob"}, "performer": [{"reference": "Practitioner/large"}]});
    assert!(app.load(Source::Memory(vec![large, seen])).await.is_clean());
    let (alice, bob) = (app.sign_in("alice", "patient/*.rs").await, app.sign_in("bob", "patient/*.rs").await);
    for path in ["Practitioner/large", "Practitioner/none"] {
        assert_eq!(app.fhir(&alice, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let lines = app.answered("GET /fhir/{type}/{id}", 404, 2).await;
    for figure in ["calls", "waves", "read_units", "write_units"] {
        assert_eq!(lines[0][figure], lines[1][figure], "{figure}: {lines:?}");
    }
    let read = app.fhir(&bob, "Practitioner/large").await;
    assert_eq!(read.json()["name"][0]["family"], "Large", "whoever reaches it reads all of it");
    let found = app.fhir(&bob, &format!("Practitioner?identifier=urn:x|{last}&name=large")).await;
    assert_eq!(found.matches(), ["Practitioner/large"], "and finds it by all that is in it");
    let included = app.fhir(&bob, "Observation?_id=bob-seen&_include=Observation:performer").await;
    assert_eq!(included.included(), ["Practitioner/large"]);
    app.finish().await;
}
