//! `GET` and `POST /fhir/Patient/{id}/$everything`: the whole record, page by page.
//!
//! The member's partition is read in key order; pointers in it lead to the shared resources, each of which comes once, in its
//! place. What only shared resources refer to (the organization of a practitioner's role) comes at the end. A page holds as
//! much as an answer can carry, or as many as `_count` says.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::bundle::{BYTE_BUDGET, Bundle, Entry, Mode};
use super::date::Interval;
use super::index::Value;
use super::outcome::{Error, FHIR_JSON, shortened};
use super::query::CURSOR;
use super::reference::Reference;
use super::server::Call;
use super::types::ResourceType;
use super::{parameters_of, query};
use crate::access::{Access, Interaction, Permits};
use crate::audit::Disclosure;
use crate::http::{json, single};
use crate::store::resources::{Found, Reach, Resources};
use crate::store::row::Row;

/// The operation's parameters (R4, `Patient/$everything`).
const PARAMETERS: &[&str] = &["_type", "_since", "_count", "start", "end", "_format", "_pretty", CURSOR];

/// A call reads at least so many rows: fewer would save nothing and cost a round trip more.
const SMALLEST_READ: usize = 100;

/// Where a page goes on.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Place {
    /// After this resource.
    after: Option<Reference>,
    /// In the part that only shared resources refer to.
    second_step: bool,
}

/// What was asked for.
struct Request {
    pairs: Vec<(String, String)>,
    kinds: Option<Vec<String>>,
    since: Option<i64>,
    care: Interval,
    count: usize,
    place: Place,
}

/// A page while it is filled.
struct Page {
    entries: Vec<Entry>,
    weight: usize,
    count: usize,
    full: bool,
    last: Place,
}

/// Gives out the record.
pub(super) async fn everything(call: &Call<'_>) -> Result<Disclosure, Error> {
    if call.request.parameter("operation") != "$everything" {
        return Err(Error::NotFound);
    }
    let request = Request::parse(call)?;
    let mut permits = call.bearer.permits(Interaction::Search);
    if let Some(kinds) = &request.kinds {
        permits = permits.limited_to(kinds);
    }
    if permits.is_empty() {
        return Err(Error::InsufficientScope { needed: "patient/*.rs".into() });
    }
    if call.request.parameter("id") != call.bearer.patient() {
        return Err(Error::NotFound);
    }
    let mut page =
        Page { entries: Vec::new(), weight: 0, count: request.count, full: false, last: request.place.clone() };
    let mut met = Met::default();
    if !request.place.second_step {
        partition(call, &request, &permits, &mut page, &mut met).await?;
    }
    if !page.full {
        second_step(call, &request, &permits, &mut page, &met).await?;
    }
    let mut bundle = Bundle { self_link: request.link(call, None), entries: page.entries, ..Bundle::default() };
    if page.full {
        bundle.next_link = Some(request.link(call, Some(&page.last)));
    } else if request.place.after.is_none() {
        bundle.total = Some(bundle.entries.len());
    }
    let response = json(StatusCode::OK, FHIR_JSON, bundle.to_json(&call.base));
    Ok(Disclosure::new(response, bundle.references()))
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
    request: &Request,
    permits: &Permits,
    page: &mut Page,
    met: &mut Met,
) -> Result<(), Error> {
    let resources = &call.server.resources;
    let patient = Reference::new("Patient", call.bearer.patient());
    let mut after = request.place.after.clone().filter(|after| *after != patient).map(|after| after.to_string());
    let first = request.place.after.is_none();
    loop {
        // Where rows are left out, so many rows say nothing of so many resources: then a call reads what it can.
        let counted = request.count != usize::MAX && !request.is_selective() && !permits.are_granular();
        let limit = counted.then(|| (page.count + 1).max(SMALLEST_READ));
        let next = async { Ok(resources.compartment(permits, after.as_deref(), limit).await?) };
        let own = async {
            match first && page.entries.is_empty() {
                true => Ok(Some(resources.owned(permits, std::slice::from_ref(&patient)).await?)),
                false => Ok(None),
            }
        };
        let (access, own, slice) = tokio::try_join!(call.access(), own, next)?;
        if let Some(own) = own {
            for row in access.open(own)? {
                if request.wants(&row) {
                    page.add(call, row, false).await?;
                }
            }
        }
        let slice = access.open(slice)?;
        let reaches: Vec<Reach> = slice
            .rows
            .iter()
            .filter_map(|found| match found {
                Found::Pointer(reach) => Some(reach.clone()),
                Found::Resource(_) => None,
            })
            .collect();
        met.pointers.extend(reaches.iter().map(|reach| reach.target().clone()));
        let mut shared = shared(call, access, permits, &reaches).await?;
        for found in slice.rows {
            let row = match found {
                Found::Resource(row) => Some(row),
                Found::Pointer(reach) => {
                    let at = shared.iter().position(|row| row.key == *reach.target());
                    at.map(|at| shared.swap_remove(at)).inspect(|row| met.rows.push(row.clone()))
                }
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
    request: &Request,
    permits: &Permits,
    page: &mut Page,
    met: &Met,
) -> Result<(), Error> {
    let reaches: Vec<Reach> = if met.whole {
        let targets =
            met.rows.iter().flat_map(|row| row.references().filter_map(|target| Resources::reach(row, &target)));
        targets
            .filter(|reach| !met.pointers.contains(reach.target()))
            .collect::<BTreeSet<Reach>>()
            .into_iter()
            .collect()
    } else {
        let second = async { Ok(call.server.resources.second_steps(permits).await?) };
        let (access, sealed) = tokio::try_join!(call.access(), second)?;
        access.open(sealed)?
    };
    let after = request.place.after.as_ref().filter(|_| request.place.second_step);
    let reaches: Vec<Reach> =
        reaches.into_iter().filter(|reach| after.is_none_or(|after| reach.target() > after)).collect();
    let access = call.access().await?;
    for row in shared(call, access, permits, &reaches).await? {
        if request.wants(&row) {
            page.add(call, row, true).await?;
            if page.full {
                break;
            }
        }
    }
    Ok(())
}

async fn shared(call: &Call<'_>, access: &Access, permits: &Permits, reaches: &[Reach]) -> Result<Vec<Row>, Error> {
    if reaches.is_empty() {
        return Ok(Vec::new());
    }
    Ok(access.open(call.server.resources.shared(permits, reaches).await?)?)
}

impl Page {
    /// Adds a resource, or notes that the page is full before it.
    async fn add(&mut self, call: &Call<'_>, row: Row, second_step: bool) -> Result<(), Error> {
        let key = row.key.clone();
        let json = call.server.resources.json(row).await?;
        let entry = Entry { reference: Some(key.clone()), mode: Mode::Match, json };
        let weight = entry.weight();
        if self.count == 0 || (self.weight + weight > BYTE_BUDGET && !self.entries.is_empty()) {
            self.full = true;
            return Ok(());
        }
        self.count -= 1;
        self.weight += weight;
        self.entries.push(entry);
        self.last = Place { after: Some(key), second_step };
        Ok(())
    }
}

impl Request {
    fn parse(call: &Call<'_>) -> Result<Request, Error> {
        let mut pairs = call.request.query();
        if call.request.method == http::Method::POST && !call.request.body.is_empty() {
            pairs.extend(match call.request.form() {
                Some(form) => form,
                None => posted(&call.request.body)?,
            });
        }
        if let Some((name, _)) = pairs.iter().find(|(name, _)| !PARAMETERS.contains(&name.as_str())) {
            let known = PARAMETERS[..5].join(", ");
            return Err(Error::Invalid(format!("`$everything` has no parameter `{name}`. It has: {known}")));
        }
        let once = |name: &str| single(&pairs, name).map_err(|error| Error::Invalid(error.to_string()));
        let date = |name: &str| {
            let parse = |text: &str| {
                Interval::parse(text)
                    .ok_or_else(|| Error::Invalid(format!("`{name}={text}`: a date such as 2025-01-31 is needed")))
            };
            once(name)?.map(parse).transpose()
        };
        let (start, end) = (date("start")?, date("end")?);
        let care =
            Interval { low: start.map_or(i64::MIN, |start| start.low), high: end.map_or(i64::MAX, |end| end.high) };
        if care.low > care.high {
            return Err(Error::Invalid("`start` is after `end`".into()));
        }
        let count = match once("_count")? {
            None => usize::MAX,
            Some(text) => text
                .parse()
                .ok()
                .filter(|count| *count > 0)
                .ok_or_else(|| Error::Invalid(format!("`_count={text}`: a whole number from 1 is needed")))?,
        };
        query::format(once("_format")?)?;
        Ok(Request {
            kinds: once("_type")?.map(kinds).transpose()?,
            since: date("_since")?.map(|since| since.low),
            place: once(CURSOR)?.map(Place::parse).transpose()?.unwrap_or_default(),
            care,
            count,
            pairs,
        })
    }

    /// Whether the resource is recent enough and of the asked time of care; one without a date always is.
    fn wants(&self, row: &Row) -> bool {
        let recent = self.since.is_none_or(|since| row.last_updated.0 >= since);
        let key_date = ResourceType::named(&row.key.kind)
            .and_then(|kind| parameters_of(kind.name).find(|(_, parameter)| Some(parameter.code) == kind.key_date));
        let in_time = key_date.is_none_or(|(position, _)| {
            row.index.values(position).iter().all(|value| match value {
                Value::Date { low, high } => *high >= self.care.low && *low <= self.care.high,
                _ => true,
            })
        });
        recent && in_time
    }

    /// Whether resources of the permitted types may be left out.
    fn is_selective(&self) -> bool {
        let all_times = self.care == Interval { low: i64::MIN, high: i64::MAX };
        self.kinds.is_some() || self.since.is_some() || !all_times
    }

    fn link(&self, call: &Call<'_>, next: Option<&Place>) -> String {
        let patient = call.bearer.patient();
        let start = format!("{}/Patient/{patient}/$everything?", call.base);
        let length = start.len();
        let mut text = form_urlencoded::Serializer::for_suffix(start, length);
        text.extend_pairs(self.pairs.iter().filter(|(name, _)| next.is_none() || name != CURSOR));
        if let Some(place) = next {
            text.append_pair(CURSOR, &URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).unwrap_or_default()));
        }
        text.finish().trim_end_matches('?').to_owned()
    }
}

/// The types that `_type` names.
fn kinds(text: &str) -> Result<Vec<String>, Error> {
    let known = |kind: &str| match ResourceType::named(kind) {
        Some(kind) => Ok(kind.name.to_owned()),
        None => Err(Error::Invalid(format!("`_type` names `{}`, which is no type of this server", shortened(kind)))),
    };
    text.split(',').map(|kind| known(kind.trim())).collect()
}

/// The pairs of a posted Parameters resource.
fn posted(body: &[u8]) -> Result<Vec<(String, String)>, Error> {
    let wrong = || Error::Invalid("the body of `$everything` is a Parameters resource or nothing".into());
    let resource: Json = serde_json::from_slice(body).map_err(|_| wrong())?;
    if resource["resourceType"] != "Parameters" {
        return Err(wrong());
    }
    let parameters = resource["parameter"].as_array().map(Vec::as_slice).unwrap_or_default();
    parameters
        .iter()
        .map(|parameter| {
            let value = parameter.as_object().and_then(|p| p.iter().find(|(name, _)| name.starts_with("value")));
            let text = match value.map(|(_, value)| value) {
                Some(Json::String(text)) => text.clone(),
                Some(Json::Number(number)) => number.to_string(),
                _ => return Err(wrong()),
            };
            Ok((parameter["name"].as_str().ok_or_else(wrong)?.to_owned(), text))
        })
        .collect()
}

impl Place {
    fn parse(text: &str) -> Result<Place, Error> {
        let wrong = || Error::Invalid(format!("`{CURSOR}` is not one of ours: follow the `next` link as it came"));
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
        let place: Place = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
        let sound =
            place.after.as_ref().is_none_or(|after| Reference::parse(&after.to_string(), &[]).as_ref() == Some(after));
        if sound { Ok(place) } else { Err(wrong()) }
    }
}
