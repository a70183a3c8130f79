//! Requests from outside, as anybody sends them: a connection for each, no cache, no redirect followed.

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value as Json;
use shared::oauth::fetch::tls;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::ServerName;
use url::Url;

/// An answer has at most this many bytes: API Gateway gives out no more.
const LARGEST_ANSWER: usize = 10 << 20;

/// The longest that an answer may take: API Gateway gives up after 30 seconds.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(40);

/// An answer.
pub(super) struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    /// A header's text; empty if it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A parameter of the URL to which the answer redirects.
    pub fn redirected(&self, name: &str) -> Option<String> {
        let url = Url::parse(self.header("location")).ok()?;
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

/// A request.
pub(super) struct Asked<'a> {
    pub method: Method,
    pub url: &'a str,
    pub headers: &'a HeaderMap,
    /// A form, where it has one.
    pub form: Option<&'a [(&'a str, &'a str)]>,
}

/// Sends a request and reads the answer.
///
/// # Errors
/// There is no connection, no TLS, or no whole answer in time.
pub(super) async fn send(asked: Asked<'_>) -> Result<Reply> {
    let url = Url::parse(asked.url).with_context(|| format!("{} is no URL", asked.url))?;
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut request = Request::builder().method(asked.method).uri(path).header(header::HOST, host);
    for (name, value) in asked.headers {
        request = request.header(name, value);
    }
    let body = match asked.form {
        None => Bytes::new(),
        Some(pairs) => {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into()
        }
    };
    let request = request.header(header::CONNECTION, "close").body(Full::new(body))?;
    let answered = tokio::time::timeout(LONGEST, connected(&url, request)).await;
    answered
        .with_context(|| format!("{url} did not answer in time"))?
        .with_context(|| format!("{url} cannot be reached"))
}

async fn connected(url: &Url, request: Request<Full<Bytes>>) -> Result<Reply> {
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
    let host = host.trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, port)).await?;
    match url.scheme() {
        "http" => answered(stream, request).await,
        "https" => answered(tls()?.connect(ServerName::try_from(host.to_owned())?, stream).await?, request).await,
        other => bail!("{other} is neither http nor https"),
    }
}

async fn answered<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Reply>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let (parts, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, LARGEST_ANSWER).collect().await;
    let body = body.map_err(|error| anyhow::anyhow!("the answer is cut short or too long: {error}"))?.to_bytes();
    Ok(Reply { status: parts.status, headers: parts.headers, body })
}
