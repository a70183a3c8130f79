//! `GET /fhir/{type}` and `POST /fhir/{type}/_search`: a member's resources of one type, page by page.
//!
//! A type's history lies in the order of its key date. A search in that order reads a page and no more; one with filters
//! reads at most 1 MB of rows and goes on with a cursor; one in another order, or of shared resources, has to see all rows
//! before it can tell which come first, and is refused where that is more than 1 MB.

mod history;

use std::cmp::Ordering;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::bundle::{BYTE_BUDGET, Bundle, Entry, Mode, subset};
use super::chain;
use super::include;
use super::outcome::{Error, outcome};
use super::query::{CURSOR, Query, Sort, Summary};
use super::server::Call;
use crate::access::{Access, Interaction, Permit};
use crate::audit::Disclosure;
use crate::clock::Time;
use crate::fhir::filter::{Filter, folded};
use crate::fhir::index::Value;
use crate::fhir::reference::is_id;
use crate::fhir::types::{Owner, ResourceType};
use crate::http::FHIR_JSON;
use crate::http::json;
use crate::record::row::{Row, moment};
use crate::store::objects::ObjectError;

/// A count reads on for at most so many calls of 1 MB.
const LONGEST_COUNT: usize = 16;

/// One row's place in a result: its sort keys, then its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Place {
    /// What the cursor belongs to: a cursor of another search is no cursor of this one.
    search: String,
    /// The place in the history, or the values of the sort keys followed by the id.
    at: Vec<Option<String>>,
}

/// One page of matches.
struct Page {
    rows: Vec<Row>,
    /// The place of the last row that was looked at, if there may be more.
    more: Option<Vec<Option<String>>>,
    total: Option<usize>,
}

/// Searches as the request asks.
pub(super) async fn search(call: &Call<'_>) -> Result<Disclosure, Error> {
    let resource_type = ResourceType::named(call.request.parameter("type")).ok_or(Error::NotFound)?;
    if resource_type.owner == Owner::Attachment {
        return Err(Error::NotSupported(format!("{} is read by id, not searched", resource_type.name)));
    }
    let mut query = Query::parse(resource_type, pairs(call)?, call.lenient(), &[&call.base])?;
    let permit = call.bearer.permit(Interaction::Search, resource_type)?;
    query.only_of(call.bearer.patient())?;
    let cursor = query.cursor.as_deref().map(|text| Place::parse(text, &query)).transpose()?;
    chain::resolve(call, &mut query).await?;
    if query.summary == Summary::Count {
        let total = count(call, &query, &permit).await?;
        return Ok(answer(call, &query, Bundle { total: Some(total), ..Bundle::default() }));
    }
    let page = match (news(call, &query, &permit).await?, query.history_order()) {
        (Some(rows), _) => sorted_page(&query, rows, cursor.as_ref()),
        (None, Some(newest_first)) if !resource_type.is_shared() => {
            history::page(call, &query, &permit, newest_first, cursor.as_ref()).await?
        }
        _ => sorted_page(&query, all(call, &query, &permit).await?, cursor.as_ref()),
    };
    let access = call.access().await?;
    let mut bundle = assemble(call, access, &query, page).await?;
    if query.exact_total && bundle.total.is_none() {
        bundle.total = Some(count(call, &query, &permit).await?);
    }
    Ok(answer(call, &query, bundle))
}

/// The parameters: of the query, and of the form where the search was posted.
fn pairs(call: &Call<'_>) -> Result<Vec<(String, String)>, Error> {
    let mut pairs = call.request.query();
    if call.request.method == http::Method::POST {
        let form = call.request.form().ok_or_else(|| {
            Error::Invalid("a posted search carries its parameters as application/x-www-form-urlencoded".into())
        })?;
        pairs.extend(form);
    }
    Ok(pairs)
}

/// What is new, where the search asks for news and there is little of it. A page that goes on may find that there is much by now
/// and read the history instead, so both have the same cursors.
async fn news(call: &Call<'_>, query: &Query, permit: &Permit) -> Result<Option<Vec<Row>>, Error> {
    let since = query.filters.iter().filter(|filter| filter.parameter.code == "_lastUpdated").filter_map(Filter::since);
    let Some(since) = since.max().filter(|_| !query.resource_type.is_shared()) else { return Ok(None) };
    let read = async { Ok(call.server.resources.news_of(permit, Time(since)).await?) };
    let (access, sealed) = tokio::try_join!(call.access(), read)?;
    Ok(access.open(sealed)?)
}

/// A page of rows that are all in memory: filtered, sorted, and cut after the cursor.
fn sorted_page(query: &Query, rows: Vec<Row>, cursor: Option<&Place>) -> Page {
    let mut rows: Vec<Row> =
        rows.into_iter().filter(|row| query.filters.iter().all(|f| f.keeps(row.index()))).collect();
    let total = Some(rows.len());
    rows.sort_by(|a, b| compare(query, &place(query, a), &place(query, b)));
    if let Some(cursor) = cursor {
        rows.retain(|row| compare(query, &place(query, row), &cursor.at) == Ordering::Greater);
    }
    let more = rows.len() > query.count;
    rows.truncate(query.count);
    let more = rows.last().filter(|_| more).map(|row| place(query, row));
    Page { rows, more, total }
}

/// All rows of the type, if one call can read them.
async fn all(call: &Call<'_>, query: &Query, permit: &Permit) -> Result<Vec<Row>, Error> {
    let resources = &call.server.resources;
    if query.resource_type.is_shared() {
        let (access, sealed) = tokio::try_join!(call.access(), async { Ok(resources.reachable(permit).await?) })?;
        return Ok(access.open(sealed)?);
    }
    let window = history::window(query, true);
    let keep = |row: &Row| query.filters.iter().all(|filter| filter.keeps(row.index()));
    let read = async { Ok(resources.history(permit, &window, keep).await?) };
    let (access, sealed) = tokio::try_join!(call.access(), read)?;
    let slice = access.open(sealed)?;
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

/// How many resources match, on all pages.
async fn count(call: &Call<'_>, query: &Query, permit: &Permit) -> Result<usize, Error> {
    let read = match news(call, query, permit).await? {
        None if query.resource_type.is_shared() => Some(all(call, query, permit).await?),
        news => news,
    };
    if let Some(rows) = read {
        return Ok(rows.iter().filter(|row| query.filters.iter().all(|filter| filter.keeps(row.index()))).count());
    }
    let (mut window, mut total) = (history::window(query, true), 0);
    for _ in 0..LONGEST_COUNT {
        let keep = |row: &Row| query.filters.iter().all(|filter| filter.keeps(row.index()));
        let read = async { Ok(call.server.resources.history(permit, &window, keep).await?) };
        let (access, sealed) = tokio::try_join!(call.access(), read)?;
        let slice = access.open(sealed)?;
        total += slice.rows.len();
        window.after = slice.more;
        if window.after.is_none() {
            return Ok(total);
        }
    }
    Err(Error::TooCostly("there are too many to count in one request; narrow the search".into()))
}

/// A row's place in the result: in the history, or its sort keys followed by its id, which makes the order total.
fn place(query: &Query, row: &Row) -> Vec<Option<String>> {
    if query.history_order().is_some() && !query.resource_type.is_shared() {
        return vec![Some(row.position.clone())];
    }
    let key = |sort: &Sort| {
        let mut values: Vec<String> = row.index().values(sort.position).iter().filter_map(sortable).collect();
        values.sort();
        if sort.descending { values.pop() } else { values.into_iter().next() }
    };
    query.sort.iter().map(key).chain([Some(row.key.id.clone())]).collect()
}

/// A value as text that sorts as the value does; words without a code sort as no value.
fn sortable(value: &Value) -> Option<String> {
    Some(match value {
        Value::Date { low, .. } | Value::ZonedDate { low, .. } => format!("{:013x}", moment(Some(*low))),
        Value::Token { code, .. } | Value::Code(code) => code.clone(),
        Value::Text(text) => folded(text),
        Value::Uri(text) | Value::Number(text) | Value::Reference(text) => text.clone(),
        Value::Quantity { number, .. } => number.clone(),
        Value::Range { low, high, .. } => low.as_ref().or(high.as_ref()).cloned().unwrap_or_default(),
        Value::Uncoded => return None,
    })
}

/// Compares two places: a row without a value comes last, whichever way the others are ordered.
fn compare(query: &Query, a: &[Option<String>], b: &[Option<String>]) -> Ordering {
    if let (Some(newest_first), [Some(a)], [Some(b)], false) =
        (query.history_order(), a, b, query.resource_type.is_shared())
    {
        return in_history(query.resource_type, newest_first, a, b);
    }
    for (position, (a, b)) in a.iter().zip(b).enumerate() {
        let descending = query.sort.get(position).is_some_and(|sort| sort.descending);
        let order = match (a, b) {
            (Some(a), Some(b)) if descending => b.cmp(a),
            (Some(a), Some(b)) => a.cmp(b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

/// Compares two positions as the history is read: by date, those without one last; by id where no date orders the type.
fn in_history(resource_type: &ResourceType, newest_first: bool, a: &str, b: &str) -> Ordering {
    if resource_type.key_date.is_none() {
        return a.cmp(b);
    }
    let first = format!("{}/{:013x}/", resource_type.name, moment(None) + 1);
    let undated = |position: &str| *position < *first;
    let order = if newest_first { b.cmp(a) } else { a.cmp(b) };
    undated(a).cmp(&undated(b)).then(order)
}

/// Puts the page together: as many of its matches as fit the answer with what they include. Nothing is left out silently:
/// what does not fit starts the next page.
async fn assemble(call: &Call<'_>, access: &Access, query: &Query, page: Page) -> Result<Bundle, Error> {
    let included = include::included(call, access, query, &page.rows).await?;
    let mut waiting: Vec<Option<Row>> = included.into_iter().map(Some).collect();
    let mut bundle = Bundle { total: page.total, ..Bundle::default() };
    let (mut includes, mut weight, mut next) = (Vec::new(), 0, page.more);
    let mut last: Option<Vec<Option<String>>> = None;
    let mut dropped = 0;
    for row in page.rows {
        let mut company = Vec::new();
        for slot in &mut waiting {
            if let Some(candidate) = slot.take_if(|candidate| include::belongs(query, &row, candidate)) {
                company.push(entry(call, candidate, Mode::Include, &query.summary).await?);
            }
        }
        let place = place(query, &row);
        let found = entry(call, row, Mode::Match, &query.summary).await?;
        let added = found.weight() + company.iter().map(Entry::weight).sum::<usize>();
        if weight + added > BYTE_BUDGET {
            if last.is_some() {
                next = last.clone();
                break;
            }
            // Even the first match does not fit with its company: it goes alone, and the answer says so.
            dropped = company.len();
            company.clear();
        }
        weight += added;
        bundle.entries.push(found);
        includes.extend(company);
        last = Some(place);
    }
    bundle.entries.extend(includes);
    if dropped > 0 {
        let text = format!("{dropped} included resources do not fit this answer; read them by their references");
        bundle.entries.push(remark("information", "too-long", &text));
    }
    if !query.ignored.is_empty() {
        let text = format!(
            "left out, because {} has no such parameter: {}",
            query.resource_type.name,
            query.ignored.join(", ")
        );
        bundle.entries.push(remark("warning", "not-supported", &text));
    }
    bundle.next_link = next.map(|at| {
        let cursor = Place { search: fingerprint(query), at }.to_string();
        link(call, query, Some(&cursor))
    });
    Ok(bundle)
}

fn remark(severity: &str, code: &str, text: &str) -> Entry {
    Entry { reference: None, mode: Mode::Outcome, json: outcome(severity, code, text).to_string() }
}

async fn entry(call: &Call<'_>, row: Row, mode: Mode, summary: &Summary) -> Result<Entry, ObjectError> {
    let reference = Some(row.key.clone());
    Ok(Entry { reference, mode, json: subset(call.server.resources.json(row).await?, summary) })
}

fn answer(call: &Call<'_>, query: &Query, mut bundle: Bundle) -> Disclosure {
    bundle.self_link = link(call, query, query.cursor.as_deref());
    let response = json(StatusCode::OK, FHIR_JSON, bundle.to_json(&call.base));
    Disclosure::new(response, bundle.references())
}

/// The search as it was understood, as a URL.
fn link(call: &Call<'_>, query: &Query, cursor: Option<&str>) -> String {
    let start = format!("{}/{}?", call.base, query.resource_type.name);
    let length = start.len();
    let mut text = form_urlencoded::Serializer::for_suffix(start, length);
    text.extend_pairs(&query.understood);
    if let Some(cursor) = cursor {
        text.append_pair(CURSOR, cursor);
    }
    text.finish().trim_end_matches('?').to_owned()
}

/// What a cursor belongs to: the type and the order.
fn fingerprint(query: &Query) -> String {
    let keys =
        query.sort.iter().map(|sort| format!("{}{}", if sort.descending { "-" } else { "" }, sort.parameter.code));
    format!("{}:{}", query.resource_type.name, keys.collect::<Vec<_>>().join(","))
}

impl Place {
    /// Reads a cursor. It carries a place and never authority: authorization is worked out anew on each page.
    fn parse(text: &str, query: &Query) -> Result<Place, Error> {
        let wrong =
            || Error::Invalid(format!("`{CURSOR}` is not one of this search: follow the `next` link as it came"));
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
        let place: Place = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
        let history = !query.resource_type.is_shared() && query.history_order().is_some();
        let length = if history { 1 } else { query.sort.len() + 1 };
        let in_history = |position: &str| {
            let parts: Vec<&str> = position.split('/').collect();
            let is_moment = |text: &str| text.len() == 13 && text.bytes().all(|b| b.is_ascii_hexdigit());
            match (query.resource_type.key_date, &parts[..]) {
                (Some(_), [resource_type, moment, id]) => {
                    *resource_type == query.resource_type.name && is_moment(moment) && is_id(id)
                }
                (None, [resource_type, id]) => *resource_type == query.resource_type.name && is_id(id),
                _ => false,
            }
        };
        let sound = place.search == fingerprint(query)
            && place.at.len() == length
            && (!history || place.at[0].as_deref().is_some_and(in_history));
        if sound { Ok(place) } else { Err(wrong()) }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default()))
    }
}
