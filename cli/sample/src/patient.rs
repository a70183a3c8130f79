//! People as resources: the Patient, and `RelatedPerson` for a subscriber or a helper.

use serde_json::json;
use time::Date;

use crate::chart::Chart;
use crate::codes::*;
use crate::person::Person;
use crate::values::{ANCHOR, at, coding, concept, day, later, named, period};

const SEX: [(&str, &str, &str); 2] = [("female", "F", "248152002"), ("male", "M", "248153007")];

/// Writes the Patient. Claims and clinical data describe the same person, so one resource conforms to the profiles of
/// both.
pub(crate) fn patient(chart: &mut Chart) -> String {
    let p = chart.person.clone();
    let (birth_sex, sex) = SEX.iter().find(|(g, ..)| *g == p.gender).map_or(("UNK", "184115007"), |s| (s.1, s.2));
    let lived = p.moved.as_ref().map_or(p.birth, |(_, when)| *when);
    let mut names = vec![p.human_name(p.former.as_ref().map(|f| f.1))];
    if let Some((family, until)) = &p.former {
        names.push(json!({
            "use": "old",
            "family": family,
            "given": [p.given],
            "period": {"start": day(p.birth), "end": day(*until)},
        }));
    }
    let mut addresses = vec![p.address(&p.street, "home", lived, None)];
    if let Some((street, until)) = &p.moved {
        addresses.push(p.address(street, "old", p.birth, Some(*until)));
    }
    let adult = p.birth < later(ANCHOR, -18 * 365);
    let status = if p.married { marital("M", "Married") } else { marital("S", "Never Married") };
    let prefix = chart.plan.prefix;
    let mut profiles = vec![us_core("patient"), hrex("patient-demographics")];
    profiles.extend(c4bb("Patient"));
    let id = p.id.clone();
    chart.put_as(
        "Patient",
        &id,
        later(ANCHOR, -30),
        &profiles,
        json!({
            "language": "en-US",
            "extension": [
                {
                    "url": us_core("race"),
                    "extension": [
                        {"url": "ombCategory", "valueCoding": coding(p.race)},
                        {"url": "text", "valueString": p.race.display},
                    ],
                },
                {
                    "url": us_core("ethnicity"),
                    "extension": [
                        {"url": "ombCategory", "valueCoding": coding(p.ethnicity)},
                        {"url": "text", "valueString": p.ethnicity.display},
                    ],
                },
                {"url": us_core("birthsex"), "valueCode": birth_sex},
                {"url": us_core("sex"), "valueCode": sex},
                p.identity.map(|i| json!({"url": us_core("genderIdentity"), "valueCodeableConcept": concept(i)})),
                p.tribe.map(|(tribe, enrolled)| json!({"url": us_core("tribal-affiliation"), "extension": [
                    {"url": "tribalAffiliation", "valueCodeableConcept": concept(tribe)}, {
                        "url": "isEnrolled",
                        "valueBoolean": enrolled,
                    },
                ]})),
            ],
            "identifier": [
                {
                    "use": "usual",
                    "type": concept(v2_identifier("MB", "Member Number")),
                    "system": format!("{PLAN_IDS}/member"),
                    "value": format!("{prefix}{}", p.number),
                    "assigner": named("Organization/lakeshore-health-plan", "Lakeshore Health Plan"),
                },
                {
                    "type": concept(c4bb_identifier("um", "Unique Member ID")),
                    "system": format!("{PLAN_IDS}/unique-member"),
                    "value": format!("{prefix}{}U", p.number),
                },
                {
                    "type": concept(hrex_temp("UMB", "Unique Member Number")),
                    "system": format!("{PLAN_IDS}/unique-member"),
                    "value": format!("{prefix}{}U", p.number),
                },
                {
                    "type": concept(v2_identifier("MR", "Medical record number")),
                    "system": "https://harbor-view.example.org/mrn",
                    "value": format!("HV-{}", p.number),
                },
            ],
            "active": p.deceased.is_none(),
            "name": names,
            "telecom": p.telecom(),
            "gender": p.gender,
            "birthDate": day(p.birth),
            "deceasedDateTime": p.deceased.map(|d| at(d, 4, 30)),
            "address": addresses,
            "maritalStatus": adult.then(|| concept(status)),
            "communication": [{"language": concept(p.language), "preferred": true}],
            "generalPractitioner": [chart.doctor.reference()],
        }),
    )
}

/// Writes a `RelatedPerson` of the chart's patient, for example a parent, a spouse or a helper.
pub(crate) fn related(chart: &mut Chart, other: &Person, relation: Coding, since: Date) -> String {
    let mut profiles = vec![us_core("relatedperson")];
    profiles.extend(c4bb("RelatedPerson"));
    let patient = named(&chart.patient(), &chart.person.name());
    chart.put(
        "RelatedPerson",
        "related",
        later(ANCHOR, -30),
        &profiles,
        json!({
            "identifier": [{"system": format!("{PLAN_IDS}/person"), "value": other.id}],
            "active": true,
            "patient": patient,
            "relationship": [concept(relation)],
            "name": [other.human_name(None)],
            "telecom": other.telecom(),
            "gender": other.gender,
            "birthDate": day(other.birth),
            "address": [other.address(&other.street, "home", since, None)],
            "period": {"start": period(since, since)["start"]},
        }),
    )
}
