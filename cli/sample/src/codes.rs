//! Codings, code systems, and the canonical URLs of profiles.

/// FHIR's Coding: a code with its system and display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Coding {
    pub(crate) system: &'static str,
    pub(crate) code: &'static str,
    pub(crate) display: &'static str,
}

pub(crate) const UCUM: &str = "http://unitsofmeasure.org";
pub(crate) const NPI: &str = "http://hl7.org/fhir/sid/us-npi";
pub(crate) const TAX_ID: &str = "urn:oid:2.16.840.1.113883.4.4";
/// The base of the systems of identifiers that the sample's plan assigns.
pub(crate) const PLAN_IDS: &str = "https://lakeshore.example.org/ids";

/// Makes a `const fn` per code system, so that tables read `sct("44054006", "…")`.
macro_rules! systems {
    ($($(#[$doc:meta])* $name:ident = $url:expr;)*) => {
        $($(#[$doc])* pub(crate) const fn $name(code: &'static str, display: &'static str) -> Coding {
            Coding { system: $url, code, display }
        })*
    };
}

systems! {
    sct = "http://snomed.info/sct";
    loinc = "http://loinc.org";
    icd10 = "http://hl7.org/fhir/sid/icd-10-cm";
    icd10pcs = "http://www.cms.gov/Medicare/Coding/ICD10";
    rxnorm = "http://www.nlm.nih.gov/research/umls/rxnorm";
    ndc = "http://hl7.org/fhir/sid/ndc";
    cvx = "http://hl7.org/fhir/sid/cvx";
    cpt = "http://www.ama-assn.org/go/cpt";
    hcpcs = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets";
    cdt = "http://www.ada.org/cdt";
    /// The provider taxonomy.
    nucc = "http://nucc.org/provider-taxonomy";
    /// The source of payment typology.
    sopt = "https://nahdo.org/sopt";
    carc = "https://x12.org/codes/claim-adjustment-reason-codes";
    x12_service = "https://x12.org/codes/service-type-codes";
    x12_action = "https://codesystem.x12.org/005010/306";
    /// Reasons for the decision of a review (X12 278, HCR03).
    x12_reason = "https://codesystem.x12.org/external/886";
    x12_level = "https://codesystem.x12.org/005010/1338";
    revenue = "https://www.nubc.org/CodeSystem/RevenueCodes";
    type_of_bill = "https://www.nubc.org/CodeSystem/TypeOfBill";
    point_of_origin = "https://www.nubc.org/CodeSystem/PointOfOrigin";
    admission_type = "https://www.nubc.org/CodeSystem/PriorityTypeOfAdmitOrVisit";
    discharge_status = "https://www.nubc.org/CodeSystem/PatDischargeStatus";
    /// The codes of `discharge_status`, under the URL that US Core binds for Encounter.
    disposition = "http://www.nubc.org/patient-discharge";
    transport_reason = "https://x12.org/codesystem.x12.org/ambulance-transport-reason-codes";
    present_on_admission = "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/HospitalAcqCond/Coding";
    ms_drg = "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/MS-DRG-Classifications-and-Software";
    place = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set";
    tooth = "http://terminology.hl7.org/CodeSystem/ADAUniversalToothDesignationSystem";
    daw = "http://terminology.hl7.org/CodeSystem/NCPDPDispensedAsWrittenOrProductSelectionCode";
    brand_generic = "http://terminology.hl7.org/CodeSystem/NCPDPBrandGenericIndicator";
    rx_origin = "http://terminology.hl7.org/CodeSystem/NCPDPPrescriptionOriginCode";
    compound = "http://terminology.hl7.org/CodeSystem/NCPDPCompoundCode";
    reject = "http://terminology.hl7.org/CodeSystem/NCPDPRejectCode";
    /// C4BB's own code systems.
    c4bb_info = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBSupportingInfoType";
    c4bb_adjudication = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBAdjudication";
    c4bb_discriminator = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBAdjudicationDiscriminator";
    c4bb_status = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBPayerAdjudicationStatus";
    c4bb_identifier = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBIdentifierType";
    c4bb_team = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBClaimCareTeamRole";
    c4bb_diagnosis = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBClaimDiagnosisType";
    c4bb_procedure = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBClaimProcedureType";
    c4bb_related = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBRelatedClaimRelationshipCodes";
    c4bb_subtype = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBInstitutionalClaimSubType";
    surface = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBSurfaceCodes";
    pdex_discriminator = "http://hl7.org/fhir/us/davinci-pdex/CodeSystem/PDexAdjudicationDiscriminator";
    pdex_amount = "http://hl7.org/fhir/us/davinci-pdex/CodeSystem/PriorAuthorizationValueCodes";
    hrex_temp = "http://hl7.org/fhir/us/davinci-hrex/CodeSystem/hrex-temp";
    us_category = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category";
    us_condition = "http://hl7.org/fhir/us/core/CodeSystem/condition-category";
    race = "urn:oid:2.16.840.1.113883.6.238";
    language = "urn:ietf:bcp:47";
}

/// Makes a `const fn` per code system of terminology.hl7.org.
macro_rules! hl7 {
    ($($name:ident = $part:literal;)*) => {
        $(pub(crate) const fn $name(code: &'static str, display: &'static str) -> Coding {
            Coding { system: concat!("http://terminology.hl7.org/CodeSystem/", $part), code, display }
        })*
    };
}

hl7! {
    v2_identifier = "v2-0203";
    v2_diagnostics = "v2-0074";
    act = "v3-ActCode";
    participation = "v3-ParticipationType";
    role_code = "v3-RoleCode";
    confidentiality = "v3-Confidentiality";
    interpretation = "v3-ObservationInterpretation";
    marital = "v3-MaritalStatus";
    absent = "data-absent-reason";
    claim_type = "claim-type";
    adjudication = "adjudication";
    diagnosis_type = "ex-diagnosistype";
    related_claim = "ex-relatedclaimrelationship";
    payee_type = "payeetype";
    priority = "processpriority";
    coverage_class = "coverage-class";
    relationship = "subscriber-relationship";
    condition_clinical = "condition-clinical";
    condition_verification = "condition-ver-status";
    condition_category = "condition-category";
    allergy_clinical = "allergyintolerance-clinical";
    allergy_verification = "allergyintolerance-verification";
    observation_category = "observation-category";
    request_category = "medicationrequest-category";
    agent_type = "provenance-participant-type";
    goal_progress = "goal-achievement";
    goal_category = "goal-category";
    organization_type = "organization-type";
    connection = "endpoint-connection-type";
    payload = "endpoint-payload-type";
}

/// A US Core profile, without a version: a resource conforms to every release of US Core whose rules it keeps.
pub(crate) fn us_core(name: &str) -> String {
    format!("http://hl7.org/fhir/us/core/StructureDefinition/us-core-{name}")
}

/// A C4BB profile, in the two releases that apps and test suites look for. C4BB wants the version in the canonical URL.
pub(crate) fn c4bb(name: &str) -> [String; 2] {
    ["2.1.0", "2.0.0"].map(|v| format!("http://hl7.org/fhir/us/carin-bb/StructureDefinition/C4BB-{name}|{v}"))
}

/// A PDex profile.
pub(crate) fn pdex(name: &str) -> String {
    format!("http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/{name}")
}

/// An HRex profile.
pub(crate) fn hrex(name: &str) -> String {
    format!("http://hl7.org/fhir/us/davinci-hrex/StructureDefinition/hrex-{name}")
}
