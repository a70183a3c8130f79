//! Medications: prescriptions, fills, and what members report themselves.

use serde_json::{Value, json};
use time::Date;

use crate::catalog::drugs::{DRUGS, Drug};
use crate::chart::Chart;
use crate::claims::Claim;
use crate::codes::*;
use crate::directory::{Doctor, organization};
use crate::values::{ANCHOR, UPDATED, at, concept, concepts, day, later, named, quantity, reference, resource};

/// The Medication with this id, which belongs to no member.
pub(crate) fn find(id: &str) -> Option<Value> {
    DRUGS.iter().find(|drug| drug.key == id).map(medication)
}

fn medication(drug: &Drug) -> Value {
    resource(
        "Medication",
        drug.key,
        &[us_core("medication")],
        UPDATED,
        &[],
        json!({
            "code": concepts(&[drug.rxnorm, drug.ndc]),
            "status": "active",
        }),
    )
}

/// A prescription: the drug, the doctor, the dates and the reason.
pub(crate) struct Prescription<'a> {
    pub(crate) drug: &'static Drug,
    pub(crate) doctor: &'static Doctor,
    pub(crate) from: Date,
    pub(crate) until: Option<Date>,
    pub(crate) encounter: Option<&'a str>,
    /// The reference of the Condition, and its code.
    pub(crate) reason: Option<(&'a str, Coding)>,
}

fn dosage(drug: &Drug) -> Value {
    let (value, unit, code) = drug.dose;
    let needed = drug.directions.contains("as needed");
    json!([{
        "sequence": 1,
        "text": drug.directions,
        "timing": {"repeat": {"frequency": drug.daily, "period": 1, "periodUnit": "d"}},
        "asNeededBoolean": needed,
        "doseAndRate": [{
            "type": concept(Coding {
                system: "http://terminology.hl7.org/CodeSystem/dose-rate-type",
                code: "ordered",
                display: "Ordered",
            }),
            "doseQuantity": quantity(value, unit, code),
        }],
    }])
}

/// Writes a `MedicationRequest`. With `by_reference` it refers to a Medication instead of naming its code.
pub(crate) fn request(chart: &mut Chart, p: &Prescription, by_reference: bool) -> String {
    let (value, unit) = (p.drug.fill.0, p.drug.dose.1);
    let ended = p.until.is_some_and(|d| d < ANCHOR);
    let body = json!({
        "status": if ended { "completed" } else { "active" },
        "intent": "order",
        "category": [concept(request_category("outpatient", "Outpatient"))],
        "reportedBoolean": false,
        "medicationCodeableConcept": (!by_reference).then(|| concepts(&[p.drug.rxnorm, p.drug.ndc])),
        "medicationReference":
            by_reference.then(|| named(&format!("Medication/{}", p.drug.key), p.drug.rxnorm.display)),
        "subject": named(&chart.patient(), &chart.person.name()),
        "encounter": p.encounter.map(reference),
        "authoredOn": at(p.from, 9, 28),
        "requester": p.doctor.reference(),
        // The reason is a reference to the Condition for a lasting illness, and a code for one that passes.
        "reasonCode": p.reason.filter(|_| p.drug.course > 0).map(|r| vec![concept(r.1)]),
        "reasonReference": p.reason.filter(|_| p.drug.course == 0).map(|r| vec![reference(r.0)]),
        "dosageInstruction": dosage(p.drug),
        "dispenseRequest": {
            "validityPeriod": {"start": day(p.from), "end": p.until.map(day)},
            "numberOfRepeatsAllowed": if p.drug.course == 0 { 11 } else { 0 },
            "quantity": {"value": value, "unit": unit},
            "expectedSupplyDuration": quantity(f64::from(p.drug.fill.1), "days", "d"),
        },
        "substitution": {"allowedBoolean": true},
    });
    chart.put("MedicationRequest", "rx-order", p.until.unwrap_or(p.from), &[us_core("medicationrequest")], body)
}

/// The adherence of a member who does not take every dose.
pub(crate) const NOT_ALWAYS: Coding = sct("275928001", "Drugs - partial non-compliance");

/// Writes a medication that the member buys without a prescription and reports, and how well they adhere to it.
pub(crate) fn reported(chart: &mut Chart, drug: &'static Drug, since: Date, adherence: Option<Coding>) -> String {
    let patient = named(&chart.patient(), &chart.person.name());
    let kept = adherence.map(|how| {
        json!([{"url": us_core("medication-adherence"), "extension": [
            {"url": "medicationAdherence", "valueCodeableConcept": concept(how)},
            {"url": "dateAsserted", "valueDateTime": day(since)},
            {"url": "informationSource", "valueCodeableConcept": concept(sct("116154003", "Patient"))},
        ]}])
    });
    let body = json!({
        "extension": kept,
        "status": "active",
        "intent": "plan",
        "category": [concept(request_category("community", "Community"))],
        "reportedReference": patient,
        "medicationCodeableConcept": concept(drug.rxnorm),
        "subject": patient,
        "authoredOn": day(since),
        "requester": patient,
        "dosageInstruction": dosage(drug),
    });
    chart.put("MedicationRequest", "rx-order", since, &[us_core("medicationrequest")], body);
    let body = json!({
        "status": "active",
        "medicationCodeableConcept": concept(drug.rxnorm),
        "subject": patient,
        "effectivePeriod": {"start": day(since)},
        "dateAsserted": day(since),
        "informationSource": patient,
        "dosage": dosage(drug),
    });
    chart.put("MedicationStatement", "statement", since, &[], body)
}

/// Writes a `MedicationDispense`: one fill, as the pharmacy handed it over.
pub(crate) fn dispense(
    chart: &mut Chart,
    drug: &'static Drug,
    on: Date,
    order: &str,
    refill: u32,
    encounter: Option<&str>,
) -> String {
    let pharmacy = organization("riverside-pharmacy");
    let kind = if refill == 0 { act("FF", "First Fill") } else { act("RF", "Refill") };
    let body = json!({
        "extension": [{"url": pdex("DispenseRefill"), "valueQuantity": {"value": refill}}],
        "status": "completed",
        // The plan knows a fill's drug by its NDC; US Core asks for the RxNorm code beside it.
        "medicationCodeableConcept": concepts(&[drug.ndc, drug.rxnorm]),
        "subject": named(&chart.patient(), &chart.person.name()),
        "context": encounter.map(reference),
        "performer": [{"actor": named(&pharmacy.target(), pharmacy.name)}],
        "location": named(&format!("Location/site-{}", pharmacy.id), pharmacy.name),
        "authorizingPrescription": [reference(order)],
        "type": concept(kind),
        "quantity": {"value": drug.fill.0, "unit": drug.dose.1, "system": UCUM, "code": drug.dose.2},
        "daysSupply": quantity(f64::from(drug.fill.1), "days", "d"),
        "whenPrepared": at(on, 14, 0),
        "whenHandedOver": at(on, 16, 40),
        "dosageInstruction": dosage(drug),
        "substitution": {"wasSubstituted": false},
    });
    let profiles = [us_core("medicationdispense"), pdex("pdex-medicationdispense")];
    chart.put("MedicationDispense", "dispense", on, &profiles, body)
}

/// Writes a prescription with all its fills until it ends, each dispensed and billed. Twelve fills belong to one
/// request, and then it is renewed. Returns the first request.
pub(crate) fn course(chart: &mut Chart, p: &Prescription, since: Date) -> String {
    let every = i64::from(p.drug.fill.1);
    let stop = p.until.unwrap_or(ANCHOR);
    let mut first = None;
    let (mut on, mut number, mut order) = (p.from, 0, String::new());
    loop {
        if number % 12 == 0 {
            let until = later(on, 364).min(stop);
            let until = (until < ANCHOR).then_some(until);
            let encounter = if number == 0 { p.encounter } else { None };
            order = request(
                chart,
                &Prescription { until, from: on, encounter, ..*p },
                chart.person.id.len().is_multiple_of(2),
            );
            first.get_or_insert_with(|| order.clone());
        }
        if on >= since {
            let encounter = if number == 0 { p.encounter } else { None };
            dispense(chart, p.drug, on, &order, number % 12, encounter);
            let mut fill = Claim::fill(chart, p.drug, on, (number % 12, if p.drug.course == 0 { 11 } else { 0 }));
            fill.team[0].1 = p.doctor;
            chart.claim(fill);
        }
        number += 1;
        on += time::Duration::days(every - 1 + i64::from(number % 3));
        if on > stop || on > later(ANCHOR, -3) || p.drug.course > 0 {
            return first.expect("at least one request");
        }
    }
}
