//! What must be true of a resource for a profile, in words that a table can hold.
//!
//! | written | true where |
//! |---|---|
//! | `a b` | both are |
//! | <code>a&#124;&#124;b</code> | one of them is |
//! | `a?b` | `b` is, or `a` is not |
//! | `!a` | `a` is not |
//! | `name.family` | there is such an element; `value[x]` is one of any type |
//! | `name{family given}` | every `name`, if there is any, has both |
//! | `use=claim` | such an element is this text |
//! | <code>code=loinc&#124;8480-6</code> | such a CodeableConcept or Coding has this code; [`SYSTEMS`] says what `loinc` is |
//! | `who.reference^Group/` | such an element begins so |
//! | `payor#1` | there is one and no more |
//! | `@day`, `@npi` | the element itself is a date to the day, a National Provider Identifier |

use serde_json::Value as Json;

/// What the conditions call the systems.
const SYSTEMS: &[(&str, &str)] = &[
    ("adjudication-discriminator", "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBAdjudicationDiscriminator"),
    ("careplan-category", "http://hl7.org/fhir/us/core/CodeSystem/careplan-category"),
    ("claim-type", "http://terminology.hl7.org/CodeSystem/claim-type"),
    ("clia", "urn:oid:2.16.840.1.113883.4.7"),
    ("condition-category", "http://terminology.hl7.org/CodeSystem/condition-category"),
    ("coverage-class", "http://terminology.hl7.org/CodeSystem/coverage-class"),
    ("identifier-type", "http://terminology.hl7.org/CodeSystem/v2-0203"),
    ("info", "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBSupportingInfoType"),
    ("loinc", "http://loinc.org"),
    ("npi", "http://hl7.org/fhir/sid/us-npi"),
    ("observation-category", "http://terminology.hl7.org/CodeSystem/observation-category"),
    ("pdex-discriminator", "http://hl7.org/fhir/us/davinci-pdex/CodeSystem/PDexAdjudicationDiscriminator"),
    ("claim-identifier", "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBIdentifierType"),
    ("subtype", "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBInstitutionalClaimSubType"),
    ("ucum", "http://unitsofmeasure.org"),
    ("us-core-category", "http://hl7.org/fhir/us/core/CodeSystem/us-core-category"),
    ("us-core-condition-category", "http://hl7.org/fhir/us/core/CodeSystem/condition-category"),
    ("v2-0074", "http://terminology.hl7.org/CodeSystem/v2-0074"),
];

/// Whether the element meets the condition.
pub(super) fn holds(element: &Json, condition: &str) -> bool {
    split(condition, " ").into_iter().filter(|part| !part.is_empty()).all(|part| one(element, part))
}

fn one(element: &Json, part: &str) -> bool {
    if let [when, then] = split(part, "?")[..] {
        return !one(element, when) || one(element, then);
    }
    let ways = split(part, "||");
    if ways.len() > 1 {
        return ways.into_iter().any(|way| one(element, way));
    }
    if let Some(wrong) = part.strip_prefix('!') {
        return !one(element, wrong);
    }
    match part {
        "@day" => return element.as_str().is_some_and(|date| date.len() >= "2024-02-29".len()),
        "@npi" => return element.as_str().is_some_and(is_npi),
        _ => {}
    }
    if let Some((path, each)) = part.strip_suffix('}').and_then(|part| part.split_once('{')) {
        return at(element, path).into_iter().all(|element| holds(element, each));
    }
    if let Some((path, wanted)) = part.split_once('=') {
        let found = at(element, path);
        return match wanted.split_once('|') {
            Some((system, code)) => found.into_iter().any(|concept| has_code(concept, expanded(system), code)),
            None => found.into_iter().any(|value| value.as_str() == Some(expanded(wanted))),
        };
    }
    if let Some((path, start)) = part.split_once('^') {
        return at(element, path).into_iter().any(|value| value.as_str().is_some_and(|text| text.starts_with(start)));
    }
    match part.strip_suffix("#1") {
        Some(path) => at(element, path).len() == 1,
        None => !at(element, part).is_empty(),
    }
}

/// The parts between the separators that stand outside braces.
fn split<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_u8);
    for (position, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ if depth == 0 && position >= start && text[position..].starts_with(separator) => {
                parts.push(&text[start..position]);
                start = position + separator.len();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// The elements at a path of names; arrays count as their items.
fn at<'a>(element: &'a Json, path: &str) -> Vec<&'a Json> {
    path.split('.').fold(vec![element], |found, name| {
        found.into_iter().filter_map(Json::as_object).flat_map(|fields| children(fields, name)).collect()
    })
}

fn children<'a>(fields: &'a serde_json::Map<String, Json>, name: &str) -> Vec<&'a Json> {
    let values: Vec<&Json> = match name.strip_suffix("[x]") {
        Some(stem) => {
            let typed =
                |key: &str| key.strip_prefix(stem).is_some_and(|end| end.starts_with(|c: char| c.is_uppercase()));
            fields.iter().filter(|(key, _)| typed(key)).map(|(_, value)| value).collect()
        }
        None => fields.get(name).into_iter().collect(),
    };
    values.into_iter().flat_map(|value| value.as_array().map_or(vec![value], |items| items.iter().collect())).collect()
}

fn has_code(concept: &Json, system: &str, code: &str) -> bool {
    let is_it = |coding: &Json| coding["system"] == system && coding["code"] == code;
    is_it(concept) || concept["coding"].as_array().is_some_and(|codings| codings.iter().any(is_it))
}

fn expanded(name: &str) -> &str {
    SYSTEMS.iter().find(|(short, _)| *short == name).map_or(name, |(_, url)| url)
}

/// Ten digits whose last one checks the others, by Luhn's formula with 80840 before them (45 CFR 162.406).
fn is_npi(text: &str) -> bool {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(10)).collect();
    let Some(digits) = digits.filter(|digits| digits.len() == 10) else { return false };
    let doubled = |digit: u32| if digit < 5 { digit * 2 } else { digit * 2 - 9 };
    let weighed = |(place, digit): (usize, &u32)| if place % 2 == 0 { doubled(*digit) } else { *digit };
    // What 80840 adds is always 24.
    (24 + digits.iter().enumerate().map(weighed).sum::<u32>()).is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn conditions_say_what_they_mean() {
        let resource = json!({
            "status": "final", "effectiveDateTime": "2024-05", "use": "claim",
            "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
            "valueQuantity": {"value": 1, "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
            "name": [{"family": "A", "given": ["B"]}, {"family": "C"}],
            "agent": [{"who": {"reference": "Practitioner/1"}}], "payor": [{"reference": "Organization/1"}],
        });
        for (condition, met) in [
            ("status use", true),
            ("status nothing", false),
            ("nothing||status", true),
            ("nothing?missing", true),
            ("status?missing||use", true),
            ("status=final?missing", false),
            ("!nothing !use=preauthorization", true),
            ("value[x] effective[x]", true),
            ("status[x]", false),
            ("name{family}", true),
            ("name{family given}", false),
            ("nothing{given}", true),
            ("use=claim", true),
            ("code=loinc|8480-6", true),
            ("code=loinc|8480", false),
            ("valueQuantity{value system=ucum code=mm[Hg]||code=cm}", true),
            ("agent.who.reference^Practitioner/", true),
            ("agent.who.reference^Patient/", false),
            ("payor#1", true),
            ("name#1", false),
            ("effectiveDateTime{@day}", false),
        ] {
            assert_eq!(holds(&resource, condition), met, "{condition}");
        }
    }

    #[test]
    fn a_provider_identifier_has_a_check_digit() {
        assert!(is_npi("1234567893"));
        assert!(!is_npi("1234567890") && !is_npi("123456789") && !is_npi("123456789X"));
    }
}
