//! Documents and forms, and the records of who did what to which resource.

use super::Definition::{R4, R4As};
use super::{
    ACTORS, ANY, PERSONS, PROVIDERS, SearchParameter, code, date, identifier, quantity, reference, text, token, uri,
};

pub(crate) const DOCUMENT_REFERENCE: &[SearchParameter] = &[
    reference("DocumentReference", "authenticator", "authenticator", R4, PROVIDERS),
    reference("DocumentReference", "author", "author", R4, ACTORS),
    token("DocumentReference", "category", "category", R4),
    code("DocumentReference", "contenttype", "content.attachment.contentType", R4, "urn:ietf:bcp:13"),
    reference("DocumentReference", "custodian", "custodian", R4, &["Organization"]),
    date("DocumentReference", "date", "date", R4),
    text("DocumentReference", "description", "description", R4),
    reference("DocumentReference", "encounter", "context.encounter", R4As("clinical-encounter"),
        &["Encounter", "EpisodeOfCare"]),
    token("DocumentReference", "event", "context.event", R4),
    token("DocumentReference", "facility", "context.facilityType", R4),
    token("DocumentReference", "format", "content.format", R4),
    identifier("DocumentReference", "identifier", "masterIdentifier | identifier", R4As("clinical-identifier")),
    code("DocumentReference", "language", "content.attachment.language", R4, "urn:ietf:bcp:47"),
    // An attachment's address, not a Location.
    uri("DocumentReference", "location", "content.attachment.url", R4),
    reference("DocumentReference", "patient", "subject", R4As("clinical-patient"), &["Patient"]),
    date("DocumentReference", "period", "context.period", R4),
    reference("DocumentReference", "related", "context.related", R4, ANY),
    reference("DocumentReference", "relatesto", "relatesTo.target", R4, &["DocumentReference"]),
    code("DocumentReference", "relation", "relatesTo.code", R4, "http://hl7.org/fhir/document-relationship-type"),
    token("DocumentReference", "security-label", "securityLabel", R4),
    token("DocumentReference", "setting", "context.practiceSetting", R4),
    code("DocumentReference", "status", "status", R4, "http://hl7.org/fhir/document-reference-status"),
    reference("DocumentReference", "subject", "subject", R4, &["Device", "Group", "Patient", "Practitioner"]),
    token("DocumentReference", "type", "type", R4As("clinical-type")),
];

pub(crate) const PROVENANCE: &[SearchParameter] = &[
    reference("Provenance", "agent", "agent.who", R4, ACTORS),
    token("Provenance", "agent-role", "agent.role", R4),
    token("Provenance", "agent-type", "agent.type", R4),
    reference("Provenance", "entity", "entity.what", R4, ANY),
    reference("Provenance", "location", "location", R4, &["Location"]),
    reference("Provenance", "patient", "target", R4, &["Patient"]),
    date("Provenance", "recorded", "recorded", R4),
    token("Provenance", "signature-type", "signature.type", R4),
    // US Core (SHALL): `_revinclude=Provenance:target` on clinical types.
    reference("Provenance", "target", "target", R4, ANY),
    // R4 leaves out `occurredPeriod`.
    date("Provenance", "when", "occurredDateTime", R4),
];

pub(crate) const QUESTIONNAIRE: &[SearchParameter] = &[
    // The items' codes; the questionnaire's own `code` has no parameter. Nested items are not searched.
    token("Questionnaire", "code", "item.code", R4),
    token("Questionnaire", "context", "useContext.valueCodeableConcept", R4),
    quantity("Questionnaire", "context-quantity", "useContext.valueQuantity | useContext.valueRange", R4),
    token("Questionnaire", "context-type", "useContext.code", R4),
    date("Questionnaire", "date", "date", R4),
    uri("Questionnaire", "definition", "item.definition", R4),
    text("Questionnaire", "description", "description", R4),
    date("Questionnaire", "effective", "effectivePeriod", R4),
    identifier("Questionnaire", "identifier", "identifier", R4),
    token("Questionnaire", "jurisdiction", "jurisdiction", R4),
    text("Questionnaire", "name", "name", R4),
    text("Questionnaire", "publisher", "publisher", R4),
    code("Questionnaire", "status", "status", R4, "http://hl7.org/fhir/publication-status"),
    code("Questionnaire", "subject-type", "subjectType", R4, "http://hl7.org/fhir/resource-types"),
    text("Questionnaire", "title", "title", R4),
    uri("Questionnaire", "url", "url", R4),
    token("Questionnaire", "version", "version", R4),
];

pub(crate) const QUESTIONNAIRE_RESPONSE: &[SearchParameter] = &[
    reference("QuestionnaireResponse", "author", "author", R4, ACTORS),
    date("QuestionnaireResponse", "authored", "authored", R4),
    reference("QuestionnaireResponse", "based-on", "basedOn", R4, &["CarePlan", "ServiceRequest"]),
    reference("QuestionnaireResponse", "encounter", "encounter", R4, &["Encounter"]),
    identifier("QuestionnaireResponse", "identifier", "identifier", R4),
    reference("QuestionnaireResponse", "part-of", "partOf", R4, &["Observation", "Procedure"]),
    reference("QuestionnaireResponse", "patient", "subject", R4, &["Patient"]),
    // A canonical URL rather than a reference: one without a version finds every version.
    reference("QuestionnaireResponse", "questionnaire", "questionnaire", R4, &["Questionnaire"]),
    reference("QuestionnaireResponse", "source", "source", R4, PERSONS),
    code("QuestionnaireResponse", "status", "status", R4, "http://hl7.org/fhir/questionnaire-answers-status"),
    reference("QuestionnaireResponse", "subject", "subject", R4, ANY),
];
