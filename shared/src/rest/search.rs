//! `GET /fhir/{type}` and `POST /fhir/{type}/_search`: a member's resources of one type, page by page.
//!
//! A type's history lies in the order of its key date. A search in that order reads one page and no more; with filters it reads on
//! in slices until the page is full, at most 1 MB of rows, and goes on with a cursor. A search in another order, or for shared resources, has to see all rows before it
//! can tell which come first, and is refused where that is more than 1 MB.

mod answer;
mod count;
mod cursor;
mod history;
mod matches;
mod order;
mod slices;
mod sorted;

use self::answer::{answer, bundle, remarks};
use self::count::count;
use self::cursor::SearchCursor;
use super::absent::absent;
use super::bundle::Bundle;
use super::call::Call;
use super::chain;
use super::input::Asked;
use super::outcome::Error;
use super::query::Query;
use super::subset::Subset;
use crate::access::Interaction;
use crate::audit::Disclosure;
use crate::fhir::types::{Owner, ResourceType};

fn named(name: &str) -> Result<&'static ResourceType, Error> {
    ResourceType::named(name).ok_or_else(|| absent(&[name]))
}

/// Searches as the request asks.
pub(super) async fn search(call: &Call<'_>, asked: Asked) -> Result<Disclosure, Error> {
    let resource_type = named(call.request.parameter("type"))?;
    if resource_type.owner == Owner::Attachment {
        return Err(Error::NotSupported(format!("{} is read by id, not searched", resource_type.name)));
    }
    let mut query = Query::parse(resource_type, &asked.pairs, call.lenient(), &[&call.base])?;
    let permit = call.bearer.permit(Interaction::Search, resource_type)?;
    query.only_of(call.bearer.patient())?;
    let cursor = query.cursor.as_deref().map(|text| SearchCursor::parse(text, &query)).transpose()?;
    let chains = std::mem::take(&mut query.chains);
    query.filters.extend(chain::resolved(call, resource_type, chains).await?);
    if query.subset == Subset::Count {
        let total = Some(count(call, &query, &permit).await?);
        let entries = remarks(&query, asked.remarks, 0).into_iter().collect();
        return Ok(answer(call, &query, Bundle { total, entries, ..Bundle::default() }));
    }
    let matches = match (sorted::news(call, &query, &permit).await?, query.history_order()) {
        (Some(rows), _) => sorted::page(&query, rows, cursor.as_ref()),
        (None, Some(newest_first)) => history::page(call, &query, &permit, newest_first, cursor.as_ref()).await?,
        (None, None) => sorted::page(&query, sorted::all(call, &query, &permit).await?, cursor.as_ref()),
    };
    let mut bundle = bundle(call, &query, matches, asked.remarks).await?;
    if query.exact_total && bundle.total.is_none() {
        bundle.total = Some(count(call, &query, &permit).await?);
    }
    Ok(answer(call, &query, bundle))
}
