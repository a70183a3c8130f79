//! In which format an app wants its answer: by `_format`, or else by `Accept` (R4, "HTTP": content types). This server speaks one, JSON;
//! a Binary comes as what it holds, too.

use http::header;

use super::outcome::Error;
use crate::http::media_type::{Accept, MediaType};
use crate::http::{FHIR_JSON, Request, single};

/// The names that FHIR's JSON goes by.
pub(super) const JSON: &[&str] = &[FHIR_JSON, "application/json", "text/json"];

/// The formats that the app takes; `None` is every format.
///
/// # Errors
/// [`Error::Invalid`] where there are two formats, [`Error::NotAcceptable`] where there is one that is none.
pub(super) fn accepted(request: &Request, pairs: &[(String, String)]) -> Result<Option<Accept>, Error> {
    match single(pairs, "_format").map_err(|error| Error::Invalid(error.to_string()))? {
        Some(text) => Ok(Some(Accept::only(named(text).ok_or_else(Error::speaks_json)?))),
        None => Ok(request.header(header::ACCEPT).and_then(Accept::parse)),
    }
}

/// The media type that `_format` names: by one of R4's short names, or in full. A `+` that was not percent-encoded in a URL arrives as
/// a space.
fn named(format: &str) -> Option<MediaType> {
    match format {
        "json" => MediaType::parse(FHIR_JSON),
        "xml" => MediaType::parse("application/fhir+xml"),
        "ttl" => MediaType::parse("application/fhir+turtle"),
        "html" => MediaType::parse("text/html"),
        text => {
            let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
            MediaType::parse(&format!("{};{parameters}", essence.trim().replace(' ', "+")))
        }
    }
}

/// Makes sure that the app takes JSON.
///
/// # Errors
/// [`Error::NotAcceptable`]
pub(super) fn takes_json(accept: Option<&Accept>) -> Result<(), Error> {
    let takes = |accept: &Accept| {
        let by_range = MediaType::parse(FHIR_JSON).is_some_and(|json| accept.weight(&json) > 0);
        by_range || JSON.iter().any(|name| accept.named(name) > 0)
    };
    if accept.is_none_or(takes) { Ok(()) } else { Err(Error::speaks_json()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_a_short_name_or_a_media_type_in_any_spelling() {
        let json = |format: &str| {
            let accept = accepted(&Request::default(), &[("_format".to_owned(), format.to_owned())])?;
            takes_json(accept.as_ref())
        };
        for format in [
            "json",
            "application/fhir+json",
            "application/fhir json",
            "Application/FHIR+JSON",
            "application/fhir+json;charset=utf-8",
            "application/fhir json; fhirVersion=4.0",
            "application/json",
            "text/json",
        ] {
            assert!(json(format).is_ok(), "{format}");
        }
        for format in ["", "xml", "JSON", "application/fhir+xml", "fhir+json", "*", "application/pdf"] {
            assert!(matches!(json(format), Err(Error::NotAcceptable(_))), "{format}");
        }
    }
}
