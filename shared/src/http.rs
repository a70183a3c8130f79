//! Requests as the functions see them, and the headers that every answer carries. How they come out of API Gateway's events
//! is in [`crate::lambda`].

pub mod conditional;
pub mod date;
pub mod fields;
pub mod media_type;

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use lambda_http::Body;
use serde::Serialize;

use self::fields::{list, pair, parts};
use self::media_type::MediaType;
use crate::bounds::PUBLIC_SECONDS;
use crate::clock::Time;
use crate::issuer::Issuer;

/// The media type of every FHIR answer (R4, "HTTP": Content Types).
pub const FHIR_JSON: &str = "application/fhir+json";

/// An answer on its way to API Gateway.
pub type Response = http::Response<Body>;

/// The mark of an answer that is long, is the same for everybody, and holds no secret: it may be compressed, whatever its media type is.
#[derive(Clone, Copy)]
pub struct Compressible;

/// A request, as API Gateway hands it over (payload format 2.0).
#[derive(Default)]
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// The decoded path.
    pub path: String,
    /// The route's path parameters, decoded: `type`, `id`, …
    pub parameters: BTreeMap<String, String>,
    /// The query as it came, still encoded: API Gateway's own decoding joins duplicates with commas.
    pub raw_query: String,
    /// The headers; API Gateway has joined duplicates with commas.
    pub headers: HeaderMap,
    /// The body, decoded.
    pub body: Vec<u8>,
    /// The API's own host name (`requestContext.domainName`), never the `Host` header.
    pub domain: String,
    /// Who calls, as API Gateway saw it; never `X-Forwarded-For`.
    pub source_ip: String,
    /// API Gateway's id of this request, for logs and the audit.
    pub request_id: String,
    /// When API Gateway had it (`requestContext.timeEpoch`).
    pub received: Option<Time>,
}

impl Request {
    /// A path parameter; empty where the route has none of that name.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map(String::as_str).unwrap_or_default()
    }

    /// A header's value, where it is there and is text.
    pub fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The query's pairs, decoded, in order, duplicates kept.
    pub fn query(&self) -> Vec<(String, String)> {
        pairs(self.raw_query.as_bytes())
    }

    /// The pairs of an `application/x-www-form-urlencoded` body; `None` where the body is of another type.
    pub fn form(&self) -> Option<Vec<(String, String)>> {
        let content_type = MediaType::parse(self.header(header::CONTENT_TYPE)?)?;
        (content_type.essence() == "application/x-www-form-urlencoded").then(|| pairs(&self.body))
    }

    /// The credentials of `Authorization` under this scheme (RFC 9110 §11.4).
    pub fn credentials(&self, scheme: &str) -> Option<&str> {
        let (sent, credentials) = self.header(header::AUTHORIZATION)?.split_once(' ')?;
        sent.eq_ignore_ascii_case(scheme).then(|| credentials.trim_matches(' '))
    }

    /// The value of a preference (RFC 7240 §2); of one that is given twice, the first.
    pub fn preference(&self, name: &str) -> Option<String> {
        let preferences = list(self.header("prefer")?).filter_map(|preference| pair(parts(preference).0));
        preferences.into_iter().find(|(sent, _)| sent == name).map(|(_, value)| value)
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.header(header::COOKIE)?
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(key, value)| (key == name).then_some(value))
    }
}

fn pairs(encoded: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(encoded).into_owned().collect()
}

/// The one value of `name` in a list of pairs.
///
/// # Errors
/// [`Duplicate`] where it is there more than once (RFC 6749 §3.1 forbids that).
pub fn single<'a>(pairs: &'a [(String, String)], name: &str) -> Result<Option<&'a str>, Duplicate> {
    let mut values = pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(Duplicate(name.chars().take(64).collect())),
    }
}

/// A parameter that may be there once was there twice.
#[derive(Debug, thiserror::Error)]
#[error("the parameter `{0}` is given more than once")]
pub struct Duplicate(pub String);

/// An answer with a JSON body of the given media type.
pub fn json(status: StatusCode, media_type: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::Text(body));
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, media_type);
    set(&mut response, header::REFERRER_POLICY, "no-referrer");
    no_store(&mut response);
    response
}

/// An answer that says nothing beyond its status.
pub fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    set(&mut response, header::REFERRER_POLICY, "no-referrer");
    no_store(&mut response);
    response
}

/// A public JSON document that anyone may keep for five minutes.
pub fn public_json(body: &impl Serialize) -> Response {
    let text = serde_json::to_string(body).unwrap_or_default();
    let mut response = json(StatusCode::OK, "application/json", text);
    set(&mut response, header::CACHE_CONTROL, &format!("public, max-age={PUBLIC_SECONDS}"));
    response
}

/// A page for a person, under a policy that allows this style and no script. `form_action` says where its forms may lead.
pub fn html(status: StatusCode, text: String, style: &str, form_action: &str) -> Response {
    let hash = STANDARD.encode(digest::digest(&digest::SHA256, style.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action {form_action}; frame-ancestors 'none'; base-uri 'none'"
    );
    let mut response = Response::new(Body::Text(text));
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, "text/html; charset=utf-8");
    set(&mut response, header::CONTENT_SECURITY_POLICY, &policy);
    set(&mut response, header::X_FRAME_OPTIONS, "DENY");
    // Not `no-referrer`: a browser would send our own form with `Origin: null`.
    set(&mut response, header::REFERRER_POLICY, "same-origin");
    no_store(&mut response);
    response
}

/// Sets a header whose value is ours.
pub fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Forbids every cache to keep the answer (RFC 6749 §5.1 asks for both headers).
pub fn no_store(response: &mut Response) {
    set(response, header::CACHE_CONTROL, "no-store");
    set(response, header::PRAGMA, "no-cache");
}

/// Lets web pages of any origin read the answer, without credentials (SMART App Launch 2.2, "CORS").
pub fn allow_any_origin(response: &mut Response) {
    set(response, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    set(
        response,
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        "Accept-Ranges, Content-Disposition, Content-Range, ETag, Last-Modified, Location, Retry-After, WWW-Authenticate",
    );
}

/// The headers of every answer, whatever it says.
pub fn harden(response: &mut Response, issuer: &Issuer) {
    set(response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    if issuer.is_https() {
        set(response, header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains");
    }
}
