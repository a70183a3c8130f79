//! Drugs with their codes, prices and usual directions.

use crate::codes::{Coding, ndc, rxnorm};

/// A drug as prescribed and as dispensed.
pub(crate) struct Drug {
    pub(crate) key: &'static str,
    pub(crate) rxnorm: Coding,
    pub(crate) ndc: Coding,
    /// The directions on the label.
    pub(crate) directions: &'static str,
    /// The doses per day.
    pub(crate) daily: u32,
    /// One dose: the amount, its unit as people read it, and the UCUM code.
    pub(crate) dose: (f64, &'static str, &'static str),
    /// The units in one fill, and the days they last.
    pub(crate) fill: (u32, u32),
    /// The charge and the allowed amount of one fill, in cents.
    pub(crate) price: (i64, i64),
    /// The tier of the formulary: 1 generic, 2 brand, 3 specialty.
    pub(crate) tier: u8,
    /// The days of treatment; 0 for as long as the illness lasts.
    pub(crate) course: u32,
}

const TABLET: (f64, &str, &str) = (1.0, "tablet", "{tbl}");
const CAPSULE: (f64, &str, &str) = (1.0, "capsule", "{capsule}");
const PUFF: (f64, &str, &str) = (2.0, "puff", "{puff}");

/// A row: key, `RxNorm`, NDC, directions, daily, dose, fill, price, tier, course.
macro_rules! drug {
    ($key:literal, $rx:literal $name:literal, $ndc:literal, $directions:literal, $daily:literal x $dose:expr,
     $units:literal for $days:literal days, $charge:literal / $allowed:literal, tier $tier:literal, course $course:literal) => {
        Drug {
            key: $key,
            rxnorm: rxnorm($rx, $name),
            ndc: ndc($ndc, $name),
            directions: $directions,
            daily: $daily,
            dose: $dose,
            fill: ($units, $days),
            price: ($charge, $allowed),
            tier: $tier,
            course: $course,
        }
    };
}

pub(crate) const DRUGS: &[Drug] = &[
    drug!("metformin", "861007" "metformin hydrochloride 500 MG Oral Tablet", "0093-1048-01",
        "Take 1 tablet by mouth twice daily with meals", 2 x TABLET, 60 for 30 days, 2499 / 412, tier 1, course 0),
    drug!("glargine", "311041" "insulin glargine 100 UNT/ML Injectable Solution", "0088-2220-33",
        "Inject 20 units under the skin once daily at bedtime", 1 x (20.0, "unit", "[iU]"), 10 for 30 days, 31240 / 9850, tier 2, course 0),
    drug!("lisinopril", "314076" "lisinopril 10 MG Oral Tablet", "68180-980-03",
        "Take 1 tablet by mouth once daily", 1 x TABLET, 30 for 30 days, 1899 / 298, tier 1, course 0),
    drug!("amlodipine", "197361" "amlodipine 5 MG Oral Tablet", "0069-1530-68",
        "Take 1 tablet by mouth once daily", 1 x TABLET, 30 for 30 days, 2150 / 325, tier 1, course 0),
    drug!("atorvastatin", "617310" "atorvastatin 20 MG Oral Tablet", "0071-0156-23",
        "Take 1 tablet by mouth once daily in the evening", 1 x TABLET, 30 for 30 days, 4210 / 655, tier 1, course 0),
    drug!("furosemide", "313988" "furosemide 40 MG Oral Tablet", "0054-4299-25",
        "Take 1 tablet by mouth once daily in the morning", 1 x TABLET, 30 for 30 days, 1250 / 240, tier 1, course 0),
    drug!("metoprolol", "866924" "metoprolol tartrate 25 MG Oral Tablet", "0378-0018-01",
        "Take 1 tablet by mouth twice daily", 2 x TABLET, 60 for 30 days, 1675 / 310, tier 1, course 0),
    drug!("apixaban", "1364445" "apixaban 5 MG Oral Tablet", "0003-0894-21",
        "Take 1 tablet by mouth twice daily", 2 x TABLET, 60 for 30 days, 62150 / 55400, tier 2, course 0),
    drug!("levothyroxine", "966247" "levothyroxine sodium 0.05 MG Oral Tablet [Synthroid]", "0074-4552-90",
        "Take 1 tablet by mouth once daily on an empty stomach", 1 x TABLET, 90 for 90 days, 14800 / 11200, tier 2, course 0),
    drug!("omeprazole", "198051" "omeprazole 20 MG Delayed Release Oral Capsule", "62175-118-37",
        "Take 1 capsule by mouth once daily before breakfast", 1 x CAPSULE, 30 for 30 days, 2890 / 480, tier 1, course 0),
    drug!("albuterol", "745679" "200 ACTUAT albuterol 0.09 MG/ACTUAT Metered Dose Inhaler", "59310-579-22",
        "Inhale 2 puffs every 6 hours as needed for wheezing", 4 x PUFF, 1 for 30 days, 7340 / 5210, tier 2, course 0),
    drug!("fluticasone-salmeterol", "896209" "60 ACTUAT fluticasone propionate 0.25 MG/ACTUAT / salmeterol 0.05 MG/ACTUAT Dry Powder Inhaler", "0173-0696-00",
        "Inhale 1 puff twice daily, then rinse the mouth", 2 x (1.0, "puff", "{puff}"), 60 for 30 days, 38900 / 29875, tier 2, course 0),
    drug!("alendronate", "904419" "alendronic acid 10 MG Oral Tablet", "0006-0936-31",
        "Take 1 tablet by mouth once daily with a full glass of water", 1 x TABLET, 30 for 30 days, 3350 / 790, tier 1, course 0),
    drug!("sertraline", "312941" "sertraline 50 MG Oral Tablet", "0049-4900-66",
        "Take 1 tablet by mouth once daily", 1 x TABLET, 30 for 30 days, 2710 / 445, tier 1, course 0),
    drug!("buprenorphine-naloxone", "351267" "buprenorphine 8 MG / naloxone 2 MG Sublingual Tablet", "0054-0189-13",
        "Dissolve 1 tablet under the tongue twice daily", 2 x TABLET, 60 for 30 days, 19450 / 12900, tier 1, course 0),
    drug!("biktarvy", "1999667" "bictegravir 50 MG / emtricitabine 200 MG / tenofovir alafenamide 25 MG Oral Tablet", "61958-2501-1",
        "Take 1 tablet by mouth once daily", 1 x TABLET, 30 for 30 days, 412_300 / 379_800, tier 3, course 0),
    drug!("contraceptive", "748856" "Yaz 28 Day Pack", "50419-405-03",
        "Take 1 tablet by mouth once daily in the order of the pack", 1 x TABLET, 28 for 28 days, 11200 / 8150, tier 2, course 0),
    drug!("amoxicillin", "308191" "amoxicillin 500 MG Oral Capsule", "0093-3109-05",
        "Take 1 capsule by mouth three times daily for 10 days", 3 x CAPSULE, 30 for 10 days, 1450 / 360, tier 1, course 10),
    drug!("ibuprofen", "310965" "ibuprofen 200 MG Oral Tablet", "0573-0150-40",
        "Take 2 tablets by mouth every 8 hours as needed for pain", 3 x (2.0, "tablet", "{tbl}"), 60 for 10 days, 1120 / 300, tier 1, course 10),
];

/// The drug with this key.
pub(crate) fn drug(key: &str) -> &'static Drug {
    DRUGS.iter().find(|d| d.key == key).expect("a drug of the table")
}
