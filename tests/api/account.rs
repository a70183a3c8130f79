//! The account page: a member sees the apps that they let in, and stops them at once (T047d).

use http::{HeaderMap, StatusCode};
use tests::{App, AuthorizeOptions, Tokens};

async fn refresh(app: &App, tokens: &Tokens) -> StatusCode {
    let token = tokens.refresh.as_deref().unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "app")];
    app.token(&form, HeaderMap::new()).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_sees_each_connected_app_once_with_what_it_may_see() {
    let app = App::start().await;
    let empty = app.account("alice").await;
    assert!(empty.page.body.contains("No app can see your health record"), "{}", empty.page.body);
    app.sign_in("alice", "patient/Coverage.rs offline_access").await;
    app.sign_in("alice", "patient/Observation.rs offline_access").await;
    app.sign_in("bob", "patient/Claim.rs offline_access").await;
    let page = app.account("alice").await.page.body;
    assert_eq!(page.matches("name=\"stop\"").count(), 1, "{page}");
    for words in ["Test &#60;App&#62;", "Your insurance coverage", "Lab results", "while you are not using"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("Claims"), "alice's page shows nothing of bob's apps: {page}");
    app.finish().await;
}

/// T047d
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_app_feels_it_with_its_next_request_on_every_device() {
    let app = App::start().await;
    let scope = "patient/*.rs offline_access";
    let (phone, tablet) = (app.sign_in("alice", scope).await, app.sign_in("alice", scope).await);
    let other = app.sign_in("bob", scope).await;
    assert_eq!(app.fhir(&phone, "Patient/alice").await.status, StatusCode::OK);
    let mut browser = app.account("alice").await;
    app.press(&mut browser, ("stop", "app")).await;
    assert!(browser.page.body.contains("Done") && browser.page.body.contains("No app can see"), "{:?}", browser.page);
    for tokens in [&phone, &tablet] {
        assert_eq!(app.fhir(tokens, "Patient/alice").await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(refresh(&app, tokens).await, StatusCode::BAD_REQUEST);
    }
    assert_eq!(app.fhir(&other, "Patient/bob").await.status, StatusCode::OK, "bob stopped nothing");
    let stops = app.audit("Patient/alice").await.into_iter().filter(|record| record["action"] == "stop").count();
    assert_eq!(stops, 2, "each grant's end is on record");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_apps_are_stopped_with_one_button() {
    let app = App::start().await;
    let first = app.sign_in("alice", "patient/*.rs").await;
    let options = AuthorizeOptions::new(&app, "alice", "patient/*.rs").with("client_id", Some("server-app"));
    let code = app.authorize(&options).await.redirected("code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", tests::REDIRECT_URI),
        ("code_verifier", tests::VERIFIER),
    ];
    let second = Tokens::of(&app.token(&form, tests::basic("server-app", &app.client_secret)).await);
    let mut browser = app.account("alice").await;
    app.press(&mut browser, ("do", "stop-all")).await;
    for tokens in [&first, &second] {
        assert_eq!(app.fhir(tokens, "Patient/alice").await.status, StatusCode::UNAUTHORIZED);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_names_only_what_is_the_members_own() {
    let app = App::start().await;
    let bobs = app.sign_in("bob", "patient/*.rs").await;
    let mut browser = app.account("alice").await;
    app.press(&mut browser, ("stop", "app")).await;
    app.press(&mut browser, ("do", "stop-all")).await;
    assert_eq!(app.fhir(&bobs, "Patient/bob").await.status, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_from_another_site_or_without_its_token_stops_nothing() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let browser = app.account("alice").await;
    let stranger = app.account("bob").await;
    let csrf = browser.page.field("csrf");
    let mut foreign = browser.cookies.headers();
    foreign.insert("sec-fetch-site", "cross-site".parse().unwrap());
    for (csrf, headers) in [
        ("", browser.cookies.headers()),
        ("wrong", browser.cookies.headers()),
        (&stranger.page.field("csrf"), browser.cookies.headers()),
        (&csrf, foreign),
        (&csrf, HeaderMap::new()),
    ] {
        let reply = app.post("/account", &[("csrf", csrf), ("do", "stop-all")], headers).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{reply:?}");
    }
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_session_and_signing_in_again_ends_the_one_before() {
    let app = App::start().await;
    let mut browser = app.account("alice").await;
    let before = browser.cookies.headers();
    app.press(&mut browser, ("do", "sign-out")).await;
    assert!(browser.page.body.contains("name=\"password\""), "signing out leads to the sign-in page");
    assert_eq!(app.get_with("/account", before).await.status, StatusCode::SEE_OTHER, "the old cookie is worth nothing");

    let mut browser = app.account("alice").await;
    let before = browser.cookies.headers();
    browser.page = app.get_with("/login", before.clone()).await;
    let again = app.log_in(&browser, "alice", &tests::fixtures::password("alice")).await;
    app.follow(&mut browser, &again).await;
    assert_eq!(browser.page.status, StatusCode::OK);
    assert_eq!(app.get_with("/account", before).await.status, StatusCode::SEE_OTHER);
    app.finish().await;
}

/// T047d
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_or_a_stopped_member_ends_every_permission_and_every_sign_in() {
    let app = App::start().await;
    for stop in [false, true] {
        let tokens = app.sign_in("alice", "patient/*.rs offline_access").await;
        let code =
            app.authorize(&AuthorizeOptions::new(&app, "alice", "patient/*.rs")).await.redirected("code").unwrap();
        if stop {
            app.operate(&["member", "disable", "--username", "alice"]).await.unwrap();
        } else {
            let password = tests::fixtures::password("alice");
            app.operate(&["member", "password", "--username", "alice", "--password", &password]).await.unwrap();
        }
        assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(refresh(&app, &tokens).await, StatusCode::BAD_REQUEST);
        assert_eq!(app.exchange(&code).await.json()["error"], "invalid_grant", "an earlier sign-in no longer counts");
    }
    assert_eq!(app.account("alice").await.page.status, StatusCode::UNAUTHORIZED);
    app.operate(&["member", "enable", "--username", "alice"]).await.unwrap();
    assert_eq!(app.account("alice").await.page.status, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_has_no_script_and_no_frame_around_it() {
    let app = App::start().await;
    let page = app.account("alice").await.page;
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
    assert_eq!((page.header("x-frame-options"), page.header("cache-control")), ("DENY", "no-store"));
    assert!(!page.body.contains("<script"));
    app.finish().await;
}
