//! `GET /fhir/metadata`: the `CapabilityStatement`, made from the same tables that answer.

mod combinations;

use http::StatusCode;
use serde_json::{Value as Json, json};

use super::format::{accepted, takes_json};
use crate::fhir::guides::Guides;
use crate::fhir::profiles::Profile;
use combinations::Combination;

use crate::fhir::parameters::Coded;
use crate::fhir::parameters::{SearchParamType, SearchParameter};
use crate::fhir::types::{Owner, ResourceType, TYPES};
use crate::http::{FHIR_JSON, Request, Response, allow_any_origin, json as answer, set};
use crate::issuer::Issuer;

/// The day on which this version's tables last changed.
const DATE: &str = "2026-11-23";

const EXPECTATION: &str = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-expectation";
const COMBINATION: &str = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-search-parameter-combination";

/// Includes of one type of target that a guide names one by one (US Core: `CareTeam`).
const NARROWED_INCLUDES: &[(&str, &str, &[&str])] =
    &[("CareTeam", "participant", &["Patient", "Practitioner", "PractitionerRole", "RelatedPerson"])];

/// Answers with the statement of the server at `issuer`, for these versions of the guides, where the app takes JSON.
pub fn metadata(request: &Request, issuer: &Issuer, guides: Guides) -> Response {
    if let Err(error) = accepted(request, &request.query()).and_then(|accept| takes_json(accept.as_ref())) {
        return error.respond(&issuer.fhir_base());
    }
    let mut response = answer(StatusCode::OK, FHIR_JSON, statement(issuer, guides).to_string());
    set(&mut response, http::header::CACHE_CONTROL, "public, max-age=300");
    response.headers_mut().remove(http::header::PRAGMA);
    allow_any_origin(&mut response);
    response
}

fn statement(issuer: &Issuer, guides: Guides) -> Json {
    let base = issuer.fhir_base();
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": DATE,
        "kind": "instance",
        "instantiates": guides.instantiates(),
        "software": {"name": "Patient Access", "version": env!("CARGO_PKG_VERSION")},
        "implementation": {"description": "Patient Access API (42 CFR 422.119)", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["json", "application/fhir+json"],
        "implementationGuide": guides.implementation_guides(),
        "rest": [{
            "mode": "server",
            "documentation": "Members' apps read the record of the member who granted them access. \
                A search without `patient` means that member.",
            "security": security(issuer),
            "resource": TYPES.iter().map(|resource_type| resource(resource_type, &base, guides)).collect::<Vec<_>>(),
        }],
    })
}

/// The endpoints as SMART App Launch 1.0 publishes them; 2.x clients read `.well-known/smart-configuration`.
fn security(issuer: &Issuer) -> Json {
    let endpoint = |name: &str, path: &str| json!({"url": name, "valueUri": format!("{issuer}/{path}")});
    json!({
        "cors": true,
        "service": [{"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
            "code": "SMART-on-FHIR",
        }]}],
        "extension": [{
            "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
            "extension": [
                endpoint("authorize", "oauth2/authorize"),
                endpoint("token", "oauth2/token"),
                endpoint("manage", "account"),
                endpoint("introspect", "oauth2/introspect"),
                endpoint("revoke", "oauth2/revoke"),
            ],
        }],
    })
}

/// A parameter; its chains and modifiers have no elements of their own in R4.
fn parameter(row: &SearchParameter, base: &str) -> Json {
    let mut parameter = json!({"name": row.code, "definition": row.url(base), "type": row.param_type.name()});
    if !row.chains.is_empty() {
        let chains: Vec<String> = row.chains.iter().map(|code| format!("`{}.{code}`", row.code)).collect();
        parameter["documentation"] = format!("Chains: {}", chains.join(", ")).into();
    }
    if row.coded == Coded::Identifier {
        parameter["documentation"] = format!("By type, too: `{}:of-type=system|code|value`", row.code).into();
    }
    parameter
}

fn resource(resource_type: &ResourceType, base: &str, guides: Guides) -> Json {
    let mut resource = json!({
        "type": resource_type.name,
        "interaction": [{"code": "read"}, {"code": "vread"}],
        "versioning": "versioned",
        "readHistory": false,
        "conditionalRead": "full-support",
        "referencePolicy": ["resolves"],
    });
    let profiles = profiles(resource_type, guides);
    if !profiles.is_empty() {
        resource["supportedProfile"] = profiles.into();
    }
    if resource_type.owner == Owner::Attachment {
        return resource;
    }
    resource["interaction"] = json!([{"code": "read"}, {"code": "vread"}, {"code": "search-type"}]);
    resource["searchParam"] = resource_type.parameters().map(|(_, row)| parameter(row, base)).collect();
    let combinations: Vec<Json> = Combination::of(resource_type.name).map(combination).collect();
    if !combinations.is_empty() {
        resource["extension"] = combinations.into();
    }
    let includes = includes(resource_type);
    if !includes.is_empty() {
        resource["searchInclude"] = includes.into();
    }
    resource["searchRevInclude"] = reverse_includes(resource_type).into();
    if resource_type.name == "DocumentReference" {
        let definition = "http://hl7.org/fhir/us/core/OperationDefinition/docref";
        let documentation = "Stored documents of any type and profile, those of all that are named; none is generated. Without \
            dates the newest of each type.";
        resource["operation"] = json!([{"name": "docref", "definition": definition, "documentation": documentation}]);
    }
    if resource_type.name == "Patient" {
        let definition = "http://hl7.org/fhir/OperationDefinition/Patient-everything";
        resource["operation"] = json!([{"name": "everything", "definition": definition}]);
    }
    resource
}

/// The values of `_include` on a type.
pub fn includes(resource_type: &ResourceType) -> Vec<String> {
    let references = resource_type.parameters().filter(|(_, row)| row.param_type == SearchParamType::Reference);
    let mut includes: Vec<String> = references.map(|(_, row)| format!("{}:{}", resource_type.name, row.code)).collect();
    let narrowed = NARROWED_INCLUDES.iter().filter(|(on, ..)| *on == resource_type.name);
    includes.extend(narrowed.flat_map(|(on, code, targets)| targets.iter().map(move |to| format!("{on}:{code}:{to}"))));
    if !includes.is_empty() {
        includes.insert(0, format!("{}:*", resource_type.name));
    }
    includes
}

/// The values of `_revinclude` on a type.
pub fn reverse_includes(resource_type: &ResourceType) -> Vec<String> {
    let parameters = TYPES.iter().flat_map(|source| source.parameters().map(move |(_, row)| (source, row)));
    let refers = |row: &SearchParameter| {
        row.param_type == SearchParamType::Reference
            && (row.targets.contains(&resource_type.name) || row.targets == ["*"])
    };
    let referring = parameters.filter(|(_, row)| refers(row));
    referring.map(|(source, row)| format!("{}:{}", source.name, row.code)).collect()
}

/// The profiles that a type's resources may claim, by their canonical URLs.
pub fn profiles(resource_type: &ResourceType, guides: Guides) -> Vec<String> {
    Profile::of(resource_type.name, guides)
        .flat_map(|row| guides.canonicals(row.guide, &format!("StructureDefinition/{}", row.id)))
        .collect()
}

/// R4's extension for parameters that are searched together.
fn combination(row: &Combination) -> Json {
    let required = row.parameters.iter().map(|code| json!({"url": "required", "valueString": code}));
    let expectation = json!({"url": EXPECTATION, "valueCode": row.expectation});
    json!({"extension": std::iter::once(expectation).chain(required).collect::<Vec<_>>(), "url": COMBINATION})
}
