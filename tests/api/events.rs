//! The events of `events/`: each is handed to the real function, as Lambda does, and sent as the HTTP request that it
//! stands for.
//!
//! A route of the template without an event fails, and so does an event without a row here. To add an event, add a file
//! (`events/<function>/<what>.json`) and a row.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use patient_access::load::Source;
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use shared::oauth::client::Client;
use tests::{App, AuthorizeOptions, Tokens, VERIFIER, checkout};

/// Whether API Gateway makes such an event of a request.
#[derive(Clone, Copy, PartialEq)]
enum Sent {
    /// It does: the request gets the same answer.
    ByGateway,
    /// It never does: somebody else sends this event.
    Otherwise,
}
use Sent::{ByGateway, Otherwise};

/// File, status, and a text in the answer's headers or body.
const EVENTS: &[(&str, u64, &str, Sent)] = &[
    ("account/account", 303, "/login", ByGateway),
    ("account/account-head", 303, "/login", ByGateway),
    ("account/account-form", 403, "<!doctype html>", ByGateway),
    ("authorize/authorize", 303, "/login?request=", ByGateway),
    ("authorize/authorize-head", 303, "/login?request=", ByGateway),
    ("authorize/authorize-form", 303, "/login?request=", ByGateway),
    ("authorize/consent", 400, "<!doctype html>", ByGateway),
    ("authorize/consent-head", 400, "<!doctype html>", ByGateway),
    ("authorize/consent-form", 400, "<!doctype html>", ByGateway),
    ("authorize/duplicate-parameter", 400, "redirect_uri", ByGateway),
    ("authorize/foreign-form", 403, "<!doctype html>", ByGateway),
    ("authorize/login", 400, "<!doctype html>", ByGateway),
    ("authorize/login-head", 400, "<!doctype html>", ByGateway),
    ("authorize/login-form", 403, "<!doctype html>", ByGateway),
    ("authorize/many-cookies", 400, "<!doctype html>", ByGateway),
    ("everything/other-operation", 404, "OperationOutcome", ByGateway),
    ("everything/record", 200, "Coverage/ada-coverage", ByGateway),
    ("everything/record-head", 200, "Coverage/ada-coverage", ByGateway),
    ("everything/record-form", 200, "Coverage/ada-coverage", ByGateway),
    ("fallback/default", 404, "not_found", ByGateway),
    ("fallback/dots", 404, "OperationOutcome", ByGateway),
    ("fallback/method", 405, "OperationOutcome", ByGateway),
    ("fallback/preflight", 204, "Authorization", ByGateway),
    ("fallback/stage-prefix", 404, "not_found", ByGateway),
    ("fallback/unknown-method", 405, "OperationOutcome", ByGateway),
    ("introspect/access-token", 200, "\"active\":true", ByGateway),
    ("introspect/no-proof", 401, "invalid_client", ByGateway),
    ("jwks/jwks", 200, "\"kty\":\"RSA\"", ByGateway),
    ("jwks/jwks-head", 200, "\"kty\":\"RSA\"", ByGateway),
    ("metadata/bare", 200, "CapabilityStatement", ByGateway),
    ("metadata/brands", 200, "Organization", ByGateway),
    ("metadata/brands-head", 200, "Organization", ByGateway),
    ("metadata/capability", 200, "CapabilityStatement", ByGateway),
    ("metadata/capability-head", 200, "CapabilityStatement", ByGateway),
    ("metadata/documentation", 200, "<!doctype html>", ByGateway),
    ("metadata/documentation-head", 200, "<!doctype html>", ByGateway),
    ("metadata/nulls", 200, "CapabilityStatement", Otherwise),
    ("metadata/oauth", 200, "token_endpoint", ByGateway),
    ("metadata/oauth-head", 200, "token_endpoint", ByGateway),
    ("metadata/openid", 200, "token_endpoint", ByGateway),
    ("metadata/openid-head", 200, "token_endpoint", ByGateway),
    ("metadata/openapi", 200, "\"openapi\":\"3.0.3\"", ByGateway),
    ("metadata/openapi-head", 200, "\"openapi\":\"3.0.3\"", ByGateway),
    ("metadata/smart", 200, "token_endpoint", ByGateway),
    ("metadata/smart-head", 200, "token_endpoint", ByGateway),
    ("read/decoded-path", 404, "OperationOutcome", ByGateway),
    ("read/documents", 200, "/fhir/DocumentReference/$docref?patient=ada", ByGateway),
    ("read/encoded-path", 404, "OperationOutcome", ByGateway),
    ("read/not-hers", 404, "OperationOutcome", ByGateway),
    ("read/patient", 200, "\"birthDate\":\"1948-03-09\"", ByGateway),
    ("read/patient-head", 200, "\"birthDate\":\"1948-03-09\"", ByGateway),
    ("read/stage-prefix", 200, "\"birthDate\":\"1948-03-09\"", Otherwise),
    ("read/token-in-query", 401, "Bearer", ByGateway),
    ("read/two-authorizations", 401, "invalid_token", ByGateway),
    ("read/version", 200, "\"birthDate\":\"1948-03-09\"", ByGateway),
    ("read/version-head", 200, "\"birthDate\":\"1948-03-09\"", ByGateway),
    ("revoke/unknown-token", 200, "no-store", ByGateway),
    ("search/broken-query", 400, "OperationOutcome", ByGateway),
    ("search/claims", 200, "ExplanationOfBenefit/ada-claim-2", ByGateway),
    ("search/claims-head", 200, "ExplanationOfBenefit/ada-claim-2", ByGateway),
    ("search/duplicate-parameter", 200, "\"total\":1", ByGateway),
    ("search/form", 200, "Coverage/ada-coverage", ByGateway),
    ("search/no-headers", 401, "Bearer", ByGateway),
    ("search/two-patients", 403, "OperationOutcome", ByGateway),
    ("search/wrong-body", 400, "OperationOutcome", Otherwise),
    ("signin/answer", 400, "<!doctype html>", ByGateway),
    ("signin/keys", 200, "\"kty\":\"RSA\"", ByGateway),
    ("signin/logout", 400, "invalid_request", ByGateway),
    ("signin/start", 404, "<!doctype html>", ByGateway),
    ("token/broken-base64", 400, "invalid_request", Otherwise),
    ("token/code", 400, "invalid_grant", ByGateway),
    ("token/duplicate-parameter", 400, "invalid_request", ByGateway),
    ("token/json-body", 400, "invalid_request", ByGateway),
    ("token/no-body", 400, "invalid_request", ByGateway),
    ("token/plain-form", 400, "invalid_grant", ByGateway),
    ("token/two-authorizations", 401, "invalid_client", ByGateway),
    ("userinfo/userinfo", 200, "\"sub\":\"ada\"", ByGateway),
    ("userinfo/userinfo-head", 200, "\"sub\":\"ada\"", ByGateway),
    ("userinfo/userinfo-form", 401, "Bearer", ByGateway),
];

fn folder() -> PathBuf {
    checkout().join("events")
}

/// The names of all events, `<function>/<what>`.
fn names() -> BTreeSet<String> {
    let inside = |path: &Path| std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let files = inside(&folder()).into_iter().filter(|path| path.is_dir()).flat_map(|path| inside(&path));
    let name = |path: PathBuf| path.strip_prefix(folder()).unwrap().with_extension("").to_str().unwrap().to_owned();
    files.map(name).collect()
}

/// An event with the issuer and the token of a stack instead of those in the file.
fn event(name: &str, issuer: &str, token: &str) -> Json {
    let text = std::fs::read_to_string(folder().join(name).with_extension("json")).unwrap();
    let text = text.replace("ACCESS_TOKEN", token);
    let encoded = |url: &str| form_urlencoded::byte_serialize(url.as_bytes()).collect::<String>();
    let here = |text: &str| {
        let text = text.replace("http://127.0.0.1:9000", issuer);
        text.replace(&encoded("http://127.0.0.1:9000"), &encoded(issuer))
    };
    let mut event: Json = serde_json::from_str(&here(&text)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let body =
        event["body"].as_str().and_then(|body| STANDARD.decode(body).ok()).and_then(|b| String::from_utf8(b).ok());
    if let (Some(body), Some(true)) = (body, event["isBase64Encoded"].as_bool()) {
        event["body"] = STANDARD.encode(here(&body)).into();
    }
    event
}

#[test]
fn every_route_of_the_template_has_an_event_and_every_event_a_row() {
    let routes = local_stack::routes(&checkout().join("template.yaml")).unwrap();
    let names = names();
    let rows: BTreeSet<String> = EVENTS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(rows, names, "left: rows of this table; right: files in events/");
    let mut covered = BTreeSet::new();
    for name in &names {
        let route = event(name, "", "")["routeKey"].as_str().unwrap_or_default().to_owned();
        let function = name.split('/').next();
        assert_eq!(routes.get(&route).map(String::as_str), function, "events/{name}.json has the route {route:?}");
        covered.insert(route);
    }
    let missing: Vec<String> = routes
        .iter()
        .filter(|(key, _)| !covered.contains(*key))
        .map(|(key, binary)| format!("{key} in events/{binary}/"))
        .collect();
    assert!(missing.is_empty(), "these routes have no event; copy a similar one: {missing:#?}");
}

/// T113
#[tokio::test(flavor = "multi_thread")]
async fn every_event_gets_the_answer_that_its_request_gets() {
    let (app, tokens) = stack().await;
    let mut wrong = Vec::new();
    for (name, status, fact, sent) in EVENTS {
        let event = event(name, app.url(), &tokens.access);
        let answer = app.invoke(name.split('/').next().unwrap(), &event).await;
        let (headers, body) = (&answer["headers"], answer["body"].as_str().unwrap_or_default());
        if answer["statusCode"] != *status || !(body.contains(fact) || headers.to_string().contains(fact)) {
            wrong.push(format!("{name}: expected {status} and {fact}: {answer}"));
        }
        if *sent == Otherwise {
            continue;
        }
        let reply = app.send(request(&event, app.url())).await;
        // The gateway keeps the content of an answer to `HEAD`.
        let is_head = event["requestContext"]["http"]["method"] == "HEAD";
        let same = reply.status.as_u16() == answer["statusCode"]
            && if is_head { reply.body.is_empty() } else { lasting(&reply.body) == lasting(body) }
            && headers
                .as_object()
                .unwrap()
                .iter()
                .all(|(header, value)| lasting(reply.header(header)) == lasting(value.as_str().unwrap()));
        if !same {
            wrong.push(format!("{name}: the event gets {answer}, its request {reply:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    app.finish().await;
}

/// A text without the parts that are new each time: the ids of requests, and the nonces of pages.
fn lasting(text: &str) -> String {
    let is_random =
        |word: &str| word.len() >= 32 && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    let cut = |c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c);
    text.split(cut).filter(|word| !is_random(word)).collect::<Vec<_>>().join(" ")
}

/// The request from which API Gateway makes this event.
fn request(event: &Json, url: &str) -> Request<String> {
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let encode = |byte: u8| match byte {
        b'/' | b'-' | b'.' | b'_' | b'~' | b'$' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    let path: String = text(&event["rawPath"]).bytes().map(encode).collect();
    let query = match text(&event["rawQueryString"]) {
        query if query.is_empty() => query,
        query => format!("?{query}"),
    };
    let mut request = Request::builder()
        .method(text(&event["requestContext"]["http"]["method"]).as_str())
        .uri(format!("{url}{path}{query}"));
    for (name, value) in event["headers"].as_object().into_iter().flatten().filter(|(name, _)| *name != "host") {
        request = request.header(name, text(value));
    }
    let cookies: Vec<String> = event["cookies"].as_array().into_iter().flatten().map(text).collect();
    if !cookies.is_empty() {
        request = request.header("cookie", cookies.join("; "));
    }
    let body = text(&event["body"]);
    let body = match event["isBase64Encoded"].as_bool() {
        Some(true) => String::from_utf8(STANDARD.decode(body).unwrap()).unwrap(),
        _ => body,
    };
    request.body(body).unwrap()
}

/// A stack with the members and the app of the events: `ada`, `ben`, and the sample app.
async fn stack() -> (App, Tokens) {
    let app = App::empty().await;
    let member = |id: &str, born: &str| {
        let me = json!({"reference": format!("Patient/{id}")});
        let mut record = vec![
            json!({"resourceType": "Patient", "id": id, "birthDate": born}),
            json!({"resourceType": "Coverage", "id": format!("{id}-coverage"), "status": "active", "beneficiary": me}),
        ];
        record.extend((1..=2).map(|number| {
            json!({"resourceType": "ExplanationOfBenefit", "id": format!("{id}-claim-{number}"), "patient": me,
                "created": format!("2025-0{}-10", number * 2)})
        }));
        record
    };
    let report = app.load(Source::Memory([member("ada", "1948-03-09"), member("ben", "1990-01-01")].concat())).await;
    assert!(report.is_clean(), "{report}");
    app.add_member("ada", "ada").await;
    let redirect_uri = "http://127.0.0.1:8000/callback";
    let sample_app = Client::new("sample-app", "Sample App", &[redirect_uri], Clock::System.now());
    app.register(&sample_app).await;
    let options = AuthorizeOptions::new(&app, "ada", "patient/*.rs openid fhirUser");
    let options = options.with("client_id", Some("sample-app")).with("redirect_uri", Some(redirect_uri));
    let code = app.authorize(&options).await.redirected("code").unwrap();
    let form = BTreeMap::from([
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("client_id", "sample-app"),
        ("redirect_uri", redirect_uri),
        ("code_verifier", VERIFIER),
    ]);
    let form: Vec<(&str, &str)> = form.into_iter().collect();
    let tokens = Tokens::of(&app.token(&form, http::HeaderMap::new()).await);
    (app, tokens)
}
