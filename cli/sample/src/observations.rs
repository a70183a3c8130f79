//! Observations: laboratory results, social history, preferences, screenings. Vital signs are in [`crate::vitals`].

use serde_json::{Value, json};
use time::Date;

use crate::catalog::labs::{Panel, Test};
use crate::chart::Chart;
use crate::claims::{Claim, Line, PRINCIPAL};
use crate::codes::*;
use crate::directory::{Doctor, organization};
use crate::values::{at, concept, concept_text, named, quantity, reference, round};

/// A laboratory value that differs from the usual in one member: LOINC code, mean at the anchor, change per year.
pub(crate) type Drift = (&'static str, f64, f64);

pub(crate) fn base(chart: &Chart, category: Coding, code: &Value, on: Date) -> Value {
    json!({
        "status": "final",
        "category": [concept(category)],
        "code": code,
        "subject": named(&chart.patient(), &chart.person.name()),
        "encounter": Value::Null,
        "effectiveDateTime": at(on, 9, 10),
    })
}

pub(crate) fn with(mut body: Value, more: Value) -> Value {
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    body
}

const LABORATORY: Coding = observation_category("laboratory", "Laboratory");
const SOCIAL: Coding = observation_category("social-history", "Social History");
const SURVEY: Coding = observation_category("survey", "Survey");

fn value_of(chart: &mut Chart, test: &Test, drifts: &[Drift], on: Date) -> f64 {
    let (mut mean, mut spread) = test.usual;
    if let Some((_, now, yearly)) = drifts.iter().find(|d| d.0 == test.loinc.code) {
        let years = (crate::values::ANCHOR - on).whole_days() as f64 / 365.25;
        mean = now - yearly * years;
        spread = mean.abs() * 0.06;
    }
    round(chart.rng.around(mean, spread).max(0.0), test.places)
}

/// Writes one laboratory result, interpreted by its reference range.
fn result(
    chart: &mut Chart,
    test: &Test,
    value: Option<f64>,
    on: Date,
    encounter: Option<&str>,
    specimen: &str,
) -> String {
    let (low, high) = test.normal;
    let judged = value.map(|v| match v {
        v if v < low => interpretation("L", "Low"),
        v if v > high => interpretation("H", "High"),
        _ => interpretation("N", "Normal"),
    });
    let lab = organization("northside-laboratory");
    let body = with(
        base(chart, LABORATORY, &concept(test.loinc), on),
        json!({
            "encounter": encounter.map(reference),
            "issued": at(on, 17, 30),
            "performer": [named(&lab.target(), lab.name)],
            "valueQuantity": value.map(|v| quantity(v, test.unit, test.unit)),
            "dataAbsentReason": value.is_none().then(|| concept(absent("error", "Error"))),
            "interpretation": judged.map(|j| vec![concept(j)]),
            "specimen": reference(specimen),
            "referenceRange": [{
                "low": quantity(low, test.unit, test.unit),
                "high": quantity(high, test.unit, test.unit),
                "text": format!("{low} - {high} {}", test.unit),
            }],
        }),
    );
    chart.put("Observation", "lab", on, &[us_core("observation-lab"), us_core("observation-clinical-result")], body)
}

/// Writes a laboratory panel: order, specimen, results and report. Returns the report and the results.
pub(crate) fn panel(
    chart: &mut Chart,
    panel: &Panel,
    drifts: &[Drift],
    doctor: &'static Doctor,
    on: Date,
    encounter: Option<&str>,
) -> (String, Vec<String>) {
    let subject = named(&chart.patient(), &chart.person.name());
    let order = crate::clinical::order(
        chart,
        sct("108252007", "Laboratory procedure"),
        panel.loinc,
        doctor,
        on,
        encounter,
        None,
    );
    // One tube per panel, which the laboratory numbers after the order.
    let tube = order.replace("ServiceRequest/", "NL-").to_uppercase();
    let body = json!({
        "identifier": [{"system": "https://northside-laboratory.example.org/specimen", "value": tube}],
        "accessionIdentifier": {"system": "https://northside-laboratory.example.org/accession", "value": tube},
        "status": "available",
        "type": concept(sct("122555007", "Venous blood specimen")),
        "subject": subject,
        "receivedTime": at(on, 10, 30),
        "request": [reference(&order)],
        "collection": {
            "collectedDateTime": at(on, 9, 10),
            "bodySite": concept(sct("368208006", "Left upper arm structure")),
        },
        "condition": [{"text": "Room temperature"}],
    });
    let specimen = chart.put("Specimen", "specimen", on, &[us_core("specimen")], body);
    let mut results = Vec::new();
    for test in panel.tests {
        // Now and then a specimen is spoilt: the result has no value, and says why.
        let value = value_of(chart, test, drifts, on);
        let spoilt = test.loinc.code == "2823-3" && chart.rng.chance(4);
        let value = (!spoilt).then_some(value);
        results.push(result(chart, test, value, on, encounter, &specimen));
    }
    let lab = organization("northside-laboratory");
    let report = chart.put(
        "DiagnosticReport",
        "report",
        on,
        &[us_core("diagnosticreport-lab")],
        json!({
            "basedOn": [reference(&order)],
            "status": "final",
            "category": [concept(v2_diagnostics("LAB", "Laboratory"))],
            "code": concept(panel.loinc),
            "subject": subject,
            "encounter": encounter.map(reference),
            "effectiveDateTime": at(on, 9, 10),
            "issued": at(on, 18, 0),
            "performer": [named(&lab.target(), lab.name)],
            "specimen": [reference(&specimen)],
            "result": results.iter().map(|r| reference(r)).collect::<Vec<_>>(),
        }),
    );
    (report, results)
}

/// Submits the laboratory's claim for panels drawn on one day.
pub(crate) fn bill(chart: &mut Chart, panels: &[&Panel], doctor: &'static Doctor, on: Date, diagnosis: Coding) {
    use crate::catalog::services::{CostSharing, LABORATORY as PLACE, service};
    use crate::claims::{ClaimType, REFERRING, RENDERING};
    let mut claim = Claim::new(chart, ClaimType::Professional(None), on, on, "northside-laboratory");
    claim.team = vec![(RENDERING, doctor), (REFERRING, doctor)];
    claim.diagnoses.push((diagnosis, PRINCIPAL));
    claim.lines.push(Line::service(service("venipuncture"), on, PLACE));
    claim
        .lines
        .extend(panels.iter().map(|p| Line::priced(p.cpt, on, p.price.0, p.price.1, CostSharing::Deductible, PLACE)));
    chart.claim(claim);
}

/// Writes an Observation of social history with a coded answer.
pub(crate) fn social(chart: &mut Chart, profile: &str, question: Coding, answer: &Value, on: Date) -> String {
    let body = with(
        base(chart, SOCIAL, &concept(question), on),
        json!({
            "performer": [chart.doctor.reference()],
            "valueCodeableConcept": answer,
        }),
    );
    chart.put("Observation", "social", on, &[us_core(profile)], body)
}

pub(crate) const NEVER_SMOKED: Coding = sct("266919005", "Never smoked tobacco");
pub(crate) const FORMER_SMOKER: Coding = sct("8517006", "Ex-smoker");
pub(crate) const DAILY_SMOKER: Coding = sct("449868002", "Smokes tobacco daily");

/// Writes the smoking status.
pub(crate) fn smoking(chart: &mut Chart, status: Coding, on: Date) -> String {
    let mut body = with(
        base(chart, SOCIAL, &concept(loinc("72166-2", "Tobacco smoking status")), on),
        json!({
            "issued": at(on, 12, 0),
            "valueCodeableConcept": concept(status),
        }),
    );
    body["performer"] = json!([chart.doctor.reference()]);
    chart.put("Observation", "social", on, &[us_core("smokingstatus")], body)
}

/// Writes how much the member has smoked in their life, in pack-years. US Core allows a quantity here only since 7.0.0.
pub(crate) fn pack_years(chart: &mut Chart, years: f64, on: Date) -> String {
    let code = concept(sct("401201003", "Cigarette pack-years"));
    let body = with(
        base(chart, SOCIAL, &code, on),
        json!({
            "performer": [chart.doctor.reference()],
            "valueQuantity": quantity(years, "pack-years", "{PackYears}"),
        }),
    );
    chart.put("Observation", "social", on, &[format!("{}|7.0.0", us_core("smokingstatus"))], body)
}

/// A member's preference about the experience of care: US Core category, question, display.
pub(crate) const CARE_EXPERIENCE: (&str, Coding, &str) =
    ("care-experience-preference", loinc("95541-9", "Care experience preference"), "Care experience preference");
pub(crate) const TREATMENT: (&str, Coding, &str) = (
    "treatment-intervention-preference",
    loinc("75773-2", "Goals, preferences, and priorities for medical treatment [Reported]"),
    "Treatment intervention preference",
);

/// Writes a preference in the member's own words.
pub(crate) fn preference(
    chart: &mut Chart,
    (kind, question, name): (&'static str, Coding, &'static str),
    words: &str,
    on: Date,
) -> String {
    let body = with(
        base(chart, us_category(kind, name), &concept(question), on),
        json!({
            "performer": [named(&chart.patient(), &chart.person.name())],
            "valueString": words,
        }),
    );
    chart.put("Observation", "social", on, &[us_core(kind)], body)
}

/// Writes an occupation with its industry, from `since` until now.
pub(crate) fn occupation(chart: &mut Chart, job: &str, industry: &str, since: Date) -> String {
    let mut body = with(
        base(chart, SOCIAL, &concept(loinc("11341-5", "History of Occupation")), since),
        json!({
            "effectivePeriod": {"start": crate::values::day(since)},
            "valueCodeableConcept": {"text": job},
            "component": [{
                "code": concept(loinc("86188-0", "History of Occupation industry")),
                "valueCodeableConcept": {"text": industry},
            }],
        }),
    );
    body["effectiveDateTime"] = Value::Null;
    chart.put("Observation", "social", since, &[us_core("observation-occupation")], body)
}

/// Writes a screening answer or score. `about` is its US Core category, `from` the resource it was derived from.
pub(crate) fn screening(
    chart: &mut Chart,
    about: Coding,
    question: Coding,
    answer: Value,
    on: Date,
    members: &[String],
    from: Option<&str>,
) -> String {
    let body = with(
        base(chart, SURVEY, &concept_text(question, question.display), on),
        json!({
            "category": [concept(SURVEY), concept(about)],
            "performer": [chart.doctor.reference()],
            "hasMember": members.iter().map(|m| reference(m)).collect::<Vec<_>>(),
            "derivedFrom": from.map(|f| vec![reference(f)]),
        }),
    );
    let body = with(body, answer);
    let profiles = [us_core("observation-screening-assessment"), us_core("simple-observation")];
    chart.put("Observation", "screening", on, &profiles, body)
}
