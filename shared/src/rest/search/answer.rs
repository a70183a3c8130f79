//! The answer to a search: a Bundle with the matches of a page, what they include, and what there is to say about them.

use std::collections::BTreeSet;

use http::StatusCode;

use super::cursor::SearchCursor;
use super::matches::Matches;
use super::order::{SortKeys, sort_keys};
use crate::audit::Disclosure;
use crate::bounds::{ANSWER_BYTES, INCLUDED};
use crate::fhir::reference::Reference;
use crate::http::{FHIR_JSON, json};
use crate::record::row::Row;
use crate::rest::bundle::{Bundle, Entry, Mode};
use crate::rest::call::Call;
use crate::rest::cursor::{CURSOR, encoded};
use crate::rest::include::{Included, Targets};
use crate::rest::outcome::{Error, Issue};
use crate::rest::query::Query;
use crate::rest::subset::Subset;
use crate::store::objects::ObjectError;

/// A match that fits the page by itself, before anything is read that it includes.
struct Candidate {
    entry: Entry,
    keys: SortKeys,
}

/// Puts the page together: as many of its matches as fit the answer with what they include. Nothing is left out silently: the match that
/// does not fit starts the next page.
pub(super) async fn bundle(
    call: &Call<'_>,
    query: &Query,
    matches: Matches,
    said: Vec<Issue>,
) -> Result<Bundle, Error> {
    let (mut next, total) = (matches.more, matches.total);
    let count = matches.rows.len();
    let (candidates, targets) = candidates(call, query, matches.rows).await?;
    if candidates.len() < count {
        next = candidates.last().map(|candidate| candidate.keys.clone());
    }
    // A first match that includes more than a page holds goes alone: there is nothing to read.
    let alone = targets.first().is_some_and(|(_, targets)| targets.all.len() > INCLUDED);
    let mut included = match alone {
        true => Included::default(),
        false => Included::with(call, query, &targets).await?,
    };
    let mut bundle = Bundle { total, ..Bundle::default() };
    let (mut includes, mut weight, mut dropped) = (Vec::new(), 0, 0);
    let mut last: Option<SortKeys> = None;
    for (Candidate { entry: found, keys }, (key, targets)) in candidates.into_iter().zip(&targets) {
        let company = included.take(key, targets);
        let mut entries = Vec::with_capacity(company.len());
        let mut added = found.weight();
        let fits = includes.len() + company.len() <= INCLUDED;
        let company_size = if alone { targets.all.len() } else { company.len() };
        for row in company {
            if !fits || weight + added > ANSWER_BYTES {
                break;
            }
            let include = entry(call, row, Mode::Include, &query.subset).await?;
            added += include.weight();
            entries.push(include);
        }
        if !fits || weight + added > ANSWER_BYTES || alone {
            if last.is_some() {
                next = last;
                break;
            }
            // Even the first match does not fit with its company: it goes alone, and the answer says so.
            dropped = company_size;
            entries.clear();
            added = found.weight();
        }
        weight += added;
        bundle.entries.push(found);
        includes.extend(entries);
        last = Some(keys);
    }
    bundle.entries.extend(includes);
    bundle.entries.extend(remarks(query, said, dropped));
    bundle.next_link = next.map(|at| link(call, query, Some(&encoded(&SearchCursor::new(query, at)))));
    Ok(bundle)
}

/// The matches that may come onto the page: they fit by themselves, and together include no more than a page may. For the others nothing
/// is read.
async fn candidates(
    call: &Call<'_>,
    query: &Query,
    rows: Vec<Row>,
) -> Result<(Vec<Candidate>, Vec<(Reference, Targets)>), Error> {
    let (mut candidates, mut targets, mut weight) = (Vec::new(), Vec::new(), 0);
    let mut included: BTreeSet<Reference> = BTreeSet::new();
    for row in rows {
        let (key, keys, of_row) = (row.key.clone(), sort_keys(query, &row), Targets::of(call, query, &row));
        included.extend(of_row.all.iter().cloned());
        let entry = entry(call, row, Mode::Match, &query.subset).await?;
        weight += entry.weight();
        if (weight > ANSWER_BYTES || included.len() > INCLUDED) && !candidates.is_empty() {
            break;
        }
        candidates.push(Candidate { entry, keys });
        targets.push((key, of_row));
        if included.len() > INCLUDED {
            break;
        }
    }
    Ok((candidates, targets))
}

/// The remarks on an answer, after those on its parameters.
pub(super) fn remarks(query: &Query, said: Vec<Issue>, dropped: usize) -> Option<Entry> {
    let mut issues = said;
    if dropped > 0 {
        let text = format!("{dropped} included resources do not fit this answer; read them by their references");
        issues.push(Issue::information("too-long", text));
    }
    issues.extend(query.left_out.iter().map(|why| Issue::warning("not-supported", format!("left out: {why}"))));
    (!issues.is_empty()).then(|| Entry::outcome(&issues))
}

async fn entry(call: &Call<'_>, row: Row, mode: Mode, subset: &Subset) -> Result<Entry, ObjectError> {
    let reference = Some(row.key.clone());
    Ok(Entry { reference, mode, json: subset.of(call.resources.json(row).await?) })
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
