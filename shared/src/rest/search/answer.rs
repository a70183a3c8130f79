//! The answer to a search: a Bundle with the matches of a page, what they include, and what there is to say about them.

use http::StatusCode;

use super::cursor::SearchCursor;
use super::matches::Matches;
use super::order::{SortKeys, sort_keys};
use crate::audit::Disclosure;
use crate::bounds;
use crate::http::{FHIR_JSON, json};
use crate::record::row::Row;
use crate::rest::bundle::{Bundle, Entry, Mode, subset};
use crate::rest::call::Call;
use crate::rest::cursor::{CURSOR, encoded};
use crate::rest::include;
use crate::rest::outcome::{Error, outcome};
use crate::rest::query::{Query, Summary};
use crate::store::objects::ObjectError;

/// Puts the page together: as many of its matches as fit the answer with what they include. Nothing is left out silently:
/// what does not fit starts the next page.
pub(super) async fn bundle(call: &Call<'_>, query: &Query, page: Matches) -> Result<Bundle, Error> {
    let included = include::included(call, query, &page.rows).await?;
    let mut waiting: Vec<Option<Row>> = included.into_iter().map(Some).collect();
    let mut bundle = Bundle { total: page.total, ..Bundle::default() };
    let (mut includes, mut weight, mut next) = (Vec::new(), 0, page.more);
    let mut last: Option<SortKeys> = None;
    let mut dropped = 0;
    for row in page.rows {
        let mut company = Vec::new();
        for slot in &mut waiting {
            if let Some(candidate) = slot.take_if(|candidate| include::belongs(query, &row, candidate)) {
                company.push(entry(call, candidate, Mode::Include, &query.summary).await?);
            }
        }
        let keys = sort_keys(query, &row);
        let found = entry(call, row, Mode::Match, &query.summary).await?;
        let added = found.weight() + company.iter().map(Entry::weight).sum::<usize>();
        if weight + added > bounds::ANSWER_BYTES {
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
        last = Some(keys);
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
        let cursor = encoded(&SearchCursor::new(query, at));
        link(call, query, Some(&cursor))
    });
    Ok(bundle)
}

fn remark(severity: &str, code: &str, text: &str) -> Entry {
    Entry { reference: None, mode: Mode::Outcome, json: outcome(severity, code, text).to_string() }
}

async fn entry(call: &Call<'_>, row: Row, mode: Mode, summary: &Summary) -> Result<Entry, ObjectError> {
    let reference = Some(row.key.clone());
    Ok(Entry { reference, mode, json: subset(call.resources.json(row).await?, summary) })
}

/// Gives the Bundle out.
pub(super) fn answer(call: &Call<'_>, query: &Query, mut bundle: Bundle) -> Disclosure {
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
