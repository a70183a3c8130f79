//! `GET /fhir/{type}/{id}` and `GET /fhir/{type}/{id}/_history/{vid}`: one resource.

use http::{StatusCode, header};

use super::binary;
use super::outcome::Error;
use super::server::Call;
use crate::access::{Access, Interaction, Permits};
use crate::audit::Disclosure;
use crate::clock::Time;
use crate::fhir::reference::{Reference, is_id};
use crate::fhir::types::{Owner, ResourceType};
use crate::http::FHIR_JSON;
use crate::http::{Request, Response, empty, json, set};
use crate::record::documents::named_binaries;
use crate::record::resources::Lookup;
use crate::record::row::Row;

/// Reads the resource that the path names. What is not the member's and what does not exist are the same bytes.
pub(super) async fn read(call: &Call<'_>) -> Result<Disclosure, Error> {
    give(call, find(call).await?).await
}

/// Reads a version. There is one, the current: another is like a resource that does not exist.
pub(super) async fn vread(call: &Call<'_>) -> Result<Disclosure, Error> {
    let row = find(call).await?;
    if call.request.parameter("vid") != row.version.to_string() {
        return Err(Error::NotFound);
    }
    give(call, row).await
}

async fn find(call: &Call<'_>) -> Result<Row, Error> {
    let (resource_type, id) = (call.request.parameter("type"), call.request.parameter("id"));
    let resource_type = ResourceType::named(resource_type).ok_or(Error::NotFound)?;
    let permit = call.bearer.permit(Interaction::Read, resource_type)?;
    if !is_id(id) {
        return Err(Error::NotFound);
    }
    // A Binary has nothing of its own that a scope could compare: where the token does not see everything that names
    // documents, one of the resources that it sees has to name this one. What names it is read in the same round trip.
    let permits = (resource_type.owner == Owner::Attachment).then(|| call.bearer.documents()).flatten();
    let resources = &call.server.resources;
    let read = async { Ok(resources.read(&permit, id).await?) };
    let naming = async {
        match &permits {
            Some(permits) => Ok(Some(resources.naming(permits, id).await?)),
            None => Ok(None),
        }
    };
    let (access, sealed, naming) = tokio::try_join!(call.access(), read, naming)?;
    let row = match access.open(sealed)? {
        Lookup::Resource(row) => *row,
        // Who sees a part of the documents might never have seen this one.
        Lookup::Deleted if permits.is_none() => return Err(Error::Gone),
        Lookup::Deleted | Lookup::Nothing => return Err(Error::NotFound),
    };
    if let (Some(permits), Some(naming)) = (&permits, naming) {
        is_named(call, access, permits, &access.open(naming)?, &row.key).await?;
    }
    Ok(row)
}

async fn give(call: &Call<'_>, row: Row) -> Result<Disclosure, Error> {
    if row.key.resource_type == "Binary" {
        return binary::give(call, row).await;
    }
    let (key, etag, updated) = (row.key.clone(), format!("W/\"{}\"", row.version), row.last_updated);
    let validators = |response: &mut Response| {
        set(response, header::ETAG, &etag);
        set(response, header::LAST_MODIFIED, &updated.http_date());
    };
    if is_held(call.request, &etag, updated) {
        let mut response = empty(StatusCode::NOT_MODIFIED);
        validators(&mut response);
        return Ok(Disclosure::not_modified(response));
    }
    let mut response = json(StatusCode::OK, FHIR_JSON, call.server.resources.json(row).await?);
    validators(&mut response);
    Ok(Disclosure::new(response, vec![key]))
}

/// Whether the app says that it holds what this tag is of (R4, "conditional read"). Where it names tags, its date does not count
/// (RFC 9110 §13.2.2), and a date that is none is as if it were not there (§13.1.3).
pub(super) fn is_held(request: &Request, etag: &str, updated: Time) -> bool {
    if request.headers.contains_key(header::IF_NONE_MATCH) {
        let tags = request.header(header::IF_NONE_MATCH).unwrap_or_default();
        // The comparison is the weak one (§13.1.2): `W/` makes no difference.
        let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
        return tags.split(',').map(str::trim).any(|tag| tag == "*" || opaque(tag) == opaque(etag));
    }
    let since = request.header(header::IF_MODIFIED_SINCE).and_then(Time::from_http_date);
    since.is_some_and(|since| updated.seconds() <= since.seconds())
}

/// Whether one of the resources that once named the Binary still does, and the token sees it.
///
/// # Errors
/// [`Error::NotFound`] where none does.
async fn is_named(
    call: &Call<'_>,
    access: &Access,
    permits: &Permits,
    naming: &[Reference],
    binary: &Reference,
) -> Result<(), Error> {
    let resources = &call.server.resources;
    for some in naming.chunks(AT_ONCE) {
        for row in access.open(resources.owned(permits, some).await?)? {
            let json = resources.json(row).await?;
            if serde_json::from_str(&json).is_ok_and(|json| named_binaries(&json).contains(&binary.id)) {
                return Ok(());
            }
        }
    }
    Err(Error::NotFound)
}

/// Resources that are read at once to find one that names a document. Hardly ever are there more than one or two.
const AT_ONCE: usize = 20;
