//! Institutional claims: inpatient stays and outpatient visits of a hospital.

use serde_json::{Value, json};
use time::Date;

use super::Claim;
use crate::chart::Chart;
use crate::codes::*;
use crate::values::{at, concept, day, hours, period};

/// Details that only institutional claims have.
pub(crate) struct Stay {
    pub(crate) bill: Coding,
    pub(crate) admission: Coding,
    pub(crate) origin: Coding,
    pub(crate) discharge: Coding,
    pub(crate) drg: Option<Coding>,
    /// The procedures of the stay, each with its day.
    pub(crate) procedures: Vec<(Coding, Date)>,
}

pub(crate) const HOME: Coding = discharge_status("01", "Discharged to home or self care (routine discharge)");

impl Stay {
    /// An inpatient stay.
    pub(crate) fn inpatient(emergency: bool, drg: Coding) -> Self {
        Stay {
            bill: type_of_bill("0111", "Hospital inpatient, admit through discharge claim"),
            admission: if emergency { admission_type("1", "Emergency") } else { admission_type("3", "Elective") },
            origin: point_of_origin("1", "Non-health care facility point of origin"),
            discharge: HOME,
            drg: Some(drg),
            procedures: Vec::new(),
        }
    }

    /// An outpatient visit.
    pub(crate) fn outpatient(emergency: bool) -> Self {
        Stay {
            bill: type_of_bill("0131", "Hospital outpatient, admit through discharge claim"),
            admission: if emergency { admission_type("1", "Emergency") } else { admission_type("3", "Elective") },
            origin: point_of_origin("1", "Non-health care facility point of origin"),
            discharge: HOME,
            drg: None,
            procedures: Vec::new(),
        }
    }
}

/// One entry of `supportingInfo`; [`numbered`] sets its sequence.
pub(crate) fn info(category: &'static str, name: &'static str, rest: Value) -> Value {
    let mut row = json!({"sequence": 0, "category": concept(c4bb_info(category, name))});
    if let (Value::Object(row), Value::Object(rest)) = (&mut row, rest) {
        row.extend(rest);
    }
    row
}

/// Numbers the entries from 1.
pub(crate) fn numbered(mut rows: Vec<Value>) -> Value {
    for (i, row) in rows.iter_mut().enumerate() {
        row["sequence"] = json!(i + 1);
    }
    Value::Array(rows)
}

/// The medical record number and the patient account number, for the claim types that carry them.
pub(crate) fn accounts(chart: &Chart, claim: &Claim) -> [Value; 2] {
    [
        info(
            "medicalrecordnumber",
            "Medical Record Number",
            json!({"valueString": format!("HV-{}", chart.person.number)}),
        ),
        info(
            "patientaccountnumber",
            "Patient Account Number",
            json!({"valueString": format!("ACCT-{}", claim.number)}),
        ),
    ]
}

/// Adds the elements of institutional claims.
pub(crate) fn complete(body: &mut Value, chart: &Chart, claim: &Claim, stay: &Stay, received: Date, inpatient: bool) {
    body["type"] = concept(claim_type("institutional", "Institutional"));
    body["subType"] = concept(if inpatient {
        c4bb_subtype("inpatient", "Inpatient")
    } else {
        c4bb_subtype("outpatient", "Outpatient")
    });
    let mut rows = Vec::new();
    if inpatient {
        let dates = period(claim.start, claim.end);
        rows.push(info("admissionperiod", "Admission Period", json!({"timingPeriod": dates})));
    }
    rows.extend([
        info("clmrecvddate", "Claim Received Date", json!({"timingDate": day(received)})),
        info("typeofbill", "Type of Bill", json!({"code": concept(stay.bill)})),
        info("pointoforigin", "Point Of Origin", json!({"code": concept(stay.origin)})),
        info("admtype", "Admission Type", json!({"code": concept(stay.admission)})),
        info("discharge-status", "Discharge Status", json!({"code": concept(stay.discharge)})),
    ]);
    if let Some(drg) = stay.drg {
        rows.push(info("drg", "DRG", json!({"code": concept(drg)})));
    }
    rows.extend(accounts(chart, claim));
    body["supportingInfo"] = numbered(rows);
    let procedures = stay.procedures.iter().enumerate().map(|(i, (code, date))| {
        let kind = if i == 0 { c4bb_procedure("principal", "Principal") } else { c4bb_procedure("other", "Other") };
        json!({
            "sequence": i + 1,
            "type": [concept(kind)],
            "date": at(*date, 8, 30),
            "procedureCodeableConcept": concept(*code),
        })
    });
    body["procedure"] = procedures.collect();
    if !inpatient && claim.start == claim.end {
        // The billable period of a one-day visit has times.
        body["billablePeriod"] = hours(claim.start, 9, 210);
    }
}
