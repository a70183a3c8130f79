//! The parameters of `$everything`, and the cursor where a page goes on.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::clock::Time;
use crate::fhir::date::FhirDate;
use crate::fhir::escaping::shortened;
use crate::fhir::index::Value;
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::http::single;
use crate::record::row::Row;
use crate::rest::call::Call;
use crate::rest::controls::{self, On};
use crate::rest::cursor::{CURSOR, decoded, encoded, foreign};
use crate::rest::outcome::Error;
use crate::rest::unknown::unknown;

/// Where a page goes on.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct EverythingCursor {
    /// After this resource.
    pub after: Option<Reference>,
    /// In the part that only shared resources refer to.
    pub second_step: bool,
}

/// The parameters of a request, read.
pub(super) struct EverythingParameters {
    pairs: Vec<(String, String)>,
    /// The types that it is limited to.
    pub resource_types: Option<Vec<String>>,
    /// Only what became visible then or later.
    pub since: Option<Time>,
    /// Only care that ends at this date or later.
    start: Option<FhirDate>,
    /// Only care that begins at this date or earlier.
    end: Option<FhirDate>,
    /// At most so many resources.
    pub count: usize,
    /// Where the page before it ended.
    pub place: EverythingCursor,
}

impl EverythingParameters {
    pub fn parse(pairs: Vec<(String, String)>) -> Result<EverythingParameters, Error> {
        if let Some((name, _)) = pairs.iter().find(|(name, _)| !controls::takes(On::Everything, name)) {
            let (own, general) = controls::names(On::Everything);
            return Err(Error::Invalid(unknown("`$everything`", name, &own, &general)));
        }
        let once = |name: &str| single(&pairs, name).map_err(|error| Error::Invalid(error.to_string()));
        let date = |name: &str| {
            let parse = |text: &str| {
                FhirDate::parse(text)
                    .ok_or_else(|| Error::Invalid(format!("`{name}={text}`: a date such as 2025-01-31 is needed")))
            };
            once(name)?.map(parse).transpose()
        };
        let (start, end) = (date("start")?, date("end")?);
        if let (Some(start), Some(end)) = (start, end)
            && start.interval.low > end.interval.high
        {
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
        Ok(EverythingParameters {
            resource_types: resource_types(&pairs)?,
            since: date("_since")?.map(|since| Time(since.interval.low)),
            place: once(CURSOR)?.map(EverythingCursor::parse).transpose()?.unwrap_or_default(),
            start,
            end,
            count,
            pairs,
        })
    }

    /// Whether the resource is recent enough and of the asked time of care; one without a date always is.
    pub fn wants(&self, row: &Row) -> bool {
        let recent = self.since.is_none_or(|since| row.last_updated >= since);
        recent && (!self.is_about_care() || self.is_in_time(row))
    }

    /// Whether the time of care is asked for.
    fn is_about_care(&self) -> bool {
        self.start.is_some() || self.end.is_some()
    }

    fn is_in_time(&self, row: &Row) -> bool {
        let Some(resource_type) = ResourceType::named(&row.key.resource_type) else { return true };
        let values = |code| {
            let (position, _) = resource_type.parameter(code)?;
            Some(row.index().values(position)).filter(|values| !values.is_empty())
        };
        let Some(dates) = resource_type.care_dates().find_map(values) else { return true };
        dates.iter().filter_map(Value::told).any(|told| {
            self.start.is_none_or(|start| start.view(told).high >= start.interval.low)
                && self.end.is_none_or(|end| end.view(told).low <= end.interval.high)
        })
    }

    /// Whether resources of the permitted types may be left out.
    pub fn is_selective(&self) -> bool {
        self.resource_types.is_some() || self.since.is_some() || self.is_about_care()
    }

    pub fn link(&self, call: &Call<'_>, next: Option<&EverythingCursor>) -> String {
        let patient = call.bearer.patient();
        let start = format!("{}/Patient/{patient}/$everything?", call.base);
        let length = start.len();
        let mut text = form_urlencoded::Serializer::for_suffix(start, length);
        text.extend_pairs(self.pairs.iter().filter(|(name, _)| next.is_none() || name != CURSOR));
        if let Some(place) = next {
            text.append_pair(CURSOR, &encoded(place));
        }
        text.finish().trim_end_matches('?').to_owned()
    }
}

/// The types that `_type` names: as a list, or given several times (R4, `Patient/$everything`: `0..*`).
fn resource_types(pairs: &[(String, String)]) -> Result<Option<Vec<String>>, Error> {
    let mut types = BTreeSet::new();
    for name in pairs.iter().filter(|(name, _)| name == "_type").flat_map(|(_, value)| value.split(',')).map(str::trim)
    {
        let unknown = || format!("`_type` names `{}`, which is no type of this server", shortened(name));
        types.insert(ResourceType::named(name).ok_or_else(|| Error::Invalid(unknown()))?.name.to_owned());
    }
    Ok((!types.is_empty()).then(|| types.into_iter().collect()))
}

impl EverythingCursor {
    fn parse(text: &str) -> Result<EverythingCursor, Error> {
        let cursor: EverythingCursor = decoded(text)?;
        let is_reference = |after: &Reference| Reference::parse(&after.to_string(), &[]).as_ref() == Some(after);
        if cursor.after.as_ref().is_none_or(is_reference) { Ok(cursor) } else { Err(foreign()) }
    }
}
