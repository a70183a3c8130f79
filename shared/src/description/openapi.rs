//! `/openapi.json`: the API for programs (`OpenAPI` 3.0.3).

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::answers::{Answer, Body, GATEWAY};
use super::endpoints::{Caller, ENDPOINTS, Endpoint, Field, OF_A_BINARY};
use super::schemas;
use crate::access::supported_scopes;
use crate::config::Plan;
use crate::fhir::parameters::SearchParameter;
use crate::fhir::types::{ResourceType, TYPES};
use crate::http::FHIR_JSON;
use crate::issuer::Issuer;
use crate::rest::capability::{includes, reverse_includes};
use crate::rest::controls::{self, Control, On, Values};

/// The description of the API at `issuer`.
pub(super) fn document(issuer: &Issuer, plan: &Plan) -> Json {
    let mut paths = BTreeMap::<String, Map<String, Json>>::new();
    for endpoint in ENDPOINTS {
        let types: Vec<Option<&ResourceType>> = match endpoint.path.contains("{type}") {
            true => TYPES.iter().filter(|row| endpoint.types.has(row)).map(Some).collect(),
            false => vec![None],
        };
        for of in types {
            let path = endpoint.path.replace("{type}", of.map_or("", |row| row.name));
            let methods = paths.entry(path).or_default();
            for method in endpoint.methods {
                methods.insert(method.to_ascii_lowercase(), operation(endpoint, method, of));
            }
        }
    }
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": format!("{}: Patient Access API", plan.name),
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Members' apps read the record of the member who allowed it (42 CFR 422.119): FHIR R4 (4.0.1), SMART App \
                Launch. Paths that are not here are 404, and methods that a path does not have are 405 with `Allow`.",
            "license": {"name": "Apache-2.0"},
        },
        "externalDocs": {"description": "The same for people", "url": format!("{issuer}/documentation")},
        "servers": [{"url": issuer.as_str()}],
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "parameters": parameters(issuer),
            "securitySchemes": security_schemes(issuer),
        },
    })
}

fn security_schemes(issuer: &Issuer) -> Json {
    let scopes: Map<String, Json> = supported_scopes().into_iter().map(|scope| (scope, json!(""))).collect();
    json!({
        "member": {"type": "oauth2", "flows": {"authorizationCode": {
            "authorizationUrl": format!("{issuer}/oauth2/authorize"),
            "tokenUrl": format!("{issuer}/oauth2/token"),
            "refreshUrl": format!("{issuer}/oauth2/token"),
            "scopes": scopes,
        }}},
        "app": {"type": "http", "scheme": "basic"},
    })
}

/// The search parameters, by type and name. Those that every type has are there once.
fn parameters(issuer: &Issuer) -> Map<String, Json> {
    let base = issuer.fhir_base();
    let mut all = Map::new();
    for resource_type in TYPES {
        for (_, row) in resource_type.parameters() {
            all.entry(key(row)).or_insert_with(|| {
                let schema = json!({"$ref": format!("#/components/schemas/{}", row.param_type.name())});
                json!({"name": row.code, "in": "query", "schema": {"type": "array", "items": schema},
                    "description": format!("Defined by {}. Given several times, all must hold.", row.url(&base))})
            });
            for chained in row.chains {
                let name = format!("{}.{chained}", row.code);
                all.entry(format!("{}.{chained}", key(row))).or_insert_with(|| {
                    json!({"name": name, "in": "query", "schema": {"type": "string", "minLength": 1},
                        "description": format!("`{chained}` of what `{}` refers to.", row.code)})
                });
            }
        }
    }
    all
}

fn key(row: &SearchParameter) -> String {
    format!("{}.{}", row.on, row.code)
}

/// The search parameters of a type, as references to [`parameters`].
fn searched_by(resource_type: &ResourceType) -> impl Iterator<Item = Json> {
    let keys = |row: &SearchParameter| {
        let chained: Vec<String> = row.chains.iter().map(|chained| format!("{}.{chained}", key(row))).collect();
        std::iter::once(key(row)).chain(chained)
    };
    let keys = resource_type.parameters().flat_map(move |(_, row)| keys(row).collect::<Vec<_>>());
    keys.map(|key| json!({"$ref": format!("#/components/parameters/{key}")}))
}

fn operation(endpoint: &Endpoint, method: &str, of: Option<&ResourceType>) -> Json {
    let name = match (method, of) {
        ("HEAD", None) => format!("{}Head", endpoint.name),
        ("HEAD", Some(of)) => format!("{}Head{}", endpoint.name, of.name),
        ("POST", None) if endpoint.methods.len() > 1 => format!("{}ByForm", endpoint.name),
        (_, of) => format!("{}{}", endpoint.name, of.map_or("", |of| of.name)),
    };
    let mut operation =
        json!({"operationId": name, "summary": endpoint.text, "responses": responses(endpoint, method, of)});
    let mut parameters: Vec<Json> = endpoint
        .path
        .split(['{', '}'])
        .skip(1)
        .step_by(2)
        .filter(|name| *name != "type")
        .map(
            |name| json!({"name": name, "in": "path", "required": true, "schema": {"$ref": "#/components/schemas/id"}}),
        )
        .collect();
    parameters.extend(endpoint.headers.iter().map(in_header));
    if method == "POST" {
        if let Some(body) = body(endpoint, of) {
            operation["requestBody"] = body;
        }
    } else {
        parameters.extend(
            endpoint.fields.iter().map(|field| placed(field.name, field.is_required, field.text, schema_of(field))),
        );
        let rows = endpoint.on.into_iter().flat_map(controls::of);
        parameters.extend(rows.map(|row| placed(row.name, row.is_required, row.text, control(row, of))));
        if endpoint.on == Some(On::Search) {
            parameters.extend(of.into_iter().flat_map(searched_by));
        }
    }
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    let security = match endpoint.caller {
        Caller::Anyone | Caller::Browser | Caller::Provider => json!([]),
        Caller::Bearer => json!([{"member": []}]),
        Caller::Client => json!([{}, {"app": []}]),
        Caller::ClientOrBearer => json!([{}, {"app": []}, {"member": []}]),
    };
    operation["security"] = security;
    operation
}

fn in_header(field: &Field) -> Json {
    json!({"name": field.name, "in": "header", "description": field.text, "schema": {"type": "string"}})
}

fn placed(name: &str, is_required: bool, text: &str, schema: Json) -> Json {
    json!({"name": name, "in": "query", "required": is_required, "description": text, "schema": schema})
}

fn schema_of(field: &Field) -> Json {
    if field.words.is_empty() { json!({"type": "string"}) } else { json!({"type": "string", "enum": field.words}) }
}

fn control(row: &Control, of: Option<&ResourceType>) -> Json {
    let one = match row.values {
        Values::Words(words) => json!({"type": "string", "enum": words}),
        Values::Whole(least, usize::MAX) => json!({"type": "integer", "minimum": least}),
        Values::Whole(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Values::Date => json!({"$ref": "#/components/schemas/date"}),
        Values::Patient => json!({"$ref": "#/components/schemas/reference"}),
        Values::Token => json!({"$ref": "#/components/schemas/token"}),
        Values::Text => match (row.name, of) {
            ("_include", Some(of)) => json!({"type": "string", "enum": includes(of)}),
            ("_revinclude", Some(of)) => json!({"type": "string", "enum": reverse_includes(of)}),
            _ => json!({"type": "string"}),
        },
    };
    let is_empty = one["enum"].as_array().is_some_and(Vec::is_empty);
    let one = if is_empty { json!({"type": "string"}) } else { one };
    if row.repeats { json!({"type": "array", "items": one}) } else { one }
}

/// The body of a posted request: a form, and for an operation R4's Parameters, too.
fn body(endpoint: &Endpoint, of: Option<&ResourceType>) -> Option<Json> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in endpoint.fields {
        properties.insert(field.name.to_owned(), schema_of(field));
        required.extend(field.is_required.then_some(field.name));
    }
    for row in endpoint.on.into_iter().flat_map(controls::of) {
        properties.insert(row.name.to_owned(), control(row, of));
        required.extend(row.is_required.then_some(row.name));
    }
    for (_, row) in of.into_iter().filter(|_| endpoint.on == Some(On::Search)).flat_map(ResourceType::parameters) {
        let schema = json!({"$ref": format!("#/components/schemas/{}", row.param_type.name())});
        properties.insert(row.code.to_owned(), json!({"type": "array", "items": schema}));
        for chained in row.chains {
            properties.insert(format!("{}.{chained}", row.code), json!({"type": "string", "minLength": 1}));
        }
    }
    if properties.is_empty() {
        return None;
    }
    let mut form = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        form["required"] = json!(required);
    }
    let mut content = json!({"application/x-www-form-urlencoded": {"schema": form}});
    if matches!(endpoint.on, Some(On::Everything | On::Docref)) {
        content[FHIR_JSON] = json!({"schema": {
            "type": "object", "required": ["resourceType"],
            "properties": {
                "resourceType": {"type": "string", "enum": ["Parameters"]},
                "parameter": {"type": "array", "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}},
            },
        }});
    }
    Some(json!({"required": false, "content": content}))
}

fn responses(endpoint: &Endpoint, method: &str, of: Option<&ResourceType>) -> Json {
    let is_binary = of.is_some_and(|of| of.name == "Binary");
    let further = if is_binary { OF_A_BINARY } else { &[] };
    let mut responses = BTreeMap::<u16, (Vec<&str>, Map<String, Json>)>::new();
    for answer in endpoint.answers.iter().copied().flatten().chain(further).chain(GATEWAY) {
        let (texts, content) = responses.entry(answer.status).or_default();
        texts.push(answer.text);
        // The answer to HEAD has the headers of the answer to GET, and no body (RFC 9110 §9.3.2).
        if let Some((media_type, schema)) = media_type(answer, of).filter(|_| method != "HEAD") {
            content.insert(media_type.to_owned(), json!({"schema": schema}));
        }
    }
    let told = responses.into_iter().map(|(status, (texts, content))| {
        let mut response = json!({"description": texts.join(" ")});
        if !content.is_empty() {
            response["content"] = content.into();
        }
        if let Some(header) = header_of(status) {
            response["headers"] = json!({header: {"schema": {"type": "string"}}});
        }
        (status.to_string(), response)
    });
    Json::Object(told.collect())
}

fn media_type(answer: &Answer, of: Option<&ResourceType>) -> Option<(&'static str, Json)> {
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    match answer.body {
        Body::Empty => None,
        Body::Fhir(name) => Some((FHIR_JSON, reference(&name.replace("{type}", of.map_or("", |of| of.name))))),
        Body::Json(name) => Some(("application/json", reference(name))),
        Body::Page => Some(("text/html", json!({"type": "string"}))),
        Body::Document => Some(("*/*", json!({"type": "string", "format": "binary"}))),
    }
}

/// The header that an answer of this status is about.
fn header_of(status: u16) -> Option<&'static str> {
    match status {
        303 => Some("Location"),
        401 | 403 => Some("WWW-Authenticate"),
        416 => Some("Content-Range"),
        429 | 503 => Some("Retry-After"),
        _ => None,
    }
}
