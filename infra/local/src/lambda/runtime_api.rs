//! The Lambda Runtime API. Each instance has a base path of its own: `/<function>/<instance>/2018-06-01/runtime/…`.
//!
//! Source: AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes".

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;
use tokio::net::TcpListener;

use crate::arn::function_arn;
use crate::lambda::function::Function;
use crate::lambda::instance::InvocationError;
use crate::lambda::logs::Logs;
use crate::server::{self, BodyError, Running};

/// The longest response of a function in bytes: 6 MB and some room for the envelope, as on Lambda.
const MAX_RESPONSE: usize = 6_291_556;

/// The Runtime API of all functions.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    /// The functions, by logical id.
    pub(crate) functions: BTreeMap<String, Arc<Function>>,
    /// The logs that keep reported errors.
    pub(crate) logs: Arc<Logs>,
}

impl RuntimeApi {
    /// Answers the functions until the returned server is dropped.
    pub(crate) fn start(self, listener: TcpListener) -> Running {
        let api = Arc::new(self);
        let service = service_fn(move |request| {
            let api = Arc::clone(&api);
            async move { api.answer(request).await }
        });
        server::spawn(server::serve(listener, service))
    }

    /// Answers one request of an instance.
    ///
    /// # Errors
    /// The instance is to end: the error closes its connection.
    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        let mut segments = head.uri.path().splitn(4, '/').skip(1);
        let function = segments.next().and_then(|name| self.functions.get(name));
        let number = segments.next().and_then(|number| number.parse().ok());
        let (Some(function), Some(number)) = (function, number) else {
            return Ok(refuse(StatusCode::NOT_FOUND, "InvalidFunction", "no such instance"));
        };
        let path: Vec<&str> = segments.next().unwrap_or_default().split('/').collect();
        match (&head.method, path.as_slice()) {
            (&Method::GET, ["2018-06-01", "runtime", "invocation", "next"]) => next(function, number).await,
            (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "response"]) => {
                Ok(response(function, number, id, body).await)
            }
            (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "error"]) => {
                self.log_error(function, "invocation error", body).await;
                let known = function.complete(number, id, Err(InvocationError::Reported));
                Ok(accepted(known))
            }
            (&Method::POST, ["2018-06-01", "runtime", "init", "error"]) => {
                self.log_error(function, "init error", body).await;
                function.kill(number);
                Ok(accepted(true))
            }
            _ => Ok(refuse(StatusCode::NOT_FOUND, "InvalidPath", "no such operation")),
        }
    }

    async fn log_error(&self, function: &Function, what: &str, body: Incoming) {
        let body = server::read_body(body, MAX_RESPONSE).await.unwrap_or_default();
        let line = format!("{what}: {}", String::from_utf8_lossy(&body));
        self.logs.push(&function.definition.name, line);
    }
}

async fn next(function: &Arc<Function>, number: u32) -> io::Result<Response<Full<Bytes>>> {
    let hang_up = || io::Error::from(io::ErrorKind::ConnectionAborted);
    let poll = function.next(number).ok_or_else(hang_up)?;
    let work = poll.await.map_err(|_| hang_up())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut response = server::json(StatusCode::OK, work.payload);
    for (name, value) in [
        ("lambda-runtime-aws-request-id", work.id),
        ("lambda-runtime-deadline-ms", work.deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", function_arn(&function.definition.name)),
        ("lambda-runtime-trace-id", crate::random::trace_id(now.as_secs())),
    ] {
        let value = HeaderValue::from_str(&value).map_err(io::Error::other)?;
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    Ok(response)
}

async fn response(function: &Function, number: u32, id: &str, body: Incoming) -> Response<Full<Bytes>> {
    match server::read_body(body, MAX_RESPONSE).await {
        Ok(body) => accepted(function.complete(number, id, Ok(body))),
        Err(BodyError::TooLarge) => {
            function.complete(number, id, Err(InvocationError::ResponseTooLarge));
            let message = format!("Exceeded maximum allowed payload size ({MAX_RESPONSE} bytes).");
            refuse(StatusCode::PAYLOAD_TOO_LARGE, "Function.ResponseSizeTooLarge", &message)
        }
        Err(BodyError::Broken) => {
            function.complete(number, id, Err(InvocationError::Reported));
            refuse(StatusCode::BAD_REQUEST, "InvalidResponse", "the response broke off")
        }
    }
}

fn accepted(known: bool) -> Response<Full<Bytes>> {
    if known {
        server::json(StatusCode::ACCEPTED, r#"{"status":"OK"}"#)
    } else {
        refuse(StatusCode::BAD_REQUEST, "InvalidRequestID", "not the invocation of this instance")
    }
}

fn refuse(status: StatusCode, kind: &str, message: &str) -> Response<Full<Bytes>> {
    server::json(status, json!({"errorMessage": message, "errorType": kind}).to_string())
}
