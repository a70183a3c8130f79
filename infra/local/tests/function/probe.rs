//! A function for the tests. It speaks the Runtime API over a plain socket, and has a path for everything a function
//! can do.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

fn main() -> io::Result<()> {
    if env::var("PROBE_INIT").is_ok_and(|init| init == "crash") {
        eprintln!("the probe cannot start");
        std::process::exit(7);
    }
    let api = env::var("AWS_LAMBDA_RUNTIME_API").map_err(io::Error::other)?;
    let (host, base) = api.trim_start_matches("http://").split_once('/').unwrap_or((&api, ""));
    let stream = TcpStream::connect(host)?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let base = format!("/{base}/2018-06-01/runtime/invocation");
    loop {
        let (_, id, event) = call(&mut reader, "GET", &format!("{base}/next"), b"")?;
        let event: Value = serde_json::from_slice(&event)?;
        let (operation, answer) = match handle(&event) {
            Ok(answer) => ("response", answer),
            Err(error) => ("error", json!({"errorType": "Probe", "errorMessage": error})),
        };
        let answer = answer.to_string();
        let path = format!("{base}/{id}/{operation}");
        let (status, _, body) = call(&mut reader, "POST", &path, answer.as_bytes())?;
        if status != 202 {
            println!("refused with {status}: {}", String::from_utf8_lossy(&body));
        }
    }
}

fn handle(event: &Value) -> Result<Value, String> {
    let query = |name: &str| event["queryStringParameters"][name].as_str();
    match event["rawPath"].as_str().unwrap_or_default() {
        "/pid" => {
            let pause = query("ms").and_then(|ms| ms.parse().ok()).unwrap_or(0);
            std::thread::sleep(Duration::from_millis(pause));
            Ok(json!({"statusCode": 200, "body": std::process::id().to_string()}))
        }
        "/environment" => {
            let environment: Value = env::vars().map(|(name, value)| (name, json!(value))).collect();
            Ok(json!({"statusCode": 200, "body": environment.to_string()}))
        }
        "/crash" => {
            eprintln!("the probe crashes");
            std::process::exit(3);
        }
        "/error" => Err("as asked".to_owned()),
        "/big" => {
            let size = query("size").and_then(|size| size.parse().ok()).unwrap_or(0);
            Ok(json!({"statusCode": 200, "body": "x".repeat(size)}))
        }
        "/malformed" => Ok(json!({"statusCode": "none"})),
        "/cookies" => Ok(json!({"statusCode": 204, "cookies": ["a=1", "b=2"], "body": "dropped"})),
        _ => {
            println!("echo {}", event["rawPath"]);
            Ok(event.clone())
        }
    }
}

/// One exchange with the Runtime API. Returns the status, the request id and the body.
fn call(
    reader: &mut BufReader<TcpStream>,
    method: &str,
    path: &str,
    body: &[u8],
) -> io::Result<(u16, String, Vec<u8>)> {
    let head = format!("{method} {path} HTTP/1.1\r\nHost: api\r\nContent-Length: {}\r\n\r\n", body.len());
    reader.get_mut().write_all(&[head.as_bytes(), body].concat())?;
    let (mut status, mut id, mut length) = (0, String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        match line.split_once(": ") {
            Some(("content-length", value)) => length = value.parse().map_err(io::Error::other)?,
            Some(("lambda-runtime-aws-request-id", value)) => value.clone_into(&mut id),
            Some(_) => {}
            None => {
                let code = line.split(' ').nth(1).and_then(|code| code.parse().ok());
                status = code.unwrap_or(0);
            }
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((status, id, body))
}
