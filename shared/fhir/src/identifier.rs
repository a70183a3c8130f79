//! Identifiers: what a resource is known by outside of FHIR (R4 datatypes.html, "Identifier").

use std::collections::BTreeSet;

use serde_json::Value as Json;

/// An identifier that has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identifier<'a> {
    /// Its system; empty where it has none.
    pub system: &'a str,
    /// Its value.
    pub value: &'a str,
}

/// The types of identifiers (HL7 v2 table 0203) that no plan gives: whoever knows one of them must not be led to a member by it.
const TYPES_OF_OTHERS: &[(&str, &str)] = &[
    ("SS", "social security number"),
    ("DL", "driver's license"),
    ("PPN", "passport"),
    ("TAX", "tax id"),
    ("BCT", "birth certificate"),
    ("CZ", "citizenship card"),
    ("PRC", "permanent resident card"),
    ("MI", "military id"),
    ("BA", "bank account"),
    ("BC", "bank card"),
];

/// The beginnings of the systems of the same, where an identifier says no type.
const SYSTEMS_OF_OTHERS: &[(&str, &str)] = &[
    ("http://hl7.org/fhir/sid/us-ssn", "social security number"),
    ("urn:oid:2.16.840.1.113883.4.1", "social security number"),
    ("urn:oid:2.16.840.1.113883.4.3.", "driver's license, of each state"),
    ("http://hl7.org/fhir/sid/passport-", "passport, of each country"),
    ("urn:oid:2.16.840.1.113883.4.330.", "passport, of each country"),
];

/// The identifiers of a resource, each once.
pub fn identifiers(resource: &Json) -> BTreeSet<Identifier<'_>> {
    all(resource).map(|(identifier, _)| identifier).collect()
}

/// The identifiers by which a member is found: without those that another than the plan gives for other ends, and with the subscriber's id
/// of a Coverage, which has no system.
pub fn members_identifiers(resource: &Json) -> BTreeSet<Identifier<'_>> {
    let own =
        all(resource).filter(|(identifier, json)| !is_of_others(*identifier, json)).map(|(identifier, _)| identifier);
    let subscriber = resource["subscriberId"].as_str().map(|value| Identifier { system: "", value });
    own.chain(subscriber.filter(|identifier| !identifier.value.is_empty())).collect()
}

fn all(resource: &Json) -> impl Iterator<Item = (Identifier<'_>, &Json)> {
    resource["identifier"].as_array().into_iter().flatten().filter_map(|json| {
        let value = json["value"].as_str().filter(|value| !value.is_empty())?;
        Some((Identifier { system: json["system"].as_str().unwrap_or_default(), value }, json))
    })
}

fn is_of_others(identifier: Identifier, json: &Json) -> bool {
    let codings = json["type"]["coding"].as_array().into_iter().flatten();
    let mut codes = codings.filter_map(|coding| coding["code"].as_str());
    codes.any(|code| TYPES_OF_OTHERS.iter().any(|(of_others, _)| *of_others == code))
        || SYSTEMS_OF_OTHERS.iter().any(|(system, _)| {
            identifier.system == *system || (system.ends_with(['.', '-']) && identifier.system.starts_with(system))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_member_is_found_by_what_the_plan_gives_and_not_by_what_others_give() {
        let of =
            |system: &str, code: &str| json!({"system": system, "value": "1", "type": {"coding": [{"code": code}]}});
        let patient = json!({"identifier": [
            of("http://plan.example/members", "MB"),
            of("http://hospital.example", "MR"),
            {"value": "2"},
            {"system": "http://plan.example/empty", "value": ""},
            of("http://anywhere.example", "SS"),
            of("http://anywhere.example", "PPN"),
            of("urn:oid:2.16.840.1.113883.4.3.25", "?"),
            {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "3"},
            {"system": "http://hl7.org/fhir/sid/passport-USA", "value": "4"},
        ]});
        let found =
            |identifiers: BTreeSet<Identifier>| identifiers.iter().map(|one| one.system.to_owned()).collect::<Vec<_>>();
        assert_eq!(
            found(members_identifiers(&patient)),
            ["", "http://hospital.example", "http://plan.example/members"]
        );
        assert_eq!(identifiers(&patient).len(), 7);
        let coverage = json!({"subscriberId": "S", "identifier": [{"system": "http://plan.example", "value": "C"}]});
        let (subscriber, card) =
            (Identifier { system: "", value: "S" }, Identifier { system: "http://plan.example", value: "C" });
        assert_eq!(members_identifiers(&coverage), BTreeSet::from([subscriber, card]));
    }
}
