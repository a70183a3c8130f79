//! Documents as bytes or as FHIR, whole or in part.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::json;
use tests::App;

use super::{ask, document, load, noise};

/// A document in its row, and one with its content in the bucket.
const SIZES: [(&str, usize); 2] = [("small", 5_000), ("large", 100_000)];

/// T098
#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_a_document_can_run() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let script = "<script>document.title = 'ran'</script>";
    let contents = [
        ("html", "text/html; charset=utf-8", script.to_owned(), "html.html"),
        ("svg", "image/svg+xml", format!(r#"<svg xmlns="http://www.w3.org/2000/svg">{script}</svg>"#), "svg"),
        ("cda", "application/xml", r#"<?xml-stylesheet href="x.xsl"?><ClinicalDocument/>"#.to_owned(), "cda.xml"),
        ("pdf", "application/pdf", "%PDF-1.7".to_owned(), "pdf.pdf"),
        ("lie", "text/html\nSet-Cookie: a=b", script.to_owned(), "lie"),
        ("big", "text/html", script.repeat(2_000), "big.html"),
    ];
    load(&app, contents.iter().map(|(id, kind, text, _)| document(id, kind, text.as_bytes())).collect()).await;
    for (id, kind, text, file) in &contents {
        let reply = ask(&app, &tokens, id, &[]).await;
        assert_eq!((reply.status, &reply.body), (StatusCode::OK, text), "{id}");
        let kind = if kind.contains('\n') { "application/octet-stream" } else { kind };
        for (name, value) in [
            ("content-type", kind),
            ("content-disposition", &*format!("attachment; filename=\"{file}\"")),
            ("content-security-policy", "sandbox; default-src 'none'"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("vary", "Accept"),
            ("accept-ranges", "bytes"),
            ("set-cookie", ""),
        ] {
            assert_eq!(reply.header(name), value, "{id}: {name}");
        }
    }
    app.finish().await;
}

/// R4 lets base64 contain white space, unlike RFC 4648 §3.3.
#[tokio::test(flavor = "multi_thread")]
async fn white_space_in_a_documents_data_is_not_kept() {
    let app = App::start().await;
    let mut feed = document("spaced", "text/plain", b"hi");
    feed[0]["data"] = json!(format!("aG{}k=\n", " \n".repeat(3_000_000)));
    load(&app, vec![feed]).await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    assert_eq!(ask(&app, &tokens, "spaced", &[]).await.body, "hi");
    let fhir = ask(&app, &tokens, "spaced", &[("accept", "application/fhir+json")]).await;
    assert_eq!(fhir.json()["data"], "aGk=");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_comes_as_it_is_and_as_fhir_where_that_is_asked_for() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    load(&app, SIZES.map(|(id, size)| document(id, "application/pdf", &noise(size))).into()).await;
    for (id, size) in SIZES {
        let bytes = noise(size);
        for accept in ["*/*", "application/pdf", "text/html, */*;q=0.8", ""] {
            let reply = ask(&app, &tokens, id, &[("accept", accept)]).await;
            assert_eq!((reply.status, reply.header("content-type")), (StatusCode::OK, "application/pdf"), "{accept}");
            assert_eq!(reply.bytes, bytes, "{id} {accept}");
        }
        for accept in ["application/fhir+json", "application/json, text/plain, */*", "text/json"] {
            let reply = ask(&app, &tokens, id, &[("accept", accept)]).await;
            assert_eq!(
                (reply.status, reply.header("content-type")),
                (StatusCode::OK, "application/fhir+json"),
                "{accept}"
            );
            assert_eq!(reply.json()["data"], STANDARD.encode(&bytes), "{id} {accept}");
            assert_eq!(reply.json()["meta"]["versionId"], "1");
        }
        let formatted = app.fhir(&tokens, &format!("Binary/{id}?_format=json")).await;
        assert_eq!(formatted.json()["contentType"], "application/pdf");
        let version = app.fhir(&tokens, &format!("Binary/{id}/_history/1")).await;
        assert_eq!(version.bytes, bytes);
        let other = app.fhir(&tokens, &format!("Binary/{id}/_history/2")).await;
        assert_eq!(other.status, StatusCode::NOT_FOUND);
        for accept in ["application/fhir+xml", "image/png"] {
            let reply = ask(&app, &tokens, id, &[("accept", accept)]).await;
            assert_eq!(reply.status, StatusCode::NOT_ACCEPTABLE, "{accept}");
            let (code, text) = reply.issue();
            assert_eq!(code, "not-supported");
            assert!(text.contains("application/pdf") && text.contains("application/fhir+json"), "{text}");
        }
        for (accept, etag, other) in
            [("*/*", "\"1-raw\"", "W/\"1\""), ("application/fhir+json", "W/\"1\"", "\"1-raw\"")]
        {
            let whole = ask(&app, &tokens, id, &[("accept", accept)]).await;
            assert_eq!(whole.header("etag"), etag);
            let held = ask(&app, &tokens, id, &[("accept", accept), ("if-none-match", etag)]).await;
            assert_eq!((held.status, held.bytes.len(), held.header("etag")), (StatusCode::NOT_MODIFIED, 0, etag));
            let other = ask(&app, &tokens, id, &[("accept", accept), ("if-none-match", other)]).await;
            assert_eq!(other.status, StatusCode::OK, "an app that holds one form does not hold the other");
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_is_given_where_it_is_there_and_of_this_version() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    load(&app, SIZES.map(|(id, size)| document(id, "application/pdf", &noise(size))).into()).await;
    load(
        &app,
        vec![vec![json!({"resourceType": "Binary", "id": "empty", "contentType": "text/plain"})], {
            let mut named = document("empty", "text/plain", b"");
            named.split_off(1)
        }],
    )
    .await;
    for (id, size) in SIZES {
        let bytes = noise(size);
        let end = size - 1;
        for (range, first, last) in [
            ("bytes=0-0".to_owned(), 0, 0),
            ("bytes=10-99".to_owned(), 10, 99),
            (format!("bytes={}-", size - 7), size - 7, end),
            ("bytes=-7".to_owned(), size - 7, end),
            (format!("bytes=1-{}", size * 2), 1, end),
            (format!("bytes=-{}", size * 2), 0, end),
        ] {
            let reply = ask(&app, &tokens, id, &[("range", &range)]).await;
            assert_eq!(reply.status, StatusCode::PARTIAL_CONTENT, "{id} {range}");
            assert_eq!(reply.header("content-range"), format!("bytes {first}-{last}/{size}"), "{range}");
            assert_eq!(reply.bytes, bytes[first..=last], "{id} {range}");
            assert_eq!(reply.header("content-type"), "application/pdf");
            let records = app.audit("Patient/alice").await;
            assert_eq!(records.last().unwrap()["ids"], format!("Binary/{id}"), "{range}");
        }
        for range in [format!("bytes={size}-"), "bytes=-0".to_owned(), format!("bytes={}-{}", size + 5, size + 9)] {
            let reply = ask(&app, &tokens, id, &[("range", &range)]).await;
            assert_eq!(reply.status, StatusCode::RANGE_NOT_SATISFIABLE, "{id} {range}");
            assert_eq!(reply.header("content-range"), format!("bytes */{size}"));
            assert_eq!(reply.issue().0, "invalid");
        }
        for headers in [
            &[("range", "bytes=0-1,5-6")][..],
            &[("range", "lines=0-1")],
            &[("range", "bytes=9-3")],
            &[("range", "bytes=0-1"), ("if-range", "\"2\"")],
            &[("range", "bytes=0-1"), ("if-range", "W/\"1\"")],
            &[("range", "bytes=0-1"), ("if-range", "Sat, 01 Jan 2000 00:00:00 GMT")],
        ] {
            let reply = ask(&app, &tokens, id, headers).await;
            assert_eq!((reply.status, reply.bytes.len()), (StatusCode::OK, size), "{headers:?}");
        }
        let same = ask(&app, &tokens, id, &[("range", "bytes=0-1"), ("if-range", "\"1-raw\"")]).await;
        assert_eq!((same.status, same.bytes.len()), (StatusCode::PARTIAL_CONTENT, 2));
    }
    assert_eq!(ask(&app, &tokens, "empty", &[]).await.bytes.len(), 0);
    let reply = ask(&app, &tokens, "empty", &[("range", "bytes=0-")]).await;
    assert_eq!((reply.status, reply.header("content-range")), (StatusCode::RANGE_NOT_SATISFIABLE, "bytes */0"));
    app.finish().await;
}
