//! Attacks on the sign-in by an identity provider, and its faults. None of them leaves a session.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value as Json, json};
use shared::bounds::{CLOCK_SKEW_SECONDS, PROVIDER_CODE_BYTES, SUBJECT_BYTES};
use shared::clock::Clock;
use tests::{App, Cookies, IdentityProvider};

use super::pair::{Pair, keyed, unsigned};
use super::stand::{FOREIGN, Stand, signs_nobody_in};

/// A fault of a token, and the way to make it of good claims.
type Forgery<'a> = (&'a str, &'a dyn Fn(&Json) -> String);

/// T140
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_belongs_to_no_request_of_this_browser_signs_nobody_in() {
    let stand = Stand::new().await;
    let (away, elsewhere) = (stand.away().await, stand.away().await);
    stand.give(&stand.pair.sign(&json!({"alg": "RS256", "kid": "k1"}), &stand.claims(&away)));
    let without = |name: &str| stand.good(&away).into_iter().filter(|(own, _)| *own != name).collect::<Vec<_>>();
    let with = |name: &'static str, value: &str| [without(name), vec![(name, value.to_owned())]].concat();
    for (what, parameters) in [
        ("no state", without("state")),
        ("an empty state", with("state", "")),
        ("a made-up state", with("state", &"x".repeat(43))),
        ("an absurd state", with("state", &"x".repeat(5000))),
        ("the state of another browser", with("state", &elsewhere.asked["state"])),
        ("two states", [stand.good(&away), stand.good(&elsewhere)].concat()),
    ] {
        let reply = stand.answer(&away, &parameters).await;
        assert!(signs_nobody_in(&reply), "{what}: {reply:?}");
    }
    // Sign-in CSRF: somebody else's answer, in this browser and in one that never was here.
    for cookies in [elsewhere.cookies.clone(), Cookies::default()] {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(stand.good(&away)).finish();
        let reply = stand.app.get_with(&format!("/login/plan/answer?{query}"), cookies.headers()).await;
        assert!(signs_nobody_in(&reply), "{reply:?}");
    }
    assert!(stand.provider.asked("/token").is_empty(), "nothing was asked of the provider");
    assert_eq!(
        stand.answer(&away, &stand.good(&away)).await.status,
        StatusCode::SEE_OTHER,
        "the right one still counts"
    );
    let again = stand.answer(&away, &stand.good(&away)).await;
    assert!(signs_nobody_in(&again) && stand.provider.asked("/token").len() == 1, "and counts once: {again:?}");
    stand.app.finish().await;
}

/// T141, T142
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_breaks_a_rule_signs_nobody_in() {
    let stand = Stand::new().await;
    let (other, now) = (Pair::rsa(), Clock::System.now().seconds());
    let modulus = stand.pair.jwk("k1")["n"].as_str().unwrap().to_owned();
    let header = json!({"alg": "RS256", "kid": "k1"});
    let changed = |claims: &Json, name: &str, value: Json| {
        let mut claims = claims.clone();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value;
        }
        claims
    };
    let late = CLOCK_SKEW_SECONDS + 10;
    let bad_claims = [
        ("iss", json!("https://evil.example")),
        ("iss", json!(format!("{}/", stand.provider.url))),
        ("iss", Json::Null),
        ("aud", json!("somebody-else")),
        ("aud", json!(["us", "somebody-else"])),
        ("aud", json!([])),
        ("aud", Json::Null),
        ("azp", json!("somebody-else")),
        ("exp", json!(now - late)),
        ("exp", json!("tomorrow")),
        ("exp", Json::Null),
        ("iat", json!(now + 3600)),
        ("iat", Json::Null),
        ("nbf", json!(now + 3600)),
        ("auth_time", json!(now + 3600)),
        ("nonce", json!("another")),
        ("nonce", json!("")),
        ("nonce", Json::Null),
        ("sub", Json::Null),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("sub", json!("x".repeat(SUBJECT_BYTES + 1))),
        ("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA")),
    ];
    for (name, value) in bad_claims {
        let away = stand.away().await;
        let reply = stand.back(&away, &changed(&stand.claims(&away), name, value.clone())).await;
        assert!(signs_nobody_in(&reply), "{name} {value}: {reply:?}");
        assert!(reply.body.contains("could not be verified"), "{name} {value}: {}", reply.body);
    }
    let forgeries: [Forgery<'_>; 10] = [
        ("no algorithm", &unsigned),
        ("HS256 under the public key", &|claims| keyed(modulus.as_bytes(), "k1", claims)),
        ("HS256 under the decoded public key", &|claims| {
            keyed(&URL_SAFE_NO_PAD.decode(&modulus).unwrap(), "k1", claims)
        }),
        ("another key of that name", &|claims| other.sign(&header, claims)),
        ("a key that nobody has", &|claims| other.sign(&json!({"alg": "RS256", "kid": "k9"}), claims)),
        ("a key in the header", &|claims| {
            other.sign(&json!({"alg": "RS256", "kid": "k1", "jwk": other.jwk("k1")}), claims)
        }),
        ("an algorithm that is not taken", &|claims| stand.pair.sign(&json!({"alg": "RS384", "kid": "k1"}), claims)),
        ("another scheme than it says", &|claims| {
            let token = stand.pair.sign(&json!({"alg": "PS256", "kid": "k1"}), claims);
            let (_, rest) = token.split_once('.').unwrap();
            format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
        }),
        ("an extension", &|claims| {
            stand.pair.sign(&json!({"alg": "RS256", "kid": "k1", "crit": ["x"], "x": 1}), claims)
        }),
        ("another type", &|claims| stand.pair.sign(&json!({"alg": "RS256", "kid": "k1", "typ": "at+jwt"}), claims)),
    ];
    for (what, forge) in forgeries {
        let away = stand.away().await;
        stand.give(&forge(&stand.claims(&away)));
        let reply = stand.answer(&away, &stand.good(&away)).await;
        assert!(signs_nobody_in(&reply) && reply.body.contains("could not be verified"), "{what}: {reply:?}");
    }
    assert!(stand.persons().await.is_empty(), "nobody became known");
    let told = stand.app.audit("user/plan").await;
    assert!(told.len() == 33 && told.iter().all(|record| record["outcome"] == "failed"), "{}", told.len());

    let away = stand.away().await;
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, FOREIGN.as_bytes());
    let half = URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]);
    let good = changed(&changed(&stand.claims(&away), "at_hash", json!(half)), "aud", json!(["us"]));
    assert_eq!(stand.back(&away, &good).await.status, StatusCode::SEE_OTHER);
    stand.app.finish().await;
}

/// T142: the nonce of one request is none of another, in the same browser, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_an_earlier_request_is_worth_nothing_in_a_later_one() {
    let stand = Stand::new().await;
    let first = stand.away().await;
    let claims = stand.claims(&first);
    let second = stand.away_with(first.cookies.clone(), "plan").await;
    assert!(signs_nobody_in(&stand.back(&second, &claims).await));
    assert_eq!(stand.back(&first, &claims).await.status, StatusCode::SEE_OTHER);
    stand.app.finish().await;
}

/// T143
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_is_no_name_of_a_record_signs_nobody_in() {
    let stand = Stand::new().await;
    for (value, word) in [
        (Json::Null, "has not connected it to a record"),
        (json!(""), "has not connected it to a record"),
        (json!(["alice"]), "do not understand"),
        (json!({"id": "alice"}), "do not understand"),
        (json!(true), "do not understand"),
        (json!("alice bob"), "do not understand"),
        (json!("Patient/alice"), "do not understand"),
        (json!("x".repeat(1000)), "do not understand"),
    ] {
        let away = stand.away().await;
        let mut claims = stand.claims(&away);
        claims["member"] = value.clone();
        claims["sub"] = json!(format!("of {value}").chars().take(40).collect::<String>());
        let reply = stand.back(&away, &claims).await;
        assert!(signs_nobody_in(&reply) && reply.body.contains(word), "{value}: {}", reply.body);
    }
    stand.app.finish().await;
}

/// T143: a claim that people may edit moves nobody to another record.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_names_another_record_than_before_signs_nobody_in() {
    let stand = Stand::new().await;
    let away = stand.away().await;
    let claims = stand.claims(&away);
    assert_eq!(stand.back(&away, &claims).await.status, StatusCode::SEE_OTHER);
    let away = stand.away().await;
    let mut claims = stand.claims(&away);
    claims["member"] = json!("bob");
    let reply = stand.back(&away, &claims).await;
    assert!(signs_nobody_in(&reply) && reply.body.contains("another record"), "{}", reply.body);
    assert_eq!(stand.app.audit("user/plan").await[0]["outcome"], "other-record");
    stand.operate("member change --provider plan --subject alice-at-plan --patient bob").await;
    let away = stand.away().await;
    let mut claims = stand.claims(&away);
    claims["member"] = json!("bob");
    assert_eq!(stand.back(&away, &claims).await.status, StatusCode::SEE_OTHER, "the plan may move them");
    stand.app.finish().await;
}

/// T144
#[tokio::test(flavor = "multi_thread")]
async fn one_provider_cannot_pass_its_answer_off_as_anothers() {
    let stand = Stand::new().await;
    let pair = Pair::rsa();
    let evil = IdentityProvider::start(&[pair.jwk("k1")]).await;
    stand.set("second", &evil, "").await;
    let away = stand.away_with(Cookies::default(), "plan").await;
    assert!(away.address.starts_with(&stand.provider.url));
    let with_iss = |iss: Option<&str>| {
        let rest = stand.good(&away).into_iter().filter(|(name, _)| *name != "iss").collect::<Vec<_>>();
        [rest, iss.map(|iss| ("iss", iss.to_owned())).into_iter().collect()].concat()
    };
    let crossed = stand.answer_at("second", &away, &stand.good(&away)).await;
    assert!(signs_nobody_in(&crossed), "the state went to another provider: {crossed:?}");
    assert!(stand.provider.asked("/token").is_empty() && evil.asked("/token").is_empty(), "and nobody got the code");
    let foreign = stand.answer(&away, &with_iss(Some(&evil.url))).await;
    assert!(signs_nobody_in(&foreign), "the answer names another issuer: {foreign:?}");
    let away = stand.away_with(Cookies::default(), "plan").await;
    let nameless: Vec<_> = stand.good(&away).into_iter().filter(|(name, _)| *name != "iss").collect();
    assert!(signs_nobody_in(&stand.answer(&away, &nameless).await), "it says that it names itself, and does not");
    assert!(stand.provider.asked("/token").is_empty(), "no code went anywhere");

    // A subject of one provider is nobody at another.
    let away = stand.away_with(Cookies::default(), "plan").await;
    let claims = stand.claims(&away);
    assert_eq!(stand.back(&away, &claims).await.status, StatusCode::SEE_OTHER);
    let away = stand.away_with(Cookies::default(), "second").await;
    let mut claims = stand.claims(&away);
    (claims["iss"], claims["member"]) = (json!(evil.url), json!("bob"));
    let token = pair.sign(&json!({"alg": "RS256", "kid": "k1"}), &claims);
    evil.publish("/token", "no-store", &json!({"id_token": token}));
    let answer: Vec<_> = with_iss(Some(&evil.url));
    let answer: Vec<_> = answer
        .into_iter()
        .map(|(name, value)| if name == "state" { (name, away.asked["state"].clone()) } else { (name, value) })
        .collect();
    assert_eq!(stand.answer_at("second", &away, &answer).await.status, StatusCode::SEE_OTHER);
    let members = stand.operate("member list").await;
    let same: Vec<&Json> = members["members"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|m| m["sign_ins"][0]["subject"] == "alice-at-plan")
        .collect();
    assert!(same.len() == 2 && same[0]["id"] != same[1]["id"], "{members}");
    stand.app.finish().await;
}

/// T145
#[tokio::test(flavor = "multi_thread")]
async fn the_providers_errors_end_on_a_page_and_spend_the_request() {
    let stand = Stand::new().await;
    for (error, word) in [
        ("access_denied", "did not sign you in"),
        ("login_required", "did not sign you in"),
        ("<script>alert(1)</script>", "did not sign you in"),
    ] {
        let away = stand.away().await;
        let iss = ("iss", stand.provider.url.clone());
        let told = [("error", error.to_owned()), ("state", away.asked["state"].clone()), iss];
        let reply = stand.answer(&away, &told).await;
        assert!(signs_nobody_in(&reply) && reply.body.contains(word), "{error}: {}", reply.body);
        assert!(!reply.body.contains("<script"), "{}", reply.body);
        let later = stand.answer(&away, &stand.good(&away)).await;
        assert!(signs_nobody_in(&later), "an answer came already: {later:?}");
    }
    let away = stand.away().await;
    let iss = ("iss", stand.provider.url.clone());
    let reply = stand.answer(&away, &[("state", away.asked["state"].clone()), iss]).await;
    assert!(signs_nobody_in(&reply), "neither a code nor an error: {reply:?}");
    for (length, asked) in [(PROVIDER_CODE_BYTES + 1, 0), (PROVIDER_CODE_BYTES, 1)] {
        let away = stand.away().await;
        let long: Vec<_> = stand.good(&away).into_iter().filter(|(name, _)| *name != "code").collect();
        let long = [long, vec![("code", "x".repeat(length))]].concat();
        stand.give(&stand.pair.sign(&json!({"alg": "RS256", "kid": "k1"}), &stand.claims(&away)));
        stand.answer(&away, &long).await;
        assert_eq!(stand.provider.asked("/token").len(), asked, "a code of {length} bytes");
    }
    stand.app.finish().await;
}

/// T146
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_or_answers_nonsense_ends_on_a_page_that_says_what_to_do() {
    let stand = Stand::new().await;
    let answers = [
        ("silence", String::new()),
        ("nonsense", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>".to_owned()),
        ("an error", {
            let body = json!({"error": "invalid_client"}).to_string();
            format!("HTTP/1.1 401 No\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        }),
        ("a redirect", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("no tokens", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}".to_owned()),
        ("too much", {
            let body = "x".repeat(70_000);
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        }),
    ];
    for path in ["/token", "/jwks"] {
        for (what, answer) in &answers {
            let away = stand.away().await;
            stand.give(&stand.pair.sign(&json!({"alg": "RS256", "kid": "k1"}), &stand.claims(&away)));
            stand.provider.answer(path, answer);
            let reply = unguarded(&stand, &away).await;
            assert_eq!(reply.status, StatusCode::FAILED_DEPENDENCY, "{path} {what}: {}", reply.body);
            assert!(
                reply.body.contains("wait a minute") && reply.headers.get("set-cookie").is_none(),
                "{}",
                reply.body
            );
        }
        stand.provider.publish("/jwks", "no-store", &json!({"keys": [stand.pair.jwk("k1")]}));
    }
    for (_, answer) in &answers {
        stand.provider.answer("/.well-known/openid-configuration", answer);
        let request = http::Request::get(format!("{}/login/plan", stand.app.url())).body(String::new()).unwrap();
        assert_eq!(stand.app.answer(request).await.status, StatusCode::FAILED_DEPENDENCY);
    }
    stand.provider.describe(&[]);
    let away = stand.away().await;
    let claims = stand.claims(&away);
    assert_eq!(stand.back(&away, &claims).await.status, StatusCode::SEE_OTHER, "it is there again");
    stand.app.finish().await;
}

/// A good answer, without the harness's own check that no answer is a 5xx.
async fn unguarded(stand: &Stand, away: &super::stand::Away) -> tests::Reply {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(stand.good(away)).finish();
    let mut request =
        http::Request::get(format!("{}/login/plan/answer?{query}", stand.app.url())).body(String::new()).unwrap();
    *request.headers_mut() = away.cookies.headers();
    stand.app.answer(request).await
}

/// T147
#[tokio::test(flavor = "multi_thread")]
async fn no_endpoint_of_a_provider_leads_to_a_private_address() {
    let stand = Stand::new().await;
    for (name, url) in [
        ("token_endpoint", "https://169.254.169.254/latest/meta-data"),
        ("token_endpoint", "https://10.0.0.1/token"),
        ("jwks_uri", "https://192.168.1.1/jwks"),
        ("jwks_uri", "https://[::ffff:10.0.0.1]/jwks"),
        ("jwks_uri", "file:///etc/passwd"),
        ("authorization_endpoint", "javascript:alert(1)"),
        ("authorization_endpoint", "http://id.example/authorize"),
        ("issuer", "https://other.example"),
    ] {
        stand.provider.describe(&[(name, json!(url))]);
        let request = http::Request::get(format!("{}/login/plan", stand.app.url())).body(String::new()).unwrap();
        let reply = stand.app.answer(request).await;
        if reply.status == StatusCode::SEE_OTHER {
            // An address is looked at when it is connected to.
            let mut cookies = Cookies::default();
            cookies.take(&reply);
            let state = reply.redirected("state").unwrap();
            let query = [("code", "c".to_owned()), ("state", state), ("iss", stand.provider.url.clone())];
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
            let away = format!("{}/login/plan/answer?{query}", stand.app.url());
            let mut request = http::Request::get(away).body(String::new()).unwrap();
            *request.headers_mut() = cookies.headers();
            stand.give(&stand.pair.sign(&json!({"alg": "RS256", "kid": "k1"}), &json!({})));
            assert_eq!(stand.app.answer(request).await.status, StatusCode::FAILED_DEPENDENCY, "{name} {url}");
        } else {
            assert_eq!(reply.status, StatusCode::FAILED_DEPENDENCY, "{name} {url}: {}", reply.body);
        }
    }
    // Away from this machine, nothing on this machine is asked.
    let deployed = stand.app.deployed_stack().await;
    let line = "identity-provider set local --issuer http://127.0.0.1:1 --client-id us --private-key-jwt --claim c --names patient";
    let told = tests::operate_on(&deployed, &line.split(' ').collect::<Vec<_>>()).await;
    assert!(format!("{:#}", told.unwrap_err()).contains("https"));
    stand.app.finish().await;
}

/// T148
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_change_in_the_middle_of_a_sign_in_are_read_once_more() {
    let stand = Stand::new().await;
    let next = Pair::rsa();
    stand.provider.publish("/jwks", "max-age=300", &json!({"keys": [stand.pair.jwk("k1")]}));
    let away = stand.away().await;
    let claims = stand.claims(&away);
    assert_eq!(stand.back(&away, &claims).await.status, StatusCode::SEE_OTHER);
    let away = stand.away().await;
    stand.provider.publish("/jwks", "max-age=300", &json!({"keys": [next.jwk("k2")]}));
    stand.give(&next.sign(&json!({"alg": "RS256", "kid": "k2"}), &stand.claims(&away)));
    assert_eq!(stand.answer(&away, &stand.good(&away)).await.status, StatusCode::SEE_OTHER);
    assert_eq!(stand.provider.asked("/jwks").len(), 2);
    let away = stand.away().await;
    let claims = stand.claims(&away);
    assert!(signs_nobody_in(&stand.back(&away, &claims).await), "a key that was withdrawn signs nobody in");
    stand.app.finish().await;
}

/// T149
#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_sign_in_each_for_its_own_request() {
    let stand = Stand::new().await;
    let first = stand.away().await;
    let second = stand.away_with(first.cookies.clone(), "plan").await;
    for away in [&second, &first] {
        let claims = stand.claims(away);
        let reply = stand.back(away, &claims).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
        let mut cookies = away.cookies.clone();
        cookies.take(&reply);
        let page = stand.app.get_with(reply.header("location"), cookies.headers()).await;
        assert!(page.status == StatusCode::OK && page.body.contains("asks to see"), "{}", page.body);
    }
    stand.app.finish().await;
}

/// T151
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_with_a_provider_opens_a_session_that_nobody_planted() {
    let stand = Stand::new().await;
    let mut away = stand.away().await;
    let claims = stand.claims(&away);
    let reply = stand.back(&away, &claims).await;
    away.cookies.take(&reply);
    let before = away.cookies.clone();
    let again = stand.away_with(away.cookies.clone(), "plan").await;
    assert_eq!(again.cookies.headers(), before.headers(), "on the way there, nothing is given");
    let claims = stand.claims(&again);
    let reply = stand.back(&again, &claims).await;
    let mut cookies = again.cookies.clone();
    cookies.take(&reply);
    assert_ne!(cookies.headers(), before.headers());
    let old = stand.app.get_with("/account", before.headers()).await;
    assert_eq!(old.status, StatusCode::SEE_OTHER, "the session from before is over");
    assert_eq!(stand.app.get_with("/account", cookies.headers()).await.status, StatusCode::OK);
    stand.app.finish().await;
}

/// T175
#[tokio::test(flavor = "multi_thread")]
async fn the_back_button_after_a_sign_in_signs_nobody_in_and_leaves_the_session_as_it_is() {
    let stand = Stand::new().await;
    let mut away = stand.away().await;
    let claims = stand.claims(&away);
    let reply = stand.back(&away, &claims).await;
    away.cookies.take(&reply);
    let exchanged = stand.provider.asked("/token").len();
    let again = stand.answer(&away, &stand.good(&away)).await;
    assert!(signs_nobody_in(&again) && again.body.contains("start again"), "{}", again.body);
    assert_eq!(stand.provider.asked("/token").len(), exchanged, "the code goes to nobody a second time");
    assert_eq!(stand.app.get_with("/account", away.cookies.headers()).await.status, StatusCode::OK);
    // Back to the page that leads to the provider: a new way begins, and the one that waited goes on.
    let next = stand.away_with(away.cookies.clone(), "plan").await;
    let page = stand.app.get_with(reply.header("location"), away.cookies.headers()).await;
    assert!(page.body.contains("asks to see"), "{}", page.body);
    let claims = stand.claims(&next);
    assert_eq!(stand.back(&next, &claims).await.status, StatusCode::SEE_OTHER);
    stand.app.finish().await;
}

/// T140: a request waits for a quarter of an hour by the clock.
#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_that_takes_too_long_signs_nobody_in() {
    let app = App::start().await;
    let clock = Clock::fixed(Clock::System.now());
    let stand = Stand::over(app.inside(&clock, [].into()).await).await;
    let away = stand.away().await;
    clock.advance(shared::bounds::AUTHORIZATION_REQUEST_SECONDS);
    let claims = stand.claims(&away);
    assert!(signs_nobody_in(&stand.back(&away, &claims).await));
    stand.app.finish().await;
    app.finish().await;
}
