//! A stack with the probe as its only function, and a small HTTP client.

// Each test binary uses its own part of this.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use local_stack::{LocalStack, Options};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

pub const TEMPLATE: &str = r"
Parameters:
  Issuer: {Type: String, Default: ''}
  Init: {Type: String, Default: ok}
Globals:
  Function: {Timeout: 2, Environment: {Variables: {ISSUER: !Ref Issuer}}}
Resources:
  ThingsTable:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
        - {AttributeName: pk, AttributeType: S}
        - {AttributeName: sk, AttributeType: S}
        - {AttributeName: at, AttributeType: S}
      KeySchema: [{AttributeName: pk, KeyType: HASH}, {AttributeName: sk, KeyType: RANGE}]
      LocalSecondaryIndexes:
        - IndexName: byTime
          KeySchema: [{AttributeName: pk, KeyType: HASH}, {AttributeName: at, KeyType: RANGE}]
          Projection: {ProjectionType: ALL}
      TimeToLiveSpecification: {AttributeName: ttl, Enabled: true}
  DocumentsBucket: {Type: 'AWS::S3::Bucket'}
  SigningKey: {Type: 'AWS::KMS::Key', Properties: {KeySpec: ECC_NIST_P256, KeyUsage: SIGN_VERIFY}}
  ProbeFunction:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: local-stack-probe}}
    Properties:
      Environment:
        Variables: {TABLE: !Ref ThingsTable, BUCKET: !Ref DocumentsBucket, KEY: !GetAtt SigningKey.Arn, PROBE_INIT: !Ref Init}
      Events:
        All: {Type: HttpApi, Properties: {Path: '/{proxy+}', Method: ANY}}
        One: {Type: HttpApi, Properties: {Path: '/things/{id}', Method: GET}}
";

/// A template file, the options that name it, and its folder.
pub fn options() -> (TempDir, Options) {
    let folder = tempfile::tempdir().expect("a folder");
    let template = folder.path().join("template.yaml");
    std::fs::write(&template, TEMPLATE).expect("a template");
    let binaries = Path::new(env!("CARGO_BIN_EXE_local-stack-probe")).parent().map(PathBuf::from);
    let binaries = binaries.expect("a folder");
    (folder, Options { template, binaries, ..Options::default() })
}

pub async fn stack() -> LocalStack {
    let (_folder, options) = options();
    LocalStack::start(options).await.expect("a stack")
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// A connection that stays open.
pub struct Client(BufReader<TcpStream>);

impl Client {
    pub async fn connect(url: &str) -> Self {
        let stream = TcpStream::connect(url.trim_start_matches("http://")).await;
        let stream = stream.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        Self(BufReader::new(stream))
    }

    /// Sends a request with a head (without its empty line) and a body.
    pub async fn send(&mut self, head: &str, body: &[u8]) -> Answer {
        let head = format!("{head}Content-Length: {}\r\n\r\n", body.len());
        self.send_raw(&[head.as_bytes(), body].concat()).await.expect("an answer")
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n"), b"").await
    }

    /// Sends bytes and reads one answer; `None` if there is none.
    pub async fn send_raw(&mut self, bytes: &[u8]) -> Option<Answer> {
        self.0.get_mut().write_all(bytes).await.ok()?;
        let mut answer = Answer { status: 0, headers: Vec::new(), body: Vec::new() };
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                Some((name, value)) => answer.headers.push((name.to_owned(), value.to_owned())),
                None if line.trim_end().is_empty() => break,
                None => answer.status = line.split(' ').nth(1)?.parse().ok()?,
            }
        }
        let length = answer.headers.iter().find(|(name, _)| name == "content-length");
        let length = length.map_or(0, |(_, value)| value.parse().expect("a length"));
        if !bytes.starts_with(b"HEAD ") {
            answer.body = vec![0; length];
            self.0.read_exact(&mut answer.body).await.ok()?;
        }
        Some(answer)
    }
}

pub async fn get(stack: &LocalStack, path: &str) -> Answer {
    Client::connect(stack.url()).await.get(path).await
}

/// Waits until a condition holds.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(5), "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Whether a process exists and is not a zombie.
#[cfg(target_os = "linux")]
pub fn is_alive(pid: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    status.is_ok_and(|status| !status.contains(") Z "))
}
