//! The clinical record: what was found, planned and done.

use super::Definition::{R4, R4As, UsCore};
use super::{
    ACTORS, ANY, PERSONS, PROVIDERS, SearchParameter, code, date, identifier, quantity, reference, text, token, uri,
};

pub(crate) const ALLERGY_INTOLERANCE: &[SearchParameter] = &[
    reference("AllergyIntolerance", "asserter", "asserter", R4, PERSONS),
    code("AllergyIntolerance", "category", "category", R4, "http://hl7.org/fhir/allergy-intolerance-category"),
    token("AllergyIntolerance", "clinical-status", "clinicalStatus", R4),
    token("AllergyIntolerance", "code", "code | reaction.substance", R4As("clinical-code")),
    code("AllergyIntolerance", "criticality", "criticality", R4, "http://hl7.org/fhir/allergy-intolerance-criticality"),
    date("AllergyIntolerance", "date", "recordedDate", R4As("clinical-date")),
    identifier("AllergyIntolerance", "identifier", "identifier", R4As("clinical-identifier")),
    date("AllergyIntolerance", "last-date", "lastOccurrence", R4),
    token("AllergyIntolerance", "manifestation", "reaction.manifestation", R4),
    date("AllergyIntolerance", "onset", "reaction.onset", R4),
    reference("AllergyIntolerance", "patient", "patient", R4As("clinical-patient"), &["Patient"]),
    reference("AllergyIntolerance", "recorder", "recorder", R4, PERSONS),
    token("AllergyIntolerance", "route", "reaction.exposureRoute", R4),
    code("AllergyIntolerance", "severity", "reaction.severity", R4, "http://hl7.org/fhir/reaction-event-severity"),
    code("AllergyIntolerance", "type", "type", R4As("clinical-type"), "http://hl7.org/fhir/allergy-intolerance-type"),
    token("AllergyIntolerance", "verification-status", "verificationStatus", R4),
];

pub(crate) const CARE_PLAN: &[SearchParameter] = &[
    token("CarePlan", "activity-code", "activity.detail.code", R4),
    // `scheduledString` is prose and holds no date that can be compared.
    date("CarePlan", "activity-date", "activity.detail.scheduledTiming | activity.detail.scheduledPeriod", R4),
    reference("CarePlan", "activity-reference", "activity.reference", R4, &[
        "Appointment", "CommunicationRequest", "DeviceRequest", "MedicationRequest", "NutritionOrder",
        "RequestGroup", "ServiceRequest", "Task", "VisionPrescription",
    ]),
    reference("CarePlan", "based-on", "basedOn", R4, &["CarePlan"]),
    reference("CarePlan", "care-team", "careTeam", R4, &["CareTeam"]),
    token("CarePlan", "category", "category", R4),
    reference("CarePlan", "condition", "addresses", R4, &["Condition"]),
    date("CarePlan", "date", "period", R4As("clinical-date")),
    reference("CarePlan", "encounter", "encounter", R4, &["Encounter"]),
    reference("CarePlan", "goal", "goal", R4, &["Goal"]),
    identifier("CarePlan", "identifier", "identifier", R4As("clinical-identifier")),
    reference("CarePlan", "instantiates-canonical", "instantiatesCanonical", R4,
        &["ActivityDefinition", "Measure", "OperationDefinition", "PlanDefinition", "Questionnaire"]),
    uri("CarePlan", "instantiates-uri", "instantiatesUri", R4),
    code("CarePlan", "intent", "intent", R4, "http://hl7.org/fhir/request-intent"),
    reference("CarePlan", "part-of", "partOf", R4, &["CarePlan"]),
    reference("CarePlan", "patient", "subject", R4As("clinical-patient"), &["Patient"]),
    reference("CarePlan", "performer", "activity.detail.performer", R4, &[
        "CareTeam", "Device", "HealthcareService", "Organization", "Patient", "Practitioner",
        "PractitionerRole", "RelatedPerson",
    ]),
    reference("CarePlan", "replaces", "replaces", R4, &["CarePlan"]),
    code("CarePlan", "status", "status", R4, "http://hl7.org/fhir/request-status"),
    reference("CarePlan", "subject", "subject", R4, &["Group", "Patient"]),
];

pub(crate) const CARE_TEAM: &[SearchParameter] = &[
    token("CareTeam", "category", "category", R4),
    date("CareTeam", "date", "period", R4As("clinical-date")),
    reference("CareTeam", "encounter", "encounter", R4, &["Encounter"]),
    identifier("CareTeam", "identifier", "identifier", R4As("clinical-identifier")),
    reference("CareTeam", "participant", "participant.member", R4,
        &["CareTeam", "Organization", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"]),
    reference("CareTeam", "patient", "subject", R4As("clinical-patient"), &["Patient"]),
    // US Core: R4 lets nobody search by the role of a participant.
    token("CareTeam", "role", "participant.role", UsCore("us-core-careteam-role")),
    code("CareTeam", "status", "status", R4, "http://hl7.org/fhir/care-team-status"),
    reference("CareTeam", "subject", "subject", R4, &["Group", "Patient"]),
];

pub(crate) const CONDITION: &[SearchParameter] = &[
    quantity("Condition", "abatement-age", "abatementAge | abatementRange", R4),
    date("Condition", "abatement-date", "abatementDateTime | abatementPeriod", R4),
    text("Condition", "abatement-string", "abatementString", R4),
    // US Core: the date stands in an extension of FHIR's own, not in `recordedDate`.
    date("Condition", "asserted-date",
        "extension(url=http://hl7.org/fhir/StructureDefinition/condition-assertedDate).valueDateTime",
        UsCore("us-core-condition-asserted-date")),
    reference("Condition", "asserter", "asserter", R4, PERSONS),
    token("Condition", "body-site", "bodySite", R4),
    token("Condition", "category", "category", R4),
    token("Condition", "clinical-status", "clinicalStatus", R4),
    token("Condition", "code", "code", R4As("clinical-code")),
    reference("Condition", "encounter", "encounter", R4, &["Encounter"]),
    token("Condition", "evidence", "evidence.code", R4),
    reference("Condition", "evidence-detail", "evidence.detail", R4, ANY),
    identifier("Condition", "identifier", "identifier", R4As("clinical-identifier")),
    quantity("Condition", "onset-age", "onsetAge | onsetRange", R4),
    date("Condition", "onset-date", "onsetDateTime | onsetPeriod", R4),
    text("Condition", "onset-info", "onsetString", R4),
    reference("Condition", "patient", "subject", R4As("clinical-patient"), &["Patient"]),
    date("Condition", "recorded-date", "recordedDate", R4),
    token("Condition", "severity", "severity", R4),
    token("Condition", "stage", "stage.summary", R4),
    reference("Condition", "subject", "subject", R4, &["Group", "Patient"]),
    token("Condition", "verification-status", "verificationStatus", R4),
];

pub(crate) const ENCOUNTER: &[SearchParameter] = &[
    reference("Encounter", "account", "account", R4, &["Account"]),
    reference("Encounter", "appointment", "appointment", R4, &["Appointment"]),
    reference("Encounter", "based-on", "basedOn", R4, &["ServiceRequest"]),
    token("Encounter", "class", "class", R4),
    date("Encounter", "date", "period", R4As("clinical-date")),
    reference("Encounter", "diagnosis", "diagnosis.condition", R4, &["Condition", "Procedure"]),
    // US Core; R4 has no such parameter.
    token("Encounter", "discharge-disposition", "hospitalization.dischargeDisposition",
        UsCore("us-core-encounter-discharge-disposition")),
    reference("Encounter", "episode-of-care", "episodeOfCare", R4, &["EpisodeOfCare"]),
    identifier("Encounter", "identifier", "identifier", R4As("clinical-identifier")),
    quantity("Encounter", "length", "length", R4),
    reference("Encounter", "location", "location.location", R4, &["Location"]),
    date("Encounter", "location-period", "location.period", R4),
    reference("Encounter", "part-of", "partOf", R4, &["Encounter"]),
    reference("Encounter", "participant", "participant.individual", R4,
        &["Practitioner", "PractitionerRole", "RelatedPerson"]),
    token("Encounter", "participant-type", "participant.type", R4),
    reference("Encounter", "patient", "subject", R4As("clinical-patient"), &["Patient"]),
    // The participants who are Practitioners; `participant` also finds those in a role.
    reference("Encounter", "practitioner", "participant.individual", R4, &["Practitioner"]),
    token("Encounter", "reason-code", "reasonCode", R4),
    reference("Encounter", "reason-reference", "reasonReference", R4,
        &["Condition", "ImmunizationRecommendation", "Observation", "Procedure"]),
    reference("Encounter", "service-provider", "serviceProvider", R4, &["Organization"]),
    token("Encounter", "special-arrangement", "hospitalization.specialArrangement", R4),
    code("Encounter", "status", "status", R4, "http://hl7.org/fhir/encounter-status"),
    reference("Encounter", "subject", "subject", R4, &["Group", "Patient"]),
    token("Encounter", "type", "type", R4As("clinical-type")),
];

pub(crate) const GOAL: &[SearchParameter] = &[
    token("Goal", "achievement-status", "achievementStatus", R4),
    token("Goal", "category", "category", R4),
    // US Core: a token, although it reads like prose: the element is a CodeableConcept.
    token("Goal", "description", "description", UsCore("us-core-goal-description")),
    identifier("Goal", "identifier", "identifier", R4As("clinical-identifier")),
    code("Goal", "lifecycle-status", "lifecycleStatus", R4, "http://hl7.org/fhir/goal-status"),
    reference("Goal", "patient", "subject", R4As("clinical-patient"), &["Patient"]),
    date("Goal", "start-date", "startDate", R4),
    reference("Goal", "subject", "subject", R4, &["Group", "Organization", "Patient"]),
    date("Goal", "target-date", "target.dueDate", R4),
];

pub(crate) const IMMUNIZATION: &[SearchParameter] = &[
    // `occurrenceString` is prose and holds no date that can be compared.
    date("Immunization", "date", "occurrenceDateTime", R4As("clinical-date")),
    identifier("Immunization", "identifier", "identifier", R4As("clinical-identifier")),
    reference("Immunization", "location", "location", R4, &["Location"]),
    text("Immunization", "lot-number", "lotNumber", R4),
    reference("Immunization", "manufacturer", "manufacturer", R4, &["Organization"]),
    reference("Immunization", "patient", "patient", R4As("clinical-patient"), &["Patient"]),
    reference("Immunization", "performer", "performer.actor", R4, PROVIDERS),
    reference("Immunization", "reaction", "reaction.detail", R4, &["Observation"]),
    date("Immunization", "reaction-date", "reaction.date", R4),
    token("Immunization", "reason-code", "reasonCode", R4),
    reference("Immunization", "reason-reference", "reasonReference", R4,
        &["Condition", "DiagnosticReport", "Observation"]),
    text("Immunization", "series", "protocolApplied.series", R4),
    code("Immunization", "status", "status", R4, "http://hl7.org/fhir/event-status"),
    token("Immunization", "status-reason", "statusReason", R4),
    token("Immunization", "target-disease", "protocolApplied.targetDisease", R4),
    token("Immunization", "vaccine-code", "vaccineCode", R4),
];

pub(crate) const PROCEDURE: &[SearchParameter] = &[
    reference("Procedure", "based-on", "basedOn", R4, &["CarePlan", "ServiceRequest"]),
    token("Procedure", "category", "category", R4),
    token("Procedure", "code", "code", R4As("clinical-code")),
    // A procedure dated by an age, a range of ages or prose has no date that can be compared.
    date("Procedure", "date", "performedDateTime | performedPeriod", R4As("clinical-date")),
    reference("Procedure", "encounter", "encounter", R4As("clinical-encounter"), &["Encounter"]),
    identifier("Procedure", "identifier", "identifier", R4As("clinical-identifier")),
    reference("Procedure", "instantiates-canonical", "instantiatesCanonical", R4,
        &["ActivityDefinition", "Measure", "OperationDefinition", "PlanDefinition", "Questionnaire"]),
    uri("Procedure", "instantiates-uri", "instantiatesUri", R4),
    reference("Procedure", "location", "location", R4, &["Location"]),
    reference("Procedure", "part-of", "partOf", R4, &["MedicationAdministration", "Observation", "Procedure"]),
    reference("Procedure", "patient", "subject", R4As("clinical-patient"), &["Patient"]),
    reference("Procedure", "performer", "performer.actor", R4, ACTORS),
    token("Procedure", "reason-code", "reasonCode", R4),
    reference("Procedure", "reason-reference", "reasonReference", R4,
        &["Condition", "DiagnosticReport", "DocumentReference", "Observation", "Procedure"]),
    code("Procedure", "status", "status", R4, "http://hl7.org/fhir/event-status"),
    reference("Procedure", "subject", "subject", R4, &["Group", "Patient"]),
];

pub(crate) const SERVICE_REQUEST: &[SearchParameter] = &[
    date("ServiceRequest", "authored", "authoredOn", R4),
    reference("ServiceRequest", "based-on", "basedOn", R4, &["CarePlan", "MedicationRequest", "ServiceRequest"]),
    token("ServiceRequest", "body-site", "bodySite", R4),
    token("ServiceRequest", "category", "category", R4),
    token("ServiceRequest", "code", "code", R4As("clinical-code")),
    reference("ServiceRequest", "encounter", "encounter", R4As("clinical-encounter"), &["Encounter"]),
    identifier("ServiceRequest", "identifier", "identifier", R4As("clinical-identifier")),
    reference("ServiceRequest", "instantiates-canonical", "instantiatesCanonical", R4,
        &["ActivityDefinition", "PlanDefinition"]),
    uri("ServiceRequest", "instantiates-uri", "instantiatesUri", R4),
    code("ServiceRequest", "intent", "intent", R4, "http://hl7.org/fhir/request-intent"),
    date("ServiceRequest", "occurrence", "occurrenceDateTime | occurrencePeriod | occurrenceTiming", R4),
    reference("ServiceRequest", "patient", "subject", R4As("clinical-patient"), &["Patient"]),
    reference("ServiceRequest", "performer", "performer", R4, &[
        "CareTeam", "Device", "HealthcareService", "Organization", "Patient", "Practitioner",
        "PractitionerRole", "RelatedPerson",
    ]),
    token("ServiceRequest", "performer-type", "performerType", R4),
    code("ServiceRequest", "priority", "priority", R4, "http://hl7.org/fhir/request-priority"),
    reference("ServiceRequest", "replaces", "replaces", R4, &["ServiceRequest"]),
    reference("ServiceRequest", "requester", "requester", R4, ACTORS),
    identifier("ServiceRequest", "requisition", "requisition", R4),
    reference("ServiceRequest", "specimen", "specimen", R4, &["Specimen"]),
    code("ServiceRequest", "status", "status", R4, "http://hl7.org/fhir/request-status"),
    reference("ServiceRequest", "subject", "subject", R4, &["Device", "Group", "Location", "Patient"]),
];
