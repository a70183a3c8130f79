//! Vaccines, and the ages at which they are given.

use crate::codes::{Coding, cvx};

/// A vaccine of the schedule.
pub(crate) struct Vaccine {
    pub(crate) key: &'static str,
    pub(crate) cvx: Coding,
    /// The age at each dose, in years.
    pub(crate) ages: &'static [i64],
}

pub(crate) const VACCINES: &[Vaccine] = &[
    Vaccine { key: "dtap", cvx: cvx("20", "DTaP"), ages: &[1, 4] },
    Vaccine { key: "polio", cvx: cvx("10", "IPV"), ages: &[1, 4] },
    Vaccine { key: "mmr", cvx: cvx("03", "MMR"), ages: &[1, 4] },
    Vaccine { key: "varicella", cvx: cvx("21", "varicella"), ages: &[1, 4] },
    Vaccine { key: "tdap", cvx: cvx("115", "Tdap"), ages: &[11, 35, 45, 55, 65, 75] },
    Vaccine { key: "pneumococcal", cvx: cvx("33", "pneumococcal polysaccharide PPV23"), ages: &[65] },
    Vaccine { key: "zoster", cvx: cvx("187", "zoster recombinant"), ages: &[50, 51] },
];

/// Given every autumn.
pub(crate) const INFLUENZA: Coding = cvx("140", "Influenza, seasonal, injectable, preservative free");
pub(crate) const COVID: Coding = cvx("208", "COVID-19, mRNA, LNP-S, PF, 30 mcg/0.3 mL dose");
