//! The profiles that the guides' own servers support, and which versions of the guides have them.

use crate::guides::Guide::{self, CarinBb, Fhir, Hrex, Pdex, Sdc, UsCore};
use crate::guides::Guides;

/// One profile.
pub struct Profile {
    /// The type it is on.
    pub on: &'static str,
    /// Who publishes it.
    pub guide: Guide,
    /// Its id.
    pub id: &'static str,
    /// The first and the last set of guides that has it.
    sets: (Guides, Guides),
}

impl Profile {
    /// The profiles on a type in a set of guides.
    pub fn of(on: &str, guides: Guides) -> impl Iterator<Item = &'static Profile> {
        PROFILES.iter().filter(move |row| row.on == on && row.sets.0 <= guides && guides <= row.sets.1)
    }
}

const fn row(on: &'static str, guide: Guide, id: &'static str, sets: (Guides, Guides)) -> Profile {
    Profile { on, guide, id, sets }
}

const fn always(on: &'static str, guide: Guide, id: &'static str) -> Profile {
    row(on, guide, id, (Guides::UsCore3, Guides::UsCore7))
}

const fn until_3(on: &'static str, guide: Guide, id: &'static str) -> Profile {
    row(on, guide, id, (Guides::UsCore3, Guides::UsCore3))
}

const fn since_6(on: &'static str, guide: Guide, id: &'static str) -> Profile {
    row(on, guide, id, (Guides::UsCore6, Guides::UsCore7))
}

const fn since_7(on: &'static str, guide: Guide, id: &'static str) -> Profile {
    row(on, guide, id, (Guides::UsCore7, Guides::UsCore7))
}

/// By type.
#[rustfmt::skip] // a row stays on one line
const PROFILES: &[Profile] = &[
    always("AllergyIntolerance", UsCore, "us-core-allergyintolerance"),
    always("CarePlan", UsCore, "us-core-careplan"),
    always("CareTeam", UsCore, "us-core-careteam"),
    until_3("Condition", UsCore, "us-core-condition"),
    since_6("Condition", UsCore, "us-core-condition-encounter-diagnosis"),
    since_6("Condition", UsCore, "us-core-condition-problems-health-concerns"),
    always("Coverage", CarinBb, "C4BB-Coverage"),
    since_6("Coverage", UsCore, "us-core-coverage"),
    always("Coverage", Hrex, "hrex-coverage"),
    always("Device", UsCore, "us-core-implantable-device"),
    always("Device", Pdex, "pdex-device"),
    always("DiagnosticReport", UsCore, "us-core-diagnosticreport-lab"),
    always("DiagnosticReport", UsCore, "us-core-diagnosticreport-note"),
    always("DocumentReference", UsCore, "us-core-documentreference"),
    always("Encounter", UsCore, "us-core-encounter"),
    always("ExplanationOfBenefit", CarinBb, "C4BB-ExplanationOfBenefit"),
    always("ExplanationOfBenefit", CarinBb, "C4BB-ExplanationOfBenefit-Inpatient-Institutional"),
    always("ExplanationOfBenefit", CarinBb, "C4BB-ExplanationOfBenefit-Oral"),
    always("ExplanationOfBenefit", CarinBb, "C4BB-ExplanationOfBenefit-Outpatient-Institutional"),
    always("ExplanationOfBenefit", CarinBb, "C4BB-ExplanationOfBenefit-Pharmacy"),
    always("ExplanationOfBenefit", CarinBb, "C4BB-ExplanationOfBenefit-Professional-NonClinician"),
    always("ExplanationOfBenefit", Pdex, "pdex-priorauthorization"),
    always("Goal", UsCore, "us-core-goal"),
    always("Immunization", UsCore, "us-core-immunization"),
    always("Location", UsCore, "us-core-location"),
    always("Medication", UsCore, "us-core-medication"),
    since_6("MedicationDispense", UsCore, "us-core-medicationdispense"),
    always("MedicationDispense", Pdex, "pdex-medicationdispense"),
    always("MedicationRequest", UsCore, "us-core-medicationrequest"),
    always("Observation", Fhir, "vitalsigns"),
    always("Observation", UsCore, "head-occipital-frontal-circumference-percentile"),
    always("Observation", UsCore, "pediatric-bmi-for-age"),
    always("Observation", UsCore, "pediatric-weight-for-height"),
    since_7("Observation", UsCore, "us-core-average-blood-pressure"),
    since_6("Observation", UsCore, "us-core-blood-pressure"),
    since_6("Observation", UsCore, "us-core-bmi"),
    since_6("Observation", UsCore, "us-core-body-height"),
    since_6("Observation", UsCore, "us-core-body-temperature"),
    since_6("Observation", UsCore, "us-core-body-weight"),
    since_7("Observation", UsCore, "us-core-care-experience-preference"),
    since_6("Observation", UsCore, "us-core-head-circumference"),
    since_6("Observation", UsCore, "us-core-heart-rate"),
    since_6("Observation", UsCore, "us-core-observation-clinical-result"),
    always("Observation", UsCore, "us-core-observation-lab"),
    since_6("Observation", UsCore, "us-core-observation-occupation"),
    since_6("Observation", UsCore, "us-core-observation-pregnancyintent"),
    since_6("Observation", UsCore, "us-core-observation-pregnancystatus"),
    since_6("Observation", UsCore, "us-core-observation-screening-assessment"),
    since_6("Observation", UsCore, "us-core-observation-sexual-orientation"),
    always("Observation", UsCore, "us-core-pulse-oximetry"),
    since_6("Observation", UsCore, "us-core-respiratory-rate"),
    since_6("Observation", UsCore, "us-core-simple-observation"),
    always("Observation", UsCore, "us-core-smokingstatus"),
    since_7("Observation", UsCore, "us-core-treatment-intervention-preference"),
    since_6("Observation", UsCore, "us-core-vital-signs"),
    always("Organization", CarinBb, "C4BB-Organization"),
    always("Organization", UsCore, "us-core-organization"),
    always("Patient", CarinBb, "C4BB-Patient"),
    always("Patient", UsCore, "us-core-patient"),
    always("Practitioner", CarinBb, "C4BB-Practitioner"),
    always("Practitioner", UsCore, "us-core-practitioner"),
    always("PractitionerRole", UsCore, "us-core-practitionerrole"),
    always("Procedure", UsCore, "us-core-procedure"),
    always("Provenance", UsCore, "us-core-provenance"),
    always("Provenance", Pdex, "pdex-provenance"),
    since_6("Questionnaire", Sdc, "sdc-questionnaire"),
    since_6("QuestionnaireResponse", UsCore, "us-core-questionnaireresponse"),
    always("RelatedPerson", CarinBb, "C4BB-RelatedPerson"),
    since_6("RelatedPerson", UsCore, "us-core-relatedperson"),
    since_6("ServiceRequest", UsCore, "us-core-servicerequest"),
    since_6("Specimen", UsCore, "us-core-specimen"),
];
