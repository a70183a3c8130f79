//! US Core, but for its observations.

use super::{Rule, in_3, rule, since_6};
use crate::profiles::predicate::Predicate::{
    self, Any, Coded, Each, Has, HasAny, Is, Not, Of, Once, ProviderNumber, RefersTo, Unless, When,
};
use crate::profiles::systems::{
    CAREPLAN_CATEGORY, CLIA, CONDITION_CATEGORY, DIAGNOSTIC_SERVICE, IDENTIFIER_TYPE, NPI, US_CORE_CONDITION_CATEGORY,
};

pub(super) const RULES: &[Rule] = &[
    rule("us-core-allergyintolerance", &[Has(&["code", "patient"]), Each("reaction", &[Has(&["manifestation"])])]),
    rule(
        "us-core-careplan",
        &[Has(&["status", "intent", "subject"]), Coded("category", CAREPLAN_CATEGORY, &["assess-plan"])],
    ),
    in_3("us-core-careplan", &[Has(&["text.status", "text.div"])]),
    rule(
        "us-core-careteam",
        &[Has(&["subject", "participant"]), Each("participant", &[Once("role"), Has(&["member"])])],
    ),
    rule("us-core-condition", &[Has(&["category", "code", "subject"])]),
    rule(
        "us-core-condition-encounter-diagnosis",
        &[Has(&["code", "subject"]), Coded("category", CONDITION_CATEGORY, &["encounter-diagnosis"])],
    ),
    rule(
        "us-core-condition-problems-health-concerns",
        &[
            Has(&["code", "subject"]),
            Any(&[
                Coded("category", CONDITION_CATEGORY, &["problem-list-item"]),
                Coded("category", US_CORE_CONDITION_CATEGORY, &["health-concern"]),
            ]),
        ],
    ),
    rule(
        "us-core-coverage",
        &[
            Has(&["status", "beneficiary", "relationship"]),
            Once("payor"),
            Any(&[Coded("identifier.type", IDENTIFIER_TYPE, &["MB"]), Has(&["subscriberId"])]),
            Each("class", &[Has(&["type", "value"])]),
        ],
    ),
    rule(
        "us-core-implantable-device",
        &[
            Has(&["type", "patient"]),
            Once("udiCarrier"),
            Each("udiCarrier", &[Has(&["deviceIdentifier"]), HasAny(&["carrierAIDC", "carrierHRF"])]),
            HasAny(&["manufactureDate", "expirationDate", "lotNumber", "serialNumber", "distinctIdentifier"]),
        ],
    ),
    rule(
        "us-core-diagnosticreport-lab",
        &[Has(&["status", "code", "subject"]), Coded("category", DIAGNOSTIC_SERVICE, &["LAB"])],
    ),
    in_3("us-core-diagnosticreport-lab", &[HasAny(&["effectiveDateTime", "effectivePeriod"]), Has(&["issued"])]),
    since_6(
        "us-core-diagnosticreport-lab",
        &[Unless(&Is("status", &["registered"]), &[Has(&["effective[x]", "issued"])])],
    ),
    rule(
        "us-core-diagnosticreport-note",
        &[Has(&["status", "code", "subject", "category"]), Not(&Coded("category", DIAGNOSTIC_SERVICE, &["LAB"]))],
    ),
    in_3("us-core-diagnosticreport-note", &[HasAny(&["effectiveDateTime", "effectivePeriod"])]),
    since_6("us-core-diagnosticreport-note", &[Unless(&Is("status", &["registered"]), &[Has(&["effective[x]"])])]),
    rule(
        "us-core-documentreference",
        &[
            Has(&["status", "type", "category", "subject", "content"]),
            Each("content", &[Has(&["attachment"]), Each("attachment", &[HasAny(&["url", "data"])])]),
        ],
    ),
    in_3("us-core-documentreference", &[Each("content", &[Has(&["attachment.contentType"])])]),
    rule(
        "us-core-encounter",
        &[
            Has(&["status", "class", "type", "subject"]),
            Each("identifier", &[Has(&["system", "value"])]),
            Each("location", &[Has(&["location"])]),
        ],
    ),
    rule("us-core-goal", &[Has(&["lifecycleStatus", "description", "subject"])]),
    rule("us-core-immunization", &[Has(&["status", "vaccineCode", "patient", "occurrence[x]"])]),
    in_3("us-core-immunization", &[Has(&["primarySource"])]),
    rule("us-core-location", &[Has(&["name"])]),
    rule("us-core-medication", &[Has(&["code"])]),
    rule(
        "us-core-medicationdispense",
        &[
            Has(&["status", "medication[x]", "subject"]),
            Each("performer", &[Has(&["actor"])]),
            When(&Is("status", &["completed"]), &[Has(&["whenHandedOver"])]),
        ],
    ),
    rule("us-core-medicationrequest", &[Has(&["status", "intent", "medication[x]", "subject"])]),
    in_3("us-core-medicationrequest", &[Has(&["authoredOn", "requester"])]),
    since_6("us-core-medicationrequest", &[When(&Is("intent", &["order"]), &[Has(&["requester"])])]),
    rule(
        "us-core-organization",
        &[Has(&["active", "name"]), Each("identifier", &[When(&Of(NPI), &[ProviderNumber("value")]), Not(&Of(CLIA))])],
    ),
    rule(
        "us-core-patient",
        &[
            Has(&["gender", "identifier", "name"]),
            Each("identifier", &[Has(&["system", "value"])]),
            Each("name", &[HasAny(&["family", "given"])]),
            Each("telecom", &[Has(&["system", "value"])]),
        ],
    ),
    rule(
        "us-core-practitioner",
        &[
            Has(&["identifier", "name"]),
            Each("identifier", &[Has(&["system", "value"]), When(&Of(NPI), &[ProviderNumber("value")])]),
            Each("name", &[Has(&["family"])]),
        ],
    ),
    rule("us-core-practitionerrole", &[Each("telecom", &[Has(&["system", "value"])])]),
    in_3("us-core-practitionerrole", &[Has(&["practitioner", "organization"]), HasAny(&["telecom", "endpoint"])]),
    since_6("us-core-practitionerrole", &[HasAny(&["practitioner", "organization", "healthcareService", "location"])]),
    rule(
        "us-core-procedure",
        &[
            Has(&["status", "code", "subject"]),
            When(&Has(&["performed[x]"]), &[HasAny(&["performedDateTime", "performedPeriod"])]),
        ],
    ),
    in_3("us-core-procedure", &[Has(&["performed[x]"])]),
    since_6("us-core-procedure", &[When(&Is("status", &["completed", "in-progress"]), &[Has(&["performed[x]"])])]),
    rule("us-core-provenance", PROVENANCE),
    rule(
        "us-core-questionnaireresponse",
        &[HasAny(&["questionnaire", "_questionnaire"]), Has(&["status", "subject", "authored"])],
    ),
    rule("us-core-relatedperson", &[Has(&["active", "patient"]), HasAny(&["name", "relationship"])]),
    rule("us-core-servicerequest", &[Has(&["status", "intent", "code", "subject"])]),
    rule("us-core-specimen", &[Has(&["type"])]),
];

/// An agent who acts for an organization says for which one (provenance-1).
pub(super) const PROVENANCE: &[Predicate] = &[
    Has(&["target", "recorded", "agent"]),
    Each(
        "agent",
        &[
            Has(&["who"]),
            When(&Any(&[RefersTo("who", "Practitioner"), RefersTo("who", "Device")]), &[Has(&["onBehalfOf"])]),
        ],
    ),
];
