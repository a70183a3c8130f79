//! The keys that sign our tokens, through rotations.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value as Json, json};
use shared::bounds::{ACCESS_TOKEN_SECONDS, KEYS_FRESH_SECONDS};
use shared::clock::Clock;
use shared::config::{AuthTableName, SigningKeyId, from_lookup};
use shared::http::Request;
use shared::keys::{ANNOUNCED, KeyRing, LAST_TOKEN};
use shared::secret::Random;
use shared::store::Aws;
use shared::store::meter::measured;
use shared::{oauth, rest};
use tests::{App, Tokens};

const SCOPE: &str = "patient/*.rs offline_access";

/// Functions of a stack in this process, whose clock the test moves.
struct Turned {
    clock: Clock,
    rest: rest::Server,
    token: oauth::TokenEndpoint,
    ring: KeyRing,
}

impl Turned {
    async fn start(app: &App) -> Turned {
        let clock = Clock::fixed(Clock::System.now());
        let aws = Aws::local(app.environment()).await;
        let lookup = |name: &str| app.environment().get(name).cloned();
        let (auth_table, key): (AuthTableName, SigningKeyId) = from_lookup(lookup).unwrap();
        let settings = from_lookup(lookup).unwrap();
        Turned {
            rest: rest::Server::new(&aws, from_lookup(lookup).unwrap(), clock.clone()).await.unwrap(),
            token: oauth::TokenEndpoint::new(&aws, settings, clock.clone(), Random::system()).await.unwrap(),
            ring: KeyRing::load(&aws, &auth_table, &key, clock.clone()).await.unwrap(),
            clock,
        }
    }

    /// Reads alice with a token. Returns the status, the error, and the number of calls to AWS.
    async fn read(&self, token: &str) -> (StatusCode, String, u32) {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        let parameters = [("type".to_owned(), "Patient".to_owned()), ("id".to_owned(), "alice".to_owned())];
        let request = Request {
            path: "/fhir/Patient/alice".into(),
            parameters: parameters.into(),
            headers,
            // The id names the audit record, because the clock stands still.
            request_id: Random::system().identifier(),
            ..Request::default()
        };
        let (response, usage) = measured(Box::pin(self.rest.read(request))).await;
        let (head, body) = response.into_parts();
        let body: Json = serde_json::from_slice(&body).unwrap();
        let why = body["issue"][0]["diagnostics"].as_str().unwrap_or_default().to_owned();
        (head.status, why, usage.calls)
    }

    async fn refresh(&self, app: &App, refresh_token: &str) -> Json {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token), ("client_id", "app")];
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish().into_bytes();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, "application/x-www-form-urlencoded".parse().unwrap());
        let request =
            Request { method: Method::POST, path: "/oauth2/token".into(), headers, body, ..Request::default() };
        let answer: Json = serde_json::from_slice(Box::pin(self.token.answer(request)).await.body()).unwrap();
        for name in ["access_token", "refresh_token"] {
            app.keep_secret(answer[name].as_str().unwrap_or_else(|| panic!("{answer}")));
        }
        answer
    }

    async fn published(&self) -> Vec<String> {
        self.ring.published().await.into_iter().map(|key| key.kid).collect()
    }
}

fn kid(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}

fn kids(jwks: &Json) -> Vec<&str> {
    jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect()
}

/// The same token with another `kid`.
fn renamed(token: &str, kid: &Json) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    let mut header = json!({"alg": "RS256", "typ": "at+jwt", "kid": kid});
    if kid.is_null() {
        header.as_object_mut().unwrap().remove("kid");
    }
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

async fn list(app: &App) -> Vec<Json> {
    let told: Json = serde_json::from_str(&app.operate(&["keys", "list", "--json"]).await.unwrap()).unwrap();
    told["keys"].as_array().unwrap().clone()
}

/// T059
#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_published_before_it_signs_and_the_old_one_until_its_tokens_are_over() {
    let app = App::start().await;
    let turned = Turned::start(&app).await;
    let tokens = app.sign_in("alice", SCOPE).await;
    let old = kid(&tokens.access);
    assert_eq!(turned.published().await, [old.as_str()]);
    app.operate(&["keys", "rotate"]).await.unwrap();

    turned.clock.advance(KEYS_FRESH_SECONDS);
    let published = turned.published().await;
    assert_eq!((published.len(), &published[0]), (2, &old));
    let first = turned.refresh(&app, tokens.refresh.as_deref().unwrap()).await;
    assert_eq!(kid(first["access_token"].as_str().unwrap()), old, "the new key is seen, and does not sign yet");

    turned.clock.advance(ANNOUNCED);
    let second = turned.refresh(&app, first["refresh_token"].as_str().unwrap()).await;
    let token = second["access_token"].as_str().unwrap();
    assert_eq!(kid(token), published[1]);
    assert_eq!(turned.read(token).await.0, StatusCode::OK);
    assert_eq!(turned.read(&tokens.access).await.0, StatusCode::OK, "the old key's tokens are good to their end");

    turned.clock.advance(LAST_TOKEN);
    assert_eq!(turned.published().await, [published[1].as_str()]);
    let (status, why, _) = turned.read(&tokens.access).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(why.contains("no longer, one of this server's"), "{why}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn running_functions_feel_a_rotation_without_a_restart() {
    let app = App::start().await;
    let starts = || app.logs().iter().filter(|line| line.starts_with("INIT_REPORT")).count();
    let before = app.sign_in("alice", SCOPE).await;
    assert_eq!(app.fhir(&before, "Patient/alice").await.status, StatusCode::OK);
    let started = starts();
    app.operate(&["keys", "rotate", "--at-once"]).await.unwrap();
    let after = app.sign_in("alice", "openid fhirUser patient/*.rs").await;
    assert_ne!(kid(&before.access), kid(&after.access));
    assert_eq!(kid(&after.access), kid(after.answer["id_token"].as_str().unwrap()));
    for tokens in [&after, &before] {
        assert_eq!(app.fhir(tokens, "Patient/alice").await.status, StatusCode::OK);
    }
    assert_eq!(starts(), started, "the same processes answered");
    let jwks = app.get("/oauth2/jwks").await.json();
    assert_eq!(kids(&jwks), [kid(&before.access), kid(&after.access)]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_an_emergency_old_tokens_die_in_two_minutes_and_apps_go_on_by_refreshing() {
    let app = App::start().await;
    let old = app.sign_in("alice", SCOPE).await;
    assert_eq!(app.fhir(&old, "Patient/alice").await.status, StatusCode::OK);
    let turned = Turned::start(&app).await;
    app.operate(&["keys", "rotate", "--compromised"]).await.unwrap();

    assert_eq!(turned.read(&old.access).await.0, StatusCode::OK, "this function read the record a moment ago");
    turned.clock.advance(KEYS_FRESH_SECONDS);
    assert_eq!(turned.read(&old.access).await.0, StatusCode::UNAUTHORIZED);

    let form =
        [("grant_type", "refresh_token"), ("refresh_token", old.refresh.as_deref().unwrap()), ("client_id", "app")];
    let new = Tokens::of(&app.token(&form, HeaderMap::new()).await);
    assert_eq!(app.fhir(&new, "Patient/alice").await.status, StatusCode::OK);
    // The new key made the running function read the record again, and there the old key is gone.
    let dead = app.fhir(&old, "Patient/alice").await;
    assert_eq!(dead.status, StatusCode::UNAUTHORIZED);
    assert!(dead.header("www-authenticate").contains("invalid_token"));
    assert_eq!(kids(&app.get("/oauth2/jwks").await.json()), [kid(&new.access)]);
    app.finish().await;
}

/// T052, T055, T058: a function verifies a token once, and remembers the verdict
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_verified_before_dies_with_its_key_its_grant_and_its_time() {
    let app = App::start().await;
    let turned = Turned::start(&app).await;
    let twice = async |token: &str| {
        let first = turned.read(token).await;
        assert_eq!(turned.read(token).await.0, first.0, "the second answer is that of the first");
        first
    };
    let ended = app.sign_in("alice", SCOPE).await;
    assert_eq!(twice(&ended.access).await.0, StatusCode::OK);
    // The same claims under another signature are another token.
    let (signed, signature) = ended.access.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", signature.chars().rev().collect::<String>());
    assert_eq!(twice(&forged).await.0, StatusCode::UNAUTHORIZED);
    app.post("/oauth2/revoke", &[("token", &ended.access), ("client_id", "app")], HeaderMap::new()).await;
    let (status, why, _) = twice(&ended.access).await;
    assert!(status == StatusCode::UNAUTHORIZED && why.contains("grant was ended"), "{why}");

    let old = app.sign_in("alice", SCOPE).await;
    assert_eq!(twice(&old.access).await.0, StatusCode::OK);
    app.operate(&["keys", "rotate", "--compromised"]).await.unwrap();
    turned.clock.advance(KEYS_FRESH_SECONDS - 1);
    assert_eq!(twice(&old.access).await.0, StatusCode::OK, "this function may trust its reading of the record");
    turned.clock.advance(1);
    let (status, why, _) = twice(&old.access).await;
    assert!(status == StatusCode::UNAUTHORIZED && why.contains("no longer, one of this server's"), "{why}");

    let new = app.sign_in("alice", SCOPE).await;
    turned.clock.advance(KEYS_FRESH_SECONDS);
    assert_eq!(twice(&new.access).await.0, StatusCode::OK);
    turned.clock.advance(ACCESS_TOKEN_SECONDS);
    let (status, why, _) = twice(&new.access).await;
    assert!(status == StatusCode::UNAUTHORIZED && why.contains("it has expired"), "{why}");
    app.finish().await;
}

/// T052
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_unknown_keys_have_the_record_read_once_a_minute() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", SCOPE).await;
    let turned = Turned::start(&app).await;
    let mut calls = 0;
    for number in 0..1000 {
        let (status, _, made) = turned.read(&renamed(&tokens.access, &json!(format!("unknown-{number}")))).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        calls += made;
    }
    assert_eq!(calls, 1);
    for kid in [Json::Null, json!(""), json!("../../dev/null"), json!("' OR 1=1 --"), json!("k".repeat(10_000))] {
        let (status, why, made) = turned.read(&renamed(&tokens.access, &kid)).await;
        assert_eq!((status, made), (StatusCode::UNAUTHORIZED, 0), "{kid}: {why}");
    }
    turned.clock.advance(60);
    assert_eq!(turned.read(&renamed(&tokens.access, &json!("unknown"))).await.2, 1);
    // The grant and the resource side by side, then the audit record, and no call for the keys.
    assert_eq!(turned.read(&tokens.access).await.2, 3);
    turned.clock.advance(KEYS_FRESH_SECONDS);
    assert_eq!(turned.read(&tokens.access).await.2, 4, "the copy of the record is too old");
    assert_eq!(turned.read(&tokens.access).await.2, 3);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_sees_what_each_key_does_and_deletes_what_is_over() {
    let app = App::empty().await;
    let stack = app.stack_to_work_on().await;
    let column = |keys: &[Json], name: &str| -> Vec<Json> { keys.iter().map(|key| key[name].clone()).collect() };
    assert_eq!(column(&list(&app).await, "state"), ["signing"]);
    app.operate(&["keys", "rotate"]).await.unwrap();
    let keys = list(&app).await;
    assert_eq!(column(&keys, "state"), ["signing", "waiting"]);
    let (first, second) = (keys[0]["kms_key"].as_str().unwrap(), keys[1]["kms_key"].as_str().unwrap());
    assert_eq!(first, stack.signing_key().unwrap());
    let pattern = stack.signer().policy(first).await.unwrap();
    assert_eq!(stack.signer().policy(second).await.unwrap(), pattern, "the functions may use the new key");

    let again = app.operate(&["keys", "rotate"]).await.unwrap_err().to_string();
    assert!(again.contains("waits already") && again.contains("--at-once"), "{again}");
    app.operate(&["keys", "rotate", "--at-once"]).await.unwrap();
    let keys = list(&app).await;
    assert_eq!(column(&keys, "state"), ["leaving", "signing"], "the key that waited signs, and no third one was made");

    let nothing = app.operate(&["keys", "retire"]).await.unwrap_err().to_string();
    assert!(nothing.contains("no key is over"), "{nothing}");
    app.operate(&["keys", "rotate", "--compromised"]).await.unwrap();
    let keys = list(&app).await;
    assert_eq!(column(&keys, "state"), ["over", "over", "signing"]);
    assert_eq!(column(&keys, "may_be_deleted"), [false, true, false], "the template's own key stays");
    let told = app.operate(&["keys", "list"]).await.unwrap();
    assert!(told.contains("keys retire") && told.contains("signs all new tokens"), "{told}");
    app.operate(&["keys", "retire"]).await.unwrap();
    assert_eq!(column(&list(&app).await, "state"), ["over", "signing"]);
    let deleted = stack.signer().public_key(second).await.unwrap_err().to_string();
    assert!(deleted.contains("pending deletion"), "{deleted}");
    assert_eq!(stack.signer().public_key(first).await.unwrap().kid, keys[0]["kid"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_rights_are_behind_the_templates_is_named_and_mended() {
    let app = App::empty().await;
    let stack = app.stack_to_work_on().await;
    app.operate(&["keys", "rotate"]).await.unwrap();
    let keys = list(&app).await;
    let second = keys[1]["kms_key"].as_str().unwrap();
    let older = json!({"Version": "2012-10-17", "Statement": []}).to_string();
    stack.signer().set_policy(second, &older).await.unwrap();
    assert_eq!(list(&app).await[1]["outdated_policy"], true);
    assert!(app.operate(&["keys", "list"]).await.unwrap().contains("keys sync"));
    app.operate(&["keys", "sync"]).await.unwrap();
    assert_eq!(list(&app).await[1]["outdated_policy"], false);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_rotations_at_once_have_one_winner() {
    let app = App::empty().await;
    let (one, two) =
        tokio::join!(app.operate(&["keys", "rotate", "--at-once"]), app.operate(&["keys", "rotate", "--at-once"]));
    // Both succeed if the second began after the first had ended.
    let won = [&one, &two].iter().filter(|result| result.is_ok()).count();
    assert_eq!(list(&app).await.len(), 1 + won);
    for lost in [one, two].into_iter().filter_map(Result::err) {
        assert!(lost.to_string().contains("somebody else"), "{lost}");
    }
    app.finish().await;
}
