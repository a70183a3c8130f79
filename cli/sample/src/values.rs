//! FHIR data types as JSON: dates, codes, references, money, quantities.

use serde_json::{Map, Value, json};
use time::{Date, Duration, macros::date};

use crate::codes::{Coding, UCUM};

/// The present day of the samples: nothing happened after it.
pub(crate) const ANCHOR: Date = date!(2026 - 11 - 01);

/// The `lastUpdated` of the resources that belong to no member.
pub(crate) const UPDATED: &str = "2026-01-05T06:00:00Z";

/// The day that is `days` later (or earlier), at most the anchor.
pub(crate) fn later(day: Date, days: i64) -> Date {
    (day + Duration::days(days)).min(ANCHOR)
}

/// Whole years between two days.
pub(crate) fn age(birth: Date, on: Date) -> i64 {
    let had_birthday = (on.month() as u8, on.day()) >= (birth.month() as u8, birth.day());
    i64::from(on.year() - birth.year() - i32::from(!had_birthday))
}

/// A day as FHIR's `date`: `2026-03-09`.
pub(crate) fn day(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), date.month() as u8, date.day())
}

/// A time of this day as FHIR's `dateTime`, in the time zone of the clinics and without daylight saving time, on which
/// nothing depends.
pub(crate) fn at(date: Date, hour: u32, minute: u32) -> String {
    format!("{}T{hour:02}:{minute:02}:00-05:00", day(date))
}

/// A Period of whole days.
pub(crate) fn period(start: Date, end: Date) -> Value {
    json!({"start": day(start), "end": day(end)})
}

/// A Period of `minutes` within one day, from `hour` on.
pub(crate) fn hours(date: Date, hour: u32, minutes: u32) -> Value {
    json!({"start": at(date, hour, 0), "end": at(date, hour + minutes / 60, minutes % 60)})
}

/// A `Coding` as JSON.
pub(crate) fn coding(code: Coding) -> Value {
    if code.display.is_empty() {
        return json!({"system": code.system, "code": code.code});
    }
    json!({"system": code.system, "code": code.code, "display": code.display})
}

/// A `CodeableConcept` of one coding, with its display as text.
pub(crate) fn concept(code: Coding) -> Value {
    concept_text(code, code.display)
}

/// A `CodeableConcept` of one coding, with a text of our own.
pub(crate) fn concept_text(code: Coding, text: &str) -> Value {
    if text.is_empty() {
        return json!({"coding": [coding(code)]});
    }
    json!({"coding": [coding(code)], "text": text})
}

/// A `CodeableConcept` of one thing in several code systems, with the first display as text.
pub(crate) fn concepts(codes: &[Coding]) -> Value {
    json!({"coding": codes.iter().map(|c| coding(*c)).collect::<Vec<_>>(), "text": codes[0].display})
}

/// A relative Reference.
pub(crate) fn reference(target: &str) -> Value {
    json!({"reference": target})
}

/// A relative Reference with a display for people.
pub(crate) fn named(target: &str, display: &str) -> Value {
    json!({"reference": target, "display": display})
}

/// FHIR's Money in US dollars, from cents.
pub(crate) fn money(cents: i64) -> Value {
    json!({"value": decimal(cents as f64 / 100.0), "currency": "USD"})
}

/// A Quantity with the UCUM code `code`; `unit` is the form that people read.
pub(crate) fn quantity(value: f64, unit: &str, code: &str) -> Value {
    json!({"value": decimal(value), "unit": unit, "system": UCUM, "code": code})
}

/// A JSON number, without `.0` where it is whole.
pub(crate) fn decimal(value: f64) -> Value {
    if value.fract() == 0.0 { json!(value as i64) } else { json!(value) }
}

/// The value, rounded to `places` decimal places.
pub(crate) fn round(value: f64, places: u32) -> f64 {
    let factor = f64::from(10u32.pow(places));
    (value * factor).round() / factor
}

/// A resource with its `meta`. In `body`, elements that this resource does not have may be null, an empty list or an
/// empty object.
pub(crate) fn resource(
    kind: &str,
    id: &str,
    profiles: &[String],
    updated: &str,
    labels: &[Coding],
    body: Value,
) -> Value {
    let mut meta = Map::new();
    meta.insert("lastUpdated".into(), json!(updated));
    if !profiles.is_empty() {
        meta.insert("profile".into(), json!(profiles));
    }
    if !labels.is_empty() {
        meta.insert("security".into(), labels.iter().map(|c| coding(*c)).collect());
    }
    let mut out = Map::new();
    out.insert("resourceType".into(), json!(kind));
    out.insert("id".into(), json!(id));
    out.insert("meta".into(), Value::Object(meta));
    if let Value::Object(fields) = prune(body) {
        out.extend(fields);
    }
    Value::Object(out)
}

/// Drops nulls, empty lists and empty objects: FHIR has no empty elements.
fn prune(value: Value) -> Value {
    match value {
        Value::Array(list) => {
            let kept: Vec<Value> = list.into_iter().map(prune).filter(|v| !v.is_null()).collect();
            if kept.is_empty() { Value::Null } else { Value::Array(kept) }
        }
        Value::Object(map) => {
            let kept: Map<String, Value> =
                map.into_iter().map(|(k, v)| (k, prune(v))).filter(|(_, v)| !v.is_null()).collect();
            if kept.is_empty() { Value::Null } else { Value::Object(kept) }
        }
        other => other,
    }
}

/// Standard Base64 with padding, for attachments and barcodes.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |all, b| all << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let symbol = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= chunk.len() { char::from(symbol) } else { '=' });
        }
    }
    out
}
