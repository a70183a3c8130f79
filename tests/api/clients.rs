//! How apps prove who they are at the token endpoint.
//!
//! An exchange of a code that does not exist tells it: `invalid_client` where the app did not prove itself, `invalid_grant` where
//! it did and only the code is wrong.

use aws_lc_rs::digest::{SHA384, digest};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA384, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value as Json, json};
use shared::clock::{Clock, Time};
use shared::config::{Config, Issuer};
use shared::oauth::Server;
use shared::oauth::client::{Authentication, Client, ClientSecret};
use shared::secret::{Random, Secret};
use shared::store::Aws;
use tests::{App, AuthorizeOptions, Publisher, REDIRECT_URI, Reply, Tokens, VERIFIER, basic};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A key pair of an app.
enum Pair {
    Ec(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl Pair {
    fn ec() -> Pair {
        Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap())
    }

    fn rsa() -> Pair {
        Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    fn alg(&self) -> &'static str {
        if matches!(self, Pair::Ec(_)) { "ES384" } else { "RS384" }
    }

    /// As it is registered.
    fn jwk(&self, kid: &str) -> Json {
        match self {
            Pair::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(48);
                json!({"kty": "EC", "crv": "P-384", "kid": kid, "alg": "ES384",
                    "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
            }
            Pair::Rsa(pair) => {
                // A SubjectPublicKeyInfo of 2048 bits is 294 bytes: the modulus from the 33rd, and the exponent at the end.
                let der = pair.public_key().as_der().unwrap();
                let (n, e) = (&der.as_ref()[33..289], &der.as_ref()[291..]);
                json!({"kty": "RSA", "kid": kid, "use": "sig", "n": URL_SAFE_NO_PAD.encode(n), "e": URL_SAFE_NO_PAD.encode(e)})
            }
        }
    }

    fn sign(&self, header: &Json, claims: &Json) -> String {
        let text = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
        let message = format!("{}.{}", text(header), text(claims));
        let digest = digest(&SHA384, message.as_bytes());
        let signature = match self {
            Pair::Ec(pair) => pair.sign_digest(&digest).unwrap().as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(&RSA_PKCS1_SHA384, &digest, &mut signature).unwrap();
                signature
            }
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A good assertion, with a `jti` of its own.
    fn assertion(&self, app: &App, client: &str, kid: &str) -> String {
        self.sign(&self.header(kid), &claims(app, client))
    }

    fn header(&self, kid: &str) -> Json {
        json!({"alg": self.alg(), "typ": "JWT", "kid": kid})
    }
}

fn claims(app: &App, client: &str) -> Json {
    let exp = Clock::System.now().seconds() + 200;
    let jti = Random::system().identifier();
    json!({"iss": client, "sub": client, "aud": format!("{}/oauth2/token", app.url()), "exp": exp, "jti": jti})
}

fn with(mut json: Json, name: &str, value: Json) -> Json {
    json[name] = value;
    json
}

fn without(mut json: Json, name: &str) -> Json {
    json.as_object_mut().unwrap().remove(name);
    json
}

async fn register(app: &App, id: &str, authentication: Authentication) {
    let client = Client { authentication, ..Client::new(id, id, &[REDIRECT_URI], Clock::System.now()) };
    app.register(&client).await;
}

fn set(keys: &[Json]) -> Json {
    json!({ "keys": keys })
}

fn inline(keys: &[Json]) -> Authentication {
    Authentication::Keys(serde_json::from_value(set(keys)).unwrap())
}

/// Exchanges a code that does not exist, with this proof.
async fn prove(app: &App, form: &[(&str, &str)], headers: HeaderMap) -> Reply {
    let code = [
        ("grant_type", "authorization_code"),
        ("code", "no-such-code"),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
    ];
    app.token(&[&code, form].concat(), headers).await
}

async fn assert_with(app: &App, assertion: &str) -> Reply {
    prove(app, &[("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)], HeaderMap::new()).await
}

#[track_caller]
fn proven(reply: &Reply) {
    assert_eq!(
        (reply.status, &reply.json()["error"]),
        (StatusCode::BAD_REQUEST, &json!("invalid_grant")),
        "{}",
        reply.body
    );
}

/// Refused, with a word of the reason.
#[track_caller]
fn refused(reply: &Reply, word: &str) {
    let answer = reply.json();
    assert_eq!(
        (reply.status, &answer["error"]),
        (StatusCode::UNAUTHORIZED, &json!("invalid_client")),
        "{}",
        reply.body
    );
    let told = answer["error_description"].as_str().unwrap();
    assert!(told.contains(word), "{word}: {told}");
}

/// The token function in this process, under another issuer or at another time.
async fn in_process(app: &App, issuer: Issuer, clock: Clock) -> Server {
    let mut config = Config::from_lookup(&[], |name| app.environment().get(name).cloned()).unwrap();
    config.issuer = Some(issuer);
    Server::new(&Aws::local(app.environment()).await, config, clock, Random::system()).await.unwrap()
}

/// What it answers to an exchange of a code that does not exist.
async fn error_of(server: &Server, assertion: &str) -> Json {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", "no-such-code"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion),
    ];
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish().into_bytes();
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, "application/x-www-form-urlencoded".parse().unwrap());
    let request = shared::http::Request { method: Method::POST, headers, body, ..Default::default() };
    let answer: Json = serde_json::from_slice(Box::pin(server.token(request)).await.body()).unwrap();
    answer["error"].clone()
}

fn authorization(value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, value.parse().unwrap());
    headers
}

/// T031
#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_app_proves_itself_in_its_own_way_and_no_other() {
    let app = App::empty().await;
    let secret = app.client_secret.clone();
    let none = HeaderMap::new;
    // A public app names itself. Libraries that send an empty secret mean none.
    proven(&prove(&app, &[("client_id", "app")], none()).await);
    proven(&prove(&app, &[("client_id", "app"), ("client_secret", "")], none()).await);
    refused(&prove(&app, &[("client_id", "app"), ("client_secret", &secret)], none()).await, "no secret");
    refused(&prove(&app, &[], basic("app", &secret)).await, "no secret");
    // A confidential one sends its secret, once.
    let id = ("client_id", "server-app");
    proven(&prove(&app, &[id, ("client_secret", &secret)], none()).await);
    proven(&prove(&app, &[], basic("server-app", &secret)).await);
    proven(&prove(&app, &[id], basic("server-app", &secret)).await);
    refused(&prove(&app, &[id], none()).await, "confidential");
    refused(&prove(&app, &[id, ("client_secret", "")], none()).await, "confidential");
    refused(&prove(&app, &[id, ("client_secret", "wrong")], none()).await, "wrong");
    refused(&prove(&app, &[id, ("client_secret", &secret)], basic("server-app", &secret)).await, "twice");
    refused(
        &prove(&app, &[("client_id", "app")], basic("server-app", &secret)).await,
        "not the one in the Authorization",
    );
    refused(&prove(&app, &[("client_id", "nobody")], none()).await, "not registered");
    refused(&prove(&app, &[("client_id", &"x".repeat(5000))], none()).await, "not registered");
    refused(&prove(&app, &[], none()).await, "client_id is missing");
    let twice = prove(&app, &[id, id], none()).await;
    assert_eq!((twice.status, &twice.json()["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_request")));
    // Whoever registered keys signs, and sends no secret.
    let pair = Pair::ec();
    register(&app, "keyed", inline(&[pair.jwk("k1")])).await;
    let keyed = ("client_id", "keyed");
    refused(&prove(&app, &[keyed], none()).await, "confidential");
    refused(&prove(&app, &[keyed, ("client_secret", &secret)], none()).await, "no secret");
    let assertion = pair.assertion(&app, "keyed", "k1");
    let proof = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &*assertion)];
    refused(&prove(&app, &[&proof[..], &[("client_secret", "x")]].concat(), none()).await, "two ways");
    refused(&prove(&app, &proof, basic("keyed", "x")).await, "two ways");
    refused(&prove(&app, &[&proof[..], &[id]].concat(), none()).await, "not the sub");
    refused(&prove(&app, &proof[1..], none()).await, "client_assertion_type");
    proven(&prove(&app, &[&proof[..], &[keyed]].concat(), none()).await);
    app.finish().await;
}

/// T031
#[tokio::test(flavor = "multi_thread")]
async fn http_basic_is_read_as_written_and_as_many_libraries_write_it() {
    let app = App::empty().await;
    let special = "p@ss:w+rd%41=&/ü";
    let secret = ClientSecret::new("one", &Secret::from_client(special), Clock::System.now());
    register(&app, "special.app", Authentication::Secret(vec![secret])).await;
    let encoded = form_urlencoded::byte_serialize(special.as_bytes()).collect::<String>();
    for text in [format!("special.app:{special}"), format!("special.app:{encoded}"), format!("special%2Eapp:{encoded}")]
    {
        for scheme in ["Basic", "basic", "BASIC"] {
            proven(&prove(&app, &[], authorization(&format!("{scheme} {}", STANDARD.encode(&text)))).await);
        }
    }
    for value in [
        "Basic",
        "Basic !!!",
        &format!("Basic {}", STANDARD.encode("no colon")),
        &format!("Basic {}", STANDARD.encode(b"\xff\xfe:\xff")),
        &format!("Digest {}", STANDARD.encode(format!("special.app:{special}"))),
    ] {
        let reply = prove(&app, &[], authorization(value)).await;
        refused(&reply, "HTTP Basic");
        assert!(reply.header("www-authenticate").starts_with("Basic realm="), "{value}");
    }
    let wrong = prove(&app, &[], basic("special.app", "wrong")).await;
    assert!(wrong.header("www-authenticate").starts_with("Basic realm="));
    let in_form = prove(&app, &[("client_id", "special.app"), ("client_secret", "wrong")], HeaderMap::new()).await;
    assert_eq!(in_form.header("www-authenticate"), "", "who did not try HTTP Basic is not asked for it");
    app.finish().await;
}

/// T031
#[tokio::test(flavor = "multi_thread")]
async fn two_secrets_are_good_side_by_side_and_one_that_is_over_is_not() {
    let app = App::empty().await;
    let now = Clock::System.now();
    let [old, new, over] = [(); 3].map(|()| Random::system().secret());
    let ended = ClientSecret { expires_at: Some(Time(now.0 - 1)), ..ClientSecret::new("over", &over, now) };
    let secrets = vec![ClientSecret::new("old", &old, now), ClientSecret::new("new", &new, now), ended];
    register(&app, "rotating", Authentication::Secret(secrets)).await;
    for good in [&old, &new] {
        proven(&prove(&app, &[], basic("rotating", good.reveal())).await);
    }
    refused(&prove(&app, &[], basic("rotating", over.reveal())).await, "over");
    app.finish().await;
}

/// T032
#[tokio::test(flavor = "multi_thread")]
async fn an_app_signs_in_with_its_key_and_each_assertion_counts_once() {
    let app = App::start().await;
    let (ec, rsa) = (Pair::ec(), Pair::rsa());
    // Two keys of different kinds may have one name.
    register(&app, "keyed", inline(&[ec.jwk("k1"), rsa.jwk("k1"), rsa.jwk("k2")])).await;
    let options = AuthorizeOptions::new(&app, "alice", "patient/*.rs").with("client_id", Some("keyed"));
    let code = app.authorize(&options).await.redirected("code").unwrap();
    let good = ec.assertion(&app, "keyed", "k1");
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", &*good),
    ];
    let tokens = Tokens::of(&app.token(&form, HeaderMap::new()).await);
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::OK);
    refused(&assert_with(&app, &good).await, "used before");
    for kid in ["k1", "k2"] {
        proven(&assert_with(&app, &rsa.assertion(&app, "keyed", kid)).await);
    }
    app.finish().await;
}

/// T032
#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_that_breaks_a_rule_signs_nobody_in() {
    let app = App::empty().await;
    let (own, rsa, foreign) = (Pair::ec(), Pair::rsa(), Pair::ec());
    register(&app, "keyed", inline(&[own.jwk("k1"), rsa.jwk("r1")])).await;
    register(&app, "other", inline(&[foreign.jwk("k1")])).await;
    let (header, now) = (own.header("k1"), Clock::System.now().seconds());
    let claim = |name: &str, value: Json| own.sign(&header, &with(claims(&app, "keyed"), name, value));
    let missing = |name: &str| own.sign(&header, &without(claims(&app, "keyed"), name));
    let head = |name: &str, value: Json| own.sign(&with(header.clone(), name, value), &claims(&app, "keyed"));
    let good = own.assertion(&app, "keyed", "k1");
    let unsigned = format!("{}.", good.rsplit_once('.').unwrap().0);
    let hs256 = {
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
        let key = jsonwebtoken::EncodingKey::from_secret(rsa.jwk("r1")["n"].as_str().unwrap().as_bytes());
        jsonwebtoken::encode(&header, &claims(&app, "keyed"), &key).unwrap()
    };
    for (what, assertion, word) in [
        ("another's key", foreign.assertion(&app, "keyed", "k1"), "does not verify"),
        ("an unknown kid", own.assertion(&app, "keyed", "k2"), "kid"),
        ("no kid", own.sign(&without(header.clone(), "kid"), &claims(&app, "keyed")), "kid"),
        ("a key of another kind", own.assertion(&app, "keyed", "r1"), "kid"),
        ("another audience", claim("aud", json!("https://other.example/token")), "aud"),
        ("the FHIR base as audience", claim("aud", json!(format!("{}/fhir", app.url()))), "aud"),
        ("no audience", missing("aud"), "aud"),
        ("an old one", claim("exp", json!(now - 31)), "five minutes"),
        ("one for an hour", claim("exp", json!(now + 3600)), "five minutes"),
        ("one for ever", claim("exp", json!(i64::MAX)), "five minutes"),
        ("a text as end", claim("exp", json!("soon")), "JWT"),
        ("no end", missing("exp"), "JWT"),
        ("one of tomorrow", claim("nbf", json!(now + 100)), "nbf"),
        ("no jti", missing("jti"), "JWT"),
        ("an empty jti", claim("jti", json!("")), "jti"),
        ("an endless jti", claim("jti", json!("j".repeat(257))), "jti"),
        ("no sub", missing("sub"), "JWT"),
        ("no iss", missing("iss"), "JWT"),
        ("another issuer", claim("iss", json!("app")), "iss"),
        ("another app's sub", claim("sub", json!("other")), "iss"),
        ("nobody's sub", claim("sub", json!("nobody")), "not registered"),
        ("a public app's sub", own.assertion(&app, "app", "k1"), "no keys"),
        ("alg none", own.sign(&json!({"alg": "none", "kid": "k1"}), &claims(&app, "keyed")), "JWT"),
        ("no signature", unsigned, "does not verify"),
        ("the public key as a secret", hs256, "RS384 or ES384"),
        ("RS256", rsa.sign(&json!({"alg": "RS256", "kid": "r1"}), &claims(&app, "keyed")), "RS384 or ES384"),
        ("an access token's typ", head("typ", json!("at+jwt")), "typ"),
        ("crit", head("crit", json!(["exp"])), "crit"),
        ("b64", head("b64", json!(false)), "b64"),
        ("a jku that nobody registered", head("jku", json!("https://evil.example/jwks")), "jku"),
        ("garbage", "a.b.c".to_owned(), "JWT"),
        ("nothing", String::new(), "JWT"),
    ] {
        let reply = assert_with(&app, &assertion).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]),
            (StatusCode::UNAUTHORIZED, &json!("invalid_client")),
            "{what}"
        );
        assert!(reply.json()["error_description"].as_str().unwrap().contains(word), "{what}: {}", reply.body);
    }
    // The key that a token brings along counts for nothing.
    let brought = with(foreign.header("k1"), "jwk", foreign.jwk("k1"));
    refused(&assert_with(&app, &foreign.sign(&brought, &claims(&app, "keyed"))).await, "does not verify");
    // Clocks may differ by half a minute, and an audience may be one of a list.
    proven(&assert_with(&app, &claim("exp", json!(now - 20))).await);
    proven(&assert_with(&app, &claim("aud", json!([format!("{}/oauth2/token", app.url())]))).await);
    proven(&assert_with(&app, &good).await);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apps_keys_are_fetched_where_it_publishes_them_and_kept_as_long_as_it_says() {
    let app = App::empty().await;
    let (one, two) = (Pair::ec(), Pair::rsa());
    let publisher = Publisher::start(&set(&[one.jwk("k1")]).to_string(), "max-age=60").await;
    register(&app, "hosted", Authentication::KeysAt(publisher.url.clone())).await;
    for _ in 0..3 {
        proven(&assert_with(&app, &one.assertion(&app, "hosted", "k1")).await);
    }
    assert_eq!(publisher.count(), 1, "kept");
    // A made-up kid must not make us press the app's server.
    for number in 0..20 {
        refused(&assert_with(&app, &one.assertion(&app, "hosted", &format!("unknown-{number}"))).await, "kid");
    }
    assert_eq!(publisher.count(), 1);
    // The jku may say what is registered, and nothing else.
    let jku = |url: &str| one.sign(&with(one.header("k1"), "jku", json!(url)), &claims(&app, "hosted"));
    proven(&assert_with(&app, &jku(&publisher.url)).await);
    let other = Publisher::start(&set(&[one.jwk("k1")]).to_string(), "no-store").await;
    refused(&assert_with(&app, &jku(&other.url)).await, "jku");
    assert_eq!(other.count(), 0, "no URL of an assertion is ever fetched");

    // What may not be kept is fetched each time: a key that is gone is refused at once, and a new one is good.
    register(&app, "fresh", Authentication::KeysAt(other.url.clone())).await;
    proven(&assert_with(&app, &one.assertion(&app, "fresh", "k1")).await);
    other.publish(&set(&[two.jwk("k2")]).to_string(), "no-store");
    refused(&assert_with(&app, &one.assertion(&app, "fresh", "k1")).await, "kid");
    proven(&assert_with(&app, &two.assertion(&app, "fresh", "k2")).await);
    assert_eq!(other.count(), 3);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apps_new_key_is_found_half_a_minute_after_the_last_fetch() {
    let app = App::empty().await;
    let (one, two) = (Pair::ec(), Pair::ec());
    let publisher = Publisher::start(&set(&[one.jwk("k1")]).to_string(), "max-age=86400").await;
    register(&app, "hosted", Authentication::KeysAt(publisher.url.clone())).await;
    let clock = Clock::fixed(Clock::System.now());
    let server = in_process(&app, Issuer::parse(app.url()).unwrap(), clock.clone()).await;
    assert_eq!(error_of(&server, &one.assertion(&app, "hosted", "k1")).await, "invalid_grant");
    publisher.publish(&set(&[two.jwk("k2")]).to_string(), "max-age=86400");
    clock.advance(29);
    assert_eq!(error_of(&server, &two.assertion(&app, "hosted", "k2")).await, "invalid_client");
    clock.advance(1);
    assert_eq!(error_of(&server, &two.assertion(&app, "hosted", "k2")).await, "invalid_grant");
    assert_eq!(publisher.count(), 2);
    // However long the app would let us, nothing is kept for more than five minutes.
    clock.advance(120);
    assert_eq!(error_of(&server, &two.assertion(&app, "hosted", "k2")).await, "invalid_grant");
    assert_eq!(publisher.count(), 2);
    let clock = Clock::fixed(Clock::System.now().plus_seconds(-290));
    let server = in_process(&app, Issuer::parse(app.url()).unwrap(), clock.clone()).await;
    let early = |pair: &Pair| {
        let exp = json!(clock.now().seconds() + 200);
        pair.sign(&pair.header("k2"), &with(claims(&app, "hosted"), "exp", exp))
    };
    for (seconds, fetched) in [(0, 3), (299, 3), (1, 4)] {
        clock.advance(seconds);
        assert_eq!(error_of(&server, &early(&two)).await, "invalid_grant");
        assert_eq!(publisher.count(), fetched);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_set_that_is_slow_large_moved_or_no_json_signs_nobody_in() {
    let app = App::empty().await;
    let pair = Pair::ec();
    let keys = set(&[pair.jwk("k1")]);
    let good = keys.to_string();
    let large = with(keys.clone(), "padding", json!(" ".repeat(64 * 1024))).to_string();
    let answer = |head: &str, body: &str| format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let elsewhere = Publisher::start(&good, "max-age=60").await;
    for (id, bytes) in [
        ("moved", answer(&format!("302 Found\r\nLocation: {}", elsewhere.url), "")),
        ("missing", answer("404 Not Found\r\nContent-Type: application/json", &good)),
        ("page", answer("200 OK\r\nContent-Type: text/html", &good)),
        ("large", answer("200 OK\r\nContent-Type: application/json", &large)),
        ("list", answer("200 OK\r\nContent-Type: application/json", "[]")),
        (
            "cut",
            format!("{}x", answer("200 OK\r\nContent-Type: application/json", &good)).replace("Length: ", "Length: 9"),
        ),
        ("slow", String::new()),
    ] {
        let publisher = Publisher::start("", "").await;
        publisher.answer(&bytes);
        register(&app, id, Authentication::KeysAt(publisher.url.clone())).await;
        refused(&assert_with(&app, &pair.assertion(&app, id, "k1")).await, "the registered JWKS URL gave no key set");
        // A failure is remembered for a while.
        refused(&assert_with(&app, &pair.assertion(&app, id, "k1")).await, "the registered JWKS URL gave no key set");
        assert_eq!(publisher.count(), 1, "{id}");
    }
    assert_eq!(elsewhere.count(), 0, "no redirect is followed");
    let publisher = Publisher::start("", "").await;
    publisher.answer(&answer("200 OK\r\nContent-Type: application/jwk-set+json; charset=utf-8", &good));
    register(&app, "good", Authentication::KeysAt(publisher.url.clone())).await;
    proven(&assert_with(&app, &pair.assertion(&app, "good", "k1")).await);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_set_is_fetched_from_where_only_we_can_reach() {
    let app = App::empty().await;
    let pair = Pair::ec();
    for (number, url) in [
        "https://10.0.0.1/jwks",
        "https://192.168.0.1:8443/jwks",
        "http://169.254.169.254/latest/meta-data",
        "https://169.254.169.254/latest/meta-data",
        "https://[fd00:ec2::254]/latest",
        "https://[::ffff:10.0.0.1]/jwks",
        "http://app.example/jwks",
        "file:///etc/passwd",
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("inner-{number}");
        register(&app, &id, Authentication::KeysAt(url.to_owned())).await;
        refused(&assert_with(&app, &pair.assertion(&app, &id, "k1")).await, "from a public address");
    }
    // The same stack, on the internet: now this machine is out of bounds, too.
    let publisher = Publisher::start(&set(&[pair.jwk("k1")]).to_string(), "max-age=60").await;
    let secure = publisher.url.replace("http:", "https:");
    register(&app, "plain", Authentication::KeysAt(publisher.url.clone())).await;
    register(&app, "secure", Authentication::KeysAt(secure.clone())).await;
    register(&app, "named", Authentication::KeysAt(secure.replace("127.0.0.1", "localhost"))).await;
    let issuer = Issuer::parse("https://fhir.example.org").unwrap();
    let server = in_process(&app, issuer, Clock::System).await;
    for id in ["plain", "secure", "named"] {
        let aud = json!("https://fhir.example.org/oauth2/token");
        let assertion = pair.sign(&pair.header("k1"), &with(claims(&app, id), "aud", aud));
        assert_eq!(error_of(&server, &assertion).await, "invalid_client", "{id}");
    }
    assert_eq!(publisher.count(), 0);
    app.finish().await;
}

/// T033, T034
#[tokio::test(flavor = "multi_thread")]
async fn the_token_endpoint_takes_one_form_and_the_two_grant_types_it_has() {
    let app = App::empty().await;
    for (grant_type, error) in [
        (Some("password"), "unsupported_grant_type"),
        (Some("implicit"), "unsupported_grant_type"),
        (Some("client_credentials"), "unsupported_grant_type"),
        (Some("urn:ietf:params:oauth:grant-type:device_code"), "unsupported_grant_type"),
        (Some("AUTHORIZATION_CODE"), "unsupported_grant_type"),
        (Some(""), "unsupported_grant_type"),
        (None, "invalid_request"),
    ] {
        let mut form = vec![("client_id", "app"), ("username", "alice"), ("password", "x")];
        form.extend(grant_type.map(|kind| ("grant_type", kind)));
        let reply = app.token(&form, HeaderMap::new()).await;
        assert_eq!((reply.status, &reply.json()["error"]), (StatusCode::BAD_REQUEST, &json!(error)), "{grant_type:?}");
    }
    for name in ["grant_type", "code", "client_id", "client_secret", "code_verifier", "redirect_uri"] {
        let reply = prove(
            &app,
            &[("client_id", "server-app"), ("client_secret", "x"), (name, "a"), (name, "a")],
            HeaderMap::new(),
        )
        .await;
        assert!(
            matches!(reply.json()["error"].as_str(), Some("invalid_request" | "invalid_client")),
            "{name}: {}",
            reply.body
        );
    }
    for content_type in [None, Some("application/json"), Some("multipart/form-data")] {
        let mut request = Request::post(format!("{}/oauth2/token", app.url()));
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        let body = json!({"grant_type": "authorization_code", "client_id": "app"}).to_string();
        let reply = app.send(request.body(body).unwrap()).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]),
            (StatusCode::BAD_REQUEST, &json!("invalid_request")),
            "{content_type:?}"
        );
    }
    assert_eq!(app.get("/oauth2/token?grant_type=authorization_code").await.status, StatusCode::METHOD_NOT_ALLOWED);
    app.finish().await;
}
