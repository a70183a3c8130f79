//! Searches by several parameters at once that the guides name. Any combination works here; these are those that a server
//! has to list, of all versions of the guides together.
//!
//! Left out is what the guides list by mistake: `intent` of `MedicationDispense` (PDex 2.0.0) and `type` of
//! `DiagnosticReport` (PDex 2.1) are no parameters of R4 or of any guide.

/// One combination.
pub(super) struct Combination {
    /// The type searched.
    pub on: &'static str,
    /// The parameters that stand in a query together.
    pub parameters: &'static [&'static str],
    /// `SHALL` where some version demands it, else `SHOULD`.
    pub expectation: &'static str,
}

impl Combination {
    /// Those of a type.
    pub(super) fn of(on: &str) -> impl Iterator<Item = &'static Combination> {
        COMBINATIONS.iter().filter(move |row| row.on == on)
    }
}

const fn shall(on: &'static str, parameters: &'static [&'static str]) -> Combination {
    Combination { on, parameters, expectation: "SHALL" }
}

const fn should(on: &'static str, parameters: &'static [&'static str]) -> Combination {
    Combination { on, parameters, expectation: "SHOULD" }
}

/// By type, what is demanded first.
#[rustfmt::skip] // a row stays on one line
const COMBINATIONS: &[Combination] = &[
    should("AllergyIntolerance", &["patient", "clinical-status"]),
    shall("CarePlan", &["patient", "category"]),
    should("CarePlan", &["patient", "category", "date"]),
    should("CarePlan", &["patient", "category", "status"]),
    should("CarePlan", &["patient", "category", "status", "date"]),
    shall("CareTeam", &["patient", "status"]),
    should("CareTeam", &["patient", "role"]),
    shall("Condition", &["patient", "category"]),
    should("Condition", &["patient", "_lastUpdated"]),
    should("Condition", &["patient", "abatement-date"]),
    should("Condition", &["patient", "asserted-date"]),
    should("Condition", &["patient", "category", "clinical-status"]),
    should("Condition", &["patient", "category", "encounter"]),
    should("Condition", &["patient", "clinical-status"]),
    should("Condition", &["patient", "code"]),
    should("Condition", &["patient", "onset-date"]),
    should("Condition", &["patient", "recorded-date"]),
    should("Device", &["patient", "status"]),
    should("Device", &["patient", "type"]),
    shall("DiagnosticReport", &["patient", "category"]),
    shall("DiagnosticReport", &["patient", "category", "date"]),
    shall("DiagnosticReport", &["patient", "code"]),
    should("DiagnosticReport", &["patient", "category", "_lastUpdated"]),
    should("DiagnosticReport", &["patient", "code", "date"]),
    should("DiagnosticReport", &["patient", "status"]),
    shall("DocumentReference", &["patient", "category"]),
    shall("DocumentReference", &["patient", "category", "date"]),
    shall("DocumentReference", &["patient", "type"]),
    should("DocumentReference", &["patient", "status"]),
    should("DocumentReference", &["patient", "type", "period"]),
    shall("Encounter", &["patient", "date"]),
    should("Encounter", &["patient", "_lastUpdated"]),
    should("Encounter", &["patient", "class"]),
    should("Encounter", &["patient", "discharge-disposition"]),
    should("Encounter", &["patient", "location"]),
    should("Encounter", &["patient", "status"]),
    should("Encounter", &["patient", "type"]),
    should("Goal", &["patient", "description"]),
    should("Goal", &["patient", "lifecycle-status"]),
    should("Goal", &["patient", "target-date"]),
    should("Immunization", &["patient", "date"]),
    should("Immunization", &["patient", "status"]),
    should("MedicationDispense", &["patient", "status"]),
    should("MedicationDispense", &["patient", "status", "type"]),
    shall("MedicationRequest", &["patient", "intent"]),
    shall("MedicationRequest", &["patient", "intent", "status"]),
    should("MedicationRequest", &["patient", "intent", "authoredon"]),
    should("MedicationRequest", &["patient", "intent", "encounter"]),
    shall("Observation", &["patient", "category"]),
    shall("Observation", &["patient", "category", "date"]),
    shall("Observation", &["patient", "code"]),
    should("Observation", &["patient", "category", "_lastUpdated"]),
    should("Observation", &["patient", "category", "status"]),
    should("Observation", &["patient", "code", "date"]),
    shall("Patient", &["birthdate", "name"]),
    shall("Patient", &["gender", "name"]),
    should("Patient", &["birthdate", "family"]),
    should("Patient", &["death-date", "family"]),
    should("Patient", &["family", "gender"]),
    shall("Procedure", &["patient", "date"]),
    should("Procedure", &["patient", "code", "date"]),
    should("Procedure", &["patient", "status"]),
    should("QuestionnaireResponse", &["patient", "authored"]),
    should("QuestionnaireResponse", &["patient", "questionnaire"]),
    should("QuestionnaireResponse", &["patient", "status"]),
    should("RelatedPerson", &["patient", "name"]),
    shall("ServiceRequest", &["patient", "category"]),
    shall("ServiceRequest", &["patient", "category", "authored"]),
    shall("ServiceRequest", &["patient", "code"]),
    should("ServiceRequest", &["patient", "code", "authored"]),
    should("ServiceRequest", &["patient", "status"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::types::ResourceType;

    #[test]
    fn a_combination_is_of_parameters_that_the_type_has() {
        for row in COMBINATIONS {
            let resource_type = ResourceType::named(row.on).unwrap();
            for code in row.parameters {
                assert!(resource_type.parameter(code).is_some(), "{} {code}", row.on);
            }
        }
    }
}
