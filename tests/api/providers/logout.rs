//! A provider tells that somebody signed out there.

use http::{HeaderMap, StatusCode};
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use tests::{Cookies, IdentityProvider, Reply, Tokens};

use super::pair::{Pair, unsigned};
use super::stand::Stand;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The claims of a good logout token for alice.
fn claims(stand: &Stand) -> Json {
    let now = Clock::System.now().seconds();
    json!({"iss": stand.provider.url, "aud": "us", "sub": "alice-at-plan", "iat": now, "exp": now + 120, "jti": "j1", "events": {EVENT: {}}})
}

async fn tell(stand: &Stand, token: &str) -> Reply {
    stand.app.post("/login/plan/logout", &[("logout_token", token)], HeaderMap::new()).await
}

/// Alice signs in and connects an app.
async fn connected(stand: &Stand) -> (Cookies, Tokens) {
    let away = stand.away().await;
    let good = stand.claims(&away);
    let reply = stand.back(&away, &good).await;
    let browser = stand.consenting(away, &reply).await;
    let code = stand.app.consent(&browser, "allow").await.redirected("code").unwrap();
    stand.app.keep_secret(&code);
    (browser.cookies, Tokens::of(&stand.app.exchange(&code).await))
}

async fn is_signed_in(stand: &Stand, cookies: &Cookies) -> bool {
    stand.app.get_with("/account", cookies.headers()).await.status == StatusCode::OK
}

/// T152
#[tokio::test(flavor = "multi_thread")]
async fn a_logout_at_the_provider_ends_the_sessions_and_leaves_apps_connected() {
    let stand = Stand::new().await;
    let (cookies, tokens) = connected(&stand).await;
    let header = json!({"alg": "RS256", "kid": "k1", "typ": "logout+jwt"});
    let stranger = {
        let mut claims = claims(&stand);
        claims["sub"] = json!("somebody-else");
        claims
    };
    assert_eq!(tell(&stand, &stand.pair.sign(&header, &stranger)).await.status, StatusCode::OK);
    assert!(is_signed_in(&stand, &cookies).await, "somebody else signed out");
    let reply = tell(&stand, &stand.pair.sign(&header, &claims(&stand))).await;
    assert_eq!((reply.status, reply.header("cache-control")), (StatusCode::OK, "no-store"), "{}", reply.body);
    assert!(!is_signed_in(&stand, &cookies).await);
    assert_eq!(stand.app.fhir(&tokens, "Patient/alice").await.status, StatusCode::OK, "apps stay connected");
    let told = stand.app.audit("Patient/alice").await;
    assert!(told.iter().any(|record| record["action"] == "sign-out" && record["outcome"] == "provider"));
    let (cookies, _) = connected(&stand).await;
    assert!(is_signed_in(&stand, &cookies).await, "they may sign in again");
    stand.app.finish().await;
}

/// T172
#[tokio::test(flavor = "multi_thread")]
async fn a_logout_token_that_names_a_session_alone_ends_that_one_and_no_other() {
    let stand = Stand::new().await;
    let mut sessions = Vec::new();
    for sid in ["s-1", "s-2"] {
        let away = stand.away().await;
        let mut good = stand.claims(&away);
        good["sid"] = json!(sid);
        let reply = stand.back(&away, &good).await;
        sessions.push(stand.consenting(away, &reply).await.cookies);
    }
    let header = json!({"alg": "RS256", "kid": "k1", "typ": "logout+jwt"});
    let of = |sid: &str| {
        let mut claims = claims(&stand);
        claims.as_object_mut().unwrap().remove("sub");
        claims["sid"] = json!(sid);
        stand.pair.sign(&header, &claims)
    };
    for (sid, first) in [("s-3", true), ("s-1", false), ("s-1", false)] {
        assert_eq!(tell(&stand, &of(sid)).await.status, StatusCode::OK, "{sid}");
        assert_eq!(is_signed_in(&stand, &sessions[0]).await, first, "{sid}");
        assert!(is_signed_in(&stand, &sessions[1]).await, "{sid}");
    }
    // Another provider's session of that name is another.
    let other = IdentityProvider::start(&[stand.pair.jwk("k1")]).await;
    stand.set("second", &other, "").await;
    let mut claims = claims(&stand);
    claims.as_object_mut().unwrap().remove("sub");
    (claims["sid"], claims["iss"]) = (json!("s-2"), json!(other.url));
    let token = stand.pair.sign(&header, &claims);
    let reply = stand.app.post("/login/second/logout", &[("logout_token", &token)], HeaderMap::new()).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert!(is_signed_in(&stand, &sessions[1]).await);
    stand.app.finish().await;
}

/// T152
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_no_logout_token_of_the_provider_ends_nothing() {
    let stand = Stand::new().await;
    let (cookies, _) = connected(&stand).await;
    let (header, now) = (json!({"alg": "RS256", "kid": "k1"}), Clock::System.now().seconds());
    let with = |name: &str, value: Json| {
        let mut claims = claims(&stand);
        claims[name] = value;
        stand.pair.sign(&header, &claims)
    };
    let without = |name: &str| {
        let mut claims = claims(&stand);
        claims.as_object_mut().unwrap().remove(name);
        stand.pair.sign(&header, &claims)
    };
    let away = stand.away().await;
    for (what, token) in [
        ("an id_token", stand.pair.sign(&header, &stand.claims(&away))),
        ("with a nonce", with("nonce", json!("n"))),
        ("another issuer", with("iss", json!("https://evil.example"))),
        ("another audience", with("aud", json!("them"))),
        ("expired", with("exp", json!(now - 100))),
        ("old", with("iat", json!(now - 1000))),
        ("from the future", with("iat", json!(now + 1000))),
        ("another event", with("events", json!({"http://schemas.openid.net/event/other": {}}))),
        ("no event", without("events")),
        ("neither a person nor a session", without("sub")),
        ("no end", without("exp")),
        ("another key", Pair::rsa().sign(&header, &claims(&stand))),
        ("another type", stand.pair.sign(&json!({"alg": "RS256", "kid": "k1", "typ": "at+jwt"}), &claims(&stand))),
        ("no signature", unsigned(&claims(&stand))),
        ("nothing", String::new()),
    ] {
        let reply = tell(&stand, &token).await;
        assert_eq!(
            (reply.status, reply.json()["error"].as_str()),
            (StatusCode::BAD_REQUEST, Some("invalid_request")),
            "{what}"
        );
    }
    assert!(is_signed_in(&stand, &cookies).await);
    stand.app.finish().await;
}
