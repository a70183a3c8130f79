//! Requests that no route takes: preflights, methods that apps do not have, and paths that are not there.

use http::{Method, StatusCode, header};
use lambda_http::Body;
use serde_json::json;

use super::absent::absent;
use super::outcome::Error;
use crate::config::Config;
use crate::fhir::reference::is_id;
use crate::fhir::types::ResourceType;
use crate::http::{Request, Response, json, set};

/// Answers the request.
pub fn fallback(config: &Config, request: &Request) -> Response {
    let path: Vec<&str> = request.path.strip_prefix('/').unwrap_or(&request.path).split('/').collect();
    if request.method == Method::OPTIONS {
        return preflight(&path);
    }
    let ["fhir", steps @ ..] = &path[..] else { return outside_fhir(&path) };
    let error = match methods(steps) {
        Some(allow) if !allow.split(", ").any(|method| method == request.method.as_str()) => {
            Error::MethodNotAllowed { allow }
        }
        _ => absent(steps),
    };
    error.respond(&config.issuer(&request.domain).fhir_base())
}

/// The methods of a path below `/fhir`, if it is one of ours.
fn methods(steps: &[&str]) -> Option<&'static str> {
    let named = |name: &str| ResourceType::named(name).is_some();
    match *steps {
        ["metadata"] | [".well-known", "smart-configuration"] => Some("GET, HEAD"),
        [resource_type] if named(resource_type) => Some("GET, HEAD"),
        [resource_type, "_search"] if named(resource_type) => Some("POST"),
        ["Patient", _, "$everything"] | ["DocumentReference", "$docref"] => Some("GET, HEAD, POST"),
        [resource_type, id] | [resource_type, id, "_history", _] if named(resource_type) && is_id(id) => {
            Some("GET, HEAD")
        }
        _ => None,
    }
}

/// Paths of the authorization server: its endpoints under another method, and paths that are not there.
fn outside_fhir(path: &[&str]) -> Response {
    let allow = match path {
        ["oauth2", "authorize" | "userinfo"] | ["login" | "consent" | "account"] => "GET, HEAD, POST",
        ["oauth2", "token" | "revoke" | "introspect"] => "POST",
        ["oauth2", "jwks"]
        | ["documentation" | "openapi.json"]
        | [".well-known", "openid-configuration" | "oauth-authorization-server" | "user-access-brands.json"] => {
            "GET, HEAD"
        }
        _ => {
            let text = match path {
                [_, .., ""] => "the path has a slash too many at its end",
                _ => "nothing is at this path",
            };
            let body = json!({"error": "not_found", "error_description": text});
            return json(StatusCode::NOT_FOUND, "application/json", body.to_string());
        }
    };
    let body = json!({"error": "invalid_request", "error_description": format!("the method here is {allow}")});
    let mut response = json(StatusCode::METHOD_NOT_ALLOWED, "application/json", body.to_string());
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
        set(&mut response, header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, OPTIONS");
        let headers = "Accept, Authorization, Content-Type, If-Modified-Since, If-None-Match, If-Range, Prefer, Range";
        set(&mut response, header::ACCESS_CONTROL_ALLOW_HEADERS, headers);
        set(&mut response, header::ACCESS_CONTROL_MAX_AGE, "86400");
    }
    response
}
