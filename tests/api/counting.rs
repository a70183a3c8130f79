//! CMS's yearly report (42 CFR 422.119(f)): the members whose data apps were given, counted from the audit's stream.

mod year;

use http::{HeaderMap, StatusCode};
use patient_access::load::Source;
use serde_json::{Value as Json, json};
use shared::clock::{Clock, Time};
use shared::store::Aws;
use shared::store::audit::AuditRow;
use shared::store::counts::Counts;
use tests::{App, Wire, app_named};

/// The year in which a test runs.
fn this_year() -> String {
    Clock::System.now().to_string()[..4].to_owned()
}

async fn report(app: &App, more: &[&str]) -> Json {
    let year = this_year();
    let arguments = [&["report", "cms", "--year", &year, "--json"], more].concat();
    serde_json::from_str(&app.operate(&arguments).await.unwrap()).unwrap()
}

fn figures(report: &Json) -> (u64, u64) {
    (report["members"].as_u64().unwrap(), report["members_more_than_once"].as_u64().unwrap())
}

/// A row of the audit that counts unless `changed` says otherwise.
fn row(patient: &str, client: &str, moment: &str, request: usize, changed: &[(&str, &str)]) -> AuditRow {
    let mut image = json!({"pk": {"S": format!("Patient/{patient}")}, "sk": {"S": format!("{moment}#{request}")},
        "action": {"S": "search"}, "outcome": {"S": "ok"}, "client": {"S": client}, "given": {"N": "3"}});
    for (name, value) in changed {
        image[*name] = json!({"S": value});
    }
    AuditRow::of_image(&image).unwrap()
}

/// T201
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_counts_only_where_it_carried_a_resource_of_the_members_own() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs openid fhirUser").await;
    let first = app.fhir(&tokens, "Practitioner/doctor").await;
    assert_eq!(first.status, StatusCode::OK, "a shared resource is nobody's");
    for path in ["Coverage?_summary=count", "Observation?code=nothing-has-this", "Patient/bob"] {
        app.fhir(&tokens, path).await;
    }
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("Bearer {}", tokens.access).parse().unwrap());
    app.get_with("/oauth2/userinfo", headers.clone()).await;
    app.hand_over("count").await;
    assert_eq!(figures(&report(&app, &[]).await), (0, 0));

    let read = app.fhir(&tokens, "Patient/alice").await;
    app.hand_over("count").await;
    assert_eq!(figures(&report(&app, &[]).await), (1, 0));
    headers.insert("if-none-match", read.header("etag").parse().unwrap());
    let current = app.get_with("/fhir/Patient/alice", headers).await;
    assert_eq!(current.status, StatusCode::NOT_MODIFIED);
    for _ in 0..2 {
        app.hand_over("count").await;
        assert_eq!(figures(&report(&app, &[]).await), (1, 0), "a record that comes twice is one answer");
    }
    app.fhir(&tokens, "ExplanationOfBenefit?_include=ExplanationOfBenefit:provider").await;
    app.hand_over("count").await;
    let told = report(&app, &["--verify"]).await;
    assert_eq!(figures(&told), (1, 1));
    assert_eq!(told["verified"], json!({"agrees": true, "rows": 2, "differences": []}));
    app.finish().await;
}

/// T202
#[tokio::test(flavor = "multi_thread")]
async fn test_apps_and_synthetic_members_are_left_out_also_where_the_mark_comes_later() {
    let app = App::start().await;
    for name in ["alice", "bob"] {
        let tokens = app.sign_in(name, "patient/*.rs").await;
        app.fhir_unguarded(&tokens, &format!("Patient/{name}")).await;
    }
    app.hand_over("count").await;
    assert_eq!(figures(&report(&app, &[]).await), (2, 0));
    app.operate(&["report", "synthetic", "--patient", "bob"]).await.unwrap();
    assert_eq!(figures(&report(&app, &[]).await), (1, 0));
    app.operate(&["app", "change", "app", "--test"]).await.unwrap();
    assert_eq!(figures(&report(&app, &["--verify"]).await), (0, 0));
    app.operate(&["report", "synthetic", "--patient", "bob", "--remove"]).await.unwrap();
    app.operate(&["app", "change", "app", "--no-test"]).await.unwrap();
    assert_eq!(figures(&report(&app, &[]).await), (2, 0));
    let wrong = app.operate(&["report", "synthetic", "--patient", "not an id"]).await.unwrap_err().to_string();
    assert!(wrong.contains("no resource id"), "{wrong}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_hands_each_record_to_the_function_that_counts() {
    let app = App::with_streams().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    for _ in 0..2 {
        app.fhir(&tokens, "Patient/alice").await;
    }
    for _ in 0..400 {
        if figures(&report(&app, &[]).await) == (1, 1) {
            return app.finish().await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{}: {:?}", report(&app, &["--verify"]).await, app.logs());
}

/// T203
#[tokio::test(flavor = "multi_thread")]
async fn a_member_costs_at_most_two_writes_for_each_app_and_year() {
    let app = App::empty().await;
    let wire = Wire::new().await;
    wire.lead_to(app.environment());
    let mut environment = app.environment().clone();
    environment.extend(wire.environment());
    let counts = Counts::new(&Aws::local(&environment).await, &environment["AUTH_TABLE"]);
    let writes =
        || wire.calls().iter().filter(|call| ["PutItem", "UpdateItem"].contains(&call.operation.as_str())).count();
    let answer = |request| row("alice", "app", "2026-03-01T00:00:00.000Z", request, &[]);
    for (batch, expected) in [(1..2, 1), (1..2, 1), (2..3, 2), (1..40, 2), (3..80, 2)] {
        counts.add(&batch.map(answer).collect::<Vec<_>>()).await.unwrap();
        assert_eq!(writes(), expected);
    }
    // Two in one batch are one write.
    counts
        .add(&(1..40).map(|request| row("bob", "app", "2026-03-01T00:00:00.000Z", request, &[])).collect::<Vec<_>>())
        .await
        .unwrap();
    assert_eq!(writes(), 3);
    app.finish().await;
}

/// T204
#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_that_of_the_day_of_the_answer() {
    let app = App::start().await;
    let coverage = |id: &str, plan: &str, start: &str, end: &str| {
        json!({"resourceType": "Coverage", "id": id, "status": "active", "beneficiary": {"reference": "Patient/alice"},
            "payor": [{"display": "the plan"}], "period": {"start": start, "end": end},
            "class": [{"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/coverage-class", "code": "plan"}]}, "value": plan}],
            "identifier": [{"system": "https://plan.example/contract", "value": format!("H{plan}")}]})
    };
    let resources =
        vec![coverage("one", "A", "2031-01-01", "2031-06-30"), coverage("two", "B", "2031-07-01", "2031-12-31")];
    let loaded = app.load(Source::Memory(resources)).await;
    assert!(loaded.is_clean(), "{loaded}");
    let counts = app.stack_to_work_on().await.counts();
    let contracts = async |year: &str, more: &[&str]| {
        let arguments = [&["report", "cms", "--year", year, "--json"], more].concat();
        let told: Json = serde_json::from_str(&app.operate(&arguments).await.unwrap()).unwrap();
        told["contracts"].clone()
    };
    counts.add(&[row("alice", "app", "2031-07-01T00:00:00.000Z", 1, &[])]).await.unwrap();
    assert_eq!(contracts("2031", &[]).await, json!([{"contract": "B", "members": 1, "members_more_than_once": 0}]));
    // An answer of another app that came earlier moves the member, who is still one.
    counts.add(&[row("alice", "other", "2031-06-30T23:59:59.999Z", 2, &[])]).await.unwrap();
    assert_eq!(contracts("2031", &[]).await, json!([{"contract": "A", "members": 1, "members_more_than_once": 1}]));
    let by_identifier = ["--contract", "identifier[https://plan.example/contract].value"];
    assert_eq!(contracts("2031", &by_identifier).await[0]["contract"], "HA");
    counts
        .add(&[
            row("alice", "app", "2032-01-01T00:00:00.000Z", 3, &[]),
            row("nobody", "app", "2032-01-01T00:00:00.000Z", 4, &[]),
        ])
        .await
        .unwrap();
    assert_eq!(contracts("2032", &[]).await, json!([{"contract": null, "members": 2, "members_more_than_once": 0}]));
    let wrong =
        app.operate(&["report", "cms", "--year", "2031", "--contract", "class["]).await.unwrap_err().to_string();
    assert!(wrong.contains("class[plan].value"), "{wrong}");
    app.finish().await;
}

/// T219
#[tokio::test(flavor = "multi_thread")]
async fn usage_tells_of_each_month_and_app_what_was_asked_and_refused() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/Patient.rs").await;
    app.fhir(&tokens, "Patient/alice").await;
    app.fhir(&tokens, "Patient/nobody").await;
    let month = &Clock::System.now().to_string()[..7];
    let told = app.operate(&["report", "usage", "--from", month, "--to", month, "--json"]).await.unwrap();
    let told: Json = serde_json::from_str(&told).unwrap();
    let (p50, p99) = (told["rows"][0]["p50_ms"].as_u64().unwrap(), told["rows"][0]["p99_ms"].as_u64().unwrap());
    assert!(p50 <= p99 && p99 <= 30_000, "{told}");
    assert_eq!(
        told["rows"],
        json!([{"month": month, "app": "app", "members": 1, "requests": 2, "refused": 1, "failed": 0, "limited": 0,
            "p50_ms": p50, "p99_ms": p99}])
    );
    let wrong =
        app.operate(&["report", "usage", "--from", "2026-13", "--to", "2026-12"]).await.unwrap_err().to_string();
    assert!(wrong.contains("YYYY-MM"), "{wrong}");
    app.finish().await;
}

/// The apps of a made-up year.
async fn register_apps(app: &App, apps: &[(&str, bool)]) {
    for (id, is_test) in apps {
        app.register(&shared::oauth::client::Client { is_test: *is_test, created_at: Time(0), ..app_named(id) }).await;
    }
}
