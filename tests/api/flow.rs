//! From authorization to a refreshed token, as a client goes; and what it is told where it goes wrong.

use http::{HeaderMap, StatusCode};
use tests::{App, AuthorizeOptions, Browser, REDIRECT_URI, Reply, Tokens, VERIFIER, basic};

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
async fn every_answer_to_the_app_carries_state_and_issuer_and_the_state_byte_for_byte() {
    let app = App::start().await;
    let good = AuthorizeOptions::new(&app, "alice", "patient/*.rs");
    let allowed = app.authorize(&good).await;
    assert_eq!(allowed.status, StatusCode::SEE_OTHER);
    let refused = app.authorize(&good.clone().with("response_type", Some("token"))).await;
    for reply in [allowed, refused] {
        assert!(reply.header("location").starts_with(REDIRECT_URI));
        assert_eq!(reply.redirected("state").as_deref(), Some("st&te=1 %"));
        assert_eq!(reply.redirected("iss").as_deref(), Some(app.url()));
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_app_or_address_is_told_to_the_member_and_never_redirected() {
    let app = App::start().await;
    let good = AuthorizeOptions::new(&app, "alice", "patient/*.rs");
    for bad in [
        good.clone().with("client_id", Some("nobody")),
        good.clone().with("client_id", None),
        good.clone().with("redirect_uri", None),
        good.clone().with("redirect_uri", Some("https://evil.example/callback")),
        good.clone().with("redirect_uri", Some("https://app.example/callback/")),
        good.clone().with("redirect_uri", Some("https://app.example@evil.example/callback")),
    ] {
        let reply = app.authorize(&bad).await;
        assert_eq!((reply.status, reply.header("location")), (StatusCode::BAD_REQUEST, ""), "{bad:?}");
        assert!(reply.header("content-type").starts_with("text/html"));
        assert!(reply.header("content-security-policy").contains("default-src 'none'"));
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_breaks_a_rule_goes_back_to_the_app_with_its_name() {
    let app = App::start().await;
    let good = AuthorizeOptions::new(&app, "alice", "patient/*.rs");
    for (name, value, error, word) in [
        ("response_type", None, "invalid_request", "response_type"),
        ("response_type", Some("code token"), "unsupported_response_type", "code"),
        ("state", None, "invalid_request", "state"),
        ("aud", None, "invalid_request", "aud"),
        ("aud", Some("https://other.example/fhir"), "invalid_request", "aud"),
        ("code_challenge", None, "invalid_request", "code_challenge"),
        ("code_challenge", Some("short"), "invalid_request", "code_challenge"),
        ("code_challenge_method", Some("plain"), "invalid_request", "S256"),
        ("code_challenge_method", None, "invalid_request", "S256"),
        ("scope", Some("system/*.rs nonsense"), "invalid_scope", "scope"),
        ("scope", Some("bad\"scope"), "invalid_scope", "scope"),
        ("request_uri", Some("https://evil.example/x"), "request_uri_not_supported", "request_uri"),
        ("prompt", Some("none"), "login_required", "signed in"),
        ("max_age", Some("-1"), "invalid_request", "max_age"),
    ] {
        let reply = app.authorize(&good.clone().with(name, value)).await;
        assert_eq!(reply.redirected("error").as_deref(), Some(error), "{name}={value:?}: {reply:?}");
        assert!(reply.redirected("error_description").unwrap().contains(word), "{name}={value:?}: {reply:?}");
    }
    let mut twice = good.clone();
    twice.parameters.push(("scope".into(), "openid".into()));
    assert_eq!(app.authorize(&twice).await.redirected("error").as_deref(), Some("invalid_request"));
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

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_name_look_alike_and_give_nothing() {
    let app = App::start().await;
    let browser = app.browse(&AuthorizeOptions::new(&app, "alice", "patient/*.rs")).await.unwrap();
    let unknown = app.log_in(&browser, "nobody", "a wrong password").await;
    let known = app.log_in(&browser, "alice", "a wrong password").await;
    assert_eq!((unknown.status, known.status), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
    let names = |reply: &Reply| reply.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&unknown), names(&known));
    // What differs is the name in its field, as it was typed.
    assert_eq!(unknown.body.replace("value=\"nobody\"", "value=\"alice\""), known.body);
    let records = app.audit("user/nobody").await;
    assert_eq!((records.len(), records[0]["outcome"].as_str()), (1, "failed"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_another_site_sends_does_nothing() {
    let app = App::start().await;
    let good = AuthorizeOptions::new(&app, "alice", "patient/*.rs");
    let Browser { cookies, page } = app.browse(&good).await.unwrap();
    let (request, csrf) = (page.field("request"), page.field("csrf"));
    let password = tests::fixtures::password("alice");
    let form = |csrf: &'_ str| {
        [
            ("request", request.clone()),
            ("csrf", csrf.to_owned()),
            ("username", "alice".into()),
            ("password", password.clone()),
        ]
    };
    let send = async |csrf: &str, headers: HeaderMap| {
        let form = form(csrf);
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        app.post("/login", &form, headers).await.status
    };
    assert_eq!(send("", cookies.headers()).await, StatusCode::FORBIDDEN);
    let mut foreign = cookies.headers();
    foreign.insert("sec-fetch-site", "cross-site".parse().unwrap());
    assert_eq!(send(&csrf, foreign).await, StatusCode::FORBIDDEN);
    let mut foreign = cookies.headers();
    foreign.remove("sec-fetch-site");
    foreign.insert("origin", "https://evil.example".parse().unwrap());
    assert_eq!(send(&csrf, foreign).await, StatusCode::FORBIDDEN);
    assert_eq!(send(&csrf, HeaderMap::new()).await, StatusCode::FORBIDDEN, "another browser has no cookie");
    assert_eq!(send(&csrf, cookies.headers()).await, StatusCode::SEE_OTHER);
    app.finish().await;
}

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
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_for_the_app_that_asked_and_nobody_else() {
    let app = App::start().await;
    let code = app.authorize(&AuthorizeOptions::new(&app, "alice", "patient/*.rs")).await.redirected("code").unwrap();
    let good = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", REDIRECT_URI),
        ("client_id", "app"),
        ("code_verifier", VERIFIER),
    ];
    let with = |name: &str, value: &'static str| -> Vec<(&str, &str)> {
        good.iter()
            .map(|(key, old)| (*key, if *key == name { value } else { *old }))
            .filter(|(_, v)| !v.is_empty())
            .collect()
    };
    for (form, error) in [
        (with("code_verifier", ""), "invalid_grant"),
        (with("code_verifier", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), "invalid_grant"),
        (with("redirect_uri", "https://app.example/other"), "invalid_grant"),
        (with("code", "no-such-code"), "invalid_grant"),
        (with("code", ""), "invalid_request"),
        (with("client_id", "nobody"), "invalid_client"),
        (with("client_id", "server-app"), "invalid_client"),
        (with("grant_type", "password"), "unsupported_grant_type"),
        (with("grant_type", ""), "invalid_request"),
    ] {
        let reply = app.token(&form, HeaderMap::new()).await;
        assert_eq!(reply.json()["error"], error, "{form:?}");
        assert!(!reply.json()["error_description"].as_str().unwrap().is_empty());
    }
    let by_another = app.token(&with("client_id", "")[..], basic("server-app", &app.client_secret)).await;
    assert_eq!(by_another.json()["error"], "invalid_grant");
    let tokens = Tokens::of(&app.token(&good, HeaderMap::new()).await);
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::OK, "the failures cost the app nothing");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reused_code_revokes_the_grant() {
    let app = App::start().await;
    let options = AuthorizeOptions::new(&app, "alice", "patient/*.rs offline_access");
    let code = app.authorize(&options).await.redirected("code").unwrap();
    let tokens = Tokens::of(&app.exchange(&code).await);
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::OK);
    assert_eq!(app.exchange(&code).await.json()["error"], "invalid_grant");
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::UNAUTHORIZED, "felt by the next request");
    assert_eq!(refresh(&app, &tokens).await.json()["error"], "invalid_grant");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_exchanges_of_one_code_at_most_one_family_lives() {
    let app = App::start().await;
    let code = app.authorize(&AuthorizeOptions::new(&app, "alice", "patient/*.rs")).await.redirected("code").unwrap();
    let (one, two) = tokio::join!(app.exchange(&code), app.exchange(&code));
    let given: Vec<_> = [one, two].into_iter().filter(|reply| reply.status == StatusCode::OK).collect();
    assert!(given.len() <= 1);
    app.finish().await;
}

async fn refresh(app: &App, tokens: &Tokens) -> Reply {
    let token = tokens.refresh.as_deref().unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "app")];
    app.token(&form, HeaderMap::new()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_gives_new_tokens_and_a_retry_after_a_lost_answer_does_too() {
    let app = App::start().await;
    let first = app.sign_in("alice", GUIDES_SCOPE).await;
    let lost = Tokens::of(&refresh(&app, &first).await);
    let second = Tokens::of(&refresh(&app, &first).await);
    assert_ne!(lost.refresh, second.refresh);
    assert_eq!(second.answer["scope"], GUIDES_SCOPE);
    assert_eq!(app.fhir(&second, "Patient/alice").await.status, StatusCode::OK);
    let third = Tokens::of(&refresh(&app, &second).await);
    assert_eq!(
        refresh(&app, &lost).await.json()["error"],
        "invalid_grant",
        "the lost token is dead, and its use ends the grant"
    );
    assert_eq!(refresh(&app, &third).await.json()["error"], "invalid_grant");
    assert_eq!(app.fhir(&third, "Patient/alice").await.status, StatusCode::UNAUTHORIZED);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_may_ask_for_less_and_never_for_more() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/Coverage.rs patient/Patient.rs offline_access").await;
    let ask = async |tokens: &Tokens, scope: &str| {
        let token = tokens.refresh.as_deref().unwrap();
        let form = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "app"), ("scope", scope)];
        app.token(&form, HeaderMap::new()).await
    };
    assert_eq!(ask(&tokens, "patient/*.rs").await.json()["error"], "invalid_scope");
    let less = Tokens::of(&ask(&tokens, "patient/Coverage.rs").await);
    assert_eq!(app.fhir(&less, "Patient/alice").await.status, StatusCode::FORBIDDEN);
    assert_eq!(app.fhir(&less, "Coverage").await.matches().len(), 2);
    let all = Tokens::of(&refresh(&app, &less).await);
    assert_eq!(
        all.answer["scope"], "patient/Coverage.rs patient/Patient.rs offline_access",
        "the grant itself did not shrink"
    );
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
    // Counting starts anew every quarter of an hour; this must not fall between two.
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
        "side by side they count as well: {statuses:?}"
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
async fn of_two_refreshes_at_once_both_get_tokens_and_one_end_lives() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", GUIDES_SCOPE).await;
    let (one, two) = tokio::join!(refresh(&app, &tokens), refresh(&app, &tokens));
    let (one, two) = (Tokens::of(&one), Tokens::of(&two));
    let alive = [refresh(&app, &one).await, refresh(&app, &two).await];
    assert!(alive.iter().filter(|reply| reply.status == StatusCode::OK).count() <= 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_far_too_long_is_refused_and_breaks_nothing() {
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
