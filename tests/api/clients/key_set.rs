//! Key sets that an app publishes.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use shared::config::{Config, from_lookup};
use shared::issuer::Issuer;
use shared::oauth::TokenEndpoint;
use shared::oauth::client::Authentication;
use shared::secret::Random;
use shared::store::Aws;
use tests::{App, Publisher};

use super::pair::Pair;
use super::{ASSERTION_TYPE, assert_with, claims, proven, refused, register, set, with};

/// The token function in this process, under another issuer or at another time.
async fn in_process(app: &App, issuer: Issuer, clock: Clock) -> TokenEndpoint {
    let (config, auth_table, audit_table, key) = from_lookup(|name| app.environment().get(name).cloned()).unwrap();
    let settings = (Config { issuer: Some(issuer), ..config }, auth_table, audit_table, key);
    TokenEndpoint::new(&Aws::local(app.environment()).await, settings, clock, Random::system()).await.unwrap()
}

/// The error that it answers to an exchange of a code that does not exist.
async fn error_of(server: &TokenEndpoint, assertion: &str) -> Json {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", "no-such-code"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion),
    ];
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish().into_bytes();
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, "application/x-www-form-urlencoded".parse().unwrap());
    let request = shared::http::Request { method: Method::POST, headers, body, ..Default::default() };
    let answer: Json = serde_json::from_slice(Box::pin(server.answer(request)).await.body()).unwrap();
    answer["error"].clone()
}
#[tokio::test(flavor = "multi_thread")]
async fn an_apps_keys_are_fetched_where_it_publishes_them_and_kept_as_long_as_it_says() {
    let app = App::empty().await;
    let (one, two) = (Pair::ec(), Pair::rsa());
    let publisher = Publisher::start(&set(&[one.jwk("k1")]).to_string(), "max-age=60").await;
    register(&app, "hosted", Authentication::KeysAt(publisher.url.clone())).await;
    for _ in 0..3 {
        proven(&assert_with(&app, &one.assertion(&app, "hosted", "k1")).await);
    }
    assert_eq!(publisher.count(), 1, "kept");
    // A made-up `kid` must not make us flood the app's server.
    for number in 0..20 {
        refused(&assert_with(&app, &one.assertion(&app, "hosted", &format!("unknown-{number}"))).await, "kid");
    }
    assert_eq!(publisher.count(), 1);
    // A `jku` may only repeat the registered URL.
    let jku = |url: &str| one.sign(&with(one.header("k1"), "jku", json!(url)), &claims(&app, "hosted"));
    proven(&assert_with(&app, &jku(&publisher.url)).await);
    let other = Publisher::start(&set(&[one.jwk("k1")]).to_string(), "no-store").await;
    refused(&assert_with(&app, &jku(&other.url)).await, "jku");
    assert_eq!(other.count(), 0, "no URL of an assertion is ever fetched");

    // A key set that may not be kept is fetched each time: a withdrawn key is refused at once, and a new one is good.
    register(&app, "fresh", Authentication::KeysAt(other.url.clone())).await;
    proven(&assert_with(&app, &one.assertion(&app, "fresh", "k1")).await);
    other.publish(&set(&[two.jwk("k2")]).to_string(), "no-store");
    refused(&assert_with(&app, &one.assertion(&app, "fresh", "k1")).await, "kid");
    proven(&assert_with(&app, &two.assertion(&app, "fresh", "k2")).await);
    assert_eq!(other.count(), 3);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apps_new_key_is_found_half_a_minute_after_the_last_fetch() {
    let app = App::empty().await;
    let (one, two) = (Pair::ec(), Pair::ec());
    let publisher = Publisher::start(&set(&[one.jwk("k1")]).to_string(), "max-age=86400").await;
    register(&app, "hosted", Authentication::KeysAt(publisher.url.clone())).await;
    let clock = Clock::fixed(Clock::System.now());
    let server = in_process(&app, Issuer::parse(app.url()).unwrap(), clock.clone()).await;
    assert_eq!(error_of(&server, &one.assertion(&app, "hosted", "k1")).await, "invalid_grant");
    publisher.publish(&set(&[two.jwk("k2")]).to_string(), "max-age=86400");
    clock.advance(29);
    assert_eq!(error_of(&server, &two.assertion(&app, "hosted", "k2")).await, "invalid_client");
    clock.advance(1);
    assert_eq!(error_of(&server, &two.assertion(&app, "hosted", "k2")).await, "invalid_grant");
    assert_eq!(publisher.count(), 2);
    // Nothing is kept for more than five minutes, however long the app would allow.
    clock.advance(120);
    assert_eq!(error_of(&server, &two.assertion(&app, "hosted", "k2")).await, "invalid_grant");
    assert_eq!(publisher.count(), 2);
    let clock = Clock::fixed(Clock::System.now().plus_seconds(-290));
    let server = in_process(&app, Issuer::parse(app.url()).unwrap(), clock.clone()).await;
    let early = |pair: &Pair| {
        let exp = json!(clock.now().seconds() + 200);
        pair.sign(&pair.header("k2"), &with(claims(&app, "hosted"), "exp", exp))
    };
    for (seconds, fetched) in [(0, 3), (299, 3), (1, 4)] {
        clock.advance(seconds);
        assert_eq!(error_of(&server, &early(&two)).await, "invalid_grant");
        assert_eq!(publisher.count(), fetched);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_set_that_is_slow_large_moved_or_no_json_signs_nobody_in() {
    let app = App::empty().await;
    let pair = Pair::ec();
    let keys = set(&[pair.jwk("k1")]);
    let good = keys.to_string();
    let large = with(keys.clone(), "padding", json!(" ".repeat(64 * 1024))).to_string();
    let answer = |head: &str, body: &str| format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let elsewhere = Publisher::start(&good, "max-age=60").await;
    for (id, bytes) in [
        ("moved", answer(&format!("302 Found\r\nLocation: {}", elsewhere.url), "")),
        ("missing", answer("404 Not Found\r\nContent-Type: application/json", &good)),
        ("page", answer("200 OK\r\nContent-Type: text/html", &good)),
        ("large", answer("200 OK\r\nContent-Type: application/json", &large)),
        ("list", answer("200 OK\r\nContent-Type: application/json", "[]")),
        (
            "cut",
            format!("{}x", answer("200 OK\r\nContent-Type: application/json", &good)).replace("Length: ", "Length: 9"),
        ),
        ("slow", String::new()),
    ] {
        let publisher = Publisher::start("", "").await;
        publisher.answer(&bytes);
        register(&app, id, Authentication::KeysAt(publisher.url.clone())).await;
        refused(&assert_with(&app, &pair.assertion(&app, id, "k1")).await, "the registered JWKS URL gave no key set");
        // A failed fetch is not repeated for a while.
        refused(&assert_with(&app, &pair.assertion(&app, id, "k1")).await, "the registered JWKS URL gave no key set");
        assert_eq!(publisher.count(), 1, "{id}");
    }
    assert_eq!(elsewhere.count(), 0, "no redirect is followed");
    let publisher = Publisher::start("", "").await;
    publisher.answer(&answer("200 OK\r\nContent-Type: application/jwk-set+json; charset=utf-8", &good));
    register(&app, "good", Authentication::KeysAt(publisher.url.clone())).await;
    proven(&assert_with(&app, &pair.assertion(&app, "good", "k1")).await);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_set_is_fetched_from_where_only_we_can_reach() {
    let app = App::empty().await;
    let pair = Pair::ec();
    for (number, url) in [
        "https://10.0.0.1/jwks",
        "https://192.168.0.1:8443/jwks",
        "http://169.254.169.254/latest/meta-data",
        "https://169.254.169.254/latest/meta-data",
        "https://[fd00:ec2::254]/latest",
        "https://[::ffff:10.0.0.1]/jwks",
        "http://app.example/jwks",
        "file:///etc/passwd",
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("inner-{number}");
        register(&app, &id, Authentication::KeysAt(url.to_owned())).await;
        refused(&assert_with(&app, &pair.assertion(&app, &id, "k1")).await, "from a public address");
    }
    // The same stack behind an issuer on the internet: now this machine is out of bounds, too.
    let publisher = Publisher::start(&set(&[pair.jwk("k1")]).to_string(), "max-age=60").await;
    let secure = publisher.url.replace("http:", "https:");
    register(&app, "plain", Authentication::KeysAt(publisher.url.clone())).await;
    register(&app, "secure", Authentication::KeysAt(secure.clone())).await;
    register(&app, "named", Authentication::KeysAt(secure.replace("127.0.0.1", "localhost"))).await;
    let issuer = Issuer::parse("https://fhir.example.org").unwrap();
    let server = in_process(&app, issuer, Clock::System).await;
    for id in ["plain", "secure", "named"] {
        let aud = json!("https://fhir.example.org/oauth2/token");
        let assertion = pair.sign(&pair.header("k1"), &with(claims(&app, id), "aud", aud));
        assert_eq!(error_of(&server, &assertion).await, "invalid_client", "{id}");
    }
    assert_eq!(publisher.count(), 0);
    app.finish().await;
}
