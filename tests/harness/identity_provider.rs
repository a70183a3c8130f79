//! An identity provider that a test leads. It publishes and answers what the test says, and keeps what it was asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A provider on a port of its own. It ends when it is dropped.
#[derive(Debug)]
pub struct IdentityProvider {
    /// Its issuer.
    pub url: String,
    shared: Arc<Mutex<Shared>>,
    serving: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The whole answer for each path; an empty one is no answer at all.
    answers: BTreeMap<String, String>,
    /// The document for each code, at the token endpoint.
    by_code: BTreeMap<String, String>,
    /// The path and the body of each request.
    asked: Vec<(String, String)>,
}

const METADATA: &str = "/.well-known/openid-configuration";

impl IdentityProvider {
    /// Starts a provider that publishes its metadata and these keys.
    pub async fn start(keys: &[Json]) -> IdentityProvider {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it has an address"));
        let shared = Arc::<Mutex<Shared>>::default();
        let serve = shared.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, serve.clone()));
            }
        });
        let provider = IdentityProvider { url, shared, serving };
        provider.describe(&[]);
        provider.publish("/jwks", "no-store", &json!({"keys": keys}));
        provider
    }

    /// Publishes its metadata with these values changed.
    pub fn describe(&self, changed: &[(&str, Json)]) {
        let url = &self.url;
        let mut metadata = json!({
            "issuer": url, "authorization_endpoint": format!("{url}/authorize"), "token_endpoint": format!("{url}/token"),
            "jwks_uri": format!("{url}/jwks"), "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"], "authorization_response_iss_parameter_supported": true,
        });
        for (name, value) in changed {
            metadata[*name] = value.clone();
        }
        self.publish(METADATA, "no-store", &metadata);
    }

    /// Answers with a document under a path from now on.
    pub fn publish(&self, path: &str, cache_control: &str, json: &Json) {
        self.answer(path, &success(cache_control, json));
    }

    /// Answers with these bytes under a path from now on; if they are empty, does not answer at all.
    pub fn answer(&self, path: &str, bytes: &str) {
        self.shared.lock().expect("no test panics inside").answers.insert(path.to_owned(), bytes.to_owned());
    }

    /// Answers the exchange of this code with a document, whatever else the token endpoint answers.
    pub fn give(&self, code: &str, json: &Json) {
        let answer = success("no-store", json);
        self.shared.lock().expect("no test panics inside").by_code.insert(format!("code={code}&"), answer);
    }

    /// The bodies of the requests for a path so far.
    pub fn asked(&self, path: &str) -> Vec<String> {
        let shared = self.shared.lock().expect("no test panics inside");
        shared.asked.iter().filter(|(asked, _)| asked == path).map(|(_, body)| body.clone()).collect()
    }
}

fn success(cache_control: &str, json: &Json) -> String {
    let body = json.to_string();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: {cache_control}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

async fn answer(mut stream: TcpStream, shared: Arc<Mutex<Shared>>) {
    let Some((path, body)) = request(&mut stream).await else { return };
    let answer = {
        let mut shared = shared.lock().expect("no test panics inside");
        let given =
            shared.by_code.iter().find(|(code, _)| body.contains(code.as_str())).map(|(_, answer)| answer.clone());
        let given = given.filter(|_| path == "/token");
        shared.asked.push((path.clone(), body));
        given.or_else(|| shared.answers.get(&path).cloned())
    };
    match answer.as_deref() {
        // Without an answer the client waits in vain.
        Some("") => std::future::pending().await,
        answer => {
            let missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(answer.unwrap_or(missing).as_bytes()).await;
        }
    }
}

/// The path and the body of a request.
async fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    let (head, length) = loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            break (head.to_owned(), length.unwrap_or(0));
        }
    };
    let body_at = head.len() + 4;
    while bytes.len() < body_at + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let path = head.split(' ').nth(1)?.split('?').next()?.to_owned();
    Some((path, String::from_utf8_lossy(&bytes[body_at..]).into_owned()))
}

impl Drop for IdentityProvider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
