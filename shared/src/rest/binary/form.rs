//! In which form a Binary is given out: FHIR only where it is asked for by name (R4, "Binary": serving).

use http::header;

use crate::fhir::escaping::shortened;
use crate::http::{Request, single};
use crate::rest::outcome::Error;
use crate::rest::query;

/// The form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The resource, in JSON.
    Fhir,
    /// The bytes, as they are.
    Raw,
}

const FHIR: &[&str] = &["application/fhir+json", "application/json", "text/json"];

impl Form {
    /// What `_format`, or else `Accept`, says of a Binary that holds `media_type`.
    ///
    /// # Errors
    /// [`Error::NotAcceptable`] where it names neither.
    pub(super) fn wanted(request: &Request, media_type: &str) -> Result<Form, Error> {
        if let Ok(Some(format)) = single(&request.query(), "_format") {
            return query::format(Some(format)).map(|()| Form::Fhir);
        }
        let accept = request.header(header::ACCEPT).filter(|accept| !accept.trim().is_empty());
        let wanted = accept.map_or(Some(Form::Raw), |accept| Form::accepted(accept, media_type));
        wanted.ok_or_else(|| {
            let held = shortened(media_type);
            Error::NotAcceptable(format!("this Binary comes as what it holds, `{held}`, or as `application/fhir+json`"))
        })
    }

    /// By the weights of `Accept` (RFC 9110 §12.5.1). What is asked for by name comes before what any name would do for.
    fn accepted(accept: &str, media_type: &str) -> Option<Form> {
        let held = essence(media_type);
        let family = held.split('/').next().unwrap_or_default();
        let weight = |matches: &dyn Fn(&str) -> bool| {
            let ranges = accept.split(',').map(|range| (essence(range), quality(range)));
            ranges.filter(|(range, _)| matches(range)).map(|(_, quality)| quality).fold(0.0, f32::max)
        };
        let fhir = weight(&|range| FHIR.contains(&range));
        let raw = weight(&|range| range == held);
        let any = weight(&|range| range == "*/*" || range == format!("{family}/*"));
        if fhir > 0.0 && fhir >= raw {
            Some(Form::Fhir)
        } else if raw > 0.0 || any > 0.0 {
            Some(Form::Raw)
        } else {
            (weight(&|range| range == "application/*") > 0.0).then_some(Form::Fhir)
        }
    }
}

/// A media type or range without its parameters, in lower case.
fn essence(text: &str) -> String {
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn quality(range: &str) -> f32 {
    let mut weights = range.split(';').skip(1).filter_map(|parameter| parameter.trim().strip_prefix("q="));
    weights.find_map(|weight| weight.parse().ok()).unwrap_or(1.0)
}

/// A Binary's `contentType`, if it is a media type (RFC 9110 §8.3.1) that a header can carry; else that of mere bytes.
pub(super) fn media_type(stored: Option<&str>) -> String {
    let is_token = |text: &str| {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !text.is_empty() && text.bytes().all(legal)
    };
    let is_media_type = |text: &&str| {
        let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        printable
            && essence(text)
                .split_once('/')
                .is_some_and(|(resource_type, name)| is_token(resource_type) && is_token(name))
    };
    stored.map(str::trim).filter(is_media_type).unwrap_or("application/octet-stream").to_owned()
}

/// How a file of a type is usually called at its end.
const ENDINGS: &[(&str, &str)] = &[
    ("application/dicom", ".dcm"),
    ("application/hl7-cda+xml", ".xml"),
    ("application/pdf", ".pdf"),
    ("application/rtf", ".rtf"),
    ("application/xml", ".xml"),
    ("image/jpeg", ".jpg"),
    ("image/png", ".png"),
    ("image/tiff", ".tif"),
    ("text/html", ".html"),
    ("text/plain", ".txt"),
    ("text/rtf", ".rtf"),
    ("text/xml", ".xml"),
];

/// A file name for the Binary of this id, in which nothing needs quoting.
pub(super) fn file_name(id: &str, media_type: &str) -> String {
    let ending = ENDINGS.iter().find(|(known, _)| *known == essence(media_type)).map_or("", |(_, ending)| ending);
    format!("{id}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fhir_is_given_to_whom_asks_for_it_by_name() {
        for (accept, expected) in [
            ("*/*", Some(Form::Raw)),
            ("application/pdf", Some(Form::Raw)),
            ("Application/PDF;q=0.5", Some(Form::Raw)),
            ("application/*", Some(Form::Raw)),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Some(Form::Raw)),
            ("application/fhir+json", Some(Form::Fhir)),
            ("application/fhir+json; fhirVersion=4.0", Some(Form::Fhir)),
            ("application/json, text/plain, */*", Some(Form::Fhir)),
            ("application/fhir+json, application/pdf", Some(Form::Fhir)),
            ("application/fhir+json;q=0.5, application/pdf", Some(Form::Raw)),
            ("application/fhir+json;q=0, */*", Some(Form::Raw)),
            ("application/fhir+xml", None),
            ("image/*, text/plain", None),
        ] {
            assert_eq!(Form::accepted(accept, "application/pdf"), expected, "{accept}");
        }
        assert_eq!(Form::accepted("application/*", "image/png"), Some(Form::Fhir));
    }

    #[test]
    fn what_is_no_media_type_is_mere_bytes() {
        assert_eq!(media_type(Some("text/plain; charset=utf-8")), "text/plain; charset=utf-8");
        for text in [
            None,
            Some(""),
            Some("pdf"),
            Some("a/b c"),
            Some("text/html\r\nSet-Cookie: a=b"),
            Some("text/é"),
            Some("/"),
        ] {
            assert_eq!(media_type(text), "application/octet-stream", "{text:?}");
        }
    }
}
