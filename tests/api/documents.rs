//! Documents: the forms and ways in which they are given out, and to whom.

mod faults;
mod files;
mod form;
mod large;
mod links;
mod scopes;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Request, header};
use patient_access::load::Source;
use serde_json::{Value as Json, json};
use tests::{App, Reply, Tokens};

/// Incompressible bytes, always the same.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let step = |state: &mut u64| {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(|| step(&mut state)).flatten().take(length).collect()
}

/// A Binary, and a `DocumentReference` of alice's that names it.
fn document(id: &str, media_type: &str, bytes: &[u8]) -> Vec<Json> {
    vec![
        json!({"resourceType": "Binary", "id": id, "contentType": media_type, "data": STANDARD.encode(bytes)}),
        json!({"resourceType": "DocumentReference", "id": id, "status": "current", "subject": {"reference": "Patient/alice"},
            "content": [{"attachment": {"contentType": media_type, "url": format!("Binary/{id}")}}]}),
    ]
}

async fn load(app: &App, documents: Vec<Vec<Json>>) {
    let report = app.load(Source::Memory(documents.into_iter().flatten().collect())).await;
    assert!(report.is_clean(), "{report}");
}

async fn ask(app: &App, tokens: &Tokens, id: &str, headers: &[(&str, &str)]) -> Reply {
    let request = Request::get(format!("{}/fhir/Binary/{id}", app.url()));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    app.fhir_request(tokens, request.body(String::new()).unwrap()).await
}

/// Follows a link without a token.
async fn follow(app: &App, link: &str, range: Option<&str>) -> Reply {
    let request = Request::get(link);
    let request = range.into_iter().fold(request, |request, range| request.header(header::RANGE, range));
    app.answer(request.body(String::new()).unwrap()).await
}
