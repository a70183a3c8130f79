//! Encounters: the visits that most other resources refer to.

use serde_json::{Value, json};
use time::Date;

use crate::chart::Chart;
use crate::codes::*;
use crate::directory::Doctor;
use crate::values::{at, coding, concept, hours, named, reference};

/// A class and a type of Encounter, with its usual length.
pub(crate) struct Setting {
    pub(crate) class: Coding,
    pub(crate) kind: Coding,
    minutes: u32,
}

pub(crate) const OFFICE_VISIT: Setting =
    Setting { class: act("AMB", "ambulatory"), kind: sct("185349003", "Encounter for check up"), minutes: 30 };
pub(crate) const SICK_VISIT: Setting =
    Setting { class: act("AMB", "ambulatory"), kind: sct("185345009", "Encounter for symptom"), minutes: 20 };
pub(crate) const EMERGENCY: Setting =
    Setting { class: act("EMER", "emergency"), kind: sct("50849002", "Emergency room admission"), minutes: 210 };
pub(crate) const ADMISSION: Setting =
    Setting { class: act("IMP", "inpatient encounter"), kind: sct("32485007", "Hospital admission"), minutes: 0 };
pub(crate) const VIDEO_VISIT: Setting = Setting {
    class: act("VR", "virtual"),
    kind: sct("448337001", "Telemedicine consultation with patient"),
    minutes: 25,
};

/// Writes an Encounter on one day, or from `date` to `until`.
pub(crate) fn encounter(
    chart: &mut Chart,
    setting: &Setting,
    doctor: &'static Doctor,
    date: Date,
    until: Option<Date>,
    reason: Option<Coding>,
    condition: Option<&str>,
) -> String {
    let id = chart.next_id("visit");
    let site = doctor.employer();
    let when = match until {
        Some(end) => json!({"start": at(date, 7, 0), "end": at(end, 11, 30)}),
        None => hours(date, 9, setting.minutes),
    };
    let hospital = until.is_some() || setting.class.code == "EMER";
    let stay = hospital.then(|| {
        json!({
            "admitSource": concept(Coding {
                system: "http://terminology.hl7.org/CodeSystem/admit-source",
                code: "emd",
                display: "From accident/emergency department",
            }),
            "dischargeDisposition": concept(disposition("01", "Discharged to home or self care (routine discharge)")),
        })
    });
    let place = if hospital { crate::directory::organization("harbor-view-hospital") } else { site };
    let body = json!({
        "identifier": [{"system": format!("https://{}.example.org/visit", place.id), "value": id.to_uppercase()}],
        "status": "finished",
        "class": coding(setting.class),
        "type": [concept(setting.kind)],
        "subject": named(&chart.patient(), &chart.person.name()),
        "participant": [{
            "type": [concept(participation("PPRF", "primary performer"))],
            "period": when,
            "individual": doctor.reference(),
        }],
        "period": when,
        "reasonCode": reason.map(|r| vec![concept(r)]),
        "reasonReference": condition.map(|c| vec![reference(c)]),
        "hospitalization": stay.unwrap_or(Value::Null),
        "location": [{"location": named(&format!("Location/site-{}", place.id), place.name)}],
        "serviceProvider": named(&place.target(), place.name),
    });
    chart.put_as("Encounter", &id, until.unwrap_or(date), &[us_core("encounter")], body)
}
