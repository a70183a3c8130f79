//! Medications, from the order to the taking of them.
//!
//! Every type here except Medication itself names a medication by a code or by a reference, so each has both parameters, `code` and
//! `medication`. `R4As(id)` marks a parameter whose id in R4 is `id`, and not the usual `Type-parameter`.

use super::Definition::{R4, R4As};
use super::{ACTORS, PRACTITIONERS, SearchParameter, code, date, identifier, reference, token};

pub(crate) const MEDICATION: &[SearchParameter] = &[
    token("Medication", "code", "code", R4As("clinical-code")),
    date("Medication", "expiration-date", "batch.expirationDate", R4),
    token("Medication", "form", "form", R4),
    identifier("Medication", "identifier", "identifier", R4),
    reference("Medication", "ingredient", "ingredient.itemReference", R4, &["Medication", "Substance"]),
    token("Medication", "ingredient-code", "ingredient.itemCodeableConcept", R4),
    token("Medication", "lot-number", "batch.lotNumber", R4),
    reference("Medication", "manufacturer", "manufacturer", R4, &["Organization"]),
    code("Medication", "status", "status", R4, "http://hl7.org/fhir/CodeSystem/medication-status"),
];

pub(crate) const MEDICATION_DISPENSE: &[SearchParameter] = &[
    token("MedicationDispense", "code", "medicationCodeableConcept", R4As("clinical-code")),
    reference("MedicationDispense", "context", "context", R4, &["Encounter", "EpisodeOfCare"]),
    reference("MedicationDispense", "destination", "destination", R4, &["Location"]),
    identifier("MedicationDispense", "identifier", "identifier", R4As("clinical-identifier")),
    reference("MedicationDispense", "medication", "medicationReference", R4As("medications-medication"),
        &["Medication"]),
    reference("MedicationDispense", "patient", "subject", R4As("clinical-patient"), &["Patient"]),
    reference("MedicationDispense", "performer", "performer.actor", R4, ACTORS),
    reference("MedicationDispense", "prescription", "authorizingPrescription", R4As("medications-prescription"),
        &["MedicationRequest"]),
    reference("MedicationDispense", "receiver", "receiver", R4, &["Patient", "Practitioner"]),
    reference("MedicationDispense", "responsibleparty", "substitution.responsibleParty", R4, PRACTITIONERS),
    code("MedicationDispense", "status", "status", R4As("medications-status"),
        "http://terminology.hl7.org/CodeSystem/medicationdispense-status"),
    reference("MedicationDispense", "subject", "subject", R4, &["Group", "Patient"]),
    token("MedicationDispense", "type", "type", R4),
    date("MedicationDispense", "whenhandedover", "whenHandedOver", R4),
    date("MedicationDispense", "whenprepared", "whenPrepared", R4),
];

pub(crate) const MEDICATION_REQUEST: &[SearchParameter] = &[
    date("MedicationRequest", "authoredon", "authoredOn", R4),
    token("MedicationRequest", "category", "category", R4),
    token("MedicationRequest", "code", "medicationCodeableConcept", R4As("clinical-code")),
    // `date` searches the times at which doses are due; `authoredon`, the time of the order.
    date("MedicationRequest", "date", "dosageInstruction.timing.event", R4As("medications-date")),
    reference("MedicationRequest", "encounter", "encounter", R4As("medications-encounter"), &["Encounter"]),
    identifier("MedicationRequest", "identifier", "identifier", R4As("clinical-identifier")),
    reference("MedicationRequest", "intended-dispenser", "dispenseRequest.performer", R4, &["Organization"]),
    reference("MedicationRequest", "intended-performer", "performer", R4,
        &["CareTeam", "Device", "Organization", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"]),
    token("MedicationRequest", "intended-performertype", "performerType", R4),
    code("MedicationRequest", "intent", "intent", R4, "http://hl7.org/fhir/CodeSystem/medicationrequest-intent"),
    reference("MedicationRequest", "medication", "medicationReference", R4As("medications-medication"),
        &["Medication"]),
    reference("MedicationRequest", "patient", "subject", R4As("clinical-patient"), &["Patient"]),
    code("MedicationRequest", "priority", "priority", R4, "http://hl7.org/fhir/request-priority"),
    reference("MedicationRequest", "requester", "requester", R4, ACTORS),
    code("MedicationRequest", "status", "status", R4As("medications-status"),
        "http://hl7.org/fhir/CodeSystem/medicationrequest-status"),
    reference("MedicationRequest", "subject", "subject", R4, &["Group", "Patient"]),
];

pub(crate) const MEDICATION_STATEMENT: &[SearchParameter] = &[
    token("MedicationStatement", "category", "category", R4),
    token("MedicationStatement", "code", "medicationCodeableConcept", R4As("clinical-code")),
    reference("MedicationStatement", "context", "context", R4, &["Encounter", "EpisodeOfCare"]),
    date("MedicationStatement", "effective", "effectiveDateTime | effectivePeriod", R4),
    identifier("MedicationStatement", "identifier", "identifier", R4As("clinical-identifier")),
    reference("MedicationStatement", "medication", "medicationReference", R4As("medications-medication"),
        &["Medication"]),
    reference("MedicationStatement", "part-of", "partOf", R4,
        &["MedicationAdministration", "MedicationDispense", "MedicationStatement", "Observation", "Procedure"]),
    reference("MedicationStatement", "patient", "subject", R4As("clinical-patient"), &["Patient"]),
    reference("MedicationStatement", "source", "informationSource", R4,
        &["Organization", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"]),
    code("MedicationStatement", "status", "status", R4As("medications-status"),
        "http://hl7.org/fhir/CodeSystem/medication-statement-status"),
    reference("MedicationStatement", "subject", "subject", R4, &["Group", "Patient"]),
];
