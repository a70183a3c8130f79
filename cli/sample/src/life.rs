//! Episodes that several resources tell together: a check-up, an illness, a course of treatment.

use time::Date;

use crate::catalog::illnesses::{Illness, SUBSTANCE_ABUSE, SUBSTANCES};
use crate::catalog::labs;
use crate::catalog::services::{OFFICE, Service, service};
use crate::chart::Chart;
use crate::claims::{Claim, Line};
use crate::clinical::{self, ConditionCategory};
use crate::codes::*;
use crate::directory::{self, Doctor};
use crate::encounters::{self, Setting, encounter};
use crate::medications::{self, Prescription};
use crate::observations::{self, Drift};
use crate::values::{ANCHOR, later};
use crate::vitals;

/// A member's usual measurements, around which the vital signs vary.
#[derive(Clone, Copy)]
pub(crate) struct Physique {
    pub(crate) height: f64,
    pub(crate) weight: f64,
    /// The usual systolic blood pressure, in mmHg.
    pub(crate) pressure: f64,
}

/// Writes a visit: the Encounter, the claim and, with a `body`, the vital signs. Returns the Encounter.
pub(crate) fn visit(
    chart: &mut Chart,
    setting: &Setting,
    doctor: &'static Doctor,
    on: Date,
    why: (Coding, Coding),
    billed: &[&Service],
    body: Option<Physique>,
) -> String {
    let (reason, diagnosis) = why;
    let seen = encounter(chart, setting, doctor, on, None, Some(reason), None);
    if let Some(Physique { height, weight, pressure }) = body {
        vitals::vitals(chart, height, weight, pressure, on, Some(&seen));
    }
    let lines = billed.iter().map(|s| Line::service(s, on, OFFICE)).collect();
    let claim = Claim::visit(chart, doctor, on, diagnosis, lines);
    chart.claim(claim);
    seen
}

const CHECK_UP: Coding = sct("410620009", "Well child visit");
const GENERAL_EXAM: Coding = sct("162673000", "General examination of patient");
const ADULT_EXAM: Coding = icd10("Z00.00", "Encounter for general adult medical examination without abnormal findings");
const CHILD_EXAM: Coding = icd10("Z00.129", "Encounter for routine child health examination without abnormal findings");

/// Writes a yearly check-up with vital signs, a flu shot in season, and laboratory panels. Returns the Encounter.
pub(crate) fn check_up(chart: &mut Chart, on: Date, body: Physique, panels: &[&str], drifts: &[Drift]) -> String {
    let doctor = chart.doctor;
    let years = crate::values::age(chart.person.birth, on);
    let exam = match years {
        ..18 => "physical-child",
        18..40 => "physical-young",
        40..65 => "physical-adult",
        _ => "wellness",
    };
    let why = if years < 18 { (CHECK_UP, CHILD_EXAM) } else { (GENERAL_EXAM, ADULT_EXAM) };
    let flu = matches!(on.month() as u8, 9..=12);
    let mut billed = vec![service(exam)];
    if flu {
        billed.extend([service("vaccination"), service("flu-vaccine")]);
    }
    let seen = visit(chart, &encounters::OFFICE_VISIT, doctor, on, why, &billed, Some(body));
    if flu {
        clinical::immunization(chart, crate::catalog::vaccines::INFLUENZA, on, Some(&seen), None);
    }
    tests(chart, panels, drifts, doctor, on, Some(&seen), why.1);
    seen
}

/// Writes laboratory panels drawn on one day, with one claim for all. Returns the reports.
pub(crate) fn tests(
    chart: &mut Chart,
    panels: &[&str],
    drifts: &[Drift],
    doctor: &'static Doctor,
    on: Date,
    encounter: Option<&str>,
    diagnosis: Coding,
) -> Vec<String> {
    let panels: Vec<_> = panels.iter().map(|key| labs::panel(key)).collect();
    if panels.is_empty() {
        return Vec::new();
    }
    let reports = panels.iter().map(|p| observations::panel(chart, p, drifts, doctor, on, encounter).0).collect();
    observations::bill(chart, &panels, doctor, on, diagnosis);
    reports
}

/// Writes a chronic illness from its onset: the Condition on the problem list, prescriptions with fills from `since`,
/// and visits with laboratory panels every `months` months. Returns the Condition.
pub(crate) fn chronic(
    chart: &mut Chart,
    illness: &'static Illness,
    onset: Date,
    since: Date,
    months: i64,
    body: Physique,
    drifts: &[Drift],
) -> String {
    chart.labelled(&labels(illness), |chart| treated(chart, illness, onset, since, months, body, drifts))
}

/// The security labels of every resource about this illness: that it is restricted, and its sensitivity.
pub(crate) fn labels(illness: &Illness) -> Vec<Coding> {
    let Some(label) = illness.label else { return Vec::new() };
    let mut out = vec![confidentiality("R", "restricted"), label];
    // Many systems still look for the older code of the same sensitivity.
    if label == SUBSTANCES {
        out.push(SUBSTANCE_ABUSE);
    }
    out
}

fn treated(
    chart: &mut Chart,
    illness: &'static Illness,
    onset: Date,
    since: Date,
    months: i64,
    body: Physique,
    drifts: &[Drift],
) -> String {
    let doctor = directory::doctor(illness.doctor);
    let problem = clinical::condition(chart, illness, ConditionCategory::ProblemListItem, onset, None, None);
    let first_visit =
        encounter(chart, &encounters::OFFICE_VISIT, doctor, onset, None, Some(illness.sct), Some(&problem));
    for key in illness.drugs {
        let drug = crate::catalog::drugs::drug(key);
        let until = (drug.course > 0).then(|| later(onset, i64::from(drug.course)));
        let p = Prescription {
            drug,
            doctor,
            from: onset,
            until,
            encounter: Some(&first_visit),
            reason: Some((&problem, illness.sct)),
        };
        medications::course(chart, &p, since);
    }
    let mut on = onset.max(since) + time::Duration::days(20 + chart.rng.between(0, 20));
    while on < later(ANCHOR, -5) {
        let billed =
            [service(if illness.doctor == "lindqvist" || illness.doctor == "marsh" { "specialist" } else { "office" })];
        let seen =
            visit(chart, &encounters::OFFICE_VISIT, doctor, on, (illness.sct, illness.icd10), &billed, Some(body));
        tests(chart, illness.labs, drifts, doctor, on, Some(&seen), illness.icd10);
        on += time::Duration::days(months * 30 + chart.rng.between(-6, 6));
    }
    problem
}

/// Writes a short illness: one visit, a diagnosis that resolves, a short course of treatment. Returns the Encounter.
pub(crate) fn acute(chart: &mut Chart, illness: &'static Illness, on: Date, days: i64) -> String {
    chart.labelled(&labels(illness), |chart| passing(chart, illness, on, days))
}

fn passing(chart: &mut Chart, illness: &'static Illness, on: Date, days: i64) -> String {
    let doctor = if illness.doctor == "okafor" { chart.doctor } else { directory::doctor(illness.doctor) };
    let seen =
        visit(chart, &encounters::SICK_VISIT, doctor, on, (illness.sct, illness.icd10), &[service("office")], None);
    let found = clinical::condition(
        chart,
        illness,
        ConditionCategory::EncounterDiagnosis,
        on,
        Some(later(on, days)),
        Some(&seen),
    );
    for key in illness.drugs {
        let drug = crate::catalog::drugs::drug(key);
        let until = Some(later(on, i64::from(drug.course)));
        medications::course(
            chart,
            &Prescription {
                drug,
                doctor,
                from: on,
                until,
                encounter: Some(&seen),
                reason: Some((&found, illness.sct)),
            },
            on,
        );
    }
    seen
}
