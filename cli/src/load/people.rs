//! Whether a Patient is the person who is known under that id.
//!
//! A member's whole record hangs on the id of their Patient. If a source gives one to a second person, that person would read
//! the first one's claims.

use std::collections::BTreeSet;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use shared::fhir::filter::folded;
use shared::fhir::reference::Reference;

use super::Run;
use super::ready::Ready;
use super::reason::{Reason, ReasonCode};
use super::survey::ANOTHER_PERSON;

/// The facts by which a Patient is known as the same person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Person {
    birth_date: Option<String>,
    /// The family names, without case and accents.
    families: BTreeSet<String>,
}

/// How two Patients of one id compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Likeness {
    /// They are one person, as far as they tell.
    Same,
    /// Only the birth date differs.
    BirthDate,
    /// Only the family name differs.
    Family,
    /// Both differ.
    Another,
}

impl Person {
    /// As a Patient tells it.
    pub(super) fn of(patient: &Json) -> Person {
        let names = patient["name"].as_array().into_iter().flatten();
        let families = names.filter_map(|name| name["family"].as_str());
        Person {
            birth_date: patient["birthDate"].as_str().map(str::to_owned),
            families: families.map(|name| folded(name.trim())).filter(|name| !name.is_empty()).collect(),
        }
    }

    /// Whether both tell birth date and family name, and these agree.
    pub(super) fn is_surely(&self, other: &Person) -> bool {
        self.birth_date.is_some() && self.birth_date == other.birth_date && !self.families.is_disjoint(&other.families)
    }

    /// An element that one of them lacks does not differ. A birth date may be of less precision.
    pub(super) fn likeness(&self, other: &Person) -> Likeness {
        let date = match (&self.birth_date, &other.birth_date) {
            (Some(one), Some(two)) => !one.starts_with(two.as_str()) && !two.starts_with(one.as_str()),
            _ => false,
        };
        let family =
            !self.families.is_empty() && !other.families.is_empty() && self.families.is_disjoint(&other.families);
        match (date, family) {
            (false, false) => Likeness::Same,
            (true, false) => Likeness::BirthDate,
            (false, true) => Likeness::Family,
            (true, true) => Likeness::Another,
        }
    }
}

impl Run<'_> {
    /// Compares the persons of the run with each other and with the store, before anything is written. Nothing of another person
    /// under a known id is taken.
    pub(super) async fn know_again(&mut self) -> Result<()> {
        let told = self.ledger.warnings().map(<[(String, String)]>::to_vec);
        let mut persons = self.survey.persons()?;
        while let Some(part) = persons.next()? {
            let ids: Vec<String> = part.iter().map(|(id, _)| id.clone()).collect();
            let known = self.writer.patients(&ids).await?;
            for (id, come) in part {
                if !self.settings.same_person.contains(&id) {
                    self.compare(&id, (known.get(&id).map(Person::of), come), told.is_some());
                }
            }
        }
        for (place, text) in told.into_iter().flatten() {
            self.report.warn(SAME_PERSON, &place, text);
        }
        Ok(())
    }

    /// Tells of two members who have one identifier. By that, nobody can be told from the other.
    pub(super) async fn tell_rivals(&mut self, ready: &Ready) -> Result<()> {
        for partition in ready.change.partitions() {
            let Some(patient) = ready.change.resource(partition) else { continue };
            for (system, other) in self.writer.rivals(patient).await? {
                let mut pair = [ready.change.reference().id.clone(), other.clone()];
                pair.sort();
                if !self.rivals.insert(pair.clone()) {
                    continue;
                }
                self.outcome.rivals.push(pair);
                let text = format!(
                    "{} and Patient/{other} have one identifier of the system `{system}`: neither is found by it",
                    ready.change.reference()
                );
                self.report.warn("one-identifier", &ready.pending.place, text);
            }
        }
        Ok(())
    }

    /// Tells of a Patient who says who replaces them (R4 patient.html, "Linking Patients").
    pub(super) fn tell_replaced(&mut self, ready: &Ready) {
        let from = &ready.change.reference().id;
        let links =
            ready.change.partitions().filter_map(|partition| ready.change.resource(partition)?["link"].as_array());
        for link in links.flatten().filter(|link| link["type"] == "replaced-by") {
            let other = link["other"]["reference"].as_str().and_then(|text| Reference::parse(text, &[]));
            let Some(into) = other.filter(|other| other.resource_type == "Patient" && other.id != *from) else {
                continue;
            };
            let text = format!(
                "Patient/{from} says that {into} replaces them: `patient-access record merge {from} {}` gives {into} their record",
                into.id
            );
            self.report.warn("replaced-by", &ready.pending.place, text);
            self.report.replaced.push((from.clone(), into.id));
        }
    }

    /// Tells what stays of a record whose Patient was deleted.
    pub(super) async fn tell_remains(&mut self) -> Result<()> {
        let mut gone = self.gone.parts()?;
        while let Some(part) = gone.next()? {
            for (id, ()) in part {
                self.tell_remains_of(&id).await?;
            }
        }
        Ok(())
    }

    async fn tell_remains_of(&mut self, id: &str) -> Result<()> {
        let counts = super::counts(&self.writer.record(id).await?);
        if counts.is_empty() {
            return Ok(());
        }
        let listed: Vec<String> = counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let text = format!(
            "Patient/{id} is deleted, and the rest of the record stays: {}; `patient-access record remove {id}` removes it",
            listed.join(", ")
        );
        self.report.warn("record-stays", &format!("Patient/{id}"), text);
        Ok(())
    }

    /// Where an earlier try of the run `is_told`, it found the warnings, and the store has the newer Patients by now.
    fn compare(&mut self, id: &str, (known, come): (Option<Person>, Vec<Person>), is_told: bool) {
        let whence = if known.is_some() { "the store" } else { "this run" };
        let mut all = known.into_iter().chain(come);
        let Some(first) = all.next() else { return };
        let differing: Vec<Likeness> = all.map(|person| first.likeness(&person)).collect();
        if differing.contains(&Likeness::Another) {
            let text = format!("{whence} has another person under the Patient id {id}: {ANOTHER_PERSON}");
            self.strangers.insert(id.to_owned(), Reason::new(ReasonCode::AnotherPerson, text));
        } else if let Some(likeness) =
            differing.into_iter().filter(|_| !is_told).find(|likeness| *likeness != Likeness::Same)
        {
            let what = if likeness == Likeness::BirthDate { "birth date" } else { "family name" };
            let text = format!("its {what} differs from that in {whence}: make sure that it is one person");
            self.report.warn(SAME_PERSON, &format!("Patient/{id}"), text);
        }
    }
}

/// The rule that warns of a Patient who may be another person.
pub(super) const SAME_PERSON: &str = "same-person";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn another_person_has_another_birth_date_and_another_family_name() {
        let person = |family: &str, date: &str| Person::of(&json!({"name": [{"family": family}], "birthDate": date}));
        let known = person("Muñoz", "1980-02-03");
        for (family, date, likeness) in [
            ("MUNOZ", "1980-02-03", Likeness::Same),
            ("Muñoz", "1980", Likeness::Same),
            ("Muñoz", "1980-03-02", Likeness::BirthDate),
            ("Smith", "1980-02-03", Likeness::Family),
            ("Smith", "1979-01-01", Likeness::Another),
        ] {
            assert_eq!(known.likeness(&person(family, date)), likeness, "{family} {date}");
        }
        let nameless = Person::of(&json!({"birthDate": "1979-01-01"}));
        assert_eq!(known.likeness(&nameless), Likeness::BirthDate);
        let both = Person::of(&json!({"name": [{"family": "Smith"}, {"family": "Munoz", "use": "maiden"}]}));
        assert_eq!(known.likeness(&both), Likeness::Same);
    }
}
