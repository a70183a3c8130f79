//! Tokens that are revoked (RFC 7009), introspected (RFC 7662), and asked for their user (OpenID Connect Core §5.3).

use http::{HeaderMap, StatusCode, header};
use serde_json::json;
use tests::{App, AuthorizeOptions, Reply, Tokens, basic};

pub fn bearer(token: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    headers
}

async fn server_app(app: &App, username: &str, scope: &str) -> Tokens {
    let options = AuthorizeOptions::new(app, username, scope).with("client_id", Some("server-app"));
    let code = app.authorize(&options).await.redirected("code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", tests::REDIRECT_URI),
        ("code_verifier", tests::VERIFIER),
    ];
    Tokens::of(&app.token(&form, basic("server-app", &app.client_secret)).await)
}

async fn refresh(app: &App, token: &str) -> Reply {
    let form = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "app")];
    app.token(&form, HeaderMap::new()).await
}

/// T047c
#[tokio::test(flavor = "multi_thread")]
async fn either_token_given_back_ends_both_with_the_next_request() {
    let app = App::start().await;
    for hint in [None, Some("refresh_token"), Some("access_token"), Some("nonsense")] {
        for which in ["access_token", "refresh_token"] {
            let tokens = app.sign_in("alice", "patient/*.rs offline_access").await;
            assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::OK);
            let token = tokens.answer[which].as_str().unwrap();
            let mut form = vec![("token", token), ("client_id", "app")];
            form.extend(hint.map(|hint| ("token_type_hint", hint)));
            let reply = app.post("/oauth2/revoke", &form, HeaderMap::new()).await;
            assert_eq!((reply.status, reply.json()), (StatusCode::OK, json!({})), "{which} {hint:?}");
            assert_eq!(reply.header("content-type"), "application/json", "libraries parse the answer");
            assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::UNAUTHORIZED, "{which} {hint:?}");
            assert_eq!(refresh(&app, tokens.refresh.as_deref().unwrap()).await.json()["error"], "invalid_grant");
        }
    }
    app.finish().await;
}

/// T047c
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_unknown_or_another_apps_is_answered_alike_and_stays_as_it_was() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs openid offline_access").await;
    let answer = |name: &str| tokens.answer[name].as_str().unwrap().to_owned();
    let secret = basic("server-app", &app.client_secret);
    for token in [answer("access_token"), answer("refresh_token"), answer("id_token"), "e30.e30.x".into(), "x".into()] {
        let reply = app.post("/oauth2/revoke", &[("token", &token)], secret.clone()).await;
        assert_eq!((reply.status, reply.json()), (StatusCode::OK, json!({})));
    }
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_revokes_a_token_authenticates() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let token = tokens.access.as_str();
    for (form, headers, status, error) in [
        (vec![("token", token)], HeaderMap::new(), StatusCode::UNAUTHORIZED, "invalid_client"),
        (
            vec![("token", token), ("client_id", "server-app")],
            HeaderMap::new(),
            StatusCode::UNAUTHORIZED,
            "invalid_client",
        ),
        (vec![("token", token)], basic("server-app", "wrong"), StatusCode::UNAUTHORIZED, "invalid_client"),
        (vec![("client_id", "app")], HeaderMap::new(), StatusCode::BAD_REQUEST, "invalid_request"),
        (
            vec![("token", "a"), ("token", "b"), ("client_id", "app")],
            HeaderMap::new(),
            StatusCode::BAD_REQUEST,
            "invalid_request",
        ),
    ] {
        let reply = app.post("/oauth2/revoke", &form, headers).await;
        assert_eq!((reply.status, reply.json()["error"].as_str()), (status, Some(error)), "{form:?}");
    }
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn introspection_tells_what_the_token_response_told() {
    let app = App::start().await;
    let tokens = server_app(&app, "alice", "openid fhirUser launch/patient patient/Coverage.read offline_access").await;
    let secret = basic("server-app", &app.client_secret);
    for headers in [secret.clone(), bearer(&tokens.access)] {
        let reply = app.post("/oauth2/introspect", &[("token", &tokens.access)], headers).await;
        let told = reply.json();
        assert_eq!((reply.status, &told["active"]), (StatusCode::OK, &json!(true)), "{told}");
        for (name, value) in
            [("scope", &tokens.answer["scope"]), ("patient", &json!("alice")), ("client_id", &json!("server-app"))]
        {
            assert_eq!(&told[name], value, "{name}");
        }
        assert_eq!(told["iss"], app.url());
        assert_eq!((&told["sub"], &told["token_type"]), (&json!("alice"), &json!("Bearer")));
        assert_eq!(told["fhirUser"], format!("{}/fhir/Patient/alice", app.url()));
        assert_eq!(told["exp"].as_i64().unwrap() - told["iat"].as_i64().unwrap(), 3600);
    }
    let refresh = tokens.refresh.as_deref().unwrap();
    let told = app.post("/oauth2/introspect", &[("token", refresh)], secret).await.json();
    assert_eq!((&told["active"], &told["scope"]), (&json!(true), &tokens.answer["scope"]));
    app.finish().await;
}

/// T047e
#[tokio::test(flavor = "multi_thread")]
async fn introspection_says_only_inactive_of_a_bad_token_or_another_clients() {
    let app = App::start().await;
    let (alice, bob) =
        (app.sign_in("alice", "patient/*.rs openid offline_access").await, app.sign_in("bob", "patient/*.rs").await);
    let ended = server_app(&app, "alice", "patient/*.rs offline_access").await;
    let secret = basic("server-app", &app.client_secret);
    app.post("/oauth2/revoke", &[("token", &ended.access)], secret.clone()).await;
    let id_token = alice.answer["id_token"].as_str().unwrap();
    for (token, headers) in [
        (alice.access.as_str(), secret.clone()),
        (alice.refresh.as_deref().unwrap(), secret.clone()),
        (&ended.access, secret.clone()),
        (ended.refresh.as_deref().unwrap(), secret.clone()),
        (id_token, secret.clone()),
        ("garbage", secret.clone()),
        (&alice.access, bearer(&bob.access)),
    ] {
        let reply = app.post("/oauth2/introspect", &[("token", token)], headers).await;
        assert_eq!((reply.status, reply.json()), (StatusCode::OK, json!({"active": false})), "{token}");
    }
    app.finish().await;
}

/// T047e
#[tokio::test(flavor = "multi_thread")]
async fn nobody_introspects_without_proof() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let gone = app.sign_in("alice", "patient/*.rs").await;
    app.post("/oauth2/revoke", &[("token", &gone.access), ("client_id", "app")], HeaderMap::new()).await;
    let token = ("token", tokens.access.as_str());
    for (form, headers, error) in [
        (vec![token], HeaderMap::new(), "invalid_client"),
        (vec![token, ("client_id", "app")], HeaderMap::new(), "invalid_client"),
        (vec![token], basic("server-app", "wrong"), "invalid_client"),
        (vec![token], bearer("garbage"), "invalid_token"),
        (vec![token], bearer(&gone.access), "invalid_token"),
    ] {
        let reply = app.post("/oauth2/introspect", &form, headers).await;
        assert_eq!((reply.status, reply.json()["error"].as_str()), (StatusCode::UNAUTHORIZED, Some(error)), "{form:?}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn userinfo_says_who_signed_in_to_whoever_was_allowed_to_know() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "openid fhirUser patient/Coverage.rs").await;
    let told = app.get_with("/oauth2/userinfo", bearer(&tokens.access)).await;
    let fhir_user = format!("{}/fhir/Patient/alice", app.url());
    assert_eq!(told.json(), json!({"sub": "alice", "fhirUser": fhir_user}));
    assert_eq!(told.header("access-control-allow-origin"), "*");
    let posted = app.post("/oauth2/userinfo", &[], bearer(&tokens.access)).await;
    assert_eq!(posted.json(), told.json());

    let less = app.sign_in("alice", "openid patient/Coverage.rs").await;
    assert_eq!(app.get_with("/oauth2/userinfo", bearer(&less.access)).await.json(), json!({"sub": "alice"}));
    let none = app.sign_in("alice", "patient/Coverage.rs").await;
    let refused = app.get_with("/oauth2/userinfo", bearer(&none.access)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.header("www-authenticate").contains("insufficient_scope"), "{refused:?}");
    let missing = app.get("/oauth2/userinfo").await;
    assert_eq!(missing.status, StatusCode::UNAUTHORIZED);
    assert!(!missing.header("www-authenticate").contains("error"), "no token, no error code (RFC 6750 §3.1)");
    app.post("/oauth2/revoke", &[("token", &tokens.access), ("client_id", "app")], HeaderMap::new()).await;
    assert_eq!(app.get_with("/oauth2/userinfo", bearer(&tokens.access)).await.status, StatusCode::UNAUTHORIZED);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn userinfo_is_recorded_like_data_for_one_write_unit() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "openid fhirUser").await;
    app.get_with("/oauth2/userinfo", bearer(&tokens.access)).await;
    let none = app.sign_in("alice", "patient/Coverage.rs").await;
    app.get_with("/oauth2/userinfo", bearer(&none.access)).await;
    let records = app.audit("Patient/alice").await.into_iter().filter(|record| record["action"] == "userinfo");
    let told: Vec<(String, String, String)> = records
        .map(|record| {
            assert!(record["client"] == "app" && record["query"] == "/oauth2/userinfo", "{record:?}");
            let ids = record.get("ids").cloned().unwrap_or_default();
            (record["outcome"].clone(), record["grant"].clone(), ids)
        })
        .collect();
    let grant = |tokens: &Tokens| tests::claims_of(&tokens.access)["grant"].as_str().unwrap().to_owned();
    let text = str::to_owned;
    assert_eq!(
        told,
        [(text("ok"), grant(&tokens), text("Patient/alice")), (text("forbidden"), grant(&none), String::new())]
    );
    let line = &app.answered("GET /oauth2/userinfo", 200, 1).await[0];
    assert_eq!((line["write_units"].as_f64(), line["waves"].as_u64()), (Some(1.0), Some(2)), "{line}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_told_when_the_members_permission_ends() {
    let app = App::start().await;
    let ends = |reply: &serde_json::Value| reply["grant_expires_at"].as_str().unwrap().to_owned();
    let tokens = app.sign_in("alice", "patient/*.rs offline_access").await;
    let refreshed = refresh(&app, tokens.refresh.as_deref().unwrap()).await.json();
    assert!(ends(&refreshed) > ends(&tokens.answer), "a refresh moves the end");
    let short = app.sign_in("alice", "patient/*.rs").await;
    assert!(ends(&short.answer) < ends(&tokens.answer), "without offline_access the permission ends with its token");
    app.finish().await;
}
