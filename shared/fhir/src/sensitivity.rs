//! Sensitivity labels: what a resource says of itself when it is more private than health data always is.
//!
//! A label is a coding in `meta.security` (R4, "Security Labels") or in a document's `securityLabel`. Which codes count is
//! the tables below: all of HL7's value set `v3-InformationSensitivityPolicy`, the US privacy laws of `v3-ActCode` that
//! protect a kind of care, and of `v3-Confidentiality` what is stricter than `N`. `N` is what a plan's data carries anyway,
//! and `U`, `L` and `M` are below it: those four do not count.

use serde_json::Value as Json;

/// Codes of `v3-ActCode`: terminology.hl7.org, value set `v3-InformationSensitivityPolicy` (its three branches: about acts,
/// about the person, about their role), then the laws.
const ACT: &[&str] = &[
    // About what was done or found.
    "ETH",
    "ETHUD",
    "OPIOIDUD",
    "SUD",
    "GDIS",
    "HIV",
    "MST",
    "SCA",
    "SICKLE",
    "SDV",
    "SEX",
    "SPI",
    "BH",
    "COGN",
    "DVD",
    "EMOTDIS",
    "MH",
    "PSY",
    "PSYTHPN",
    "STD",
    "TBOO",
    "VIO",
    "IDS",
    // About who the person is.
    "DEMO",
    "DOB",
    "GENDER",
    "LIVARG",
    "MARST",
    "RACE",
    "REL",
    // About their role, their employer, or their own wish.
    "B",
    "EMPL",
    "LOCIS",
    "SSP",
    "ADOL",
    "CEL",
    "DIA",
    "DRGIS",
    "EMP",
    "PDS",
    "PHY",
    "PRS",
    // 42 CFR Part 2 (substance use), psychotherapy notes (45 CFR 164.508), 38 USC 7332 (veterans).
    "42CFRPart2",
    "HIPAAPsyNotes",
    "Title38Section7332",
    // Says that labels stand on elements inside (DS4P); which ones, nothing here would respect.
    "PROCESSINLINELABEL",
];

/// Codes of `v3-Confidentiality`: restricted and very restricted, and the retired codes that named a sensitivity.
const CONFIDENTIALITY: &[&str] = &["R", "V", "ETH", "HIV", "PSY", "SDV", "S", "T", "C"];

/// The code systems with their codes, by every name under which labels are sent: HL7 Terminology's, that of FHIR before R4,
/// and the object identifier of CDA.
const SYSTEMS: &[(&[&str], &[&str])] = &[
    (&["terminology.hl7.org/CodeSystem/v3-ActCode", "hl7.org/fhir/v3/ActCode", "urn:oid:2.16.840.1.113883.5.4"], ACT),
    (
        &[
            "terminology.hl7.org/CodeSystem/v3-Confidentiality",
            "hl7.org/fhir/v3/Confidentiality",
            "urn:oid:2.16.840.1.113883.5.25",
        ],
        CONFIDENTIALITY,
    ),
];

/// The sensitivity labels that a resource carries, as `code` of each; of contained resources too, though R4 forbids them
/// there (dom-5).
pub fn labels(resource: &Json) -> Vec<&str> {
    let mut found: Vec<&str> = codings(resource).filter_map(sensitive).collect();
    for inner in resource["contained"].as_array().into_iter().flatten() {
        found.extend(codings(inner).filter_map(sensitive));
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn codings(resource: &Json) -> impl Iterator<Item = &Json> {
    let of_document = resource["securityLabel"].as_array().into_iter().flatten();
    let of_document = of_document.flat_map(|concept| concept["coding"].as_array().into_iter().flatten());
    resource["meta"]["security"].as_array().into_iter().flatten().chain(of_document)
}

/// The code of a coding that counts. One without a system counts where either system has the code: a source that leaves the
/// system away still means the label.
fn sensitive(coding: &Json) -> Option<&str> {
    let code = coding["code"].as_str()?;
    let system = coding["system"].as_str().unwrap_or_default();
    let bare = system.trim_start_matches("http://").trim_start_matches("https://").trim_end_matches('/');
    let counts =
        SYSTEMS.iter().any(|(names, codes)| (system.is_empty() || names.contains(&bare)) && codes.contains(&code));
    counts.then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
    const CONFIDENTIAL: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";

    fn labelled(system: &str, code: &str) -> Json {
        json!({"meta": {"security": [{"system": system, "code": code}]}})
    }

    #[test]
    fn sensitivities_laws_and_what_is_stricter_than_normal_count() {
        for code in ["ETH", "PSY", "HIV", "SUD", "SEX", "STD", "TBOO", "SDV", "42CFRPart2", "PROCESSINLINELABEL"] {
            assert_eq!(labels(&labelled(ACT_CODE, code)), [code]);
        }
        for code in ["R", "V"] {
            assert_eq!(labels(&labelled(CONFIDENTIAL, code)), [code]);
        }
    }

    #[test]
    fn ordinary_confidentiality_and_other_labels_do_not_count() {
        for code in ["U", "L", "M", "N"] {
            assert!(labels(&labelled(CONFIDENTIAL, code)).is_empty(), "{code}");
        }
        // Test data, a purpose of use, an obligation, a payer's own system, a code of the other system.
        for (system, code) in [
            ("http://terminology.hl7.org/CodeSystem/v3-ActReason", "HTEST"),
            ("http://terminology.hl7.org/CodeSystem/v3-ActReason", "TREAT"),
            (ACT_CODE, "PERSISTLABEL"),
            ("https://plan.example/labels", "R"),
            (ACT_CODE, "R"),
        ] {
            assert!(labels(&labelled(system, code)).is_empty(), "{system} {code}");
        }
        assert!(labels(&json!({"meta": {"tag": [{"system": ACT_CODE, "code": "HIV"}]}})).is_empty());
        assert!(labels(&json!({"meta": {"security": "HIV"}})).is_empty());
    }

    #[test]
    fn older_names_of_the_systems_and_no_system_count() {
        for system in ["http://hl7.org/fhir/v3/ActCode", "https://terminology.hl7.org/CodeSystem/v3-ActCode", ""] {
            assert_eq!(labels(&labelled(system, "HIV")), ["HIV"], "{system}");
        }
        assert_eq!(labels(&labelled("urn:oid:2.16.840.1.113883.5.25", "V")), ["V"]);
    }

    #[test]
    fn a_documents_own_label_and_one_inside_count() {
        let document = json!({"securityLabel": [{"coding": [{"system": CONFIDENTIAL, "code": "R"}]}]});
        assert_eq!(labels(&document), ["R"]);
        assert_eq!(labels(&json!({"contained": [labelled(ACT_CODE, "PSY")]})), ["PSY"]);
    }
}
