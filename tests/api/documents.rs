//! Documents: what a token may see of them follows the resources that name them.

use http::StatusCode;
use patient_access::load::Source;
use serde_json::{Value as Json, json};
use tests::App;

fn note(id: &str, category: &str) -> Json {
    json!({"resourceType": "DocumentReference", "id": id, "status": "current",
        "subject": {"reference": "Patient/alice"}, "type": {"text": "note"},
        "category": [{"coding": [{"system": "http://example.org/categories", "code": category}]}],
        "content": [{"attachment": {"contentType": "text/plain", "url": format!("Binary/{id}")}}]})
}

/// T086, for documents
#[tokio::test(flavor = "multi_thread")]
async fn a_granular_scope_on_documents_holds_for_their_contents() {
    let app = App::start().await;
    let binary = |id: &str| json!({"resourceType": "Binary", "id": id, "contentType": "text/plain", "data": "aGk="});
    let feed = vec![note("clinical", "clinical-note"), note("other", "other"), binary("clinical"), binary("other")];
    assert!(app.load(Source::Memory(feed)).await.is_clean());
    for (scope, clinical, other) in [
        ("patient/DocumentReference.rs patient/Binary.rs", StatusCode::OK, StatusCode::OK),
        ("patient/Binary.rs", StatusCode::OK, StatusCode::OK),
        (
            "patient/DocumentReference.rs?category=http://example.org/categories|clinical-note patient/Binary.rs",
            StatusCode::OK,
            StatusCode::NOT_FOUND,
        ),
        ("patient/DocumentReference.rs?category=clinical-note", StatusCode::FORBIDDEN, StatusCode::FORBIDDEN),
    ] {
        let tokens = app.sign_in("alice", scope).await;
        for (id, status) in [("clinical", clinical), ("other", other)] {
            assert_eq!(app.fhir(&tokens, &format!("Binary/{id}")).await.status, status, "{scope}: {id}");
        }
        let everything = app.fhir(&tokens, "Patient/alice/$everything").await;
        let whole = everything.body.contains("Binary/other") || everything.matches().contains(&"Binary/other".into());
        assert_eq!(whole, other == StatusCode::OK, "{scope}: {}", everything.body);
    }
    app.finish().await;
}
