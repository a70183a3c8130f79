//! The parameters of a request, wherever they stand: in the URL, in a form or, for an operation, in a `Parameters` resource. A
//! parameter means the same in each place.

use http::Method;
use serde_json::Value as Json;

use super::outcome::{Error, Issue};
use crate::bounds::{BODY_BYTES, PARAMETER_BYTES, PARAMETERS};
use crate::fhir::escaping::shortened;
use crate::http::Request;

/// Names and values in the order in which they came.
type Pairs = Vec<(String, String)>;

/// Names that libraries and clients of other servers send along. They filter nothing.
const FILTER_NOTHING: &[(&str, &str)] = &[
    ("_", "a library's way around caches, and no answer of ours is kept by one"),
    ("_totalMethod", "another server's way to count: `_total` says whether `total` is wanted"),
];

/// The parameters of a request, and the remarks on them.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The parameters.
    pub pairs: Pairs,
    /// Remarks on the parameters that were left out because they filter nothing.
    pub remarks: Vec<Issue>,
}

/// How a request may be posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Posted {
    /// As a form.
    Search,
    /// As a form or as a `Parameters` resource.
    Operation,
}

/// The parameters of the URL and, if the request was posted, those of its body. An empty body has none.
///
/// # Errors
/// [`Error::Invalid`] if there are more than the links of an answer can repeat, or if the body is of a kind that may not be posted.
pub(super) fn asked(request: &Request, posted: Posted) -> Result<Asked, Error> {
    let mut pairs = request.query();
    if request.method == Method::POST && !request.body.is_empty() {
        pairs.extend(body(request, posted)?);
    }
    if pairs.len() > PARAMETERS {
        return Err(Error::Invalid(format!("a request has at most {PARAMETERS} parameters")));
    }
    if pairs.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > PARAMETER_BYTES {
        let text = format!("a request's parameters have at most {PARAMETER_BYTES} bytes in all; ask in parts");
        return Err(Error::Invalid(text));
    }
    let mut remarks = Vec::new();
    pairs.retain(|(name, _)| match FILTER_NOTHING.iter().find(|(known, _)| known == name) {
        Some((name, why)) => {
            remarks.push(Issue::information("informational", format!("left out: `{name}` is {why}")));
            false
        }
        None => true,
    });
    Ok(Asked { pairs, remarks })
}

fn body(request: &Request, posted: Posted) -> Result<Pairs, Error> {
    if request.body.len() > BODY_BYTES {
        return Err(Error::Invalid(format!("a posted body has at most {BODY_BYTES} bytes; ask in parts")));
    }
    match (request.form(), posted) {
        (Some(form), _) => Ok(form),
        (None, Posted::Operation) => parameters(&request.body),
        (None, Posted::Search) => {
            let text = "a posted search carries its parameters as application/x-www-form-urlencoded";
            Err(Error::Invalid(text.into()))
        }
    }
}

/// The pairs of a `Parameters` resource.
fn parameters(body: &[u8]) -> Result<Pairs, Error> {
    let wrong = |what: &str| {
        Error::Invalid(format!("an operation is posted as Parameters in JSON, as a form, or without a body: {what}"))
    };
    let resource: Json = serde_json::from_slice(body).map_err(|_| wrong("this is none of them"))?;
    if resource["resourceType"] != "Parameters" {
        return Err(wrong("this resource is no Parameters"));
    }
    let mut pairs = Pairs::new();
    for parameter in resource["parameter"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().ok_or_else(|| wrong("a parameter has no name"))?;
        let values = values(parameter);
        if values.is_empty() {
            return Err(wrong(&format!("`{}` has no value that is understood", shortened(name))));
        }
        pairs.extend(values.into_iter().map(|value| (name.to_owned(), value)));
    }
    Ok(pairs)
}

/// The values of one of the `Parameters`, written as in a query. A `CodeableConcept` means any of its codings: US Core 3.1.1 sends one
/// where later versions send a Coding.
fn values(parameter: &Json) -> Vec<String> {
    let value = parameter.as_object().and_then(|parts| parts.iter().find(|(name, _)| name.starts_with("value")));
    let Some((name, value)) = value else { return Vec::new() };
    match (name.as_str(), value) {
        ("valueCodeableConcept", concept) => {
            concept["coding"].as_array().into_iter().flatten().filter_map(token).collect()
        }
        ("valueCoding", coding) => token(coding).into_iter().collect(),
        ("valueCanonical" | "valueUri" | "valueUrl", Json::String(url)) => vec![escaped(url)],
        (_, Json::String(text)) => vec![text.clone()],
        (_, Json::Number(number)) => vec![number.to_string()],
        (_, Json::Bool(flag)) => vec![flag.to_string()],
        _ => Vec::new(),
    }
}

fn token(coding: &Json) -> Option<String> {
    let code = escaped(coding["code"].as_str()?);
    Some(coding["system"].as_str().map_or_else(|| code.clone(), |system| format!("{}|{code}", escaped(system))))
}

/// The text with its separators escaped, so that it is one value (R4 search, "Escaping").
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace(',', "\\,").replace('|', "\\|").replace('$', "\\$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_posted_text_is_one_value_whatever_stands_in_it() {
        assert_eq!(escaped(r"a\b,c|d$e"), r"a\\b\,c\|d\$e");
    }
}
