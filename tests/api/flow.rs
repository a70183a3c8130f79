//! The whole flow as a client goes through it, from authorization to the first claim, with the member's choice in
//! between; and the limits on guessing and on size.

use http::{HeaderMap, StatusCode};
use tests::{App, AuthorizeOptions, Browser, REDIRECT_URI, Tokens, VERIFIER, basic};

const GUIDES_SCOPE: &str =
    "patient/ExplanationOfBenefit.read patient/Coverage.read patient/Patient.read openid fhirUser offline_access";

#[tokio::test(flavor = "multi_thread")]
async fn a_guides_own_scope_string_gets_everything_it_asks_for() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", GUIDES_SCOPE).await;
    assert_eq!(tokens.patient, "alice");
    assert_eq!(tokens.answer["scope"], GUIDES_SCOPE);
    assert_eq!(tokens.answer["token_type"], "Bearer");
    assert_eq!(tokens.answer["expires_in"], 3600);
    assert!(tokens.answer["id_token"].is_string() && tokens.refresh.is_some());
    let claims = app.fhir(&tokens, "ExplanationOfBenefit?patient=alice&_count=20&_sort=-created").await;
    assert_eq!(claims.matches().len(), tests::fixtures::CLAIMS);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_scope_syntaxes_open_the_same_and_come_back_as_asked() {
    let app = App::start().await;
    for scope in ["patient/ExplanationOfBenefit.rs", "patient/ExplanationOfBenefit.read", "user/*.rs"] {
        let tokens = app.sign_in("alice", scope).await;
        assert_eq!(tokens.answer["scope"], scope);
        assert_eq!(app.fhir(&tokens, "ExplanationOfBenefit").await.matches().len(), tests::fixtures::CLAIMS, "{scope}");
        assert!(tokens.refresh.is_none() && tokens.answer.get("id_token").is_none());
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_gives_less_than_is_asked_and_the_answer_says_so() {
    let app = App::start().await;
    let mut options =
        AuthorizeOptions::new(&app, "alice", "openid patient/Coverage.rs patient/Patient.rs offline_access");
    options.ticked = Some(vec!["patient/Coverage.rs".into(), "patient/Observation.rs".into()]);
    let code = app.authorize(&options).await.redirected("code").unwrap();
    let tokens = Tokens::of(&app.exchange(&code).await);
    assert_eq!(tokens.answer["scope"], "openid patient/Coverage.rs");
    assert!(tokens.refresh.is_none());
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::FORBIDDEN);
    assert_eq!(app.fhir(&tokens, "Observation").await.status, StatusCode::FORBIDDEN);
    app.finish().await;
}

/// T027
#[tokio::test(flavor = "multi_thread")]
async fn refusing_sends_the_member_back_without_a_code() {
    let app = App::start().await;
    let good = AuthorizeOptions::new(&app, "alice", "patient/*.rs");
    let mut browser = app.browse(&good).await.unwrap();
    let signed_in = app.log_in(&browser, "alice", &tests::fixtures::password("alice")).await;
    app.follow(&mut browser, &signed_in).await;
    let Browser { cookies, page: consent } = browser;
    assert!(consent.body.contains("Test &#60;App&#62;"), "the app's name is escaped: {}", consent.body);
    assert!(consent.header("content-security-policy").contains("form-action 'self' https://app.example"));
    let form = [("request", &*consent.field("request")), ("csrf", &consent.field("csrf")), ("decision", "deny")];
    let reply = app.post("/consent", &form, cookies.headers()).await;
    assert_eq!(reply.redirected("error").as_deref(), Some("access_denied"));
    let again = app.post("/consent", &form, cookies.headers()).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST, "a second click finds the request decided");
    assert!(app.stored("code").await.is_empty() && app.stored("grant").await.is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confidential_app_proves_itself_by_basic_or_in_the_form() {
    let app = App::start().await;
    let secret = app.client_secret.clone();
    let code = async || {
        let options = AuthorizeOptions::new(&app, "alice", "patient/*.rs").with("client_id", Some("server-app"));
        app.authorize(&options).await.redirected("code").unwrap()
    };
    let form = |code: &str, more: &[(&'static str, String)]| -> Vec<(&'static str, String)> {
        let mut form = vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", REDIRECT_URI.to_owned()),
            ("code_verifier", VERIFIER.to_owned()),
        ];
        form.extend(more.iter().cloned());
        form
    };
    let ask = async |form: Vec<(&'static str, String)>, headers: HeaderMap| {
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        app.token(&form, headers).await
    };
    let one = code().await;
    let wrong = ask(form(&one, &[]), basic("server-app", "wrong-secret")).await;
    assert_eq!((wrong.status, wrong.json()["error"].as_str().unwrap()), (StatusCode::UNAUTHORIZED, "invalid_client"));
    assert!(wrong.header("www-authenticate").starts_with("Basic "));
    let both = ask(form(&one, &[("client_secret", secret.clone())]), basic("server-app", &secret)).await;
    assert_eq!(both.json()["error"], "invalid_client");
    Tokens::of(&ask(form(&one, &[]), basic("server-app", &secret)).await);
    let two = code().await;
    let in_form = [("client_id", "server-app".to_owned()), ("client_secret", secret)];
    Tokens::of(&ask(form(&two, &in_form), HeaderMap::new()).await);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_ends_after_ten_tries_for_the_name_and_for_nobody_else() {
    let app = App::start().await;
    let good = AuthorizeOptions::new(&app, "alice", "patient/*.rs");
    let browser = app.browse(&good).await.unwrap();
    let try_password = async |password: &str| app.log_in(&browser, "alice", password).await;
    // Counting starts anew every quarter of an hour. The tries must not fall into two of them.
    let into_window = shared::clock::Clock::System.now().seconds() % 900;
    if into_window > 880 {
        let rest = u64::try_from(900 - into_window).unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(rest)).await;
    }
    let all = ["wrong password"; 12].map(&try_password);
    let mut statuses = Vec::new();
    for reply in futures(all).await {
        statuses.push(reply.status.as_u16());
    }
    assert_eq!(
        statuses.iter().filter(|status| **status == 401).count(),
        10,
        "simultaneous tries count, too: {statuses:?}"
    );
    let right = try_password(&tests::fixtures::password("alice")).await;
    assert_eq!(right.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(right.header("retry-after").parse::<u32>().unwrap() <= 900);
    app.sign_in("bob", "patient/*.rs").await;
    app.finish().await;
}

/// Runs all at once.
async fn futures<F: Future>(all: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    futures_util::future::join_all(all).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_far_too_long_is_refused_and_breaks_nothing() {
    let app = App::start().await;
    let long = "x".repeat(5000);
    let good = AuthorizeOptions::new(&app, "alice", "patient/*.rs");
    for name in ["client_id", "state", "scope", "redirect_uri", "aud"] {
        let reply = app.authorize(&good.clone().with(name, Some(&long))).await;
        assert!(reply.status == StatusCode::BAD_REQUEST || reply.redirected("error").is_some(), "{name}: {reply:?}");
    }
    let form: Vec<(&str, &str)> = vec![("client_id", &long); 40];
    assert_eq!(app.post("/oauth2/authorize", &form, HeaderMap::new()).await.status, StatusCode::BAD_REQUEST);
    let form = [("grant_type", "authorization_code"), ("client_id", &*long), ("code", "x")];
    assert_eq!(app.token(&form, HeaderMap::new()).await.json()["error"], "invalid_client");
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let posted = app.fhir_post(&tokens, "Patient/_search", &[("name", &"%\"".repeat(1 << 18))]).await;
    assert_eq!(posted.status, StatusCode::BAD_REQUEST);
    assert!(posted.body.len() < 1000);
    app.finish().await;
}
