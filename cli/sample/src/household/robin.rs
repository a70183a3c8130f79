//! Robin: four kinds of sensitive records beside ordinary ones. Labels follow the HL7 sensitivity codes.

use serde_json::Value;
use time::macros::date;

use crate::catalog::drugs::drug;
use crate::catalog::illnesses::illness;
use crate::catalog::plans::COMMUNITY;
use crate::catalog::services::service;
use crate::chart::Chart;
use crate::codes::*;
use crate::coverage::{PolicyHolder, coverage};
use crate::directory::doctor;
use crate::documents::{self, AttachmentBytes, Document};
use crate::life::{self, Physique};
use crate::medications::{self, Prescription};
use crate::observations::{self, social};
use crate::patient;
use crate::person::Person;
use crate::random::Rng;
use crate::values::concept;
use crate::{clinical, encounters, surveys};

pub(crate) fn robin() -> Vec<Value> {
    let mut robin = Person::new("robin", "Robin", "Castillo", "female", date!(1994 - 08 - 12), "100000007");
    robin.identity = Some(sct("446141000124107", "Identifies as female gender"));
    robin.line = 71;
    robin.street = "230 Cedar Avenue".into();
    let mut chart = Chart::new(robin, &COMMUNITY, "okafor", Rng::new(1, 7));
    patient::patient(&mut chart);
    coverage(&mut chart, &COMMUNITY, date!(2024 - 03 - 01), date!(2026 - 12 - 31), &PolicyHolder::Own);
    let body = Physique { height: 168.0, weight: 61.0, pressure: 114.0 };
    // Ordinary care, without labels.
    life::check_up(&mut chart, date!(2025 - 09 - 09), body, &["cbc"], &[]);
    life::acute(&mut chart, illness("cold"), date!(2026 - 02 - 03), 8);
    observations::smoking(&mut chart, observations::DAILY_SMOKER, date!(2025 - 09 - 09));
    clinical::no_known_allergy(&mut chart, date!(2025 - 09 - 09));
    // Sensitive conditions, each with its labels.
    let since = date!(2024 - 03 - 01);
    life::chronic(&mut chart, illness("depression"), date!(2024 - 05 - 14), since, 4, body, &[]);
    life::chronic(&mut chart, illness("opioid-dependence"), date!(2024 - 09 - 03), since, 3, body, &[]);
    life::chronic(
        &mut chart,
        illness("hiv"),
        date!(2024 - 07 - 22),
        since,
        5,
        body,
        &[("24467-3", 655.0, 45.0), ("25836-8", 14.0, -4.0)],
    );
    mind(&mut chart);
    reproduction(&mut chart);
    surveys::hunger(&mut chart, 1, date!(2025 - 09 - 09));
    surveys::declined(&mut chart, date!(2026 - 02 - 03));
    clinical::condition(
        &mut chart,
        illness("food-insecurity"),
        clinical::ConditionCategory::HealthConcern,
        date!(2025 - 09 - 09),
        None,
        None,
    );
    chart.finish()
}

/// Psychotherapy, PHQ-9 scores, a psychiatrist's note.
fn mind(chart: &mut Chart) {
    let depression = illness("depression");
    chart.labelled(&life::labels(depression), |chart| {
        for day in [date!(2026 - 05 - 05), date!(2026 - 06 - 09), date!(2026 - 09 - 15)] {
            life::visit(
                chart,
                &encounters::VIDEO_VISIT,
                doctor("vance"),
                day,
                (depression.sct, depression.icd10),
                &[service("psychotherapy")],
                None,
            );
        }
        surveys::depression(chart, 2, 14, date!(2025 - 05 - 06));
        surveys::depression(chart, 1, 7, date!(2026 - 09 - 15));
        surveys::on_paper(chart, 1, date!(2026 - 09 - 15));
        let text =
            "Mood improved on sertraline. Sleeps well. No thoughts of self-harm. Continue; next session in six weeks.";
        let note = Document {
            kind: loinc("11506-3", "Progress note"),
            title: "Progress note, psychiatry",
            mime: "text/plain",
            bytes: AttachmentBytes::Inline(text.into()),
            author: doctor("vance"),
            date: date!(2026 - 09 - 15),
            encounter: None,
        };
        documents::file(chart, &note);
    });
}

/// A miscarriage, contraception, and recorded answers on pregnancy status, pregnancy intention and sexual orientation.
fn reproduction(chart: &mut Chart) {
    let loss = illness("miscarriage");
    life::acute(chart, loss, date!(2025 - 02 - 11), 30);
    let pill = illness("contraception");
    chart.labelled(&life::labels(loss), |chart| {
        let on = date!(2025 - 04 - 08);
        let gynecologist = doctor("haddad");
        let seen = life::visit(
            chart,
            &encounters::OFFICE_VISIT,
            gynecologist,
            on,
            (pill.sct, pill.icd10),
            &[service("office-long")],
            None,
        );
        let p = Prescription {
            drug: drug("contraceptive"),
            doctor: gynecologist,
            from: on,
            until: None,
            encounter: Some(&seen),
            reason: None,
        };
        medications::course(chart, &p, on);
        let status = loinc("82810-3", "Pregnancy status");
        social(
            chart,
            "observation-pregnancystatus",
            status,
            &concept(sct("77386006", "Pregnant")),
            date!(2025 - 01 - 21),
        );
        social(chart, "observation-pregnancystatus", status, &concept(sct("60001007", "Not pregnant")), on);
        let intent = loinc("86645-9", "Pregnancy intention in the next year - Reported");
        social(
            chart,
            "observation-pregnancyintent",
            intent,
            &concept(sct("454381000124105", "Not sure of desire to become pregnant")),
            on,
        );
        let orientation = loinc("76690-7", "Sexual orientation");
        social(chart, "observation-sexual-orientation", orientation, &concept(sct("42035005", "Bisexual")), on);
    });
}
