//! What each profile asks of a resource: the elements that its snapshot makes mandatory, the codes that tell it from its
//! sisters, and those of its invariants that feeds break. What holds in every set of guides stands in one row, what one
//! set asks besides in a second.

use crate::guides::Guides::{self, UsCore3, UsCore6, UsCore7};

/// What a profile asks.
pub(super) struct Rule {
    /// The profile's id.
    profile: &'static str,
    /// The sets in which it asks this.
    sets: (Guides, Guides),
    /// In the words of [`super::condition`].
    pub(super) condition: &'static str,
}

impl Rule {
    /// All that a profile asks in a set; none where this table does not know the profile.
    pub(super) fn of(profile: &str, guides: Guides) -> impl Iterator<Item = &'static Rule> {
        RULES.iter().filter(move |rule| rule.profile == profile && rule.sets.0 <= guides && guides <= rule.sets.1)
    }
}

const fn rule(profile: &'static str, condition: &'static str) -> Rule {
    Rule { profile, sets: (UsCore3, UsCore7), condition }
}

const fn in_3(profile: &'static str, condition: &'static str) -> Rule {
    Rule { profile, sets: (UsCore3, UsCore3), condition }
}

const fn since_6(profile: &'static str, condition: &'static str) -> Rule {
    Rule { profile, sets: (UsCore6, UsCore7), condition }
}

/// By guide and profile.
const RULES: &[Rule] = &[
    // US Core
    rule("us-core-allergyintolerance", "code patient reaction{manifestation}"),
    rule("us-core-careplan", "status intent subject category=careplan-category|assess-plan"),
    in_3("us-core-careplan", "text.status text.div"),
    rule("us-core-careteam", "subject participant participant{role role#1 member}"),
    rule("us-core-condition", "category code subject"),
    rule("us-core-condition-encounter-diagnosis", "code subject category=condition-category|encounter-diagnosis"),
    rule(
        "us-core-condition-problems-health-concerns",
        "code subject category=condition-category|problem-list-item||category=us-core-condition-category|health-concern",
    ),
    rule(
        "us-core-coverage",
        "status beneficiary relationship payor#1 identifier.type=identifier-type|MB||subscriberId class{type value}",
    ),
    rule(
        "us-core-implantable-device",
        "type patient udiCarrier#1 udiCarrier{deviceIdentifier carrierAIDC||carrierHRF} \
         manufactureDate||expirationDate||lotNumber||serialNumber||distinctIdentifier",
    ),
    rule("us-core-diagnosticreport-lab", "status code subject category=v2-0074|LAB"),
    in_3("us-core-diagnosticreport-lab", "effectiveDateTime||effectivePeriod issued"),
    since_6("us-core-diagnosticreport-lab", "status=registered||effective[x] status=registered||issued"),
    rule("us-core-diagnosticreport-note", "status code subject category !category=v2-0074|LAB"),
    in_3("us-core-diagnosticreport-note", "effectiveDateTime||effectivePeriod"),
    since_6("us-core-diagnosticreport-note", "status=registered||effective[x]"),
    rule("us-core-documentreference", "status type category subject content content{attachment attachment{url||data}}"),
    in_3("us-core-documentreference", "content{attachment.contentType}"),
    rule("us-core-encounter", "status class type subject identifier{system value} location{location}"),
    rule("us-core-goal", "lifecycleStatus description subject"),
    rule("us-core-immunization", "status vaccineCode patient occurrence[x]"),
    in_3("us-core-immunization", "primarySource"),
    rule("us-core-location", "name"),
    rule("us-core-medication", "code"),
    rule("us-core-medicationdispense", "status medication[x] subject performer{actor} status=completed?whenHandedOver"),
    rule("us-core-medicationrequest", "status intent medication[x] subject"),
    in_3("us-core-medicationrequest", "authoredOn requester"),
    since_6("us-core-medicationrequest", "intent=order?requester"),
    rule("us-core-organization", "active name identifier{system=npi?value{@npi} !system=clia}"),
    rule(
        "us-core-patient",
        "gender identifier identifier{system value} name name{family||given} telecom{system value}",
    ),
    rule("us-core-practitioner", "identifier identifier{system value system=npi?value{@npi}} name name{family}"),
    in_3("us-core-practitionerrole", "practitioner organization telecom||endpoint telecom{system value}"),
    since_6(
        "us-core-practitionerrole",
        "practitioner||organization||healthcareService||location telecom{system value}",
    ),
    rule("us-core-procedure", "status code subject performed[x]?performedDateTime||performedPeriod"),
    in_3("us-core-procedure", "performed[x]"),
    since_6("us-core-procedure", "status=completed?performed[x] status=in-progress?performed[x]"),
    rule("us-core-provenance", PROVENANCE),
    rule("us-core-questionnaireresponse", "questionnaire||_questionnaire status subject authored"),
    rule("us-core-relatedperson", "active patient name||relationship"),
    rule("us-core-servicerequest", "status intent code subject"),
    rule("us-core-specimen", "type"),
    // US Core, observations
    rule("vitalsigns", VITAL_SIGN),
    since_6("us-core-vital-signs", VITAL_SIGN),
    rule("us-core-blood-pressure", VITAL_SIGN),
    rule(
        "us-core-blood-pressure",
        "code=loinc|85354-9 component.code=loinc|8480-6 component.code=loinc|8462-4 !value[x] \
         component{value[x]?valueQuantity value[x]||dataAbsentReason valueQuantity{value unit system=ucum code=mm[Hg]}}",
    ),
    rule("us-core-average-blood-pressure", VITAL_SIGN),
    rule(
        "us-core-average-blood-pressure",
        "code=loinc|96607-7 component.code=loinc|96608-5 component.code=loinc|96609-3 !value[x] \
         component{value[x]?valueQuantity value[x]||dataAbsentReason valueQuantity{value unit system=ucum code=mm[Hg]}}",
    ),
    rule("us-core-bmi", VITAL_SIGN),
    rule("us-core-bmi", "code=loinc|39156-5 value[x]?valueQuantity valueQuantity{value unit system=ucum code=kg/m2}"),
    rule("us-core-body-height", VITAL_SIGN),
    rule(
        "us-core-body-height",
        "code=loinc|8302-2 value[x]?valueQuantity valueQuantity{value unit system=ucum code=cm||code=[in_i]}",
    ),
    rule("us-core-body-temperature", VITAL_SIGN),
    rule(
        "us-core-body-temperature",
        "code=loinc|8310-5 value[x]?valueQuantity valueQuantity{value unit system=ucum code=Cel||code=[degF]}",
    ),
    rule("us-core-body-weight", VITAL_SIGN),
    rule(
        "us-core-body-weight",
        "code=loinc|29463-7 value[x]?valueQuantity valueQuantity{value unit system=ucum code=g||code=kg||code=[lb_av]}",
    ),
    rule("us-core-head-circumference", VITAL_SIGN),
    rule(
        "us-core-head-circumference",
        "code=loinc|9843-4 value[x]?valueQuantity valueQuantity{value unit system=ucum code=cm||code=[in_i]}",
    ),
    rule("us-core-heart-rate", VITAL_SIGN),
    rule(
        "us-core-heart-rate",
        "code=loinc|8867-4 value[x]?valueQuantity valueQuantity{value unit system=ucum code=/min}",
    ),
    rule("us-core-respiratory-rate", VITAL_SIGN),
    rule(
        "us-core-respiratory-rate",
        "code=loinc|9279-1 value[x]?valueQuantity valueQuantity{value unit system=ucum code=/min}",
    ),
    rule("us-core-pulse-oximetry", VITAL_SIGN),
    rule(
        "us-core-pulse-oximetry",
        "code=loinc|59408-5 code=loinc|2708-6 value[x]?valueQuantity valueQuantity{value unit system=ucum code=%} \
         !component",
    ),
    rule("head-occipital-frontal-circumference-percentile", VITAL_SIGN),
    rule("head-occipital-frontal-circumference-percentile", "code=loinc|8289-1"),
    rule("head-occipital-frontal-circumference-percentile", PERCENTILE),
    rule("pediatric-bmi-for-age", VITAL_SIGN),
    rule("pediatric-bmi-for-age", "code=loinc|59576-9"),
    rule("pediatric-bmi-for-age", PERCENTILE),
    rule("pediatric-weight-for-height", VITAL_SIGN),
    rule("pediatric-weight-for-height", "code=loinc|77606-2"),
    rule("pediatric-weight-for-height", PERCENTILE),
    rule("us-core-observation-lab", OBSERVATION),
    rule("us-core-observation-lab", "category=observation-category|laboratory"),
    rule("us-core-observation-clinical-result", OBSERVATION),
    rule(
        "us-core-observation-clinical-result",
        "category=observation-category|imaging||category=observation-category|procedure||\
         category=observation-category|exam||category=observation-category|therapy||category=observation-category|activity",
    ),
    rule("us-core-observation-screening-assessment", OBSERVATION),
    rule("us-core-observation-screening-assessment", "category=observation-category|survey"),
    rule("us-core-simple-observation", OBSERVATION),
    rule(
        "us-core-simple-observation",
        "category=us-core-category|sdoh||category=us-core-category|functional-status||\
         category=us-core-category|disability-status||category=us-core-category|cognitive-status",
    ),
    rule("us-core-smokingstatus", "status subject code=loinc|72166-2 valueCodeableConcept"),
    in_3("us-core-smokingstatus", "issued"),
    since_6("us-core-smokingstatus", "effectiveDateTime category=observation-category|social-history"),
    rule("us-core-observation-occupation", "status subject code=loinc|11341-5 valueCodeableConcept"),
    rule(
        "us-core-observation-pregnancyintent",
        "status subject code=loinc|86645-9 effectiveDateTime valueCodeableConcept",
    ),
    rule(
        "us-core-observation-pregnancystatus",
        "status subject code=loinc|82810-3 effectiveDateTime valueCodeableConcept",
    ),
    rule("us-core-observation-sexual-orientation", "status subject code=loinc|76690-7 value[x]?valueCodeableConcept"),
    rule("us-core-care-experience-preference", "status subject code=loinc|95541-9"),
    rule("us-core-treatment-intervention-preference", "status subject code=loinc|75773-2"),
    // CARIN Blue Button
    rule("C4BB-Coverage", "status subscriberId beneficiary relationship payor#1 class{type value}"),
    rule(
        "C4BB-Organization",
        "active name identifier{!system=npi||type=identifier-type|NPI system=npi?value{@npi} !system=clia}",
    ),
    rule(
        "C4BB-Patient",
        "gender identifier{system value} identifier.type=identifier-type|MB name name{family||given} \
         telecom{system value}",
    ),
    rule(
        "C4BB-Practitioner",
        "identifier identifier{system value !system=npi||type=identifier-type|NPI system=npi?value{@npi}} \
         name name{family}",
    ),
    rule("C4BB-RelatedPerson", "active patient name||relationship"),
    rule("C4BB-ExplanationOfBenefit-Inpatient-Institutional", EXPLANATION),
    rule(
        "C4BB-ExplanationOfBenefit-Inpatient-Institutional",
        "type=claim-type|institutional subType=subtype|inpatient supportingInfo.category=info|admissionperiod \
         supportingInfo{category=info|admissionperiod?timingPeriod} diagnosis diagnosis{type} procedure{type} \
         item{revenue} adjudication total",
    ),
    rule("C4BB-ExplanationOfBenefit-Outpatient-Institutional", EXPLANATION),
    rule(
        "C4BB-ExplanationOfBenefit-Outpatient-Institutional",
        "type=claim-type|institutional subType=subtype|outpatient diagnosis diagnosis{type} item{serviced[x]} \
         adjudication.category=adjudication-discriminator|benefitpaymentstatus total",
    ),
    in_3("C4BB-ExplanationOfBenefit-Outpatient-Institutional", "item{servicedDate}"),
    rule("C4BB-ExplanationOfBenefit-Professional-NonClinician", EXPLANATION),
    rule(
        "C4BB-ExplanationOfBenefit-Professional-NonClinician",
        "type=claim-type|professional||type=claim-type|vision diagnosis diagnosis{type} \
         item{serviced[x] locationCodeableConcept adjudication.amount} \
         item{adjudication.category=adjudication-discriminator|benefitpaymentstatus} \
         adjudication.category=adjudication-discriminator|billingnetworkstatus total",
    ),
    rule("C4BB-ExplanationOfBenefit-Pharmacy", EXPLANATION),
    rule(
        "C4BB-ExplanationOfBenefit-Pharmacy",
        "type=claim-type|pharmacy supportingInfo.category=info|dayssupply supportingInfo.category=info|dawcode \
         supportingInfo.category=info|refillnum supportingInfo.category=info|refillsauthorized \
         item{serviced[x] adjudication.amount} \
         adjudication.category=adjudication-discriminator|billingnetworkstatus \
         adjudication.category=adjudication-discriminator|benefitpaymentstatus total",
    ),
    in_3("C4BB-ExplanationOfBenefit-Pharmacy", "item{servicedDate}"),
    rule("C4BB-ExplanationOfBenefit-Oral", EXPLANATION),
    rule(
        "C4BB-ExplanationOfBenefit-Oral",
        "type=claim-type|oral diagnosis{type} item{serviced[x] location[x] adjudication.amount} \
         item{adjudication.category=adjudication-discriminator|benefitpaymentstatus} \
         adjudication.category=adjudication-discriminator|billingnetworkstatus total",
    ),
    in_3("C4BB-ExplanationOfBenefit-Oral", "item{locationCodeableConcept}"),
    // PDex and HRex
    rule("pdex-device", "type patient"),
    rule(
        "pdex-medicationdispense",
        "status medicationCodeableConcept subject performer{actor} status=completed?whenHandedOver",
    ),
    rule(
        "pdex-priorauthorization",
        "use=preauthorization status type patient created insurer provider outcome insurance{focal coverage} \
         item{productOrService adjudication{category=pdex-discriminator|denialreason?reason}}",
    ),
    rule("pdex-provenance", PROVENANCE),
    rule("hrex-coverage", "status beneficiary payor"),
    in_3("hrex-coverage", "identifier{value}"),
    since_6("hrex-coverage", "relationship identifier{type=identifier-type|MB?value}"),
];

/// Who acts for an organization says for which (provenance-1).
const PROVENANCE: &str =
    "target recorded agent agent{who who.reference^Practitioner/?onBehalfOf who.reference^Device/?onBehalfOf}";

/// A result with a value, or with what stands in its place.
const OBSERVATION: &str = "status category code subject value[x]||dataAbsentReason||component||hasMember \
    valueQuantity{system?system=ucum} effectiveDateTime{@day}";

/// R4's own profile, which those of US Core share.
const VITAL_SIGN: &str = "status code subject category=observation-category|vital-signs effectiveDateTime||effectivePeriod \
    effectiveDateTime{@day} value[x]||dataAbsentReason||component||hasMember \
    component{value[x]||dataAbsentReason} valueQuantity{system?system=ucum}";

const PERCENTILE: &str = "value[x]?valueQuantity valueQuantity{value unit system=ucum code=%}";

/// What the explanations of benefits of all kinds share.
const EXPLANATION: &str = "status use=claim patient billablePeriod.start created insurer provider outcome insurance item \
    identifier.type=claim-identifier|uc identifier{type=claim-identifier|uc?value} careTeam{role provider} \
    payee{type} insurance{focal coverage} item{productOrService} total{category amount}";
