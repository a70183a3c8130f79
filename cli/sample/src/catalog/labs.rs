//! Laboratory panels, with the tests, units and reference ranges.

use crate::codes::{Coding, cpt, loinc};

/// One test of a panel.
pub(crate) struct Test {
    pub(crate) loinc: Coding,
    pub(crate) unit: &'static str,
    /// The reference range.
    pub(crate) normal: (f64, f64),
    /// The mean in healthy people, and by how much values vary.
    pub(crate) usual: (f64, f64),
    pub(crate) places: u32,
}

/// A panel as ordered, reported and billed.
pub(crate) struct Panel {
    pub(crate) key: &'static str,
    pub(crate) loinc: Coding,
    pub(crate) cpt: Coding,
    /// The charge and the allowed amount, in cents.
    pub(crate) price: (i64, i64),
    pub(crate) tests: &'static [Test],
}

macro_rules! test {
    ($code:literal $name:literal, $unit:literal, $low:literal to $high:literal, usual $mean:literal +- $spread:literal, $places:literal) => {
        Test {
            loinc: loinc($code, $name),
            unit: $unit,
            normal: ($low, $high),
            usual: ($mean, $spread),
            places: $places,
        }
    };
}

pub(crate) const PANELS: &[Panel] = &[
    Panel {
        key: "a1c",
        loinc: loinc("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood"),
        cpt: cpt("83036", "GLYCOSYLATED HEMOGLOBIN TEST"),
        price: (4200, 971),
        tests: &[test!("4548-4" "Hemoglobin A1c/Hemoglobin.total in Blood", "%", 4.0 to 5.6, usual 5.3 +- 0.3, 1)],
    },
    Panel {
        key: "cmp",
        loinc: loinc("24323-8", "Comprehensive metabolic 2000 panel - Serum or Plasma"),
        cpt: cpt("80053", "COMPREHEN METABOLIC PANEL"),
        price: (9600, 1056),
        tests: &[
            test!("2345-7" "Glucose [Mass/volume] in Serum or Plasma", "mg/dL", 70.0 to 99.0, usual 88.0 +- 9.0, 0),
            test!("3094-0" "Urea nitrogen [Mass/volume] in Serum or Plasma", "mg/dL", 7.0 to 20.0, usual 14.0 +- 4.0, 0),
            test!("2160-0" "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", 0.6 to 1.3, usual 0.9 +- 0.2, 2),
            test!("2951-2" "Sodium [Moles/volume] in Serum or Plasma", "mmol/L", 136.0 to 145.0, usual 140.0 +- 3.0, 0),
            test!("2823-3" "Potassium [Moles/volume] in Serum or Plasma", "mmol/L", 3.5 to 5.1, usual 4.2 +- 0.4, 1),
            test!("17861-6" "Calcium [Mass/volume] in Serum or Plasma", "mg/dL", 8.6 to 10.3, usual 9.5 +- 0.4, 1),
        ],
    },
    Panel {
        key: "lipids",
        loinc: loinc("24331-1", "Lipid 1996 panel - Serum or Plasma"),
        cpt: cpt("80061", "LIPID PANEL"),
        price: (8800, 1339),
        tests: &[
            test!("2093-3" "Cholesterol [Mass/volume] in Serum or Plasma", "mg/dL", 0.0 to 200.0, usual 182.0 +- 24.0, 0),
            test!("2571-8" "Triglyceride [Mass/volume] in Serum or Plasma", "mg/dL", 0.0 to 150.0, usual 112.0 +- 35.0, 0),
            test!("2085-9" "Cholesterol in HDL [Mass/volume] in Serum or Plasma", "mg/dL", 40.0 to 90.0, usual 56.0 +- 9.0, 0),
            test!("13457-7" "Cholesterol in LDL [Mass/volume] in Serum or Plasma by calculation", "mg/dL", 0.0 to 130.0, usual 104.0 +- 20.0, 0),
        ],
    },
    Panel {
        key: "cbc",
        loinc: loinc("58410-2", "CBC panel - Blood by Automated count"),
        cpt: cpt("85027", "COMPLETE CBC AUTOMATED"),
        price: (5100, 647),
        tests: &[
            test!("6690-2" "Leukocytes [#/volume] in Blood by Automated count", "10*3/uL", 4.5 to 11.0, usual 6.9 +- 1.4, 1),
            test!("789-8" "Erythrocytes [#/volume] in Blood by Automated count", "10*6/uL", 4.1 to 5.7, usual 4.8 +- 0.4, 2),
            test!("718-7" "Hemoglobin [Mass/volume] in Blood", "g/dL", 12.0 to 17.5, usual 14.2 +- 1.0, 1),
            test!("4544-3" "Hematocrit [Volume Fraction] of Blood by Automated count", "%", 36.0 to 51.0, usual 42.5 +- 3.0, 1),
            test!("777-3" "Platelets [#/volume] in Blood by Automated count", "10*3/uL", 150.0 to 450.0, usual 252.0 +- 50.0, 0),
        ],
    },
    Panel {
        key: "thyroid",
        loinc: loinc("3016-3", "Thyrotropin [Units/volume] in Serum or Plasma"),
        cpt: cpt("84443", "ASSAY THYROID STIM HORMONE"),
        price: (7400, 1680),
        tests: &[
            test!("3016-3" "Thyrotropin [Units/volume] in Serum or Plasma", "m[IU]/L", 0.4 to 4.5, usual 2.1 +- 0.9, 2),
        ],
    },
    Panel {
        key: "hiv",
        loinc: loinc("25836-8", "HIV 1 RNA [#/volume] (viral load) in Specimen by NAA with probe detection"),
        cpt: cpt("87536", "HIV-1 QUANT&REVRSE TRNSCRPJ"),
        price: (31000, 8510),
        tests: &[
            test!("25836-8" "HIV 1 RNA [#/volume] (viral load) in Specimen by NAA with probe detection", "{copies}/mL", 0.0 to 20.0, usual 16.0 +- 6.0, 0),
            test!("24467-3" "CD3+CD4+ (T4 helper) cells [#/volume] in Blood", "/uL", 500.0 to 1500.0, usual 640.0 +- 90.0, 0),
        ],
    },
];

/// The panel with this key.
pub(crate) fn panel(key: &str) -> &'static Panel {
    PANELS.iter().find(|p| p.key == key).expect("a panel of the table")
}
