//! People: the Patient, and `RelatedPerson` for a subscriber or a helper.

use serde_json::{Value, json};
use time::Date;

use crate::catalog::people::{self, ENGLISH, HISPANIC, NOT_HISPANIC};
use crate::chart::Chart;
use crate::codes::*;
use crate::random::Rng;
use crate::values::{coding, concept, day, later, named, period};

/// Who a record is about.
#[derive(Clone)]
pub(crate) struct Person {
    /// The Patient's id.
    pub(crate) id: String,
    pub(crate) given: String,
    pub(crate) middle: Option<String>,
    pub(crate) family: String,
    /// A name used before, with the day it ended.
    pub(crate) former: Option<(String, Date)>,
    pub(crate) gender: &'static str,
    pub(crate) birth: Date,
    pub(crate) deceased: Option<Date>,
    pub(crate) street: String,
    /// A row of `people::TOWNS`.
    pub(crate) town: usize,
    /// Where they lived before, with the day they moved.
    pub(crate) moved: Option<(String, Date)>,
    /// Last two digits of the fictional phone number.
    pub(crate) line: u8,
    pub(crate) race: Code,
    pub(crate) ethnicity: Code,
    pub(crate) language: Code,
    pub(crate) married: bool,
    pub(crate) suffix: Option<&'static str>,
    /// A tribe, and whether enrolled in it.
    pub(crate) tribe: Option<(Code, bool)>,
    pub(crate) identity: Option<Code>,
    /// Digits of the member number, after the plan's prefix.
    pub(crate) number: String,
}

impl Person {
    /// A person with the usual defaults; the stories change what matters to them.
    pub(crate) fn new(id: &str, given: &str, family: &str, gender: &'static str, birth: Date, number: &str) -> Self {
        Person {
            id: id.into(),
            given: given.into(),
            middle: None,
            family: family.into(),
            former: None,
            gender,
            birth,
            deceased: None,
            street: "42 Linden Street".into(),
            town: 0,
            moved: None,
            line: 20,
            race: people::RACES[0].0,
            ethnicity: NOT_HISPANIC,
            language: ENGLISH,
            married: false,
            suffix: None,
            tribe: None,
            identity: None,
            number: number.into(),
        }
    }

    /// Somebody made up.
    pub(crate) fn invent(rng: &mut Rng, id: &str, number: &str, birth: Date) -> Self {
        let female = rng.chance(51);
        let given = *rng.pick(if female { people::GIVEN_FEMALE } else { people::GIVEN_MALE });
        let family = *rng.pick(people::FAMILY);
        let mut person = Person::new(id, given, family, if female { "female" } else { "male" }, birth, number);
        person.street = format!("{} {}", rng.between(1, 980), rng.pick(people::STREETS));
        person.town = rng.between(0, people::TOWNS.len() as i64 - 1) as usize;
        person.line = rng.between(0, 99) as u8;
        let mut dice = rng.between(1, 100);
        for (race, percent) in people::RACES {
            if dice <= *percent {
                person.race = *race;
                break;
            }
            dice -= percent;
        }
        if rng.chance(18) {
            person.ethnicity = HISPANIC;
            person.language = if rng.chance(50) { people::SPANISH } else { ENGLISH };
        }
        person
    }

    /// `Ada Lindgren`
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.given, self.family)
    }

    fn human_name(&self, now_from: Option<Date>) -> Value {
        let mut given = vec![self.given.as_str()];
        given.extend(self.middle.as_deref());
        json!({
            "use": "official", "text": self.name(), "family": self.family, "given": given,
            "suffix": self.suffix.map(|s| vec![s]),
            "period": now_from.map(|d| json!({"start": day(d)})),
        })
    }

    fn telecom(&self) -> Value {
        let area = people::TOWNS[self.town].3;
        json!([
            {"system": "phone", "value": format!("{area}-555-01{:02}", self.line), "use": "mobile", "rank": 1},
            {"system": "email", "value": format!("{}@example.org", self.id), "use": "home"},
        ])
    }

    fn address(&self, street: &str, usage: &str, from: Date, until: Option<Date>) -> Value {
        let (city, state, zip, _) = people::TOWNS[self.town];
        json!({
            "use": usage, "type": "both", "text": format!("{street}, {city}, {state} {zip}"),
            "line": [street], "city": city, "state": state, "postalCode": zip, "country": "US",
            "period": {"start": day(from), "end": until.map(day)},
        })
    }
}

const SEX: [(&str, &str, &str); 2] = [("female", "F", "248152002"), ("male", "M", "248153007")];

/// Writes the Patient. Claims data and clinical data describe the same person, so one resource keeps all the profiles.
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
    let adult = p.birth < later(crate::values::ANCHOR, -18 * 365);
    let status = if p.married { marital("M", "Married") } else { marital("S", "Never Married") };
    let prefix = chart.plan.prefix;
    let mut profiles = vec![us_core("patient"), hrex("patient-demographics")];
    profiles.extend(c4bb("Patient"));
    let id = p.id.clone();
    chart.put_as(
        "Patient",
        &id,
        later(crate::values::ANCHOR, -30),
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
            "deceasedDateTime": p.deceased.map(|d| crate::values::at(d, 4, 30)),
            "address": addresses,
            "maritalStatus": adult.then(|| concept(status)),
            "communication": [{"language": concept(p.language), "preferred": true}],
            "generalPractitioner": [chart.doctor.reference()],
        }),
    )
}

/// Writes a `RelatedPerson` of the chart's patient: a parent, a spouse, a helper.
pub(crate) fn related(chart: &mut Chart, other: &Person, relation: Code, since: Date) -> String {
    let mut profiles = vec![us_core("relatedperson")];
    profiles.extend(c4bb("RelatedPerson"));
    let patient = named(&chart.patient(), &chart.person.name());
    chart.put(
        "RelatedPerson",
        "related",
        later(crate::values::ANCHOR, -30),
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
