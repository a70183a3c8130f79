//! Vital signs: single values, blood pressure, oxygen saturation.

use serde_json::{Value, json};
use time::Date;

use crate::chart::Chart;
use crate::codes::*;
use crate::observations::{base, with};
use crate::values::{concept, named, quantity, reference, round};

const VITAL: Coding = observation_category("vital-signs", "Vital Signs");

/// A vital sign: its code, the name of its profile, its unit and its UCUM code.
pub(crate) struct Vital(pub Coding, pub &'static str, pub &'static str, pub &'static str);

pub(crate) const HEART_RATE: Vital = Vital(loinc("8867-4", "Heart rate"), "heart-rate", "beats/minute", "/min");
pub(crate) const BREATHING: Vital =
    Vital(loinc("9279-1", "Respiratory rate"), "respiratory-rate", "breaths/minute", "/min");
pub(crate) const TEMPERATURE: Vital =
    Vital(loinc("8310-5", "Body temperature"), "body-temperature", "degrees C", "Cel");
pub(crate) const HEIGHT: Vital = Vital(loinc("8302-2", "Body height"), "body-height", "cm", "cm");
pub(crate) const WEIGHT: Vital = Vital(loinc("29463-7", "Body weight"), "body-weight", "kg", "kg");
pub(crate) const BMI: Vital = Vital(loinc("39156-5", "Body mass index (BMI) [Ratio]"), "bmi", "kg/m2", "kg/m2");
pub(crate) const HEAD: Vital =
    Vital(loinc("9843-4", "Head Occipital-frontal circumference"), "head-circumference", "cm", "cm");

pub(crate) const RHYTHM_OF_HEART: Coding = loinc("8884-9", "Heart rate rhythm");
pub(crate) const RHYTHM_OF_BREATHING: Coding = loinc("9304-7", "Respiration rhythm");
pub(crate) const SITE_OF_TEMPERATURE: Coding = loinc("8327-9", "Body temperature measurement site");
pub(crate) const POSITION: Coding = loinc("8361-8", "Body position with respect to gravity");

/// The profiles of a vital sign: its own, US Core's for all vital signs, and R4's.
fn vital_profiles(name: &str) -> Vec<String> {
    let own = match name {
        "pediatric-bmi-for-age" | "pediatric-weight-for-height" => {
            format!("http://hl7.org/fhir/us/core/StructureDefinition/{name}")
        }
        "head-circumference-percentile" => {
            "http://hl7.org/fhir/us/core/StructureDefinition/head-occipital-frontal-circumference-percentile".into()
        }
        _ => us_core(name),
    };
    vec![own, us_core("vital-signs"), "http://hl7.org/fhir/StructureDefinition/vitalsigns".into()]
}

/// Writes a vital sign. Without a value it says that it was not measured.
pub(crate) fn vital(chart: &mut Chart, vital: &Vital, value: Option<f64>, on: Date, encounter: Option<&str>) -> String {
    measured(chart, vital, value, &[], on, encounter)
}

/// Like [`vital`], with components: the measurements it was computed from, or its percentile.
pub(crate) fn measured(
    chart: &mut Chart,
    vital: &Vital,
    value: Option<f64>,
    parts: &[(&Vital, Option<f64>)],
    on: Date,
    encounter: Option<&str>,
) -> String {
    let part = |(vital, value): &(&Vital, Option<f64>)| component(vital.0, value.map(|v| (v, vital.2, vital.3)));
    let parts = parts.iter().map(part).collect();
    observed(chart, vital, value, parts, on, encounter)
}

/// Like [`vital`], with one component in words, for example how it was measured; `None` if that was not recorded.
pub(crate) fn qualified(
    chart: &mut Chart,
    vital: &Vital,
    value: f64,
    (code, how): (Coding, Option<&str>),
    on: Date,
    encounter: Option<&str>,
) -> String {
    let how = json!({
        "code": concept(code),
        "valueCodeableConcept": how.map(|how| json!({"text": how})),
        "dataAbsentReason": how.is_none().then(|| concept(absent("unknown", "Unknown"))),
    });
    observed(chart, vital, Some(value), vec![how], on, encounter)
}

fn observed(
    chart: &mut Chart,
    vital: &Vital,
    value: Option<f64>,
    components: Vec<Value>,
    on: Date,
    encounter: Option<&str>,
) -> String {
    let Vital(code, profile, unit, ucum) = vital;
    let body = with(
        base(chart, VITAL, &concept(*code), on),
        json!({
            "encounter": encounter.map(reference),
            "performer": [chart.doctor.reference()],
            "valueQuantity": value.map(|v| quantity(v, unit, ucum)),
            "dataAbsentReason": value.is_none().then(|| concept(absent("not-performed", "Not Performed"))),
            "component": components,
        }),
    );
    chart.put("Observation", "vital", on, &vital_profiles(profile), body)
}

fn component(code: Coding, value: Option<(f64, &str, &str)>) -> Value {
    json!({
        "code": concept(code),
        "valueQuantity": value.map(|(v, unit, ucum)| quantity(v, unit, ucum)),
        "dataAbsentReason": value.is_none().then(|| concept(absent("unknown", "Unknown"))),
    })
}

/// Writes a blood pressure. One missing value is said to be unknown; without both, it was not measured.
pub(crate) fn blood_pressure(
    chart: &mut Chart,
    systolic: Option<f64>,
    diastolic: Option<f64>,
    on: Date,
    encounter: Option<&str>,
) -> String {
    let code = concept(loinc("85354-9", "Blood pressure panel with all children optional"));
    let untaken = systolic.is_none() && diastolic.is_none();
    let body = with(
        base(chart, VITAL, &code, on),
        json!({
            "encounter": encounter.map(reference),
            "performer": [chart.doctor.reference()],
            "dataAbsentReason": untaken.then(|| concept(absent("not-performed", "Not Performed"))),
            "component": [
                component(loinc("8480-6", "Systolic blood pressure"), systolic.map(|s| (s, "mmHg", "mm[Hg]"))),
                component(loinc("8462-4", "Diastolic blood pressure"), diastolic.map(|d| (d, "mmHg", "mm[Hg]"))),
            ],
        }),
    );
    chart.put("Observation", "vital", on, &vital_profiles("blood-pressure"), body)
}

/// Writes the mean of the blood pressures that a member measured at home in a period; `None` if they measured none.
pub(crate) fn average_pressure(chart: &mut Chart, mean: Option<(f64, f64)>, start: Date, end: Date) -> String {
    let code = concept(loinc("96607-7", "Blood pressure panel mean systolic and mean diastolic"));
    let mut body = with(
        base(chart, VITAL, &code, end),
        json!({
            "effectivePeriod": crate::values::period(start, end),
            "performer": [named(&chart.patient(), &chart.person.name())],
            "component": [
                component(loinc("96608-5", "Systolic blood pressure mean"), mean.map(|m| (m.0, "mmHg", "mm[Hg]"))),
                component(loinc("96609-3", "Diastolic blood pressure mean"), mean.map(|m| (m.1, "mmHg", "mm[Hg]"))),
            ],
        }),
    );
    body["effectiveDateTime"] = Value::Null;
    chart.put("Observation", "vital", end, &[us_core("average-blood-pressure")], body)
}

/// The air that a member breathes during a pulse oximetry.
#[derive(Clone, Copy)]
pub(crate) enum Air {
    Room,
    /// Oxygen, in liters per minute.
    Oxygen(f64),
    /// Oxygen, at a flow that was not recorded.
    SomeOxygen,
}

/// Writes a pulse oximetry. Without a saturation it says that it was not measured.
pub(crate) fn oximetry(
    chart: &mut Chart,
    saturation: Option<f64>,
    air: Air,
    on: Date,
    encounter: Option<&str>,
) -> String {
    let code = crate::values::concepts(&[
        loinc("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry"),
        loinc("2708-6", "Oxygen saturation in Arterial blood"),
    ]);
    let given = |flow: Option<f64>| {
        let share = flow.map(|liters| (round(21.0 + 4.0 * liters, 0), "%", "%"));
        vec![
            component(loinc("3151-8", "Inhaled oxygen flow rate"), flow.map(|liters| (liters, "liters/min", "L/min"))),
            component(loinc("3150-0", "Inhaled oxygen concentration"), share),
        ]
    };
    let components = match air {
        Air::Room => Vec::new(),
        Air::Oxygen(liters) => given(Some(liters)),
        Air::SomeOxygen => given(None),
    };
    let body = with(
        base(chart, VITAL, &code, on),
        json!({
            "encounter": encounter.map(reference),
            "valueQuantity": saturation.map(|s| quantity(s, "%", "%")),
            "dataAbsentReason": saturation.is_none().then(|| concept(absent("not-performed", "Not Performed"))),
            "component": components,
        }),
    );
    chart.put("Observation", "vital", on, &vital_profiles("pulse-oximetry"), body)
}

/// Writes the vital signs of a visit. `pressure` is the usual systolic blood pressure, in mmHg.
pub(crate) fn vitals(chart: &mut Chart, height: f64, weight: f64, pressure: f64, on: Date, encounter: Option<&str>) {
    let weight = round(chart.rng.around(weight, 1.2), 1);
    let systolic = chart.rng.around(pressure, 8.0).round();
    let diastolic = chart.rng.around(pressure * 0.62, 5.0).round();
    let (pulse, breath) = (chart.rng.around(72.0, 8.0).round(), chart.rng.around(15.0, 2.0).round());
    let warm = round(chart.rng.around(36.8, 0.3), 1);
    blood_pressure(chart, Some(systolic), Some(diastolic), on, encounter);
    vital(chart, &HEART_RATE, Some(pulse), on, encounter);
    vital(chart, &BREATHING, Some(breath), on, encounter);
    vital(chart, &TEMPERATURE, Some(warm), on, encounter);
    vital(chart, &HEIGHT, Some(height), on, encounter);
    vital(chart, &WEIGHT, Some(weight), on, encounter);
    let bmi = round(weight / (height / 100.0).powi(2), 1);
    measured(chart, &BMI, Some(bmi), &[(&WEIGHT, Some(weight)), (&HEIGHT, Some(height))], on, encounter);
    let saturation = chart.rng.between(95, 99) as f64;
    oximetry(chart, Some(saturation), Air::Room, on, encounter);
}

/// Writes the vital signs of a visit at which none was measured.
pub(crate) fn no_vitals(chart: &mut Chart, on: Date, encounter: Option<&str>) {
    for kind in [&HEART_RATE, &BREATHING, &TEMPERATURE, &HEIGHT, &WEIGHT] {
        vital(chart, kind, None, on, encounter);
    }
    measured(chart, &BMI, None, &[(&WEIGHT, None), (&HEIGHT, None)], on, encounter);
    blood_pressure(chart, None, None, on, encounter);
    oximetry(chart, None, Air::Room, on, encounter);
}
