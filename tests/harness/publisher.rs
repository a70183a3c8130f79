//! An app's own web server. It answers every request with the same bytes, and counts requests.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A server on a port of its own. It ends when it is dropped.
#[derive(Debug)]
pub struct Publisher {
    /// Its URL.
    pub url: String,
    answer: Arc<Mutex<String>>,
    count: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Publisher {
    /// Starts a server that answers with a JSON document and a `Cache-Control` header.
    pub async fn start(json: &str, cache_control: &str) -> Publisher {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("http://{}/jwks.json", listener.local_addr().expect("it has an address"));
        let (answer, count) = (Arc::new(Mutex::new(String::new())), Arc::new(AtomicUsize::new(0)));
        let (serve, counted) = (answer.clone(), count.clone());
        let serving = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let text = serve.lock().expect("no test panics inside").clone();
                tokio::spawn(async move {
                    let mut request = [0; 2048];
                    let _ = stream.read(&mut request).await;
                    // Without an answer the client waits in vain.
                    if text.is_empty() {
                        std::future::pending::<()>().await;
                    }
                    let _ = stream.write_all(text.as_bytes()).await;
                });
            }
        });
        let publisher = Publisher { url, answer, count, serving };
        publisher.publish(json, cache_control);
        publisher
    }

    /// Answers with another document from now on.
    pub fn publish(&self, json: &str, cache_control: &str) {
        self.answer(&format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: {cache_control}\r\nContent-Length: {}\r\n\r\n{json}",
            json.len()
        ));
    }

    /// Answers with these bytes from now on; if they are empty, does not answer at all.
    pub fn answer(&self, bytes: &str) {
        bytes.clone_into(&mut self.answer.lock().expect("no test panics inside"));
    }

    /// The number of requests so far.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
