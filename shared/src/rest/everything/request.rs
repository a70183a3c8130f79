//! What `$everything` is asked for: its parameters, and the place where a page goes on.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::clock::Time;
use crate::fhir::date::Interval;
use crate::fhir::escaping::shortened;
use crate::fhir::index::Value;
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::http::single;
use crate::record::row::Row;
use crate::rest::bounded::bounded;
use crate::rest::outcome::Error;
use crate::rest::query::{self, CURSOR};
use crate::rest::server::Call;

/// The operation's parameters (R4, `Patient/$everything`).
const PARAMETERS: &[&str] = &["_type", "_since", "_count", "start", "end", "_format", "_pretty", CURSOR];

/// Where a page goes on.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Place {
    /// After this resource.
    pub after: Option<Reference>,
    /// In the part that only shared resources refer to.
    pub second_step: bool,
}

/// What was asked for.
pub(super) struct Request {
    pairs: Vec<(String, String)>,
    /// The types that it is limited to.
    pub resource_types: Option<Vec<String>>,
    /// Only what became visible then or later.
    pub since: Option<Time>,
    /// Only care in this time.
    care: Interval,
    /// At most so many resources.
    pub count: usize,
    /// Where the page before it ended.
    pub place: Place,
}

impl Request {
    pub fn parse(call: &Call<'_>) -> Result<Request, Error> {
        let mut pairs = call.request.query();
        if call.request.method == http::Method::POST && !call.request.body.is_empty() {
            pairs.extend(match call.request.form() {
                Some(form) => form,
                None => posted(&call.request.body)?,
            });
        }
        bounded(&pairs)?;
        if let Some((name, _)) = pairs.iter().find(|(name, _)| !PARAMETERS.contains(&name.as_str())) {
            let known = PARAMETERS[..5].join(", ");
            let name = shortened(name);
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
        let care = Interval {
            low: start.map_or(Interval::ALWAYS.low, |start| start.low),
            high: end.map_or(Interval::ALWAYS.high, |end| end.high),
        };
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
            resource_types: once("_type")?.map(resource_types).transpose()?,
            since: date("_since")?.map(|since| Time(since.low)),
            place: once(CURSOR)?.map(Place::parse).transpose()?.unwrap_or_default(),
            care,
            count,
            pairs,
        })
    }

    /// Whether the resource is recent enough and of the asked time of care; one without a date always is.
    pub fn wants(&self, row: &Row) -> bool {
        let recent = self.since.is_none_or(|since| row.last_updated >= since);
        recent && (self.care == Interval::ALWAYS || self.is_in_time(row))
    }

    fn is_in_time(&self, row: &Row) -> bool {
        let Some(resource_type) = ResourceType::named(&row.key.resource_type) else { return true };
        let values = |code| {
            let (position, _) = resource_type.parameter(code)?;
            Some(row.index().values(position)).filter(|values| !values.is_empty())
        };
        let Some(dates) = resource_type.care_dates().find_map(values) else { return true };
        dates.iter().any(|value| match value {
            Value::Date { low, high } => *high >= self.care.low && *low <= self.care.high,
            _ => true,
        })
    }

    /// Whether resources of the permitted types may be left out.
    pub fn is_selective(&self) -> bool {
        self.resource_types.is_some() || self.since.is_some() || self.care != Interval::ALWAYS
    }

    pub fn link(&self, call: &Call<'_>, next: Option<&Place>) -> String {
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
fn resource_types(text: &str) -> Result<Vec<String>, Error> {
    let known = |resource_type: &str| match ResourceType::named(resource_type) {
        Some(resource_type) => Ok(resource_type.name.to_owned()),
        None => Err(Error::Invalid(format!(
            "`_type` names `{}`, which is no type of this server",
            shortened(resource_type)
        ))),
    };
    text.split(',').map(|resource_type| known(resource_type.trim())).collect()
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
