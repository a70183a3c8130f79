//! `GET /fhir/{type}/{id}` and `GET /fhir/{type}/{id}/_history/{vid}`: one resource.

use http::{StatusCode, header};

use super::outcome::{Error, FHIR_JSON};
use super::reference::is_id;
use super::server::Call;
use super::types::{Owner, ResourceType};
use crate::access::{Access, Interaction};
use crate::audit::Disclosure;
use crate::clock::Time;
use crate::http::{Request, Response, empty, json, set};
use crate::store::resources::Window;
use crate::store::row::{Row, moment};

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
    let (kind, id) = (call.request.parameter("type"), call.request.parameter("id"));
    let kind = ResourceType::named(kind).ok_or(Error::NotFound)?;
    let permit = call.bearer.permit(Interaction::Read, kind)?;
    if !is_id(id) {
        return Err(Error::NotFound);
    }
    let read = async { Ok(call.server.resources.read(&permit, id).await?) };
    let (access, sealed) = tokio::try_join!(call.access(), read)?;
    let row = access.open(sealed)?.ok_or(Error::NotFound)?;
    if kind.owner == Owner::Attachment && !is_named(call, access, id).await? {
        return Err(Error::NotFound);
    }
    Ok(row)
}

async fn give(call: &Call<'_>, row: Row) -> Result<Disclosure, Error> {
    let (key, version, updated) = (row.key.clone(), row.version, row.last_updated);
    let validators = |response: &mut Response| {
        set(response, header::ETAG, &format!("W/\"{version}\""));
        set(response, header::LAST_MODIFIED, &updated.http_date());
    };
    if is_held(call.request, version, updated) {
        let mut response = empty(StatusCode::NOT_MODIFIED);
        validators(&mut response);
        return Ok(Disclosure::not_modified(response));
    }
    let mut response = json(StatusCode::OK, FHIR_JSON, call.server.resources.json(row).await?);
    validators(&mut response);
    Ok(Disclosure::new(response, vec![key]))
}

/// Whether the app says that it holds this version (R4, "conditional read"). Where it names versions, its date does not count
/// (RFC 9110 §13.2.2), and a date that is none is as if it were not there (§13.1.3).
fn is_held(request: &Request, version: u64, updated: Time) -> bool {
    if request.headers.contains_key(header::IF_NONE_MATCH) {
        let tags = request.header(header::IF_NONE_MATCH).unwrap_or_default();
        let (all, this) = ("*", format!("\"{version}\""));
        // The comparison is the weak one (§13.1.2): `W/` makes no difference.
        return tags.split(',').map(str::trim).any(|tag| tag == all || tag.strip_prefix("W/").unwrap_or(tag) == this);
    }
    let since = request.header(header::IF_MODIFIED_SINCE).and_then(Time::from_http_date);
    since.is_some_and(|since| updated.seconds() <= since.seconds())
}

/// Whether the document may be read under granular scopes: where there are any on types that name documents, one of the
/// resources that they admit has to name it. Only such a token costs these reads.
async fn is_named(call: &Call<'_>, access: &Access, id: &str) -> Result<bool, Error> {
    let Some(permits) = call.bearer.documents() else { return Ok(true) };
    let resources = &call.server.resources;
    let name = format!("Binary/{id}\"");
    for permit in permits.iter() {
        let mut window = Window { moments: (0, moment(Some(i64::MAX))), newest_first: true, after: None, limit: None };
        loop {
            let slice = access.open(resources.history(permit, &window).await?)?;
            for row in slice.rows {
                if resources.json(row).await?.contains(&name) {
                    return Ok(true);
                }
            }
            window.after = slice.more;
            if window.after.is_none() {
                break;
            }
        }
    }
    Ok(false)
}
