//! `GET` and `POST /fhir/Patient/{id}/$everything`: the whole record, page by page.
//!
//! The member's partition is read in key order; pointers in it lead to the shared resources, each of which comes once, in its
//! place. Resources to which only shared ones refer (the organization of a practitioner's role) come at the end. A page holds
//! as much as an answer can carry, or as many as `_count` says.

mod parameters;

use std::collections::{BTreeSet, HashMap};

use http::StatusCode;

use super::absent::absent;
use super::bundle::{Bundle, Entry, Mode};
use super::call::Call;
use super::input::Asked;
use super::outcome::Error;
use crate::access::{Interaction, Permits};
use crate::audit::Disclosure;
use crate::bounds;
use crate::fhir::reference::Reference;
use crate::http::FHIR_JSON;
use crate::http::json;
use crate::record::resources::{Found, Reach};
use crate::record::row::Row;
use parameters::{EverythingCursor, EverythingParameters};

/// A page while it is filled.
struct Page {
    entries: Vec<Entry>,
    weight: usize,
    count: usize,
    full: bool,
    last: EverythingCursor,
}

/// Gives out the record.
pub(super) async fn everything(call: &Call<'_>, asked: Asked) -> Result<Disclosure, Error> {
    let operation = call.request.parameter("operation");
    if operation != "$everything" {
        return Err(absent(&["Patient", call.request.parameter("id"), operation]));
    }
    let request = EverythingParameters::parse(asked.pairs)?;
    let mut permits = call.bearer.permits(Interaction::Search);
    if let Some(resource_types) = &request.resource_types {
        permits = permits.limited_to(resource_types);
    }
    if permits.is_empty() {
        return Err(Error::InsufficientScope { needed: "patient/*.rs".into() });
    }
    if call.request.parameter("id") != call.bearer.patient() {
        return Err(Error::NotFound);
    }
    let mut page =
        Page { entries: Vec::new(), weight: 0, count: request.count, full: false, last: request.place.clone() };
    if !news(call, &request, &permits, &mut page).await? {
        let mut met = Met::default();
        if !request.place.second_step {
            partition(call, &request, &permits, &mut page, &mut met).await?;
        }
        if !page.full {
            second_step(call, &request, &permits, &mut page, &met).await?;
        }
    }
    let mut bundle = Bundle { self_link: request.link(call, None), entries: page.entries, ..Bundle::default() };
    if page.full {
        bundle.next_link = Some(request.link(call, Some(&page.last)));
    } else if request.place.after.is_none() {
        bundle.total = Some(bundle.entries.len());
    }
    if !asked.remarks.is_empty() {
        bundle.entries.push(Entry::outcome(&asked.remarks));
    }
    let response = json(StatusCode::OK, FHIR_JSON, bundle.to_json(&call.base));
    Ok(Disclosure::new(response, bundle.references()))
}

/// Fills the page with what is new, where that was asked for and there is little of it; tells whether it did. The order is that of
/// the record, so that a page can go on in it when there is much by then.
async fn news(
    call: &Call<'_>,
    request: &EverythingParameters,
    permits: &Permits,
    page: &mut Page,
) -> Result<bool, Error> {
    let Some(since) = request.since else { return Ok(false) };
    let Some(news) = call.read(call.resources.news(permits, since)).await? else { return Ok(false) };
    let (mut rows, mut second) = (news.rows, Vec::new());
    if news.shared {
        let (pointed, referred) = call.read(call.resources.all_shared(permits)).await?;
        rows.extend(pointed);
        second = referred;
    }
    let patient = Reference::new("Patient", call.bearer.patient());
    let place = |key: &Reference| (*key != patient, key.to_string());
    for (part, second_step) in [(rows, false), (second, true)] {
        let mut part: Vec<Row> = part.into_iter().filter(|row| request.wants(row)).collect();
        part.sort_by_key(|row| place(&row.key));
        if request.place.second_step && !second_step {
            continue;
        }
        let after = request.place.after.as_ref().filter(|_| request.place.second_step == second_step).map(place);
        for row in part.into_iter().filter(|row| after.as_ref().is_none_or(|after| place(&row.key) > *after)) {
            page.add(call, row, second_step).await?;
            if page.full {
                return Ok(true);
            }
        }
    }
    Ok(true)
}

/// The shared resources met while a page was filled from the record's beginning.
#[derive(Default)]
struct Met {
    pointers: BTreeSet<Reference>,
    rows: Vec<Row>,
    /// Whether the record was read from its beginning to its end.
    whole: bool,
}

/// Fills the page from the member's partition, the Patient first.
async fn partition(
    call: &Call<'_>,
    request: &EverythingParameters,
    permits: &Permits,
    page: &mut Page,
    met: &mut Met,
) -> Result<(), Error> {
    let patient = Reference::new("Patient", call.bearer.patient());
    let mut after = request.place.after.clone().filter(|after| *after != patient).map(|after| after.to_string());
    let first = request.place.after.is_none();
    loop {
        // Where rows are left out, so many rows say nothing of so many resources: then a call reads what it can.
        let all = !request.is_selective() && !permits.are_granular();
        let limit = all
            .then(|| page.room().saturating_add(1).clamp(bounds::EVERYTHING_LEAST_ROWS, bounds::EVERYTHING_MOST_ROWS));
        let own = async {
            match first && page.entries.is_empty() {
                true => call.read(call.resources.owned(permits, std::slice::from_ref(&patient))).await,
                false => Ok(Vec::new()),
            }
        };
        let next = call.read(call.resources.compartment(permits, after.as_deref(), limit));
        let (own, slice) = tokio::try_join!(own, next)?;
        for row in own {
            if request.wants(&row) {
                page.add(call, row, false).await?;
            }
        }
        let reaches: Vec<Reach> = slice
            .rows
            .iter()
            .filter_map(|found| match found {
                Found::Pointer(reach) => Some(reach.clone()),
                Found::Resource(_) | Found::Tombstone => None,
            })
            .collect();
        met.pointers.extend(reaches.iter().map(|reach| reach.target().clone()));
        let shared = shared(call, permits, &reaches).await?.into_iter().map(|row| (row.key.clone(), row));
        let mut shared: HashMap<Reference, Row> = shared.collect();
        for found in slice.rows {
            let row = match found {
                Found::Resource(row) => Some(row),
                Found::Pointer(reach) => shared.remove(reach.target()).inspect(|row| met.rows.push(row.clone())),
                Found::Tombstone => None,
            };
            if let Some(row) = row.filter(|row| row.key != patient && request.wants(row)) {
                page.add(call, row, false).await?;
                if page.full {
                    return Ok(());
                }
            }
        }
        after = slice.more;
        if after.is_none() {
            // Only where all shared resources were met are all their references known.
            met.whole = first && permits.admit_everything_shared();
            return Ok(());
        }
    }
}

/// Adds what the member's shared resources refer to and no pointer leads to.
async fn second_step(
    call: &Call<'_>,
    request: &EverythingParameters,
    permits: &Permits,
    page: &mut Page,
    met: &Met,
) -> Result<(), Error> {
    let reaches: Vec<Reach> = if met.whole {
        let reaches = met.rows.iter().flat_map(|row| Reach::of_references(row, &[]));
        let second = reaches.filter(|reach| !met.pointers.contains(reach.target()));
        second.collect::<BTreeSet<Reach>>().into_iter().collect()
    } else {
        call.read(call.resources.second_steps(permits)).await?
    };
    let after = request.place.after.as_ref().filter(|_| request.place.second_step);
    let reaches: Vec<Reach> =
        reaches.into_iter().filter(|reach| after.is_none_or(|after| reach.target() > after)).collect();
    for row in shared(call, permits, &reaches).await? {
        if request.wants(&row) {
            page.add(call, row, true).await?;
            if page.full {
                break;
            }
        }
    }
    Ok(())
}

async fn shared(call: &Call<'_>, permits: &Permits, reaches: &[Reach]) -> Result<Vec<Row>, Error> {
    if reaches.is_empty() {
        return Ok(Vec::new());
    }
    call.read(call.resources.shared(permits, reaches)).await
}

impl Page {
    /// About how many more resources it takes: as many as were asked for, or as fit if they are like those before.
    fn room(&self) -> usize {
        let mean = self.weight / self.entries.len().max(1);
        self.count.min(bounds::ANSWER_BYTES.saturating_sub(self.weight).checked_div(mean).unwrap_or(usize::MAX))
    }

    /// Adds a resource, or notes that the page is full before it.
    async fn add(&mut self, call: &Call<'_>, row: Row, second_step: bool) -> Result<(), Error> {
        let key = row.key.clone();
        let json = call.resources.json(row).await?;
        let entry = Entry { reference: Some(key.clone()), mode: Mode::Match, json };
        let weight = entry.weight();
        if self.count == 0 || (self.weight + weight > bounds::ANSWER_BYTES && !self.entries.is_empty()) {
            self.full = true;
            return Ok(());
        }
        self.count -= 1;
        self.weight += weight;
        self.entries.push(entry);
        self.last = EverythingCursor { after: Some(key), second_step };
        Ok(())
    }
}
