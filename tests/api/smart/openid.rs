//! SMART 2.2 "Scopes for requesting identity data", OpenID Connect Core and Discovery.

use http::StatusCode;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value as Json, json};
use tests::{App, AuthorizeOptions, Tokens};

/// The `id_token`, verified with the published keys as a client does.
async fn verified(app: &App, id_token: &str) -> Json {
    let document = app.get("/.well-known/openid-configuration").await.json();
    let path = document["jwks_uri"].as_str().unwrap().strip_prefix(app.url()).unwrap().to_owned();
    let keys: JwkSet = serde_json::from_value(app.get(&path).await.json()).unwrap();
    let header = decode_header(id_token).unwrap();
    assert_eq!(header.alg, Algorithm::RS256);
    let key = DecodingKey::from_jwk(keys.find(&header.kid.unwrap()).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&["app"]);
    validation.set_issuer(&[document["issuer"].as_str().unwrap()]);
    validation.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
    decode::<Json>(id_token, &key, &validation).unwrap().claims
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_publishes_what_openid_connect_requires() {
    let app = App::empty().await;
    let reply = app.get("/.well-known/openid-configuration").await;
    assert_eq!((reply.status, reply.header("content-type")), (StatusCode::OK, "application/json"));
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    let document = reply.json();
    for name in ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"] {
        assert!(document[name].is_string(), "{name}");
    }
    assert_eq!(document["response_types_supported"], json!(["code"]));
    assert_eq!(document["subject_types_supported"], json!(["public"]));
    assert_eq!(document["id_token_signing_alg_values_supported"], json!(["RS256"]));
    let smart = app.get("/fhir/.well-known/smart-configuration").await.json();
    for name in ["issuer", "jwks_uri", "authorization_endpoint", "token_endpoint"] {
        assert_eq!(document[name], smart[name], "{name}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_are_bare_rsa_keys_with_a_name_each_and_no_private_part() {
    let app = App::empty().await;
    let reply = app.get("/oauth2/jwks").await;
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    let keys = reply.json()["keys"].as_array().unwrap().clone();
    assert!(!keys.is_empty());
    for key in keys {
        assert_eq!(key["kty"], "RSA");
        for name in ["kid", "n", "e"] {
            assert!(key[name].is_string(), "{name}");
        }
        for secret in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(secret).is_none(), "{secret}");
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_token_says_who_signed_in_for_which_app_and_verifies_with_the_published_keys() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "openid fhirUser patient/Coverage.rs").await;
    let claims = verified(&app, tokens.answer["id_token"].as_str().unwrap()).await;
    let sub = claims["sub"].as_str().unwrap();
    assert!(!sub.is_empty() && sub.len() <= 255 && sub.is_ascii());
    for name in ["exp", "iat", "auth_time"] {
        assert!(claims[name].is_i64(), "{name}");
    }
    assert_eq!(claims["nonce"], "n-0S6_WzA2Mj");
    let again = app.sign_in("alice", "openid patient/Coverage.rs").await;
    assert_eq!(verified(&app, again.answer["id_token"].as_str().unwrap()).await["sub"], sub, "it stays the same");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_reads_whom_fhir_user_names() {
    let app = App::start().await;
    for scope in ["openid fhirUser patient/Coverage.rs", "openid fhirUser"] {
        let tokens = app.sign_in("alice", scope).await;
        let claims = verified(&app, tokens.answer["id_token"].as_str().unwrap()).await;
        let user = claims["fhirUser"].as_str().unwrap();
        assert!(user.starts_with(&format!("{}/fhir/Patient/", app.url())), "{user}");
        assert_eq!(app.fhir(&tokens, user).await.json()["resourceType"], "Patient", "{scope}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_does_not_ask_who_signed_in_is_not_told() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/Coverage.rs").await;
    assert!(tokens.answer.get("id_token").is_none());
    let options = AuthorizeOptions::new(&app, "alice", "openid patient/Coverage.rs").with("nonce", None);
    let tokens = Tokens::of(&app.exchange(&app.code(&options).await).await);
    let claims = verified(&app, tokens.answer["id_token"].as_str().unwrap()).await;
    assert!(claims.get("fhirUser").is_none() && claims.get("nonce").is_none(), "{claims}");
    app.finish().await;
}
