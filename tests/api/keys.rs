//! Apps that sign in with a key of their own (`private_key_jwt`).

use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, StatusCode};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use shared::oauth::client::{Authentication, Client};
use tests::{App, AuthorizeOptions, REDIRECT_URI, Reply, Tokens, VERIFIER};

/// A key pair on P-384: to sign with, and as the JWK that is registered.
fn key(kid: &str) -> (EncodingKey, Json) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let point = pair.public_key().as_ref();
    let (x, y) = point[1..].split_at(48);
    let jwk = json!({"kty": "EC", "crv": "P-384", "kid": kid, "alg": "ES384",
        "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)});
    (EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref()), jwk)
}

async fn register(app: &App, jwk: Json) {
    let keys = serde_json::from_value(json!({"keys": [jwk]})).unwrap();
    let client = Client {
        authentication: Authentication::Keys(keys),
        ..Client::new("keyed", "Keyed", &[REDIRECT_URI], Clock::System.now())
    };
    app.register(&client).await;
}

fn assertion(key: &EncodingKey, kid: &str, claims: &Json) -> String {
    let mut header = Header::new(Algorithm::ES384);
    header.kid = Some(kid.to_owned());
    encode(&header, claims, key).unwrap()
}

fn claims(app: &App, jti: &str) -> Json {
    let exp = Clock::System.now().seconds() + 200;
    json!({"iss": "keyed", "sub": "keyed", "aud": format!("{}/oauth2/token", app.url()), "exp": exp, "jti": jti})
}

async fn exchange(app: &App, code: &str, assertion: &str) -> Reply {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion),
    ];
    app.token(&form, HeaderMap::new()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_signs_in_with_its_key_and_each_assertion_counts_once() {
    let app = App::start().await;
    let (own, jwk) = key("k1");
    register(&app, jwk).await;
    let code = async || {
        let options = AuthorizeOptions::new(&app, "alice", "patient/*.rs").with("client_id", Some("keyed"));
        app.authorize(&options).await.redirected("code").unwrap()
    };
    let good = assertion(&own, "k1", &claims(&app, "one"));
    let tokens = Tokens::of(&exchange(&app, &code().await, &good).await);
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::OK);
    let again = exchange(&app, &code().await, &good).await;
    assert_eq!((again.status, again.json()["error"].as_str()), (StatusCode::UNAUTHORIZED, Some("invalid_client")));
    assert!(again.json()["error_description"].as_str().unwrap().contains("used before"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_that_breaks_a_rule_signs_nobody_in() {
    let app = App::start().await;
    let ((own, jwk), (foreign, _)) = (key("k1"), key("k1"));
    register(&app, jwk).await;
    let options = AuthorizeOptions::new(&app, "alice", "patient/*.rs").with("client_id", Some("keyed"));
    let code = app.authorize(&options).await.redirected("code").unwrap();
    let with = |name: &str, value: Json| {
        let mut claims = claims(&app, name);
        claims[name] = value;
        claims
    };
    let now = Clock::System.now().seconds();
    let hs256 =
        encode(&Header::new(Algorithm::HS256), &claims(&app, "x"), &EncodingKey::from_secret(b"secret")).unwrap();
    for (what, assertion) in [
        ("another's key", assertion(&foreign, "k1", &claims(&app, "foreign"))),
        ("an unknown kid", assertion(&own, "k2", &claims(&app, "kid"))),
        ("another audience", assertion(&own, "k1", &with("aud", json!("https://other.example/token")))),
        ("an old one", assertion(&own, "k1", &with("exp", json!(now - 60)))),
        ("one for an hour", assertion(&own, "k1", &with("exp", json!(now + 3600)))),
        ("another issuer", assertion(&own, "k1", &with("iss", json!("app")))),
        ("no jti", assertion(&own, "k1", &with("jti", json!("")))),
        ("a symmetric one", hs256),
        ("garbage", "a.b.c".to_owned()),
    ] {
        let reply = exchange(&app, &code, &assertion).await;
        assert_eq!(
            (reply.status, reply.json()["error"].as_str()),
            (StatusCode::UNAUTHORIZED, Some("invalid_client")),
            "{what}"
        );
    }
    let form =
        [("grant_type", "authorization_code"), ("code", &*code), ("client_id", "keyed"), ("code_verifier", VERIFIER)];
    let without = app.token(&form, HeaderMap::new()).await;
    assert_eq!(without.json()["error"], "invalid_client");
    let good = assertion(&own, "k1", &claims(&app, "good"));
    Tokens::of(&exchange(&app, &code, &good).await);
    app.finish().await;
}
