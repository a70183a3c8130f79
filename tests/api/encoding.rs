//! Compressed answers: the same bytes after decompression, and only for clients that take them.

use http::Request;
use tests::{App, Reply, Tokens};

async fn asked(app: &App, tokens: &Tokens, path: &str, accepted: &str) -> Reply {
    let request = Request::get(format!("{}/fhir/{path}", app.url())).header("accept-encoding", accepted);
    app.fhir_request(tokens, request.body(String::new()).expect("a good URL")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_answer_unpacks_to_the_plain_one() {
    let app = App::start().await;
    let alice = app.sign_in("alice", "patient/*.rs").await;
    for path in ["ExplanationOfBenefit", "Patient/alice/$everything"] {
        let plain = app.fhir(&alice, path).await;
        assert_eq!(plain.header("content-encoding"), "", "{path}: nobody asked for it");
        assert_eq!(plain.header("vary"), "Accept-Encoding");
        assert_eq!(plain.bytes.len(), plain.body.len());
        for (accepted, coding) in [("gzip, deflate", "gzip"), ("gzip, deflate, br, zstd", "zstd"), ("*", "zstd")] {
            let reply = asked(&app, &alice, path, accepted).await;
            assert_eq!(reply.header("content-encoding"), coding, "{path} {accepted}");
            assert_eq!(reply.header("vary"), "Accept-Encoding");
            assert_eq!(reply.body, plain.body, "{path} {accepted}");
            assert!(
                reply.bytes.len() < plain.bytes.len() / 2,
                "{path} {accepted}: {} of {}",
                reply.bytes.len(),
                plain.bytes.len()
            );
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_gets_no_encoding_that_it_does_not_accept() {
    let app = App::start().await;
    let alice = app.sign_in("alice", "patient/*.rs").await;
    for accepted in ["gzip;q=0", "identity", "br", "gzip;q=0, zstd;q=0, *;q=0", "identity, gzip;q=0.5", ",;=q"] {
        let reply = asked(&app, &alice, "ExplanationOfBenefit", accepted).await;
        assert_eq!(reply.header("content-encoding"), "", "{accepted}");
        assert_eq!(reply.header("vary"), "Accept-Encoding", "{accepted}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn small_answers_and_those_that_are_not_fhir_stay_plain() {
    let app = App::start().await;
    let alice = app.sign_in("alice", "patient/*.rs").await;
    let small = asked(&app, &alice, "Claim?_id=none", "gzip").await;
    assert_eq!((small.header("content-encoding"), small.header("vary")), ("", "Accept-Encoding"));
    let headers = || [(http::header::ACCEPT_ENCODING, "gzip".parse().expect("it is text"))].into_iter().collect();
    let statement = app.get_with("/fhir/metadata", headers()).await;
    assert_eq!(statement.header("content-encoding"), "gzip");
    assert_eq!(statement.body, app.get("/fhir/metadata").await.body);
    for path in ["/.well-known/smart-configuration", "/oauth2/jwks", "/login"] {
        let reply = app.get_with(path, headers()).await;
        assert_eq!((reply.header("content-encoding"), reply.header("vary")), ("", ""), "{path}");
    }
    app.finish().await;
}
