//! The event that a function gets for a request, in payload format 2.0 of HTTP APIs.
//!
//! Source: Amazon API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs".

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper::http::request::Parts;
use hyper::{HeaderMap, header};
use serde::Serialize;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::ACCOUNT;
use crate::gateway::percent;
use crate::gateway::routes::Route;

/// The address of every client of a loopback listener.
const SOURCE_IP: &str = "127.0.0.1";

/// Headers for one hop only, which API Gateway does not forward.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    version: &'static str,
    route_key: &'a str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<Cow<'a, str>>,
    headers: BTreeMap<&'a str, Cow<'a, str>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    query_string_parameters: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    path_parameters: BTreeMap<&'a str, &'a str>,
    request_context: RequestContext<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Cow<'a, str>>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    account_id: &'static str,
    api_id: &'static str,
    domain_name: &'a str,
    domain_prefix: &'a str,
    http: Http<'a>,
    request_id: &'a str,
    route_key: &'a str,
    stage: &'static str,
    time: String,
    time_epoch: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    method: &'a str,
    path: &'a str,
    protocol: &'static str,
    source_ip: &'static str,
    user_agent: &'a str,
}

/// Writes the event for a request.
///
/// `domain_name` is the gateway's own, and not that of the `Host` header. `request_id` is what the caller is told, too. `path` is decoded, and so are the path
/// parameters taken from it.
///
/// # Errors
/// `serde_json`'s, which these types do not cause.
pub(crate) fn write(
    (domain_name, request_id): (&str, &str),
    request: &Parts,
    path: &str,
    (route, path_parameters): (&Route, BTreeMap<&str, &str>),
    body: &[u8],
) -> serde_json::Result<Vec<u8>> {
    let raw_query_string = request.uri.query().unwrap_or_default();
    let user_agent = request.headers.get(header::USER_AGENT);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (body, is_base64_encoded) = encode_body(&request.headers, body);
    let event = Event {
        version: "2.0",
        route_key: &route.key,
        raw_path: path,
        raw_query_string,
        cookies: cookies(&request.headers),
        headers: headers(&request.headers, domain_name),
        query_string_parameters: query_string_parameters(raw_query_string),
        path_parameters,
        request_context: RequestContext {
            account_id: ACCOUNT,
            api_id: "local",
            domain_name,
            domain_prefix: domain_name.split('.').next().unwrap_or_default(),
            http: Http {
                method: request.method.as_str(),
                path,
                protocol: "HTTP/1.1",
                source_ip: SOURCE_IP,
                user_agent: user_agent.and_then(|agent| agent.to_str().ok()).unwrap_or_default(),
            },
            request_id,
            route_key: &route.key,
            stage: "$default",
            time: common_log_time(now.as_secs()),
            time_epoch: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        },
        body,
        is_base64_encoded,
    };
    serde_json::to_vec(&event)
}

/// The headers but cookies, with lower-case names, and with the values of duplicates joined by commas.
fn headers<'a>(map: &'a HeaderMap, domain_name: &str) -> BTreeMap<&'a str, Cow<'a, str>> {
    let mut headers: BTreeMap<&str, Cow<'_, str>> = BTreeMap::new();
    for (name, value) in map {
        if *name == header::COOKIE || HOP_BY_HOP.contains(&name.as_str()) {
            continue;
        }
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.as_str())
            .and_modify(|first| {
                let first = first.to_mut();
                first.push(',');
                first.push_str(&value);
            })
            .or_insert(value);
    }
    let forwarded = headers.entry("x-forwarded-for").or_default();
    if !forwarded.is_empty() {
        forwarded.to_mut().push_str(", ");
    }
    forwarded.to_mut().push_str(SOURCE_IP);
    let port = domain_name.rsplit(':').next().unwrap_or_default().to_owned();
    headers.insert("x-forwarded-port", Cow::Owned(port));
    headers.insert("x-forwarded-proto", Cow::Borrowed("http"));
    headers
}

fn cookies(headers: &HeaderMap) -> Vec<Cow<'_, str>> {
    let mut cookies = Vec::new();
    for header in headers.get_all(header::COOKIE) {
        for cookie in header.as_bytes().split(|byte| *byte == b';') {
            let cookie = String::from_utf8_lossy(cookie.trim_ascii());
            if !cookie.is_empty() {
                cookies.push(cookie);
            }
        }
    }
    cookies
}

/// The parameters of the query, decoded, and with the values of duplicates joined by commas.
fn query_string_parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent::decode_form(value);
        parameters
            .entry(percent::decode_form(name))
            .and_modify(|first| {
                first.push(',');
                first.push_str(&value);
            })
            .or_insert(value);
    }
    parameters
}

/// The body, and whether it is base64. Text is passed as it is, everything else is encoded. For API Gateway,
/// `application/x-www-form-urlencoded` and `application/fhir+json` are not text.
fn encode_body<'a>(headers: &HeaderMap, body: &'a [u8]) -> (Option<Cow<'a, str>>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
    let media_type = media_type.trim().to_ascii_lowercase();
    let is_text = media_type.starts_with("text/")
        || matches!(media_type.as_str(), "application/json" | "application/xml" | "application/javascript");
    match std::str::from_utf8(body) {
        Ok(text) if is_text => (Some(Cow::Borrowed(text)), false),
        _ => (Some(Cow::Owned(BASE64_STANDARD.encode(body))), true),
    }
}

/// A time in the common log format: `12/Mar/2020:19:03:58 +0000`.
fn common_log_time(epoch_seconds: u64) -> String {
    let format = format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
    let time = i64::try_from(epoch_seconds).map(OffsetDateTime::from_unix_timestamp);
    let time = time.ok().and_then(Result::ok).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.format(&format).unwrap_or_default()
}

#[cfg(test)]
mod tests;
