//! Maria and her son Leo: one policy, two records.

use serde_json::Value;
use time::macros::date;

use crate::catalog::illnesses::illness;
use crate::catalog::people::HISPANIC;
use crate::catalog::plans::{DENTAL, SILVER};
use crate::catalog::services::{OFFICE, service};
use crate::catalog::vaccines::VACCINES;
use crate::chart::Chart;
use crate::claims::{Claim, ClaimType, Dental, Line, PRINCIPAL, RENDERING, SECONDARY};
use crate::codes::*;
use crate::coverage::{PolicyHolder, coverage};
use crate::directory::doctor;
use crate::life::{self, Physique};
use crate::observations;
use crate::patient;
use crate::person::Person;
use crate::random::Rng;
use crate::values::{later, round};
use crate::vitals::{self, BMI, HEAD, HEIGHT, Vital, WEIGHT};
use crate::{clinical, encounters, surveys};

fn maria_santos() -> Person {
    let mut maria = Person::new("maria", "Maria", "Santos", "female", date!(1988 - 02 - 21), "100000004");
    maria.ethnicity = HISPANIC;
    maria.former = Some(("Delgado".into(), date!(2015 - 07 - 11)));
    maria.married = true;
    maria.line = 44;
    maria.street = "18 Orchard Street".into();
    maria.moved = Some(("7 Mill Road".into(), date!(2021 - 06 - 30)));
    maria
}

pub(crate) fn maria() -> Vec<Value> {
    let mut chart = Chart::new(maria_santos(), &SILVER, "okafor", Rng::new(1, 4));
    patient::patient(&mut chart);
    let (start, end) = (date!(2023 - 01 - 01), date!(2026 - 12 - 31));
    coverage(&mut chart, &SILVER, start, end, &PolicyHolder::Own);
    coverage(&mut chart, &DENTAL, start, end, &PolicyHolder::Own);
    let body = Physique { height: 162.0, weight: 66.0, pressure: 121.0 };
    life::chronic(&mut chart, illness("asthma"), date!(2023 - 04 - 18), date!(2025 - 01 - 01), 6, body, &[]);
    for day in [date!(2024 - 11 - 05), date!(2025 - 11 - 11), date!(2026 - 09 - 22)] {
        life::check_up(&mut chart, day, body, &["cmp", "lipids"], &[]);
    }
    let pollen = sct("256277009", "Grass pollen");
    clinical::allergy(
        &mut chart,
        pollen,
        "environment",
        sct("61582004", "Allergic rhinitis"),
        "mild",
        date!(2023 - 05 - 02),
    );
    observations::smoking(&mut chart, observations::NEVER_SMOKED, date!(2025 - 11 - 11));
    surveys::hunger(&mut chart, 2, date!(2025 - 11 - 11));
    glasses(&mut chart);
    dentist(&mut chart);
    chart.finish()
}

fn glasses(chart: &mut Chart) {
    let day = date!(2026 - 04 - 14);
    let exam = Claim::visit(
        chart,
        doctor("shah"),
        day,
        icd10("H52.13", "Myopia, bilateral"),
        vec![Line::service(service("eye-exam"), day, OFFICE)],
    );
    chart.claim(exam);
    let mut claim = Claim::visit(
        chart,
        doctor("shah"),
        day,
        icd10("H52.13", "Myopia, bilateral"),
        vec![Line::service(service("frames"), day, OFFICE)],
    );
    claim.in_network = false;
    chart.claim(claim);
}

const TOOTH_14: Coding = tooth("14", "14");
const TOOTH_13: Coding = tooth("13", "13");
const TOOTH_15: Coding = tooth("15", "15");

fn dentist(chart: &mut Chart) {
    let day = date!(2026 - 01 - 20);
    let caries = illness("caries");
    Claim::corrected(chart, "This claim replaces an earlier one that named a wrong amount.", |chart| {
        let details = Dental {
            first_prosthesis: Some(true),
            missing: vec![TOOTH_14],
            also: vec![TOOTH_13, TOOTH_15],
            ..Dental::default()
        };
        let mut claim = Claim::new(chart, ClaimType::Oral(details), day, day, "bright-smile-dental");
        claim.team.push((RENDERING, doctor("brandt")));
        claim.diagnoses = vec![
            (caries.icd10, PRINCIPAL),
            (icd10("K08.109", "Complete loss of teeth, unspecified cause, unspecified class"), SECONDARY),
        ];
        let mut bridge = Line::service(service("dental-bridge"), day, OFFICE);
        bridge.tooth = Some((TOOTH_14, Vec::new()));
        let mut filling = Line::service(service("dental-filling"), day, OFFICE);
        filling.tooth = Some((tooth("3", "3"), vec![surface("M", "Mesial"), surface("O", "Occlusal")]));
        filling.modifiers.push(cpt("52", "Reduced Services"));
        claim.lines = vec![bridge, filling];
        claim
    });
    clinical::condition(
        chart,
        caries,
        clinical::ConditionCategory::ProblemListItem,
        date!(2025 - 12 - 10),
        Some(date!(2026 - 01 - 27)),
        None,
    );
}

pub(crate) fn leo() -> Vec<Value> {
    let mut leo = Person::new("leo", "Leo", "Santos", "male", date!(2019 - 05 - 20), "100000005");
    leo.middle = Some("Rafael".into());
    leo.ethnicity = HISPANIC;
    leo.line = 44;
    leo.street = "18 Orchard Street".into();
    leo.moved = Some(("7 Mill Road".into(), date!(2021 - 06 - 30)));
    let mut chart = Chart::new(leo, &SILVER, "castellano", Rng::new(1, 5));
    patient::patient(&mut chart);
    let maria = maria_santos();
    let parent = patient::related(&mut chart, &maria, role_code("MTH", "mother"), date!(2021 - 06 - 30));
    for (plan, start) in [(&SILVER, date!(2023 - 01 - 01)), (&DENTAL, date!(2024 - 01 - 01))] {
        let holder = PolicyHolder::Other {
            person: &maria,
            holder: parent.clone(),
            subscriber: "Patient/maria".into(),
            relation: relationship("child", "Child"),
            dependent: "01",
        };
        coverage(&mut chart, plan, start, date!(2026 - 12 - 31), &holder);
    }
    growth(&mut chart);
    let small = Physique { height: 124.0, weight: 24.5, pressure: 98.0 };
    life::check_up(
        &mut chart,
        date!(2025 - 06 - 03),
        Physique { height: 118.0, weight: 21.8, pressure: 96.0 },
        &[],
        &[],
    );
    let seen = life::check_up(&mut chart, date!(2026 - 06 - 02), small, &[], &[]);
    for_age(&mut chart, &seen);
    life::acute(&mut chart, illness("otitis"), date!(2026 - 01 - 27), 12);
    life::acute(&mut chart, illness("cold"), date!(2025 - 12 - 02), 7);
    let peanut = sct("762952008", "Peanut");
    clinical::allergy(&mut chart, peanut, "food", sct("247472004", "Wheal"), "moderate", date!(2022 - 08 - 09));
    vaccines(&mut chart);
    braces(&mut chart);
    chart.finish()
}

/// Growth from birth to the third birthday: length, weight, head circumference, and their percentiles.
fn growth(chart: &mut Chart) {
    let rows = [
        (2, 58.0, 5.4, 39.1, 44.0, 52.0),
        (6, 67.2, 7.8, 43.2, 51.0, 49.0),
        (12, 75.6, 9.7, 46.0, 55.0, 58.0),
        (24, 87.1, 12.3, 48.4, 47.0, 50.0),
    ];
    for (months, length, weight, head, head_rank, weight_rank) in rows {
        let on = later(chart.person.birth, months * 30);
        let clinic = doctor("castellano");
        let well = sct("410620009", "Well child visit");
        let seen = encounters::encounter(chart, &encounters::OFFICE_VISIT, clinic, on, None, Some(well), None);
        let percentile = |code: Coding, profile: &'static str| Vital(code, profile, "%", "%");
        let head_rank_of = percentile(
            loinc("8289-1", "Head Occipital-frontal circumference Percentile"),
            "head-circumference-percentile",
        );
        let weight_rank_of =
            percentile(loinc("77606-2", "Weight-for-length Per age and sex"), "pediatric-weight-for-height");
        let measure =
            |chart: &mut Chart, [length, weight, head, head_rank, weight_rank]: [Option<f64>; 5], on, seen| {
                vitals::vital(chart, &HEIGHT, length, on, seen);
                vitals::measured(chart, &WEIGHT, weight, &[(&weight_rank_of, weight_rank)], on, seen);
                vitals::measured(chart, &HEAD, head, &[(&head_rank_of, head_rank)], on, seen);
                vitals::measured(chart, &head_rank_of, head_rank, &[(&HEAD, head)], on, seen);
                let parts = [(&WEIGHT, weight), (&HEIGHT, length)];
                vitals::measured(chart, &weight_rank_of, weight_rank, &parts, on, seen);
            };
        measure(chart, [length, weight, head, head_rank, weight_rank].map(Some), on, Some(&seen));
        if months == 24 {
            // Half a year later he would not keep still.
            measure(chart, [None; 5], later(on, 180), None);
        }
    }
}

fn for_age(chart: &mut Chart, seen: &str) {
    let on = date!(2026 - 06 - 02);
    let rank = Vital(
        loinc("59576-9", "Body mass index (BMI) [Percentile] Per age and sex"),
        "pediatric-bmi-for-age",
        "%",
        "%",
    );
    let (bmi, parts) = (Some(round(24.5 / 1.24 / 1.24, 1)), [(&WEIGHT, Some(24.5)), (&HEIGHT, Some(124.0))]);
    vitals::measured(chart, &BMI, bmi, &parts, on, Some(seen));
    vitals::measured(chart, &rank, Some(61.0), &[(&BMI, bmi)], on, Some(seen));
    vitals::measured(chart, &rank, None, &[(&BMI, None)], date!(2025 - 06 - 03), None);
}

fn vaccines(chart: &mut Chart) {
    let birth = chart.person.birth;
    for vaccine in VACCINES {
        for (i, age) in vaccine.ages.iter().enumerate().filter(|(_, age)| **age < 7) {
            clinical::immunization(chart, vaccine.cvx, later(birth, age * 365 + 14 + 7 * i as i64), None, None);
        }
    }
    let refused = act("PATOBJ", "patient objection");
    clinical::immunization(chart, crate::catalog::vaccines::COVID, date!(2026 - 06 - 02), None, Some(refused));
}

fn braces(chart: &mut Chart) {
    let day = date!(2026 - 08 - 11);
    let details = Dental { braces: Some(12), ..Dental::default() };
    let mut claim = Claim::new(chart, ClaimType::Oral(details), day, day, "bright-smile-dental");
    claim.team.push((RENDERING, doctor("brandt")));
    claim.diagnoses.push((icd10("M26.4", "Malocclusion, unspecified"), PRINCIPAL));
    claim.lines.push(Line::service(service("dental-braces"), day, OFFICE));
    chart.claim(claim);
}
