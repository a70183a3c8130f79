//! API Gateway: an HTTP API in front of the functions.
//!
//! The limits are those of AWS, so that a request which passes here passes there: 10,240 bytes of request line and
//! headers, 10 MB of body, 6 MB of event, 30 seconds.

mod answer;
mod event;
pub(crate) mod pages;
mod percent;
pub(crate) mod routes;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use tokio::net::TcpListener;
use tokio::time::timeout;

use self::pages::Page;
use self::routes::Routes;
use crate::lambda::function::Function;
use crate::random;
use crate::server::{self, BodyError, Running};

const MAX_HEAD: usize = 10_240;
const MAX_BODY: usize = 10 * 1024 * 1024;
const MAX_EVENT: usize = 6 * 1024 * 1024;
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

/// The gateway of one stack.
#[derive(Debug)]
pub(crate) struct Gateway {
    /// Its own host and port, for example `127.0.0.1:9000`.
    pub(crate) domain_name: String,
    /// The routes of the template.
    pub(crate) routes: Routes,
    /// Pages that the gateway answers itself, before any route.
    pub(crate) pages: Vec<Page>,
    /// The functions, by logical id.
    pub(crate) functions: BTreeMap<String, Arc<Function>>,
}

/// The reason why the gateway answers a request itself, and not a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    BadRequest,
    NotFound,
    HeadTooLarge,
    EntityTooLarge,
    InternalServerError,
    ServiceUnavailable,
}

impl Refusal {
    fn response(self) -> Response<Full<Bytes>> {
        let (status, body) = match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, r#"{"message":"Bad Request"}"#),
            Self::NotFound => (StatusCode::NOT_FOUND, r#"{"message":"Not Found"}"#),
            Self::HeadTooLarge => {
                (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, r#"{"message":"Request Header Fields Too Large"}"#)
            }
            Self::EntityTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, r#"{"message":"Request Entity Too Large"}"#),
            Self::InternalServerError => (StatusCode::INTERNAL_SERVER_ERROR, r#"{"message":"Internal Server Error"}"#),
            Self::ServiceUnavailable => (StatusCode::SERVICE_UNAVAILABLE, r#"{"message":"Service Unavailable"}"#),
        };
        server::json(status, body)
    }
}

impl Gateway {
    /// Answers requests until the returned server is dropped.
    pub(crate) fn start(self, listener: TcpListener) -> Running {
        let gateway = Arc::new(self);
        let service = service_fn(move |request| {
            let gateway = Arc::clone(&gateway);
            async move { Ok::<_, Infallible>(gateway.answer(request).await) }
        });
        server::spawn(server::serve(listener, service))
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        // The id that the function sees is the one that the caller is told.
        let id = random::request_id();
        let mut response = match self.integrate(request, &id).await {
            Ok(response) => response,
            Err(refusal) => refusal.response(),
        };
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert("apigw-requestid", id);
        }
        response
    }

    async fn integrate(&self, request: Request<Incoming>, id: &str) -> Result<Response<Full<Bytes>>, Refusal> {
        let (head, body) = request.into_parts();
        if !names_this_server(&head) {
            return Err(Refusal::BadRequest);
        }
        if head_length(&head) > MAX_HEAD {
            return Err(Refusal::HeadTooLarge);
        }
        let body = server::read_body(body, MAX_BODY).await.map_err(|error| match error {
            BodyError::TooLarge => Refusal::EntityTooLarge,
            BodyError::Broken => Refusal::BadRequest,
        })?;
        let path = percent::decode_path(head.uri.path()).ok_or(Refusal::BadRequest)?;
        if let Some(page) = pages::answer(&self.pages, &head.method, &path) {
            return Ok(page);
        }
        let matched = self.routes.select(head.method.as_str(), &path).ok_or(Refusal::NotFound)?;
        let name = &matched.0.function;
        let function = self.functions.get(name).ok_or(Refusal::InternalServerError)?;
        let event = event::write((&self.domain_name, id), &head, &path, matched, &body)
            .map_err(|_| Refusal::InternalServerError)?;
        if event.len() > MAX_EVENT {
            return Err(Refusal::EntityTooLarge);
        }
        let returned = timeout(INTEGRATION_TIMEOUT, function.invoke(event.into())).await;
        let returned = returned.map_err(|_| Refusal::ServiceUnavailable)?;
        let returned = returned.map_err(|error| {
            tracing::debug!(function = name, %error, "invocation failed");
            Refusal::InternalServerError
        })?;
        answer::read(&returned).map_err(|error| {
            tracing::debug!(function = name, %error, "malformed response");
            Refusal::InternalServerError
        })
    }
}

/// Whether the request target is a path, and at most one `Host` header names a valid host.
///
/// API Gateway lets no other request through, and functions rely on it: `lambda_http` panics on an invalid host.
fn names_this_server(head: &Parts) -> bool {
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let valid = |host: &HeaderValue| {
        let host = host.to_str().unwrap_or_default();
        url::Url::parse(&format!("http://{host}/")).is_ok_and(|url| url.path() == "/")
    };
    head.uri.path().starts_with('/') && hosts.next().is_none_or(valid) && hosts.next().is_none()
}

/// The length of the request line and the headers in bytes, as sent.
fn head_length(head: &Parts) -> usize {
    let path = head.uri.path_and_query().map_or(0, |path| path.as_str().len());
    let line = head.method.as_str().len() + path + "  HTTP/1.1\r\n".len();
    let header = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + ": \r\n".len();
    line + head.headers.iter().map(header).sum::<usize>()
}
