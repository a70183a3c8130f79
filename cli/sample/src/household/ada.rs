//! Ada has a bit of everything: three illnesses, two hospital stays (`stays`), an implant, authorizations, documents, a
//! care plan.

use serde_json::Value;
use time::{Date, macros::date};

use super::stays;
use crate::catalog::drugs::drug;
use crate::catalog::illnesses::illness;
use crate::catalog::plans::ADVANTAGE;
use crate::catalog::services::{HOME, service};
use crate::catalog::vaccines::VACCINES;
use crate::chart::Chart;
use crate::claims::*;
use crate::clinical::{self};
use crate::codes::*;
use crate::coverage::{PolicyHolder, coverage};
use crate::directory::doctor;
use crate::documents::{self, AttachmentBytes, DiagnosticReport, Document};
use crate::encounters::{self};
use crate::life::{self, Physique};
use crate::patient;
use crate::person::Person;
use crate::priorauth::{self, Decision, PriorAuthorizationRequest};
use crate::random::Rng;
use crate::request;
use crate::{care, medications, observations, vitals};

pub(crate) fn ada() -> Vec<Value> {
    let mut ada = Person::new("ada", "Ada", "Lindgren", "female", date!(1958 - 04 - 17), "100000001");
    ada.married = true;
    ada.middle = Some("Karin".into());
    let mut chart = Chart::new(ada, &ADVANTAGE, "okafor", Rng::new(1, 1));
    patient::patient(&mut chart);
    for (start, end) in [(date!(2023 - 05 - 01), date!(2024 - 12 - 31)), (date!(2025 - 01 - 01), date!(2026 - 12 - 31))]
    {
        coverage(&mut chart, &ADVANTAGE, start, end, &PolicyHolder::Own);
    }
    let sam = Person::new("sam", "Sam", "Lindgren", "male", date!(1985 - 11 - 02), "100000009");
    let son = patient::related(&mut chart, &sam, role_code("SONC", "son"), date!(2010 - 09 - 01));
    let body = Physique { height: 164.0, weight: 78.0, pressure: 138.0 };
    let drifts = [("4548-4", 7.1, -0.2), ("2345-7", 142.0, -4.0), ("13457-7", 92.0, -9.0)];
    let diabetes =
        life::chronic(&mut chart, illness("diabetes"), date!(2023 - 06 - 12), date!(2024 - 06 - 01), 5, body, &drifts);
    let pressure = life::chronic(
        &mut chart,
        illness("hypertension"),
        date!(2023 - 06 - 12),
        date!(2025 - 01 - 01),
        8,
        body,
        &drifts,
    );
    let thyroid = life::chronic(
        &mut chart,
        illness("hypothyroidism"),
        date!(2024 - 01 - 22),
        date!(2024 - 01 - 22),
        9,
        body,
        &[],
    );
    for day in [date!(2024 - 10 - 02), date!(2025 - 10 - 07), date!(2026 - 10 - 13)] {
        life::check_up(&mut chart, day, body, &["lipids"], &drifts);
    }
    vitals::no_vitals(&mut chart, date!(2026 - 02 - 20), None);
    observations::smoking(&mut chart, observations::FORMER_SMOKER, date!(2025 - 03 - 03));
    clinical::allergy(
        &mut chart,
        sct("91936005", "Allergy to penicillin"),
        "medication",
        sct("271807003", "Eruption of skin"),
        "severe",
        date!(1971 - 03 - 01),
    );
    for vaccine in VACCINES.iter().filter(|v| ["pneumococcal", "zoster", "tdap"].contains(&v.key)) {
        clinical::immunization(&mut chart, vaccine.cvx, date!(2024 - 04 - 22), None, None);
    }
    let pneumonia = stays::hospital(&mut chart);
    stays::knee(&mut chart);
    stays::fall(&mut chart);
    authorizations(&mut chart);
    pharmacy(&mut chart);
    papers(&mut chart, &pneumonia);
    let problems = [diabetes.clone(), pressure, thyroid];
    let goal = care::goal(
        &mut chart,
        "Hemoglobin A1c below 7 percent",
        loinc("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood"),
        (7.0, "%"),
        date!(2026 - 03 - 16),
        Some(&diabetes),
    );
    let team = care::team(
        &mut chart,
        &[doctor("okafor"), doctor("marsh"), doctor("lindqvist")],
        Some((&son, "Sam Lindgren")),
        date!(2024 - 01 - 08),
    );
    let steps = [
        "Walk half an hour on five days a week",
        "Measure the glucose before breakfast",
        "Eye examination once a year",
    ];
    care::plan(&mut chart, "Living with type 2 diabetes", &steps, &[goal], &team, &problems, date!(2026 - 03 - 16));
    chart.finish()
}

/// Prior authorizations: approved, denied, pending, and one that continues an earlier one.
fn authorizations(chart: &mut Chart) {
    let ask =
        |service_key: &str, units, category, diagnosis: &str, who: &str, on: Date, because| PriorAuthorizationRequest {
            service: service(service_key),
            units,
            category,
            diagnosis: illness(diagnosis).icd10,
            doctor: doctor(who),
            on,
            urgent: false,
            because,
            previous: None,
        };
    let therapy = x12_service("AE", "Physical Medicine");
    let why =
        "Three days after the knee replacement the knee bends to 70 degrees. The goal is 110 degrees in six weeks.";
    let first = ask("physical-therapy", 12, therapy, "knee-arthritis", "marsh", date!(2025 - 05 - 09), why);
    let number = priorauth::authorization(chart, &first, Decision::Approved { units: 12, used: 6 });
    let why = "The knee bends to 100 degrees. Stairs are still hard.";
    let mut more = ask("physical-therapy", 6, therapy, "knee-arthritis", "marsh", date!(2025 - 11 - 12), why);
    more.previous = Some(&number);
    priorauth::authorization(chart, &more, Decision::Approved { units: 6, used: 0 });
    let picture = x12_service("62", "MRI/CAT Scan");
    let why = "Low back pain for two weeks, no numbness, no weakness. A picture is to find the cause.";
    let scan = ask("back-mri", 1, picture, "low-back-pain", "marsh", date!(2026 - 05 - 18), why);
    let denied = Decision::Denied(
        priorauth::NOT_NECESSARY,
        "The plan pays for this scan after six weeks of exercises or medicine; the documents show none.",
    );
    priorauth::authorization(chart, &scan, denied);
    let mut breathing = ask(
        "cpap",
        1,
        x12_service("12", "Durable Medical Equipment Purchase"),
        "hypertension",
        "okafor",
        date!(2026 - 10 - 21),
        "Wakes up breathless, and her husband used to hear pauses. The sleep study counted 31 pauses in an hour.",
    );
    breathing.urgent = true;
    priorauth::authorization(chart, &breathing, Decision::Pending);
    let modifier = hcpcs("GP", "Services delivered under an outpatient physical therapy plan of care");
    request::exchanged(chart, &first, &number, modifier);
    let line = Line::service(service("cpap"), date!(2026 - 03 - 10), HOME).refused(NO_AUTHORIZATION);
    let mut claim =
        Claim::visit(chart, doctor("okafor"), date!(2026 - 03 - 10), illness("hypertension").icd10, vec![line]);
    claim.notes.push("Ask for an authorization and send the claim again.");
    chart.claim(claim);
}

/// A rejected fill, a compound, a corrected fill.
fn pharmacy(chart: &mut Chart) {
    let mut refused = Claim::fill(chart, drug("atorvastatin"), date!(2026 - 06 - 02), (0, 3));
    refused.lines[0].denied = Some(NO_AUTHORIZATION);
    refused.notes.push("Refilled too soon: try again in two weeks.");
    if let ClaimType::Pharmacy(fill) = &mut refused.kind {
        fill.rejected = Some(reject("79", "Refill Too Soon"));
    }
    chart.claim(refused);
    let mut mixed = Claim::fill(chart, drug("omeprazole"), date!(2026 - 02 - 14), (0, 0));
    let parts = vec![(drug("omeprazole").ndc, 30.0, "capsule"), (drug("ibuprofen").ndc, 10.0, "tablet")];
    mixed.lines[0].code = Coding {
        system: "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBCompoundLiteral",
        code: "compound",
        display: "compound",
    };
    if let ClaimType::Pharmacy(fill) = &mut mixed.kind {
        fill.parts = parts;
    }
    chart.claim(mixed);
    Claim::corrected(chart, "This fill replaces one that was entered with a wrong price.", |chart| {
        Claim::fill(chart, drug("amlodipine"), date!(2026 - 06 - 30), (0, 2))
    });
    medications::reported(chart, drug("ibuprofen"), date!(2026 - 07 - 24), None);
}

/// A discharge summary as PDF, a C-CDA, a note, a signed consent, an electrocardiogram with its tracing.
fn papers(chart: &mut Chart, stay: &str) {
    let left = date!(2026 - 02 - 13);
    let words = [
        "Harbor View Medical Center",
        "Discharge summary",
        "",
        "Patient: Ada Lindgren, born 1958-04-17",
        "Admitted 2026-02-09, discharged 2026-02-13",
        "",
        "Pneumonia of the right lower lobe, treated with antibiotics.",
        "Two liters of oxygen for one day. Diabetes stable.",
        "Follow-up with Dr. Okafor within a week.",
    ];
    let lines: Vec<String> = words.iter().map(std::string::ToString::to_string).collect();
    let summary = Document {
        kind: loinc("18842-5", "Discharge summary"),
        title: "Discharge summary",
        mime: "application/pdf",
        bytes: AttachmentBytes::Binary(documents::pdf(&lines)),
        author: doctor("iyer"),
        date: left,
        encounter: Some(stay),
    };
    documents::file(chart, &summary);
    let ccda =
        documents::ccda(chart, &["Type 2 diabetes", "Essential hypertension", "Hypothyroidism"], date!(2026 - 03 - 16));
    let record = Document {
        kind: loinc("34133-9", "Summary of episode note"),
        title: "Continuity of care document",
        mime: "application/xml",
        bytes: AttachmentBytes::Binary(ccda),
        author: doctor("okafor"),
        date: date!(2026 - 03 - 16),
        encounter: None,
    };
    documents::file(chart, &record);
    let text = "Recovered well from pneumonia. Lungs clear. Same medicines. A1c in three months.";
    let note = Document {
        kind: loinc("11506-3", "Progress note"),
        title: "Progress note",
        mime: "text/plain",
        bytes: AttachmentBytes::Inline(text.into()),
        author: doctor("okafor"),
        date: date!(2026 - 02 - 20),
        encounter: None,
    };
    documents::file(chart, &note);
    let signed = date!(2026 - 03 - 02);
    let lines =
        ["Consent to share my data", "From: Lakeshore Health Plan", "To: Prairie Health Plan", "Signed: Ada Lindgren"];
    let form = Document {
        kind: loinc("59284-0", "Consent Document"),
        title: "Signed consent",
        mime: "application/pdf",
        bytes: AttachmentBytes::Binary(documents::pdf(&lines.map(String::from))),
        author: doctor("okafor"),
        date: signed,
        encounter: None,
    };
    documents::file(chart, &form);
    let on = date!(2026 - 04 - 21);
    let heart = illness("hypertension");
    let seen = life::visit(
        chart,
        &encounters::OFFICE_VISIT,
        doctor("lindqvist"),
        on,
        (heart.sct, heart.icd10),
        &[service("specialist"), service("ecg")],
        None,
    );
    let rate = vitals::vital(chart, &vitals::HEART_RATE, Some(74.0), on, Some(&seen));
    let report = DiagnosticReport {
        category: loinc("LP29708-2", "Cardiology"),
        kind: loinc("11524-6", "EKG study"),
        words: "Sinus rhythm, 74 per minute. Normal axis, no ischemia.",
        author: doctor("lindqvist"),
        on,
        encounter: &seen,
        picture: true,
        results: &[rate],
    };
    documents::report(chart, &report);
}
