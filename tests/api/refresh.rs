//! Refresh tokens: one live end for each grant, a retry for an app that lost an answer, and the end of the grant if
//! somebody holds a copy.

use http::{HeaderMap, StatusCode};
use shared::clock::Clock;
use shared::oauth::client::Client;
use tests::{App, AuthorizeOptions, REDIRECT_URI, Reply, Tokens, VERIFIER, Wire, app_named, basic};

const SCOPE: &str = "patient/Coverage.rs patient/Patient.rs offline_access";
const DAY: i64 = 86_400;

/// The token endpoint refuses the refresh token.
fn assert_dead(reply: &Reply, what: &str) {
    assert_eq!(
        (reply.status, reply.json()["error"].as_str()),
        (StatusCode::BAD_REQUEST, Some("invalid_grant")),
        "{what}"
    );
}

/// Every token of the family is dead.
async fn assert_family_is_dead(app: &App, family: &[&Tokens], what: &str) {
    for tokens in family {
        assert_dead(&app.refresh(tokens).await, what);
        assert_eq!(app.fhir(tokens, "Patient/alice").await.status, StatusCode::UNAUTHORIZED, "{what}");
    }
}

/// T043
#[tokio::test(flavor = "multi_thread")]
async fn a_spent_token_that_comes_back_ends_the_whole_family() {
    let app = App::start().await;
    let first = app.sign_in("alice", SCOPE).await;
    let second = Tokens::of(&app.refresh(&first).await);
    let third = Tokens::of(&app.refresh(&second).await);
    assert_eq!(app.fhir(&third, "Patient/alice").await.status, StatusCode::OK);
    assert_dead(&app.refresh(&first).await, "the first token, two refreshes later");
    assert_family_is_dead(&app, &[&first, &second, &third], "after a reuse").await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_with_empty_parameters_is_as_one_without_them() {
    let app = App::start().await;
    let mut tokens = app.sign_in("alice", SCOPE).await;
    let names = ["scope", "client_secret", "client_assertion", "client_assertion_type", "redirect_uri", "colour"];
    for name in names {
        let more = [(name, ""), (name, "")];
        tokens = Tokens::of(&app.refresh_with(&tokens, &more, HeaderMap::new()).await);
        assert_eq!(tokens.answer["scope"], SCOPE, "{name}");
    }
    // A client_id without a value names nobody: the token alone says which app it is of.
    let form =
        [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_deref().unwrap()), ("client_id", "")];
    let tokens = Tokens::of(&app.token(&form, HeaderMap::new()).await);
    let end = [("token", ""), ("token", tokens.access.as_str()), ("token_type_hint", ""), ("client_id", "app")];
    assert_eq!(app.post("/oauth2/revoke", &end, HeaderMap::new()).await.status, StatusCode::OK);
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::UNAUTHORIZED);
    let nothing = [("token", ""), ("client_id", "server-app")];
    let reply = app.post("/oauth2/introspect", &nothing, basic("server-app", &app.client_secret)).await;
    assert!(reply.body.contains("token is missing"), "{}", reply.body);
    app.finish().await;
}

/// T044
#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_lost_the_answer_asks_again_and_the_lost_token_is_dead() {
    let app = App::start().await;
    let first = app.sign_in("alice", SCOPE).await;
    let lost = Tokens::of(&app.refresh(&first).await);
    let lost_too = Tokens::of(&app.refresh(&first).await);
    let second = Tokens::of(&app.refresh(&first).await);
    assert!(lost.refresh != second.refresh && lost.refresh != lost_too.refresh && lost_too.refresh != second.refresh);
    assert_eq!(app.fhir(&second, "Patient/alice").await.status, StatusCode::OK);
    let third = Tokens::of(&app.refresh(&second).await);
    assert_dead(&app.refresh(&lost).await, "the lost one");
    assert_family_is_dead(&app, &[&lost, &lost_too, &second, &third], "somebody had the lost one").await;
    app.finish().await;
}

/// T044 and T045
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_lost_for_a_minute_and_then_somebody_holds_a_copy() {
    let app = App::start().await;
    let clock = Clock::fixed(Clock::System.now());
    let inside = app.inside(&clock, [].into()).await;
    let first = inside.sign_in("alice", SCOPE).await;
    clock.advance(600);
    Tokens::of(&inside.refresh(&first).await);
    clock.advance(59);
    let second = Tokens::of(&inside.refresh(&first).await);
    assert_eq!(inside.fhir(&second, "Patient/alice").await.status, StatusCode::OK);
    clock.advance(1);
    assert_dead(&inside.refresh(&first).await, "the minute runs from the first use, not from the retry");
    assert_family_is_dead(&inside, &[&first, &second], "after the minute").await;
    app.finish().await;
}

/// T046
#[tokio::test(flavor = "multi_thread")]
async fn two_refreshes_at_once_are_both_answered_and_one_end_lives() {
    let app = App::start().await;
    for _ in 0..4 {
        let first = app.sign_in("alice", SCOPE).await;
        let (one, two) = tokio::join!(app.refresh(&first), app.refresh(&first));
        let given: Vec<Tokens> =
            [&one, &two].into_iter().filter(|r| r.status == StatusCode::OK).map(Tokens::of).collect();
        assert!(!given.is_empty(), "{one:?} {two:?}");
        for reply in [&one, &two] {
            assert!(reply.status == StatusCode::OK || reply.json()["error"] == "invalid_grant", "{reply:?}");
        }
        for tokens in &given {
            assert_eq!(app.fhir(tokens, "Patient/alice").await.status, StatusCode::OK);
        }
        let mut alive = 0;
        for tokens in &given {
            alive += usize::from(app.refresh(tokens).await.status == StatusCode::OK);
        }
        assert!(alive <= 1, "a chain has at most one live end");
    }
    app.finish().await;
}

/// The price list charges the same numbers.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_costs_a_signature_for_each_token_and_a_refresh_costs_one() {
    let wire = Wire::new().await;
    let app = App::behind(&wire).await;
    let signatures = || wire.calls().iter().filter(|call| call.operation == "Sign").count();
    let before = signatures();
    let tokens = app.sign_in("alice", &format!("{SCOPE} openid fhirUser")).await;
    assert_eq!(signatures() - before, 2, "the access token and the id_token");
    Tokens::of(&app.refresh(&tokens).await);
    assert_eq!(signatures() - before, 3, "the access token");
    app.finish().await;
}

/// T047
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_serves_the_client_it_was_given_to() {
    let app = App::start().await;
    app.register(&app_named("other")).await;
    let tokens = app.sign_in("alice", SCOPE).await;
    assert_dead(&app.refresh_with(&tokens, &[("client_id", "other")], HeaderMap::new()).await, "another public app");
    let proof = basic("server-app", &app.client_secret);
    assert_dead(&app.refresh_with(&tokens, &[], proof).await, "a confidential app");
    app.change::<Client>("app", |client| client.disabled = true).await;
    let stopped = app.refresh(&tokens).await;
    assert_eq!((stopped.status, stopped.json()["error"].as_str()), (StatusCode::UNAUTHORIZED, Some("invalid_client")));
    app.change::<Client>("app", |client| client.disabled = false).await;
    let forged = Tokens {
        refresh: tokens.refresh.as_ref().map(|token| format!("{}A", &token[..token.len() - 1])),
        ..tokens.clone()
    };
    if forged.refresh != tokens.refresh {
        assert_dead(&app.refresh(&forged).await, "a token that was never issued");
    }
    for text in ["x", "a.b", ".", &"x".repeat(5000), &tokens.access] {
        assert_dead(&app.refresh(&Tokens { refresh: Some(text.to_owned()), ..tokens.clone() }).await, "garbage");
    }
    Tokens::of(&app.refresh(&tokens).await);
    app.finish().await;
}

/// T047
#[tokio::test(flavor = "multi_thread")]
async fn a_confidential_apps_token_needs_its_proof() {
    let app = App::start().await;
    let options = AuthorizeOptions::new(&app, "alice", SCOPE).with("client_id", Some("server-app"));
    let code = app.code(&options).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
    ];
    let proof = || basic("server-app", &app.client_secret);
    let tokens = Tokens::of(&app.token(&form, proof()).await);
    let without = app.refresh_with(&tokens, &[("client_id", "server-app")], HeaderMap::new()).await;
    assert_eq!((without.status, without.json()["error"].as_str()), (StatusCode::UNAUTHORIZED, Some("invalid_client")));
    Tokens::of(&app.refresh_with(&tokens, &[], proof()).await);
    app.finish().await;
}

/// T047
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_lives_three_months_from_its_last_refresh() {
    let app = App::start().await;
    let clock = Clock::fixed(Clock::System.now());
    let inside = app.inside(&clock, [].into()).await;
    let mut tokens = inside.sign_in("alice", SCOPE).await;
    for _ in 0..2 {
        clock.advance(92 * DAY);
        assert_eq!(inside.fhir(&tokens, "Patient/alice").await.status, StatusCode::UNAUTHORIZED, "an hour is over");
        tokens = Tokens::of(&inside.refresh(&tokens).await);
        assert_eq!(inside.fhir(&tokens, "Patient/alice").await.status, StatusCode::OK);
    }
    clock.advance(94 * DAY);
    assert_dead(&inside.refresh(&tokens).await, "it was unused for three months");
    assert!(!app.stored("refresh").await.is_empty(), "though its row is still there");
    app.finish().await;
}

/// T047
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_may_ask_for_less_and_never_for_more() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", SCOPE).await;
    let ask = async |tokens: &Tokens, scope: &str| {
        app.refresh_with(tokens, &[("client_id", "app"), ("scope", scope)], HeaderMap::new()).await
    };
    for wider in
        ["patient/*.rs", "patient/Coverage.rs patient/Observation.rs", "user/Coverage.rs", "openid", "bad\"scope"]
    {
        let reply = ask(&tokens, wider).await;
        assert_eq!(
            (reply.status, reply.json()["error"].as_str()),
            (StatusCode::BAD_REQUEST, Some("invalid_scope")),
            "{wider}"
        );
    }
    let less = Tokens::of(&ask(&tokens, "patient/Coverage.rs").await);
    assert_eq!(less.answer["scope"], "patient/Coverage.rs");
    assert_eq!(app.fhir(&less, "Patient/alice").await.status, StatusCode::FORBIDDEN);
    assert_eq!(app.fhir(&less, "Coverage").await.matches().len(), 2);
    let all = Tokens::of(&app.refresh(&less).await);
    assert_eq!(all.answer["scope"], SCOPE, "the grant itself did not shrink");
    assert_eq!(app.fhir(&all, "Patient/alice").await.status, StatusCode::OK);
    app.finish().await;
}

/// T047b
#[tokio::test(flavor = "multi_thread")]
async fn without_offline_access_there_is_no_refresh_token() {
    let app = App::start().await;
    assert!(app.sign_in("alice", "patient/*.rs openid").await.refresh.is_none(), "it was not asked for");
    let mut options = AuthorizeOptions::new(&app, "alice", "patient/Coverage.rs offline_access");
    options.ticked = Some(vec!["patient/Coverage.rs".into()]);
    let tokens = Tokens::of(&app.exchange(&app.code(&options).await).await);
    assert!(tokens.refresh.is_none() && tokens.answer["scope"] == "patient/Coverage.rs", "the member did not allow it");
    let bare = Client { scope: Some("patient/*.rs".into()), ..app_named("bare") };
    app.register(&bare).await;
    let options = AuthorizeOptions::new(&app, "alice", "patient/*.rs offline_access").with("client_id", Some("bare"));
    let code = app.code(&options).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", REDIRECT_URI),
        ("client_id", "bare"),
        ("code_verifier", VERIFIER),
    ];
    assert!(Tokens::of(&app.token(&form, HeaderMap::new()).await).refresh.is_none(), "the app may not have it");
    app.finish().await;
}
