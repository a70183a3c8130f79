//! `GET /fhir/{type}/{id}` and `GET /fhir/{type}/{id}/_history/{vid}`: one resource.

use http::{StatusCode, header};

use super::absent::absent;
use super::binary;
use super::call::Call;
use super::controls::{self, On};
use super::input::Asked;
use super::outcome::Error;
use super::subset::Subset;
use super::unknown::unknown;
use crate::access::{Interaction, Permits};
use crate::audit::Disclosure;
use crate::bounds;
use crate::fhir::reference::{Reference, is_id};
use crate::fhir::types::{Owner, ResourceType};
use crate::http::conditional::is_held;
use crate::http::date::http_date;
use crate::http::{FHIR_JSON, Response, empty, json, set, single};
use crate::record::documents::named_binaries;
use crate::record::resources::Lookup;
use crate::record::row::Row;

/// Reads the resource that the path names. A resource of another member's and one that does not exist get the same bytes.
pub(super) async fn read(call: &Call<'_>, asked: Asked) -> Result<Disclosure, Error> {
    let subset = subset(call, &asked)?;
    give(call, find(call).await?, &asked, &subset).await
}

/// Reads a version. There is one, the current: another is like a resource that does not exist.
pub(super) async fn vread(call: &Call<'_>, asked: Asked) -> Result<Disclosure, Error> {
    let subset = subset(call, &asked)?;
    let row = find(call).await?;
    if call.request.parameter("vid") != row.version.to_string() {
        return Err(Error::NotFound);
    }
    give(call, row, &asked, &subset).await
}

/// How much of the resource is wanted.
fn subset(call: &Call<'_>, asked: &Asked) -> Result<Subset, Error> {
    let other = asked.pairs.iter().find(|(name, _)| !controls::takes(On::Read, name));
    if let Some((name, _)) = other.filter(|_| !call.lenient()) {
        let (own, general) = controls::names(On::Read);
        return Err(Error::Invalid(unknown("a read", name, &[own, general].concat(), &[])));
    }
    let once = |name: &str| single(&asked.pairs, name).map_err(|error| Error::Invalid(error.to_string()));
    match Subset::parse(once("_summary")?, once("_elements")?)? {
        Subset::Count => {
            Err(Error::Invalid("`_summary=count` counts the matches of a search, and a read has none".into()))
        }
        subset => Ok(subset),
    }
}

async fn find(call: &Call<'_>) -> Result<Row, Error> {
    let (resource_type, id) = (call.request.parameter("type"), call.request.parameter("id"));
    let known = ResourceType::named(resource_type).filter(|_| is_id(id));
    let resource_type = known.ok_or_else(|| absent(&[resource_type, id]))?;
    let permit = call.bearer.permit(Interaction::Read, resource_type)?;
    // A Binary has nothing of its own that a scope could compare: where the token does not see everything that names
    // documents, one of the resources that it sees has to name this one. The names of a Binary are read in the same round trip.
    let permits = (resource_type.owner == Owner::Attachment).then(|| call.bearer.documents()).flatten();
    let naming = async {
        match &permits {
            Some(permits) => call.read(call.resources.naming(permits, id)).await.map(Some),
            None => Ok(None),
        }
    };
    let (found, naming) = tokio::try_join!(call.read(call.resources.read(&permit, id)), naming)?;
    let row = match found {
        Lookup::Resource(row) => *row,
        // Who sees a part of the documents might never have seen this one.
        Lookup::Deleted if permits.is_none() => return Err(Error::Gone),
        Lookup::Deleted | Lookup::Nothing => return Err(Error::NotFound),
    };
    if let (Some(permits), Some(naming)) = (&permits, naming) {
        is_named(call, permits, &naming, &row.key).await?;
    }
    Ok(row)
}

async fn give(call: &Call<'_>, row: Row, asked: &Asked, subset: &Subset) -> Result<Disclosure, Error> {
    if row.key.resource_type == "Binary" {
        return binary::give(call, row, asked, subset).await;
    }
    let (key, etag, updated) = (row.key.clone(), format!("W/\"{}\"", row.version), row.last_updated);
    let validators = |response: &mut Response| {
        set(response, header::ETAG, &etag);
        set(response, header::LAST_MODIFIED, &http_date(updated));
    };
    if is_held(call.request, &etag, Some(updated)) {
        let mut response = empty(StatusCode::NOT_MODIFIED);
        validators(&mut response);
        return Ok(Disclosure::not_modified(response));
    }
    let own = usize::from(row.is_own());
    let mut response = json(StatusCode::OK, FHIR_JSON, subset.of(call.resources.json(row).await?));
    validators(&mut response);
    Ok(Disclosure::new(response, vec![key], own))
}

/// Whether one of the resources that once named the Binary still does, and the token sees it.
///
/// # Errors
/// [`Error::NotFound`] where none does.
async fn is_named(call: &Call<'_>, permits: &Permits, naming: &[Reference], binary: &Reference) -> Result<(), Error> {
    for some in naming.chunks(bounds::NAMING_AT_ONCE) {
        for row in call.read(call.resources.owned(permits, some)).await? {
            let json = call.resources.json(row).await?;
            if serde_json::from_str(&json).is_ok_and(|json| named_binaries(&json).contains(&binary.id)) {
                return Ok(());
            }
        }
    }
    Err(Error::NotFound)
}
