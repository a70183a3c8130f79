//! Token introspection (RFC 7662; SMART App Launch 2.2, US Core 7 and ONC certification ask for it) and revocation (RFC
//! 7009).

use http::{HeaderMap, StatusCode, header};
use serde_json::json;
use tests::{App, Tokens};

fn bearer(tokens: &Tokens) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, format!("Bearer {}", tokens.access).parse().unwrap());
    headers
}

/// "SHALL include": active, scope, `client_id`, exp, every launch context parameter, and iss and sub beside an
/// `id_token`.
#[tokio::test(flavor = "multi_thread")]
async fn introspection_has_the_values_of_the_token_response() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "openid fhirUser launch/patient patient/Patient.rs").await;
    let told = app.post("/oauth2/introspect", &[("token", &tokens.access)], bearer(&tokens)).await.json();
    assert_eq!((&told["active"], &told["client_id"]), (&json!(true), &json!("app")));
    for name in ["scope", "patient"] {
        assert_eq!(told[name], tokens.answer[name], "{name}");
    }
    let claims = tests::claims_of(tokens.answer["id_token"].as_str().unwrap());
    for name in ["iss", "sub", "fhirUser"] {
        assert_eq!(told[name], claims[name], "{name}");
    }
    assert!(told["exp"].is_i64(), "{told}");
    app.finish().await;
}

/// RFC 7662 §2.2: nothing else is told of a token that is not active.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_active_is_told_as_that_alone() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/Patient.rs").await;
    let told = app.post("/oauth2/introspect", &[("token", "no such token")], bearer(&tokens)).await;
    assert_eq!((told.status, told.json()), (StatusCode::OK, json!({"active": false})));
    app.finish().await;
}

/// ONC §170.315(g)(10)(vi) allows an hour between a patient's revocation and its effect.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_revocation_reading_is_401_and_refreshing_is_400() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/Patient.rs offline_access").await;
    let mut browser = app.account("alice").await;
    app.press(&mut browser, ("stop", "app")).await;
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.refresh(&tokens).await.status, StatusCode::BAD_REQUEST);
    app.finish().await;
}
