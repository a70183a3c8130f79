//! If the bucket does not return a document, the app gets none, and there is a record and an alarm.

use http::StatusCode;
use serde_json::Value as Json;
use tests::{App, Fault, Reply, Tokens, Wire};

use super::{document, load, noise};

const ROUTE: &str = "GET /fhir/{type}/{id}";

/// The bytes that somebody wrote over a document.
const OTHER: &str = "the bytes of another";

/// A document whole, as FHIR, and behind a link.
const PATHS: [&str; 3] = ["Binary/scan", "Binary/scan?_format=json", "Binary/large"];

fn documents() -> Vec<Vec<Json>> {
    vec![document("scan", "text/plain", &noise(100_000)), document("large", "text/plain", &noise(5 << 20))]
}

/// Reads a document, and checks that the answer is a fault of ours, recorded and on the alarm.
async fn fails(app: &App, tokens: &Tokens, path: &str, status: StatusCode, code: &str) -> Reply {
    let before = lines(app, |fields| fields["route"] == ROUTE && fields["status"] == status.as_u16());
    let reply = app.fhir_unguarded(tokens, path).await;
    assert_eq!((reply.status, reply.issue().0.as_str()), (status, code), "{path}: {reply:?}");
    assert_eq!(reply.header("retry-after").is_empty(), status != StatusCode::SERVICE_UNAVAILABLE, "{path}");
    assert!(reply.header("location").is_empty() && reply.bytes.len() < 300, "{path}: {reply:?}");
    let record = app.audit("Patient/alice").await.pop().unwrap();
    assert_eq!((record["outcome"].as_str(), record.get("ids")), (code, None), "{path}");
    // A function's lines come in order: after this one the alarm is there.
    app.answered(ROUTE, status.as_u16(), before + 1).await;
    reply
}

/// The number of log lines whose fields pass.
fn lines(app: &App, such: impl Fn(&Json) -> bool) -> usize {
    let lines = app.logs().into_iter().filter_map(|line| serde_json::from_str::<Json>(&line).ok());
    lines.filter(|line| such(&line["fields"])).count()
}

fn alarms(app: &App) -> usize {
    lines(app, |fields| fields["alarm"] == "documents")
}

/// T120: the bucket denies, throttles, or cannot be reached
#[tokio::test(flavor = "multi_thread")]
async fn while_the_bucket_does_not_answer_the_failure_is_recorded_and_rings() {
    let wire = Wire::new().await;
    let app = App::behind(&wire).await;
    load(&app, documents()).await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let mut failed = 0;
    for (fault, status, code) in [
        (Fault::Refused, StatusCode::INTERNAL_SERVER_ERROR, "exception"),
        (Fault::Throttled, StatusCode::SERVICE_UNAVAILABLE, "transient"),
        (Fault::Dropped, StatusCode::SERVICE_UNAVAILABLE, "transient"),
    ] {
        for (path, operation) in PATHS.iter().zip(["GetObject", "GetObject", "HeadObject"]) {
            wire.fail(operation, fault);
            fails(&app, &tokens, path, status, code).await;
            failed += 1;
            assert_eq!(alarms(&app), failed, "{path} {fault:?}");
            wire.mend();
        }
    }
    for (path, status) in PATHS.iter().zip([StatusCode::OK, StatusCode::OK, StatusCode::SEE_OTHER]) {
        assert_eq!(app.fhir(&tokens, path).await.status, status);
    }
    app.finish().await;
}

/// T120: the object is gone, or was replaced
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_altered_object_is_never_given() {
    let app = App::start().await;
    load(&app, documents()).await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let objects = app.objects().await;
    assert_eq!(objects.len(), 2, "{objects:?}");
    let mut failed = 0;
    for other in [Some(OTHER.as_bytes()), None] {
        for key in &objects {
            app.spoil(key, other).await;
        }
        for path in PATHS {
            failed += 1;
            let reply = fails(&app, &tokens, path, StatusCode::INTERNAL_SERVER_ERROR, "exception").await;
            assert!(!reply.body.contains(OTHER), "{path}");
            assert_eq!(alarms(&app), failed, "{path}");
        }
    }
    app.finish().await;
}
