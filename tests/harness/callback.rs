//! A page of an app: the place where a browser arrives after the consent.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const PAGE: &str = "<!doctype html><meta name=viewport content=width=device-width><link rel=icon href=data:,>\
    <title>App</title><p id=back>Back at the app.";

/// An app's redirect URI on this machine. It answers every request with a page that says `Back at the app.`
pub struct Callback {
    /// The redirect URI.
    pub url: String,
    server: JoinHandle<()>,
}

impl Callback {
    /// Listens on a free port.
    pub async fn start() -> Callback {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("there is a free port");
        let url = format!("http://{}/callback", listener.local_addr().expect("it has an address"));
        let server = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await.is_ok_and(|n| n > 0) {}
                    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length:";
                    let answer = format!("{head} {}\r\n\r\n{PAGE}", PAGE.len());
                    // A browser that has gone away needs no answer.
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        Callback { url, server }
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        self.server.abort();
    }
}
