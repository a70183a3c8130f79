//! A page of rows that are all in memory, because another order than the history's is asked for, or because they are few.

use std::cmp::Ordering;

use super::cursor::SearchCursor;
use super::history;
use super::matches::Matches;
use super::order::{compare, sort_keys};
use crate::access::Permit;
use crate::clock::Time;
use crate::fhir::filter::Filter;
use crate::record::resources::Held;
use crate::record::row::Row;
use crate::rest::call::Call;
use crate::rest::outcome::Error;
use crate::rest::query::Query;

/// Filters the rows, sorts them, and cuts the page out of them that follows the cursor.
pub(super) fn page(query: &Query, rows: Vec<Row>, cursor: Option<&SearchCursor>) -> Matches {
    let kept = rows.into_iter().filter(|row| query.keeps(row));
    let mut rows: Vec<_> = kept.map(|row| (sort_keys(query, &row), row)).collect();
    let total = Some(rows.len());
    rows.sort_by(|(a, _), (b, _)| compare(query, a, b));
    if let Some(cursor) = cursor {
        rows.retain(|(keys, _)| compare(query, keys, &cursor.at) == Ordering::Greater);
    }
    let more = rows.len() > query.count;
    rows.truncate(query.count);
    let more = rows.last().filter(|_| more).map(|(keys, _)| keys.clone());
    Matches { rows: rows.into_iter().map(|(_, row)| row).collect(), more, total }
}

/// All rows of the type that may match.
///
/// # Errors
/// [`Error::TooCostly`] where one call cannot read them.
pub(super) async fn all(call: &Call<'_>, query: &Query, permit: &Permit) -> Result<Vec<Row>, Error> {
    if query.resource_type.is_shared() {
        return call.read(call.resources.reachable(permit)).await;
    }
    let window = history::window(query, true);
    let mut held = Held::default();
    let slice = call.read(call.resources.history(permit, &window, &mut held, |row| query.keeps(row))).await?;
    if slice.more.is_some() {
        let way_out = match query.resource_type.key_date {
            Some(date) => format!("sort by `{date}` or `-{date}`, or narrow `{date}`"),
            None => "leave `_sort` out".to_owned(),
        };
        let resource_type = query.resource_type.name;
        return Err(Error::TooCostly(format!("this member has too many {resource_type} for this order; {way_out}")));
    }
    Ok(slice.rows)
}

/// The resources that are new, where the search asks for news and there are few. On a later page there may be so many by then that the
/// history is read instead: so both have the same cursors.
pub(super) async fn news(call: &Call<'_>, query: &Query, permit: &Permit) -> Result<Option<Vec<Row>>, Error> {
    let since = query.filters.iter().filter(|filter| filter.parameter.code == "_lastUpdated").filter_map(Filter::since);
    match since.max().filter(|_| !query.resource_type.is_shared()) {
        Some(since) => call.read(call.resources.news_of(permit, Time(since))).await,
        None => Ok(None),
    }
}
