//! The person a record is about, from a story or drawn at random.

use serde_json::{Value, json};
use time::Date;

use crate::catalog::people::{self, ENGLISH, HISPANIC, NOT_HISPANIC};
use crate::codes::Coding;
use crate::random::Rng;
use crate::values::day;

/// The person a record is about.
#[derive(Clone)]
pub(crate) struct Person {
    /// The Patient's id.
    pub(crate) id: String,
    pub(crate) given: String,
    pub(crate) middle: Option<String>,
    pub(crate) family: String,
    /// A former family name, with the day it ended.
    pub(crate) former: Option<(String, Date)>,
    pub(crate) gender: &'static str,
    pub(crate) birth: Date,
    pub(crate) deceased: Option<Date>,
    pub(crate) street: String,
    /// The index of a row of `people::TOWNS`.
    pub(crate) town: usize,
    /// A former street address, with the day they moved.
    pub(crate) moved: Option<(String, Date)>,
    /// The last two digits of the fictional phone number.
    pub(crate) line: u8,
    pub(crate) race: Coding,
    pub(crate) ethnicity: Coding,
    pub(crate) language: Coding,
    pub(crate) married: bool,
    pub(crate) suffix: Option<&'static str>,
    /// A tribe, and whether the person is enrolled in it.
    pub(crate) tribe: Option<(Coding, bool)>,
    pub(crate) identity: Option<Coding>,
    /// The digits of the member number, after the plan's prefix.
    pub(crate) number: String,
}

impl Person {
    /// A person with the usual defaults, which a story then changes where it matters.
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

    /// A random person.
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

    /// The full name: `Ada Lindgren`.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.given, self.family)
    }

    /// The official name as FHIR's `HumanName`, used since `now_from`.
    pub(crate) fn human_name(&self, now_from: Option<Date>) -> Value {
        let mut given = vec![self.given.as_str()];
        given.extend(self.middle.as_deref());
        json!({
            "use": "official", "text": self.name(), "family": self.family, "given": given,
            "suffix": self.suffix.map(|s| vec![s]),
            "period": now_from.map(|d| json!({"start": day(d)})),
        })
    }

    /// A phone number and a mail address as FHIR's `ContactPoint`. Neither exists.
    pub(crate) fn telecom(&self) -> Value {
        let area = people::TOWNS[self.town].3;
        json!([
            {"system": "phone", "value": format!("{area}-555-01{:02}", self.line), "use": "mobile", "rank": 1},
            {"system": "email", "value": format!("{}@example.org", self.id), "use": "home"},
        ])
    }

    /// One of their addresses, as FHIR's `Address`.
    pub(crate) fn address(&self, street: &str, usage: &str, from: Date, until: Option<Date>) -> Value {
        let (city, state, zip, _) = people::TOWNS[self.town];
        json!({
            "use": usage, "type": "both", "text": format!("{street}, {city}, {state} {zip}"),
            "line": [street], "city": city, "state": state, "postalCode": zip, "country": "US",
            "period": {"start": day(from), "end": until.map(day)},
        })
    }
}
