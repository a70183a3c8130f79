//! The exchange of a code for tokens: by whom, how often, for how long, and with which result.

use http::{HeaderMap, Request, StatusCode};
use shared::clock::Clock;
use shared::oauth::client::Client;
use tests::{App, AuthorizeOptions, REDIRECT_URI, Tokens, VERIFIER, app_named, basic, claims_of};

const FORM: &str = "application/x-www-form-urlencoded";
const SCOPE: &str = "patient/*.rs openid fhirUser offline_access";

/// The form of a good exchange by the public app, with one parameter changed, or left out.
fn form<'a>(code: &'a str, name: &str, value: Option<&'a str>) -> Vec<(&'static str, &'a str)> {
    let good = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT_URI),
        ("client_id", "app"),
        ("code_verifier", VERIFIER),
    ];
    let changed = good.into_iter().filter_map(|(key, old)| Some((key, if key == name { value? } else { old })));
    changed.collect()
}

/// T033
#[tokio::test(flavor = "multi_thread")]
async fn the_token_endpoint_takes_a_posted_form_and_nothing_else() {
    let app = App::start().await;
    let code = app.code(&AuthorizeOptions::new(&app, "alice", SCOPE)).await;
    let good = form_urlencoded::Serializer::new(String::new()).extend_pairs(form(&code, "", None)).finish();
    let url = format!("{}/oauth2/token", app.url());
    let got = app.get(&format!("/oauth2/token?{good}")).await;
    assert_eq!((got.status, got.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST"));
    let as_json = format!(r#"{{"grant_type":"authorization_code","code":"{code}","client_id":"app"}}"#);
    let twice = |name: &str, value: &str| format!("{good}&{name}={value}");
    for (what, media_type, body) in [
        ("a JSON body", Some("application/json"), as_json),
        ("no content type", None, good.clone()),
        ("text", Some("text/plain"), good.clone()),
        ("grant_type twice", Some(FORM), twice("grant_type", "authorization_code")),
        ("another grant_type", Some(FORM), twice("grant_type", "refresh_token")),
        ("code twice", Some(FORM), twice("code", &code)),
        ("client_id twice", Some(FORM), twice("client_id", "app")),
        ("code_verifier twice", Some(FORM), twice("code_verifier", VERIFIER)),
        ("redirect_uri twice", Some(FORM), twice("redirect_uri", REDIRECT_URI)),
        ("an empty body", Some(FORM), String::new()),
    ] {
        let mut request = Request::post(&url);
        if let Some(media_type) = media_type {
            request = request.header("content-type", media_type);
        }
        let reply = app.send(request.body(body).unwrap()).await;
        assert_eq!(
            (reply.status, reply.json()["error"].as_str()),
            (StatusCode::BAD_REQUEST, Some("invalid_request")),
            "{what}"
        );
        assert_eq!(reply.header("cache-control"), "no-store", "{what}");
    }
    let in_query = app.post(&format!("/oauth2/token?{good}"), &[], HeaderMap::new()).await;
    assert_eq!(in_query.json()["error"], "invalid_request", "the query does not count");
    assert_eq!(app.exchange(&code).await.status, StatusCode::OK, "all that cost the app nothing");
    app.finish().await;
}

/// RFC 6749 §3.2: "Parameters … MUST NOT be included more than once", whether or not the server knows them.
#[tokio::test(flavor = "multi_thread")]
async fn a_form_may_hold_no_parameter_twice_known_or_not() {
    let app = App::start().await;
    let code = app.code(&AuthorizeOptions::new(&app, "alice", SCOPE)).await;
    let mut twice = form(&code, "", None);
    twice.extend([("colour", "red"), ("colour", "red")]);
    assert_eq!(app.token(&twice, HeaderMap::new()).await.json()["error"], "invalid_request");
    assert_eq!(app.exchange(&code).await.status, StatusCode::OK);
    app.finish().await;
}

/// T035
#[tokio::test(flavor = "multi_thread")]
async fn reused_code_revokes_the_grant() {
    let app = App::start().await;
    let code = app.code(&AuthorizeOptions::new(&app, "alice", SCOPE)).await;
    let tokens = Tokens::of(&app.exchange(&code).await);
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::OK);
    let again = app.exchange(&code).await;
    assert_eq!((again.status, again.json()["error"].as_str()), (StatusCode::BAD_REQUEST, Some("invalid_grant")));
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::UNAUTHORIZED, "felt by the next request");
    assert_eq!(app.refresh(&tokens).await.json()["error"], "invalid_grant");
    app.finish().await;
}

/// T036
#[tokio::test(flavor = "multi_thread")]
async fn two_exchanges_of_one_code_have_one_winner_and_the_double_use_ends_its_tokens() {
    let app = App::start().await;
    for _ in 0..4 {
        let code = app.code(&AuthorizeOptions::new(&app, "alice", SCOPE)).await;
        let (one, two) = tokio::join!(app.exchange(&code), app.exchange(&code));
        let (won, lost): (Vec<_>, Vec<_>) = [one, two].into_iter().partition(|reply| reply.status == StatusCode::OK);
        assert_eq!((won.len(), lost.len()), (1, 1), "{won:?} {lost:?}");
        assert_eq!(lost[0].json()["error"], "invalid_grant");
        let tokens = Tokens::of(&won[0]);
        assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(app.refresh(&tokens).await.json()["error"], "invalid_grant");
    }
    assert_eq!(app.stored("grant").await.len(), 4, "one for each code");
    app.finish().await;
}

/// T037
#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_worth_nothing_to_another_app_and_not_lost_to_its_own() {
    let app = App::start().await;
    app.register(&app_named("other")).await;
    let code = app.code(&AuthorizeOptions::new(&app, "alice", SCOPE)).await;
    let by_public = app.token(&form(&code, "client_id", Some("other")), HeaderMap::new()).await;
    let proof = basic("server-app", &app.client_secret);
    let by_confidential = app.token(&form(&code, "client_id", None), proof).await;
    for reply in [by_public, by_confidential] {
        assert_eq!((reply.status, reply.json()["error"].as_str()), (StatusCode::BAD_REQUEST, Some("invalid_grant")));
    }
    let tokens = Tokens::of(&app.exchange(&code).await);
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::OK);
    app.answered("POST /oauth2/token", 200, 1).await;
    let warnings = app.logs().iter().filter(|line| line.contains("issued to another client")).count();
    assert_eq!(warnings, 2, "the operator is warned");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_needs_the_address_it_was_sent_to_and_the_secret_behind_its_challenge() {
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let app = App::start().await;
    let code = app.code(&AuthorizeOptions::new(&app, "alice", SCOPE)).await;
    let (short, long) = ("a".repeat(42), "a".repeat(129));
    let (bad, other) = (VERIFIER.replace('j', "!"), "a".repeat(43));
    let padded = format!("{VERIFIER}=");
    let invalid: &[&str] = &["invalid_grant"];
    let missing: &[&str] = &["invalid_request"];
    for (row, name, value, errors) in [
        ("T038", "redirect_uri", Some("https://app.example/other"), invalid),
        ("T038", "redirect_uri", Some("https://app.example/callback/"), invalid),
        ("T038", "redirect_uri", Some(""), missing),
        ("T038", "redirect_uri", None, missing),
        ("T039", "code_verifier", None, missing),
        ("T039", "code_verifier", Some(""), missing),
        ("T039", "code_verifier", Some(CHALLENGE), invalid),
        ("T039", "code_verifier", Some(&other), invalid),
        ("T039", "code_verifier", Some(&short), invalid),
        ("T039", "code_verifier", Some(&long), invalid),
        ("T039", "code_verifier", Some(&bad), invalid),
        ("T039", "code_verifier", Some(&padded), invalid),
        ("", "code", Some("no-such-code"), invalid),
        ("", "code", Some(""), missing),
        ("", "code", None, missing),
    ] {
        let reply = app.token(&form(&code, name, value), HeaderMap::new()).await;
        let error = reply.json()["error"].as_str().unwrap_or_default().to_owned();
        assert!(
            reply.status == StatusCode::BAD_REQUEST && errors.contains(&&*error),
            "{row} {name}={value:?}: {error}"
        );
        let told = reply.json()["error_description"].as_str().unwrap().to_owned();
        assert!(told.contains(name) && (errors != missing || told.contains("is missing")), "{name}={value:?}: {told}");
    }
    assert!(app.stored("grant").await.is_empty());
    assert_eq!(app.exchange(&code).await.status, StatusCode::OK, "the failures cost the app nothing");
    app.finish().await;
}

/// T040
#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_for_a_minute_even_where_its_row_is_still_there() {
    let app = App::start().await;
    let clock = Clock::fixed(Clock::System.now());
    let inside = app.inside(&clock, [].into()).await;
    let options = AuthorizeOptions::new(&inside, "alice", SCOPE);
    let late = inside.code(&options).await;
    clock.advance(1);
    let just = inside.code(&options).await;
    clock.advance(59);
    let reply = inside.exchange(&late).await;
    assert_eq!((reply.status, reply.json()["error"].as_str()), (StatusCode::BAD_REQUEST, Some("invalid_grant")));
    assert_eq!(inside.exchange(&just).await.status, StatusCode::OK);
    assert_eq!(app.stored("code").await.len(), 2, "DynamoDB deletes rows days late");
    app.finish().await;
}

/// T041
#[tokio::test(flavor = "multi_thread")]
async fn an_app_or_member_stopped_after_the_consent_gets_no_token() {
    let app = App::start().await;
    let options = AuthorizeOptions::new(&app, "alice", SCOPE);
    let (one, two) = (app.code(&options).await, app.code(&options).await);
    app.change::<Client>("app", |client| client.disabled = true).await;
    let reply = app.exchange(&one).await;
    assert_eq!((reply.status, reply.json()["error"].as_str()), (StatusCode::UNAUTHORIZED, Some("invalid_client")));
    app.change::<Client>("app", |client| client.disabled = false).await;
    app.change_person("alice", |member| member.disabled = true).await;
    let reply = app.exchange(&two).await;
    assert_eq!((reply.status, reply.json()["error"].as_str()), (StatusCode::BAD_REQUEST, Some("invalid_grant")));
    assert!(app.stored("grant").await.is_empty());
    app.finish().await;
}

/// T042
#[tokio::test(flavor = "multi_thread")]
async fn a_good_exchange_gives_what_smart_and_openid_promise() {
    let app = App::start().await;
    let nonce = "n-0S6_\"& ünï ☃";
    let options = AuthorizeOptions::new(&app, "alice", SCOPE).with("nonce", Some(nonce));
    let before = Clock::System.now().seconds();
    let reply = app.exchange(&app.code(&options).await).await;
    let after = Clock::System.now().seconds();
    assert_eq!((reply.header("cache-control"), reply.header("pragma")), ("no-store", "no-cache"));
    assert_eq!(reply.header("content-type"), "application/json");
    let tokens = Tokens::of(&reply);
    assert_eq!(tokens.answer["token_type"], "Bearer");
    assert_eq!(tokens.answer["scope"], SCOPE);
    assert_eq!(tokens.answer["patient"], "alice");
    assert!(tokens.answer["expires_in"].as_i64().is_some_and(|seconds| (1..=3600).contains(&seconds)));
    assert!(tokens.refresh.is_some());
    let id = claims_of(tokens.answer["id_token"].as_str().unwrap());
    assert_eq!(
        (id["iss"].as_str(), id["aud"].as_str(), id["sub"].as_str()),
        (Some(app.url()), Some("app"), Some("alice"))
    );
    assert_eq!(id["nonce"], nonce);
    assert_eq!(id["fhirUser"], format!("{}/fhir/Patient/alice", app.url()));
    let now = before..=after;
    assert!(now.contains(&id["iat"].as_i64().unwrap()) && now.contains(&id["auth_time"].as_i64().unwrap()), "{id}");
    assert!(id["exp"].as_i64().unwrap() > after);
    app.finish().await;
}
