//! Secrets, and how HTTP Basic carries them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
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
