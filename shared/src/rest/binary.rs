//! `GET /fhir/Binary/{id}`: what a document holds, as it is or as FHIR (R4, "Binary").
//!
//! Its content came from somewhere else, and may be a page with a script. So it leaves as a file to be saved and never to be
//! shown: no type that it claims makes anything in it run under our origin.

mod form;
mod range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{StatusCode, header};
use lambda_http::Body;
use serde_json::Value as Json;

use self::form::{Form, file_name, media_type};
use self::range::Range;
use super::call::Call;
use super::format::accepted;
use super::input::Asked;
use super::outcome::Error;
use super::subset::Subset;
use crate::audit::Disclosure;
use crate::bounds;
use crate::clock::Time;
use crate::http::conditional::is_held;
use crate::http::date::http_date;
use crate::http::{FHIR_JSON, Response, empty, json, set};
use crate::record::documents::{Content, decoded, inert};
use crate::record::row::Row;
use crate::store::StoreError;

/// A Binary on its way out.
struct Given {
    row: Row,
    media_type: String,
    bytes: Bytes,
}

/// Where the bytes are.
enum Bytes {
    Here(Vec<u8>),
    InBucket(Content),
}

/// The header fields that tell one version from another.
struct Validators {
    etag: String,
    updated: Time,
}

/// Gives a Binary out in the form that the app asks for.
pub(super) async fn give(call: &Call<'_>, row: Row, asked: &Asked, subset: &Subset) -> Result<Disclosure, Error> {
    let text = call.resources.json(row.clone()).await?;
    let resource: Json = serde_json::from_str(&text).map_err(|_| broken("no JSON"))?;
    let media_type = media_type(resource["contentType"].as_str());
    let form = Form::wanted(accepted(call.request, &asked.pairs)?.as_ref(), &media_type)?;
    if form == Form::Raw && *subset != Subset::Whole {
        let text =
            format!("`_elements` and `_summary` are parts of the resource: ask for it with `Accept: {FHIR_JSON}`");
        return Err(Error::Invalid(text));
    }
    let validators = Validators::of(form, &row);
    if is_held(call.request, &validators.etag, Some(row.last_updated)) {
        return Ok(Disclosure::not_modified(validators.set_on(empty(StatusCode::NOT_MODIFIED))));
    }
    match (form, row.content()) {
        (Form::Fhir, content) => {
            let text = match content.filter(|_| subset.keeps_data()) {
                Some(content) => with_data(call, &text, &content, &media_type).await?,
                None => text,
            };
            let response = json(StatusCode::OK, FHIR_JSON, subset.of(text));
            Ok(Disclosure::new(validators.set_on(response), vec![row.key]))
        }
        (Form::Raw, Some(content)) => {
            raw(call, &validators, Given { row, media_type, bytes: Bytes::InBucket(content) }).await
        }
        (Form::Raw, None) => {
            let data = resource["data"].as_str().unwrap_or_default();
            let bytes = Bytes::Here(decoded(data).map_err(|_| broken("no base64"))?);
            raw(call, &validators, Given { row, media_type, bytes }).await
        }
    }
}

/// The resource with its `data`, which is stored apart.
async fn with_data(call: &Call<'_>, text: &str, content: &Content, media_type: &str) -> Result<String, Error> {
    if content.size.div_ceil(3) * 4 + text.len() as u64 > bounds::ANSWER_BYTES as u64 {
        return Err(Error::NotAcceptable(format!(
            "with its {} bytes in it the resource is larger than an answer can be: ask for them as they are, with \
             `Accept: {media_type}` or `*/*`",
            content.size
        )));
    }
    let bytes = call.resources.content(content).await?;
    let open = text.strip_suffix('}').ok_or_else(|| broken("no JSON"))?;
    Ok(format!(r#"{open},"data":"{}"}}"#, STANDARD.encode(bytes)))
}

/// The bytes, a part of them, or, where an answer cannot carry that, a link to them.
async fn raw(call: &Call<'_>, validators: &Validators, given: Given) -> Result<Disclosure, Error> {
    let size = given.size();
    let (status, first, length) = match Range::wanted(call.request, &validators.etag, size) {
        Range::Whole => (StatusCode::OK, 0, size),
        Range::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Range::Unsatisfiable => return Err(Error::RangeNotSatisfiable { size }),
    };
    if length > bounds::ANSWER_BYTES as u64 {
        return link(call, given).await;
    }
    let mut response = empty(status);
    *response.body_mut() = Body::Binary(given.part(call, first, length).await?);
    set(&mut response, header::CONTENT_TYPE, &given.media_type);
    let file = file_name(&given.row.key.id, &given.media_type);
    set(&mut response, header::CONTENT_DISPOSITION, &format!("attachment; filename=\"{file}\""));
    set(&mut response, header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'");
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    if status == StatusCode::PARTIAL_CONTENT {
        set(&mut response, header::CONTENT_RANGE, &format!("bytes {first}-{}/{size}", first + length - 1));
    }
    Ok(Disclosure::new(validators.set_on(response), vec![given.row.key]))
}

/// Sends the app to the bucket (RFC 9110 §15.4.4). A `Range` that it sends there again is answered there.
async fn link(call: &Call<'_>, given: Given) -> Result<Disclosure, Error> {
    let Bytes::InBucket(content) = &given.bytes else { return Err(broken("too large for its row")) };
    let file = file_name(&given.row.key.id, &given.media_type);
    let now = call.clock.now();
    let url = call.resources.link(content, inert(&given.media_type), &file, now).await?;
    let mut response = empty(StatusCode::SEE_OTHER);
    set(&mut response, header::LOCATION, &url);
    Ok(Disclosure::linked(response, vec![given.row.key]))
}

impl Given {
    fn size(&self) -> u64 {
        match &self.bytes {
            Bytes::Here(bytes) => bytes.len() as u64,
            Bytes::InBucket(content) => content.size,
        }
    }

    /// `length` bytes from `first` on; no more than these are read from the bucket.
    async fn part(&self, call: &Call<'_>, first: u64, length: u64) -> Result<Vec<u8>, Error> {
        let resources = &call.resources;
        Ok(match &self.bytes {
            Bytes::Here(bytes) => {
                let place = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
                bytes.iter().skip(place(first)).take(place(length)).copied().collect()
            }
            Bytes::InBucket(content) if length == content.size => resources.content(content).await?,
            Bytes::InBucket(content) => resources.part(content, first, first + length - 1).await?,
        })
    }
}

impl Validators {
    fn of(form: Form, row: &Row) -> Validators {
        let etag = match form {
            Form::Fhir => format!("W/\"{}\"", row.version),
            // Of one version the bytes are always the same, so that a download can be taken up again (RFC 9110 §13.1.5). Two forms
            // have two tags (§8.8.3): who holds the one does not hold the other.
            Form::Raw => format!("\"{}-raw\"", row.version),
        };
        Validators { etag, updated: row.last_updated }
    }

    fn set_on(&self, mut response: Response) -> Response {
        set(&mut response, header::ETAG, &self.etag);
        set(&mut response, header::LAST_MODIFIED, &http_date(self.updated));
        set(&mut response, header::VARY, "Accept");
        response
    }
}

fn broken(what: &str) -> Error {
    Error::Store(StoreError::Fault(format!("a Binary in the table is {what}")))
}
