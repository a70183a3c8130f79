//! Secrets, and how HTTP Basic carries them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::Value as Json;
use shared::clock::{Clock, Time};
use shared::oauth::client::{Authentication, ClientSecret};
use shared::secret::{Random, Secret};
use tests::{App, basic};

use super::{prove, proven, refused, register};

fn authorization(value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, value.parse().unwrap());
    headers
}

/// T031
#[tokio::test(flavor = "multi_thread")]
async fn http_basic_is_read_as_written_and_as_many_libraries_write_it() {
    let app = App::empty().await;
    let special = "p@ss:w+rd%41=&/ü";
    let secret = ClientSecret::new("one", &Secret::from_client(special), Clock::System.now());
    register(&app, "special.app", Authentication::Secret(vec![secret])).await;
    let encoded = form_urlencoded::byte_serialize(special.as_bytes()).collect::<String>();
    for text in [format!("special.app:{special}"), format!("special.app:{encoded}"), format!("special%2Eapp:{encoded}")]
    {
        for scheme in ["Basic", "basic", "BASIC"] {
            proven(&prove(&app, &[], authorization(&format!("{scheme} {}", STANDARD.encode(&text)))).await);
        }
    }
    for value in [
        "Basic",
        "Basic !!!",
        &format!("Basic {}", STANDARD.encode("no colon")),
        &format!("Basic {}", STANDARD.encode(b"\xff\xfe:\xff")),
        &format!("Digest {}", STANDARD.encode(format!("special.app:{special}"))),
    ] {
        let reply = prove(&app, &[], authorization(value)).await;
        refused(&reply, "HTTP Basic");
        assert!(reply.header("www-authenticate").starts_with("Basic realm="), "{value}");
    }
    let wrong = prove(&app, &[], basic("special.app", "wrong")).await;
    assert!(wrong.header("www-authenticate").starts_with("Basic realm="));
    let in_form = prove(&app, &[("client_id", "special.app"), ("client_secret", "wrong")], HeaderMap::new()).await;
    assert_eq!(in_form.header("www-authenticate"), "", "a client that did not try HTTP Basic is not asked for it");
    app.finish().await;
}

/// T031
#[tokio::test(flavor = "multi_thread")]
async fn two_secrets_are_good_side_by_side_and_one_that_is_over_is_not() {
    let app = App::empty().await;
    let now = Clock::System.now();
    let [old, new, over] = [(); 3].map(|()| Random::system().secret());
    let ended = ClientSecret { expires_at: Some(Time(now.0 - 1)), ..ClientSecret::new("over", &over, now) };
    let secrets = vec![ClientSecret::new("old", &old, now), ClientSecret::new("new", &new, now), ended];
    register(&app, "rotating", Authentication::Secret(secrets)).await;
    for good in [&old, &new] {
        proven(&prove(&app, &[], basic("rotating", good.reveal())).await);
    }
    refused(&prove(&app, &[], basic("rotating", over.reveal())).await, "expired");
    app.finish().await;
}

/// Anybody can fail to authenticate, so that is a line in the log and never a row.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_authenticate_is_a_counted_line_in_the_log_and_no_row() {
    let app = App::empty().await;
    for _ in 0..3 {
        refused(&prove(&app, &[], basic("server-app", "wrong")).await, "wrong");
    }
    refused(&prove(&app, &[("client_id", "server-app")], HeaderMap::new()).await, "confidential");
    for stranger in ["made-up-name", "another-name"] {
        refused(&prove(&app, &[("client_id", stranger)], HeaderMap::new()).await, "not registered");
    }
    let introspect = async |token: &str| {
        let secret = basic("server-app", &app.client_secret);
        app.post("/oauth2/introspect", &[("token", token)], secret).await.json()
    };
    assert_eq!(introspect("x").await, introspect("y").await);
    for (route, status, count) in [("POST /oauth2/token", 401, 6), ("POST /oauth2/introspect", 200, 2)] {
        for line in app.answered(route, status, count).await {
            assert_eq!(line["write_units"].as_f64(), Some(0.0), "no row was written: {line}");
        }
    }
    let logs = app.logs();
    let lines = |message: &str| -> Vec<(String, String, u64)> {
        let fields = logs.iter().filter_map(|line| serde_json::from_str::<Json>(line).ok());
        let fields = fields.map(|line| line["fields"].clone()).filter(|fields| fields["message"] == message);
        let text = |fields: &Json, name: &str| fields[name].as_str().unwrap_or_default().to_owned();
        fields
            .map(|fields| (text(&fields, "client"), text(&fields, "cause"), fields["count"].as_u64().unwrap()))
            .collect()
    };
    let failed = lines("a client was not authenticated");
    let wrong: Vec<u64> =
        failed.iter().filter(|line| line.0 == "server-app" && line.1.contains("wrong")).map(|line| line.2).collect();
    assert_eq!(wrong, [1, 2, 3]);
    assert_eq!(failed.iter().filter(|line| line.0 == "server-app" && line.1.contains("confidential")).count(), 1);
    assert_eq!(failed.iter().filter(|line| line.0 == "not registered").map(|line| line.2).max(), Some(2));
    assert!(logs.iter().all(|line| !line.contains("made-up-name")), "a stranger's text is not logged");
    let asked: Vec<(String, u64)> =
        lines("a token was introspected").into_iter().map(|(client, _, count)| (client, count)).collect();
    assert_eq!(asked, [("server-app".to_owned(), 1), ("server-app".to_owned(), 2)]);
    app.finish().await;
}
