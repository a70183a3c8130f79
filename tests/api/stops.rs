//! An app or a member that is stopped stays stopped, whatever was under way at that moment.

use http::{HeaderMap, StatusCode};
use shared::access::grant::{self, Grant, Why};
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
    let ended = grant::end(&auth, &id, shared::clock::Clock::System.now(), Why::StoppedByMember).await;
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
    let clock = shared::clock::Clock::System;
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
