//! The wire between a server and its services. A test counts calls on it, looks at them, and lets them fail.
//!
//! When the SDK retries a call it keeps the `amz-sdk-invocation-id`, which tells a retry from a second call.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value as Json, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// A way in which a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The service throttles the call.
    Throttled,
    /// The connection breaks before the service receives the call.
    Dropped,
    /// The service performs the call, and its answer is lost.
    AnswerLost,
    /// The key is disabled (KMS), or the action is denied (DynamoDB, S3): a retry does not help.
    Refused,
    /// The row is in another transaction at this moment (DynamoDB).
    InTransaction,
    /// The batch is answered with all of its keys unprocessed (DynamoDB, `BatchGetItem`).
    Unprocessed,
}

/// One call on the wire.
#[derive(Clone, Debug)]
pub struct Call {
    /// The operation: `GetItem`, `Sign`, …
    pub operation: String,
    /// The path of the request: with S3, a slash, the bucket, and another slash with the key where it is about one object.
    pub path: String,
    /// The body of the request.
    pub body: Json,
    /// The number of times that the SDK tried.
    pub tries: usize,
    id: String,
}

/// The calls that fail.
#[derive(Clone, Copy)]
enum Plan {
    /// The call at this place: every try of it, or the first alone.
    Nth { place: usize, lasting: bool },
    /// The next calls of an operation, this many.
    Next(&'static str, usize),
}

#[derive(Default)]
struct State {
    dynamodb: String,
    kms: String,
    s3: String,
    calls: Vec<Call>,
    plan: Option<(Plan, Fault)>,
}

/// A wire. Dropping it cuts it.
pub struct Wire {
    url: String,
    state: Arc<Mutex<State>>,
    server: AbortHandle,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Wire {
    /// A wire that leads to no service yet.
    pub async fn new() -> Wire {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("there is a free port");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        let state = Arc::<Mutex<State>>::default();
        let server = tokio::spawn(serve(listener, state.clone())).abort_handle();
        Wire { url, state, server }
    }

    /// The environment variables with which a server uses this wire.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let names = ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL_S3"];
        names.map(|name| (name.to_owned(), self.url.clone())).into()
    }

    /// Leads the wire to the services of a stack.
    pub fn lead_to(&self, environment: &BTreeMap<String, String>) {
        let mut state = lock(&self.state);
        state.dynamodb.clone_from(&environment["AWS_ENDPOINT_URL_DYNAMODB"]);
        state.kms.clone_from(&environment["AWS_ENDPOINT_URL_KMS"]);
        state.s3.clone_from(&environment["AWS_ENDPOINT_URL_S3"]);
    }

    /// Lets the `nth` call from now on fail, counted from 0: every try of it, or the first alone.
    pub fn plan(&self, nth: usize, fault: Fault, lasting: bool) {
        let mut state = lock(&self.state);
        let place = state.calls.len() + nth;
        state.plan = Some((Plan::Nth { place, lasting }, fault));
    }

    /// Lets every call of an operation fail.
    pub fn fail(&self, operation: &'static str, fault: Fault) {
        self.fail_times(operation, fault, usize::MAX);
    }

    /// Lets the next calls of an operation fail, this many.
    pub fn fail_times(&self, operation: &'static str, fault: Fault, times: usize) {
        lock(&self.state).plan = Some((Plan::Next(operation, times), fault));
    }

    /// Lets all calls through again.
    pub fn mend(&self) {
        lock(&self.state).plan = None;
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.state).calls.clone()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("nobody panics inside")
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    // Dropping this future drops every connection.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else { continue };
        connections.spawn(connection(stream, client.clone(), state.clone()));
    }
}

async fn connection(stream: TcpStream, client: Client<HttpConnector, Full<Bytes>>, state: Arc<Mutex<State>>) {
    // Otherwise an answer in two writes waits for the delayed acknowledgement of the other side.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| pass(request, &client, &state));
    // A service that returns an error breaks the connection, as a lost call does.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// A call on the wire broke.
#[derive(Debug, thiserror::Error)]
#[error("the wire broke")]
struct Broken;

async fn pass(
    request: Request<Incoming>,
    client: &Client<HttpConnector, Full<Bytes>>,
    state: &Mutex<State>,
) -> Result<Response<Full<Bytes>>, Broken> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Broken)?.to_bytes();
    let (upstream, fault) = lock(state).meet(&parts.method, parts.uri.path(), &parts.headers, &body);
    match (fault, service(&parts.headers)) {
        (Some(Fault::Dropped), _) => return Err(Broken),
        (Some(Fault::Throttled), Service::Kms) => return Ok(refusal("ThrottlingException")),
        (Some(Fault::Throttled), Service::DynamoDb) => return Ok(refusal("ProvisionedThroughputExceededException")),
        (Some(Fault::Throttled), Service::S3) => return Ok(s3_refusal(StatusCode::SERVICE_UNAVAILABLE, "SlowDown")),
        (Some(Fault::Refused), Service::Kms) => return Ok(refusal("DisabledException")),
        (Some(Fault::Refused), Service::DynamoDb) => return Ok(refusal("AccessDeniedException")),
        (Some(Fault::Refused), Service::S3) => return Ok(s3_refusal(StatusCode::FORBIDDEN, "AccessDenied")),
        (Some(Fault::InTransaction), _) => return Ok(refusal("TransactionConflictException")),
        (Some(Fault::Unprocessed), _) => return Ok(unprocessed(&body)),
        (Some(Fault::AnswerLost) | None, _) => {}
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut onward = Request::builder().method(parts.method).uri(format!("{upstream}{path}"));
    if let Some(headers) = onward.headers_mut() {
        *headers = parts.headers;
    }
    let onward = onward.body(Full::new(body)).map_err(|_| Broken)?;
    let (parts, body) = client.request(onward).await.map_err(|_| Broken)?.into_parts();
    let body = body.collect().await.map_err(|_| Broken)?.to_bytes();
    if fault == Some(Fault::AnswerLost) {
        return Err(Broken);
    }
    Ok(Response::from_parts(parts, Full::new(body)))
}

impl State {
    /// Notes a call. Returns its destination, and its fault if one is planned.
    fn meet(&mut self, method: &Method, path: &str, headers: &HeaderMap, body: &Bytes) -> (String, Option<Fault>) {
        let service = service(headers);
        let upstream = match service {
            Service::DynamoDb => self.dynamodb.clone(),
            Service::Kms => self.kms.clone(),
            Service::S3 => self.s3.clone(),
        };
        let id = text(headers, "amz-sdk-invocation-id").to_owned();
        let known = self.calls.iter().position(|call| call.id == id);
        let place = known.unwrap_or_else(|| {
            let operation = match (service, method) {
                (Service::S3, &Method::GET) => "GetObject",
                (Service::S3, &Method::HEAD) => "HeadObject",
                (Service::S3, &Method::DELETE) => "DeleteObject",
                (Service::S3, _) => "PutObject",
                _ => text(headers, "x-amz-target").rsplit('.').next().unwrap_or_default(),
            };
            let operation = operation.to_owned();
            let body = serde_json::from_slice(body).unwrap_or_default();
            self.calls.push(Call { operation, path: path.to_owned(), body, tries: 0, id });
            self.calls.len() - 1
        });
        self.calls[place].tries += 1;
        let (operation, first) = (self.calls[place].operation.as_str(), self.calls[place].tries == 1);
        let planned = self.plan.filter(|(plan, _)| match *plan {
            Plan::Nth { place: planned, lasting } => place == planned && (lasting || first),
            Plan::Next(planned, _) => operation == planned,
        });
        if let (Some(_), Some((Plan::Next(_, left), _))) = (&planned, &mut self.plan) {
            *left -= 1;
            if *left == 0 {
                self.plan = None;
            }
        }
        (upstream, planned.map(|(_, fault)| fault))
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[derive(Clone, Copy)]
enum Service {
    DynamoDb,
    Kms,
    S3,
}

/// The service by the target's name: `DynamoDB_20120810`, or `TrentService` for KMS. S3 has no target.
fn service(headers: &HeaderMap) -> Service {
    match text(headers, "x-amz-target").split('.').next() {
        Some("TrentService") => Service::Kms,
        None | Some("") => Service::S3,
        _ => Service::DynamoDb,
    }
}

/// An error as S3 writes it.
fn s3_refusal(status: StatusCode, code: &str) -> Response<Full<Bytes>> {
    let body =
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>as the test planned</Message></Error>");
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
}

/// The answer to a batch with all of its keys unprocessed.
fn unprocessed(asked: &Bytes) -> Response<Full<Bytes>> {
    let asked: Json = serde_json::from_slice(asked).unwrap_or_default();
    let body = json!({"Responses": {}, "UnprocessedKeys": asked["RequestItems"]}).to_string();
    let mut response = Response::new(Full::new(Bytes::from(body)));
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/x-amz-json-1.0"));
    response
}

/// An error as AWS writes it.
fn refusal(kind: &str) -> Response<Full<Bytes>> {
    let body = json!({"__type": kind, "message": "as the test planned"}).to_string();
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}
