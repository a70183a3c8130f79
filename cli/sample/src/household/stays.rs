//! Ada's hospital stays for pneumonia and a knee replacement, and her emergency visit after a fall.

use time::{Date, macros::date};

use crate::catalog::illnesses::illness;
use crate::catalog::services::{AMBULANCE, CostSharing, HOSPITAL, OFFICE, service};
use crate::chart::Chart;
use crate::claims::*;
use crate::clinical::{self, ConditionCategory, Implant};
use crate::codes::*;
use crate::directory::doctor;
use crate::documents::{self, DiagnosticReport};
use crate::encounters::{self, encounter};
use crate::priorauth::{self, Decision, PriorAuthorizationRequest};
use crate::values::later;
use crate::{
    life,
    vitals::{self, Air, BREATHING, HEART_RATE, HEIGHT, TEMPERATURE},
};

const ROOM: Coding = revenue("0120", "Room and board, semi-private two bed");

/// Pneumonia: a stay of four nights, paid line by line. Returns the Encounter.
pub(crate) fn hospital(chart: &mut Chart) -> String {
    let (start, end) = (date!(2026 - 02 - 09), date!(2026 - 02 - 13));
    let pneumonia = illness("pneumonia");
    let seen = encounter(chart, &encounters::ADMISSION, doctor("iyer"), start, Some(end), Some(pneumonia.sct), None);
    clinical::condition(
        chart,
        pneumonia,
        ConditionCategory::EncounterDiagnosis,
        start,
        Some(date!(2026 - 03 - 01)),
        Some(&seen),
    );
    vitals::oximetry(chart, Some(91.0), Air::Oxygen(2.0), start, Some(&seen));
    vitals::blood_pressure(chart, Some(104.0), None, start, Some(&seen));
    // At admission it was recorded how each was measured; at discharge it was not.
    for (vital, first, last, what, how) in [
        (&HEART_RATE, 104.0, 82.0, vitals::RHYTHM_OF_HEART, "regular"),
        (&BREATHING, 26.0, 17.0, vitals::RHYTHM_OF_BREATHING, "regular, shallow"),
        (&TEMPERATURE, 39.1, 36.9, vitals::SITE_OF_TEMPERATURE, "ear"),
        (&HEIGHT, 165.0, 164.0, vitals::POSITION, "lying"),
    ] {
        vitals::qualified(chart, vital, first, (what, Some(how)), start, Some(&seen));
        vitals::qualified(chart, vital, last, (what, None), end, Some(&seen));
    }
    life::tests(chart, pneumonia.labs, &[("6690-2", 14.8, 0.0)], doctor("iyer"), start, Some(&seen), pneumonia.icd10);
    Claim::corrected(chart, "This claim replaces an earlier one with a wrong number of units.", |chart| {
        let stay = Stay::inpatient(true, ms_drg("194", "Simple pneumonia and pleurisy with CC"));
        let mut claim = Claim::new(chart, ClaimType::Inpatient(stay), start, end, "harbor-view-hospital");
        claim.team = vec![(ATTENDING, doctor("iyer")), (REFERRING, doctor("okafor"))];
        claim.diagnoses = vec![
            (pneumonia.icd10, PRINCIPAL),
            (icd10("R06.02", "Shortness of breath"), ADMITTING),
            (illness("diabetes").icd10, OTHER),
        ];
        let xray = service("chest-xray");
        let mut picture =
            Line::service(xray, start, HOSPITAL).revenue(revenue("0324", "Radiology diagnostic, chest X-ray"));
        picture.modifiers.push(hcpcs("TC", "Technical component"));
        claim.lines = vec![
            Line::priced(NOT_APPLICABLE, start, 284_000, 142_500, CostSharing::Deductible, HOSPITAL)
                .times(4)
                .revenue(ROOM),
            Line::priced(NOT_APPLICABLE, start, 61_250, 30_400, CostSharing::Deductible, HOSPITAL)
                .revenue(revenue("0250", "Pharmacy, general")),
            picture,
            Line::priced(NOT_APPLICABLE, start, 8400, 0, CostSharing::Deductible, HOSPITAL)
                .revenue(revenue("0300", "Laboratory, general"))
                .refused(DUPLICATE),
        ];
        claim
    });
    let rounds = vec![Line::service(service("hospital-day"), start, HOSPITAL).times(4)];
    let claim = Claim::visit(chart, doctor("iyer"), start, pneumonia.icd10, rounds);
    chart.claim(claim);
    seen
}

/// A knee replacement: an elective stay, paid at a case rate.
pub(crate) fn knee(chart: &mut Chart) {
    let (start, end) = (date!(2025 - 05 - 06), date!(2025 - 05 - 08));
    let arthritis = illness("knee-arthritis");
    let surgeon = doctor("marsh");
    let problem = clinical::condition(
        chart,
        arthritis,
        ConditionCategory::ProblemListItem,
        date!(2024 - 08 - 19),
        Some(date!(2025 - 08 - 01)),
        None,
    );
    let replacement = sct("609588000", "Total knee replacement");
    let order = clinical::order(
        chart,
        sct("387713003", "Surgical procedure"),
        replacement,
        surgeon,
        date!(2025 - 04 - 01),
        None,
        Some((arthritis.sct, Some(&problem))),
    );
    let seen = encounter(chart, &encounters::ADMISSION, surgeon, start, Some(end), Some(arthritis.sct), Some(&problem));
    clinical::procedure(
        chart,
        &[replacement, service("knee-replacement").code],
        surgeon,
        start,
        Some(&seen),
        Some((&problem, arthritis.sct)),
        Some(&order),
    );
    let implant = Implant {
        kind: sct("40388003", "Biomedical implant"),
        name: "Meridian knee system, right",
        maker: "Example Orthopedics, Inc.",
        identifier: "00812345678901",
        lot: "K2504",
        serial: "MK-77120",
    };
    clinical::device(chart, &implant, date!(2025 - 01 - 15), start);
    let request = PriorAuthorizationRequest {
        service: service("knee-replacement"),
        units: 1,
        category: x12_service("2", "Surgical"),
        diagnosis: arthritis.icd10,
        doctor: surgeon,
        on: date!(2025 - 04 - 03),
        urgent: false,
        because: "Pain at rest, walks less than one block. Injections and exercises did not help in nine months.",
        previous: None,
    };
    let number = priorauth::authorization(chart, &request, Decision::Approved { units: 1, used: 1 });
    let mut stay = Stay::inpatient(
        false,
        ms_drg("470", "Major hip and knee joint replacement or reattachment of lower extremity without MCC"),
    );
    stay.procedures = vec![(
        icd10pcs("0SRC0J9", "Replacement of Right Knee Joint with Synthetic Substitute, Cemented, Open Approach"),
        start,
    )];
    let mut claim = Claim::new(chart, ClaimType::Inpatient(stay), start, end, "harbor-view-hospital");
    claim.team = vec![(ATTENDING, surgeon), (OPERATING, surgeon)];
    claim.diagnoses = vec![(arthritis.icd10, PRINCIPAL), (arthritis.icd10, ADMITTING)];
    claim.case_rate = true;
    claim.authorization = Some(number.clone());
    claim.lines = vec![
        Line::priced(NOT_APPLICABLE, start, 284_000, 0, CostSharing::Deductible, HOSPITAL).times(2).revenue(ROOM),
        Line::priced(NOT_APPLICABLE, start, 1_480_000, 1_392_000, CostSharing::Deductible, HOSPITAL)
            .revenue(revenue("0360", "Operating room services, general")),
        Line::priced(
            hcpcs("C1776", "Joint device (implantable)"),
            start,
            912_000,
            0,
            CostSharing::Deductible,
            HOSPITAL,
        )
        .revenue(revenue("0278", "Medical/surgical supplies, other implants")),
    ];
    chart.claim(claim);
    let mut bill = Line::service(service("knee-replacement"), start, HOSPITAL);
    bill.modifiers.push(hcpcs("RT", "Right side"));
    let mut claim = Claim::visit(chart, surgeon, start, arthritis.icd10, vec![bill]);
    claim.authorization = Some(number);
    chart.claim(claim);
    for week in 1..=6 {
        let on = later(end, week * 7);
        life::visit(
            chart,
            &encounters::OFFICE_VISIT,
            surgeon,
            on,
            (arthritis.sct, arthritis.icd10),
            &[service("physical-therapy")],
            None,
        );
    }
}

/// A fall at home: ambulance, emergency room, X-ray, MRI. The plan denies the MRI.
pub(crate) fn fall(chart: &mut Chart) {
    let on = date!(2026 - 07 - 23);
    let bruise = icd10("S80.01XA", "Contusion of right knee, initial encounter");
    let fell = icd10("W19.XXXA", "Unspecified fall, initial encounter");
    let seen = encounter(
        chart,
        &encounters::EMERGENCY,
        doctor("iyer"),
        on,
        None,
        Some(sct("217082002", "Accidental fall")),
        None,
    );
    let report = DiagnosticReport {
        category: loinc("LP29684-5", "Radiology"),
        kind: loinc("36643-5", "XR Chest 2 Views"),
        words: "No fracture of the ribs. Heart and lungs as before.",
        author: doctor("iyer"),
        on,
        encounter: &seen,
        picture: false,
        results: &[],
    };
    documents::report(chart, &report);
    let make = |chart: &mut Chart, case_rate: bool, on: Date| {
        let mut claim =
            Claim::new(chart, ClaimType::Outpatient(Stay::outpatient(true)), on, on, "harbor-view-hospital");
        claim.team.push((ATTENDING, doctor("iyer")));
        claim.diagnoses = vec![
            (bruise, PRINCIPAL),
            (icd10("M25.561", "Pain in right knee"), REASON_FOR_VISIT),
            (fell, EXTERNAL_CAUSE),
        ];
        let mut room =
            Line::service(service("emergency"), on, HOSPITAL).revenue(revenue("0450", "Emergency room, general"));
        room.modifiers.push(cpt("25", "Significant, separately identifiable E/M service"));
        let picture = Line::service(service("chest-xray"), on, HOSPITAL)
            .revenue(revenue("0324", "Radiology diagnostic, chest X-ray"));
        claim.lines = vec![room, picture];
        claim.case_rate = case_rate;
        claim
    };
    Claim::corrected(chart, "This claim replaces an earlier one that named a wrong knee.", |chart| {
        make(chart, false, on)
    });
    let claim = make(chart, true, date!(2025 - 11 - 29));
    chart.claim(claim);
    let ride = Ride {
        miles: 6,
        weight: 172,
        reason: transport_reason(
            "A",
            "Patient was transported to nearest facility for care of symptoms, complaints, or both",
        ),
        from: "42 Linden Street, Milwaukee, WI 53202",
        to: "Harbor View Medical Center, 200 Harbor Road, Milwaukee, WI 53202",
        stretcher: "Could not stand on the right leg",
        round_trip: "None: one way to the emergency room",
    };
    let mut claim = Claim::new(chart, ClaimType::Professional(Some(ride)), on, on, "lakeshore-ambulance");
    claim.team.push((RENDERING, doctor("iyer")));
    claim.diagnoses = vec![(bruise, PRINCIPAL), (fell, SECONDARY)];
    claim.lines =
        vec![Line::service(service("ambulance"), on, AMBULANCE), Line::service(service("mileage"), on, AMBULANCE)];
    chart.claim(claim);
    let mri = icd10("M25.561", "Pain in right knee");
    Claim::corrected(chart, "Leave for this service was not asked for in time.", |chart| {
        let line = Line::service(service("knee-mri"), date!(2026 - 08 - 06), OFFICE).refused(NO_AUTHORIZATION);
        Claim::visit(chart, doctor("marsh"), date!(2026 - 08 - 06), mri, vec![line])
    });
}
