//! `GET /fhir/{type}/{id}`: one resource.

use http::{StatusCode, header};

use super::outcome::{Error, FHIR_JSON};
use super::reference::is_id;
use super::server::Call;
use super::types::ResourceType;
use crate::access::Interaction;
use crate::audit::Disclosure;
use crate::http::{json, set};

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
    let (key, version, updated) = (row.key.clone(), row.version, row.last_updated);
    let mut response = json(StatusCode::OK, FHIR_JSON, resources.json(row).await?);
    set(&mut response, header::ETAG, &format!("W/\"{version}\""));
    set(&mut response, header::LAST_MODIFIED, &updated.http_date());
    Ok(Disclosure::new(response, vec![key]))
}
