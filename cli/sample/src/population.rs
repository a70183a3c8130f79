//! Random members: their ages, the illnesses that come with age, and the care that follows.

use serde_json::Value;
use time::{Date, Duration};

use crate::catalog::drugs::drug;
use crate::catalog::illnesses::{ILLNESSES, Illness, illness};
use crate::catalog::plans::{ADVANTAGE, COMMUNITY, DENTAL, SILVER};
use crate::catalog::services::{CostSharing, HOSPITAL, OFFICE, service};
use crate::catalog::vaccines::VACCINES;
use crate::chart::Chart;
use crate::claims::{ADMITTING, ATTENDING, Claim, ClaimType, Dental, Line, NOT_APPLICABLE, PRINCIPAL, RENDERING, Stay};
use crate::clinical::{self, ConditionCategory};
use crate::codes::*;
use crate::coverage::{PolicyHolder, coverage};
use crate::directory::doctor;
use crate::documents::{self, AttachmentBytes, Document};
use crate::encounters::{self, encounter};
use crate::life::{self, Physique};
use crate::observations::{self, Drift};
use crate::patient;
use crate::person::Person;
use crate::priorauth::{self, Decision, PriorAuthorizationRequest};
use crate::random::Rng;
use crate::values::{ANCHOR, age, day, later, round};
use crate::{medications, surveys};

/// The risk of an illness: key, age from which it occurs, percent at that age, further percent per ten years.
const RISKS: &[(&str, i64, i64, i64)] = &[
    ("asthma", 4, 9, 0),
    ("allergic-rhinitis", 6, 14, 0),
    ("obesity", 20, 22, 2),
    ("prediabetes", 35, 8, 3),
    ("diabetes", 40, 6, 4),
    ("hypertension", 30, 8, 10),
    ("hyperlipidemia", 35, 12, 8),
    ("hypothyroidism", 30, 4, 2),
    ("reflux", 25, 10, 3),
    ("low-back-pain", 25, 12, 2),
    ("knee-arthritis", 50, 10, 8),
    ("osteoporosis", 60, 8, 8),
    ("copd", 55, 5, 3),
    ("kidney-disease", 60, 6, 5),
    ("atrial-fibrillation", 65, 5, 5),
    ("heart-failure", 68, 5, 5),
    ("depression", 16, 9, 0),
    ("anxiety", 14, 9, 0),
    ("opioid-dependence", 20, 1, 0),
    ("hiv", 20, 1, 0),
];

/// Illnesses that pass, and that people of any age have.
const PASSING: [&str; 3] = ["cold", "pharyngitis", "pneumonia"];

/// The laboratory values that a member's illnesses change.
fn drifts(rng: &mut Rng, has: &[&Illness]) -> Vec<Drift> {
    let mut out: Vec<Drift> = Vec::new();
    let mut shift = |code, low: f64, high: f64, yearly| {
        out.push((code, round(low + (high - low) * rng.between(0, 100) as f64 / 100.0, 1), yearly));
    };
    for illness in has {
        match illness.key {
            "diabetes" => {
                shift("4548-4", 6.4, 8.9, 0.1);
                shift("2345-7", 118.0, 190.0, 2.0);
            }
            "prediabetes" => shift("4548-4", 5.7, 6.3, 0.05),
            "hyperlipidemia" => shift("13457-7", 95.0, 165.0, -6.0),
            "kidney-disease" => shift("2160-0", 1.5, 2.2, 0.1),
            "hypothyroidism" => shift("3016-3", 2.5, 6.5, -0.4),
            _ => {}
        }
    }
    out
}

/// The record of one member, the same for the same number and seed.
pub(crate) fn member(number: usize, seed: u64) -> Vec<Value> {
    let mut rng = Rng::new(seed, number as u64 + 1);
    let years = *rng.pick(&[2, 6, 10, 15, 19, 24, 28, 33, 37, 42, 46, 51, 55, 59, 63, 66, 69, 72, 75, 79, 84]);
    let birth = later(ANCHOR, -(years * 365 + rng.between(0, 1400)));
    let person = Person::invent(&mut rng, &format!("m{:06}", number + 1), &format!("{}", 200_000_001 + number), birth);
    let years = age(birth, ANCHOR);
    let plan = match years {
        65.. => &ADVANTAGE,
        _ if rng.chance(30) => &COMMUNITY,
        _ => &SILVER,
    };
    let mut chart = Chart::new(person, plan, if years < 18 { "castellano" } else { "okafor" }, rng);
    patient::patient(&mut chart);
    let since = coverages(&mut chart, years).max(birth + Duration::days(30));
    let body = build(&mut chart.rng, years);
    observations_once(&mut chart, years, since);
    let has = illnesses(&mut chart, years);
    let drifts = drifts(&mut chart.rng, &has);
    for illness in &has {
        let onset = later(ANCHOR, -chart.rng.between(200, 2600)).max(birth + Duration::days(700));
        if illness.drugs.is_empty() && illness.labs.is_empty() {
            clinical::condition(&mut chart, illness, ConditionCategory::ProblemListItem, onset, None, None);
        } else {
            let months = chart.rng.between(4, 9);
            life::chronic(&mut chart, illness, onset, onset.max(since), months, body, &drifts);
        }
    }
    ordinary_years(&mut chart, years, since, body, &drifts);
    rarer(&mut chart, years, since);
    chart.finish()
}

/// Writes the coverages. Returns the first day of the first one.
fn coverages(chart: &mut Chart, years: i64) -> Date {
    let start_year = chart.rng.between(2022, 2025) as i32;
    let new_year = |y: i32| Date::from_ordinal_date(y, 1).unwrap_or(ANCHOR);
    let start = new_year(start_year);
    let plan = chart.plan;
    let dental = plan.id == SILVER.id && chart.rng.chance(50);
    let parent = (years < 18).then(|| {
        let born = chart.person.birth - Duration::days(chart.rng.between(8000, 13000));
        let mut rng = chart.rng.clone();
        let mut parent = Person::invent(&mut rng, &format!("{}-parent", chart.person.id), &chart.person.number, born);
        parent.family.clone_from(&chart.person.family);
        parent.street.clone_from(&chart.person.street);
        parent.town = chart.person.town;
        let kind = if parent.gender == "female" { role_code("MTH", "mother") } else { role_code("FTH", "father") };
        let target = patient::related(chart, &parent, kind, start);
        (parent, target)
    });
    let holder = || match &parent {
        Some((person, target)) => PolicyHolder::Other {
            person,
            holder: target.clone(),
            subscriber: target.clone(),
            relation: relationship("child", "Child"),
            dependent: "01",
        },
        None => PolicyHolder::Own,
    };
    for year in start_year..=2026 {
        coverage(chart, plan, new_year(year), new_year(year + 1) - Duration::days(1), &holder());
    }
    if dental {
        coverage(chart, &DENTAL, start, new_year(2027) - Duration::days(1), &holder());
    }
    start
}

fn build(rng: &mut Rng, years: i64) -> Physique {
    if years < 18 {
        let height = 72.0 + years as f64 * 6.0;
        return Physique { height, weight: round(height * height * 0.001_65, 1), pressure: 92.0 + years as f64 };
    }
    let height = round(rng.around(169.0, 14.0), 0);
    Physique {
        height,
        weight: round(rng.around(27.0, 6.0) * (height / 100.0).powi(2), 1),
        pressure: round(rng.around(112.0 + years as f64 * 0.3, 10.0), 0),
    }
}

fn observations_once(chart: &mut Chart, years: i64, since: Date) {
    let on = later(since, chart.rng.between(20, 200)).max(chart.person.birth);
    if years >= 18 {
        let habits = [
            observations::NEVER_SMOKED,
            observations::NEVER_SMOKED,
            observations::FORMER_SMOKER,
            observations::DAILY_SMOKER,
        ];
        let habit = *chart.rng.pick(&habits);
        observations::smoking(chart, habit, on);
    }
    if chart.rng.chance(25) {
        let substances = [
            (sct("91936005", "Allergy to penicillin"), "medication"),
            (sct("762952008", "Peanut"), "food"),
            (sct("256277009", "Grass pollen"), "environment"),
        ];
        let (substance, category) = *chart.rng.pick(&substances);
        clinical::allergy(chart, substance, category, sct("247472004", "Wheal"), "mild", on);
    } else {
        clinical::no_known_allergy(chart, on);
    }
    let birth = chart.person.birth;
    for vaccine in VACCINES {
        for dose in vaccine.ages.iter().filter(|dose| **dose < years && later(birth, *dose * 365 + 40) < ANCHOR) {
            clinical::immunization(chart, vaccine.cvx, later(birth, dose * 365 + 20), None, None);
        }
    }
}

fn illnesses(chart: &mut Chart, years: i64) -> Vec<&'static Illness> {
    let mut has = Vec::new();
    for (key, from, percent, more) in RISKS {
        if years >= *from && chart.rng.chance(percent + more * (years - from) / 10) {
            has.push(illness(key));
        }
    }
    debug_assert!(has.iter().all(|i| i.chronic) && ILLNESSES.len() > has.len());
    has
}

/// Writes the ordinary care of each year since `since`: check-ups, illnesses that pass, dental care.
fn ordinary_years(chart: &mut Chart, years: i64, since: Date, body: Physique, drifts: &[Drift]) {
    let mut year = since + Duration::days(chart.rng.between(40, 330));
    while year < later(ANCHOR, -14) {
        if chart.rng.chance(70) {
            let panels: &[&str] = if years < 18 { &[] } else { &["lipids"] };
            life::check_up(chart, year, body, panels, drifts);
        }
        for _ in 0..chart.rng.between(0, 2) {
            let on = later(year, chart.rng.between(10, 300));
            let key = if years < 10 && chart.rng.chance(50) { "otitis" } else { *chart.rng.pick(&PASSING) };
            if on < later(ANCHOR, -14) {
                let days = chart.rng.between(5, 20);
                life::acute(chart, illness(key), on, days);
            }
        }
        if chart.coverages.iter().any(|p| p.plan.id == DENTAL.id) && chart.rng.chance(60) {
            teeth(chart, year);
        }
        year += Duration::days(365);
    }
}

fn teeth(chart: &mut Chart, on: Date) {
    let mut claim = Claim::new(chart, ClaimType::Oral(Dental::default()), on, on, "bright-smile-dental");
    claim.team.push((RENDERING, doctor("brandt")));
    claim
        .diagnoses
        .push((icd10("Z01.20", "Encounter for dental examination and cleaning without abnormal findings"), PRINCIPAL));
    claim.lines = ["dental-exam", "dental-cleaning"].map(|s| Line::service(service(s), on, OFFICE)).into();
    if chart.rng.chance(20) {
        let mut filling = Line::service(service("dental-filling"), on, OFFICE);
        filling.tooth = Some((tooth("19", "19"), vec![surface("O", "Occlusal")]));
        claim.lines.push(filling);
    }
    chart.claim(claim);
}

/// Writes what few members have: a hospital stay, an emergency, an authorization, a document, a screening.
fn rarer(chart: &mut Chart, years: i64, since: Date) {
    let span = (ANCHOR - since).whole_days() - 60;
    let mut some_day =
        |percent: i64| chart.rng.chance(percent).then(|| since + Duration::days(chart.rng.between(30, span.max(31))));
    let (stay, emergency, asked, noted, screened) =
        (some_day(2 + years / 8), some_day(14), some_day(10), some_day(25), some_day(15));
    if let Some(on) = stay.filter(|_| years >= 18) {
        admission(chart, on);
    }
    if let Some(on) = emergency {
        let pain = icd10("R07.9", "Chest pain, unspecified");
        encounter(chart, &encounters::EMERGENCY, doctor("iyer"), on, None, Some(sct("29857009", "Chest pain")), None);
        let mut claim =
            Claim::new(chart, ClaimType::Outpatient(Stay::outpatient(true)), on, on, "harbor-view-hospital");
        claim.team.push((ATTENDING, doctor("iyer")));
        claim.diagnoses = vec![(pain, PRINCIPAL)];
        claim.lines = vec![
            Line::service(service("emergency"), on, HOSPITAL).revenue(revenue("0450", "Emergency room, general")),
            Line::service(service("ecg"), on, HOSPITAL).revenue(revenue("0730", "EKG/ECG, general")),
        ];
        chart.claim(claim);
    }
    if let Some(on) = asked.filter(|on| *on < later(ANCHOR, -10)) {
        let decision = *chart.rng.pick(&[
            Decision::Approved { units: 8, used: 3 },
            Decision::Denied(
                priorauth::NOT_NECESSARY,
                "The pain has lasted less than six weeks: the plan pays for exercises with a therapist after that.",
            ),
            Decision::Pending,
        ]);
        let back = illness("low-back-pain");
        let request = PriorAuthorizationRequest {
            service: service("physical-therapy"),
            units: 8,
            category: x12_service("AE", "Physical Medicine"),
            diagnosis: back.icd10,
            doctor: doctor("marsh"),
            on,
            urgent: false,
            because: "The pain keeps the patient from working; exercises under guidance are to bring the strength back.",
            previous: None,
        };
        priorauth::authorization(chart, &request, decision);
    }
    if let Some(on) = noted {
        let text = format!("Seen on {}. No new complaints. Continue as before.", day(on));
        let author = chart.doctor;
        documents::file(
            chart,
            &Document {
                kind: loinc("11506-3", "Progress note"),
                title: "Progress note",
                mime: "application/pdf",
                bytes: AttachmentBytes::Binary(documents::pdf(&[author.name(), text])),
                author,
                date: on,
                encounter: None,
            },
        );
    }
    if let Some(on) = screened.filter(|_| years >= 18) {
        let worry = chart.rng.between(0, 2) as usize;
        surveys::hunger(chart, worry, on);
        medications::reported(chart, drug("ibuprofen"), on, None);
    }
}

fn admission(chart: &mut Chart, start: Date) {
    let nights = chart.rng.between(1, 6);
    let end = start + Duration::days(nights);
    let pneumonia = illness("pneumonia");
    let seen = encounter(chart, &encounters::ADMISSION, doctor("iyer"), start, Some(end), Some(pneumonia.sct), None);
    clinical::condition(
        chart,
        pneumonia,
        ConditionCategory::EncounterDiagnosis,
        start,
        Some(later(end, 14)),
        Some(&seen),
    );
    let mut claim = Claim::new(
        chart,
        ClaimType::Inpatient(Stay::inpatient(true, ms_drg("194", "Simple pneumonia and pleurisy with CC"))),
        start,
        end,
        "harbor-view-hospital",
    );
    claim.team.push((ATTENDING, doctor("iyer")));
    claim.diagnoses = vec![(pneumonia.icd10, PRINCIPAL), (pneumonia.icd10, ADMITTING)];
    let room = revenue("0120", "Room and board, semi-private two bed");
    claim.lines = vec![
        Line::priced(NOT_APPLICABLE, start, 284_000, 142_500, CostSharing::Deductible, HOSPITAL)
            .times(nights as u32)
            .revenue(room),
    ];
    chart.claim(claim);
}
