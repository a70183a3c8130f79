//! The documents that a client reads before its first request.

use http::StatusCode;
use tests::App;

#[tokio::test(flavor = "multi_thread")]
async fn the_three_discovery_documents_name_the_same_endpoints() {
    let app = App::empty().await;
    let smart = app.get("/fhir/.well-known/smart-configuration").await;
    assert_eq!((smart.status, smart.header("content-type")), (StatusCode::OK, "application/json"));
    assert_eq!(smart.header("access-control-allow-origin"), "*");
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        assert_eq!(app.get(path).await.json(), smart.json(), "{path}");
    }
    let smart = smart.json();
    assert_eq!(smart["issuer"], app.url());
    assert_eq!(smart["authorization_endpoint"], format!("{}/oauth2/authorize", app.url()));
    assert_eq!(smart["token_endpoint"], format!("{}/oauth2/token", app.url()));
    assert_eq!(smart["code_challenge_methods_supported"], serde_json::json!(["S256"]));
    for capability in
        ["launch-standalone", "client-public", "permission-v1", "permission-v2", "context-standalone-patient"]
    {
        assert!(smart["capabilities"].as_array().unwrap().iter().any(|known| known == capability), "{capability}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_capability_statement_says_what_the_tables_say() {
    let app = App::empty().await;
    let reply = app.get("/fhir/metadata").await;
    assert_eq!((reply.status, reply.header("content-type")), (StatusCode::OK, "application/fhir+json"));
    let statement = reply.json();
    assert_eq!(statement["fhirVersion"], "4.0.1");
    let resources = statement["rest"][0]["resource"].as_array().unwrap();
    assert_eq!(resources.len(), shared::fhir::types::TYPES.len());
    let claims = resources.iter().find(|resource| resource["type"] == "ExplanationOfBenefit").unwrap();
    let has =
        |list: &str, name: &str| claims[list].as_array().unwrap().iter().any(|row| row == name || row["name"] == name);
    for name in ["patient", "created", "type", "service-date", "_lastUpdated"] {
        assert!(has("searchParam", name), "{name}");
    }
    assert!(has("searchInclude", "ExplanationOfBenefit:*") && has("searchRevInclude", "Provenance:target"));
    let oauth = &statement["rest"][0]["security"]["extension"][0]["extension"];
    assert_eq!(oauth[1]["valueUri"], format!("{}/oauth2/token", app.url()));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_verify_with_the_published_keys() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "openid fhirUser patient/Patient.rs").await;
    let keys: jsonwebtoken::jwk::JwkSet = serde_json::from_value(app.get("/oauth2/jwks").await.json()).unwrap();
    assert_eq!(keys.keys.len(), 1, "the template's key signs until the first rotation");
    let id_token = tokens.answer["id_token"].as_str().unwrap();
    let header = jsonwebtoken::decode_header(id_token).unwrap();
    let key = jsonwebtoken::DecodingKey::from_jwk(keys.find(&header.kid.unwrap()).unwrap()).unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    validation.set_audience(&["app"]);
    validation.set_issuer(&[app.url()]);
    let claims = jsonwebtoken::decode::<serde_json::Value>(id_token, &key, &validation).unwrap().claims;
    assert_eq!(claims["sub"], "alice");
    assert_eq!(claims["nonce"], "n-0S6_WzA2Mj");
    assert_eq!(claims["fhirUser"], format!("{}/fhir/Patient/alice", app.url()));
    assert_eq!(app.fhir(&tokens, claims["fhirUser"].as_str().unwrap()).await.status, StatusCode::OK);
    app.finish().await;
}
