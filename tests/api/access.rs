//! The promises of the security kernel, seen from outside: which data an app gets, and which it never does.

use http::{Request, StatusCode};
use serde_json::json;
use shared::fhir::types::{Owner, TYPES};
use tests::{App, Reply};

const EVERYTHING: &str = "patient/*.rs openid fhirUser offline_access";

/// T060 and T061
#[tokio::test(flavor = "multi_thread")]
async fn another_members_id_and_no_ones_id_are_the_same_bytes_and_cost_the_same() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let mut pairs = 0;
    for resource in tests::fixtures::resources() {
        let (kind, id) = (resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
        // Alice's own record names bob's device. Reading it costs a look, whether or not the device exists.
        if !(id.starts_with("bob") || id.starts_with("carol")) || id == "bob-device" {
            continue;
        }
        let theirs = app.fhir(&tokens, &format!("{kind}/{id}")).await;
        let nobodys = app.fhir(&tokens, &format!("{kind}/no-such-{id}")).await;
        assert_eq!((theirs.status, &theirs.body), (StatusCode::NOT_FOUND, &nobodys.body), "{kind}/{id}");
        let names = |reply: &Reply| reply.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(&theirs), names(&nobodys));
        pairs += 1;
    }
    let lines = app.answered("GET /fhir/{type}/{id}", 404, pairs * 2).await;
    for pair in lines.chunks(2) {
        for figure in ["calls", "read_units"] {
            assert_eq!(pair[0][figure], pair[1][figure], "{pair:?}");
        }
    }
    app.finish().await;
}

/// T062, T063, T064, T065, T079 and T105
#[tokio::test(flavor = "multi_thread")]
async fn a_search_for_another_member_is_refused_before_any_lookup() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    for query in [
        "Observation?patient=bob",
        "Observation?subject=Patient/bob",
        "Observation?patient=alice,bob",
        "Observation?patient=alice&patient=bob",
        "Observation?patient=bob&subject=alice",
        "Observation?patient=ali",
        "Observation?patient=alice2",
        "Observation?patient=alice%2Cbob",
        "Observation?patient=ALICE",
        "Observation?%70atient=bob",
        "Observation?patient=https://evil.example/fhir/Patient/alice",
        "Observation?focus=Patient/bob",
    ] {
        let reply = app.fhir(&tokens, query).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{query}");
        assert_eq!(reply.issue().0, "forbidden");
    }
    let own = format!("Observation?patient={}/fhir/Patient/alice", app.url());
    assert_eq!(app.fhir(&tokens, &own).await.status, StatusCode::OK);
    let posted = app.fhir_post(&tokens, "Observation/_search?patient=bob", &[("patient", "alice")]).await;
    assert_eq!(posted.status, StatusCode::FORBIDDEN);
    // The grant's row and the audit record were the only two calls.
    let mut refused = app.answered("GET /fhir/{type}", 403, 12).await;
    refused.extend(app.answered("POST /fhir/{type}/_search", 403, 1).await);
    assert!(refused.iter().all(|line| line["calls"] == 2), "{refused:?}");
    app.finish().await;
}

/// T074 and T080
#[tokio::test(flavor = "multi_thread")]
async fn without_a_scope_for_it_every_type_is_403_by_every_way() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/Coverage.rs").await;
    for kind in TYPES.iter().filter(|kind| kind.name != "Coverage") {
        let read = app.fhir(&tokens, &format!("{}/alice", kind.name)).await;
        assert_eq!(read.status, StatusCode::FORBIDDEN, "{}", kind.name);
        assert!(read.header("www-authenticate").contains("insufficient_scope"));
        if kind.owner != Owner::Attachment {
            assert_eq!(app.fhir(&tokens, kind.name).await.status, StatusCode::FORBIDDEN, "{}", kind.name);
        }
    }
    let everything = app.fhir(&tokens, "Patient/alice/$everything").await;
    assert_eq!(everything.matches(), ["Coverage/alice-coverage", "Coverage/alice-coverage-old"]);
    let included =
        app.fhir(&tokens, "Coverage?_include=Coverage:payor&_revinclude=ExplanationOfBenefit:coverage").await;
    assert_eq!(included.included(), Vec::<String>::new());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fhir_user_opens_the_patient_and_nothing_else() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "openid fhirUser patient/Coverage.rs").await;
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::OK);
    assert_eq!(app.fhir(&tokens, "Patient/bob").await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.fhir(&tokens, "Patient").await.status, StatusCode::FORBIDDEN);
    app.finish().await;
}

/// T072 and T081
#[tokio::test(flavor = "multi_thread")]
async fn a_shared_resource_is_there_for_whom_it_is_in_reach() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    for reached in ["Organization/payer", "Practitioner/doctor", "Medication/pill", "PractitionerRole/role"] {
        assert_eq!(app.fhir(&tokens, reached).await.status, StatusCode::OK, "a pointer leads to {reached}");
    }
    for second in ["Practitioner/rolled", "Organization/clinic"] {
        assert_eq!(app.fhir(&tokens, second).await.status, StatusCode::OK, "a resource in reach refers to {second}");
    }
    for other in ["Organization/nobodys", "Practitioner/bobs", "Practitioner/bob", "Device/bob-device"] {
        assert_eq!(app.fhir(&tokens, other).await.status, StatusCode::NOT_FOUND, "{other}");
    }
    let practitioners = app.fhir(&tokens, "Practitioner").await;
    assert_eq!(practitioners.matches(), ["Practitioner/doctor", "Practitioner/rolled"]);
    assert_eq!(app.fhir(&tokens, "Device").await.matches(), ["Device/alice-device"]);
    app.finish().await;
}

/// T066, T067 and T068
#[tokio::test(flavor = "multi_thread")]
async fn a_reference_to_another_member_leads_nowhere() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let about = app.fhir(&tokens, "Observation?_id=alice-about-bob&_include=Observation:*").await;
    assert_eq!(about.matches(), ["Observation/alice-about-bob"]);
    assert_eq!(about.included(), ["Patient/alice"]);
    let reverse = app.fhir(&tokens, "Patient?_revinclude=Observation:focus").await;
    assert_eq!(reverse.included(), Vec::<String>::new());
    assert_eq!(
        app.fhir(&tokens, "Coverage/carol-coverage").await.status,
        StatusCode::NOT_FOUND,
        "a subscriber does not own the Coverage"
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_under_a_good_token_is_recorded() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/Coverage.rs").await;
    app.fhir(&tokens, "Observation").await;
    app.fhir(&tokens, "Coverage/none").await;
    app.fhir(&tokens, "Coverage?colour=red").await;
    let records = app.audit("Patient/alice").await;
    let told: Vec<(&str, &str)> = records.iter().map(|r| (r["action"].as_str(), r["outcome"].as_str())).collect();
    assert_eq!(
        told,
        [
            ("sign-in", "ok"),
            ("consent", "allowed"),
            ("token", "ok"),
            ("search", "forbidden"),
            ("read", "not-found"),
            ("search", "invalid")
        ]
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_record_there_is_no_response() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    app.drop_audit_table().await;
    for path in ["Patient/alice", "Observation", "Patient/alice/$everything"] {
        let reply = app.fhir_unguarded(&tokens, path).await;
        assert!(reply.status.is_server_error(), "{path}: {}", reply.status);
        assert_eq!(reply.json()["resourceType"], "OperationOutcome");
        assert!(!reply.body.contains("Family") && !reply.body.contains("alice"), "{path}: {}", reply.body);
    }
    let request = Request::get(format!("{}/oauth2/userinfo", app.url()));
    let request = request.header("authorization", format!("Bearer {}", tokens.access)).body(String::new()).unwrap();
    let reply = app.answer(request).await;
    assert!(reply.status.is_server_error() && !reply.body.contains("alice"), "{reply:?}");
    app.finish().await;
}

/// Blanks in front of a body, or a long parameter before the others, must not fill the record.
#[tokio::test(flavor = "multi_thread")]
async fn an_app_cannot_keep_out_of_the_record_what_it_asked() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let blanks = " ".repeat(25_000);
    let parameter = json!([{"name": "patient", "valueId": "alice"}, {"name": "start", "valueDate": "2020-01-31"}]);
    let docref = json!({"resourceType": "Parameters", "parameter": parameter});
    let everything = json!({"resourceType": "Parameters", "parameter": [{"name": "_type", "valueString": "Coverage"}]});
    let form = format!("colour={}&clinical-status=active", blanks.replace(' ', "+"));
    let token = format!("Condition?clinical-status=resolved&token={}", tokens.access);
    for (path, content_type, body) in [
        ("DocumentReference/$docref", "application/fhir+json", format!("{blanks}{docref}")),
        ("Patient/alice/$everything", "application/fhir+json", format!("{{{blanks}{}", &everything.to_string()[1..])),
        ("Condition/_search", "application/x-www-form-urlencoded", form),
    ] {
        let mut request = Request::post(format!("{}/fhir/{path}", app.url())).body(body).unwrap();
        request.headers_mut().insert("content-type", content_type.parse().unwrap());
        app.fhir_request(&tokens, request).await;
    }
    app.fhir(&tokens, &token).await;
    let records: Vec<String> =
        app.audit("Patient/alice").await.into_iter().skip(3).map(|record| record["query"].clone()).collect();
    assert_eq!(
        records[..2],
        [
            "/fhir/DocumentReference/$docref?patient=alice&start=2020-01-31",
            "/fhir/Patient/alice/$everything?_type=Coverage"
        ]
    );
    assert!(records[2].ends_with("&clinical-status=active") && records[2].len() < 10_000, "{}", records[2]);
    assert_eq!(records[3], "/fhir/Condition?clinical-status=resolved");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_says_what_was_asked_posted_or_not_and_never_a_token() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    app.fhir_post(&tokens, "Condition/_search", &[("clinical-status", "active")]).await;
    app.fhir(&tokens, "Condition?clinical-status=active&access_token=abcdefgh").await;
    let asked: Vec<String> =
        app.audit("Patient/alice").await.iter().skip(3).map(|record| record["query"].clone()).collect();
    assert_eq!(asked, ["/fhir/Condition/_search?clinical-status=active", "/fhir/Condition?clinical-status=active"]);
    app.finish().await;
}
