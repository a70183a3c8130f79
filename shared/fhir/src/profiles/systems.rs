//! The code systems and the namespaces of identifiers that rules name.

/// A code system, or a namespace of identifiers.
#[derive(Debug)]
pub(super) struct System(pub(super) &'static str);

pub(in crate::profiles) const CLAIM_TYPE: System = System("http://terminology.hl7.org/CodeSystem/claim-type");
pub(in crate::profiles) const CONDITION_CATEGORY: System =
    System("http://terminology.hl7.org/CodeSystem/condition-category");
pub(in crate::profiles) const DIAGNOSTIC_SERVICE: System = System("http://terminology.hl7.org/CodeSystem/v2-0074");
pub(in crate::profiles) const IDENTIFIER_TYPE: System = System("http://terminology.hl7.org/CodeSystem/v2-0203");
pub(in crate::profiles) const OBSERVATION_CATEGORY: System =
    System("http://terminology.hl7.org/CodeSystem/observation-category");

pub(in crate::profiles) const CLIA: System = System("urn:oid:2.16.840.1.113883.4.7");
pub(in crate::profiles) const LOINC: System = System("http://loinc.org");
pub(in crate::profiles) const NPI: System = System("http://hl7.org/fhir/sid/us-npi");
pub(in crate::profiles) const UCUM: System = System("http://unitsofmeasure.org");

pub(in crate::profiles) const CAREPLAN_CATEGORY: System =
    System("http://hl7.org/fhir/us/core/CodeSystem/careplan-category");
pub(in crate::profiles) const US_CORE_CATEGORY: System =
    System("http://hl7.org/fhir/us/core/CodeSystem/us-core-category");
pub(in crate::profiles) const US_CORE_CONDITION_CATEGORY: System =
    System("http://hl7.org/fhir/us/core/CodeSystem/condition-category");

pub(in crate::profiles) const C4BB_ADJUDICATION: System =
    System("http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBAdjudicationDiscriminator");
pub(in crate::profiles) const C4BB_IDENTIFIER_TYPE: System =
    System("http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBIdentifierType");
pub(in crate::profiles) const C4BB_INSTITUTIONAL_SUBTYPE: System =
    System("http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBInstitutionalClaimSubType");
pub(in crate::profiles) const C4BB_SUPPORTING_INFO: System =
    System("http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBSupportingInfoType");
pub(in crate::profiles) const PDEX_ADJUDICATION: System =
    System("http://hl7.org/fhir/us/davinci-pdex/CodeSystem/PDexAdjudicationDiscriminator");
