//! The codes that an element can have, where R4 or a guide closes the list: they tell a search for a part of a type from one for
//! all of it.

use std::collections::BTreeSet;

use crate::escaping::split_escaped;

/// Codes that hardly a resource has. A list of all others is as good as a list of all.
const RARE: [&str; 2] = ["entered-in-error", "unknown"];

/// Search parameters, and the codes of the elements that they compare (R4's value sets with a required binding; R4's and US
/// Core's sets of the categories that are searched by).
const CLOSED: &[(&[(&str, &str)], &str)] = &[
    (&[("AllergyIntolerance", "category")], "food medication environment biologic"),
    (&[("AllergyIntolerance", "clinical-status")], "active inactive resolved"),
    (&[("AllergyIntolerance", "criticality")], "low high unable-to-assess"),
    (&[("AllergyIntolerance", "severity")], "mild moderate severe"),
    (&[("AllergyIntolerance", "type")], "allergy intolerance"),
    (&[("AllergyIntolerance", "verification-status")], "unconfirmed confirmed refuted entered-in-error"),
    (&[("CarePlan", "intent")], "proposal plan order option"),
    (
        &[("CarePlan", "status"), ("ServiceRequest", "status")],
        "draft active on-hold revoked completed entered-in-error unknown",
    ),
    (&[("CareTeam", "status")], "proposed active suspended inactive entered-in-error"),
    (
        &[("Claim", "status"), ("ClaimResponse", "status"), ("Coverage", "status"), ("ExplanationOfBenefit", "status")],
        "active cancelled draft entered-in-error",
    ),
    (
        &[("Claim", "use"), ("ClaimResponse", "use"), ("ExplanationOfBenefit", "use")],
        "claim preauthorization predetermination",
    ),
    (&[("ClaimResponse", "outcome")], "queued complete error partial"),
    (&[("Condition", "category")], "problem-list-item encounter-diagnosis health-concern"),
    (&[("Condition", "clinical-status")], "active recurrence relapse inactive remission resolved"),
    (
        &[("Condition", "verification-status")],
        "unconfirmed provisional differential confirmed refuted entered-in-error",
    ),
    (&[("Device", "status")], "active inactive entered-in-error unknown"),
    (
        &[("DiagnosticReport", "status")],
        "registered partial preliminary final amended corrected appended cancelled entered-in-error unknown",
    ),
    (&[("DocumentReference", "category")], "clinical-note"),
    (&[("DocumentReference", "relation")], "replaces transforms signs appends"),
    (&[("DocumentReference", "status")], "current superseded entered-in-error"),
    (
        &[("Encounter", "status")],
        "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown",
    ),
    (&[("Endpoint", "status")], "active suspended error off entered-in-error test"),
    (
        &[("Goal", "lifecycle-status")],
        "proposed planned accepted active on-hold completed cancelled entered-in-error rejected",
    ),
    (&[("ImagingStudy", "status")], "registered available cancelled entered-in-error unknown"),
    (&[("Immunization", "status")], "completed entered-in-error not-done"),
    (&[("Location", "status")], "active suspended inactive"),
    (
        &[
            ("Location", "address-use"),
            ("Organization", "address-use"),
            ("Patient", "address-use"),
            ("Practitioner", "address-use"),
            ("RelatedPerson", "address-use"),
        ],
        "home work temp old billing",
    ),
    (
        &[("Media", "status"), ("Procedure", "status")],
        "preparation in-progress not-done on-hold stopped completed entered-in-error unknown",
    ),
    (&[("Medication", "status")], "active inactive entered-in-error"),
    (
        &[("MedicationDispense", "status")],
        "preparation in-progress cancelled on-hold completed entered-in-error stopped declined unknown",
    ),
    (
        &[("MedicationRequest", "intent")],
        "proposal plan order original-order reflex-order filler-order instance-order option",
    ),
    (&[("MedicationRequest", "priority"), ("ServiceRequest", "priority")], "routine urgent asap stat"),
    (&[("MedicationRequest", "status")], "active on-hold cancelled completed entered-in-error stopped draft unknown"),
    (
        &[("MedicationStatement", "status")],
        "active completed entered-in-error intended stopped on-hold unknown not-taken",
    ),
    (
        &[("Observation", "category")],
        "social-history vital-signs imaging laboratory procedure survey exam therapy activity",
    ),
    (&[("Observation", "status")], "registered preliminary final amended corrected cancelled entered-in-error unknown"),
    (&[("Patient", "gender"), ("Practitioner", "gender"), ("RelatedPerson", "gender")], "male female other unknown"),
    (&[("Questionnaire", "status")], "draft active retired unknown"),
    (&[("QuestionnaireResponse", "status")], "in-progress completed amended entered-in-error stopped"),
    (
        &[("ServiceRequest", "intent")],
        "proposal plan directive order original-order reflex-order filler-order instance-order option",
    ),
    (&[("Specimen", "status")], "available unavailable unsatisfactory entered-in-error"),
    (
        &[
            ("Organization", "active"),
            ("Patient", "active"),
            ("Practitioner", "active"),
            ("PractitionerRole", "active"),
            ("RelatedPerson", "active"),
        ],
        "true false",
    ),
];

fn closed(resource_type: &str, parameter: &str) -> Option<BTreeSet<&'static str>> {
    let of = |(parameters, _): &&(&[(&str, &str)], &str)| parameters.contains(&(resource_type, parameter));
    CLOSED.iter().find(of).map(|(_, codes)| codes.split(' ').collect())
}

/// Whether these values of a token parameter, as a query writes them, come to everything that the element can be: all codes of
/// its list, or every code of a system (`system|`).
pub fn are_all(resource_type: &str, parameter: &str, values: &[&str]) -> bool {
    let tokens: Vec<String> = values.iter().flat_map(|value| split_escaped(value, ',')).collect();
    let code = |token: &String| split_escaped(token, '|').pop().unwrap_or_default();
    let codes: BTreeSet<String> = tokens.iter().map(code).collect();
    if codes.contains("") {
        return true;
    }
    closed(resource_type, parameter)
        .is_some_and(|all| all.iter().all(|code| codes.contains(*code) || RARE.contains(code)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::{Coded, SearchParamType};
    use crate::types::{ResourceType, TYPES};

    /// Lists that nobody can close: media types and languages of documents, and the types of resources.
    const OPEN: [(&str, &str); 3] =
        [("DocumentReference", "contenttype"), ("DocumentReference", "language"), ("Questionnaire", "subject-type")];

    #[test]
    fn every_code_of_every_type_that_is_served_has_its_list() {
        for resource_type in TYPES {
            for (_, row) in resource_type.parameters() {
                let name = (resource_type.name, row.code);
                if matches!(row.coded, Coded::Implied(_)) && !OPEN.contains(&name) {
                    assert!(closed(name.0, name.1).is_some(), "{name:?}");
                }
            }
        }
    }

    #[test]
    fn every_list_is_of_a_token_parameter_that_there_is() {
        for (type_name, code) in CLOSED.iter().flat_map(|(parameters, _)| parameters.iter()) {
            let row = ResourceType::named(type_name).unwrap().parameters().find(|(_, row)| row.code == *code);
            assert!(row.is_some_and(|(_, row)| row.param_type == SearchParamType::Token), "{type_name} {code}");
        }
    }

    #[test]
    fn all_codes_are_told_from_some() {
        for (parameter, values, expected) in [
            ("status", &["final"][..], false),
            ("status", &["registered,preliminary,final,amended,corrected,cancelled,entered-in-error,unknown"], true),
            ("status", &["registered,preliminary,final", "amended,corrected,cancelled"], true),
            ("status", &["registered,preliminary,final,amended,corrected"], false),
            ("status", &["http://hl7.org/fhir/observation-status|"], true),
            ("status", &["http://hl7.org/fhir/observation-status|final"], false),
            ("code", &["http://loinc.org|718-7,http://loinc.org|4548-4"], false),
            ("code", &["http://loinc.org|"], true),
            ("category", &["laboratory", "vital-signs"], false),
            (
                "category",
                &["social-history,vital-signs,imaging,laboratory,procedure,survey,exam,therapy,activity"],
                true,
            ),
        ] {
            assert_eq!(are_all("Observation", parameter, values), expected, "{parameter} {values:?}");
        }
    }
}
