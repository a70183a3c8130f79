//! SMART 2.2 "Conformance"; US Core 7 and C4BB on the documents that must be published.

use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value as Json, json};
use tests::{App, Reply};

use super::scopes::{C4BB_MINIMUM, US_CORE_GRANULAR, US_CORE_TYPES};

const PATH: &str = "/fhir/.well-known/smart-configuration";

async fn document() -> Json {
    let app = App::empty().await;
    let document = app.get(PATH).await.json();
    app.finish().await;
    document
}

fn texts(list: &Json) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|item| item.as_str().expect("of texts")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_json_for_everybody_whatever_they_accept_and_for_pages_of_any_origin() {
    let app = App::empty().await;
    for accept in [None, Some("application/json"), Some("application/fhir+xml"), Some("text/html"), Some("nonsense")] {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_static("https://app.example"));
        headers.extend(accept.map(|accept| (header::ACCEPT, HeaderValue::from_static(accept))));
        let reply: Reply = app.get_with(PATH, headers).await;
        assert_eq!((reply.status, reply.header("content-type")), (StatusCode::OK, "application/json"), "{accept:?}");
        assert_eq!(reply.header("access-control-allow-origin"), "*");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_required_field_is_there_and_of_its_kind() {
    let document = document().await;
    for name in ["issuer", "jwks_uri", "authorization_endpoint", "token_endpoint"] {
        assert!(document[name].is_string(), "{name}");
    }
    assert!(texts(&document["grant_types_supported"]).contains(&"authorization_code"));
    assert!(texts(&document["response_types_supported"]).contains(&"code"));
    assert!(!texts(&document["capabilities"]).is_empty());
    assert!(!texts(&document["scopes_supported"]).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn pkce_is_s256_and_never_plain() {
    assert_eq!(document().await["code_challenge_methods_supported"], json!(["S256"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_url_is_absolute_and_under_the_issuer() {
    let app = App::empty().await;
    let document = app.get(PATH).await.json();
    for (name, value) in document.as_object().unwrap() {
        if name.ends_with("_endpoint") || name.ends_with("_uri") || name == "issuer" {
            assert!(value.as_str().is_some_and(|url| url.starts_with(app.url())), "{name}: {value}");
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn apps_authenticate_in_every_way_that_is_published() {
    let document = document().await;
    let methods = texts(&document["token_endpoint_auth_methods_supported"]);
    for method in ["client_secret_basic", "client_secret_post", "private_key_jwt"] {
        assert!(methods.contains(&method), "{method}");
    }
    let algorithms = texts(&document["token_endpoint_auth_signing_alg_values_supported"]);
    assert!(algorithms.contains(&"RS384") && algorithms.contains(&"ES384"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_capabilities_are_those_that_carin_blue_button_demands() {
    let document = document().await;
    let capabilities = texts(&document["capabilities"]);
    for capability in [
        "launch-standalone",
        "client-public",
        "client-confidential-symmetric",
        "sso-openid-connect",
        "context-standalone-patient",
        "permission-offline",
        "permission-patient",
        "permission-user",
    ] {
        assert!(capabilities.contains(&capability), "{capability}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_capabilities_are_those_of_a_standalone_patient_app_in_onc_certification() {
    let document = document().await;
    let capabilities = texts(&document["capabilities"]);
    for capability in ["authorize-post", "permission-v1", "permission-v2", "client-confidential-asymmetric"] {
        assert!(capabilities.contains(&capability), "{capability}");
    }
    for absent in ["launch-ehr", "context-ehr-patient", "permission-online", "smart-app-state"] {
        assert!(!capabilities.contains(&absent), "{absent} is not offered here");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scopes_published_hold_the_minimum_of_every_guide() {
    let document = document().await;
    let published = texts(&document["scopes_supported"]);
    for scope in C4BB_MINIMUM.iter().chain(&["offline_access"]) {
        assert!(published.contains(scope), "{scope}");
    }
    for kind in US_CORE_TYPES {
        assert!(published.contains(&format!("patient/{kind}.rs").as_str()), "{kind}");
    }
}

/// US Core 7: "Servers SHALL support … the following granular scopes", and `scopes_supported` SHALL hold every required
/// one.
#[tokio::test(flavor = "multi_thread")]
async fn the_scopes_published_hold_the_granular_ones_that_us_core_demands() {
    let document = document().await;
    let published = texts(&document["scopes_supported"]);
    for scope in US_CORE_GRANULAR {
        assert!(published.contains(&format!("patient/{scope}").as_str()), "{scope}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recommended_endpoints_are_published() {
    let document = document().await;
    for name in ["introspection_endpoint", "revocation_endpoint", "management_endpoint", "user_access_brand_bundle"] {
        assert!(document[name].is_string(), "{name}");
    }
}

/// Clients of SMART 1.0 look into the `CapabilityStatement`.
#[tokio::test(flavor = "multi_thread")]
async fn the_capability_statement_names_the_same_endpoints() {
    let app = App::empty().await;
    let document = app.get(PATH).await.json();
    let statement = app.get("/fhir/metadata").await;
    assert_eq!(statement.header("access-control-allow-origin"), "*");
    let security = &statement.json()["rest"][0]["security"];
    assert_eq!(security["service"][0]["coding"][0]["code"], "SMART-on-FHIR");
    let system = "http://terminology.hl7.org/CodeSystem/restful-security-service";
    assert_eq!(security["service"][0]["coding"][0]["system"], system);
    let extension = &security["extension"][0];
    assert_eq!(extension["url"], "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris");
    let named: Vec<(&str, &str)> = [
        ("authorize", "authorization_endpoint"),
        ("token", "token_endpoint"),
        ("revoke", "revocation_endpoint"),
        ("introspect", "introspection_endpoint"),
        ("manage", "management_endpoint"),
    ]
    .into_iter()
    .filter(|(_, name)| document.get(name).is_some())
    .collect();
    assert!(named.len() >= 2);
    for (url, name) in named {
        let uris = extension["extension"].as_array().unwrap();
        let uri = uris.iter().find(|uri| uri["url"] == url).unwrap_or_else(|| panic!("{url}"));
        assert_eq!(uri["valueUri"], document[name], "{url}");
    }
    app.finish().await;
}
