//! Ben is well; Nora is new; Harold, Ada's late husband, has a record on the plan but nobody signs in as him.

use serde_json::Value;
use time::macros::date;

use crate::catalog::illnesses::illness;
use crate::catalog::plans::{ADVANTAGE, DENTAL, SILVER};
use crate::catalog::services::{OFFICE, service};
use crate::chart::Chart;
use crate::claims::{Claim, ClaimType, Dental, Line, PRINCIPAL, RENDERING};
use crate::codes::*;
use crate::coverage::{PolicyHolder, coverage};
use crate::directory::doctor;
use crate::life::{self, Physique};
use crate::patient;
use crate::person::Person;
use crate::random::Rng;
use crate::{
    catalog::drugs::drug,
    clinical, encounters, medications, observations,
    vitals::{self, Air},
};

pub(crate) fn ben() -> Vec<Value> {
    let mut ben = Person::new("ben", "Ben", "Okoye", "male", date!(1993 - 09 - 30), "100000002");
    ben.race = race("2054-5", "Black or African American");
    let mut chart = Chart::new(ben, &SILVER, "okafor", Rng::new(1, 2));
    patient::patient(&mut chart);
    coverage(&mut chart, &SILVER, date!(2025 - 01 - 01), date!(2026 - 12 - 31), &PolicyHolder::Own);
    coverage(&mut chart, &DENTAL, date!(2025 - 01 - 01), date!(2026 - 12 - 31), &PolicyHolder::Own);
    let body = Physique { height: 181.0, weight: 79.0, pressure: 118.0 };
    life::check_up(&mut chart, date!(2025 - 10 - 14), body, &["lipids"], &[]);
    life::check_up(&mut chart, date!(2026 - 10 - 06), body, &["lipids", "cbc"], &[]);
    life::acute(&mut chart, illness("pharyngitis"), date!(2026 - 03 - 18), 9);
    clinical::no_known_allergy(&mut chart, date!(2025 - 10 - 14));
    observations::smoking(&mut chart, observations::NEVER_SMOKED, date!(2025 - 10 - 14));
    observations::occupation(&mut chart, "High school teacher", "Secondary schools", date!(2019 - 08 - 20));
    medications::reported(&mut chart, drug("ibuprofen"), date!(2026 - 03 - 18), Some(medications::NOT_ALWAYS));
    for day in [date!(2025 - 06 - 11), date!(2026 - 06 - 17)] {
        let mut claim = Claim::new(&mut chart, ClaimType::Oral(Dental::default()), day, day, "bright-smile-dental");
        claim.team.push((RENDERING, doctor("brandt")));
        claim.diagnoses.push((
            icd10("Z01.20", "Encounter for dental examination and cleaning without abnormal findings"),
            PRINCIPAL,
        ));
        claim.lines = ["dental-exam", "dental-cleaning"].map(|s| Line::service(service(s), day, OFFICE)).into();
        chart.claim(claim);
    }
    chart.finish()
}

pub(crate) fn nora() -> Vec<Value> {
    let nora = Person::new("nora", "Nora", "Whitfield", "female", date!(1999 - 12 - 05), "100000003");
    let mut chart = Chart::new(nora, &SILVER, "okafor", Rng::new(1, 3));
    patient::patient(&mut chart);
    coverage(&mut chart, &SILVER, date!(2026 - 10 - 01), date!(2026 - 12 - 31), &PolicyHolder::Own);
    chart.finish()
}

/// Ada's late husband.
pub(crate) fn harold() -> Vec<Value> {
    let mut harold = Person::new("harold", "Harold", "Lindgren", "male", date!(1954 - 10 - 30), "100000008");
    harold.married = true;
    harold.suffix = Some("Sr.");
    harold.deceased = Some(date!(2025 - 06 - 18));
    let mut chart = Chart::new(harold, &ADVANTAGE, "okafor", Rng::new(1, 8));
    patient::patient(&mut chart);
    coverage(&mut chart, &ADVANTAGE, date!(2023 - 05 - 01), date!(2025 - 06 - 18), &PolicyHolder::Own);
    life::check_up(
        &mut chart,
        date!(2025 - 01 - 14),
        Physique { height: 178.0, weight: 81.0, pressure: 141.0 },
        &["cbc"],
        &[],
    );
    life::acute(&mut chart, illness("cold"), date!(2025 - 03 - 11), 8);
    observations::smoking(&mut chart, observations::FORMER_SMOKER, date!(2025 - 01 - 14));
    observations::pack_years(&mut chart, 22.0, date!(2025 - 01 - 14));
    // He was asked to measure at home for four days, and did not.
    vitals::average_pressure(&mut chart, None, date!(2025 - 01 - 15), date!(2025 - 01 - 18));
    let last = date!(2025 - 06 - 17);
    let breathless = Some(sct("267036007", "Dyspnea"));
    let seen = encounters::encounter(&mut chart, &encounters::EMERGENCY, doctor("iyer"), last, None, breathless, None);
    vitals::oximetry(&mut chart, Some(84.0), Air::SomeOxygen, last, Some(&seen));
    chart.finish()
}
