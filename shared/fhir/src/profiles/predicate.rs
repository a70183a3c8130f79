//! The predicates of which a profile's rules are made, and the test of each.

use serde_json::Value as Json;

use super::systems::{System, UCUM};

/// A predicate on an element; the outermost element is the resource itself.
///
/// Paths name elements, such as `agent.who`. An array counts as its items, and `value[x]` is a value of any type.
#[derive(Debug)]
pub(super) enum Predicate {
    /// Each of these elements is there.
    Has(&'static [&'static str]),
    /// At least one of these elements is there.
    HasAny(&'static [&'static str]),
    /// The element is there exactly once.
    Once(&'static str),
    /// The element is one of these texts.
    Is(&'static str, &'static [&'static str]),
    /// The element, a `CodeableConcept` or a Coding, has one of these codes of the system.
    Coded(&'static str, System, &'static [&'static str]),
    /// The element's own `system` is this one, as an Identifier, a Quantity or a Coding has it.
    Of(System),
    /// The element has a relative reference to a resource of this type.
    RefersTo(&'static str, &'static str),
    /// The element, if it is there, is a date with a day in it.
    ToTheDay(&'static str),
    /// The element, if it is there, is a National Provider Identifier.
    ProviderNumber(&'static str),
    /// The element's value, if it has one, is a Quantity with a number, a unit's name, and one of these UCUM codes.
    Measured(&'static [&'static str]),
    /// Each of the elements, even if there is none, fulfils all of these.
    Each(&'static str, &'static [Predicate]),
    /// All of these hold.
    All(&'static [Predicate]),
    /// At least one of these holds.
    Any(&'static [Predicate]),
    /// This does not hold.
    Not(&'static Predicate),
    /// If the first holds, all the others do.
    When(&'static Predicate, &'static [Predicate]),
    /// If the first does not hold, all the others do.
    Unless(&'static Predicate, &'static [Predicate]),
}

impl Predicate {
    /// Whether the element fulfils it.
    pub(super) fn holds(&self, element: &Json) -> bool {
        let has = |path: &&str| !at(element, path).is_empty();
        let all = |conditions: &[Predicate]| conditions.iter().all(|condition| condition.holds(element));
        let texts = |path| at(element, path).into_iter().filter_map(Json::as_str);
        match self {
            Predicate::Has(paths) => paths.iter().all(has),
            Predicate::HasAny(paths) => paths.iter().any(has),
            Predicate::Once(path) => at(element, path).len() == 1,
            Predicate::Is(path, wanted) => texts(path).any(|text| wanted.contains(&text)),
            Predicate::Coded(path, System(system), codes) => {
                at(element, path).into_iter().any(|concept| has_code(concept, system, codes))
            }
            Predicate::Of(System(system)) => element["system"] == *system,
            Predicate::RefersTo(path, resource_type) => at(element, path).into_iter().any(|reference| {
                let text = reference["reference"].as_str().unwrap_or_default();
                text.strip_prefix(resource_type).is_some_and(|rest| rest.starts_with('/'))
            }),
            Predicate::ToTheDay(path) => at(element, path).into_iter().all(is_to_the_day),
            Predicate::ProviderNumber(path) => at(element, path).into_iter().all(is_provider_number),
            Predicate::Measured(units) => is_measured(element, units),
            Predicate::Each(path, conditions) => {
                at(element, path).into_iter().all(|element| conditions.iter().all(|condition| condition.holds(element)))
            }
            Predicate::All(conditions) => all(conditions),
            Predicate::Any(conditions) => conditions.iter().any(|condition| condition.holds(element)),
            Predicate::Not(condition) => !condition.holds(element),
            Predicate::When(condition, then) => !condition.holds(element) || all(then),
            Predicate::Unless(condition, then) => condition.holds(element) || all(then),
        }
    }
}

/// The elements at a path of names.
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

fn has_code(concept: &Json, system: &str, codes: &[&str]) -> bool {
    let is_it =
        |coding: &Json| coding["system"] == system && coding["code"].as_str().is_some_and(|code| codes.contains(&code));
    is_it(concept) || concept["coding"].as_array().is_some_and(|codings| codings.iter().any(is_it))
}

fn is_measured(element: &Json, units: &[&str]) -> bool {
    let quantity = Predicate::All(&[
        Predicate::When(&Predicate::Has(&["value[x]"]), &[Predicate::Has(&["valueQuantity"])]),
        Predicate::Each("valueQuantity", &[Predicate::Has(&["value", "unit"]), Predicate::Of(UCUM)]),
    ]);
    let is_in_unit = |quantity: &Json| quantity["code"].as_str().is_some_and(|code| units.contains(&code));
    quantity.holds(element) && at(element, "valueQuantity").into_iter().all(is_in_unit)
}

fn is_to_the_day(element: &Json) -> bool {
    element.as_str().is_some_and(|date| date.len() >= "2024-02-29".len())
}

/// Ten digits, the last of which checks the others: Luhn's formula over 80840 and the number (45 CFR 162.406).
fn is_provider_number(element: &Json) -> bool {
    let digits: Option<Vec<u32>> = element.as_str().and_then(|text| text.chars().map(|c| c.to_digit(10)).collect());
    let Some(digits) = digits.filter(|digits| digits.len() == 10) else { return false };
    let doubled = |digit: u32| if digit < 5 { digit * 2 } else { digit * 2 - 9 };
    let weighed = |(place, digit): (usize, &u32)| if place % 2 == 0 { doubled(*digit) } else { *digit };
    // 80840 always adds 24.
    (24 + digits.iter().enumerate().map(weighed).sum::<u32>()).is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Predicate::{
        All, Any, Coded, Each, Has, HasAny, Is, Measured, Not, Of, Once, ProviderNumber, RefersTo, ToTheDay, Unless,
        When,
    };
    use super::*;
    use crate::profiles::systems::LOINC;

    #[test]
    fn conditions_say_what_they_mean() {
        let resource = json!({
            "status": "final", "effectiveDateTime": "2024-05", "issued": "2024-05-10T08:00:00Z", "use": "claim",
            "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
            "valueQuantity": {"value": 1, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
            "name": [{"family": "A", "given": ["B"]}, {"family": "C"}],
            "agent": [{"who": {"reference": "Practitioner/1"}}], "payor": [{"reference": "Organization/1"}],
        });
        for (condition, holds) in [
            (Has(&["status", "use", "code.coding.code"]), true),
            (Has(&["status", "nothing"]), false),
            (Has(&["value[x]", "effective[x]"]), true),
            (Has(&["status[x]"]), false),
            (HasAny(&["nothing", "status"]), true),
            (HasAny(&["nothing", "neither"]), false),
            (Once("payor"), true),
            (Once("name"), false),
            (Once("nothing"), false),
            (Is("use", &["claim", "preauthorization"]), true),
            (Is("use", &["preauthorization"]), false),
            (Coded("code", LOINC, &["8480-6"]), true),
            (Coded("code", LOINC, &["8480"]), false),
            (Coded("code", UCUM, &["8480-6"]), false),
            (Coded("code.coding", LOINC, &["8462-4", "8480-6"]), true),
            (Of(UCUM), false),
            (Each("valueQuantity", &[Of(UCUM)]), true),
            (RefersTo("agent.who", "Practitioner"), true),
            (RefersTo("agent.who", "Patient"), false),
            (RefersTo("agent.who", "Pract"), false),
            (ToTheDay("effectiveDateTime"), false),
            (ToTheDay("issued"), true),
            (ToTheDay("nothing"), true),
            (ProviderNumber("use"), false),
            (Measured(&["cm", "mm[Hg]"]), true),
            (Measured(&["cm"]), false),
            (Each("name", &[Has(&["family"])]), true),
            (Each("name", &[Has(&["family", "given"])]), false),
            (Each("nothing", &[Has(&["given"])]), true),
            (All(&[Has(&["status"]), Has(&["use"])]), true),
            (All(&[Has(&["status"]), Has(&["nothing"])]), false),
            (Any(&[Has(&["nothing"]), Has(&["use"])]), true),
            (Any(&[]), false),
            (Not(&Has(&["nothing"])), true),
            (When(&Has(&["nothing"]), &[Has(&["missing"])]), true),
            (When(&Is("status", &["final"]), &[Has(&["missing"])]), false),
            (Unless(&Is("status", &["final"]), &[Has(&["missing"])]), true),
            (Unless(&Is("status", &["registered"]), &[Has(&["missing"])]), false),
        ] {
            assert_eq!(condition.holds(&resource), holds, "{condition:?}");
        }
    }

    #[test]
    fn a_value_that_is_measured_is_a_quantity_and_may_be_absent() {
        assert!(Measured(&["cm"]).holds(&json!({"dataAbsentReason": {"text": "refused"}})));
        assert!(!Measured(&["cm"]).holds(&json!({"valueString": "172 cm"})));
        assert!(!Measured(&["cm"]).holds(&json!({"valueQuantity": {"value": 172, "unit": "cm"}})));
    }

    #[test]
    fn a_provider_number_has_a_check_digit() {
        let is_valid = |text| ProviderNumber("value").holds(&json!({"value": text}));
        assert!(is_valid("1234567893"));
        assert!(!is_valid("1234567890") && !is_valid("123456789") && !is_valid("123456789X"));
    }
}
