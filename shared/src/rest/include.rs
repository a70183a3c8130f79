//! `_include` and `_revinclude`: what the matches refer to, and what refers to them, inside the same permits.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;

use super::outcome::Error;
use super::query::{Include, Query};
use super::server::Call;
use crate::access::{Access, Interaction};
use crate::fhir::index::{Index, Value};
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::record::resources::{Reach, Window};
use crate::record::row::Row;

/// Everything that the search includes with `matches`. What the scopes do not reach is left out silently, or its absence
/// would tell that it exists.
pub(super) async fn included(
    call: &Call<'_>,
    access: &Access,
    query: &Query,
    matches: &[Row],
) -> Result<Vec<Row>, Error> {
    let wanted: BTreeSet<Reference> =
        matches.iter().flat_map(|row| query.includes.iter().flat_map(|include| targets(include, row))).collect();
    let (forward, reverse) =
        tokio::try_join!(forward(call, access, matches, wanted), reverse(call, access, query, matches))?;
    let mut seen: BTreeSet<Reference> = matches.iter().map(|row| row.key.clone()).collect();
    Ok(forward.into_iter().chain(reverse).filter(|row| seen.insert(row.key.clone())).collect())
}

/// Whether `included` is there because of `row`: one refers to the other by one of the search's includes.
pub(super) fn belongs(query: &Query, row: &Row, included: &Row) -> bool {
    query.includes.iter().any(|include| targets(include, row).any(|target| target == included.key))
        || query.reverse_includes.iter().any(|include| {
            include.source.name == included.key.resource_type && targets(include, included).any(|t| t == row.key)
        })
}

/// What `row` refers to by the include's parameters.
fn targets<'a>(include: &'a Include, row: &'a Row) -> impl Iterator<Item = Reference> + 'a {
    let of_source = include.source.name == row.key.resource_type;
    let positions: &[u16] = if of_source { &include.parameters } else { &[] };
    positions
        .iter()
        .flat_map(|position| references(row.index(), *position))
        .filter(|target| include.target.as_ref().is_none_or(|resource_type| *resource_type == target.resource_type))
}

fn references(index: &Index, position: u16) -> impl Iterator<Item = Reference> {
    index.values(position).iter().filter_map(|value| match value {
        Value::Reference(text) => Reference::parse(text, &[]),
        _ => None,
    })
}

async fn forward(
    call: &Call<'_>,
    access: &Access,
    matches: &[Row],
    wanted: BTreeSet<Reference>,
) -> Result<Vec<Row>, Error> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let permits = call.bearer.permits(Interaction::Read);
    let reaches: BTreeSet<Reach> =
        matches.iter().flat_map(|row| wanted.iter().filter_map(|target| Reach::of_reference(row, target))).collect();
    let reaches: Vec<Reach> = reaches.into_iter().collect();
    // A Device may be the member's own or shared; every other type is one or the other.
    let own: Vec<Reference> = wanted
        .into_iter()
        .filter(|target| {
            ResourceType::named(&target.resource_type)
                .is_some_and(|resource_type| resource_type.owner != crate::fhir::types::Owner::Shared)
        })
        .collect();
    let resources = &call.server.resources;
    let (own, shared) = tokio::try_join!(resources.owned(&permits, &own), resources.shared(&permits, &reaches))?;
    Ok(access.open(own)?.into_iter().chain(access.open(shared)?).collect())
}

/// `_revinclude` reads on for at most so many calls of 1 MB.
const LONGEST_REVERSE: usize = 4;

async fn reverse(call: &Call<'_>, access: &Access, query: &Query, matches: &[Row]) -> Result<Vec<Row>, Error> {
    let found = try_join_all(query.reverse_includes.iter().map(|include| referring(call, access, include, matches)));
    Ok(found.await?.into_iter().flatten().collect())
}

/// The resources that refer to a match by one `_revinclude`.
async fn referring(call: &Call<'_>, access: &Access, include: &Include, matches: &[Row]) -> Result<Vec<Row>, Error> {
    // Without a scope for the referring type there is nothing to include.
    let Ok(permit) = call.bearer.permit(Interaction::Search, include.source) else { return Ok(Vec::new()) };
    let refers = |row: &Row| targets(include, row).any(|target| matches.iter().any(|found| found.key == target));
    let resources = &call.server.resources;
    if include.source.is_shared() {
        return Ok(access.open(resources.reachable(&permit).await?)?.into_iter().filter(refers).collect());
    }
    let mut window = Window::whole(true);
    let mut rows = Vec::new();
    for _ in 0..LONGEST_REVERSE {
        let slice = access.open(resources.history(&permit, &window, refers).await?)?;
        rows.extend(slice.rows);
        window.after = slice.more;
        if window.after.is_none() {
            return Ok(rows);
        }
    }
    let resource_type = include.source.name;
    Err(Error::TooCostly(format!(
        "this member has too many {resource_type} to find those that refer to these; search {resource_type} itself"
    )))
}
