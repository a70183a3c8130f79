//! The resource server accepts an access token only if it issued it, and only whole, in its time, and under a live
//! grant.
//!
//! Some tests need a token that this server would never issue. KMS signs it with the deployment's own key: the
//! signature is right, so another check must refuse the token.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{PublicEncryptingKey, PublicKeyComponents};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use http::{HeaderMap, Request, StatusCode, header};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value as Json, json};
use shared::clock::{Clock, Time};
use tests::{App, Mint, Tokens, claims_of};

const SCOPE: &str = "patient/*.rs openid fhirUser offline_access";

/// A stack, a good token of alice's, a mint, and the claims of that token. A token of the mint is good as long as it
/// has these claims.
async fn start() -> (App, Tokens, Mint, Json) {
    let app = App::start().await;
    let tokens = app.sign_in("alice", SCOPE).await;
    let mint = Mint::new(app.environment()).await;
    let claims = claims_of(&tokens.access);
    let good = mint.sign(&mint.header().to_string(), &claims.to_string()).await;
    assert_eq!(app.with_bearer(&good, "Patient/alice").await.status, StatusCode::OK, "the mint is good");
    (app, tokens, mint, claims)
}

/// The token opens nothing, and the client learns why (RFC 6750 §3).
async fn assert_refused(app: &App, token: &str, what: &str) {
    let reply = app.with_bearer(token, "Patient/alice").await;
    assert_eq!((reply.status, reply.issue().0.as_str()), (StatusCode::UNAUTHORIZED, "security"), "{what}");
    let challenge = reply.header("www-authenticate");
    assert!(challenge.starts_with("Bearer ") && challenge.contains("error=\"invalid_token\""), "{what}: {challenge}");
}

fn with(object: &Json, name: &str, value: Json) -> Json {
    let mut changed = object.clone();
    changed[name] = value;
    changed
}

fn without(object: &Json, name: &str) -> Json {
    let mut changed = object.clone();
    changed.as_object_mut().unwrap().shift_remove(name);
    changed
}

/// T048
#[tokio::test(flavor = "multi_thread")]
async fn a_token_comes_in_the_header_and_nowhere_else() {
    let (app, tokens, ..) = start().await;
    let access = &tokens.access;
    for (what, value) in
        [("none", None), ("Basic", Some("Basic YTpi".to_owned())), ("an empty one", Some("Bearer".to_owned()))]
    {
        let mut headers = HeaderMap::new();
        headers.extend(value.map(|value| (header::AUTHORIZATION, value.parse().unwrap())));
        let reply = app.get_with("/fhir/Patient/alice", headers).await;
        assert_eq!((reply.status, reply.issue().0.as_str()), (StatusCode::UNAUTHORIZED, "login"), "{what}");
        let challenge = reply.header("www-authenticate");
        assert!(challenge.starts_with("Bearer realm=") && !challenge.contains("error="), "{what}: {challenge}");
    }
    for (what, token) in [
        ("two in one header", format!("{access}, Bearer {access}")),
        ("two without a space", format!("{access},{access}")),
        ("with a word before", format!("Bearer {access}")),
    ] {
        assert_refused(&app, &token, what).await;
    }
    let mut twice = HeaderMap::new();
    for _ in 0..2 {
        twice.append(header::AUTHORIZATION, format!("Bearer {access}").parse().unwrap());
    }
    assert_eq!(app.get_with("/fhir/Patient/alice", twice).await.status, StatusCode::UNAUTHORIZED, "two headers");
    let in_query = app.get(&format!("/fhir/Patient/alice?access_token={access}")).await;
    assert_eq!(in_query.status, StatusCode::UNAUTHORIZED);
    let form = [("access_token", &**access), ("patient", "alice")];
    assert_eq!(app.post("/fhir/Patient/_search", &form, HeaderMap::new()).await.status, StatusCode::UNAUTHORIZED);
    app.finish().await;
}

/// T049 and T058
#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_its_own_whole_signature_is_none() {
    let (app, tokens, mint, claims) = start().await;
    let parts: Vec<&str> = tokens.access.split('.').collect();
    let [head, payload, signature] = parts[..] else { panic!("a token has three parts") };
    for alg in ["none", "None", "nOnE", "NONE", ""] {
        let header = URL_SAFE_NO_PAD.encode(with(&mint.header(), "alg", alg.into()).to_string());
        for signature in ["", signature] {
            assert_refused(&app, &format!("{header}.{payload}.{signature}"), &format!("alg {alg}")).await;
        }
    }
    let no_alg = URL_SAFE_NO_PAD.encode(without(&mint.header(), "alg").to_string());
    assert_refused(&app, &format!("{no_alg}.{payload}.{signature}"), "no alg").await;
    for (what, token) in [
        ("an empty signature", format!("{head}.{payload}.")),
        ("two segments", format!("{head}.{payload}")),
        ("four segments", format!("{}.{signature}", tokens.access)),
        ("one segment", head.to_owned()),
        ("empty segments", "..".to_owned()),
        ("garbage", "abc".to_owned()),
    ] {
        assert_refused(&app, &token, what).await;
    }
    for (part, name) in ["header", "payload", "signature"].iter().enumerate() {
        let bytes = URL_SAFE_NO_PAD.decode(parts[part]).unwrap();
        for place in [0, bytes.len() / 2, bytes.len() - 1] {
            for bit in [0, 3, 7] {
                let mut flipped = bytes.clone();
                flipped[place] ^= 1 << bit;
                let mut parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
                parts[part] = URL_SAFE_NO_PAD.encode(flipped);
                assert_refused(&app, &parts.join("."), &format!("bit {bit} of byte {place} of the {name}")).await;
            }
        }
    }
    let bytes = URL_SAFE_NO_PAD.decode(payload).unwrap();
    let spaced = URL_SAFE_NO_PAD.encode(claims.to_string().replace(':', ": "));
    for (what, payload) in [
        ("padding", URL_SAFE.encode(&bytes)),
        ("a padding that nobody asked for", format!("{payload}=")),
        ("the other alphabet", STANDARD.encode(&bytes)),
        ("other spaces", spaced),
    ] {
        if payload != parts[1] {
            assert_refused(&app, &format!("{head}.{payload}.{signature}"), &format!("{what} in the payload")).await;
        }
    }
    // The last character of the signature carries four unused bits. Only zeros are canonical.
    let last = char::from(signature.as_bytes()[signature.len() - 1]);
    let other = if last == 'B' { 'C' } else { char::from(last as u8 + 1) };
    let loose = format!("{head}.{payload}.{}{other}", &signature[..signature.len() - 1]);
    assert_refused(&app, &loose, "a second spelling of the same signature").await;
    let text = claims.to_string();
    let double = format!("{{\"patient\":\"bob\",{}", &text[1..]);
    assert_refused(&app, &mint.sign(&mint.header().to_string(), &double).await, "patient twice, bob first").await;
    let double = format!("{},\"patient\":\"bob\"}}", &text[..text.len() - 1]);
    assert_refused(&app, &mint.sign(&mint.header().to_string(), &double).await, "patient twice, bob last").await;
    let double = format!("{{\"alg\":\"none\",{}", &mint.header().to_string()[1..]);
    assert_refused(&app, &mint.sign(&double, &text).await, "alg twice").await;
    app.finish().await;
}

/// T050 and T051
#[tokio::test(flavor = "multi_thread")]
async fn no_other_algorithm_is_taken() {
    let (app, _, mint, claims) = start().await;
    let (n, e) = (URL_SAFE_NO_PAD.decode(&mint.key.n).unwrap(), URL_SAFE_NO_PAD.decode(&mint.key.e).unwrap());
    let public: PublicEncryptingKey = PublicKeyComponents { n: &n, e: &e }.try_into().unwrap();
    let der: PublicKeyX509Der<'_> = public.as_der().unwrap();
    let body = STANDARD.encode(der.as_ref());
    let lines: Vec<&str> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"));
    let jwk = serde_json::to_string(&mint.key).unwrap();
    for (what, secret) in [
        ("PEM", pem.as_bytes()),
        ("DER", der.as_ref()),
        ("JWK", jwk.as_bytes()),
        ("modulus", &n),
        ("modulus in base64url", mint.key.n.as_bytes()),
    ] {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let mut header = Header::new(algorithm);
            (header.typ, header.kid) = (Some("at+jwt".into()), Some(mint.key.kid.clone()));
            let token = encode(&header, &claims, &EncodingKey::from_secret(secret)).unwrap();
            assert_refused(&app, &token, &format!("{algorithm:?} with our public key as {what}")).await;
        }
    }
    for alg in ["RS384", "RS512", "PS256", "PS512", "ES256", "EdDSA", "rs256", "HS256"] {
        let token = mint.sign(&with(&mint.header(), "alg", alg.into()).to_string(), &claims.to_string()).await;
        assert_refused(&app, &token, &format!("{alg} over our own signature")).await;
    }
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let mut header = Header::new(Algorithm::ES256);
    (header.typ, header.kid) = (Some("at+jwt".into()), Some(mint.key.kid.clone()));
    let key = EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref());
    assert_refused(&app, &encode(&header, &claims, &key).unwrap(), "ES256 with a key of one's own").await;
    app.finish().await;
}

/// T053
#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_brings_a_key_or_an_extension_is_refused_and_nothing_is_fetched() {
    let (app, _, mint, claims) = start().await;
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/jwks.json", elsewhere.local_addr().unwrap());
    let own = json!({"kty": "RSA", "n": mint.key.n, "e": mint.key.e, "kid": mint.key.kid});
    for (name, value) in [
        ("jwk", own),
        ("jku", json!(url)),
        ("x5u", json!(url)),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("crit", json!(["b64"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("b64", json!(true)),
    ] {
        let token = mint.sign(&with(&mint.header(), name, value).to_string(), &claims.to_string()).await;
        assert_refused(&app, &token, name).await;
    }
    elsewhere.set_nonblocking(true).unwrap();
    assert!(elsewhere.accept().is_err(), "nobody came to fetch it");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_claim_must_be_there_and_be_right() {
    let (app, _, mint, claims) = start().await;
    let (issuer, base) = (app.url().to_owned(), format!("{}/fhir", app.url()));
    let now = Clock::System.now().seconds();
    let mut refused = 0;
    for (row, name, value) in [
        ("T054", "iss", None),
        ("T054", "iss", Some(json!("https://other.example"))),
        ("T054", "iss", Some(json!(format!("{issuer}/")))),
        ("T054", "iss", Some(json!([issuer]))),
        ("T054", "iss", Some(json!([issuer, "https://other.example"]))),
        ("T054", "aud", None),
        ("T054", "aud", Some(json!("https://other.example/fhir"))),
        ("T054", "aud", Some(json!(issuer))),
        ("T054", "aud", Some(json!("app"))),
        ("T054", "aud", Some(json!(null))),
        ("T054", "aud", Some(json!([]))),
        ("T054", "aud", Some(json!([base, "https://other.example/fhir"]))),
        ("T055", "exp", None),
        ("T055", "exp", Some(json!(now - 31))),
        ("T055", "exp", Some(json!((now + 600).to_string()))),
        ("T055", "exp", Some(json!(-1))),
        ("T055", "exp", Some(json!(null))),
        ("T055", "exp", Some(json!([now + 600]))),
        ("T055", "nbf", Some(json!(now + 600))),
        ("T055", "nbf", Some(json!("soon"))),
        ("T055", "iat", Some(json!(now + 600))),
        ("T055", "iat", None),
        ("T057", "patient", Some(json!("bob"))),
        ("T057", "client_id", Some(json!("server-app"))),
        ("T057", "grant", Some(json!("no-such-grant"))),
        ("T057", "grant", None),
        ("T057", "patient", None),
    ] {
        let changed = value.as_ref().map_or_else(|| without(&claims, name), |value| with(&claims, name, value.clone()));
        let token = mint.sign(&mint.header().to_string(), &changed.to_string()).await;
        let what = format!("{row} {name}: {value:?}");
        assert_refused(&app, &token, &what).await;
        let bobs = app.with_bearer(&token, "Patient/bob").await;
        assert!(bobs.status == StatusCode::UNAUTHORIZED && !bobs.body.contains("CANARY"), "{what}");
        refused += 2;
    }
    let text = without(&claims, "exp").to_string();
    for exp in ["1e308", "1e9999", "9999999999.5", "99999999999999999999999", "-0.0", "NaN", "true"] {
        let token =
            mint.sign(&mint.header().to_string(), &format!("{},\"exp\":{exp}}}", &text[..text.len() - 1])).await;
        assert_refused(&app, &token, &format!("T055 exp {exp}")).await;
    }
    app.answered("GET /fhir/{type}/{id}", 401, refused).await;
    let alarms = app.logs().iter().filter(|line| line.contains("ALARM")).count();
    assert!(alarms >= 4, "somebody signs with our key: two tokens of T057, each sent twice; {alarms} alarms");
    app.finish().await;
}

/// T055, to the second
#[tokio::test(flavor = "multi_thread")]
async fn clocks_may_differ_by_half_a_minute_and_no_more() {
    let (app, tokens, mint, claims) = start().await;
    let (iat, exp) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
    let not_before = with(&claims, "nbf", json!(iat));
    let not_before = mint.sign(&mint.header().to_string(), &not_before.to_string()).await;
    for (seconds, good) in [(iat - 31, false), (iat - 29, true), (exp - 1, true), (exp + 29, true), (exp + 30, false)] {
        let inside = app.inside(&Clock::fixed(Time(seconds * 1000)), [].into()).await;
        let status = inside.with_bearer(&tokens.access, "Patient/alice").await.status;
        assert_eq!(status == StatusCode::OK, good, "{} s after iat, {} s before exp", seconds - iat, exp - seconds);
        if !good {
            assert_eq!(status, StatusCode::UNAUTHORIZED);
            assert_refused(&inside, &not_before, "nor with an nbf").await;
        }
    }
    app.finish().await;
}

/// T056
#[tokio::test(flavor = "multi_thread")]
async fn another_kind_of_token_is_no_access_token() {
    let (app, tokens, mint, claims) = start().await;
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let key = EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref());
    let says = json!({"iss": "app", "sub": "app", "aud": format!("{}/oauth2/token", app.url()), "jti": "1",
        "exp": Clock::System.now().seconds() + 200});
    let assertion = encode(&Header::new(Algorithm::ES256), &says, &key).unwrap();
    assert_refused(&app, tokens.answer["id_token"].as_str().unwrap(), "an id_token").await;
    assert_refused(&app, &assertion, "a client's assertion").await;
    assert_refused(&app, tokens.refresh.as_deref().unwrap(), "a refresh token").await;
    for typ in [json!("JWT"), json!("jwt"), json!("at"), json!(""), json!(null)] {
        let header = with(&mint.header(), "typ", typ.clone());
        assert_refused(&app, &mint.sign(&header.to_string(), &claims.to_string()).await, &format!("typ {typ}")).await;
    }
    let untyped = without(&mint.header(), "typ").to_string();
    assert_refused(&app, &mint.sign(&untyped, &claims.to_string()).await, "no typ").await;
    let form = Request::post(format!("{}/oauth2/token", app.url()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("grant_type=refresh_token&client_id=app&refresh_token={}", tokens.access));
    assert_eq!(
        app.send(form.unwrap()).await.json()["error"],
        "invalid_grant",
        "nor is an access token a refresh token"
    );
    app.finish().await;
}
