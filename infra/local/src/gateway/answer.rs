//! The HTTP answer for a function's response in payload format 2.0.
//!
//! Source: Amazon API Gateway Developer Guide, "Lambda function response for format 2.0". That format has no
//! `multiValueHeaders`, and neither has this.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::scalar::scalar;
use crate::server;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FunctionResponse {
    status_code: Value,
    #[serde(default)]
    headers: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// Headers that the connection sets, not the function.
const CONNECTION: [&str; 5] = ["connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"];

/// Turns the text that a function returned into an HTTP answer.
///
/// JSON without a `statusCode` becomes the body of a 200.
///
/// # Errors
/// The function returned no JSON, or a response that HTTP cannot carry.
pub(crate) fn read(returned: &Bytes) -> Result<Response<Full<Bytes>>> {
    let Ok(parsed) = serde_json::from_slice::<FunctionResponse>(returned) else {
        let value: Value = serde_json::from_slice(returned).context("it returned no JSON")?;
        ensure!(value.get("statusCode").is_none(), "it returned a malformed response");
        return Ok(server::json(StatusCode::OK, returned.clone()));
    };
    let status = scalar(&parsed.status_code).and_then(|code| code.parse::<u16>().ok());
    let status = status.filter(|code| (200..600).contains(code)).context("it returned no valid status code")?;
    let status = StatusCode::from_u16(status)?;
    let body = match parsed.body {
        _ if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED => Bytes::new(),
        Some(body) if parsed.is_base64_encoded => Bytes::from(BASE64_STANDARD.decode(body)?),
        Some(body) => Bytes::from(body),
        None => Bytes::new(),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in parsed.headers.into_iter().flatten() {
        let name = HeaderName::from_bytes(name.as_bytes())?;
        if !CONNECTION.contains(&name.as_str()) {
            let value = scalar(&value).with_context(|| format!("{name} is not a scalar"))?;
            headers.insert(name, HeaderValue::from_str(&value)?);
        }
    }
    for cookie in parsed.cookies.into_iter().flatten() {
        headers.append(header::SET_COOKIE, HeaderValue::from_str(&cookie)?);
    }
    if status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED {
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.entry(header::CONTENT_TYPE).or_insert(text);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn answer(returned: &'static str) -> (u16, Vec<(String, String)>, Bytes) {
        let (head, body) = read(&Bytes::from(returned)).expect(returned).into_parts();
        let text = |value: &HeaderValue| value.to_str().expect("text").to_owned();
        let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
        (head.status.as_u16(), headers.collect(), body.collect().await.expect("a body").to_bytes())
    }

    #[tokio::test]
    async fn a_response_carries_its_status_headers_cookies_and_body() {
        let (status, headers, body) = answer(
            r#"{"statusCode": 201, "headers": {"X-A": "b", "Content-Length": "9", "X-N": 1},
                "cookies": ["a=1", "b=2; Path=/"], "body": "aGk=", "isBase64Encoded": true,
                "multiValueHeaders": {"X-Ignored": ["1"]}}"#,
        )
        .await;
        assert_eq!((status, &body[..]), (201, &b"hi"[..]));
        let expected = [
            ("x-a", "b"),
            ("x-n", "1"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2; Path=/"),
            ("content-type", "text/plain; charset=utf-8"),
        ];
        assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[tokio::test]
    async fn json_without_a_status_is_the_body_of_a_200() {
        let (status, headers, body) = answer(r#"{"hello": "world"}"#).await;
        assert_eq!((status, &body[..]), (200, &br#"{"hello": "world"}"#[..]));
        assert_eq!(headers[0].1, "application/json");
    }

    #[test]
    fn what_http_cannot_carry_is_an_error() {
        for returned in [
            "",
            "nonsense",
            r#"{"statusCode": 99}"#,
            r#"{"statusCode": 101}"#,
            r#"{"statusCode": 200, "headers": {"a b": "c"}}"#,
            r#"{"statusCode": 200, "headers": {"a": "c\n"}}"#,
            r#"{"statusCode": 200, "cookies": "a=1"}"#,
            r#"{"statusCode": 200, "body": "!", "isBase64Encoded": true}"#,
        ] {
            assert!(read(&Bytes::from(returned)).is_err(), "{returned}");
        }
    }
}
