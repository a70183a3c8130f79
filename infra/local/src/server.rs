//! The HTTP/1.1 server under every endpoint of the stack.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::HttpService;
use hyper::{Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;

/// A boxed error, as hyper takes them.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// The most bytes that are read of a body that is too large.
const MAX_DRAINED: usize = 64 * 1024 * 1024;

/// The most headers of a request: more than fit into the largest that API Gateway takes.
const MAX_HEADERS: usize = 2_600;

/// Listens on the loopback interface; port 0 is any free one.
///
/// # Errors
/// The port is taken, or the system refuses.
pub(crate) fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // On Windows, this option would let two listeners share a port.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    // Accepted sockets inherit this. Without it, an answer in two writes waits 40 ms for the client's delayed
    // acknowledgement.
    socket.set_nodelay(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    socket.listen(1024)
}

/// Serves connections. Dropping the returned future ends them all.
pub(crate) async fn serve<S, B>(listener: TcpListener, service: S)
where
    S: HttpService<Incoming, ResBody = B, Error: Into<BoxError>, Future: Send> + Clone + Send + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                let nodelay = stream.set_nodelay(true);
                tracing::trace!(?nodelay, "accepted");
                let connection = http1::Builder::new()
                    .max_headers(MAX_HEADERS)
                    .serve_connection(TokioIo::new(stream), service.clone());
                connections.spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "connection ended");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
    }
}

/// The reason why the body of a request could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is longer than allowed.
    TooLarge,
    /// The client stopped sending it, or it is malformed.
    Broken,
}

/// Reads a body of at most `limit` bytes.
///
/// Bytes beyond the limit are read and dropped: otherwise a client that is still sending would see a reset connection
/// instead of the answer.
///
/// # Errors
/// The body is too large or broken.
pub(crate) async fn read_body(mut body: Incoming, limit: usize) -> Result<Bytes, BodyError> {
    let mut first = Bytes::new();
    let mut rest = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
            continue;
        };
        length += data.len();
        if length > MAX_DRAINED {
            break;
        } else if length > limit {
            rest = Vec::new();
        } else if first.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&data);
        }
    }
    match (length > limit, rest.is_empty()) {
        (true, _) => Err(BodyError::TooLarge),
        (false, true) => Ok(first),
        (false, false) => Ok(Bytes::from(rest)),
    }
}

/// An answer with a JSON body.
pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// The address of a listener as a URL.
///
/// # Errors
/// The system does not know the address.
pub(crate) fn url(listener: &TcpListener) -> io::Result<String> {
    Ok(format!("http://{}", listener.local_addr()?))
}

/// Runs a server in the background until the returned handle is dropped.
pub(crate) fn spawn(server: impl Future<Output = ()> + Send + 'static) -> Running {
    Running(tokio::spawn(server))
}

/// A server that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Running(tokio::task::JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}
