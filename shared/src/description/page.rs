//! `/documentation`: the API for the developers of apps, as 42 CFR 422.119(d) lists it: syntax, functions, parameters, what is returned,
//! exceptions and their handling; the software and settings that an app needs; all that it must bring to be registered.

use askama::Template;
use serde_json::{Map, Value as Json};

use super::answers::{Answer, BEARER, Body, CLIENT, DATA, DELETED, DOCUMENT, FHIR, GATEWAY, HELD};
use super::endpoints::{Caller, ENDPOINTS, Endpoint, Types};
use super::schemas::{self, definition, syntax};
use crate::bounds::{BOUNDS, Beyond, Bound};
use crate::config::Plan;
use crate::fhir::guides::Guides;
use crate::fhir::parameters::SearchParameter;
use crate::fhir::types::{ResourceType, TYPES};
use crate::issuer::Issuer;
use crate::rest::capability::{includes, profiles, reverse_includes};
use crate::rest::controls::{self, Control, On, Values};

pub(super) const STYLE: &str = include_str!("../../templates/documentation.css");

/// The limits that an app can meet.
#[rustfmt::skip]
const LIMITS: &[&str] = &[
    "PARAMETERS", "PARAMETER_BYTES", "BODY_BYTES", "VALUES", "ALL_VALUES", "SORT_KEYS", "INCLUDES", "CHAINS", "LARGEST_PAGE", "INCLUDED",
    "READ_CALLS", "ANSWER_BYTES", "LINK_SECONDS", "OAUTH_PARAMETERS", "AUTHORIZE_BYTES", "TOKEN_FORM_BYTES", "STATE_BYTES",
    "REDIRECT_URI_BYTES", "KEY_SET_BYTES", "FETCH_SECONDS", "ASSERTION_SECONDS", "ACCESS_TOKEN_SECONDS", "REFRESH_SECONDS",
    "REFRESH_RETRY_SECONDS", "CODE_SECONDS", "SESSION_SECONDS", "AUTHORIZATION_REQUEST_SECONDS",
];

#[derive(Template)]
#[template(path = "documentation.html")]
struct DocumentationPage<'a> {
    style: &'static str,
    plan: &'a str,
    website: Option<&'a str>,
    issuer: &'a str,
    base: String,
    version: &'static str,
    guides: Vec<String>,
    functions: Vec<Function>,
    browser: Vec<Function>,
    syntaxes: Vec<(&'static str, &'static str)>,
    types: Vec<TypeOfResource>,
    structures: Vec<Structure>,
    exceptions: Vec<(&'static str, Vec<Exception>)>,
    limits: Vec<&'static Bound>,
}

/// An endpoint as it is shown.
struct Function {
    methods: String,
    path: &'static str,
    text: &'static str,
    caller: &'static str,
    parameters: Vec<Parameter>,
    answers: Vec<(u16, String, &'static str)>,
}

struct Parameter {
    name: String,
    place: &'static str,
    values: String,
    is_required: bool,
    text: String,
}

struct TypeOfResource {
    name: &'static str,
    words: &'static str,
    url: String,
    searched: bool,
    parameters: Vec<(&'static SearchParameter, String)>,
    includes: String,
    reverse: String,
    profiles: Vec<String>,
}

/// A structure that is no resource of R4.
struct Structure {
    name: String,
    fields: Vec<(String, String, bool, String)>,
}

struct Exception {
    status: u16,
    codes: String,
    text: &'static str,
}

/// The page.
///
/// # Errors
/// The template fails.
pub(super) fn render(issuer: &Issuer, plan: &Plan, guides: Guides) -> Result<String, askama::Error> {
    let of_person = |endpoint: &&Endpoint| {
        matches!(endpoint.caller, Caller::Browser | Caller::Provider) && endpoint.name != "authorize"
    };
    let (browser, functions): (Vec<_>, Vec<_>) = ENDPOINTS.iter().partition(of_person);
    let page = DocumentationPage {
        style: STYLE,
        plan: &plan.name,
        website: plan.website.as_deref(),
        issuer: issuer.as_str(),
        base: issuer.fhir_base(),
        version: env!("CARGO_PKG_VERSION"),
        guides: guides.implementation_guides(),
        functions: functions.into_iter().map(Function::of).collect(),
        browser: browser.into_iter().map(Function::of).collect(),
        syntaxes: schemas::PARAMETER_TYPES.iter().map(|of| (of.name(), syntax(*of))).collect(),
        types: TYPES.iter().map(|row| TypeOfResource::of(row, &issuer.fhir_base(), guides)).collect(),
        structures: structures(),
        exceptions: vec![
            ("The FHIR server, with an OperationOutcome", exceptions(&[FHIR, DATA, DELETED, HELD, DOCUMENT])),
            ("The token, revocation and introspection endpoints, with OAuthError", exceptions(&[CLIENT])),
            ("userinfo, and introspection with a bearer token, with OAuthError", exceptions(&[BEARER])),
            ("The gateway, whatever the path is, with GatewayMessage", exceptions(&[GATEWAY])),
        ],
        limits: LIMITS.iter().filter_map(|name| BOUNDS.iter().find(|bound| bound.name == *name)).collect(),
    };
    page.render()
}

impl Function {
    fn of(endpoint: &'static Endpoint) -> Function {
        let place = if endpoint.methods == ["POST"] { "form" } else { "query" };
        let mut parameters: Vec<Parameter> = endpoint
            .path
            .split(['{', '}'])
            .skip(1)
            .step_by(2)
            .map(|name| Parameter {
                name: name.to_owned(),
                place: "path",
                values: in_path(name).to_owned(),
                is_required: true,
                text: String::new(),
            })
            .collect();
        let fields = endpoint.fields.iter().map(|field| (field, place));
        for (field, place) in fields.chain(endpoint.headers.iter().map(|field| (field, "header"))) {
            let values = if field.words.is_empty() { "text".to_owned() } else { field.words.join(", ") };
            let (name, text) = (field.name.to_owned(), field.text.to_owned());
            parameters.push(Parameter { name, place, values, is_required: field.is_required, text });
        }
        for row in endpoint.on.into_iter().flat_map(controls::of) {
            let again = if row.repeats { " May be repeated." } else { "" };
            let text = format!("{}{again}", row.text);
            parameters.push(Parameter {
                name: row.name.to_owned(),
                place,
                values: values(row),
                is_required: row.is_required,
                text,
            });
        }
        if endpoint.on == Some(On::Search) {
            let (name, text) = ("search parameters".to_owned(), "Those of the type, below.".to_owned());
            parameters.push(Parameter { name, place, values: "by type".to_owned(), is_required: false, text });
        }
        let further = if endpoint.types == Types::All { DOCUMENT } else { &[] };
        let answers = endpoint
            .answers
            .iter()
            .copied()
            .flatten()
            .filter(|answer| answer.codes.is_empty())
            .chain(further.iter().filter(|answer| answer.codes.is_empty()));
        Function {
            methods: endpoint.methods.join(", "),
            path: endpoint.path,
            text: endpoint.text,
            caller: caller(endpoint.caller),
            parameters,
            answers: answers.map(|answer| (answer.status, body(answer), answer.text)).collect(),
        }
    }
}

fn in_path(name: &str) -> &'static str {
    match name {
        "type" => "a resource type, below",
        "provider" => "the plan's name for an identity provider",
        _ => "1 to 64 letters, digits, - and .",
    }
}

fn values(row: &Control) -> String {
    match row.values {
        Values::Words(words) => words.join(", "),
        Values::Whole(least, usize::MAX) => format!("whole number from {least}"),
        Values::Whole(least, most) => format!("whole number from {least} to {most}"),
        Values::Date => "date".to_owned(),
        Values::Patient => "reference".to_owned(),
        Values::Token => "token".to_owned(),
        Values::Text => "text".to_owned(),
    }
}

fn caller(caller: Caller) -> &'static str {
    match caller {
        Caller::Anyone => "Anybody may call it.",
        Caller::Bearer => "It needs an access token: Authorization: Bearer.",
        Caller::Client => "The app authenticates, by its client_id alone if it is a public one.",
        Caller::ClientOrBearer => "The app authenticates, or sends an access token of the same app and member.",
        Caller::Browser => "The member's browser calls it.",
        Caller::Provider => "The plan's identity provider calls it.",
    }
}

fn body(answer: &Answer) -> String {
    match answer.body {
        Body::Empty => "no body".to_owned(),
        Body::Fhir("{type}") => "the resource, application/fhir+json".to_owned(),
        Body::Fhir(name) => format!("{name}, application/fhir+json"),
        Body::Json("Discovery") => "an object, application/json".to_owned(),
        Body::Json(name) => format!("{name}, application/json"),
        Body::Page => "a page, text/html".to_owned(),
        Body::Document => "the document's own media type".to_owned(),
    }
}

fn exceptions(groups: &[&[Answer]]) -> Vec<Exception> {
    let answers = groups.iter().copied().flatten().filter(|answer| answer.status >= 303);
    answers
        .map(|answer| Exception { status: answer.status, codes: answer.codes.join(", "), text: answer.text })
        .collect()
}

impl TypeOfResource {
    fn of(row: &'static ResourceType, base: &str, guides: Guides) -> TypeOfResource {
        TypeOfResource {
            name: row.name,
            words: row.words,
            url: definition(row.name),
            searched: Types::Searched.has(row),
            parameters: row.parameters().map(|(_, parameter)| (parameter, parameter.url(base))).collect(),
            includes: includes(row).join(", "),
            reverse: reverse_includes(row).join(", "),
            profiles: profiles(row, guides).into_iter().filter(|url| !url.contains('|')).collect(),
        }
    }
}

fn structures() -> Vec<Structure> {
    let all = schemas::all();
    let names = [
        "Bundle",
        "OperationOutcome",
        "Meta",
        "Tokens",
        "Introspection",
        "UserInfo",
        "OAuthError",
        "KeySet",
        "GatewayMessage",
    ];
    let known = names.into_iter().filter_map(|name| Some((name, all.get(name)?)));
    known.map(|(name, schema)| Structure { name: name.to_owned(), fields: fields("", schema) }).collect()
}

/// The fields of a schema, those within it after a dot.
fn fields(before: &str, schema: &Json) -> Vec<(String, String, bool, String)> {
    let none = Map::new();
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let mut found = Vec::new();
    for (name, field) in schema["properties"].as_object().unwrap_or(&none) {
        let path = format!("{before}{name}");
        let is_list = field["type"] == "array";
        let one = if is_list { &field["items"] } else { field };
        let words: Vec<&str> = one["enum"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        let kind = match (words.is_empty(), one["format"].as_str().or(one["type"].as_str())) {
            (false, _) => words.join(", "),
            (true, kind) => kind.unwrap_or("object").to_owned(),
        };
        let kind = if is_list { format!("list of {kind}") } else { kind };
        let text = one["description"].as_str().unwrap_or_default().to_owned();
        found.push((path.clone(), kind, required.contains(&name.as_str()), text));
        found.extend(fields(&format!("{path}."), one));
    }
    found
}

impl DocumentationPage<'_> {
    /// A text as HTML: what stands between backticks is code.
    fn marked(text: &str) -> String {
        let parts = text.split('`').enumerate().map(|(place, part)| {
            let part = part.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            if place % 2 == 1 { format!("<code>{part}</code>") } else { part }
        });
        parts.collect()
    }

    /// The consequence of going over a bound.
    fn beyond(bound: &Bound) -> &'static str {
        match bound.beyond {
            Beyond::Refused => "is refused",
            Beyond::Capped => "goes as far as this",
            Beyond::Elsewhere => "comes another way",
            Beyond::Over => "is over",
            Beyond::Ours => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_of_the_page_is_a_bound_and_every_structure_is_described() {
        assert!(LIMITS.iter().all(|name| BOUNDS.iter().any(|bound| bound.name == *name)));
        assert!(structures().iter().all(|structure| !structure.fields.is_empty()) && structures().len() == 9);
    }
}
