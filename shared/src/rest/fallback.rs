//! What no route takes: preflights, methods that apps do not have, and paths that are not there.

use http::{Method, StatusCode, header};
use lambda_http::Body;

use super::outcome::Error;
use crate::config::Config;
use crate::fhir::reference::is_id;
use crate::fhir::types::ResourceType;
use crate::http::{Request, Response, json, set};

/// Answers the request.
pub fn fallback(config: &Config, request: &Request) -> Response {
    let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    if request.method == Method::OPTIONS {
        return preflight(&path);
    }
    if path.first() != Some(&"fhir") {
        return outside_fhir(&path);
    }
    let named = |name: &str| ResourceType::named(name).is_some();
    let allow = match path[1..] {
        ["metadata"] | [".well-known", "smart-configuration"] => Some("GET"),
        [resource_type] if named(resource_type) => Some("GET"),
        [resource_type, "_search"] if named(resource_type) => Some("POST"),
        ["Patient", _, "$everything"] | ["DocumentReference", "$docref"] => Some("GET, POST"),
        [resource_type, id] | [resource_type, id, "_history", _] if named(resource_type) && is_id(id) => Some("GET"),
        _ => None,
    };
    let taken = allow.is_some_and(|allow| allow.split(", ").any(|method| method == request.method.as_str()));
    let error = match allow {
        Some(allow) if !taken => Error::MethodNotAllowed { allow },
        _ => Error::NotFound,
    };
    error.respond(&config.issuer(&request.domain).fhir_base())
}

/// Paths of the authorization server: its endpoints under another method, and what is not there.
fn outside_fhir(path: &[&str]) -> Response {
    let allow = match path {
        ["oauth2", "authorize" | "userinfo"] | ["login" | "consent" | "account"] => "GET, POST",
        ["oauth2", "token" | "revoke" | "introspect"] => "POST",
        ["oauth2", "jwks"]
        | [".well-known", "openid-configuration" | "oauth-authorization-server" | "user-access-brands.json"] => "GET",
        _ => return json(StatusCode::NOT_FOUND, "application/json", r#"{"error":"not_found"}"#.to_owned()),
    };
    let text = format!(r#"{{"error":"invalid_request","error_description":"the method here is {allow}"}}"#);
    let mut response = json(StatusCode::METHOD_NOT_ALLOWED, "application/json", text);
    set(&mut response, header::ALLOW, allow);
    response
}

/// A browser asks before it lets a page of another origin call. Apps in a browser may call everything but the pages on
/// which a person signs in (SMART App Launch 2.2, "CORS"; RFC 9700 §2.6).
fn preflight(path: &[&str]) -> Response {
    let open = match path {
        ["fhir" | ".well-known", ..] => true,
        ["oauth2", endpoint] => *endpoint != "authorize",
        _ => false,
    };
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    if open {
        set(&mut response, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        set(&mut response, header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS");
        let headers = "Accept, Authorization, Content-Type, If-Modified-Since, If-None-Match, If-Range, Prefer, Range";
        set(&mut response, header::ACCESS_CONTROL_ALLOW_HEADERS, headers);
        set(&mut response, header::ACCESS_CONTROL_MAX_AGE, "86400");
    }
    response
}
