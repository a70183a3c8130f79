//! `GET /.well-known/user-access-brands.json`: the plan in directories of apps (SMART App Launch 2.2, "User-access
//! Brands and Endpoints"): one brand with one endpoint. A plan that has more to say publishes a Bundle of its own
//! (`BRANDS_URL`).

use http::{StatusCode, header};
use serde_json::{Value as Json, json};

use crate::clock::Time;
use crate::config::Plan;
use crate::http::conditional::is_held;
use crate::http::{Request, Response, allow_any_origin, public_json, set};
use crate::issuer::Issuer;
use crate::secret::Secret;

/// Answers with the bundle, or with 304 where the app has it already. `assembled` is when this function learnt the
/// plan's settings, which change by deployment only.
pub fn bundle(request: &Request, issuer: &Issuer, plan: &Plan, assembled: Time) -> Response {
    let entries = [entry(issuer, &organization(issuer, plan)), entry(issuer, &endpoint(issuer, plan))];
    let etag = format!("W/\"{}\"", Secret::from_client(&json!(entries).to_string()).hashed().0);
    let bundle = json!({
        "resourceType": "Bundle",
        "meta": {"profile": ["http://hl7.org/fhir/smart-app-launch/StructureDefinition/user-access-brands-bundle"]},
        "type": "collection",
        "timestamp": assembled.to_string(),
        "entry": entries,
    });
    let mut response = public_json(&bundle);
    if is_held(request, &etag, None) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = lambda_http::Body::Empty;
    }
    set(&mut response, header::CONTENT_TYPE, "application/fhir+json");
    set(&mut response, header::ETAG, &etag);
    allow_any_origin(&mut response);
    response
}

/// Where the plan's Brand Bundle is.
pub fn url(issuer: &Issuer, plan: &Plan) -> String {
    plan.brands_url.clone().unwrap_or_else(|| format!("{issuer}/.well-known/user-access-brands.json"))
}

/// The identifier that smart-configuration and the bundle share: the plan's website, or else this server.
pub fn identifier(issuer: &Issuer, plan: &Plan) -> Json {
    json!({"system": "urn:ietf:rfc:3986", "value": plan.website.as_deref().unwrap_or(issuer.as_str())})
}

fn entry(issuer: &Issuer, resource: &Json) -> Json {
    let url = |part: &str| resource[part].as_str().unwrap_or_default();
    json!({"fullUrl": format!("{issuer}/brands/{}/{}", url("resourceType"), url("id")), "resource": resource})
}

fn organization(issuer: &Issuer, plan: &Plan) -> Json {
    let mut portal = vec![
        json!({"url": "portalName", "valueString": format!("{}: connected apps", plan.name)}),
        json!({"url": "portalUrl", "valueUrl": format!("{issuer}/account")}),
        json!({"url": "portalEndpoint", "valueReference": {"reference": "Endpoint/patient-access"}}),
    ];
    let mut extensions = Vec::new();
    if let Some(logo) = &plan.logo {
        portal.push(json!({"url": "portalLogo", "valueUrl": logo}));
        extensions.push(json!({
            "url": "http://hl7.org/fhir/StructureDefinition/organization-brand",
            "extension": [{"url": "brandLogo", "valueUrl": logo}],
        }));
    }
    extensions.push(json!({
        "url": "http://hl7.org/fhir/StructureDefinition/organization-portal",
        "extension": portal,
    }));
    json!({
        "resourceType": "Organization",
        "id": "plan",
        "meta": {"profile": ["http://hl7.org/fhir/smart-app-launch/StructureDefinition/user-access-brand"]},
        "extension": extensions,
        "identifier": [identifier(issuer, plan)],
        "active": true,
        "type": [{"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/organization-type",
            "code": "pay",
            "display": "Payer",
        }]}],
        "name": plan.name,
        "telecom": [{"system": "url", "value": plan.website.as_deref().unwrap_or(issuer.as_str())}],
        "endpoint": [{"reference": "Endpoint/patient-access"}],
    })
}

fn endpoint(issuer: &Issuer, plan: &Plan) -> Json {
    json!({
        "resourceType": "Endpoint",
        "id": "patient-access",
        "meta": {"profile": ["http://hl7.org/fhir/smart-app-launch/StructureDefinition/user-access-endpoint"]},
        "extension": [{
            "url": "http://hl7.org/fhir/StructureDefinition/endpoint-fhir-version",
            "valueCode": "4.0.1",
        }],
        "status": "active",
        "connectionType": {
            "system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type",
            "code": "hl7-fhir-rest",
        },
        "name": format!("{}: Patient Access API", plan.name),
        "contact": [{"system": "url", "value": plan.website.as_deref().unwrap_or(issuer.as_str())}],
        "payloadType": [{"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/endpoint-payload-type",
            "code": "none",
        }]}],
        "address": issuer.fhir_base(),
    })
}
