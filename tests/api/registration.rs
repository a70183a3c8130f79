//! The operator registers, changes and stops apps with `patient-access app …`.

use http::{HeaderMap, StatusCode};
use serde_json::{Value as Json, json};
use tests::{App, AuthorizeOptions, Publisher, REDIRECT_URI, Reply, Tokens, basic};

async fn operate(app: &App, arguments: &[&str]) -> Json {
    let told = app.operate(&[arguments, &["--json"]].concat()).await.unwrap();
    let told: Json = serde_json::from_str(&told).unwrap();
    if let Some(secret) = told["client_secret"].as_str() {
        app.keep_secret(secret);
    }
    told
}

async fn add(app: &App, more: &[&str]) -> Json {
    operate(app, &[&["app", "add", "--name", "My App", "--redirect-uri", REDIRECT_URI], more].concat()).await
}

async fn fault(app: &App, arguments: &[&str]) -> String {
    app.operate(arguments).await.unwrap_err().to_string()
}

/// The error for a code that does not exist: `invalid_grant` if the app authenticated.
async fn error_of(app: &App, id: &str, secret: &str) -> Json {
    let form = [("grant_type", "authorization_code"), ("code", "no-such-code")];
    app.token(&form, basic(id, secret)).await.json()["error"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_table_has_what_a_developer_types_into_an_app() {
    let app = App::empty().await;
    let base = format!("{}/fhir", app.url());
    let told = add(&app, &["--confidential"]).await;
    let id = told["client_id"].as_str().unwrap();
    let expected = [("api_endpoint", &*base), ("issuer", app.url()), ("client_name", "My App"), ("aud", &*base)];
    for (name, value) in expected {
        assert_eq!(told[name], value, "{name}");
    }
    assert_eq!(told["redirect_uris"], json!([REDIRECT_URI]));
    assert_eq!(told["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!(error_of(&app, id, told["client_secret"].as_str().unwrap()).await, "invalid_grant");

    let shown = app.operate(&["app", "show", id]).await.unwrap();
    let rows: Vec<(&str, &str)> = shown.lines().map(|line| (line[..15].trim(), &line[15..])).take(5).collect();
    let expected =
        [("client name", "My App"), ("client id", id), ("API endpoint", &*base), ("issuer", app.url()), ("aud", &base)];
    assert_eq!(rows, expected);
    assert!(!shown.contains(told["client_secret"].as_str().unwrap()), "a secret is shown once");
    assert_eq!(operate(&app, &["app", "show", id]).await["client_secret"], Json::Null);

    let listed = operate(&app, &["app", "list"]).await;
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|app| app["client_name"].as_str().unwrap()).collect();
    assert_eq!(names, ["My App", "Test <App>", "Test <App>"]);
    assert!(app.operate(&["app", "list"]).await.unwrap().contains(id));
    assert!(fault(&app, &["app", "show", "nobody"]).await.contains("app list"));
    app.finish().await;
}

/// T005
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_safe_is_refused_with_what_would_be_right() {
    let app = App::empty().await;
    let id = add(&app, &[]).await["client_id"].as_str().unwrap().to_owned();
    for (uri, right) in [
        ("http://app.example/cb", "must be https; http is for 127.0.0.1, [::1] and localhost only"),
        ("javascript:alert(1)", "com.example.app:/callback"),
        ("data:text/html,x", "com.example.app:/callback"),
        ("myapp:/cb", "com.example.app:/callback"),
        ("https://*.app.example/cb", "without wildcard"),
        ("https://app.example/cb#x", "leave out everything from `#` on"),
        ("https://user@app.example/cb", "leave out everything between `//` and `@`"),
        ("app.example/cb", "https://app.example.org/callback"),
    ] {
        let added = fault(&app, &["app", "add", "--name", "A", "--redirect-uri", uri]).await;
        assert!(added.contains(right), "{uri}: {added}");
        let good_and_bad = ["app", "change", &id, "--redirect-uri", REDIRECT_URI, "--redirect-uri", uri];
        let changed = fault(&app, &good_and_bad).await;
        assert!(changed.contains(right), "{uri}: {changed}");
    }
    for uri in [
        "https://a.example/cb?x=1",
        "http://127.0.0.1/cb",
        "http://[::1]/cb",
        "http://localhost:3000/cb",
        "com.example.app:/cb",
    ] {
        add(&app, &["--redirect-uri", uri]).await;
    }
    assert_eq!(
        operate(&app, &["app", "show", &id]).await["redirect_uris"],
        json!([REDIRECT_URI]),
        "nothing was changed"
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_members_cannot_see_is_refused_with_the_character_that_hides() {
    let app = App::empty().await;
    let id = add(&app, &[]).await["client_id"].as_str().unwrap().to_owned();
    for (name, said) in [
        ("Helpful\u{200b}App", "U+200B"),
        ("\u{3164}\u{3164}", "U+3164"),
        ("\u{200d}\u{200d}", "U+200D"),
        ("Soft\u{ad}ware", "U+00AD"),
        ("Joined\u{2060}Up", "U+2060"),
        ("Turned\u{202e}", "U+202E"),
        ("Me\u{200d}dical", "U+200D"),
        ("\u{2800}", "U+2800"),
        ("   ", "nothing"),
        ("\u{301}", "nothing"),
    ] {
        let added = fault(&app, &["app", "add", "--name", name, "--redirect-uri", REDIRECT_URI]).await;
        assert!(added.starts_with("--name") && added.contains(said), "{name:?}: {added}");
        let changed = fault(&app, &["app", "change", &id, "--name", name]).await;
        assert!(changed.starts_with("--name") && changed.contains(said), "{name:?}: {changed}");
    }
    for name in ["👩\u{200d}⚕\u{fe0f} Care", "Sant\u{e9}", "健康", "A-1 (beta)"] {
        assert_eq!(operate(&app, &["app", "change", &id, "--name", name]).await["client_name"], name);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_this_server_cannot_grant_is_refused_by_name() {
    let app = App::empty().await;
    let id = add(&app, &[]).await["client_id"].as_str().unwrap().to_owned();
    for (scope, named) in [
        ("patient/Foo.rs", "`patient/Foo.rs`"),
        ("openid patient/Claim.rs user/Bar.read", "`user/Bar.read`"),
        ("patient/Observation.rs?colour=red", "`patient/Observation.rs?colour=red`"),
        ("patient/Observation.rs?date=gt2020", "`patient/Observation.rs?date=gt2020`"),
        ("patient/Claim.write system/Claim.rs", "`patient/Claim.write` and `system/Claim.rs`"),
    ] {
        let redirect = ["--redirect-uri", REDIRECT_URI];
        let added = fault(&app, &[&["app", "add", "--name", "A", "--scope", scope], &redirect[..]].concat()).await;
        assert!(added.starts_with("--scope") && added.contains(named), "{scope}: {added}");
        let changed = fault(&app, &["app", "change", &id, "--scope", scope]).await;
        assert!(changed.contains(named), "{scope}: {changed}");
    }
    let part = "patient/*.rs user/Coverage.read patient/Observation.rs?category=laboratory openid offline_access";
    assert_eq!(operate(&app, &["app", "change", &id, "--scope", part]).await["scope"], part);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_changes_from_one_secret_to_the_next_while_both_are_good() {
    let app = App::empty().await;
    let told = add(&app, &["--confidential"]).await;
    let text = |told: &Json, name: &str| told[name].as_str().unwrap().to_owned();
    let (id, first) = (text(&told, "client_id"), text(&told, "client_secret"));
    let first_label = text(&told["secrets"][0], "label");
    let last = fault(&app, &["app", "secret", "remove", &id, &first_label]).await;
    assert!(last.contains("last secret") && last.contains("add the next one first"), "{last}");

    let second = text(&operate(&app, &["app", "secret", "add", &id, "--label", "second"]).await, "client_secret");
    for secret in [&first, &second] {
        assert_eq!(error_of(&app, &id, secret).await, "invalid_grant");
    }
    let third = fault(&app, &["app", "secret", "add", &id]).await;
    assert!(third.contains("has two secrets") && third.contains(&first_label), "{third}");

    operate(&app, &["app", "secret", "remove", &id, &first_label]).await;
    assert_eq!(error_of(&app, &id, &first).await, "invalid_client");
    assert_eq!(error_of(&app, &id, &second).await, "invalid_grant");
    assert!(fault(&app, &["app", "secret", "remove", &id, &first_label]).await.contains("it has second"));
    assert!(fault(&app, &["app", "secret", "add", &id, "--label", "second"]).await.contains("already"));
    let told = operate(&app, &["app", "secret", "add", &id, "--old-ends-in", "7"]).await;
    assert!(told["secrets"][0]["expires_at"].is_string() && told["secrets"][1]["expires_at"].is_null(), "{told}");
    assert!(fault(&app, &["app", "secret", "add", "app"]).await.contains("--confidential"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_changed_in_what_is_named_and_in_nothing_else() {
    let app = App::empty().await;
    let told = add(&app, &["--confidential", "--refresh-days", "30"]).await;
    let id = told["client_id"].as_str().unwrap();
    let strip = |mut told: Json| {
        told.as_object_mut().unwrap().remove("client_secret");
        told
    };
    let mut expected = strip(told.clone());
    for (arguments, name, value) in [
        (vec!["--name", "Other"], "client_name", json!("Other")),
        (vec!["--redirect-uri", "https://b.example/cb"], "redirect_uris", json!(["https://b.example/cb"])),
        (vec!["--scope", "openid patient/*.rs"], "scope", json!("openid patient/*.rs")),
        (vec!["--access-seconds", "600"], "access_seconds", json!(600)),
        (vec!["--every-scope"], "scope", Json::Null),
        (vec!["--no-limits"], "access_seconds", Json::Null),
    ] {
        let changed = operate(&app, &[&["app", "change", id], &arguments[..]].concat()).await;
        expected[name] = value;
        if arguments == ["--no-limits"] {
            expected["refresh_days"] = Json::Null;
        }
        assert_eq!(strip(changed), expected, "{arguments:?}");
    }
    for (arguments, word) in [
        (vec!["--name", "\u{202e}evil"], "--name"),
        (vec!["--scope", "openid system/*.rs"], "--scope"),
        (vec!["--access-seconds", "7200"], "3600"),
        (vec!["--refresh-days", "0"], "1..=93"),
        (vec!["--jwks", "/no/such/file"], "cannot be read"),
        (vec!["--jwks", "https://a.example/jwks"], "--jwks-url"),
        (vec!["--jwks-url", "http://a.example/jwks"], "must be https"),
    ] {
        let error = fault(&app, &[&["app", "change", id], &arguments[..]].concat()).await;
        assert!(error.contains(word), "{arguments:?}: {error}");
    }
    assert!(fault(&app, &["app", "change", "app", "--jwks-url", "https://a.example/jwks"]).await.contains("public"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_registered_as_a_set_or_as_the_place_where_the_app_publishes_them() {
    let app = App::empty().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let path = file.to_str().unwrap();
    let key = json!({"kty": "RSA", "kid": "k1", "n": "x".repeat(342), "e": "AQAB"});
    std::fs::write(&file, json!({"keys": [key]}).to_string()).unwrap();
    let told = add(&app, &["--jwks", path]).await;
    assert_eq!(
        (&told["token_endpoint_auth_method"], &told["jwks"]["keys"][0]["kid"]),
        (&json!("private_key_jwt"), &json!("k1"))
    );
    std::fs::write(
        &file,
        json!({"keys": [{"kty": "RSA", "kid": "k1", "n": "AQ", "e": "AQAB", "d": "AQ"}]}).to_string(),
    )
    .unwrap();
    assert!(
        fault(&app, &["app", "change", told["client_id"].as_str().unwrap(), "--jwks", path]).await.contains("private")
    );

    let publisher = Publisher::start(&json!({"keys": [key]}).to_string(), "max-age=60").await;
    let hosted = add(&app, &["--jwks-url", &publisher.url]).await;
    assert_eq!((&hosted["jwks_uri"], &hosted["warnings"]), (&json!(publisher.url), &json!([])));
    publisher.publish("{}", "no-store");
    let warned = add(&app, &["--jwks-url", &publisher.url]).await;
    assert!(warned["warnings"][0].as_str().unwrap().contains("JWK set"), "{warned}");
    assert!(fault(&app, &["app", "secret", "add", hosted["client_id"].as_str().unwrap()]).await.contains("app change"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_app_gets_nothing_from_its_next_request_on() {
    let app = App::start().await;
    let good = AuthorizeOptions::new(&app, "alice", "patient/*.rs offline_access");
    let tokens = app.sign_in("alice", "patient/*.rs offline_access").await;
    let code = app.authorize(&good).await.redirected("code").unwrap();
    let told = operate(&app, &["app", "disable", "app"]).await;
    assert_eq!((&told["disabled"], &told["permissions_ended"]), (&json!(true), &json!(1)));
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::UNAUTHORIZED);
    assert!(app.operate(&["app", "show", "app"]).await.unwrap().contains("stopped"));

    let page = app.authorize(&good).await;
    assert_eq!((page.status, page.header("location")), (StatusCode::BAD_REQUEST, ""), "an error page, and no redirect");
    let refresh = async |tokens: &Tokens| -> Reply {
        let token = tokens.refresh.as_deref().unwrap();
        let form = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "app")];
        app.token(&form, HeaderMap::new()).await
    };
    for reply in [app.exchange(&code).await, refresh(&tokens).await] {
        assert_eq!((reply.status, &reply.json()["error"]), (StatusCode::UNAUTHORIZED, &json!("invalid_client")));
    }
    operate(&app, &["app", "enable", "app"]).await;
    assert_eq!(refresh(&tokens).await.json()["error"], "invalid_grant", "members allow it anew");
    app.sign_in("alice", "patient/*.rs").await;
    app.finish().await;
}
