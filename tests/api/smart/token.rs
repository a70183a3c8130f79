//! SMART 2.2 "Obtain access token" and "Refresh access token"; the three months are in `refresh.rs`.

use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use tests::{App, AuthorizeOptions, REDIRECT_URI, Reply, Tokens, VERIFIER, basic};

const SCOPE: &str = "launch/patient openid fhirUser offline_access patient/*.read";

/// The ONC suite's assertions on every answer with tokens.
fn assert_answer(reply: &Reply) -> Tokens {
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(reply.header("pragma"), "no-cache");
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    let tokens = Tokens::of(reply);
    for name in ["access_token", "token_type", "scope"] {
        assert!(tokens.answer[name].as_str().is_some_and(|text| !text.is_empty()), "{name}");
    }
    assert!(tokens.answer["token_type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")));
    assert!(tokens.answer["expires_in"].as_i64().is_some_and(|seconds| seconds > 0 && seconds <= 3600));
    tokens
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_has_all_fields_and_headers_and_the_patient_as_a_bare_id() {
    let app = App::start().await;
    let tokens = assert_answer(&app.exchange(&app.code(&AuthorizeOptions::new(&app, "alice", SCOPE)).await).await);
    assert_eq!((tokens.answer["patient"].as_str(), tokens.answer["scope"].as_str()), (Some("alice"), Some(SCOPE)));
    assert!(tokens.answer["id_token"].is_string() && tokens.answer["refresh_token"].is_string());
    if let Some(banner) = tokens.answer.get("need_patient_banner") {
        assert!(banner.is_boolean());
    }
    let header = format!("Authorization: Bearer {}", tokens.access);
    assert!(header.len() < 4096, "it fits any header limit: {}", header.len());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_json_with_a_code_that_oauth_knows() {
    let app = App::start().await;
    for (form, status, error) in [
        (vec![("grant_type", "authorization_code"), ("client_id", "nobody"), ("code", "x")], 401, "invalid_client"),
        (vec![("grant_type", "authorization_code"), ("client_id", "app"), ("code", "x")], 400, "invalid_grant"),
        (vec![("grant_type", "refresh_token"), ("client_id", "app"), ("refresh_token", "x")], 400, "invalid_grant"),
        (vec![("grant_type", "authorization_code"), ("client_id", "app")], 400, "invalid_request"),
        (vec![("client_id", "app")], 400, "invalid_request"),
    ] {
        let reply = app.token(&form, HeaderMap::new()).await;
        assert_eq!((reply.status.as_u16(), reply.json()["error"].as_str()), (status, Some(error)), "{form:?}");
        assert_eq!((reply.header("content-type"), reply.header("pragma")), ("application/json", "no-cache"));
    }
    app.finish().await;
}

/// SMART's symmetric profile: the secret by HTTP Basic, form-encoded first as RFC 6749 says, or plain as many clients
/// do.
#[tokio::test(flavor = "multi_thread")]
async fn a_confidential_app_shows_its_secret_by_basic_or_in_the_form() {
    let app = App::start().await;
    let secret = app.client_secret.clone();
    let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let in_form = [("client_id", "server-app"), ("client_secret", &*secret)];
    for (more, headers) in [
        (&[][..], basic("server-app", &secret)),
        (&[][..], basic("server%2Dapp", &encoded)),
        (&in_form[..1], basic("server-app", &secret)),
        (&in_form[..], HeaderMap::new()),
    ] {
        let options = AuthorizeOptions::new(&app, "alice", SCOPE).with("client_id", Some("server-app"));
        let code = app.code(&options).await;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        form.extend(more);
        assert_answer(&app.token(&form, headers).await);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_works_with_and_without_scope_and_answers_as_the_first_time() {
    let app = App::start().await;
    let first = app.sign_in("alice", SCOPE).await;
    let second = assert_answer(&app.refresh(&first).await);
    assert_eq!(second.answer["scope"], SCOPE);
    let more = [("client_id", "app"), ("scope", "patient/*.read launch/patient")];
    let third = assert_answer(&app.refresh_with(&second, &more, HeaderMap::new()).await);
    let granted: Vec<&str> = SCOPE.split(' ').collect();
    assert!(third.answer["scope"].as_str().unwrap().split(' ').all(|scope| granted.contains(&scope)));
    assert_eq!(third.answer["patient"], "alice");
    assert_ne!(third.refresh, second.refresh);
    assert_eq!(app.fhir(&third, "Patient/alice").await.status, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn apps_in_a_browser_may_ask_from_any_origin() {
    let app = App::start().await;
    let preflight = Request::options(format!("{}/oauth2/token", app.url()))
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type");
    let reply = app.send(preflight.body(String::new()).unwrap()).await;
    assert!(reply.status.is_success() && reply.header("access-control-allow-origin") == "*", "{reply:?}");
    let headers = reply.header("access-control-allow-headers").to_lowercase();
    assert!(headers.contains("authorization") && headers.contains("content-type"));
    assert!(reply.header("access-control-allow-methods").contains("POST"));
    let mut origin = HeaderMap::new();
    origin.insert(header::ORIGIN, HeaderValue::from_static("https://app.example"));
    let refused = app.token(&[("grant_type", "authorization_code"), ("client_id", "app"), ("code", "x")], origin).await;
    assert_eq!(refused.header("access-control-allow-origin"), "*", "an error can be read as well");
    assert!(!refused.headers.contains_key("access-control-allow-credentials"));
    app.finish().await;
}
