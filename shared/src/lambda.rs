//! From API Gateway's event (payload format 2.0) to a handler, and from its answer back.
//!
//! The event is read here and not by `lambda_http`'s own conversion: that one joins host, decoded path and query into one URL
//! and parses it again, so that a decoded `?` in a path becomes a query, `..` is followed, and some hosts and queries end
//! the process. The runtime underneath is the same.

pub mod schedule;
pub mod stream;

use std::collections::{BTreeMap, HashMap};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use lambda_http::lambda_runtime::{LambdaEvent, run, service_fn};
use lambda_http::{Body, tracing};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::Time;
use crate::config::Config;
use crate::encoding::encode;
use crate::http::{Request, Response, harden};
use crate::store::meter::measured;

/// The part of an event that we need. API Gateway leaves out what a request does not have; other senders of the same format, such as
/// `cargo lambda watch`, write `null` for it. Both mean none.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    raw_path: String,
    #[serde(default, deserialize_with = "or_none")]
    raw_query_string: String,
    #[serde(default, deserialize_with = "or_none")]
    cookies: Vec<String>,
    #[serde(default, deserialize_with = "or_none")]
    headers: HashMap<String, String>,
    #[serde(default, deserialize_with = "or_none")]
    path_parameters: BTreeMap<String, String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default, deserialize_with = "or_none")]
    is_base64_encoded: bool,
    request_context: Context,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    #[serde(default, deserialize_with = "or_none")]
    domain_name: String,
    #[serde(default, deserialize_with = "or_none")]
    request_id: String,
    #[serde(default, deserialize_with = "or_none")]
    route_key: String,
    #[serde(default)]
    time_epoch: Option<i64>,
    http: Line,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    method: String,
    #[serde(default, deserialize_with = "or_none")]
    source_ip: String,
}

fn or_none<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(value: D) -> Result<T, D::Error> {
    Option::deserialize(value).map(Option::unwrap_or_default)
}

/// An answer as API Gateway takes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    status_code: u16,
    headers: BTreeMap<String, String>,
    cookies: Vec<String>,
    body: JsonString,
    is_base64_encoded: bool,
}

/// A text that was written as JSON already, quotes and escapes included.
struct JsonString(String);

impl JsonString {
    fn of(text: &str) -> JsonString {
        JsonString(json_escape_simd::escape(text))
    }
}

impl Serialize for JsonString {
    /// Copies it as it stands: `serde_json` takes a struct of this name for a `RawValue`. A `RawValue` itself would be parsed once more
    /// when it is made, and `serde_json`'s own escaping takes five times as many instructions (decision 26).
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const RAW_VALUE: &str = "$serde_json::private::RawValue";
        let mut raw = serializer.serialize_struct(RAW_VALUE, 1)?;
        raw.serialize_field(RAW_VALUE, &self.0)?;
        raw.end()
    }
}

impl From<Event> for Request {
    fn from(event: Event) -> Request {
        let mut headers = HeaderMap::new();
        // A header that HTTP does not allow is as good as none; a bad one must not cost the answer.
        for (name, value) in event.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.insert(name, value);
            }
        }
        if let Ok(cookies) = HeaderValue::try_from(event.cookies.join("; "))
            && !event.cookies.is_empty()
        {
            headers.insert(header::COOKIE, cookies);
        }
        let body = event.body.unwrap_or_default();
        Request {
            method: event.request_context.http.method.parse().unwrap_or_default(),
            path: event.raw_path,
            parameters: event.path_parameters,
            raw_query: event.raw_query_string,
            headers,
            body: if event.is_base64_encoded { STANDARD.decode(body).unwrap_or_default() } else { body.into_bytes() },
            domain: event.request_context.domain_name,
            source_ip: event.request_context.http.source_ip,
            request_id: event.request_context.request_id,
            received: event.request_context.time_epoch.map(Time),
        }
    }
}

impl From<Response> for Answer {
    fn from(response: Response) -> Answer {
        let (mut parts, body) = response.into_parts();
        let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let cookies = parts.headers.get_all(header::SET_COOKIE).iter().map(text).collect();
        parts.headers.remove(header::SET_COOKIE);
        let (body, is_base64_encoded) = match body {
            Body::Text(text) => (text, false),
            Body::Binary(bytes) => (STANDARD.encode(bytes), true),
            _ => (String::new(), false),
        };
        Answer {
            status_code: parts.status.as_u16(),
            headers: parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
            cookies,
            body: JsonString::of(&body),
            is_base64_encoded,
        }
    }
}

/// Serves one function until Lambda ends it. `config` tells whose API this is; `handler` answers each request. One line is
/// logged for each: its route, status and cost, and nothing of what it asked or was given.
///
/// # Errors
/// The error that ends the Lambda runtime.
pub async fn serve<H, F>(config: Config, handler: H) -> Result<(), lambda_http::Error>
where
    H: Fn(Request) -> F,
    F: Future<Output = Response>,
{
    tracing::init_default_subscriber();
    let (config, handler) = (&config, &handler);
    run(service_fn(async |event: LambdaEvent<Event>| {
        let route = event.payload.request_context.route_key.clone();
        let mut request = Request::from(event.payload);
        // `HEAD` is `GET` in all but the content, which API Gateway keeps to itself: from it comes `Content-Length`, as a `GET` would have
        // it (RFC 9110 §9.3.2, §8.6).
        if request.method == Method::HEAD {
            request.method = Method::GET;
        }
        let (id, issuer) = (request.request_id.clone(), config.issuer(&request.domain));
        let accepted = request.header(header::ACCEPT_ENCODING).map(str::to_owned);
        let answering = async {
            let mut response = Box::pin(handler(request)).await;
            harden(&mut response, &issuer);
            encode(&mut response, accepted.as_deref());
            response
        };
        let (response, usage) = measured(answering).await;
        ::tracing::info!(
            route,
            request_id = id,
            status = response.status().as_u16(),
            calls = usage.calls,
            waves = usage.waves,
            read_units = usage.read_units,
            write_units = usage.write_units,
            own_micros = u64::try_from(usage.own().as_micros()).unwrap_or(u64::MAX),
            "answered"
        );
        Ok::<_, lambda_http::Error>(Answer::from(response))
    }))
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(event: serde_json::Value) -> Request {
        Request::from(serde_json::from_value::<Event>(event).unwrap())
    }

    #[test]
    fn a_path_stays_as_it_was_decoded() {
        let event = json!({"rawPath": "/fhir/Patient/a?x=1#y/..", "rawQueryString": "a=<b>&a=%zz",
            "requestContext": {"http": {"method": "GET"}}});
        let request = request(event);
        assert_eq!((request.path.as_str(), request.raw_query.as_str()), ("/fhir/Patient/a?x=1#y/..", "a=<b>&a=%zz"));
        assert_eq!(request.query()[0], ("a".to_owned(), "<b>".to_owned()));
    }

    #[test]
    fn bad_headers_and_bodies_cost_no_answer() {
        let event = json!({"rawPath": "/", "headers": {"good": "1", "b\u{e9}d": "x", "worse": "a\nb"}, "cookies": ["a=1", "b=2"],
            "body": "%%%", "isBase64Encoded": true, "requestContext": {"http": {"method": "b\u{0}d"}}});
        let request = request(event);
        assert_eq!(request.header("good"), Some("1"));
        assert_eq!(request.cookie("b"), Some("2"));
        assert!(request.body.is_empty());
    }

    #[test]
    fn null_is_as_good_as_absent() {
        let nulls = json!({"rawPath": "/", "rawQueryString": null, "cookies": null, "headers": null, "pathParameters": null,
            "body": null, "isBase64Encoded": null, "requestContext": {"domainName": null, "requestId": null,
            "routeKey": null, "http": {"method": "GET", "sourceIp": null}}});
        let request = request(nulls);
        assert!(request.raw_query.is_empty() && request.headers.is_empty() && request.body.is_empty());
    }

    /// Every character that JSON escapes, alone and in texts long enough for the fast way.
    #[test]
    fn a_body_reaches_lambda_as_serde_json_would_write_it() {
        let every: String = (0..0x300).filter_map(char::from_u32).chain(['\u{2028}', '😀', '\u{10ffff}']).collect();
        for text in [String::new(), every.clone(), every.repeat(50), r#"{"a":["\"b\\"]}"#.repeat(99)] {
            let answer = Answer::from(Response::new(Body::from(text.clone())));
            let json = serde_json::to_string(&answer).unwrap();
            let expected =
                json!({"statusCode": 200, "headers": {}, "cookies": [], "body": text, "isBase64Encoded": false});
            assert_eq!(json, expected.to_string());
        }
    }

    #[test]
    fn cookies_leave_one_by_one() {
        let mut response = Response::new(Body::from("hi"));
        for cookie in ["a=1", "b=2"] {
            response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_static(cookie));
        }
        let answer = Answer::from(response);
        assert_eq!(answer.cookies, ["a=1", "b=2"]);
        assert!(answer.headers.is_empty());
    }
}
