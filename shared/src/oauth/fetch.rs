//! Fetches a small JSON document that an app or an identity provider publishes, by one GET, or posts one form to a provider: within
//! three seconds, and never from an address that only we can reach.
//!
//! The name is resolved once, every address is checked, and the connection goes to exactly these addresses: a name that
//! says something else at a second look gains nothing. Redirects are not followed.

use crate::bounds::{FETCH_SECONDS, KEY_SET_BYTES};
use crate::http::fields::{list, pair};
use crate::http::media_type::MediaType;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::request::Builder;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

use super::address::is_public;
use crate::loopback::is_loopback;
use crate::secret::Secret;

/// Why a document was not fetched, in words for the app's developer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FetchError {
    /// The URL may not be fetched at all.
    #[error("the URL {0}")]
    Url(&'static str),
    /// The name leads to an address that is not of the public internet.
    #[error("its host is at {0}, which is not an address of the public internet")]
    NotPublic(std::net::IpAddr),
    /// Three seconds have passed.
    #[error("it did not answer within three seconds")]
    Slow,
    /// No connection, no TLS, or no HTTP.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// It answers something else than a short JSON document.
    #[error("{0}")]
    Answer(String),
}

/// A document.
pub struct Document {
    /// Its text.
    pub body: Bytes,
    /// For how many seconds it may be kept; `None` where its server does not say.
    pub max_age: Option<i64>,
}

/// Whether `url` may be fetched at all: `https`, or `http` too where `loopback` allows our own machine, with a host and
/// nothing that hides it.
///
/// # Errors
/// [`FetchError::Url`]: what would be right.
pub fn fetchable(url: &str, loopback: bool) -> Result<Url, FetchError> {
    let parsed = Url::parse(url).map_err(|_| FetchError::Url("is no absolute URL; it must begin with https://"))?;
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(FetchError::Url("must not name a user before the host"));
    }
    if parsed.fragment().is_some() {
        return Err(FetchError::Url("must not have a fragment (#…)"));
    }
    if parsed.host().is_none() {
        return Err(FetchError::Url("must name a host"));
    }
    match parsed.scheme() {
        "https" => Ok(parsed),
        "http" if loopback && is_loopback(&parsed) => Ok(parsed),
        _ => Err(FetchError::Url("must be https")),
    }
}

/// Fetches the JSON document at `url`; from our own machine only where `loopback` is true.
///
/// # Errors
/// [`FetchError`]
pub async fn json(url: &str, loopback: bool) -> Result<Document, FetchError> {
    let url = fetchable(url, loopback)?;
    ask(&url, loopback, request(&url, Method::GET), Bytes::new()).await
}

/// Posts a form and fetches the JSON document that answers it. `authorization` is the value of that header. Both may hold secrets.
///
/// # Errors
/// [`FetchError`]
pub async fn post(
    url: &str,
    form: &Secret,
    authorization: Option<&Secret>,
    loopback: bool,
) -> Result<Document, FetchError> {
    let url = fetchable(url, loopback)?;
    let mut head = request(&url, Method::POST).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(authorization) = authorization {
        head = head.header(header::AUTHORIZATION, authorization.reveal());
    }
    ask(&url, loopback, head, Bytes::copy_from_slice(form.reveal().as_bytes())).await
}

fn request(url: &Url, method: Method) -> Builder {
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, host)
        .header(header::ACCEPT, "application/json")
        .header(header::CONNECTION, "close")
}

async fn ask(url: &Url, loopback: bool, head: Builder, body: Bytes) -> Result<Document, FetchError> {
    let request = head.body(Full::new(body)).map_err(unreachable)?;
    let fetched = async {
        let addresses = addresses(url, loopback).await?;
        let response = connected(url, &addresses, request).await?;
        document(response).await
    };
    tokio::time::timeout(Duration::from_secs(FETCH_SECONDS), fetched).await.unwrap_or(Err(FetchError::Slow))
}

/// All addresses of the URL's host; none may be one that is not allowed.
async fn addresses(url: &Url, loopback: bool) -> Result<Vec<SocketAddr>, FetchError> {
    let port = url.port_or_known_default().ok_or(FetchError::Url("must name a host"))?;
    let addresses: Vec<SocketAddr> = match url.host() {
        Some(Host::Ipv4(address)) => vec![(address, port).into()],
        Some(Host::Ipv6(address)) => vec![(address, port).into()],
        Some(Host::Domain(name)) => tokio::net::lookup_host((name, port)).await.map_err(unreachable)?.collect(),
        None => Vec::new(),
    };
    let allowed = |address: &SocketAddr| is_public(address.ip()) || (loopback && address.ip().is_loopback());
    match addresses.iter().find(|address| !allowed(address)) {
        Some(refused) => Err(FetchError::NotPublic(refused.ip())),
        None => Ok(addresses),
    }
}

async fn connected(
    url: &Url,
    addresses: &[SocketAddr],
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, FetchError> {
    let stream = TcpStream::connect(addresses).await.map_err(unreachable)?;
    if url.scheme() == "http" {
        return send(stream, request).await;
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host).map_err(unreachable)?;
    send(tls()?.connect(name, stream).await.map_err(unreachable)?, request).await
}

/// TLS with the roots that this machine trusts, as the AWS SDK does; read when first needed, since most functions never fetch.
///
/// # Errors
/// [`FetchError::Unreachable`] where the machine trusts none.
pub fn tls() -> Result<TlsConnector, FetchError> {
    static TLS: OnceLock<TlsConnector> = OnceLock::new();
    if let Some(tls) = TLS.get() {
        return Ok(tls.clone());
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(FetchError::Unreachable("this machine trusts no certificate authority".into()));
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(TLS.get_or_init(|| TlsConnector::from(std::sync::Arc::new(config))).clone())
}

async fn send<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
    // The connection ends with the answer, or with the sender where nobody waits any more.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(unreachable)
}

async fn document(response: Response<Incoming>) -> Result<Document, FetchError> {
    let status = response.status();
    if status.is_redirection() {
        return Err(FetchError::Answer(format!("it answers {status}; redirects are not followed")));
    }
    if status != http::StatusCode::OK {
        return Err(FetchError::Answer(refusal(response).await));
    }
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let content_type = text(header::CONTENT_TYPE);
    let is_json = |held: MediaType| held.essence() == "application/json" || held.essence().ends_with("+json");
    if !MediaType::parse(content_type).is_some_and(is_json) {
        return Err(FetchError::Answer(format!("its Content-Type is `{content_type}`, not application/json")));
    }
    let max_age = max_age(text(header::CACHE_CONTROL), text(header::AGE));
    let body = Limited::new(response.into_body(), KEY_SET_BYTES).collect().await;
    let body =
        body.map_err(|_| FetchError::Answer(format!("it is cut short, or over {KEY_SET_BYTES} bytes")))?.to_bytes();
    Ok(Document { body, max_age })
}

/// The words for an answer that is no success, with the error code of RFC 6749 §5.2 where it has one.
async fn refusal(response: Response<Incoming>) -> String {
    #[derive(serde::Deserialize)]
    struct Refusal {
        error: String,
    }
    let status = response.status();
    let body =
        Limited::new(response.into_body(), KEY_SET_BYTES).collect().await.map(http_body_util::Collected::to_bytes);
    let told = body.ok().and_then(|body| serde_json::from_slice::<Refusal>(&body).ok());
    let is_code = |text: &String| text.len() <= 40 && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    match told.map(|told| told.error).filter(is_code) {
        Some(code) => format!("it answers {status} with the error `{code}`"),
        None => format!("it answers {status}, not 200"),
    }
}

/// For how many more seconds a document may be kept (RFC 9111 §4.2.1, §5.2.2).
fn max_age(cache_control: &str, age: &str) -> Option<i64> {
    let directives: Vec<(String, String)> = list(cache_control).filter_map(pair).collect();
    let directive = |wanted: &str| directives.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
    if directive("no-store").or(directive("no-cache")).is_some() {
        return Some(0);
    }
    // An age that is no number means that the document is stale (§4.2.1).
    let seconds: i64 = directive("max-age")?.parse().unwrap_or(0);
    Some(seconds.saturating_sub(age.trim().parse().unwrap_or(0)).max(0))
}

fn unreachable(error: impl std::fmt::Display) -> FetchError {
    FetchError::Unreachable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_is_fetched_and_http_from_ones_own_machine_alone() {
        assert!(fetchable("https://app.example/jwks.json", false).is_ok());
        assert!(fetchable("http://127.0.0.1:8000/jwks", true).is_ok());
        assert!(fetchable("http://localhost:8000/jwks", true).is_ok());
        for url in [
            "http://app.example/jwks",
            "http://127.0.0.1/jwks",
            "ftp://app.example/jwks",
            "file:///etc/passwd",
            "https://user@app.example/jwks",
            "https://app.example/jwks#key",
            "app.example/jwks",
            "https://",
        ] {
            assert!(fetchable(url, false).is_err(), "{url}");
        }
        assert!(fetchable("http://app.example/jwks", true).is_err());
    }

    #[tokio::test]
    async fn no_way_of_writing_an_inner_address_leads_there() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "0.0.0.0",
            "localhost",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:a9fe:a9fe]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "169.254.169.254",
            "10.0.0.1",
            "192.168.1.1",
            "100.64.0.1",
        ] {
            let refused = json(&format!("https://{host}/latest/meta-data"), false).await;
            assert!(matches!(refused, Err(FetchError::NotPublic(_))), "{host}: {:?}", refused.err());
        }
        let refused = json("https://10.0.0.1/", true).await;
        assert!(matches!(refused, Err(FetchError::NotPublic(_))), "loopback allows loopback and nothing else");
    }

    #[test]
    fn a_document_is_kept_as_long_as_its_server_says() {
        for (cache_control, age, expected) in [
            ("", "", None),
            ("public", "", None),
            ("max-age=600", "", Some(600)),
            ("public, Max-Age=600, must-revalidate", "100", Some(500)),
            ("max-age=600", "700", Some(0)),
            ("max-age=-5", "", Some(0)),
            ("max-age=soon", "", Some(0)),
            ("no-store", "", Some(0)),
            ("max-age=600, no-cache", "", Some(0)),
        ] {
            assert_eq!(max_age(cache_control, age), expected, "{cache_control}; {age}");
        }
    }
}
