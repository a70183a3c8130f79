//! The systems that elements of type `code` imply: those of their required bindings (R4). A Coding says its system itself.

use super::SearchParameter;

/// By type and parameter.
#[rustfmt::skip] // a row stays on one line
const SYSTEMS: &[(&str, &str, &str)] = &[
    ("AllergyIntolerance", "category", "http://hl7.org/fhir/allergy-intolerance-category"),
    ("AllergyIntolerance", "criticality", "http://hl7.org/fhir/allergy-intolerance-criticality"),
    ("AllergyIntolerance", "severity", "http://hl7.org/fhir/reaction-event-severity"),
    ("AllergyIntolerance", "type", "http://hl7.org/fhir/allergy-intolerance-type"),
    ("AuditEvent", "action", "http://hl7.org/fhir/audit-event-action"),
    ("AuditEvent", "outcome", "http://hl7.org/fhir/audit-event-outcome"),
    ("CarePlan", "intent", "http://hl7.org/fhir/request-intent"),
    ("CarePlan", "status", "http://hl7.org/fhir/request-status"),
    ("CareTeam", "status", "http://hl7.org/fhir/care-team-status"),
    ("Claim", "status", "http://hl7.org/fhir/fm-status"),
    ("Claim", "use", "http://hl7.org/fhir/claim-use"),
    ("ClaimResponse", "outcome", "http://hl7.org/fhir/remittance-outcome"),
    ("ClaimResponse", "status", "http://hl7.org/fhir/fm-status"),
    ("ClaimResponse", "use", "http://hl7.org/fhir/claim-use"),
    ("Coverage", "status", "http://hl7.org/fhir/fm-status"),
    ("Device", "status", "http://hl7.org/fhir/device-status"),
    ("DiagnosticReport", "status", "http://hl7.org/fhir/diagnostic-report-status"),
    ("DocumentReference", "contenttype", "urn:ietf:bcp:13"),
    ("DocumentReference", "language", "urn:ietf:bcp:47"),
    ("DocumentReference", "relation", "http://hl7.org/fhir/document-relationship-type"),
    ("DocumentReference", "status", "http://hl7.org/fhir/document-reference-status"),
    ("Encounter", "status", "http://hl7.org/fhir/encounter-status"),
    ("Endpoint", "status", "http://hl7.org/fhir/endpoint-status"),
    ("ExplanationOfBenefit", "status", "http://hl7.org/fhir/explanationofbenefit-status"),
    ("ExplanationOfBenefit", "use", "http://hl7.org/fhir/claim-use"),
    ("Goal", "lifecycle-status", "http://hl7.org/fhir/goal-status"),
    ("HealthcareService", "active", "http://hl7.org/fhir/special-values"),
    ("ImagingStudy", "status", "http://hl7.org/fhir/imagingstudy-status"),
    ("Immunization", "status", "http://hl7.org/fhir/event-status"),
    ("InsurancePlan", "address-use", "http://hl7.org/fhir/address-use"),
    ("InsurancePlan", "status", "http://hl7.org/fhir/publication-status"),
    ("Location", "address-use", "http://hl7.org/fhir/address-use"),
    ("Location", "status", "http://hl7.org/fhir/location-status"),
    ("Media", "status", "http://hl7.org/fhir/event-status"),
    ("Medication", "status", "http://hl7.org/fhir/CodeSystem/medication-status"),
    ("MedicationAdministration", "status", "http://terminology.hl7.org/CodeSystem/medication-admin-status"),
    ("MedicationDispense", "status", "http://terminology.hl7.org/CodeSystem/medicationdispense-status"),
    ("MedicationRequest", "intent", "http://hl7.org/fhir/CodeSystem/medicationrequest-intent"),
    ("MedicationRequest", "priority", "http://hl7.org/fhir/request-priority"),
    ("MedicationRequest", "status", "http://hl7.org/fhir/CodeSystem/medicationrequest-status"),
    ("MedicationStatement", "status", "http://hl7.org/fhir/CodeSystem/medication-statement-status"),
    ("Observation", "status", "http://hl7.org/fhir/observation-status"),
    ("Organization", "active", "http://hl7.org/fhir/special-values"),
    ("Organization", "address-use", "http://hl7.org/fhir/address-use"),
    ("OrganizationAffiliation", "active", "http://hl7.org/fhir/special-values"),
    ("Patient", "active", "http://hl7.org/fhir/special-values"),
    ("Patient", "address-use", "http://hl7.org/fhir/address-use"),
    ("Patient", "gender", "http://hl7.org/fhir/administrative-gender"),
    ("Practitioner", "active", "http://hl7.org/fhir/special-values"),
    ("Practitioner", "address-use", "http://hl7.org/fhir/address-use"),
    ("Practitioner", "gender", "http://hl7.org/fhir/administrative-gender"),
    ("PractitionerRole", "active", "http://hl7.org/fhir/special-values"),
    ("Procedure", "status", "http://hl7.org/fhir/event-status"),
    ("Questionnaire", "status", "http://hl7.org/fhir/publication-status"),
    ("Questionnaire", "subject-type", "http://hl7.org/fhir/resource-types"),
    ("QuestionnaireResponse", "status", "http://hl7.org/fhir/questionnaire-answers-status"),
    ("RelatedPerson", "active", "http://hl7.org/fhir/special-values"),
    ("RelatedPerson", "address-use", "http://hl7.org/fhir/address-use"),
    ("RelatedPerson", "gender", "http://hl7.org/fhir/administrative-gender"),
    ("ServiceRequest", "intent", "http://hl7.org/fhir/request-intent"),
    ("ServiceRequest", "priority", "http://hl7.org/fhir/request-priority"),
    ("ServiceRequest", "status", "http://hl7.org/fhir/request-status"),
    ("Specimen", "status", "http://hl7.org/fhir/specimen-status"),
];

/// The system of a parameter's values where these are codes or booleans; `None` where they have none, such as text.
pub fn implied(parameter: &SearchParameter) -> Option<&'static str> {
    let key = (parameter.on, parameter.code);
    let found = SYSTEMS.binary_search_by(|(on, code, _)| (*on, *code).cmp(&key));
    found.ok().map(|position| SYSTEMS[position].2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::filter::Filter;
    use crate::fhir::index::Index;
    use serde_json::json;

    #[test]
    fn the_table_is_sorted_and_names_rows_that_are_there() {
        assert!(SYSTEMS.is_sorted_by(|a, b| (a.0, a.1) < (b.0, b.1)));
        for (on, code, _) in SYSTEMS {
            assert!(super::super::find(on, code).is_some(), "{on} {code}");
        }
    }

    /// R4 search, "token": the system is compared, also where the element's binding says it.
    #[test]
    fn a_code_is_of_the_system_that_its_element_implies_and_of_no_other() {
        let claim = json!({"resourceType": "ExplanationOfBenefit", "status": "active", "use": "claim"});
        let index = Index::of("ExplanationOfBenefit", &claim);
        let keeps =
            |name: &str, value: &str| Filter::parse("ExplanationOfBenefit", name, value, &[]).unwrap().keeps(&index);
        for value in ["active", "http://hl7.org/fhir/explanationofbenefit-status|active"] {
            assert!(keeps("status", value) && !keeps("status:not", value), "{value}");
        }
        assert!(keeps("use", "http://hl7.org/fhir/claim-use|") && keeps("use", "http://x|claim,claim"));
        for value in ["http://hl7.org/fhir/fm-status|active", "|active", "http://x|", "cancelled"] {
            assert!(!keeps("status", value) && keeps("status:not", value), "{value}");
        }
        let coverage = json!({"resourceType": "Coverage", "subscriberId": "S1"});
        let index = Index::of("Coverage", &coverage);
        let keeps = |value: &str| Filter::parse("Coverage", "subscriber-id", value, &[]).unwrap().keeps(&index);
        assert!(keeps("S1") && keeps("|S1") && !keeps("http://x|S1"), "text has no system");
    }
}
