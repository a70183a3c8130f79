//! The gateway's handling of requests, whatever their bytes.

mod common;

use common::{Client, get, options, stack};
use local_stack::LocalStack;

#[tokio::test]
async fn a_request_arrives_as_an_event() {
    let stack = stack().await;
    let mut client = Client::connect(stack.url()).await;
    let head = "GET /things/a%20b?x=1&x=2 HTTP/1.1\r\nHost: other.example\r\nCookie: c=1\r\n";
    let event = client.send(head, b"").await.json();
    assert_eq!(event["routeKey"], "GET /things/{id}");
    assert_eq!(event["rawPath"], "/things/a b");
    assert_eq!(event["pathParameters"]["id"], "a b");
    assert_eq!(event["queryStringParameters"]["x"], "1,2");
    assert_eq!(event["cookies"][0], "c=1");
    let domain = event["requestContext"]["domainName"].as_str().expect("a name");
    assert_eq!(format!("http://{domain}"), stack.url());
}

#[tokio::test]
async fn cookies_become_one_header_each() {
    let stack = stack().await;
    let answer = get(&stack, "/cookies").await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    let cookies: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "set-cookie").collect();
    assert_eq!(cookies.len(), 2);
    assert!(answer.headers.iter().any(|(name, _)| name == "apigw-requestid"));
}

#[tokio::test]
async fn the_limits_are_those_of_aws() {
    let stack = stack().await;
    for (extra, body, status, message) in [
        (10_300, 0, 431, "Request Header Fields Too Large"),
        (0, 10 * 1024 * 1024 + 1, 413, "Request Entity Too Large"),
        (0, 7 * 1024 * 1024, 413, "Request Entity Too Large"),
    ] {
        let head = format!("POST /x HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n", "x".repeat(extra));
        let mut client = Client::connect(stack.url()).await;
        let answer = client.send(&head, &vec![b' '; body]).await;
        assert_eq!((answer.status, answer.json()["message"].as_str()), (status, Some(message)));
        // The connection is still good.
        assert_eq!(client.get("/pid").await.status, 200);
    }
    let head = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n";
    let answer = Client::connect(stack.url()).await.send(head, &vec![b' '; 3_000_000]).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn any_request_bytes_get_an_answer() {
    let stack = stack().await;
    for (bytes, expected) in [
        (&b"HEAD /pid HTTP/1.1\r\nHost: a\r\n\r\n"[..], 200),
        (b"OPTIONS /pid HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        (b"BREW /pid HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        (b"GET http://b/pid HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        (b"GET /x HTTP/1.1\r\nHost: a\r\nX: \xff\xfe\r\n\r\n", 200),
        (b"GET /pid HTTP/1.0\r\n\r\n", 200),
        (b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        (b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /%ff HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /x HTTP/1.1\r\nHost: a:99999\r\n\r\n", 400),
        (b"GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /x HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"\x00\x01\x02\r\n\r\n", 400),
    ] {
        let answer = Client::connect(stack.url()).await.send_raw(bytes).await;
        let shown = String::from_utf8_lossy(bytes);
        assert_eq!(answer.map(|answer| answer.status), Some(expected), "{shown}");
    }
    let head = format!("GET /x HTTP/1.1\r\n{}", "X: 1\r\n".repeat(1800));
    let answer = Client::connect(stack.url()).await.send(&head, b"").await;
    assert_eq!(answer.status, 431);
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let stack = stack().await;
    let (_folder, mut options) = options();
    options.port = stack.url().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let error = LocalStack::start(options.clone()).await.expect_err("refused").to_string();
    let expected = format!("port {} is already in use; choose another with --port", options.port);
    assert_eq!(error, expected);
}

#[tokio::test]
async fn a_missing_binary_is_named() {
    let (folder, mut options) = options();
    options.binaries = folder.path().to_path_buf();
    let error = LocalStack::start(options).await.expect_err("refused").to_string();
    assert!(error.contains("local-stack-probe") && error.contains("cargo build"), "{error}");
}
