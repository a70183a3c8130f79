//! In which form a Binary is given out: FHIR only where it is asked for by name (R4, "Binary": serving).

use crate::fhir::escaping::shortened;
use crate::http::FHIR_JSON;
use crate::http::media_type::{Accept, MediaType};
use crate::rest::format::{JSON, takes_json};
use crate::rest::outcome::Error;

/// The form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The resource, in JSON.
    Fhir,
    /// The bytes, as they are.
    Raw,
}

impl Form {
    /// The form that the app takes of a Binary that holds `media_type`. A form that it asks for by name comes before one that any name
    /// would do for (RFC 9110 §12.5.1).
    ///
    /// # Errors
    /// [`Error::NotAcceptable`] where it takes neither.
    pub(super) fn wanted(accept: Option<&Accept>, media_type: &str) -> Result<Form, Error> {
        let (Some(accept), Some(held)) = (accept, MediaType::parse(media_type)) else { return Ok(Form::Raw) };
        let fhir = JSON.iter().map(|name| accept.named(name)).max().unwrap_or(0);
        if fhir > 0 && fhir >= accept.named(held.essence()) {
            Ok(Form::Fhir)
        } else if accept.weight(&held) > 0 {
            Ok(Form::Raw)
        } else if takes_json(Some(accept)).is_ok() {
            Ok(Form::Fhir)
        } else {
            let held = shortened(media_type);
            let text = format!("this Binary comes as what it holds, `{held}`, or as `{FHIR_JSON}`");
            Err(Error::NotAcceptable(text))
        }
    }
}

/// A Binary's `contentType`, if it is a media type (RFC 9110 §8.3.1) that a header can carry; else that of mere bytes.
pub(super) fn media_type(stored: Option<&str>) -> String {
    let printable = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let is_media_type = |text: &&str| printable(text) && MediaType::parse(text).is_some();
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
    let held = MediaType::parse(media_type);
    let ending = ENDINGS.iter().find(|(known, _)| held.as_ref().is_some_and(|held| held.essence() == *known));
    let ending = ending.map_or("", |(_, ending)| ending);
    format!("{id}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(accept: &str, media_type: &str) -> Option<Form> {
        Form::wanted(Accept::parse(accept).as_ref(), media_type).ok()
    }

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
            ("application/pdf;q=0, */*", Some(Form::Fhir)),
            ("application/fhir+xml", None),
            ("image/*, text/plain", None),
        ] {
            assert_eq!(wanted(accept, "application/pdf"), expected, "{accept}");
        }
        assert_eq!(wanted("application/*", "image/png"), Some(Form::Fhir));
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
