//! Sign-in by the plan's identity providers: the whole way, and the attacks on it. [`foreign`] goes the same way with a provider that
//! somebody else wrote.

pub mod attacks;
mod demo;
mod faults;
mod foreign;
mod logout;
mod look_ups;
pub mod pair;
pub mod stand;

use http::StatusCode;
use serde_json::{Value as Json, json};
use shared::bounds::{PROVIDER_NAME_BYTES, PROVIDER_SECRET_BYTES};
use shared::clock::Clock;
use stand::Stand;
use tests::{App, AuthorizeOptions, Cookies, IdentityProvider, Tokens};

use self::foreign::Proof;
use self::pair::Pair;

#[tokio::test(flavor = "multi_thread")]
async fn a_member_signs_in_with_the_plans_provider_and_the_app_gets_their_record() {
    let stand = Stand::new().await;
    let away = stand.away().await;
    assert!(away.address.starts_with(&format!("{}/authorize?", stand.provider.url)), "no page of ours is between");
    for (name, value) in [
        ("response_type", "code".to_owned()),
        ("client_id", "us".to_owned()),
        ("scope", "openid".to_owned()),
        ("code_challenge_method", "S256".to_owned()),
        ("redirect_uri", format!("{}/login/plan/answer", stand.app.url())),
    ] {
        assert_eq!(away.asked[name], value);
    }
    let (claims, challenge) = (stand.claims(&away), away.asked["code_challenge"].clone());
    let reply = stand.back(&away, &claims).await;
    let form: std::collections::BTreeMap<String, String> =
        form_urlencoded::parse(stand.provider.asked("/token")[0].as_bytes()).into_owned().collect();
    assert_eq!((&*form["grant_type"], &*form["code"]), ("authorization_code", "a-code-of-the-provider"));
    assert_eq!(shared::secret::Secret::from_client(&form["code_verifier"]).hashed().0, challenge, "PKCE");
    let assertion = stand::claims_of(&form["client_assertion"]);
    assert_eq!((&assertion["sub"], &assertion["aud"]), (&json!("us"), &json!(format!("{}/token", stand.provider.url))));

    let browser = stand.consenting(away, &reply).await;
    assert!(browser.page.body.contains("alice@plan.example"), "{}", browser.page.body);
    let code = stand.app.consent(&browser, "allow").await.redirected("code").unwrap();
    stand.app.keep_secret(&code);
    let tokens = Tokens::of(&stand.app.exchange(&code).await);
    assert_eq!(tokens.patient, "alice");
    let id = stand::claims_of(tokens.answer["id_token"].as_str().unwrap());
    assert_eq!((&id["sub"], &id["auth_time"]), (&json!("alice"), &claims["auth_time"]), "the provider says when");
    assert_eq!(stand.app.fhir(&tokens, "Patient/alice").await.status, StatusCode::OK);

    let persons = stand.persons().await;
    let alice = &persons["alice-at-plan"];
    assert_eq!((&alice["patient"], &alice["username"], &alice["grants"]), (&json!("alice"), &Json::Null, &json!(1)));
    assert!(alice["last_sign_in"].is_string());
    let again = stand.away().await;
    let claims = stand.claims(&again);
    assert_eq!(stand.back(&again, &claims).await.status, StatusCode::SEE_OTHER);
    assert_eq!(
        stand.persons().await["alice-at-plan"]["id"],
        alice["id"],
        "somebody is one person, however often they come"
    );
    stand.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_assertions_verify_under_the_key_that_is_published_for_them_and_under_none_for_tokens() {
    let stand = Stand::new().await;
    let told = stand.operate("identity-provider show plan").await;
    let keys = stand.app.get(told["jwks_uri"].as_str().unwrap()).await.json();
    let ours = stand.app.get("/oauth2/jwks").await.json();
    let away = stand.away().await;
    let claims = stand.claims(&away);
    assert_eq!(stand.back(&away, &claims).await.status, StatusCode::SEE_OTHER);
    let form = stand.provider.asked("/token")[0].clone();
    let (_, assertion) = form_urlencoded::parse(form.as_bytes()).find(|(name, _)| name == "client_assertion").unwrap();
    let verifies = |keys: &Json| {
        keys["keys"].as_array().unwrap().iter().any(|key| {
            let key = serde_json::from_value(key.clone()).unwrap();
            let key = jsonwebtoken::DecodingKey::from_jwk(&key).unwrap();
            let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
            rules.validate_aud = false;
            jsonwebtoken::decode::<Json>(&*assertion, &key, &rules).is_ok()
        })
    };
    assert!(verifies(&keys) && !verifies(&ours));
    stand.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_a_record_is_told_so_and_is_known_to_the_plan() {
    let stand = Stand::new().await;
    let away = stand.away().await;
    let mut claims = stand.claims(&away);
    claims["member"] = Json::Null;
    let reply = stand.back(&away, &claims).await;
    assert!(stand::signs_nobody_in(&reply) && reply.body.contains("ask your plan"), "{}", reply.body);
    assert_eq!(stand.app.audit("user/plan:alice-at-plan").await[0]["outcome"], "no-record");
    assert_eq!(stand.persons().await["alice-at-plan"]["patient"], Json::Null);

    stand.operate("member change --provider plan --subject alice-at-plan --patient alice").await;
    let away = stand.away().await;
    let mut claims = stand.claims(&away);
    claims["member"] = Json::Null;
    let reply = stand.back(&away, &claims).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "the plan's tie needs no claim");
    stand.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_whom_the_plan_stopped_does_not_come_in() {
    let stand = Stand::new().await;
    let away = stand.away().await;
    let claims = stand.claims(&away);
    assert_eq!(stand.back(&away, &claims).await.status, StatusCode::SEE_OTHER);
    stand.operate("member disable --provider plan --subject alice-at-plan").await;
    let away = stand.away().await;
    let claims = stand.claims(&away);
    let reply = stand.back(&away, &claims).await;
    assert!(stand::signs_nobody_in(&reply) && reply.body.contains("stopped"), "{}", reply.body);
    stand.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_subject_comes_in_to_the_record_that_the_plan_tied_it_to() {
    let stand = Stand::new().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "provider,subject,patient\nplan,alice-at-plan,alice\n").unwrap();
    stand.operate(&format!("member import {}", file.path().display())).await;
    let away = stand.away().await;
    let mut claims = stand.claims(&away);
    claims.as_object_mut().unwrap().remove("member");
    assert_eq!(stand.back(&away, &claims).await.status, StatusCode::SEE_OTHER);
    stand.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ways_in_may_be_open_and_then_a_page_lets_people_choose() {
    let stand = Stand::new().await;
    stand.operate("identity-provider local on").await;
    let page = stand.app.get("/login").await;
    assert!(page.body.contains("name=\"password\"") && page.body.contains("href=\"/login/plan\""), "{}", page.body);
    let other = IdentityProvider::start(&[]).await;
    stand.set("second", &other, "").await;
    stand.operate("identity-provider local off").await;
    let page = stand.app.get("/login").await;
    assert!(!page.body.contains("name=\"password\""), "{}", page.body);
    assert!(page.body.contains("href=\"/login/plan\"") && page.body.contains("href=\"/login/second\""));
    for name in ["plan", "second"] {
        stand.operate(&format!("identity-provider remove {name}")).await;
    }
    let page = stand.app.get("/login").await;
    assert!(page.status == StatusCode::FORBIDDEN && page.body.contains("not set up a way to sign in"), "{}", page.body);
    stand.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_algorithm_of_the_list_signs_somebody_in() {
    let stand = Stand::new().await;
    let (ec, ed) = (Pair::ec(), Pair::ed());
    let keys = json!({"keys": [stand.pair.jwk("k1"), ec.jwk("e1"), ed.jwk("o1")]});
    stand.provider.publish("/jwks", "no-store", &keys);
    for (pair, alg, kid) in
        [(&stand.pair, "RS256", "k1"), (&stand.pair, "PS256", "k1"), (&ec, "ES256", "e1"), (&ed, "EdDSA", "o1")]
    {
        let away = stand.away().await;
        stand.give(&pair.sign(&json!({"alg": alg, "kid": kid}), &stand.claims(&away)));
        let reply = stand.answer(&away, &stand.good(&away)).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{alg}: {}", reply.body);
    }
    stand.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_is_weaker_than_the_plan_demands_is_refused() {
    let stand = Stand::new().await;
    stand.set("plan", &stand.provider, " --acr high --acr highest --amr otp").await;
    for (acr, amr, enough) in [
        (json!("high"), json!(["pwd", "otp"]), true),
        (json!("low"), json!(["otp"]), false),
        (Json::Null, json!(["otp"]), false),
        (json!("highest"), json!(["pwd"]), false),
    ] {
        let away = stand.away().await;
        let mut claims = stand.claims(&away);
        (claims["acr"], claims["amr"]) = (acr, amr);
        let reply = stand.back(&away, &claims).await;
        assert_eq!(reply.status == StatusCode::SEE_OTHER, enough, "{claims}: {}", reply.body);
    }
    stand.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_hears_what_does_not_fit_and_never_a_secret() {
    let stand = Stand::new().await;
    let check = stand.operate("identity-provider check plan").await;
    assert_eq!((&check["fits"], &check["notes"]), (&json!(true), &json!([])));
    stand.provider.describe(&[("token_endpoint_auth_methods_supported", json!(["client_secret_basic"]))]);
    let line = "identity-provider check plan".split(' ').collect::<Vec<_>>();
    let told = format!("{:#}", stand.app.operate(&line).await.unwrap_err());
    assert!(told.contains("private_key_jwt"), "{told}");
    let bad = |more: &str| format!("identity-provider set {more}");
    for (line, word) in [
        (
            bad("Plan --issuer https://x.example --client-id us --private-key-jwt --claim c --names patient"),
            "lower-case",
        ),
        (bad("p --issuer http://x.example --client-id us --private-key-jwt --claim c --names patient"), "https"),
        (bad("p --issuer https://x.example --client-id us --private-key-jwt --claim c --names name"), "--names"),
        (bad("p --issuer https://x.example --client-id us --claim c --names patient"), "--client-secret-stdin"),
        (
            bad("plan --issuer https://x.example --client-id us --private-key-jwt --claim c --names patient"),
            "another name",
        ),
        (
            bad(&format!(
                "{} --issuer https://x.example --client-id us --private-key-jwt --claim c --names patient",
                "p".repeat(PROVIDER_NAME_BYTES + 1)
            )),
            "lower-case",
        ),
        ("identity-provider show nobody".to_owned(), "nobody"),
    ] {
        let told = stand.app.operate(&line.split(' ').collect::<Vec<_>>()).await;
        let told = format!("{:#}", told.expect_err("it is refused"));
        assert!(told.contains(word), "{line}: {told}");
    }
    stand.operate("identity-provider remove plan").await;
    let line = bad("plan --issuer https://x.example --client-id us --private-key-jwt --claim c --names patient");
    let told = stand.app.operate(&line.split(' ').collect::<Vec<_>>()).await;
    assert!(told.is_err(), "the name of a removed provider still names its persons");
    stand.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apps_wishes_about_the_sign_in_are_passed_on() {
    let stand = Stand::new().await;
    let wishes = [("login_hint", "ada"), ("ui_locales", "de fr"), ("prompt", "login consent"), ("max_age", "120")];
    let away = stand.away_wishing(Cookies::default(), "plan", &wishes).await;
    for (name, value) in [("login_hint", "ada"), ("ui_locales", "de fr"), ("prompt", "login"), ("max_age", "120")] {
        assert_eq!(away.asked[name], value, "consent is ours to ask");
    }
    let now = Clock::System.now().seconds();
    for (auth_time, fresh) in [(json!(now - 3600), false), (Json::Null, false), (json!(now - 60), true)] {
        let away = stand.away_wishing(Cookies::default(), "plan", &wishes).await;
        let mut claims = stand.claims(&away);
        claims["auth_time"] = auth_time.clone();
        if auth_time.is_null() {
            claims.as_object_mut().unwrap().remove("auth_time");
        }
        let reply = stand.back(&away, &claims).await;
        assert_eq!(reply.status == StatusCode::SEE_OTHER, fresh, "{auth_time}: {}", reply.body);
    }
    let away = stand.away().await;
    assert!(["login_hint", "ui_locales", "prompt", "max_age"].iter().all(|name| !away.asked.contains_key(*name)));
    let without: Json = {
        let mut claims = stand.claims(&away);
        claims.as_object_mut().unwrap().remove("auth_time");
        claims
    };
    let reply = stand.back(&away, &without).await;
    let browser = stand.consenting(away, &reply).await;
    let code = stand.app.consent(&browser, "allow").await.redirected("code").unwrap();
    stand.app.keep_secret(&code);
    let tokens = Tokens::of(&stand.app.exchange(&code).await);
    let id = stand::claims_of(tokens.answer["id_token"].as_str().unwrap());
    assert!(id.get("auth_time").is_none(), "we do not claim what nobody said");
    stand.app.finish().await;
}

/// T171
#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_wants_no_page_gets_the_providers_own_answer_and_none_of_our_pages() {
    let stand = Stand::new().await;
    let none = [("prompt", "none")];
    let iss = || ("iss", stand.provider.url.clone());
    for (error, told) in [
        ("login_required", "login_required"),
        ("interaction_required", "interaction_required"),
        ("account_selection_required", "interaction_required"),
        ("consent_required", "interaction_required"),
        ("access_denied", "login_required"),
        ("<script>", "login_required"),
    ] {
        let away = stand.away_wishing(Cookies::default(), "plan", &none).await;
        assert_eq!(away.asked["prompt"], "none");
        let reply =
            stand.answer(&away, &[("error", error.into()), ("state", away.asked["state"].clone()), iss()]).await;
        assert_eq!(reply.redirected("error").as_deref(), Some(told), "{error}: {reply:?}");
        assert!(reply.header("location").starts_with(tests::REDIRECT_URI) && reply.headers.get("set-cookie").is_none());
        let again = stand.answer(&away, &stand.good(&away)).await;
        assert!(stand::signs_nobody_in(&again), "the request is spent: {again:?}");
    }
    // A token that cannot be verified, and a person without a record.
    let away = stand.away_wishing(Cookies::default(), "plan", &none).await;
    let mut claims = stand.claims(&away);
    claims["aud"] = json!("somebody-else");
    assert_eq!(stand.back(&away, &claims).await.redirected("error").as_deref(), Some("login_required"));
    let away = stand.away_wishing(Cookies::default(), "plan", &none).await;
    let mut claims = stand.claims(&away);
    (claims["sub"], claims["member"]) = (json!("nobody"), Json::Null);
    assert_eq!(stand.back(&away, &claims).await.redirected("error").as_deref(), Some("interaction_required"));
    // Somebody whom the provider knows: only our own consent is missing, and the next request finds the session.
    let mut away = stand.away_wishing(Cookies::default(), "plan", &none).await;
    let claims = stand.claims(&away);
    let reply = stand.back(&away, &claims).await;
    assert_eq!(reply.redirected("error").as_deref(), Some("consent_required"), "{reply:?}");
    away.cookies.take(&reply);
    let options = AuthorizeOptions::new(&stand.app, "alice", "patient/*.rs").with("prompt", Some("none"));
    let path = format!("/oauth2/authorize?{}", options.query());
    let reply = stand.app.get_with(&path, away.cookies.headers()).await;
    assert_eq!(reply.redirected("error").as_deref(), Some("consent_required"));
    // The provider is away: the app hears it, and nobody sees a page.
    stand.provider.answer("/.well-known/openid-configuration", "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
    let mut cookies = Cookies::default();
    let asked = stand.app.get_with(&path, cookies.headers()).await;
    cookies.take(&asked);
    let next = stand.app.get_with(asked.header("location"), cookies.headers()).await;
    let reply = stand.app.get_with(next.header("location"), cookies.headers()).await;
    assert_eq!(reply.redirected("error").as_deref(), Some("login_required"), "{reply:?}");
    // Where a page would let people choose, nothing is asked of a provider.
    stand.operate("identity-provider local on").await;
    let reply = stand.app.get(&path).await;
    assert_eq!(reply.redirected("error").as_deref(), Some("login_required"));
    stand.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_told_how_strongly_somebody_signed_in_in_the_plans_words_or_not_at_all() {
    let stand = Stand::new().await;
    let told = stand.set("plan", &stand.provider, " --acr-as urn:x?a=b=high --acr-as 1=low").await;
    assert_eq!(told["acr_as"], json!({"urn:x?a=b": "high", "1": "low"}));
    for (acr, ours) in [(json!("urn:x?a=b"), json!("high")), (json!("2"), Json::Null), (Json::Null, Json::Null)] {
        let away = stand.away().await;
        let mut claims = stand.claims(&away);
        claims["acr"] = acr.clone();
        let reply = stand.back(&away, &claims).await;
        let browser = stand.consenting(away, &reply).await;
        let code = stand.app.consent(&browser, "allow").await.redirected("code").unwrap();
        stand.app.keep_secret(&code);
        let tokens = Tokens::of(&stand.app.exchange(&code).await);
        assert_eq!(stand::claims_of(tokens.answer["id_token"].as_str().unwrap())["acr"], ours, "{acr}");
    }
    let line = format!("identity-provider set plan --issuer {} --client-id us --private-key-jwt", stand.provider.url);
    let line = format!("{line} --claim member --names patient --acr-as high");
    let refused = stand.app.operate(&line.split(' ').collect::<Vec<_>>()).await.unwrap_err();
    assert!(format!("{refused:#}").contains("THEIRS=OURS"), "{refused:#}");
    stand.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_account_comes_in_although_the_provider_remembers_the_first() {
    let stand = Stand::new().await;
    let away = stand.away().await;
    let claims = stand.claims(&away);
    let reply = stand.back(&away, &claims).await;
    let browser = stand.consenting(away, &reply).await;
    let (_, link) = browser.page.body.split_once("<a href=\"/login?").unwrap();
    let link = format!("/login?{}", link.split('"').next().unwrap().replace("&amp;", "&"));
    let away = stand.away_by(browser.cookies, "plan", &link).await;
    assert_eq!(away.asked["prompt"], "login");
    let mut claims = stand.claims(&away);
    (claims["sub"], claims["member"], claims["preferred_username"]) =
        (json!("bob-at-plan"), json!("bob"), json!("bob"));
    let reply = stand.back(&away, &claims).await;
    let browser = stand.consenting(away, &reply).await;
    assert!(browser.page.body.contains("<strong>bob</strong>"), "{}", browser.page.body);
    stand.provider.describe(&[("prompt_values_supported", json!(["login", "select_account"]))]);
    let away = stand.away_by(browser.cookies, "plan", &link).await;
    assert_eq!(away.asked["prompt"], "select_account");
    stand.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_says_what_it_ends_and_does_not_sign_in_again() {
    let stand = Stand::new().await;
    let away = stand.away().await;
    let claims = stand.claims(&away);
    let reply = stand.back(&away, &claims).await;
    let mut browser = stand.consenting(away, &reply).await;
    browser.page = stand.app.get_with("/account", browser.cookies.headers()).await;
    stand.app.press(&mut browser, ("do", "sign-out")).await;
    let page = &browser.page;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    assert!(page.body.contains("stay connected") && page.body.contains("still be signed in there"), "{}", page.body);
    assert!(page.body.contains("href=\"/login/plan\""), "they may sign in again: {}", page.body);
    stand.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_secret_comes_from_standard_input_and_has_a_length() {
    let app = App::empty().await;
    for (length, code) in [(PROVIDER_SECRET_BYTES, 0), (PROVIDER_SECRET_BYTES + 1, 2), (0, 2)] {
        let output = foreign::told(&app, "plan", "http://127.0.0.1:1", Proof::Basic, &"s".repeat(length)).await;
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{length}: {told}");
        assert!(code == 0 || told.contains(&PROVIDER_SECRET_BYTES.to_string()), "{told}");
    }
    app.finish().await;
}
