//! George: ten years of several illnesses, measured every week. About ten thousand resources, to test long lists.

use serde_json::Value;
use time::{Duration, macros::date};

use crate::catalog::illnesses::illness;
use crate::catalog::labs::panel;
use crate::catalog::plans::ADVANTAGE;
use crate::chart::Chart;
use crate::codes::*;
use crate::coverage::{PolicyHolder, coverage};
use crate::directory::doctor;
use crate::life::{self, Physique};
use crate::observations;
use crate::patient;
use crate::person::Person;
use crate::random::Rng;
use crate::values::{ANCHOR, round};
use crate::vitals::{self, Air, HEART_RATE, WEIGHT};
use crate::{care, clinical};

pub(crate) fn george() -> Vec<Value> {
    let mut george = Person::new("george", "George", "Littlefeather", "male", date!(1949 - 03 - 08), "100000006");
    george.race = race("1002-5", "American Indian or Alaska Native");
    let tribe = Coding {
        system: "http://terminology.hl7.org/CodeSystem/v3-TribalEntityUS",
        code: "187",
        display: "Paiute-Shoshone Tribe of the Fallon Reservation and Colony, Nevada",
    };
    george.tribe = Some((tribe, true));
    george.suffix = Some("Jr.");
    george.married = true;
    let mut chart = Chart::new(george, &ADVANTAGE, "okafor", Rng::new(1, 6));
    patient::patient(&mut chart);
    for year in 2016..=2026 {
        let day = |month, day| time::Date::from_calendar_date(year, month, day).unwrap_or(ANCHOR);
        coverage(
            &mut chart,
            &ADVANTAGE,
            day(time::Month::January, 1),
            day(time::Month::December, 31),
            &PolicyHolder::Own,
        );
    }
    let body = Physique { height: 176.0, weight: 88.0, pressure: 136.0 };
    let drifts = [
        ("4548-4", 7.6, 0.1),
        ("2345-7", 151.0, 2.0),
        ("2160-0", 1.9, 0.08),
        ("3094-0", 31.0, 1.1),
        ("718-7", 11.8, -0.15),
        ("13457-7", 88.0, -3.0),
    ];
    let start = date!(2016 - 11 - 03);
    for (key, months) in [
        ("diabetes", 6),
        ("hypertension", 8),
        ("hyperlipidemia", 12),
        ("heart-failure", 6),
        ("kidney-disease", 6),
        ("atrial-fibrillation", 12),
    ] {
        life::chronic(&mut chart, illness(key), start, start, months, body, &drifts);
    }
    let mut week = start;
    let mut number = 0;
    let mut pressures = Vec::new();
    while week < ANCHOR - Duration::days(3) {
        pressures.push((week, at_home(&mut chart, body, week)));
        if number % 2 == 0 {
            observations::panel(&mut chart, panel("cmp"), &drifts, doctor("okafor"), week, None);
        }
        if number % 4 == 1 {
            observations::panel(&mut chart, panel("cbc"), &drifts, doctor("okafor"), week, None);
        }
        week += Duration::days(7);
        number += 1;
    }
    wishes(&mut chart, &pressures);
    for year in 2016..=2025 {
        let october = time::Date::from_calendar_date(year, time::Month::October, 9).unwrap_or(ANCHOR);
        clinical::immunization(&mut chart, crate::catalog::vaccines::INFLUENZA, october, None, None);
        observations::smoking(&mut chart, observations::FORMER_SMOKER, october);
    }
    let goal = care::goal(
        &mut chart,
        "Keep the weight below 88 kg",
        loinc("29463-7", "Body weight"),
        (88.0, "kg"),
        date!(2026 - 01 - 12),
        None,
    );
    let team = care::team(&mut chart, &[doctor("okafor"), doctor("lindqvist")], None, date!(2016 - 11 - 03));
    care::plan(
        &mut chart,
        "Heart failure at home",
        &["Weigh yourself every week", "Call when the weight rises by 2 kg in a week"],
        &[goal],
        &team,
        &[],
        date!(2026 - 01 - 12),
    );
    chart.finish()
}

/// The mean of his last twelve blood pressures, the number that guidelines ask for, and his preferences.
fn wishes(chart: &mut Chart, pressures: &[(time::Date, (f64, f64))]) {
    let last = &pressures[pressures.len() - 12..];
    let mean = |of: fn(&(f64, f64)) -> f64| (last.iter().map(|(_, p)| of(p)).sum::<f64>() / 12.0).round();
    vitals::average_pressure(chart, Some((mean(|p| p.0), mean(|p| p.1))), last[0].0, last[11].0);
    let on = date!(2026 - 01 - 12);
    let words =
        "Speak slowly, and call my daughter before anything is decided. I like the window open and country music.";
    observations::preference(chart, observations::CARE_EXPERIENCE, words, on);
    let words = "No breathing machine for longer than a few days. Tablets and oxygen at home are welcome.";
    observations::preference(chart, observations::TREATMENT, words, on);
}

/// Measurements at home, with scales, cuff and finger clip. Returns the blood pressure.
fn at_home(chart: &mut Chart, body: Physique, on: time::Date) -> (f64, f64) {
    let weight = round(chart.rng.around(body.weight, 2.0), 1);
    let systolic = chart.rng.around(body.pressure, 12.0).round();
    let diastolic = chart.rng.around(body.pressure * 0.6, 7.0).round();
    let pulse = chart.rng.around(78.0, 10.0).round();
    let saturation = chart.rng.between(92, 98) as f64;
    vitals::vital(chart, &WEIGHT, Some(weight), on, None);
    vitals::blood_pressure(chart, Some(systolic), Some(diastolic), on, None);
    vitals::vital(chart, &HEART_RATE, Some(pulse), on, None);
    vitals::oximetry(chart, Some(saturation), Air::Room, on, None);
    (systolic, diastolic)
}
