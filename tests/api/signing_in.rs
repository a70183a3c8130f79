//! The pages on which a member signs in and decides: which forms they accept, from whose session, and what they show.

use std::process::Command;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use patient_access::stack::{Descriptor, announce};
use shared::clock::Clock;
use shared::config::{Config, from_lookup};
use shared::oauth::client::Client;
use tests::fixtures::password;
use tests::{App, AuthorizeOptions, Browser, Cookies, Reply, app_named, binaries, checkout};

const SCOPE: &str = "patient/*.rs openid";

/// A session cookie that an attacker planted in the member's browser, hoping that the member's sign-in makes it valid.
const PLANTED: &str = "session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The headers that a browser sends with a form from another page than ours.
fn forged(browser: &Browser) -> Vec<(&'static str, HeaderMap)> {
    let with = |name: &'static str, value: &'static str| {
        let mut headers = browser.cookies.headers();
        headers.remove("sec-fetch-site");
        headers.insert(name, HeaderValue::from_static(value));
        headers
    };
    vec![
        ("another site's", with("sec-fetch-site", "cross-site")),
        ("a sibling's", with("sec-fetch-site", "same-site")),
        ("nobody's", with("sec-fetch-site", "none")),
        ("another origin's", with("origin", "https://evil.example")),
        ("a hidden origin's", with("origin", "null")),
    ]
}

/// T022
#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_our_page_did_not_send_does_nothing() {
    let app = App::start().await;
    let good = AuthorizeOptions::new(&app, "alice", SCOPE);
    let (mut browser, other) = (app.browse(&good).await.unwrap(), app.browse(&good).await.unwrap());
    let (own, foreign) = (browser.page.field("csrf"), other.page.field("csrf"));
    let log_in = async |request: &str, csrf: &str, headers: HeaderMap| {
        let secret = password("alice");
        let form = [("request", request), ("csrf", csrf), ("username", "alice"), ("password", &*secret)];
        app.post("/login", &form, headers).await
    };
    let request = browser.page.field("request");
    for csrf in ["", "wrong", &*foreign] {
        assert_eq!(log_in(&request, csrf, browser.cookies.headers()).await.status, StatusCode::FORBIDDEN, "{csrf}");
    }
    for (whose, headers) in forged(&browser) {
        assert_eq!(log_in(&request, &own, headers).await.status, StatusCode::FORBIDDEN, "{whose}");
    }
    assert_eq!(
        log_in(&request, &own, HeaderMap::new()).await.status,
        StatusCode::FORBIDDEN,
        "a browser without cookie"
    );
    assert!(app.stored("count").await.is_empty(), "no try was counted against the member");
    assert!(app.stored("session").await.is_empty());
    let signed_in = log_in(&request, &own, browser.cookies.headers()).await;
    app.follow(&mut browser, &signed_in).await;

    let own = browser.page.field("csrf");
    let allow = async |csrf: &str, headers: HeaderMap| {
        let form = [("request", &*request), ("csrf", csrf), ("decision", "allow"), ("scope", "patient/*.rs")];
        app.post("/consent", &form, headers).await.status
    };
    for csrf in ["", "wrong", &*foreign] {
        assert_eq!(allow(csrf, browser.cookies.headers()).await, StatusCode::FORBIDDEN, "{csrf}");
    }
    for (whose, headers) in forged(&browser) {
        assert_eq!(allow(&own, headers).await, StatusCode::FORBIDDEN, "{whose}");
    }
    assert!(app.stored("code").await.is_empty());
    assert_eq!(allow(&own, browser.cookies.headers()).await, StatusCode::SEE_OTHER, "all that cost the member nothing");
    app.finish().await;
}

/// T023
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_there_before_the_sign_in_is_worth_nothing_after_it() {
    let app = App::start().await;
    let good = AuthorizeOptions::new(&app, "alice", SCOPE);
    let mut browser = app.browse(&good).await.unwrap();
    let mut headers = browser.cookies.headers();
    let cookies = format!("{}; {PLANTED}", headers[header::COOKIE].to_str().unwrap());
    headers.insert(header::COOKIE, cookies.parse().unwrap());
    let (request, csrf, secret) = (browser.page.field("request"), browser.page.field("csrf"), password("alice"));
    let form = [("request", &*request), ("csrf", &*csrf), ("username", "alice"), ("password", &*secret)];
    let signed_in = app.post("/login", &form, headers).await;
    assert_eq!(signed_in.status, StatusCode::SEE_OTHER);
    let given: Vec<&str> =
        signed_in.headers.get_all(header::SET_COOKIE).iter().filter_map(|c| c.to_str().ok()).collect();
    assert!(given.iter().any(|cookie| cookie.starts_with("session=") && !cookie.starts_with(PLANTED)), "{given:?}");
    let mut planted = HeaderMap::new();
    planted.insert(header::COOKIE, HeaderValue::from_static(PLANTED));
    let consent = app.get_with(&format!("/consent?request={request}"), planted.clone()).await;
    assert_eq!(consent.status, StatusCode::BAD_REQUEST, "{}", consent.body);
    let asked = app.get_with(&format!("/oauth2/authorize?{}", good.query()), planted).await;
    assert!(asked.header("location").contains("/login?"), "nobody is signed in there");
    app.follow(&mut browser, &signed_in).await;
    assert!(app.consent(&browser, "allow").await.redirected("code").is_some());
    app.finish().await;
}

/// T023: the session before a second sign-in in the same browser
#[tokio::test(flavor = "multi_thread")]
async fn a_new_sign_in_ends_the_browsers_session_before_it() {
    let app = App::start().await;
    let good = AuthorizeOptions::new(&app, "alice", SCOPE);
    let mut browser = app.signed_in(&good).await;
    let before = browser.cookies.headers();
    let again = good.clone().with("prompt", Some("login"));
    let asked = app.get_with(&format!("/oauth2/authorize?{}", again.query()), before.clone()).await;
    app.follow(&mut browser, &asked).await;
    let signed_in = app.log_in(&browser, "alice", &password("alice")).await;
    app.follow(&mut browser, &signed_in).await;
    let asked = app.get_with(&format!("/oauth2/authorize?{}", good.query()), before).await;
    assert!(asked.header("location").contains("/login?"), "the old session still counts: {asked:?}");
    assert!(app.consent(&browser, "allow").await.redirected("code").is_some());
    app.finish().await;
}

/// T024
#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_decided_by_the_session_that_signed_in_for_it_and_no_other() {
    let app = App::start().await;
    let alices = app.signed_in(&AuthorizeOptions::new(&app, "alice", SCOPE)).await;
    let bobs = app.signed_in(&AuthorizeOptions::new(&app, "bob", SCOPE)).await;
    let hers_again = app.signed_in(&AuthorizeOptions::new(&app, "alice", SCOPE)).await;
    let request = alices.page.field("request");
    for (whose, browser) in [("bob's", &bobs), ("alice's other", &hers_again)] {
        let csrf = browser.page.field("csrf");
        let form = [("request", &*request), ("csrf", &*csrf), ("decision", "allow"), ("scope", "patient/*.rs")];
        let reply = app.post("/consent", &form, browser.cookies.headers()).await;
        assert_eq!((reply.status, reply.header("location")), (StatusCode::BAD_REQUEST, ""), "{whose} session");
        let shown = app.get_with(&format!("/consent?request={request}"), browser.cookies.headers()).await;
        assert_eq!(shown.status, StatusCode::BAD_REQUEST, "{whose} session does not even see it");
    }
    assert!(app.stored("code").await.is_empty() && app.stored("grant").await.is_empty());
    assert!(app.consent(&alices, "allow").await.redirected("code").is_some());
    app.finish().await;
}

/// T025
#[tokio::test(flavor = "multi_thread")]
async fn a_second_click_makes_no_second_code() {
    let app = App::start().await;
    let good = AuthorizeOptions::new(&app, "alice", SCOPE);
    let browser = app.signed_in(&good).await;
    let (one, two) = tokio::join!(app.consent(&browser, "allow"), app.consent(&browser, "allow"));
    let third = app.consent(&browser, "allow").await;
    let codes: Vec<String> = [&one, &two, &third].iter().filter_map(|reply| reply.redirected("code")).collect();
    assert_eq!(codes.len(), 1, "{one:?} {two:?} {third:?}");
    assert_eq!((third.status, third.header("location")), (StatusCode::BAD_REQUEST, ""));
    assert_eq!(app.stored("code").await.len(), 1);
    assert_eq!(app.exchange(&codes[0]).await.status, StatusCode::OK);
    assert_eq!(app.stored("grant").await.len(), 1);
    let browser = app.signed_in(&good).await;
    assert_eq!(app.consent(&browser, "deny").await.redirected("error").as_deref(), Some("access_denied"));
    assert_eq!(app.consent(&browser, "allow").await.status, StatusCode::BAD_REQUEST, "no is no");
    app.finish().await;
}

/// T029. A test in `shared::oauth::member` holds that each of these runs argon2id once.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_name_a_wrong_password_and_a_stopped_or_locked_member_look_alike() {
    let app = App::start().await;
    app.change_person("carol", |member| member.disabled = true).await;
    // The clock stands still: tries are counted in windows, and these must fall into one.
    let inside = app.inside(&Clock::fixed(Clock::System.now()), [].into()).await;
    let good = AuthorizeOptions::new(&inside, "alice", SCOPE);
    let browser = inside.browse(&good).await.unwrap();
    let told = async |username: &str, password: &str| {
        let reply = inside.log_in(&browser, username, password).await;
        let names: Vec<String> = reply.headers.keys().map(ToString::to_string).collect();
        // Only the name in its field differs, as it was typed.
        (reply.status, names, reply.body.replace(&format!("value=\"{username}\""), "value=\"\""))
    };
    let unknown = told("nobody", "a wrong password").await;
    assert_eq!(unknown.0, StatusCode::UNAUTHORIZED);
    let records = app.audit("user/nobody").await;
    assert_eq!((records.len(), records[0]["outcome"].as_str()), (1, "failed"));
    assert_eq!(told("alice", "a wrong password").await, unknown);
    assert_eq!(told("carol", &password("carol")).await, unknown);
    assert_eq!(told("carol", "a wrong password").await, unknown);
    for name in ["nobody", "alice"] {
        while told(name, "a wrong password").await.0 == StatusCode::UNAUTHORIZED {}
    }
    let locked = told("nobody", "a wrong password").await;
    assert_eq!(locked.0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(told("alice", "a wrong password").await, locked);
    assert_eq!(told("alice", &password("alice")).await, locked, "the right password gets the same answer");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_member_types_counts_however_their_keyboard_composes_it() {
    let app = App::start().await;
    let (composed, decomposed) = ("gr\u{fc}ne B\u{e4}ume", "gru\u{308}ne Ba\u{308}ume");
    for secret in [composed, decomposed] {
        app.keep_secret(secret);
    }
    for (set_name, set_password, name, password) in [
        ("Ren\u{e9}e", composed, "RENE\u{301}E", decomposed),
        ("jo\u{308}rg", decomposed, "J\u{f6}rg", composed),
        ("weiss", composed, "Wei\u{df}", composed),
    ] {
        let member = ["member", "add", "--username", set_name, "--password", set_password, "--patient", "bob"];
        app.operate(&member).await.unwrap();
        let browser = app.browse(&AuthorizeOptions::new(&app, "bob", SCOPE)).await.unwrap();
        let reply = app.log_in(&browser, name, password).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{set_name} as {name}");
        let reply = app.log_in(&browser, name, "gru\u{308}ne Baume").await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "another letter is another password");
    }
    let again = ["member", "add", "--username", "WEISS", "--password", composed, "--patient", "bob"];
    assert!(app.operate(&again).await.unwrap_err().to_string().contains("already"), "one name, however it is written");
    app.finish().await;
}

/// T030b
#[tokio::test(flavor = "multi_thread")]
async fn cookies_are_for_this_host_alone_and_for_no_script() {
    let app = App::start().await;
    let issuer = [("ISSUER".to_owned(), "https://plan.example".to_owned())].into();
    let secure = app.inside(&Clock::System, issuer).await;
    for (app, issuer, prefix) in [(&app, app.url(), ""), (&secure, "https://plan.example", "__Host-")] {
        let aud = format!("{issuer}/fhir");
        let options = AuthorizeOptions::new(app, "alice", SCOPE).with("aud", Some(&aud));
        let mut cookies = Cookies::default();
        let path = |reply: &Reply| reply.header("location").strip_prefix(issuer).unwrap().to_owned();
        let asked = app.get(&format!("/oauth2/authorize?{}", options.query())).await;
        cookies.take(&asked);
        let page = app.get_with(&path(&asked), cookies.headers()).await;
        let browser = Browser { cookies: cookies.clone(), page };
        let signed_in = app.log_in(&browser, "alice", &password("alice")).await;
        cookies.take(&signed_in);
        let consent = app.get_with(&path(&signed_in), cookies.headers()).await;
        let error = app.get("/consent?request=none").await;
        for (reply, name) in [(&asked, "browser"), (&signed_in, "session")] {
            let cookie = reply.header("set-cookie");
            assert!(cookie.starts_with(&format!("{prefix}{name}=")), "{cookie}");
            let flags: Vec<&str> = cookie.split("; ").skip(1).collect();
            for flag in ["HttpOnly", "SameSite=Lax", "Path=/"] {
                assert!(flags.contains(&flag), "{cookie}");
            }
            assert_eq!(flags.contains(&"Secure"), !prefix.is_empty(), "{cookie}");
            assert!(!flags.iter().any(|flag| flag.to_lowercase().starts_with("domain")), "{cookie}");
        }
        for (what, page) in [("sign-in", &browser.page), ("consent", &consent), ("error", &error)] {
            assert!(page.header("content-type").starts_with("text/html"), "{what}");
            assert_eq!(page.header("x-frame-options"), "DENY", "{what}");
            assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"), "{what}");
            assert_eq!(page.header("referrer-policy"), "same-origin", "{what}");
            assert_eq!(page.header("cache-control"), "no-store", "{what}");
            assert_eq!(page.headers.contains_key("strict-transport-security"), !prefix.is_empty(), "{what}");
        }
    }
    drop(secure);
    for (issuer, good) in [("http://plan.example", false), ("http://127.0.0.1:9000", true), ("http://[::1]:9000", true)]
    {
        let config = from_lookup::<Config>(|name| (name == "ISSUER").then(|| issuer.to_owned()));
        assert_eq!(config.is_ok(), good, "{issuer}: a function starts under plain http on loopback alone");
    }
    app.finish().await;
}

/// The page has nothing that could run.
fn assert_plain(page: &Reply, what: &str) {
    assert!(page.header("content-type").starts_with("text/html"), "{what}: {page:?}");
    let body = page.body.to_lowercase();
    assert!(!body.contains("<script") && !body.contains("<img"), "{what}: {body}");
    assert!(page.header("content-security-policy").contains("default-src 'none'"), "{what}");
    assert!(!page.header("content-security-policy").contains("script-src"), "{what}");
}

/// T030c
#[tokio::test(flavor = "multi_thread")]
async fn an_apps_name_is_only_a_name() {
    let app = App::start().await;
    let name = "\"><script>alert(1)</script><img src=x onerror=alert(1)>".to_owned();
    app.register(&Client { name, ..app_named("named") }).await;
    let options = AuthorizeOptions::new(&app, "alice", SCOPE).with("client_id", Some("named"));
    assert_plain(&app.browse(&options).await.unwrap().page, "sign-in");
    let browser = app.signed_in(&options).await;
    assert!(browser.page.body.contains("&#60;script&#62;"));
    assert_plain(&browser.page, "consent");
    let descriptor = Descriptor { url: app.url().to_owned(), environment: app.environment().clone() };
    let announced = announce(checkout(), &descriptor).unwrap();
    let add = |name: &str| {
        let arguments =
            ["app", "add", "--name", name, "--redirect-uri", "https://app.example/cb", "--stack", app.url()];
        Command::new(binaries().join("patient-access")).args(arguments).output().unwrap()
    };
    for name in ["\u{202e}gpj.exe", &"x".repeat(10_000), " ", "two\nlines", "\u{2066}isolated\u{2069}"] {
        let output = add(name);
        assert!(!output.status.success(), "{name:?} is not a name that a member could trust");
        assert!(String::from_utf8_lossy(&output.stderr).contains("visible characters"), "{output:?}");
    }
    assert!(add("A good name").status.success());
    std::fs::remove_file(announced).unwrap();
    app.finish().await;
}

/// T030d
#[tokio::test(flavor = "multi_thread")]
async fn no_value_of_a_request_becomes_markup_on_a_page() {
    const MARKUP: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>";
    let app = App::start().await;
    let good = AuthorizeOptions::new(&app, "alice", SCOPE);
    for name in ["login_hint", "ui_locales", "state", "nonce", "display", "acr_values", "id_token_hint", "colour"] {
        let options = good.clone().with(name, Some(MARKUP));
        assert_plain(&app.browse(&options).await.unwrap().page, &format!("{name} at sign-in"));
    }
    let all =
        good.clone().with("login_hint", Some(MARKUP)).with("state", Some(MARKUP)).with("ui_locales", Some(MARKUP));
    let mut browser = app.browse(&all).await.unwrap();
    assert_plain(&app.log_in(&browser, MARKUP, "a wrong password").await, "the name as it was typed");
    let signed_in = app.log_in(&browser, "alice", &password("alice")).await;
    app.follow(&mut browser, &signed_in).await;
    assert_plain(&browser.page, "consent");
    for (name, value) in [("client_id", MARKUP), ("redirect_uri", MARKUP)] {
        assert_plain(&app.authorize(&good.clone().with(name, Some(value))).await, name);
    }
    for path in ["/login?request=", "/consent?request="] {
        let query = form_urlencoded::byte_serialize(MARKUP.as_bytes()).collect::<String>();
        assert_plain(&app.get(&format!("{path}{query}")).await, path);
    }
    app.finish().await;
}
