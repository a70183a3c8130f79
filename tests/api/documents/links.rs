//! A document that is too large for an answer: a link to the bucket.

use http::{HeaderMap, StatusCode};
use serde_json::json;
use shared::clock::Clock;
use tests::{App, with_room};

use super::{ask, document, follow, load, noise};

const SIZE: usize = 5 << 20;

fn parameter(link: &str, name: &str) -> Option<String> {
    let (_, query) = link.split_once('?')?;
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// T097: the link serves this document alone, for at most a minute, as an attachment
#[tokio::test(flavor = "multi_thread")]
async fn a_document_too_large_for_an_answer_is_behind_a_link_to_that_one_object() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let bytes = noise(SIZE);
    load(&app, vec![document("alice-scan", "application/pdf", &bytes), document("page", "text/html", &bytes)]).await;

    let reply = ask(&app, &tokens, "alice-scan", &[]).await;
    assert_eq!((reply.status, reply.bytes.len()), (StatusCode::SEE_OTHER, 0), "{reply:?}");
    let record = app.audit("Patient/alice").await.pop().unwrap();
    assert_eq!((record["outcome"].as_str(), record["ids"].as_str()), ("linked", "Binary/alice-scan"));
    let link = reply.header("location");
    let place = link.split('?').next().unwrap();
    assert!(!place.contains("alice") && !place.contains("scan"), "{place}");
    assert_eq!(parameter(link, "X-Amz-Expires").as_deref(), Some("60"));
    assert_eq!(parameter(link, "response-content-type").as_deref(), Some("application/pdf"));
    let kept = parameter(link, "response-content-disposition").unwrap();
    assert_eq!(kept, "attachment; filename=\"alice-scan.pdf\"");

    let whole = follow(&app, link, None).await;
    assert_eq!((whole.status, whole.bytes == bytes), (StatusCode::OK, true));
    assert!(whole.header("content-disposition").starts_with("attachment"), "{:?}", whole.headers);
    let part = follow(&app, link, Some("bytes=-10")).await;
    assert_eq!((part.status, &part.bytes[..]), (StatusCode::PARTIAL_CONTENT, &bytes[SIZE - 10..]));

    let page = ask(&app, &tokens, "page", &[]).await;
    let other = page.header("location");
    assert_eq!(parameter(other, "response-content-type").as_deref(), Some("application/octet-stream"));
    assert_eq!(follow(&app, other, None).await.header("content-type"), "application/octet-stream");

    let key = |link: &str| link.split('?').next().unwrap().rsplit('/').next().unwrap().to_owned();
    for tampered in [
        link.replace(&key(link), &key(other)),
        link.replace("X-Amz-Expires=60", "X-Amz-Expires=600"),
        link.replace("application%2Fpdf", "text%2Fhtml"),
        link.replace("attachment", "inline"),
        place.to_owned(),
    ] {
        assert_ne!(tampered, link);
        assert_eq!(follow(&app, &tampered, None).await.status, StatusCode::FORBIDDEN, "{tampered}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_that_an_answer_can_carry_needs_no_link_and_fhir_that_it_cannot_says_how_to_ask() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let bytes = noise(SIZE);
    load(&app, vec![document("scan", "application/pdf", &bytes)]).await;
    let most = format!("bytes=100-{}", 100 + (4 << 20) - 1);
    let part = ask(&app, &tokens, "scan", &[("range", &most)]).await;
    assert_eq!((part.status, part.bytes == bytes[100..100 + (4 << 20)]), (StatusCode::PARTIAL_CONTENT, true));
    let more = format!("bytes=100-{}", 100 + (4 << 20));
    assert_eq!(ask(&app, &tokens, "scan", &[("range", &more)]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(ask(&app, &tokens, "scan", &[("if-none-match", "\"1-raw\"")]).await.status, StatusCode::NOT_MODIFIED);

    let reply = ask(&app, &tokens, "scan", &[("accept", "application/fhir+json")]).await;
    assert_eq!(reply.status, StatusCode::NOT_ACCEPTABLE);
    assert!(reply.issue().1.contains("`Accept: application/pdf`"), "{}", reply.body);
    let everything = app.fhir(&tokens, "Patient/alice/$everything?_type=Binary").await;
    let binary = &everything.entries("match")[0];
    assert_eq!((&binary["contentType"], binary.get("data")), (&json!("application/pdf"), None));
    app.finish().await;
}

/// T097
#[test]
fn a_link_is_over_after_a_minute() {
    with_room(async || {
        let app = App::start().await;
        load(&app, vec![document("scan", "application/pdf", &noise(SIZE))]).await;
        let clock = Clock::fixed(Clock::System.now().plus_seconds(-61));
        let inside = app.inside(&clock, [].into()).await;
        let tokens = inside.sign_in("alice", "patient/*.rs").await;
        let old = ask(&inside, &tokens, "scan", &[]).await;
        assert_eq!(follow(&app, old.header("location"), None).await.status, StatusCode::FORBIDDEN);
        clock.advance(61);
        let new = ask(&inside, &tokens, "scan", &[]).await;
        assert_eq!(follow(&app, new.header("location"), None).await.status, StatusCode::OK);
        app.finish().await;
    });
}

/// T097: each request is authorized anew, and another member's document does not exist
#[tokio::test(flavor = "multi_thread")]
async fn no_link_is_given_to_another_nor_after_the_member_stopped_the_app() {
    let app = App::start().await;
    load(&app, vec![document("scan", "application/pdf", &noise(SIZE)), document("note", "text/plain", b"hi")]).await;
    for scope in ["patient/*.rs", "patient/DocumentReference.rs patient/Binary.rs"] {
        let bob = app.sign_in("bob", scope).await;
        let none = ask(&app, &bob, "none", &[]).await;
        for (id, headers) in [
            ("scan", &[][..]),
            ("note", &[]),
            ("scan", &[("range", "bytes=0-1")]),
            ("scan", &[("accept", "image/png")]),
        ] {
            let reply = ask(&app, &bob, id, headers).await;
            assert_eq!((reply.status, &reply.body), (StatusCode::NOT_FOUND, &none.body), "{id} {headers:?}");
        }
        let lines = app.answered("GET /fhir/{type}/{id}", 404, 5).await;
        let calls: Vec<_> = lines.iter().rev().take(5).map(|line| (&line["calls"], &line["read_units"])).collect();
        assert!(calls.iter().all(|call| *call == calls[0]), "{calls:?}");
    }
    let tokens = app.sign_in("alice", "patient/*.rs offline_access").await;
    assert_eq!(ask(&app, &tokens, "scan", &[]).await.status, StatusCode::SEE_OTHER);
    let form = [("token", tokens.refresh.as_deref().unwrap()), ("client_id", "app")];
    assert_eq!(app.post("/oauth2/revoke", &form, HeaderMap::new()).await.status, StatusCode::OK);
    let reply = ask(&app, &tokens, "scan", &[]).await;
    assert_eq!((reply.status, reply.header("location")), (StatusCode::UNAUTHORIZED, ""));
    app.finish().await;
}
