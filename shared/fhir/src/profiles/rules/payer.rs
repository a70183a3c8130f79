//! Da Vinci's guides between payers: PDex and HRex.

use super::us_core::PROVENANCE;
use super::{Rule, in_3, rule, since_6};
use crate::profiles::predicate::Predicate::{Coded, Each, Has, Is, When};
use crate::profiles::systems::{IDENTIFIER_TYPE, PDEX_ADJUDICATION};

pub(super) const RULES: &[Rule] = &[
    rule("pdex-device", &[Has(&["type", "patient"])]),
    rule(
        "pdex-medicationdispense",
        &[
            Has(&["status", "medicationCodeableConcept", "subject"]),
            Each("performer", &[Has(&["actor"])]),
            When(&Is("status", &["completed"]), &[Has(&["whenHandedOver"])]),
        ],
    ),
    rule(
        "pdex-priorauthorization",
        &[
            Is("use", &["preauthorization"]),
            Has(&["status", "type", "patient", "created", "insurer", "provider", "outcome"]),
            Each("insurance", &[Has(&["focal", "coverage"])]),
            Each("item", &[Has(&["productOrService"])]),
            Each(
                "item.adjudication",
                &[When(&Coded("category", PDEX_ADJUDICATION, &["denialreason"]), &[Has(&["reason"])])],
            ),
        ],
    ),
    rule("pdex-provenance", PROVENANCE),
    rule("hrex-coverage", &[Has(&["status", "beneficiary", "payor"])]),
    in_3("hrex-coverage", &[Each("identifier", &[Has(&["value"])])]),
    since_6(
        "hrex-coverage",
        &[
            Has(&["relationship"]),
            Each("identifier", &[When(&Coded("type", IDENTIFIER_TYPE, &["MB"]), &[Has(&["value"])])]),
        ],
    ),
];
