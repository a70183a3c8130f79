//! The authorize endpoint: which requests it takes, and who is told of a bad one. Until app and redirect URI are known
//! to be good the member is told on a page; from then on the app is.

use http::{HeaderMap, Request, StatusCode};
use shared::oauth::client::Client;
use tests::{App, AuthorizeOptions, REDIRECT_URI, Reply, app_named};

/// An error page for the member, without a redirect.
fn assert_page(reply: &Reply, what: &str) {
    assert_eq!((reply.status, reply.header("location")), (StatusCode::BAD_REQUEST, ""), "{what}: {}", reply.body);
    assert!(reply.header("content-type").starts_with("text/html"), "{what}");
    assert!(reply.header("content-security-policy").contains("default-src 'none'"), "{what}");
    assert!(!reply.body.contains("code="), "{what}");
}

/// An error for the app, with its state and our issuer (T020), as a 303 (T021).
fn assert_error(app: &App, reply: &Reply, error: &str, what: &str) {
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{what}: {reply:?}");
    assert!(reply.header("location").starts_with(REDIRECT_URI), "{what}: {reply:?}");
    assert_eq!(reply.redirected("error").as_deref(), Some(error), "{what}: {reply:?}");
    assert_eq!(reply.redirected("iss").as_deref(), Some(app.url()), "{what}: {reply:?}");
    assert!(reply.redirected("error_description").is_some_and(|text| !text.is_empty()), "{what}: {reply:?}");
    assert_eq!(reply.redirected("code"), None, "{what}");
}

/// T001
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_app_is_told_to_the_member_and_nothing_is_stored() {
    let app = App::start().await;
    app.register(&Client { disabled: true, ..app_named("stopped") }).await;
    let good = AuthorizeOptions::new(&app, "alice", "patient/*.rs");
    for client in [Some("nobody"), None, Some(""), Some("APP"), Some("app "), Some("app#"), Some("stopped")] {
        assert_page(&app.authorize(&good.clone().with("client_id", client)).await, &format!("{client:?}"));
    }
    assert!(app.stored("request").await.is_empty());
    app.finish().await;
}

/// T002 and T003
#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_uri_that_is_not_the_registered_one_to_the_byte_is_never_used() {
    let app = App::start().await;
    let good = AuthorizeOptions::new(&app, "alice", "patient/*.rs");
    for uri in [
        None,
        Some(""),
        Some("https://app.example/callback/"),
        Some("https://app.example/callback?x=1"),
        Some("https://app.example/callback#fragment"),
        Some("https://app.example/callback "),
        Some("https://app.example/Callback"),
        Some("https://APP.example/callback"),
        Some("HTTPS://app.example/callback"),
        Some("https://app.example/x/../callback"),
        Some("https://app.example/%63allback"),
        Some("https://app.example%2Fcallback"),
        Some("https://app.example/"),
        Some("https://app.example"),
        Some("https://app.example:443/callback"),
        Some("https://app.example:8443/callback"),
        Some("http://app.example/callback"),
        Some("https://app.example@evil.example/callback"),
        Some("https://user@app.example/callback"),
        Some("https://app.example.evil.example/callback"),
        Some("https://evil.example/callback"),
        Some("//app.example/callback"),
        Some("/callback"),
        Some("javascript:alert(1)"),
    ] {
        assert_page(&app.authorize(&good.clone().with("redirect_uri", uri)).await, &format!("{uri:?}"));
    }
    assert!(app.stored("request").await.is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_for_a_wrong_redirect_uri_shows_what_was_received_and_leads_nowhere() {
    let app = App::start().await;
    let good = AuthorizeOptions::new(&app, "alice", "patient/*.rs");
    let page = async |uri: &str| app.authorize(&good.clone().with("redirect_uri", Some(uri))).await.body;
    let body = page("https://app.example/callback/?a=1&b=<i>").await;
    assert!(body.contains("(redirect_uri): “https://app.example/callback/?a=1&#38;b=&#60;i&#62;”."), "{body}");
    assert!(!body.contains("<a ") && !body.contains("href"), "{body}");
    let long = format!("https://app.example/{}", "x".repeat(181));
    assert!(page(&long).await.contains(&format!("“{}…”", &long[..200])));
    assert!(page(&long[..200]).await.contains(&format!("“{}”", &long[..200])));
    let body = page("https://app.example/\u{202e}moc\u{200b}\n").await;
    assert!(body.contains("https://app.example/\\u{202e}moc\\u{200b}\\u{a}”"), "{body}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_without_a_value_is_as_if_it_was_left_out() {
    let app = App::start().await;
    let good = AuthorizeOptions::new(&app, "alice", "patient/*.rs");
    let names = ["max_age", "request", "request_uri", "registration", "prompt", "nonce", "login_hint", "resource"];
    let others = ["response_mode", "id_token_hint", "ui_locales", "claims", "acr_values", "display", "colour"];
    let mut all = good.clone();
    for name in names.into_iter().chain(others) {
        let reply = app.authorize(&good.clone().with(name, Some(""))).await;
        assert!(reply.redirected("code").is_some(), "{name}: {reply:?}");
        all.parameters.push((name.to_owned(), String::new()));
    }
    assert!(app.authorize(&all).await.redirected("code").is_some(), "all at once");
    // An empty one beside one with a value is no duplicate, wherever it stands and whatever it is called.
    for (name, _) in good.parameters.clone() {
        for place in [0, good.parameters.len()] {
            let mut options = good.clone();
            options.parameters.insert(place, (name.clone(), String::new()));
            assert!(app.authorize(&options).await.redirected("code").is_some(), "{name} at {place}");
        }
    }
    let mut moved = good.clone().with("aud", Some(""));
    moved.parameters.push(("resource".into(), format!("{}/fhir", app.url())));
    assert!(app.authorize(&moved).await.redirected("code").is_some(), "an empty aud leaves the word to resource");
    app.finish().await;
}

/// T004
#[tokio::test(flavor = "multi_thread")]
async fn a_native_app_comes_back_on_any_port_of_a_loopback_address_and_elsewhere_exactly() {
    let app = App::start().await;
    let uris = ["http://127.0.0.1:4000/cb", "http://[::1]:4000/cb", "http://localhost:3000/cb", "com.example.app:/cb"];
    app.register(&Client { redirect_uris: uris.map(str::to_owned).into(), ..app_named("native") }).await;
    let good = AuthorizeOptions::new(&app, "alice", "patient/*.rs").with("client_id", Some("native"));
    for uri in ["http://127.0.0.1:4000/cb", "http://127.0.0.1:51234/cb", "http://127.0.0.1/cb", "http://[::1]:51234/cb"]
        .into_iter()
        .chain(["http://localhost:3000/cb", "com.example.app:/cb"])
    {
        let reply = app.authorize(&good.clone().with("redirect_uri", Some(uri))).await;
        assert!(reply.header("location").starts_with(&format!("{uri}?code=")), "{uri}: {reply:?}");
    }
    for uri in [
        "http://localhost:3001/cb",
        "http://localhost/cb",
        "http://127.0.0.1:4000/other",
        "http://127.0.0.1:4000/cb/",
        "https://127.0.0.1:4000/cb",
        "http://127.0.0.2:4000/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://127.0.0.1:4000@evil.example/cb",
        "http://[::2]:4000/cb",
        "com.example.app://cb",
        "com.example.app:/cb2",
        "com.example.other:/cb",
    ] {
        assert_page(&app.authorize(&good.clone().with("redirect_uri", Some(uri))).await, uri);
    }
    app.finish().await;
}

/// T006
#[tokio::test(flavor = "multi_thread")]
async fn no_parameter_may_be_there_twice() {
    let app = App::start().await;
    let good = AuthorizeOptions::new(&app, "alice", "patient/*.rs");
    let twice = |name: &str, value: &str, first: bool| {
        let mut options = good.clone();
        let place = if first { 0 } else { options.parameters.len() };
        options.parameters.insert(place, (name.to_owned(), value.to_owned()));
        options
    };
    for (name, value) in [("redirect_uri", "https://evil.example/cb"), ("client_id", "server-app")] {
        for first in [true, false] {
            assert_page(&app.authorize(&twice(name, value, first)).await, name);
        }
    }
    for (name, value) in good.parameters.clone() {
        if name == "redirect_uri" || name == "client_id" {
            assert_page(&app.authorize(&twice(&name, &value, false)).await, &name);
        } else {
            assert_error(&app, &app.authorize(&twice(&name, &value, false)).await, "invalid_request", &name);
        }
    }
    let mut unknown = twice("colour", "red", true);
    unknown.parameters.push(("colour".into(), "red".into()));
    assert_error(&app, &app.authorize(&unknown).await, "invalid_request", "an unknown parameter twice");
    assert!(app.stored("request").await.is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_breaks_a_rule_goes_back_to_the_app_with_its_name() {
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let app = App::start().await;
    let good = AuthorizeOptions::new(&app, "alice", "patient/*.rs");
    let (short, long, padded) = (&CHALLENGE[1..], format!("{CHALLENGE}A"), format!("{CHALLENGE}="));
    let (plus, twice) = (CHALLENGE.replace('-', "+"), format!("{}/fhir/fhir", app.url()));
    let endless = "9".repeat(40);
    for (row, name, value, error) in [
        ("T007", "response_type", None, "invalid_request"),
        ("T007", "response_type", Some("token"), "unsupported_response_type"),
        ("T007", "response_type", Some("id_token"), "unsupported_response_type"),
        ("T007", "response_type", Some("code token"), "unsupported_response_type"),
        ("T007", "response_type", Some("code id_token"), "unsupported_response_type"),
        ("T007", "response_type", Some("CODE"), "unsupported_response_type"),
        ("", "response_mode", Some("form_post"), "invalid_request"),
        ("", "response_mode", Some("fragment"), "invalid_request"),
        ("", "response_mode", Some("query.jwt"), "invalid_request"),
        ("T008", "code_challenge", None, "invalid_request"),
        ("T008", "code_challenge", Some(""), "invalid_request"),
        ("T009", "code_challenge_method", None, "invalid_request"),
        ("T009", "code_challenge_method", Some("plain"), "invalid_request"),
        ("T009", "code_challenge_method", Some("s256"), "invalid_request"),
        ("T009", "code_challenge_method", Some("S512"), "invalid_request"),
        ("T010", "code_challenge", Some(short), "invalid_request"),
        ("T010", "code_challenge", Some(&long), "invalid_request"),
        ("T010", "code_challenge", Some(&padded), "invalid_request"),
        ("T010", "code_challenge", Some(&plus), "invalid_request"),
        ("T011", "aud", None, "invalid_request"),
        ("T011", "aud", Some(""), "invalid_request"),
        ("T011", "aud", Some("https://other.example/fhir"), "invalid_request"),
        ("T011", "aud", Some("https://other.example/fhir/"), "invalid_request"),
        ("T011", "aud", Some(app.url()), "invalid_request"),
        ("T011", "aud", Some(&twice), "invalid_request"),
        ("T011", "resource", Some("https://other.example/fhir"), "invalid_request"),
        ("T012", "state", None, "invalid_request"),
        ("T012", "state", Some(""), "invalid_request"),
        ("T013", "scope", None, "invalid_scope"),
        ("T013", "scope", Some(""), "invalid_scope"),
        ("T013", "scope", Some("bad\"scope"), "invalid_scope"),
        ("T013", "scope", Some("back\\slash"), "invalid_scope"),
        ("T013", "scope", Some("patient/*.rs  openid"), "invalid_scope"),
        ("T013", "scope", Some("patient/*.rs\u{1}"), "invalid_scope"),
        ("T013", "scope", Some("nonsense more/nonsense"), "invalid_scope"),
        ("T014", "scope", Some("system/*.rs system/Patient.read"), "invalid_scope"),
        ("T014", "scope", Some("patient/Claim.write patient/Claim.cud"), "invalid_scope"),
        ("T015", "prompt", Some("none"), "login_required"),
        ("T015", "prompt", Some("none login"), "invalid_request"),
        ("T016", "max_age", Some("-1"), "invalid_request"),
        ("T016", "max_age", Some("soon"), "invalid_request"),
        ("T016", "max_age", Some("1.5"), "invalid_request"),
        ("T016", "max_age", Some(&endless), "invalid_request"),
    ] {
        let what = format!("{row} {name}={value:?}");
        let reply = app.authorize(&good.clone().with(name, value)).await;
        assert_error(&app, &reply, error, &what);
        let state = if name == "state" { None } else { Some("st&te=1 %") };
        assert_eq!(reply.redirected("state").filter(|state| !state.is_empty()).as_deref(), state, "{what}");
    }
    assert!(app.stored("request").await.is_empty(), "nothing was stored for any of them");
    app.finish().await;
}

/// T012, T020 and T021
#[tokio::test(flavor = "multi_thread")]
async fn a_state_comes_back_byte_for_byte_with_a_code_and_with_an_error() {
    let app = App::start().await;
    let good = AuthorizeOptions::new(&app, "alice", "patient/*.rs");
    let long = "0123456789abcdef".repeat(64);
    for state in ["a", "a&b=c%20d+e", "ünï-cödé ☃ \u{10348}", "\"<>'\\", "a b\tc", &long] {
        let allowed = app.authorize(&good.clone().with("state", Some(state))).await;
        assert!(allowed.redirected("code").is_some(), "{allowed:?}");
        let refused = app.authorize(&good.clone().with("state", Some(state)).with("aud", None)).await;
        for reply in [allowed, refused] {
            assert_eq!(reply.status, StatusCode::SEE_OTHER);
            assert_eq!(reply.redirected("state").as_deref(), Some(state));
            assert_eq!(reply.redirected("iss").as_deref(), Some(app.url()));
        }
    }
    let smart = app.get("/fhir/.well-known/smart-configuration").await.json();
    assert_eq!(smart["issuer"], app.url(), "the iss of every answer is the issuer that is published");
    app.finish().await;
}

/// T014: the registered scopes, the requested ones, and those that the member is offered
#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_given_what_it_may_have_of_what_it_asks_for_and_only_to_read() {
    let app = App::start().await;
    let limited = Client { scope: Some("patient/Coverage.rs openid".into()), ..app_named("limited") };
    app.register(&limited).await;
    for (client, asked, granted) in [
        ("app", "patient/*.cruds", "patient/*.rs"),
        ("app", "user/*.*", "user/*.read"),
        ("app", "patient/Claim.write patient/Claim.read", "patient/Claim.read"),
        ("app", "system/*.rs patient/Claim.rs", "patient/Claim.rs"),
        ("app", "email profile patient/Claim.rs", "patient/Claim.rs"),
        (
            "limited",
            "patient/*.rs patient/Coverage.read openid fhirUser offline_access",
            "patient/Coverage.read openid",
        ),
        ("limited", "patient/Coverage.r", "patient/Coverage.r"),
    ] {
        let options = AuthorizeOptions::new(&app, "alice", asked).with("client_id", Some(client));
        let code = app.code(&options).await;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", REDIRECT_URI),
            ("client_id", client),
            ("code_verifier", tests::VERIFIER),
        ];
        assert_eq!(app.token(&form, HeaderMap::new()).await.json()["scope"], granted, "{client}: {asked}");
    }
    let none = AuthorizeOptions::new(&app, "alice", "patient/Claim.rs").with("client_id", Some("limited"));
    assert_error(&app, &app.authorize(&none).await, "invalid_scope", "it asked for no scope that it may have");
    app.finish().await;
}

/// T015 and T016
#[tokio::test(flavor = "multi_thread")]
async fn a_signed_in_member_is_asked_again_as_the_app_wishes() {
    let app = App::start().await;
    let good = AuthorizeOptions::new(&app, "alice", "patient/*.rs");
    let browser = app.signed_in(&good).await;
    let ask = async |name: &str, value: Option<&str>| {
        let query = good.clone().with(name, value).query();
        app.get_with(&format!("/oauth2/authorize?{query}"), browser.cookies.headers()).await
    };
    for (name, value, page) in [
        ("prompt", None, "/consent?"),
        ("prompt", Some("consent"), "/consent?"),
        ("prompt", Some("login"), "/login?"),
        ("prompt", Some("login consent"), "/login?"),
        ("prompt", Some("select_account"), "/login?"),
        ("max_age", Some("0"), "/login?"),
        ("max_age", Some("3600"), "/consent?"),
        ("max_age", Some("9223372036854775807"), "/consent?"),
    ] {
        let reply = ask(name, value).await;
        let location = reply.header("location");
        assert!(location.starts_with(&format!("{}{page}", app.url())), "{name}={value:?}: {location}");
    }
    assert_error(&app, &ask("prompt", Some("none")).await, "consent_required", "prompt=none with a session");
    app.finish().await;
}

/// T017
#[tokio::test(flavor = "multi_thread")]
async fn a_request_object_is_refused_and_never_fetched() {
    let app = App::start().await;
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/request.jwt", elsewhere.local_addr().unwrap());
    let good = AuthorizeOptions::new(&app, "alice", "patient/*.rs");
    for (name, value, error) in [
        ("request", "eyJhbGciOiJub25lIn0.e30.", "request_not_supported"),
        ("request_uri", &*url, "request_uri_not_supported"),
        ("registration", r#"{"jwks_uri":"https://evil.example"}"#, "registration_not_supported"),
    ] {
        assert_error(&app, &app.authorize(&good.clone().with(name, Some(value))).await, error, name);
    }
    elsewhere.set_nonblocking(true).unwrap();
    assert!(elsewhere.accept().is_err(), "nobody came to fetch it");
    app.finish().await;
}

/// T018
#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_sent_to_nobody_before_app_and_address_are_known_to_be_good() {
    let app = App::start().await;
    let wrong = AuthorizeOptions::new(&app, "alice", "bad\"scope").with("state", None).with("response_type", None);
    assert_page(&app.authorize(&wrong.clone().with("client_id", Some("nobody"))).await, "client_id");
    let evil = wrong.clone().with("redirect_uri", Some("https://evil.example/cb"));
    assert_page(&app.authorize(&evil).await, "redirect_uri");
    assert!(app.authorize(&wrong).await.header("location").starts_with(REDIRECT_URI));
    for path in ["/oauth2/register", "/register", "/oauth2/clients"] {
        let registering = Request::post(format!("{}{path}", app.url())).body(r#"{"redirect_uris":[]}"#.to_owned());
        let reply = app.send(registering.unwrap()).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "no app registers itself at {path}");
    }
    app.finish().await;
}

/// T019
#[tokio::test(flavor = "multi_thread")]
async fn no_page_of_another_origin_reads_the_authorize_endpoint() {
    let app = App::start().await;
    let path = format!("/oauth2/authorize?{}", AuthorizeOptions::new(&app, "alice", "patient/*.rs").query());
    for method in ["OPTIONS", "GET", "POST"] {
        let request = Request::builder().method(method).uri(format!("{}{path}", app.url()));
        let request = request.header("origin", "https://evil.example").header("access-control-request-method", "GET");
        let reply = app.send(request.body(String::new()).unwrap()).await;
        assert!(!reply.headers.contains_key("access-control-allow-origin"), "{method}");
    }
    app.finish().await;
}
