//! SMART 2.2 "Access FHIR API", RFC 6750, and the answers that the guides class: 400, 401, 403, 404.

use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use tests::App;

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_nothing_is_given_and_the_client_is_told_what_is_missing() {
    let app = App::start().await;
    for path in ["Patient/alice", "Coverage?patient=alice", "ExplanationOfBenefit", "Patient/alice/$everything"] {
        let reply = app.get(&format!("/fhir/{path}")).await;
        assert_eq!((reply.status, reply.issue().0.as_str()), (StatusCode::UNAUTHORIZED, "login"), "{path}");
        assert_eq!(reply.header("www-authenticate"), format!("Bearer realm=\"{}/fhir\"", app.url()));
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_class_of_refusal_has_its_status_and_an_operation_outcome() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/Coverage.rs").await;
    for (path, status) in [
        ("Coverage?colour=red", StatusCode::BAD_REQUEST),
        ("Observation", StatusCode::FORBIDDEN),
        ("Coverage?patient=bob", StatusCode::FORBIDDEN),
        ("Coverage/none", StatusCode::NOT_FOUND),
        ("Coverage/bob-coverage", StatusCode::NOT_FOUND),
    ] {
        let reply = app.fhir(&tokens, path).await;
        assert_eq!(reply.status, status, "{path}");
        assert!(!reply.issue().1.is_empty(), "{path}");
        assert_eq!(reply.header("content-type"), "application/fhir+json", "{path}");
    }
    let missing = app.fhir(&tokens, "Observation").await;
    let challenge = missing.header("www-authenticate");
    assert!(challenge.contains("error=\"insufficient_scope\"") && challenge.contains("scope=\"patient/Observation.s"));
    app.finish().await;
}

/// The ONC suite's launch with a part of the scopes: a type that was not granted fails, and all others work.
#[tokio::test(flavor = "multi_thread")]
async fn a_restricted_launch_reaches_what_was_granted_and_nothing_more() {
    let app = App::start().await;
    let tokens =
        app.sign_in("alice", "launch/patient patient/Patient.rs patient/Condition.rs patient/Observation.rs").await;
    for granted in ["Patient/alice", "Condition", "Observation?category=laboratory"] {
        assert_eq!(app.fhir(&tokens, granted).await.status, StatusCode::OK, "{granted}");
    }
    for other in ["Coverage", "MedicationRequest", "Device", "AllergyIntolerance", "Coverage/alice-coverage"] {
        assert_eq!(app.fhir(&tokens, other).await.status, StatusCode::FORBIDDEN, "{other}");
    }
    app.finish().await;
}

/// SMART 2.2, "Considerations for Cross-Origin Resource Sharing".
#[tokio::test(flavor = "multi_thread")]
async fn apps_in_a_browser_may_read_from_any_origin_without_credentials() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "openid fhirUser patient/Coverage.rs").await;
    let mut headers = HeaderMap::new();
    headers.insert(header::ORIGIN, HeaderValue::from_static("https://app.example"));
    for open in ["/fhir/.well-known/smart-configuration", "/fhir/metadata", "/oauth2/jwks", "/fhir/Patient/alice"] {
        let reply = app.get_with(open, headers.clone()).await;
        assert_eq!(reply.header("access-control-allow-origin"), "*", "{open}");
        assert!(!reply.headers.contains_key("access-control-allow-credentials"), "{open}");
    }
    let user = app.fhir(&tokens, "Patient/alice").await;
    assert_eq!((user.status, user.header("access-control-allow-origin")), (StatusCode::OK, "*"));
    let exposed = user.header("access-control-expose-headers").to_lowercase();
    assert!(exposed.contains("www-authenticate") && exposed.contains("etag"));
    for path in ["/fhir/Patient/alice", "/fhir/Coverage", "/fhir/Coverage/_search", "/fhir/Patient/alice/$everything"] {
        let preflight = Request::options(format!("{}{path}", app.url()))
            .header("origin", "https://app.example")
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "authorization");
        let reply = app.send(preflight.body(String::new()).unwrap()).await;
        assert!(reply.status.is_success() && reply.header("access-control-allow-origin") == "*", "{path}");
        assert!(reply.header("access-control-allow-headers").to_lowercase().contains("authorization"), "{path}");
    }
    app.finish().await;
}
