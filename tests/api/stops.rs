//! An app or a member that is stopped stays stopped, whatever was under way at that moment.

use http::{HeaderMap, StatusCode};
use serde_json::json;
use shared::access::StoppedApps;
use shared::access::grant::{self, Grant, Why};
use shared::clock::Clock;
use shared::config::{AuthTableName, SigningKeyId, from_lookup};
use shared::keys::KeyRing;
use shared::oauth::client::Client;
use shared::store::Aws;
use shared::store::auth::{Commit, CommitError};
use tests::{App, AuthorizeOptions, Fault, Wire, app_named, claims_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_worth_nothing_under_another_password_or_after_a_stop() {
    let app = App::start().await;
    for stop in [false, true] {
        let account = app.account("alice").await;
        let consent = app.signed_in(&AuthorizeOptions::new(&app, "alice", "patient/*.rs")).await;
        if stop {
            for what in ["disable", "enable"] {
                app.operate(&["member", what, "--username", "alice"]).await.unwrap();
            }
        } else {
            let password = tests::fixtures::password("alice");
            app.operate(&["member", "password", "--username", "alice", "--password", &password]).await.unwrap();
        }
        let again = app.get_with("/account", account.cookies.headers()).await;
        assert_eq!(again.status, StatusCode::SEE_OTHER, "stopped: {stop}: the page asks for a sign-in");
        assert_eq!(app.consent(&consent, "allow").await.status, StatusCode::BAD_REQUEST, "stopped: {stop}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_committed_beside_a_record_that_changed_since_it_was_read() {
    let app = App::empty().await;
    let auth = app.stack_to_work_on().await.auth();
    let read = auth.get::<Client>("app").await.unwrap().unwrap();
    app.change::<Client>("app", |client| client.disabled = true).await;
    let made = app_named("made-behind-its-back");
    let commit = auth.commit(Commit::default().create(&made).unchanged(&read)).await;
    assert!(matches!(commit, Err(CommitError::Conflict)), "{commit:?}");
    assert!(auth.get::<Client>(&made.id).await.unwrap().is_none());
    let now = auth.get::<Client>("app").await.unwrap().unwrap();
    auth.commit(Commit::default().create(&made).unchanged(&now)).await.unwrap();
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_was_taken_back_gets_no_code_from_a_request_that_waited() {
    let app = App::start().await;
    let browser = app.signed_in(&AuthorizeOptions::new(&app, "alice", "patient/*.rs")).await;
    app.change::<Client>("app", |client| client.redirect_uris = vec!["https://app.example/new".to_owned()]).await;
    let reply = app.consent(&browser, "allow").await;
    assert_eq!((reply.status, reply.header("location")), (StatusCode::BAD_REQUEST, ""));
    assert!(app.stored("code").await.is_empty());
    app.finish().await;
}

/// DynamoDB refuses the write of a single row that another transaction holds, and the SDK does not retry it.
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_is_in_a_transaction_at_that_moment_ends_all_the_same() {
    let wire = Wire::new().await;
    let app = App::behind(&wire).await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let mut environment = app.environment().clone();
    environment.extend(wire.environment());
    let auth = shared::store::auth::Auth::new(&Aws::local(&environment).await, &environment["AUTH_TABLE"]);
    let id = claims_of(&tokens.access)["grant"].as_str().unwrap().to_owned();
    // The first call reads the grant, the second writes it.
    wire.plan(1, Fault::InTransaction, false);
    let ended = grant::end(&auth, &id, Clock::System.now(), Why::StoppedByMember).await;
    assert!(ended.unwrap());
    let puts = wire.calls().iter().rev().take_while(|call| call.operation == "PutItem").count();
    assert_eq!(puts, 2, "one was refused, and one went through");
    assert!(auth.get::<Grant>(&id).await.unwrap().unwrap().record.ended.is_some());
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::UNAUTHORIZED);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_start_while_the_key_that_was_replaced_is_switched_off() {
    let app = App::start().await;
    app.operate(&["keys", "rotate", "--compromised"]).await.unwrap();
    let stack = app.stack_to_work_on().await;
    stack.signer().schedule_deletion(stack.signing_key().unwrap()).await.unwrap();
    let clock = Clock::System;
    let settings = from_lookup(|name| app.environment().get(name).cloned());
    let (auth_table, key): (AuthTableName, SigningKeyId) = settings.unwrap();
    let aws = Aws::local(app.environment()).await;
    let ring = KeyRing::load(&aws, &auth_table, &key, clock.clone()).await.unwrap();
    assert_eq!(ring.published().await.len(), 1, "the new key alone");
    let inside = app.inside(&clock, [].into()).await;
    let code = inside.code(&AuthorizeOptions::new(&inside, "alice", "patient/*.rs")).await;
    assert_eq!(inside.exchange(&code).await.status, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_far_too_long_is_refused_before_it_is_compared() {
    let app = App::empty().await;
    let names: Vec<String> = (0..51).map(|number| format!("p{number}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    let large = "x".repeat(33 * 1024);
    for path in ["/oauth2/token", "/oauth2/revoke", "/oauth2/introspect"] {
        for form in [many.as_slice(), &[("token", large.as_str())]] {
            let reply = app.post(path, form, HeaderMap::new()).await;
            assert_eq!((reply.status, &reply.json()["error"]), (StatusCode::BAD_REQUEST, &"invalid_request".into()));
            assert!(reply.body.contains("too long"), "{path}: {}", reply.body);
        }
    }
    app.finish().await;
}

/// A million grants are not ended in a moment; the list of stopped apps is read in one.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_app_reads_nothing_after_30_seconds_although_no_grant_of_it_is_ended_yet() {
    let app = App::start().await;
    let clock = Clock::fixed(Clock::System.now());
    let inside = app.inside(&clock, [].into()).await;
    let tokens = inside.sign_in("alice", "patient/*.rs").await;
    let asked = async || {
        [
            inside.fhir(&tokens, "Patient/alice").await.status,
            inside.fhir(&tokens, "Observation").await.status,
            inside.fhir(&tokens, "Patient/alice/$everything").await.status,
        ]
    };
    assert_eq!(asked().await, [StatusCode::OK; 3]);
    let auth = app.stack_to_work_on().await.auth();
    for (stopped, status) in [("another", StatusCode::OK), ("app", StatusCode::UNAUTHORIZED)] {
        let stopped = StoppedApps { apps: [stopped.to_owned()].into() };
        auth.commit(Commit::default().put(&stopped)).await.unwrap();
        clock.advance(30);
        assert_eq!(asked().await, [status; 3]);
    }
    let told = inside.fhir(&tokens, "Patient/alice").await;
    assert!(told.body.contains("the plan stopped its app"), "{}", told.body);
    assert!(app.stored("grant").await.values().all(|grant| grant["ended"] == json!(null)));
    app.finish().await;
}

/// The operator's command was cut short after it had stopped the app: none of the grants comes alive again.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_stop_left_alive_is_ended_before_the_app_is_enabled() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs offline_access").await;
    app.change::<Client>("app", |client| client.disabled = true).await;
    app.operate(&["app", "enable", "app"]).await.unwrap();
    assert!(app.stored("grant").await.values().all(|grant| grant["ended"]["why"] == json!("app_stopped")));
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::UNAUTHORIZED);
    app.sign_in("alice", "patient/*.rs").await;
    let (one, two) = (app.operate(&["app", "disable", "app"]).await, app.operate(&["app", "disable", "app"]).await);
    assert!(one.unwrap().contains("1 permissions of members") && two.unwrap().contains("0 permissions of members"));
    assert!(app.stored("stopped-apps").await.values().all(|stopped| stopped["apps"] == json!(["app"])));
    app.finish().await;
}
