//! The ratchet of routes: every route of the template is named here with its behaviour without a token. A new route
//! fails until it is.

use std::collections::BTreeMap;

use http::{Method, Request, StatusCode};
use tests::{App, checkout};

/// The answer of a route to a caller without a token.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Open {
    /// It is public.
    Yes,
    /// It is a step of sign-in, and refuses a request that is not part of one.
    Step,
    /// It leads to the sign-in page.
    SignIn,
    /// It is 401.
    No,
    /// It is 404.
    Nothing,
}

const ROUTES: &[(&str, &str, &str, Open)] = &[
    ("GET", "/oauth2/authorize", "/oauth2/authorize", Open::Step),
    ("HEAD", "/oauth2/authorize", "/oauth2/authorize", Open::Step),
    ("POST", "/oauth2/authorize", "/oauth2/authorize", Open::Step),
    ("GET", "/login", "/login", Open::Yes),
    ("HEAD", "/login", "/login", Open::Yes),
    ("POST", "/login", "/login", Open::Step),
    ("GET", "/login/{provider}", "/login/plan", Open::Nothing),
    ("GET", "/login/{provider}/answer", "/login/plan/answer?code=a&state=b", Open::Step),
    ("GET", "/login/{provider}/jwks", "/login/plan/jwks", Open::Yes),
    ("POST", "/login/{provider}/logout", "/login/plan/logout", Open::Step),
    ("GET", "/consent", "/consent", Open::Step),
    ("HEAD", "/consent", "/consent", Open::Step),
    ("POST", "/consent", "/consent", Open::Step),
    ("GET", "/account", "/account", Open::SignIn),
    ("HEAD", "/account", "/account", Open::SignIn),
    ("POST", "/account", "/account", Open::Step),
    ("POST", "/oauth2/token", "/oauth2/token", Open::Step),
    ("POST", "/oauth2/revoke", "/oauth2/revoke", Open::Step),
    ("POST", "/oauth2/introspect", "/oauth2/introspect", Open::Step),
    ("GET", "/oauth2/userinfo", "/oauth2/userinfo", Open::No),
    ("HEAD", "/oauth2/userinfo", "/oauth2/userinfo", Open::No),
    ("POST", "/oauth2/userinfo", "/oauth2/userinfo", Open::No),
    ("GET", "/oauth2/jwks", "/oauth2/jwks", Open::Yes),
    ("HEAD", "/oauth2/jwks", "/oauth2/jwks", Open::Yes),
    ("GET", "/fhir/metadata", "/fhir/metadata", Open::Yes),
    ("HEAD", "/fhir/metadata", "/fhir/metadata", Open::Yes),
    ("GET", "/fhir/.well-known/smart-configuration", "/fhir/.well-known/smart-configuration", Open::Yes),
    ("HEAD", "/fhir/.well-known/smart-configuration", "/fhir/.well-known/smart-configuration", Open::Yes),
    ("GET", "/.well-known/openid-configuration", "/.well-known/openid-configuration", Open::Yes),
    ("HEAD", "/.well-known/openid-configuration", "/.well-known/openid-configuration", Open::Yes),
    ("GET", "/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server", Open::Yes),
    ("HEAD", "/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server", Open::Yes),
    ("GET", "/.well-known/user-access-brands.json", "/.well-known/user-access-brands.json", Open::Yes),
    ("HEAD", "/.well-known/user-access-brands.json", "/.well-known/user-access-brands.json", Open::Yes),
    ("GET", "/documentation", "/documentation", Open::Yes),
    ("HEAD", "/documentation", "/documentation", Open::Yes),
    ("GET", "/openapi.json", "/openapi.json", Open::Yes),
    ("HEAD", "/openapi.json", "/openapi.json", Open::Yes),
    ("GET", "/fhir/{type}/{id}", "/fhir/Patient/alice", Open::No),
    ("HEAD", "/fhir/{type}/{id}", "/fhir/Patient/alice", Open::No),
    ("POST", "/fhir/{type}/{id}", "/fhir/DocumentReference/$docref", Open::No),
    ("GET", "/fhir/{type}/{id}/_history/{vid}", "/fhir/Patient/alice/_history/1", Open::No),
    ("HEAD", "/fhir/{type}/{id}/_history/{vid}", "/fhir/Patient/alice/_history/1", Open::No),
    ("GET", "/fhir/{type}", "/fhir/Patient", Open::No),
    ("HEAD", "/fhir/{type}", "/fhir/Patient", Open::No),
    ("POST", "/fhir/{type}/_search", "/fhir/Patient/_search", Open::No),
    ("GET", "/fhir/Patient/{id}/{operation}", "/fhir/Patient/alice/$everything", Open::No),
    ("HEAD", "/fhir/Patient/{id}/{operation}", "/fhir/Patient/alice/$everything", Open::No),
    ("POST", "/fhir/Patient/{id}/{operation}", "/fhir/Patient/alice/$everything", Open::No),
    ("ANY", "/fhir/{proxy+}", "/fhir/a/b/c/d", Open::Nothing),
    ("OPTIONS", "/{proxy+}", "/fhir/Patient", Open::Yes),
    ("ANY", "$default", "/elsewhere", Open::Nothing),
];

fn template_routes() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(checkout().join("template.yaml")).unwrap();
    let template: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text).unwrap();
    let mut routes = Vec::new();
    for resource in template["Resources"].as_mapping().unwrap().values() {
        let Some(events) = resource["Properties"]["Events"].as_mapping() else { continue };
        for event in events.values().filter(|event| event["Type"] == "HttpApi") {
            let text = |name: &str, default: &str| event["Properties"][name].as_str().unwrap_or(default).to_owned();
            routes.push((text("Method", "ANY").to_uppercase(), text("Path", "$default")));
        }
    }
    routes
}

#[test]
fn every_route_of_the_template_has_a_row() {
    let known: BTreeMap<(&str, &str), Open> =
        ROUTES.iter().map(|(method, path, _, open)| ((*method, *path), *open)).collect();
    let routes = template_routes();
    for (method, path) in &routes {
        assert!(known.contains_key(&(method.as_str(), path.as_str())), "{method} {path} is not in this table");
    }
    assert_eq!(routes.len(), known.len(), "a row names a route that is not in the template");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_gives_anything_away_without_a_token() {
    let app = App::start().await;
    for (method, route, path, open) in ROUTES {
        let method = if *method == "ANY" { Method::GET } else { method.parse().unwrap() };
        let request =
            Request::builder().method(method).uri(format!("{}{path}", app.url())).body(String::new()).unwrap();
        let status = app.send(request).await.status;
        let expected = match open {
            Open::Yes => status.is_success(),
            Open::Step => status == StatusCode::BAD_REQUEST || status == StatusCode::FORBIDDEN,
            Open::SignIn => status == StatusCode::SEE_OTHER,
            Open::No => status == StatusCode::UNAUTHORIZED,
            Open::Nothing => status == StatusCode::NOT_FOUND,
        };
        assert!(expected, "{route}: {status}");
    }
    app.finish().await;
}

/// T108
#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_a_path_does_not_have_is_405_and_says_which_it_has() {
    let app = App::start().await;
    for (method, path, allow) in [
        ("PUT", "/fhir/Patient/alice", "GET, HEAD"),
        ("DELETE", "/fhir/Patient/alice", "GET, HEAD"),
        ("POST", "/fhir/Patient", "GET, HEAD"),
        ("PATCH", "/fhir/Patient/alice", "GET, HEAD"),
        ("POST", "/fhir/Patient/alice", "GET, HEAD"),
        ("PUT", "/fhir/DocumentReference/$docref", "GET, HEAD, POST"),
        ("DELETE", "/fhir/Patient/alice/_history/1", "GET, HEAD"),
        ("GET", "/fhir/Patient/_search", ""),
        ("PUT", "/fhir/Patient/alice/$everything", "GET, HEAD, POST"),
        ("POST", "/fhir/metadata", "GET, HEAD"),
    ] {
        let request =
            Request::builder().method(method).uri(format!("{}{path}", app.url())).body(String::new()).unwrap();
        let reply = app.send(request).await;
        let expected = if allow.is_empty() { StatusCode::UNAUTHORIZED } else { StatusCode::METHOD_NOT_ALLOWED };
        assert_eq!((reply.status, reply.header("allow")), (expected, allow), "{method} {path}: {}", reply.body);
    }
    app.finish().await;
}

/// T111
#[tokio::test(flavor = "multi_thread")]
async fn browsers_of_any_origin_may_call_all_but_the_pages() {
    let app = App::empty().await;
    for (path, open) in [
        ("/fhir/Patient", true),
        ("/oauth2/token", true),
        ("/.well-known/openid-configuration", true),
        ("/oauth2/authorize", false),
        ("/login", false),
        ("/consent", false),
        ("/account", false),
    ] {
        let request = Request::options(format!("{}{path}", app.url()))
            .header("origin", "https://app.example")
            .body(String::new());
        let reply = app.send(request.unwrap()).await;
        assert_eq!(reply.header("access-control-allow-origin"), if open { "*" } else { "" }, "{path}");
        assert_eq!(reply.header("access-control-allow-credentials"), "");
    }
    app.finish().await;
}

/// T082, T083 and T107
#[tokio::test(flavor = "multi_thread")]
async fn any_path_gets_a_well_formed_answer() {
    let app = App::start().await;
    for path in [
        "/fhir/Observation/..%2F..%2FPatient%2Fbob",
        "/fhir//Patient",
        "/fhir/Patient/a%3Fx=1",
        "/fhir/Patient/%23",
        "/fhir/observation",
        "/fhir/Patient/alice;x=y",
        "/fhir/Patient/alice/_history",
        "/fhir/Patient/bob/Observation",
        "/fhir/%F0%9F%98%80",
        "/%00",
        "/fhir/Patient?a=%FF%FE&b=<>&c=\"",
        "//",
    ] {
        let Ok(request) = Request::get(format!("{}{path}", app.url())).body(String::new()) else { continue };
        let status = app.send(request).await.status;
        assert!(matches!(status.as_u16(), 400..=404), "{path}: {status}");
    }
    app.finish().await;
}
