//! The plan in directories of apps (SMART App Launch 2.2, "User-access Brands and Endpoints").

use http::{HeaderMap, StatusCode, header};
use serde_json::{Value as Json, json};
use tests::{App, Reply};

async fn bundle(app: &App) -> Reply {
    let discovery = app.get("/fhir/.well-known/smart-configuration").await.json();
    app.get(discovery["user_access_brand_bundle"].as_str().unwrap()).await
}

fn resource<'a>(bundle: &'a Json, kind: &str) -> &'a Json {
    let mut entries = bundle["entry"].as_array().unwrap().iter().map(|entry| &entry["resource"]);
    entries.find(|resource| resource["resourceType"] == kind).unwrap()
}

/// "SHALL publish at least a primary brand that references each FHIR endpoint", "SHALL populate `Bundle.timestamp`".
#[tokio::test(flavor = "multi_thread")]
async fn the_brand_bundle_names_the_plan_and_its_endpoint() {
    let app = App::empty().await;
    let bundle = bundle(&app).await.json();
    assert_eq!((&bundle["resourceType"], &bundle["type"]), (&json!("Bundle"), &json!("collection")));
    assert!(bundle["timestamp"].as_str().unwrap().ends_with('Z'), "{bundle}");
    let (brand, endpoint) = (resource(&bundle, "Organization"), resource(&bundle, "Endpoint"));
    assert_eq!(brand["name"], "Your health plan");
    assert_eq!(brand["telecom"][0]["system"], "url");
    assert_eq!(brand["endpoint"][0]["reference"], format!("Endpoint/{}", endpoint["id"].as_str().unwrap()));
    assert_eq!(endpoint["address"], format!("{}/fhir", app.url()));
    assert_eq!(endpoint["connectionType"]["code"], "hl7-fhir-rest");
    assert_eq!(endpoint["extension"][0]["valueCode"], "4.0.1");
    assert_eq!(endpoint["payloadType"][0]["coding"][0]["code"], "none");
    app.finish().await;
}

/// "SHALL ensure this identifier matches exactly one `Organization.identifier` in the referenced Brand Bundle".
#[tokio::test(flavor = "multi_thread")]
async fn the_identifier_in_discovery_is_the_plans_own() {
    let app = App::empty().await;
    let discovery = app.get("/fhir/.well-known/smart-configuration").await.json();
    let brand = resource(&bundle(&app).await.json(), "Organization").clone();
    assert!(discovery["user_access_brand_identifier"]["value"].is_string());
    assert_eq!(brand["identifier"], json!([discovery["user_access_brand_identifier"]]));
    app.finish().await;
}

/// "SHALL support Cross-Origin Resource Sharing", "SHOULD" answer a known `ETag` with 304.
#[tokio::test(flavor = "multi_thread")]
async fn any_page_may_fetch_the_bundle_and_nobody_has_to_fetch_it_twice() {
    let app = App::empty().await;
    let first = bundle(&app).await;
    assert_eq!(first.header("access-control-allow-origin"), "*");
    assert!(first.header("etag").starts_with("W/\""), "{first:?}");
    let mut headers = HeaderMap::new();
    headers.insert(header::IF_NONE_MATCH, first.headers[header::ETAG].clone());
    let again = app.get_with("/.well-known/user-access-brands.json", headers).await;
    assert_eq!((again.status, again.body.as_str()), (StatusCode::NOT_MODIFIED, ""));
    app.finish().await;
}
