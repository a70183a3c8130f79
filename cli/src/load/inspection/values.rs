//! Codes that an app cannot show, and dates that nobody can have meant.

use serde_json::{Map, Value as Json};
use shared::fhir::date::Interval;

/// 1900-01-01, in milliseconds since 1970.
const FIRST: i64 = -2_208_988_800_000;

/// A year, in milliseconds.
const A_YEAR: i64 = 366 * 86_400_000;

/// Moments from this year on stand for an end that nobody knows, as 9999-12-31 does.
const OPEN_END: &str = "9";

/// The findings in the values of a resource, by the rule.
pub(super) fn findings(resource: &Json, now: i64) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    walk(resource, "", &mut |name, value| match value {
        Json::Object(properties) => {
            if let Some(code) = without_words(properties) {
                found.push(("no-display", format!("`{name}` {code}")));
            }
        }
        Json::String(text) if is_out_of_range(name, text, now) => {
            found.push(("date-range", format!("`{name}` is {text}")));
        }
        _ => {}
    });
    found
}

/// Passes each value on, with the name of its property.
fn walk(value: &Json, name: &str, to: &mut impl FnMut(&str, &Json)) {
    to(name, value);
    match value {
        Json::Object(properties) => properties.iter().for_each(|(name, value)| walk(value, name, to)),
        Json::Array(items) => items.iter().for_each(|item| walk(item, name, to)),
        _ => {}
    }
}

/// The first code of a concept that has no word for a person: neither a text nor a display.
fn without_words(properties: &Map<String, Json>) -> Option<String> {
    let codings = properties.get("coding")?.as_array()?;
    let has_words = properties.contains_key("text") || codings.iter().any(|coding| coding.get("display").is_some());
    let coding = codings.first().filter(|_| !has_words)?;
    Some(format!("{}|{}", coding["system"].as_str().unwrap_or_default(), coding["code"].as_str()?))
}

/// Whether a property that is named as a date holds one that nobody can have meant. The source's last change is looked at by a load.
fn is_out_of_range(name: &str, text: &str, now: i64) -> bool {
    let is_date = ["Date", "DateTime", "date", "created", "issued", "start", "end", "recorded", "authored"];
    if name == "lastUpdated" || !is_date.iter().any(|end| name.ends_with(end)) || text.starts_with(OPEN_END) {
        return false;
    }
    let is_ahead = |date: Interval| date.low > now + A_YEAR && name != "end";
    Interval::parse(text).is_some_and(|date| date.high < FIRST || is_ahead(date))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// 2026-01-01.
    const NOW: i64 = 1_767_225_600_000;

    #[test]
    fn codes_without_words_and_dates_out_of_range_are_found() {
        let coding = json!({"system": "http://s.example", "code": "1"});
        let found = findings(
            &json!({"code": {"coding": [coding]}, "birthDate": "1066-10-14", "period": {"end": "9999-12-31"}}),
            NOW,
        );
        assert_eq!(
            found,
            [
                ("no-display", "`code` http://s.example|1".to_owned()),
                ("date-range", "`birthDate` is 1066-10-14".to_owned())
            ]
        );
        let clean = json!({"code": {"coding": [coding], "text": "one"}, "created": "2026-05-01", "period": {"end": "2030-01-01"}});
        assert_eq!(findings(&clean, NOW), []);
        assert_eq!(findings(&json!({"created": "2062-01-01"}), NOW).len(), 1);
    }
}
