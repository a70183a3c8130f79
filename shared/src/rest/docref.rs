//! `GET` and `POST /fhir/DocumentReference/$docref` (US Core, "Fetch `DocumentReference`"): the documents that there are about the
//! member's care. None is generated here, so whoever asks for `on-demand` ones alone gets an empty Bundle.

use std::collections::BTreeSet;

use http::StatusCode;

use super::bundle::{Bundle, Entry, Mode};
use super::call::Call;
use super::controls::{self, On};
use super::input::Asked;
use super::outcome::{Error, Issue};
use super::unknown::unknown;
use crate::access::Interaction;
use crate::audit::Disclosure;
use crate::bounds;
use crate::fhir::filter::{Filter, FilterError};
use crate::fhir::types::ResourceType;
use crate::http::FHIR_JSON;
use crate::http::json;
use crate::record::resources::{Held, Window};
use crate::record::row::Row;
use crate::store::objects::ObjectError;

const KIND: &str = "DocumentReference";

/// The parameters of `$docref`, read.
struct DocrefParameters {
    /// All must hold.
    filters: Vec<Filter>,
    /// Care dates: `context.period`, or `date` where a document does not say which care it is about.
    dates: Vec<(Filter, Filter)>,
    generated_only: bool,
}

/// Gives out the documents.
pub(super) async fn docref(call: &Call<'_>, asked: Asked) -> Result<Disclosure, Error> {
    let resource_type = ResourceType::named(KIND).ok_or(Error::NotFound)?;
    let permit = call.bearer.permit(Interaction::Search, resource_type)?;
    let request = DocrefParameters::parse(&asked.pairs, call)?;
    let (mut rows, mut held) = (Vec::new(), Held::default());
    let mut window = Window::whole(true);
    for _ in 0..bounds::READ_CALLS {
        let keep = |row: &Row| request.keeps(row);
        let slice = call.read(call.resources.history(&permit, &window, &mut held, keep)).await?;
        rows.extend(slice.rows);
        window.after = slice.more;
        if window.after.is_none() {
            break;
        }
    }
    if window.after.is_some() {
        return Err(Error::too_much_to_read(KIND, "search the type itself"));
    }
    if request.dates.is_empty() {
        newest_of_each_type(&mut rows);
    }
    let mut bundle = bundle(call, rows, asked.remarks).await?;
    bundle.self_link = link(call, &asked.pairs);
    let response = json(StatusCode::OK, FHIR_JSON, bundle.to_json(&call.base));
    Ok(Disclosure::new(response, bundle.references(), bundle.own()))
}

impl DocrefParameters {
    fn parse(pairs: &[(String, String)], call: &Call<'_>) -> Result<DocrefParameters, Error> {
        if let Some((name, _)) = pairs.iter().find(|(name, _)| !controls::takes(On::Docref, name)) {
            let (own, general) = controls::names(On::Docref);
            return Err(Error::Invalid(unknown("`$docref`", name, &[own, general].concat(), &[])));
        }
        let once = |name| crate::http::single(pairs, name).map_err(|error| Error::Invalid(error.to_string()));
        let resource_type = ResourceType::named(KIND).ok_or(Error::NotFound)?;
        let filter = |name: &str, value: &str| match Filter::parse(resource_type, name, value, &[&call.base]) {
            Ok(filter) => Ok(filter),
            Err(FilterError::Unsupported(text)) => Err(Error::NotSupported(text)),
            Err(fault) => Err(Error::Invalid(fault.to_string())),
        };
        let patient =
            once("patient")?.ok_or_else(|| Error::Invalid("`$docref` needs `patient`, a Patient's id".into()))?;
        let of_patient = filter("patient", patient)?;
        if of_patient.members().any(|member| member != call.bearer.patient()) {
            return Err(Error::OtherMember { parameter: "patient".into() });
        }
        // Each may be there several times, and then any of its values will do.
        let any = |name: &str, code: &str| {
            let values: Vec<&str> = pairs.iter().filter(|pair| pair.0 == name).map(|pair| pair.1.as_str()).collect();
            (!values.is_empty()).then(|| filter(code, &values.join(","))).transpose()
        };
        let mut filters = vec![of_patient, filter("status", "current")?];
        filters.extend(any("type", "type")?);
        filters.extend(any("profile", "_profile")?);
        let mut dates = Vec::new();
        for (name, prefix) in [("start", "ge"), ("end", "le")] {
            let Some(date) = once(name)? else { continue };
            if !date.starts_with(|c: char| c.is_ascii_digit()) {
                return Err(Error::Invalid(format!("`{name}` is a dateTime, such as 2026-01-31T12:00:00Z")));
            }
            let value = format!("{prefix}{date}");
            dates.push((filter("period", &value)?, filter("date", &value)?));
        }
        let generated_only = match once("on-demand")? {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(Error::Invalid("`on-demand` is true or false".into())),
        };
        Ok(DocrefParameters { filters, dates, generated_only })
    }

    fn keeps(&self, row: &Row) -> bool {
        let cared = |(period, date): &(Filter, Filter)| {
            if values(row, "period").is_empty() { date.keeps(row.index()) } else { period.keeps(row.index()) }
        };
        !self.generated_only
            && self.filters.iter().all(|filter| filter.keeps(row.index()))
            && self.dates.iter().all(cared)
    }
}

fn values<'a>(row: &'a Row, code: &str) -> &'a [crate::fhir::index::Value] {
    let parameter = ResourceType::named(KIND).and_then(|resource_type| resource_type.parameter(code));
    parameter.map_or(&[], |(position, _)| row.index().values(position))
}

/// Without dates "the most recent or current document is in scope": of each type one, the newest first as they are read.
fn newest_of_each_type(rows: &mut Vec<Row>) {
    let mut seen = BTreeSet::new();
    rows.retain(|row| seen.insert(format!("{:?}", values(row, "type"))));
}

/// The documents, as many as fit; where some do not, it is said.
async fn bundle(call: &Call<'_>, rows: Vec<Row>, mut remarks: Vec<Issue>) -> Result<Bundle, ObjectError> {
    let (mut bundle, mut weight, total) = (Bundle::default(), 0, rows.len());
    for row in rows {
        let (key, is_own) = (row.key.clone(), row.is_own());
        let entry = Entry::new(key, is_own, Mode::Match, call.resources.json(row).await?);
        weight += entry.weight;
        if weight > bounds::ANSWER_BYTES && !bundle.entries.is_empty() {
            break;
        }
        bundle.entries.push(entry);
    }
    bundle.total = Some(total);
    let left = total - bundle.entries.len();
    if left > 0 {
        let text = format!("{left} more do not fit this answer; name a type or dates, or search {KIND}");
        remarks.push(Issue::information("too-long", text));
    }
    if !remarks.is_empty() {
        bundle.entries.push(Entry::outcome(&remarks));
    }
    Ok(bundle)
}

fn link(call: &Call<'_>, pairs: &[(String, String)]) -> String {
    let start = format!("{}/{KIND}/$docref?", call.base);
    let length = start.len();
    form_urlencoded::Serializer::for_suffix(start, length).extend_pairs(pairs).finish()
}
