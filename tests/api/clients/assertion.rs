//! Assertions signed with an app's key (RFC 7523).

use http::{HeaderMap, StatusCode};
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use tests::{App, AuthorizeOptions, REDIRECT_URI, Tokens, VERIFIER};

use super::pair::Pair;
use super::{ASSERTION_TYPE, assert_with, claims, inline, proven, refused, register, with};

fn without(mut json: Json, name: &str) -> Json {
    json.as_object_mut().unwrap().remove(name);
    json
}

/// T032
#[tokio::test(flavor = "multi_thread")]
async fn an_app_signs_in_with_its_key_and_each_assertion_counts_once() {
    let app = App::start().await;
    let (ec, rsa) = (Pair::ec(), Pair::rsa());
    // Two keys of different types may share one `kid`.
    register(&app, "keyed", inline(&[ec.jwk("k1"), rsa.jwk("k1"), rsa.jwk("k2")])).await;
    let options = AuthorizeOptions::new(&app, "alice", "patient/*.rs").with("client_id", Some("keyed"));
    let code = app.authorize(&options).await.redirected("code").unwrap();
    let good = ec.assertion(&app, "keyed", "k1");
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", &*good),
    ];
    let tokens = Tokens::of(&app.token(&form, HeaderMap::new()).await);
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::OK);
    refused(&assert_with(&app, &good).await, "used before");
    for kid in ["k1", "k2"] {
        proven(&assert_with(&app, &rsa.assertion(&app, "keyed", kid)).await);
    }
    app.finish().await;
}

/// T032
#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_that_breaks_a_rule_signs_nobody_in() {
    let app = App::empty().await;
    let (own, rsa, foreign) = (Pair::ec(), Pair::rsa(), Pair::ec());
    register(&app, "keyed", inline(&[own.jwk("k1"), rsa.jwk("r1")])).await;
    register(&app, "other", inline(&[foreign.jwk("k1")])).await;
    let (header, now) = (own.header("k1"), Clock::System.now().seconds());
    let claim = |name: &str, value: Json| own.sign(&header, &with(claims(&app, "keyed"), name, value));
    let missing = |name: &str| own.sign(&header, &without(claims(&app, "keyed"), name));
    let head = |name: &str, value: Json| own.sign(&with(header.clone(), name, value), &claims(&app, "keyed"));
    let good = own.assertion(&app, "keyed", "k1");
    let unsigned = format!("{}.", good.rsplit_once('.').unwrap().0);
    let hs256 = {
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
        let key = jsonwebtoken::EncodingKey::from_secret(rsa.jwk("r1")["n"].as_str().unwrap().as_bytes());
        jsonwebtoken::encode(&header, &claims(&app, "keyed"), &key).unwrap()
    };
    for (what, assertion, word) in [
        ("another's key", foreign.assertion(&app, "keyed", "k1"), "does not verify"),
        ("an unknown kid", own.assertion(&app, "keyed", "k2"), "kid"),
        ("no kid", own.sign(&without(header.clone(), "kid"), &claims(&app, "keyed")), "kid"),
        ("a key of another kind", own.assertion(&app, "keyed", "r1"), "kid"),
        ("another audience", claim("aud", json!("https://other.example/token")), "aud"),
        ("the FHIR base as audience", claim("aud", json!(format!("{}/fhir", app.url()))), "aud"),
        ("no audience", missing("aud"), "aud"),
        ("another endpoint as audience", claim("aud", json!(format!("{}/oauth2/revoke", app.url()))), "aud"),
        ("the issuer with a slash", claim("aud", json!(format!("{}/", app.url()))), "aud"),
        ("an empty list as audience", claim("aud", json!([])), "aud"),
        ("another server beside us", claim("aud", json!([app.url(), "https://other.example"])), "aud"),
        ("a number beside us", claim("aud", json!([app.url(), 5])), "JWT"),
        ("a number as audience", claim("aud", json!(5)), "JWT"),
        ("an object as audience", claim("aud", json!({"url": app.url()})), "JWT"),
        ("an old one", claim("exp", json!(now - 31)), "five minutes"),
        ("one for an hour", claim("exp", json!(now + 3600)), "five minutes"),
        ("one for ever", claim("exp", json!(i64::MAX)), "five minutes"),
        ("a text as end", claim("exp", json!("soon")), "JWT"),
        ("a number in a text as end", claim("exp", json!((now + 100).to_string())), "JWT"),
        ("an end past all counting", claim("exp", json!(1e300)), "five minutes"),
        ("a number as jti", claim("jti", json!(7)), "JWT"),
        ("a list as sub", claim("sub", json!(["keyed"])), "JWT"),
        ("no end", missing("exp"), "JWT"),
        ("one of tomorrow", claim("nbf", json!(now + 100)), "nbf"),
        ("no jti", missing("jti"), "JWT"),
        ("an empty jti", claim("jti", json!("")), "jti"),
        ("an endless jti", claim("jti", json!("j".repeat(257))), "jti"),
        ("no sub", missing("sub"), "JWT"),
        ("no iss", missing("iss"), "JWT"),
        ("another issuer", claim("iss", json!("app")), "iss"),
        ("another app's sub", claim("sub", json!("other")), "iss"),
        ("nobody's sub", claim("sub", json!("nobody")), "not registered"),
        ("a public app's sub", own.assertion(&app, "app", "k1"), "no keys"),
        ("alg none", own.sign(&json!({"alg": "none", "kid": "k1"}), &claims(&app, "keyed")), "JWT"),
        ("no signature", unsigned, "does not verify"),
        ("the public key as a secret", hs256, "RS384 or ES384"),
        ("RS256", rsa.sign(&json!({"alg": "RS256", "kid": "r1"}), &claims(&app, "keyed")), "RS384 or ES384"),
        ("an access token's typ", head("typ", json!("at+jwt")), "typ"),
        ("crit", head("crit", json!(["exp"])), "crit"),
        ("b64", head("b64", json!(false)), "b64"),
        ("a jku that nobody registered", head("jku", json!("https://evil.example/jwks")), "jku"),
        ("garbage", "a.b.c".to_owned(), "JWT"),
        ("nothing", String::new(), "client_id is missing"),
    ] {
        let reply = assert_with(&app, &assertion).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]),
            (StatusCode::UNAUTHORIZED, &json!("invalid_client")),
            "{what}"
        );
        assert!(reply.json()["error_description"].as_str().unwrap().contains(word), "{what}: {}", reply.body);
    }
    // A key inside the token counts for nothing.
    let brought = with(foreign.header("k1"), "jwk", foreign.jwk("k1"));
    refused(&assert_with(&app, &foreign.sign(&brought, &claims(&app, "keyed"))).await, "does not verify");
    // Clocks may differ by half a minute. An audience is the issuer or the token endpoint, by itself or in a list of these.
    proven(&assert_with(&app, &claim("exp", json!(now - 20))).await);
    let endpoint = format!("{}/oauth2/token", app.url());
    for ours in [json!(app.url()), json!([app.url()]), json!([endpoint]), json!([app.url(), endpoint])] {
        proven(&assert_with(&app, &claim("aud", ours)).await);
    }
    // A time is a number of seconds, whole or not (RFC 7519 §2).
    let (whole, fraction) = (json!(now + 100), serde_json::from_str(&format!("{}.5", now + 100)).unwrap());
    for (name, value) in [("exp", whole), ("exp", fraction), ("nbf", json!(1.5)), ("iat", json!(now))] {
        proven(&assert_with(&app, &claim(name, value)).await);
    }
    proven(&assert_with(&app, &good).await);
    app.finish().await;
}
