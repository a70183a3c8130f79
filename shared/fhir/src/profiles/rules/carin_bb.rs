//! CARIN Blue Button.

use super::{Rule, in_3, rule};
use crate::profiles::predicate::Predicate::{
    self, All, Coded, Each, Has, HasAny, Is, Not, Of, Once, ProviderNumber, When,
};
use crate::profiles::systems::{
    C4BB_ADJUDICATION, C4BB_IDENTIFIER_TYPE, C4BB_INSTITUTIONAL_SUBTYPE, C4BB_SUPPORTING_INFO, CLAIM_TYPE, CLIA,
    IDENTIFIER_TYPE, NPI,
};

pub(super) const RULES: &[Rule] = &[
    rule(
        "C4BB-Coverage",
        &[
            Has(&["status", "subscriberId", "beneficiary", "relationship"]),
            Once("payor"),
            Each("class", &[Has(&["type", "value"])]),
        ],
    ),
    rule(
        "C4BB-Organization",
        &[
            Has(&["active", "name"]),
            Each(
                "identifier",
                &[When(&Of(NPI), &[Coded("type", IDENTIFIER_TYPE, &["NPI"]), ProviderNumber("value")]), Not(&Of(CLIA))],
            ),
        ],
    ),
    rule(
        "C4BB-Patient",
        &[
            Has(&["gender", "name"]),
            Each("identifier", &[Has(&["system", "value"])]),
            Coded("identifier.type", IDENTIFIER_TYPE, &["MB"]),
            Each("name", &[HasAny(&["family", "given"])]),
            Each("telecom", &[Has(&["system", "value"])]),
        ],
    ),
    rule(
        "C4BB-Practitioner",
        &[
            Has(&["identifier", "name"]),
            Each(
                "identifier",
                &[
                    Has(&["system", "value"]),
                    When(&Of(NPI), &[Coded("type", IDENTIFIER_TYPE, &["NPI"]), ProviderNumber("value")]),
                ],
            ),
            Each("name", &[Has(&["family"])]),
        ],
    ),
    rule("C4BB-RelatedPerson", &[Has(&["active", "patient"]), HasAny(&["name", "relationship"])]),
    rule(
        "C4BB-ExplanationOfBenefit-Inpatient-Institutional",
        &[
            All(EXPLANATION),
            Coded("type", CLAIM_TYPE, &["institutional"]),
            Coded("subType", C4BB_INSTITUTIONAL_SUBTYPE, &["inpatient"]),
            Coded("supportingInfo.category", C4BB_SUPPORTING_INFO, &["admissionperiod"]),
            Each(
                "supportingInfo",
                &[When(&Coded("category", C4BB_SUPPORTING_INFO, &["admissionperiod"]), &[Has(&["timingPeriod"])])],
            ),
            Has(&["diagnosis", "adjudication", "total"]),
            Each("diagnosis", &[Has(&["type"])]),
            Each("procedure", &[Has(&["type"])]),
            Each("item", &[Has(&["revenue"])]),
        ],
    ),
    rule(
        "C4BB-ExplanationOfBenefit-Outpatient-Institutional",
        &[
            All(EXPLANATION),
            Coded("type", CLAIM_TYPE, &["institutional"]),
            Coded("subType", C4BB_INSTITUTIONAL_SUBTYPE, &["outpatient"]),
            Has(&["diagnosis", "total"]),
            Each("diagnosis", &[Has(&["type"])]),
            Each("item", &[Has(&["serviced[x]"])]),
            Coded("adjudication.category", C4BB_ADJUDICATION, &["benefitpaymentstatus"]),
        ],
    ),
    in_3("C4BB-ExplanationOfBenefit-Outpatient-Institutional", &[Each("item", &[Has(&["servicedDate"])])]),
    rule(
        "C4BB-ExplanationOfBenefit-Professional-NonClinician",
        &[
            All(EXPLANATION),
            Coded("type", CLAIM_TYPE, &["professional", "vision"]),
            Has(&["diagnosis", "total"]),
            Each("diagnosis", &[Has(&["type"])]),
            Each("item", &[Has(&["serviced[x]", "locationCodeableConcept", "adjudication.amount"])]),
            Each("item", &[Coded("adjudication.category", C4BB_ADJUDICATION, &["benefitpaymentstatus"])]),
            Coded("adjudication.category", C4BB_ADJUDICATION, &["billingnetworkstatus"]),
        ],
    ),
    rule(
        "C4BB-ExplanationOfBenefit-Pharmacy",
        &[
            All(EXPLANATION),
            Coded("type", CLAIM_TYPE, &["pharmacy"]),
            Coded("supportingInfo.category", C4BB_SUPPORTING_INFO, &["dayssupply"]),
            Coded("supportingInfo.category", C4BB_SUPPORTING_INFO, &["dawcode"]),
            Coded("supportingInfo.category", C4BB_SUPPORTING_INFO, &["refillnum"]),
            Coded("supportingInfo.category", C4BB_SUPPORTING_INFO, &["refillsauthorized"]),
            Each("item", &[Has(&["serviced[x]", "adjudication.amount"])]),
            Coded("adjudication.category", C4BB_ADJUDICATION, &["billingnetworkstatus"]),
            Coded("adjudication.category", C4BB_ADJUDICATION, &["benefitpaymentstatus"]),
            Has(&["total"]),
        ],
    ),
    in_3("C4BB-ExplanationOfBenefit-Pharmacy", &[Each("item", &[Has(&["servicedDate"])])]),
    rule(
        "C4BB-ExplanationOfBenefit-Oral",
        &[
            All(EXPLANATION),
            Coded("type", CLAIM_TYPE, &["oral"]),
            Each("diagnosis", &[Has(&["type"])]),
            Each("item", &[Has(&["serviced[x]", "location[x]", "adjudication.amount"])]),
            Each("item", &[Coded("adjudication.category", C4BB_ADJUDICATION, &["benefitpaymentstatus"])]),
            Coded("adjudication.category", C4BB_ADJUDICATION, &["billingnetworkstatus"]),
            Has(&["total"]),
        ],
    ),
    in_3("C4BB-ExplanationOfBenefit-Oral", &[Each("item", &[Has(&["locationCodeableConcept"])])]),
];

/// The conditions that explanations of benefits of all kinds share.
const EXPLANATION: &[Predicate] = &[
    Is("use", &["claim"]),
    Has(&[
        "status",
        "patient",
        "billablePeriod.start",
        "created",
        "insurer",
        "provider",
        "outcome",
        "insurance",
        "item",
    ]),
    Coded("identifier.type", C4BB_IDENTIFIER_TYPE, &["uc"]),
    Each("identifier", &[When(&Coded("type", C4BB_IDENTIFIER_TYPE, &["uc"]), &[Has(&["value"])])]),
    Each("careTeam", &[Has(&["role", "provider"])]),
    Each("payee", &[Has(&["type"])]),
    Each("insurance", &[Has(&["focal", "coverage"])]),
    Each("item", &[Has(&["productOrService"])]),
    Each("total", &[Has(&["category", "amount"])]),
];
