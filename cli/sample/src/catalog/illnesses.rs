//! Illnesses, with their usual treatment and follow-up.

use crate::codes::{Coding, act, icd10, sct};

/// An illness.
pub(crate) struct Illness {
    pub(crate) key: &'static str,
    pub(crate) sct: Coding,
    pub icd10: Coding,
    /// The drugs that treat it: keys of `DRUGS`.
    pub(crate) drugs: &'static [&'static str],
    /// The laboratory panels at a follow-up visit: keys of `PANELS`.
    pub(crate) labs: &'static [&'static str],
    /// The doctor who treats it: an id of the directory's `DOCTORS`.
    pub(crate) doctor: &'static str,
    /// The sensitivity of records about it, if they are sensitive.
    pub(crate) label: Option<Coding>,
    /// Whether it lasts for life.
    pub(crate) chronic: bool,
}

pub(crate) const PSYCHIATRY: Coding = act("PSY", "psychiatry disorder information sensitivity");
pub(crate) const SUBSTANCES: Coding = act("SUD", "substance use disorder information sensitivity");
pub(crate) const SUBSTANCE_ABUSE: Coding = act("ETH", "substance abuse information sensitivity");
pub(crate) const HIV: Coding = act("HIV", "HIV/AIDS information sensitivity");
pub(crate) const SEXUALITY: Coding = act("SEX", "sexuality and reproductive health information sensitivity");

macro_rules! illness {
    ($key:literal, $sct:literal $name:literal, $icd:literal $icd_name:literal, drugs $drugs:tt, labs $labs:tt, by $doctor:literal, $label:expr, $chronic:expr) => {
        Illness {
            key: $key,
            sct: sct($sct, $name),
            icd10: icd10($icd, $icd_name),
            drugs: &$drugs,
            labs: &$labs,
            doctor: $doctor,
            label: $label,
            chronic: $chronic,
        }
    };
}

pub(crate) const ILLNESSES: &[Illness] = &[
    illness!("diabetes", "44054006" "Diabetes mellitus type 2", "E11.9" "Type 2 diabetes mellitus without complications",
        drugs ["metformin"], labs ["a1c", "cmp", "lipids"], by "okafor", None, true),
    illness!("prediabetes", "15777000" "Prediabetes", "R73.03" "Prediabetes",
        drugs [], labs ["a1c"], by "okafor", None, true),
    illness!("hypertension", "59621000" "Essential hypertension", "I10" "Essential (primary) hypertension",
        drugs ["lisinopril"], labs ["cmp"], by "okafor", None, true),
    illness!("hyperlipidemia", "55822004" "Hyperlipidemia", "E78.5" "Hyperlipidemia, unspecified",
        drugs ["atorvastatin"], labs ["lipids"], by "okafor", None, true),
    illness!("heart-failure", "84114007" "Heart failure", "I50.9" "Heart failure, unspecified",
        drugs ["furosemide", "metoprolol"], labs ["cmp"], by "lindqvist", None, true),
    illness!("atrial-fibrillation", "49436004" "Atrial fibrillation", "I48.91" "Unspecified atrial fibrillation",
        drugs ["apixaban"], labs ["cbc"], by "lindqvist", None, true),
    illness!("kidney-disease", "433144002" "Chronic kidney disease stage 3", "N18.30" "Chronic kidney disease, stage 3 unspecified",
        drugs ["amlodipine"], labs ["cmp", "cbc"], by "okafor", None, true),
    illness!("hypothyroidism", "40930008" "Hypothyroidism", "E03.9" "Hypothyroidism, unspecified",
        drugs ["levothyroxine"], labs ["thyroid"], by "okafor", None, true),
    illness!("reflux", "235595009" "Gastroesophageal reflux disease", "K21.9" "Gastro-esophageal reflux disease without esophagitis",
        drugs ["omeprazole"], labs [], by "okafor", None, true),
    illness!("asthma", "195967001" "Asthma", "J45.909" "Unspecified asthma, uncomplicated",
        drugs ["albuterol"], labs [], by "okafor", None, true),
    illness!("copd", "13645005" "Chronic obstructive pulmonary disease", "J44.9" "Chronic obstructive pulmonary disease, unspecified",
        drugs ["fluticasone-salmeterol"], labs ["cbc"], by "okafor", None, true),
    illness!("osteoporosis", "64859006" "Osteoporosis", "M81.0" "Age-related osteoporosis without current pathological fracture",
        drugs ["alendronate"], labs ["cmp"], by "okafor", None, true),
    illness!("knee-arthritis", "239873007" "Osteoarthritis of knee", "M17.11" "Unilateral primary osteoarthritis, right knee",
        drugs ["ibuprofen"], labs [], by "marsh", None, true),
    illness!("obesity", "414916001" "Obesity", "E66.9" "Obesity, unspecified",
        drugs [], labs ["lipids"], by "okafor", None, true),
    illness!("depression", "370143000" "Major depressive disorder", "F33.1" "Major depressive disorder, recurrent, moderate",
        drugs ["sertraline"], labs [], by "vance", Some(PSYCHIATRY), true),
    illness!("anxiety", "21897009" "Generalized anxiety disorder", "F41.1" "Generalized anxiety disorder",
        drugs ["sertraline"], labs [], by "vance", Some(PSYCHIATRY), true),
    illness!("opioid-dependence", "75544000" "Opioid dependence", "F11.20" "Opioid dependence, uncomplicated",
        drugs ["buprenorphine-naloxone"], labs [], by "vance", Some(SUBSTANCES), true),
    illness!("hiv", "86406008" "Human immunodeficiency virus infection", "B20" "Human immunodeficiency virus [HIV] disease",
        drugs ["biktarvy"], labs ["hiv", "cbc"], by "okafor", Some(HIV), true),
    illness!("contraception", "13197004" "Uses contraception", "Z30.09" "Encounter for other general counseling and advice on contraception",
        drugs ["contraceptive"], labs [], by "haddad", Some(SEXUALITY), false),
    illness!("miscarriage", "17369002" "Miscarriage", "O03.9" "Complete or unspecified spontaneous abortion without complication",
        drugs [], labs ["cbc"], by "haddad", Some(SEXUALITY), false),
    illness!("otitis", "65363002" "Otitis media", "H66.90" "Otitis media, unspecified, unspecified ear",
        drugs ["amoxicillin"], labs [], by "castellano", None, false),
    illness!("pharyngitis", "195662009" "Acute viral pharyngitis", "J02.9" "Acute pharyngitis, unspecified",
        drugs ["ibuprofen"], labs [], by "okafor", None, false),
    illness!("cold", "54150009" "Upper respiratory infection", "J06.9" "Acute upper respiratory infection, unspecified",
        drugs [], labs [], by "okafor", None, false),
    illness!("pneumonia", "233604007" "Pneumonia", "J18.9" "Pneumonia, unspecified organism",
        drugs ["amoxicillin"], labs ["cbc", "cmp"], by "okafor", None, false),
    illness!("allergic-rhinitis", "61582004" "Allergic rhinitis", "J30.9" "Allergic rhinitis, unspecified",
        drugs [], labs [], by "okafor", None, true),
    illness!("low-back-pain", "278860009" "Chronic low back pain", "M54.50" "Low back pain, unspecified",
        drugs ["ibuprofen"], labs [], by "marsh", None, true),
    illness!("food-insecurity", "733423003" "Food insecurity", "Z59.41" "Food insecurity",
        drugs [], labs [], by "okafor", None, false),
    illness!("caries", "80967001" "Dental caries", "K02.9" "Dental caries, unspecified",
        drugs [], labs [], by "brandt", None, false),
];

/// The illness with this key.
pub(crate) fn illness(key: &str) -> &'static Illness {
    ILLNESSES.iter().find(|i| i.key == key).expect("an illness of the table")
}
