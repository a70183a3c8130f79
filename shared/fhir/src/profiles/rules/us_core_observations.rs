//! US Core's observations, and R4's vital signs.

use super::{Rule, in_3, rule, since_6};
use crate::profiles::predicate::Predicate::{self, All, Coded, Each, Has, HasAny, Measured, Not, Of, ToTheDay, When};
use crate::profiles::systems::{LOINC, OBSERVATION_CATEGORY, UCUM, US_CORE_CATEGORY};

pub(super) const RULES: &[Rule] = &[
    rule("vitalsigns", VITAL_SIGN),
    since_6("us-core-vital-signs", VITAL_SIGN),
    rule(
        "us-core-blood-pressure",
        &[
            All(BLOOD_PRESSURE),
            Coded("code", LOINC, &["85354-9"]),
            Coded("component.code", LOINC, &["8480-6"]),
            Coded("component.code", LOINC, &["8462-4"]),
        ],
    ),
    rule(
        "us-core-average-blood-pressure",
        &[
            All(BLOOD_PRESSURE),
            Coded("code", LOINC, &["96607-7"]),
            Coded("component.code", LOINC, &["96608-5"]),
            Coded("component.code", LOINC, &["96609-3"]),
        ],
    ),
    rule("us-core-bmi", &[All(VITAL_SIGN), Coded("code", LOINC, &["39156-5"]), Measured(&["kg/m2"])]),
    rule("us-core-body-height", &[All(VITAL_SIGN), Coded("code", LOINC, &["8302-2"]), Measured(&["cm", "[in_i]"])]),
    rule(
        "us-core-body-temperature",
        &[All(VITAL_SIGN), Coded("code", LOINC, &["8310-5"]), Measured(&["Cel", "[degF]"])],
    ),
    rule(
        "us-core-body-weight",
        &[All(VITAL_SIGN), Coded("code", LOINC, &["29463-7"]), Measured(&["g", "kg", "[lb_av]"])],
    ),
    rule(
        "us-core-head-circumference",
        &[All(VITAL_SIGN), Coded("code", LOINC, &["9843-4"]), Measured(&["cm", "[in_i]"])],
    ),
    rule("us-core-heart-rate", &[All(VITAL_SIGN), Coded("code", LOINC, &["8867-4"]), Measured(&["/min"])]),
    rule("us-core-respiratory-rate", &[All(VITAL_SIGN), Coded("code", LOINC, &["9279-1"]), Measured(&["/min"])]),
    rule(
        "us-core-pulse-oximetry",
        &[
            All(VITAL_SIGN),
            Coded("code", LOINC, &["59408-5"]),
            Coded("code", LOINC, &["2708-6"]),
            Measured(&["%"]),
            Not(&Has(&["component"])),
        ],
    ),
    rule(
        "head-occipital-frontal-circumference-percentile",
        &[All(VITAL_SIGN), Coded("code", LOINC, &["8289-1"]), Measured(&["%"])],
    ),
    rule("pediatric-bmi-for-age", &[All(VITAL_SIGN), Coded("code", LOINC, &["59576-9"]), Measured(&["%"])]),
    rule("pediatric-weight-for-height", &[All(VITAL_SIGN), Coded("code", LOINC, &["77606-2"]), Measured(&["%"])]),
    rule("us-core-observation-lab", &[All(OBSERVATION), Coded("category", OBSERVATION_CATEGORY, &["laboratory"])]),
    rule(
        "us-core-observation-clinical-result",
        &[
            All(OBSERVATION),
            Coded("category", OBSERVATION_CATEGORY, &["imaging", "procedure", "exam", "therapy", "activity"]),
        ],
    ),
    rule(
        "us-core-observation-screening-assessment",
        &[All(OBSERVATION), Coded("category", OBSERVATION_CATEGORY, &["survey"])],
    ),
    rule(
        "us-core-simple-observation",
        &[
            All(OBSERVATION),
            Coded(
                "category",
                US_CORE_CATEGORY,
                &["sdoh", "functional-status", "disability-status", "cognitive-status"],
            ),
        ],
    ),
    rule(
        "us-core-smokingstatus",
        &[Has(&["status", "subject", "valueCodeableConcept"]), Coded("code", LOINC, &["72166-2"])],
    ),
    in_3("us-core-smokingstatus", &[Has(&["issued"])]),
    since_6(
        "us-core-smokingstatus",
        &[Has(&["effectiveDateTime"]), Coded("category", OBSERVATION_CATEGORY, &["social-history"])],
    ),
    rule(
        "us-core-observation-occupation",
        &[Has(&["status", "subject", "valueCodeableConcept"]), Coded("code", LOINC, &["11341-5"])],
    ),
    rule(
        "us-core-observation-pregnancyintent",
        &[Has(&["status", "subject", "effectiveDateTime", "valueCodeableConcept"]), Coded("code", LOINC, &["86645-9"])],
    ),
    rule(
        "us-core-observation-pregnancystatus",
        &[Has(&["status", "subject", "effectiveDateTime", "valueCodeableConcept"]), Coded("code", LOINC, &["82810-3"])],
    ),
    rule(
        "us-core-observation-sexual-orientation",
        &[
            Has(&["status", "subject"]),
            Coded("code", LOINC, &["76690-7"]),
            When(&Has(&["value[x]"]), &[Has(&["valueCodeableConcept"])]),
        ],
    ),
    rule("us-core-care-experience-preference", &[Has(&["status", "subject"]), Coded("code", LOINC, &["95541-9"])]),
    rule(
        "us-core-treatment-intervention-preference",
        &[Has(&["status", "subject"]), Coded("code", LOINC, &["75773-2"])],
    ),
];

/// A result, or what stands in its place.
const OBSERVATION: &[Predicate] = &[
    Has(&["status", "category", "code", "subject"]),
    HasAny(&["value[x]", "dataAbsentReason", "component", "hasMember"]),
    Each("valueQuantity", &[When(&Has(&["system"]), &[Of(UCUM)])]),
    ToTheDay("effectiveDateTime"),
];

/// R4's own profile, which those of US Core share.
const VITAL_SIGN: &[Predicate] = &[
    Has(&["status", "code", "subject"]),
    Coded("category", OBSERVATION_CATEGORY, &["vital-signs"]),
    HasAny(&["effectiveDateTime", "effectivePeriod"]),
    ToTheDay("effectiveDateTime"),
    HasAny(&["value[x]", "dataAbsentReason", "component", "hasMember"]),
    Each("component", &[HasAny(&["value[x]", "dataAbsentReason"])]),
    Each("valueQuantity", &[When(&Has(&["system"]), &[Of(UCUM)])]),
];

/// A vital sign of two pressures and no value of its own.
const BLOOD_PRESSURE: &[Predicate] = &[
    All(VITAL_SIGN),
    Not(&Has(&["value[x]"])),
    Each("component", &[Measured(&["mm[Hg]"]), HasAny(&["value[x]", "dataAbsentReason"])]),
];
