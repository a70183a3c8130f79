//! How clients authenticate at the token endpoint.
//!
//! Exchanging a code that does not exist shows the result: `invalid_client` if the client did not authenticate,
//! `invalid_grant` if it did and only the code is wrong.
mod assertion;
mod key_set;
pub(crate) mod pair;
mod secrets;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Request, StatusCode};
use pair::Pair;
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use shared::oauth::client::{Authentication, Client};
use shared::secret::Random;
use tests::{App, REDIRECT_URI, Reply, VERIFIER, basic};

pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn claims(app: &App, client: &str) -> Json {
    let exp = Clock::System.now().seconds() + 200;
    let jti = Random::system().identifier();
    json!({"iss": client, "sub": client, "aud": format!("{}/oauth2/token", app.url()), "exp": exp, "jti": jti})
}

fn with(mut json: Json, name: &str, value: Json) -> Json {
    json[name] = value;
    json
}

pub(crate) async fn register(app: &App, id: &str, authentication: Authentication) {
    let client = Client { authentication, ..Client::new(id, id, &[REDIRECT_URI], Clock::System.now()) };
    app.register(&client).await;
}

fn set(keys: &[Json]) -> Json {
    json!({ "keys": keys })
}

pub(crate) fn inline(keys: &[Json]) -> Authentication {
    Authentication::Keys(serde_json::from_value(set(keys)).unwrap())
}

/// Exchanges a code that does not exist, with this authentication.
async fn prove(app: &App, form: &[(&str, &str)], headers: HeaderMap) -> Reply {
    let code = [
        ("grant_type", "authorization_code"),
        ("code", "no-such-code"),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
    ];
    app.token(&[&code, form].concat(), headers).await
}

async fn assert_with(app: &App, assertion: &str) -> Reply {
    prove(app, &[("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)], HeaderMap::new()).await
}

#[track_caller]
fn proven(reply: &Reply) {
    assert_eq!(
        (reply.status, &reply.json()["error"]),
        (StatusCode::BAD_REQUEST, &json!("invalid_grant")),
        "{}",
        reply.body
    );
}

/// The client is refused, for this reason.
#[track_caller]
fn refused(reply: &Reply, word: &str) {
    let answer = reply.json();
    assert_eq!(
        (reply.status, &answer["error"]),
        (StatusCode::UNAUTHORIZED, &json!("invalid_client")),
        "{}",
        reply.body
    );
    let told = answer["error_description"].as_str().unwrap();
    assert!(told.contains(word), "{word}: {told}");
}

/// T031
#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_app_proves_itself_in_its_own_way_and_no_other() {
    let app = App::empty().await;
    let secret = app.client_secret.clone();
    let none = HeaderMap::new;
    // A public app names itself. Some libraries send an empty secret and mean none.
    proven(&prove(&app, &[("client_id", "app")], none()).await);
    proven(&prove(&app, &[("client_id", "app"), ("client_secret", "")], none()).await);
    refused(&prove(&app, &[("client_id", "app"), ("client_secret", &secret)], none()).await, "no secret");
    refused(&prove(&app, &[], basic("app", &secret)).await, "no secret");
    // A confidential app sends its secret, once.
    let id = ("client_id", "server-app");
    proven(&prove(&app, &[id, ("client_secret", &secret)], none()).await);
    proven(&prove(&app, &[], basic("server-app", &secret)).await);
    proven(&prove(&app, &[id], basic("server-app", &secret)).await);
    refused(&prove(&app, &[id], none()).await, "confidential");
    refused(&prove(&app, &[id, ("client_secret", "")], none()).await, "confidential");
    refused(&prove(&app, &[id, ("client_secret", "wrong")], none()).await, "wrong");
    refused(&prove(&app, &[id, ("client_secret", &secret)], basic("server-app", &secret)).await, "twice");
    refused(
        &prove(&app, &[("client_id", "app")], basic("server-app", &secret)).await,
        "not the one in the Authorization",
    );
    refused(&prove(&app, &[("client_id", "nobody")], none()).await, "not registered");
    refused(&prove(&app, &[("client_id", &"x".repeat(5000))], none()).await, "not registered");
    refused(&prove(&app, &[], none()).await, "client_id is missing");
    let twice = prove(&app, &[id, id], none()).await;
    assert_eq!((twice.status, &twice.json()["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_request")));
    // An app with registered keys signs, and sends no secret.
    let pair = Pair::ec();
    register(&app, "keyed", inline(&[pair.jwk("k1")])).await;
    let keyed = ("client_id", "keyed");
    refused(&prove(&app, &[keyed], none()).await, "confidential");
    refused(&prove(&app, &[keyed, ("client_secret", &secret)], none()).await, "no secret");
    let assertion = pair.assertion(&app, "keyed", "k1");
    let proof = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &*assertion)];
    refused(&prove(&app, &[&proof[..], &[("client_secret", "x")]].concat(), none()).await, "two ways");
    refused(&prove(&app, &proof, basic("keyed", "x")).await, "two ways");
    refused(&prove(&app, &[&proof[..], &[id]].concat(), none()).await, "not the sub");
    refused(&prove(&app, &proof[1..], none()).await, "client_assertion_type");
    proven(&prove(&app, &[&proof[..], &[keyed]].concat(), none()).await);
    app.finish().await;
}

/// T033, T034
#[tokio::test(flavor = "multi_thread")]
async fn the_token_endpoint_takes_one_form_and_the_two_grant_types_it_has() {
    let app = App::empty().await;
    for (grant_type, error) in [
        (Some("password"), "unsupported_grant_type"),
        (Some("implicit"), "unsupported_grant_type"),
        (Some("client_credentials"), "unsupported_grant_type"),
        (Some("urn:ietf:params:oauth:grant-type:device_code"), "unsupported_grant_type"),
        (Some("AUTHORIZATION_CODE"), "unsupported_grant_type"),
        (Some(""), "invalid_request"),
        (None, "invalid_request"),
    ] {
        let mut form = vec![("client_id", "app"), ("username", "alice"), ("password", "x")];
        form.extend(grant_type.map(|kind| ("grant_type", kind)));
        let reply = app.token(&form, HeaderMap::new()).await;
        assert_eq!((reply.status, &reply.json()["error"]), (StatusCode::BAD_REQUEST, &json!(error)), "{grant_type:?}");
    }
    for name in ["grant_type", "code", "client_id", "client_secret", "code_verifier", "redirect_uri"] {
        let reply = prove(
            &app,
            &[("client_id", "server-app"), ("client_secret", "x"), (name, "a"), (name, "a")],
            HeaderMap::new(),
        )
        .await;
        assert!(
            matches!(reply.json()["error"].as_str(), Some("invalid_request" | "invalid_client")),
            "{name}: {}",
            reply.body
        );
    }
    for content_type in [None, Some("application/json"), Some("multipart/form-data")] {
        let mut request = Request::post(format!("{}/oauth2/token", app.url()));
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        let body = json!({"grant_type": "authorization_code", "client_id": "app"}).to_string();
        let reply = app.send(request.body(body).unwrap()).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]),
            (StatusCode::BAD_REQUEST, &json!("invalid_request")),
            "{content_type:?}"
        );
    }
    assert_eq!(app.get("/oauth2/token?grant_type=authorization_code").await.status, StatusCode::METHOD_NOT_ALLOWED);
    app.finish().await;
}
