//! `GET /fhir/{type}/{id}`: one resource.

use http::{StatusCode, header};

use super::outcome::{Error, FHIR_JSON};
use super::reference::is_id;
use super::server::Call;
use super::types::{Owner, ResourceType};
use crate::access::{Access, Interaction};
use crate::audit::Disclosure;
use crate::http::{json, set};
use crate::store::resources::Window;
use crate::store::row::moment;

/// Reads the resource that the path names. What is not the member's and what does not exist are the same bytes.
pub(super) async fn read(call: &Call<'_>) -> Result<Disclosure, Error> {
    let (kind, id) = (call.request.parameter("type"), call.request.parameter("id"));
    let kind = ResourceType::named(kind).ok_or(Error::NotFound)?;
    let permit = call.bearer.permit(Interaction::Read, kind)?;
    if !is_id(id) {
        return Err(Error::NotFound);
    }
    let resources = &call.server.resources;
    let read = async { Ok(resources.read(&permit, id).await?) };
    let (access, sealed) = tokio::try_join!(call.access(), read)?;
    let row = access.open(sealed)?.ok_or(Error::NotFound)?;
    if kind.owner == Owner::Attachment && !is_named(call, access, id).await? {
        return Err(Error::NotFound);
    }
    let (key, version, updated) = (row.key.clone(), row.version, row.last_updated);
    let mut response = json(StatusCode::OK, FHIR_JSON, resources.json(row).await?);
    set(&mut response, header::ETAG, &format!("W/\"{version}\""));
    set(&mut response, header::LAST_MODIFIED, &updated.http_date());
    Ok(Disclosure::new(response, vec![key]))
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
