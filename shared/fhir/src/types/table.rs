//! The rows of the resource types.

use super::Owner::{self, Attachment, Itself, Shared, Subject, SubjectOrShared, Targets};
use super::ResourceType;
use crate::parameters::{SearchParameter, administrative, clinical, diagnostics, documents, financial, medications};

/// The summary elements of an `Attachment`: all but the data.
const ATTACHMENT: &str = "contentType language url size hash title creation";

/// The summary elements of a `SampledData`: all but the data.
const SAMPLED_DATA: &str = "origin period factor lowerLimit upperLimit dimensions";

/// Every type that is stored and served, by name.
pub static TYPES: &[ResourceType] = &[
    row("AllergyIntolerance", Subject("patient"), "Allergies")
        .key_date("date")
        .summary("identifier clinicalStatus verificationStatus type category criticality code patient asserter")
        .mandatory("patient")
        .own_parameters(clinical::ALLERGY_INTOLERANCE),
    row("Binary", Attachment, "The contents of documents")
        .summary("contentType securityContext")
        .mandatory("contentType"),
    row("CarePlan", Subject("subject"), "Care plans")
        .key_date("date")
        .summary(
            "identifier instantiatesCanonical instantiatesUri basedOn replaces partOf status intent category \
             title description subject encounter period created author addresses",
        )
        .mandatory("status intent subject")
        .own_parameters(clinical::CARE_PLAN),
    row("CareTeam", Subject("subject"), "Who takes care of you")
        .key_date("date")
        .summary("identifier status category name subject encounter period managingOrganization")
        .own_parameters(clinical::CARE_TEAM),
    row("Claim", Subject("patient"), "Claims as they were filed")
        .key_date("created")
        .summary("status type use patient billablePeriod created insurer provider priority insurance")
        .parts(&[("insurance", "sequence focal coverage")])
        .mandatory("status type use patient created provider priority insurance")
        .own_parameters(financial::CLAIM),
    row("ClaimResponse", Subject("patient"), "Answers to claims")
        .key_date("created")
        .summary("status type use patient created insurer request outcome total")
        .mandatory("status type use patient created insurer outcome")
        .own_parameters(financial::CLAIM_RESPONSE),
    row("Condition", Subject("subject"), "Health conditions and diagnoses")
        .key_date("recorded-date")
        .care_date("onset-date")
        .summary(
            "identifier clinicalStatus verificationStatus code bodySite subject encounter onset[x] recordedDate \
             recorder asserter",
        )
        .mandatory("subject")
        .own_parameters(clinical::CONDITION),
    row("Coverage", Subject("beneficiary"), "Your insurance coverage")
        .key_date("period")
        .summary(
            "identifier status type policyHolder subscriber subscriberId beneficiary dependent period payor \
             order network",
        )
        .mandatory("status beneficiary payor")
        .own_parameters(financial::COVERAGE),
    row("Device", SubjectOrShared("patient"), "Medical devices")
        .summary("udiCarrier status safety")
        .parts(&[("udiCarrier", "deviceIdentifier carrierAIDC carrierHRF")])
        .own_parameters(diagnostics::DEVICE),
    row("DiagnosticReport", Subject("subject"), "Test and examination reports")
        .key_date("date")
        .summary(
            "identifier status category code subject encounter effective[x] issued performer resultsInterpreter \
             media",
        )
        .parts(&[("media", "link")])
        .mandatory("status code")
        .own_parameters(diagnostics::DIAGNOSTIC_REPORT),
    row("DocumentReference", Subject("subject"), "Documents")
        .key_date("date")
        .care_date("period")
        .summary(
            "masterIdentifier identifier status docStatus type category subject date author relatesTo \
             description securityLabel content context",
        )
        .parts(&[("content.attachment", ATTACHMENT), ("context", "period")])
        .mandatory("status content")
        .own_parameters(documents::DOCUMENT_REFERENCE),
    row("Encounter", Subject("subject"), "Visits and hospital stays")
        .key_date("date")
        .summary(
            "identifier status class type serviceType subject episodeOfCare participant appointment reasonCode \
             reasonReference diagnosis",
        )
        .parts(&[("diagnosis", "condition"), ("participant", "type individual")])
        .mandatory("status class")
        .own_parameters(clinical::ENCOUNTER),
    row("Endpoint", Shared, "Technical addresses of providers")
        .referred_by(&["Location", "Organization", "PractitionerRole"])
        .summary(
            "identifier status connectionType name managingOrganization period payloadType payloadMimeType \
             address",
        )
        .mandatory("status connectionType payloadType address")
        .own_parameters(administrative::ENDPOINT),
    row(
        "ExplanationOfBenefit",
        Subject("patient"),
        "Claims: what was done, charged and paid, and prior authorizations",
    )
    .key_date("created")
    .care_date("service-date")
    .summary("status type use patient billablePeriod created insurer provider outcome insurance total")
    .parts(&[("insurance", "focal coverage")])
    .mandatory("status type use patient created insurer provider outcome insurance")
    .own_parameters(financial::EXPLANATION_OF_BENEFIT),
    row("Goal", Subject("subject"), "Health goals")
        .key_date("start-date")
        .summary(
            "lifecycleStatus achievementStatus category priority description subject start[x] statusDate \
             expressedBy",
        )
        .mandatory("lifecycleStatus description subject")
        .own_parameters(clinical::GOAL),
    row("ImagingStudy", Subject("subject"), "Imaging studies")
        .key_date("started")
        .summary(
            "identifier status modality subject encounter started basedOn referrer interpreter endpoint \
             numberOfSeries numberOfInstances procedureReference procedureCode location reasonCode \
             reasonReference note description series",
        )
        .parts(&[(
            "series",
            "uid number modality description numberOfInstances endpoint bodySite laterality specimen started performer",
        )])
        .mandatory("status subject")
        .own_parameters(diagnostics::IMAGING_STUDY),
    row("Immunization", Subject("patient"), "Vaccinations")
        .key_date("date")
        .summary("status vaccineCode patient occurrence[x] primarySource performer note isSubpotent")
        .mandatory("status vaccineCode patient")
        .own_parameters(clinical::IMMUNIZATION),
    row("Location", Shared, "Where care was given")
        .referred_by(&["Device", "Location", "PractitionerRole"])
        .summary("identifier status operationalStatus name description mode type physicalType managingOrganization")
        .own_parameters(administrative::LOCATION),
    row("Media", Subject("subject"), "Pictures and recordings")
        .key_date("created")
        .summary(
            "identifier basedOn partOf status type modality view subject encounter created[x] issued operator \
             reasonCode bodySite deviceName device height width frames duration content",
        )
        .parts(&[("content", ATTACHMENT)])
        .mandatory("status content")
        .own_parameters(diagnostics::MEDIA),
    row("Medication", Shared, "Details of medicines")
        .referred_by(&["Medication"])
        .summary("identifier code status manufacturer amount")
        .own_parameters(medications::MEDICATION),
    row("MedicationDispense", Subject("subject"), "Medicines handed out")
        .key_date("whenhandedover")
        .summary("status medication[x] subject whenPrepared")
        .mandatory("status")
        .own_parameters(medications::MEDICATION_DISPENSE),
    row("MedicationRequest", Subject("subject"), "Prescriptions")
        .key_date("authoredon")
        .summary(
            "status intent priority doNotPerform reported[x] medication[x] subject authoredOn requester \
             performerType instantiatesCanonical instantiatesUri basedOn groupIdentifier",
        )
        .mandatory("status intent")
        .own_parameters(medications::MEDICATION_REQUEST),
    row("MedicationStatement", Subject("subject"), "Medicines you take")
        .key_date("effective")
        .summary("identifier basedOn partOf status category medication[x] subject context effective[x] dateAsserted")
        .mandatory("status")
        .own_parameters(medications::MEDICATION_STATEMENT),
    row("Observation", Subject("subject"), "Lab results, vital signs and other observations")
        .key_date("date")
        .summary(
            "identifier basedOn partOf status code subject focus encounter effective[x] issued performer \
             value[x] hasMember derivedFrom component",
        )
        .parts(&[
            ("component", "code value[x]"),
            ("component.valueSampledData", SAMPLED_DATA),
            ("valueSampledData", SAMPLED_DATA),
        ])
        .mandatory("status code")
        .own_parameters(diagnostics::OBSERVATION),
    row("Organization", Shared, "Hospitals, practices and insurers")
        .referred_by(&["Device", "Endpoint", "Location", "Medication", "Organization", "PractitionerRole"])
        .summary("identifier active type name partOf")
        .own_parameters(administrative::ORGANIZATION),
    row("Patient", Itself, "Your name, birth date, address and contact details")
        .summary("identifier active name telecom gender birthDate deceased[x] address managingOrganization link")
        .own_parameters(administrative::PATIENT),
    row("Practitioner", Shared, "Doctors and other professionals")
        .referred_by(&["PractitionerRole"])
        .summary("identifier active name telecom address gender birthDate")
        .own_parameters(administrative::PRACTITIONER),
    row("PractitionerRole", Shared, "What professionals do, and where")
        .summary("identifier active period practitioner organization code specialty location telecom")
        .own_parameters(administrative::PRACTITIONER_ROLE),
    row("Procedure", Subject("subject"), "Procedures and operations")
        .key_date("date")
        .summary(
            "identifier instantiatesCanonical instantiatesUri basedOn partOf status statusReason category code \
             subject encounter performed[x] recorder asserter performer location reasonCode reasonReference \
             bodySite outcome",
        )
        .parts(&[("performer", "function actor")])
        .mandatory("status subject")
        .own_parameters(clinical::PROCEDURE),
    row("Provenance", Targets("target"), "Where each entry comes from")
        .summary("target recorded")
        // `agent` is in a summary because it must be there; R4 does not call it summary.
        .parts(&[("agent", "type who")])
        .mandatory("target recorded agent")
        .own_parameters(documents::PROVENANCE),
    row("Questionnaire", Shared, "Questionnaires")
        .summary(
            "url identifier version name title status experimental subjectType date publisher contact \
             useContext jurisdiction effectivePeriod code",
        )
        .mandatory("status")
        .own_parameters(documents::QUESTIONNAIRE),
    row("QuestionnaireResponse", Subject("subject"), "Your answers to questionnaires")
        .key_date("authored")
        .summary("identifier basedOn partOf questionnaire status subject encounter authored author source")
        .mandatory("status")
        .own_parameters(documents::QUESTIONNAIRE_RESPONSE),
    row("RelatedPerson", Subject("patient"), "People related to you")
        .summary("identifier active patient relationship name telecom gender birthDate address")
        .mandatory("patient")
        .own_parameters(administrative::RELATED_PERSON),
    row("ServiceRequest", Subject("subject"), "Orders and referrals")
        .key_date("authored")
        .care_date("occurrence")
        .summary(
            "identifier instantiatesCanonical instantiatesUri basedOn replaces requisition status intent \
             category priority doNotPerform code orderDetail quantity[x] subject encounter occurrence[x] \
             asNeeded[x] authoredOn requester performerType performer locationCode locationReference reasonCode \
             reasonReference specimen bodySite patientInstruction",
        )
        .mandatory("status intent subject")
        .own_parameters(clinical::SERVICE_REQUEST),
    row("Specimen", Subject("subject"), "Specimens taken for tests")
        .key_date("collected")
        .summary("identifier accessionIdentifier status type subject receivedTime condition")
        .own_parameters(diagnostics::SPECIMEN),
];

const fn row(name: &'static str, owner: Owner, words: &'static str) -> ResourceType {
    ResourceType {
        name,
        owner,
        words,
        key_date: None,
        care_date: None,
        referred_by: &[],
        summary: "",
        parts: &[],
        mandatory: "",
        own_parameters: &[],
    }
}

impl ResourceType {
    const fn key_date(self, code: &'static str) -> Self {
        Self { key_date: Some(code), ..self }
    }

    const fn care_date(self, code: &'static str) -> Self {
        Self { care_date: Some(code), ..self }
    }

    const fn referred_by(self, referred_by: &'static [&'static str]) -> Self {
        Self { referred_by, ..self }
    }

    const fn summary(self, summary: &'static str) -> Self {
        Self { summary, ..self }
    }

    const fn parts(self, parts: &'static [(&'static str, &'static str)]) -> Self {
        Self { parts, ..self }
    }

    const fn mandatory(self, mandatory: &'static str) -> Self {
        Self { mandatory, ..self }
    }

    const fn own_parameters(self, own_parameters: &'static [SearchParameter]) -> Self {
        Self { own_parameters, ..self }
    }
}
