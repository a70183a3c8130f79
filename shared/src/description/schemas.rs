//! The structures of what is sent and returned. FHIR's own are HL7's: here is what every resource has, and where HL7 defines the rest.

use serde_json::{Map, Value as Json, json};

use crate::fhir::parameters::SearchParamType;
use crate::fhir::types::TYPES;

/// The page on which HL7 defines a resource type.
pub(super) fn definition(resource_type: &str) -> String {
    format!("http://hl7.org/fhir/R4/{}.html", resource_type.to_ascii_lowercase())
}

/// How the values of a type of search parameter are written: a name for people, and the rule.
pub(super) fn syntax(param_type: SearchParamType) -> &'static str {
    match param_type {
        SearchParamType::Token => {
            "`code`, `system|code`, `|code` (without a system) or `system|` (any code of it). Modifiers: `:not`, `:missing`; on an \
             identifier `:of-type=system|code|value`."
        }
        SearchParamType::Date => {
            "`YYYY`, `YYYY-MM`, `YYYY-MM-DD` or `YYYY-MM-DDThh:mm[:ss][Z|+hh:mm]`, after `eq`, `ne`, `gt`, `lt`, `ge`, `le`, `sa`, `eb`, \
             `ap` or nothing. Modifier: `:missing`."
        }
        SearchParamType::Reference => {
            "`Type/id`, `id` or a URL. Modifiers: `:Type` before an id, `:identifier=system|value`, `:missing`."
        }
        SearchParamType::String => {
            "The beginning of a text, whatever its case and accents. Modifiers: `:contains`, `:exact`, `:missing`."
        }
        SearchParamType::Quantity => {
            "`number`, `number|system|code` or `number||code`, after a prefix as a date has it. Modifier: `:missing`."
        }
        SearchParamType::Uri => {
            "A URI, compared letter by letter; a canonical URL without a version is that of every version. Modifier: `:missing`."
        }
        SearchParamType::Number => "A number, after a prefix as a date has it. Modifier: `:missing`.",
    }
}

/// The types of search parameters.
pub(super) const PARAMETER_TYPES: &[SearchParamType] = &[
    SearchParamType::Token,
    SearchParamType::Date,
    SearchParamType::Reference,
    SearchParamType::String,
    SearchParamType::Quantity,
    SearchParamType::Uri,
    SearchParamType::Number,
];

/// The schemas, by name.
pub(super) fn all() -> Map<String, Json> {
    let mut schemas = Map::new();
    for (name, schema) in common() {
        schemas.insert(name.to_owned(), schema);
    }
    for param_type in PARAMETER_TYPES {
        let text = format!("{} Several values with commas between them mean any of them.", syntax(*param_type));
        schemas.insert(param_type.name().to_owned(), json!({"type": "string", "minLength": 1, "description": text}));
    }
    for resource_type in TYPES {
        let (name, url) = (resource_type.name, definition(resource_type.name));
        let schema = json!({
            "type": "object",
            "description": format!("A resource of R4's type {name}. A source may lack an element that R4 demands."),
            "externalDocs": {"url": url},
            "required": ["resourceType", "id", "meta"],
            "properties": {
                "resourceType": {"type": "string", "enum": [name]},
                "id": {"$ref": "#/components/schemas/id"},
                "meta": {"$ref": "#/components/schemas/Meta"},
            },
        });
        schemas.insert(name.to_owned(), schema);
    }
    schemas
}

fn object(required: &[&str], properties: Json) -> Json {
    json!({"type": "object", "required": required, "properties": properties})
}

fn text(about: &str) -> Json {
    json!({"type": "string", "description": about})
}

#[rustfmt::skip] // a row stays on one line where it fits
fn common() -> Vec<(&'static str, Json)> {
    let list = |items: Json| json!({"type": "array", "items": items});
    let number = |about: &str| json!({"type": "integer", "description": about});
    vec![
        ("id", json!({"type": "string", "pattern": "^[A-Za-z0-9.-]{1,64}$"})),
        ("Meta", object(&["versionId", "lastUpdated"], json!({
            "versionId": text("The version, as `_history` names it."),
            "lastUpdated": {"type": "string", "format": "date-time", "description": "The moment at which this version became visible here."},
            "profile": list(text("A profile that the resource keeps to.")),
            "tag": list(json!({"type": "object"})),
        }))),
        ("Bundle", json!({
            "type": "object", "externalDocs": {"url": definition("Bundle")},
            "required": ["resourceType", "type"],
            "properties": {
                "resourceType": {"type": "string", "enum": ["Bundle"]},
                "type": {"type": "string", "enum": ["searchset", "collection"]},
                "total": number("The number of matches, where it is known."),
                "link": list(object(&["relation", "url"], json!({
                    "relation": {"type": "string", "enum": ["self", "next"]}, "url": text("Follow it as it is.")}))),
                "entry": list(object(&["resource"], json!({
                    "fullUrl": text("The resource's URL; an OperationOutcome with remarks has none."),
                    "resource": object(&["resourceType"], json!({"resourceType": text("Its type.")})),
                    "search": object(&["mode"], json!({"mode": {"type": "string", "enum": ["match", "include", "outcome"]}})),
                }))),
            },
        })),
        ("OperationOutcome", json!({
            "type": "object", "externalDocs": {"url": definition("OperationOutcome")},
            "required": ["resourceType", "issue"],
            "properties": {
                "resourceType": {"type": "string", "enum": ["OperationOutcome"]},
                "issue": list(object(&["severity", "code", "diagnostics"], json!({
                    "severity": {"type": "string", "enum": ["error", "warning", "information"]},
                    "code": text("R4's issue type, such as `invalid`."),
                    "diagnostics": text("What is wrong, and what would be right."),
                }))),
            },
        })),
        ("CapabilityStatement", json!({
            "type": "object", "externalDocs": {"url": definition("CapabilityStatement")},
            "required": ["resourceType", "status", "kind", "fhirVersion", "format", "rest"],
            "properties": {"resourceType": {"type": "string", "enum": ["CapabilityStatement"]}},
        })),
        ("Discovery", json!({"type": "object"})),
        ("KeySet", object(&["keys"], json!({"keys": list(object(&["kty"], json!({"kty": text("The kind of key.")})))}))),
        ("Nothing", json!({"type": "object", "additionalProperties": false})),
        ("OAuthError", object(&["error", "error_description"], json!({
            "error": text("A code of RFC 6749, such as `invalid_grant`."),
            "error_description": text("What is wrong, and what would be right."),
        }))),
        ("GatewayMessage", object(&["message"], json!({"message": text("The gateway's word.")}))),
        ("Tokens", object(&["access_token", "token_type", "expires_in", "scope", "patient", "grant_expires_at"], json!({
            "access_token": text("The token; treat it as opaque."),
            "token_type": {"type": "string", "enum": ["Bearer"]},
            "expires_in": number("Seconds until it ends."),
            "scope": text("What was granted; it may be less than was asked for."),
            "patient": text("The id of the member's Patient."),
            "grant_expires_at": text("The moment at which the permission ends without another refresh."),
            "id_token": text("Who signed in, with the scope `openid`: a JWT signed with RS256."),
            "refresh_token": text("With the scope `offline_access`: good once."),
        }))),
        ("Introspection", object(&["active"], json!({
            "active": {"type": "boolean"},
            "scope": text("The scopes."), "client_id": text("The app."), "exp": number("When it ends, in seconds since 1970."),
            "iat": number("When it was issued."), "iss": text("The issuer."), "sub": text("The person."), "aud": text("The FHIR base URL."),
            "token_type": text("`Bearer`, for an access token."), "jti": text("The token's id."), "patient": text("The member."),
            "fhirUser": text("The person's resource."),
        }))),
        ("UserInfo", object(&["sub"], json!({"sub": text("The person."), "fhirUser": text("The person's resource.")}))),
    ]
}
