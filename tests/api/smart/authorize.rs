//! SMART 2.2 "Obtain authorization code".

use http::{HeaderMap, StatusCode};
use tests::{App, AuthorizeOptions, REDIRECT_URI, VERIFIER};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_may_be_got_or_posted() {
    let app = App::start().await;
    let options = AuthorizeOptions::new(&app, "alice", "patient/*.rs");
    let form: Vec<(&str, &str)> = options.parameters.iter().map(|(name, value)| (&**name, &**value)).collect();
    let posted = app.post("/oauth2/authorize", &form, HeaderMap::new()).await;
    let got = app.get(&format!("/oauth2/authorize?{}", options.query())).await;
    for reply in [posted, got] {
        assert_eq!(reply.status, StatusCode::SEE_OTHER);
        assert!(reply.header("location").starts_with(&format!("{}/login?", app.url())), "{reply:?}");
    }
    let bad: Vec<(&str, &str)> = form.into_iter().filter(|(name, _)| *name != "aud").collect();
    let reply = app.post("/oauth2/authorize", &bad, HeaderMap::new()).await;
    assert_eq!(reply.redirected("error").as_deref(), Some("invalid_request"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn aud_is_this_fhir_base_with_or_without_a_slash_and_resource_means_the_same() {
    let app = App::start().await;
    let base = format!("{}/fhir", app.url());
    let options = AuthorizeOptions::new(&app, "alice", "patient/*.rs");
    for good in [
        options.clone(),
        options.clone().with("aud", Some(&format!("{base}/"))),
        options.clone().with("aud", None).with("resource", Some(&base)),
    ] {
        assert!(app.authorize(&good).await.redirected("code").is_some());
    }
    for bad in ["https://other.example/fhir", "", app.url()] {
        let reply = app.authorize(&options.clone().with("aud", Some(bad))).await;
        assert!(reply.redirected("code").is_none() && reply.redirected("error").is_some(), "{bad}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_gets_a_code_its_state_and_who_answers() {
    let app = App::start().await;
    let reply = app.authorize(&AuthorizeOptions::new(&app, "alice", "patient/*.rs")).await;
    assert!(reply.header("location").starts_with(&format!("{REDIRECT_URI}?")));
    assert!(reply.redirected("code").is_some_and(|code| code.len() >= 22));
    assert_eq!(reply.redirected("state").as_deref(), Some("st&te=1 %"));
    let document = app.get("/fhir/.well-known/smart-configuration").await.json();
    assert_eq!(reply.redirected("iss").as_deref(), document["issuer"].as_str());
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);
    app.finish().await;
}

/// The four launches of the ONC suite with a wrong verifier.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_verifier_there_is_no_token() {
    let app = App::start().await;
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    for verifier in [None, Some(""), Some("a-verifier-that-is-not-the-one-behind-the-challenge"), Some(challenge)] {
        let code = app.code(&AuthorizeOptions::new(&app, "alice", "patient/*.rs")).await;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", REDIRECT_URI),
            ("client_id", "app"),
        ];
        form.extend(verifier.map(|verifier| ("code_verifier", verifier)));
        let reply = app.token(&form, HeaderMap::new()).await;
        assert!(matches!(reply.status.as_u16(), 400 | 401), "{verifier:?}: {reply:?}");
        assert!(reply.json().get("access_token").is_none() && verifier != Some(VERIFIER));
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_member_sees_who_asks_for_what_and_whether_it_outlasts_the_visit() {
    let app = App::start().await;
    let scope = "patient/Coverage.rs patient/ExplanationOfBenefit.rs offline_access";
    let browser = app.signed_in(&AuthorizeOptions::new(&app, "alice", scope)).await;
    assert_eq!(browser.page.checkboxes(), scope.split(' ').collect::<Vec<_>>(), "each may be unticked");
    assert!(browser.page.body.contains("while you are not using the app"));
    let browser = app.signed_in(&AuthorizeOptions::new(&app, "alice", "patient/Coverage.rs")).await;
    assert!(!browser.page.body.contains("while you are not using the app"));
    let denied = app.consent(&browser, "deny").await;
    assert_eq!(denied.redirected("error").as_deref(), Some("access_denied"));
    app.finish().await;
}
