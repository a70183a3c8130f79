//! A meter on the wire to DynamoDB: it makes every call report the consumed capacity, and adds it up, without the
//! loader's help.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value as Json;
use tokio::net::TcpListener;

/// The consumed capacity.
#[derive(Clone, Debug, Default)]
pub struct Units {
    /// Read units.
    pub read: f64,
    /// Write units, including those of writes whose condition did not hold: DynamoDB bills them.
    pub write: f64,
    /// Calls.
    pub calls: u32,
    /// The write units by kind of row: the first step of its partition key.
    pub writes: BTreeMap<String, f64>,
}

/// A meter before the endpoint of a stack.
pub struct Meter {
    /// Where clients reach it.
    pub url: String,
    units: Arc<Mutex<Units>>,
}

type Onward = Client<HttpConnector, Full<Bytes>>;

impl Meter {
    /// A meter before the endpoint at `url`.
    pub async fn before(url: &str) -> Meter {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("there is a free port");
        let meter =
            Meter { url: format!("http://{}", listener.local_addr().expect("it listens")), units: Arc::default() };
        let (upstream, units) = (url.to_owned(), meter.units.clone());
        let client: Onward = Client::builder(TokioExecutor::new()).build_http();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let (client, upstream, units) = (client.clone(), upstream.clone(), units.clone());
                tokio::spawn(async move {
                    let service = service_fn(|request| pass(request, &client, &upstream, &units));
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
                });
            }
        });
        meter
    }

    /// The number of calls since the last [`Meter::take`].
    pub fn calls(&self) -> u32 {
        self.units.lock().expect("nobody panics inside").calls
    }

    /// The capacity consumed since the last call.
    pub fn take(&self) -> Units {
        std::mem::take(&mut self.units.lock().expect("nobody panics inside"))
    }
}

async fn pass(
    request: Request<Incoming>,
    client: &Onward,
    upstream: &str,
    units: &Mutex<Units>,
) -> anyhow::Result<Response<Full<Bytes>>> {
    let (mut parts, body) = request.into_parts();
    let mut asked: Json = serde_json::from_slice(&body.collect().await?.to_bytes())?;
    asked["ReturnConsumedCapacity"] = "TOTAL".into();
    let operation = operation(&parts.headers);
    parts.headers.remove(header::CONTENT_LENGTH);
    let mut onward = Request::post(format!("{upstream}/")).body(Full::new(Bytes::from(asked.to_string())))?;
    *onward.headers_mut() = parts.headers;
    let (parts, body) = client.request(onward).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    let answer: Json = serde_json::from_slice(&body).unwrap_or_default();
    let consumed = match parts.status.is_success() {
        true => consumed(&answer),
        false => refused(&asked, &answer),
    };
    let mut units = units.lock().expect("nobody panics inside");
    units.calls += 1;
    let is_read = ["Get", "Query", "Scan"].iter().any(|word| operation.contains(word));
    if is_read {
        units.read += consumed;
    } else {
        units.write += consumed;
        *units.writes.entry(kind_of_row(&asked)).or_default() += consumed;
    }
    Ok(Response::from_parts(parts, Full::new(body)))
}

/// The kind of row that a call writes. A row whose partition key is also its sort key is a shared resource.
fn kind_of_row(asked: &Json) -> String {
    let asked = if asked["TransactItems"].is_array() { &asked["TransactItems"][0]["Put"] } else { asked };
    let row = if asked["Item"].is_object() { &asked["Item"] } else { &asked["Key"] };
    let (pk, sk) = (row["pk"]["S"].as_str().unwrap_or_default(), row["sk"]["S"].as_str().unwrap_or_default());
    let first = |text: &str| text.split(['/', '#']).next().unwrap_or_default().to_owned();
    match first(pk).as_str() {
        "Patient" if row.get("b").is_none() => "pointer".to_owned(),
        "Patient" if sk.starts_with("Provenance/received-") => "receipt".to_owned(),
        kind if pk == sk && kind != "Patient" => "shared".to_owned(),
        kind => kind.to_owned(),
    }
}

fn operation(headers: &HeaderMap) -> String {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default().to_owned()
}

/// The consumed capacity in an answer, for one table or several.
fn consumed(answer: &Json) -> f64 {
    let of_table = |consumed: &Json| consumed["CapacityUnits"].as_f64().unwrap_or_default();
    match &answer["ConsumedCapacity"] {
        Json::Array(tables) => tables.iter().map(of_table).sum(),
        table => of_table(table),
    }
}

/// The write units of a refused write, which the answer does not report: the size of the existing item or of the new
/// one, whichever is larger, in whole kilobytes (DynamoDB Developer Guide, "Provisioned capacity mode: write operation
/// consumption").
fn refused(asked: &Json, answer: &Json) -> f64 {
    let largest = [&asked["Item"], &answer["Item"]].map(size).into_iter().max().unwrap_or_default();
    f64::from(u32::try_from(largest.div_ceil(1024).max(1)).unwrap_or(u32::MAX))
}

/// The size of an item: names and values ("DynamoDB item sizes and formats").
fn size(item: &Json) -> usize {
    let value = |value: &Json| match value.as_object().and_then(|typed| typed.iter().next()) {
        // Base64 holds three bytes in four.
        Some((kind, Json::String(text))) if kind == "B" => text.trim_end_matches('=').len() * 3 / 4,
        Some((kind, Json::String(text))) if kind == "N" => text.len() / 2 + 1,
        Some((_, Json::String(text))) => text.len(),
        Some((_, other)) => other.to_string().len(),
        None => 0,
    };
    item.as_object().map_or(0, |item| item.iter().map(|(name, typed)| name.len() + value(typed)).sum())
}
