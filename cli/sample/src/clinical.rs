//! Conditions, allergies, immunizations, procedures, devices and orders.

use serde_json::{Value, json};
use time::Date;

use crate::catalog::illnesses::Illness;
use crate::chart::Chart;
use crate::codes::*;
use crate::directory::Doctor;
use crate::values::{at, base64, concept, concept_text, concepts, day, named, reference};

fn subject(chart: &Chart) -> Value {
    named(&chart.patient(), &chart.person.name())
}

/// The category of a Condition, which also decides its US Core profile.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConditionCategory {
    ProblemListItem,
    HealthConcern,
    EncounterDiagnosis,
}

/// Writes a Condition; it is resolved if it has an `end`.
pub(crate) fn condition(
    chart: &mut Chart,
    illness: &Illness,
    category: ConditionCategory,
    onset: Date,
    end: Option<Date>,
    encounter: Option<&str>,
) -> String {
    let state =
        if end.is_some() { condition_clinical("resolved", "Resolved") } else { condition_clinical("active", "Active") };
    let (category, profile) = match category {
        ConditionCategory::ProblemListItem => {
            (condition_category("problem-list-item", "Problem List Item"), "condition-problems-health-concerns")
        }
        ConditionCategory::HealthConcern => {
            (us_condition("health-concern", "Health Concern"), "condition-problems-health-concerns")
        }
        ConditionCategory::EncounterDiagnosis => {
            (condition_category("encounter-diagnosis", "Encounter Diagnosis"), "condition-encounter-diagnosis")
        }
    };
    let mut categories = vec![concept(category)];
    if illness.key == "food-insecurity" {
        categories.push(concept(us_category("sdoh", "SDOH")));
    }
    // Every Condition also conforms to the general profile of US Core 3.1.1.
    let profiles = [us_core(profile), us_core("condition")];
    let body = json!({
        "extension": [{
            "url": "http://hl7.org/fhir/StructureDefinition/condition-assertedDate",
            "valueDateTime": day(onset),
        }],
        "clinicalStatus": concept(state),
        "verificationStatus": concept(condition_verification("confirmed", "Confirmed")),
        "category": categories,
        "code": concepts(&[illness.sct, illness.icd10]),
        "subject": subject(chart),
        "encounter": encounter.map(reference),
        "onsetDateTime": day(onset),
        "abatementDateTime": end.map(day),
        "recordedDate": day(onset),
        "recorder": crate::directory::doctor(illness.doctor).reference(),
    });
    chart.put("Condition", "condition", end.unwrap_or(onset), &profiles, body)
}

/// Writes an `AllergyIntolerance`.
pub(crate) fn allergy(
    chart: &mut Chart,
    substance: Coding,
    category: &str,
    manifestation: Coding,
    severity: &str,
    since: Date,
) -> String {
    let body = json!({
        "clinicalStatus": concept(allergy_clinical("active", "Active")),
        "verificationStatus": concept(allergy_verification("confirmed", "Confirmed")),
        "type": "allergy",
        "category": [category],
        "criticality": if severity == "severe" { "high" } else { "low" },
        "code": concept(substance),
        "patient": subject(chart),
        "onsetDateTime": day(since),
        "recordedDate": day(since),
        "recorder": chart.doctor.reference(),
        "reaction": [{"manifestation": [concept(manifestation)], "severity": severity}],
    });
    chart.put("AllergyIntolerance", "allergy", since, &[us_core("allergyintolerance")], body)
}

/// Writes that no allergy is known. A record without an `AllergyIntolerance` would not say so.
pub(crate) fn no_known_allergy(chart: &mut Chart, on: Date) -> String {
    let body = json!({
        "clinicalStatus": concept(allergy_clinical("active", "Active")),
        "verificationStatus": concept(allergy_verification("confirmed", "Confirmed")),
        "code": concept(sct("716186003", "No known allergy")),
        "patient": subject(chart),
        "recordedDate": day(on),
    });
    chart.put("AllergyIntolerance", "allergy", on, &[us_core("allergyintolerance")], body)
}

/// Writes an Immunization; with a `refusal`, one that was not given.
pub(crate) fn immunization(
    chart: &mut Chart,
    vaccine: Coding,
    on: Date,
    encounter: Option<&str>,
    refusal: Option<Coding>,
) -> String {
    let doctor = chart.doctor;
    let clinic = doctor.employer();
    let given = refusal.is_none();
    let body = json!({
        "status": if given { "completed" } else { "not-done" },
        "statusReason": refusal.map(concept),
        "vaccineCode": concept(vaccine),
        "patient": subject(chart),
        "encounter": encounter.map(reference),
        "occurrenceDateTime": at(on, 9, 20),
        "primarySource": true,
        "location": named(&format!("Location/site-{}", clinic.id), clinic.name),
        "lotNumber": given.then(|| format!("LOT{:02}{:02}", on.year() % 100, on.ordinal() % 97)),
        "site": given.then(|| concept(sct("368208006", "Left upper arm structure"))),
        "performer": given.then(|| vec![json!({"actor": doctor.reference()})]),
    });
    chart.put("Immunization", "vaccine", on, &[us_core("immunization")], body)
}

/// Writes a completed Procedure.
pub(crate) fn procedure(
    chart: &mut Chart,
    codes: &[Coding],
    doctor: &'static Doctor,
    on: Date,
    encounter: Option<&str>,
    reason: Option<(&str, Coding)>,
    order: Option<&str>,
) -> String {
    let body = json!({
        "basedOn": order.map(|o| vec![reference(o)]),
        "status": "completed",
        "category": concept(sct("387713003", "Surgical procedure")),
        "code": concepts(codes),
        "subject": subject(chart),
        "encounter": encounter.map(reference),
        "performedPeriod": crate::values::hours(on, 8, 90),
        "performer": [{
            "actor": doctor.reference(),
            "onBehalfOf": named(&doctor.employer().target(), doctor.employer().name),
        }],
        "reasonCode": reason.map(|r| vec![concept(r.1)]),
        "reasonReference": reason.map(|r| vec![reference(r.0)]),
    });
    chart.put("Procedure", "procedure", on, &[us_core("procedure")], body)
}

/// Writes a `ServiceRequest`: an order that has been carried out.
pub(crate) fn order(
    chart: &mut Chart,
    category: Coding,
    code: Coding,
    doctor: &'static Doctor,
    on: Date,
    encounter: Option<&str>,
    reason: Option<(Coding, Option<&str>)>,
) -> String {
    let body = json!({
        "status": "completed",
        "intent": "order",
        "category": [concept(category)],
        "code": concept(code),
        "subject": subject(chart),
        "encounter": encounter.map(reference),
        "occurrenceDateTime": day(on),
        "authoredOn": at(on, 9, 25),
        "requester": doctor.reference(),
        "reasonCode": reason.map(|r| vec![concept(r.0)]),
        "reasonReference": reason.and_then(|r| r.1).map(|r| vec![reference(r)]),
    });
    chart.put("ServiceRequest", "order", on, &[us_core("servicerequest")], body)
}

/// The data on an implant's label.
pub(crate) struct Implant {
    pub(crate) kind: Coding,
    pub(crate) name: &'static str,
    pub(crate) maker: &'static str,
    pub(crate) identifier: &'static str,
    pub(crate) lot: &'static str,
    pub(crate) serial: &'static str,
}

/// Writes an implanted Device with its unique device identifier (UDI), as barcode and as text.
pub(crate) fn device(chart: &mut Chart, implant: &Implant, made: Date, on: Date) -> String {
    let expires = crate::values::day(made + time::Duration::days(3650));
    let short = |d: &str| d[2..].replace('-', "");
    let label = format!(
        "(01){}(11){}(17){}(10){}(21){}",
        implant.identifier,
        short(&day(made)),
        short(&expires),
        implant.lot,
        implant.serial
    );
    let body = json!({
        "udiCarrier": [{
            "deviceIdentifier": implant.identifier,
            "issuer": "http://hl7.org/fhir/NamingSystem/gs1-di",
            "jurisdiction": "http://hl7.org/fhir/NamingSystem/fda-udi",
            "carrierAIDC": base64(label.replace(['(', ')'], "").as_bytes()),
            "carrierHRF": label,
            "entryType": "barcode",
        }],
        "status": "active",
        "distinctIdentifier": format!("D-{}-{}", implant.lot, implant.serial),
        "manufacturer": implant.maker,
        "manufactureDate": day(made),
        "expirationDate": expires,
        "lotNumber": implant.lot,
        "serialNumber": implant.serial,
        "deviceName": [{"name": implant.name, "type": "user-friendly-name"}],
        "type": concept_text(implant.kind, implant.name),
        "patient": subject(chart),
        "url": format!("https://devices.example.org/{}", implant.identifier),
    });
    chart.put("Device", "device", on, &[us_core("implantable-device"), pdex("pdex-device")], body)
}
