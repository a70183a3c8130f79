//! From discovery to a refreshed token, as a client goes.

use http::StatusCode;
use tests::App;

#[tokio::test(flavor = "multi_thread")]
async fn a_guides_own_scope_string_gets_everything_it_asks_for() {
    let app = App::start().await;
    let scope =
        "patient/ExplanationOfBenefit.read patient/Coverage.read patient/Patient.read openid fhirUser offline_access";
    let tokens = app.sign_in("alice", scope).await;
    assert_eq!(tokens.patient, "alice");
    assert_eq!(tokens.answer["scope"], scope);
    assert_eq!(tokens.answer["token_type"], "Bearer");
    assert_eq!(tokens.answer["expires_in"], 3600);
    let claims = app.fhir(&tokens, "ExplanationOfBenefit?patient=alice&_count=20&_sort=-created").await;
    assert_eq!(claims.status, StatusCode::OK);
    assert_eq!(claims.matches().len(), tests::fixtures::CLAIMS);
    app.finish().await;
}
