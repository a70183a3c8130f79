//! The terms of a delegation: who acts for whom, as what, on what ground, from when until when. Commands and files say the same.

use anyhow::{Result, bail};
use serde_json::Value as Json;
use shared::access::acting::Relation;
use shared::access::delegation::{self, ActedFor, Delegation, Standing};
use shared::access::demographics::Demographics;
use shared::bounds::NAME_CHARACTERS;
use shared::clock::Time;
use shared::fhir::reference::is_id;
use shared::oauth::member::Member;
use shared::oauth::visible;
use shared::secret::Random;
use shared::store::auth::{Auth, Commit, CommitError};

use super::ages::{Ages, Days, Moments};
use super::related;
use crate::call::WrongCall;
use crate::stack::Stack;

/// The longest ground, and the longest name of who said so, in bytes.
const TEXT_BYTES: usize = 500;

/// The terms of a new delegation.
#[derive(Clone)]
pub(super) struct Terms {
    pub patient: String,
    pub relation: Relation,
    pub ground: String,
    pub said_by: String,
    /// The first day, today if none is named; and the last one.
    pub days: (Option<jiff::civil::Date>, Option<jiff::civil::Date>),
    /// The full name of the person, where the command tells it.
    pub name: Option<String>,
    /// The `RelatedPerson` of the feed that stands for the person.
    pub related_person: Option<String>,
}

/// The Patient id of a member as a command is told it, with or without the type.
pub(super) fn member_id(text: &str) -> Result<&str, WrongCall> {
    let id = text.strip_prefix("Patient/").unwrap_or(text);
    match is_id(id) {
        true => Ok(id),
        false => {
            Err(WrongCall(format!("--for: `{text}` is no resource id (letters, digits, `-` and `.`, at most 64)")))
        }
    }
}

/// A relation as a command is told it.
pub(super) fn relation(text: &str) -> Result<Relation, WrongCall> {
    let names = Relation::ALL.map(Relation::name).join(", ");
    Relation::named(text).ok_or_else(|| WrongCall(format!("--as: `{text}` is no relation; they are {names}")))
}

/// A text that the audit and the plan's people read.
pub(super) fn text(option: &str, text: &str) -> Result<String, WrongCall> {
    let text = text.trim();
    match text.is_empty() || text.len() > TEXT_BYTES || text.contains(char::is_control) {
        true => Err(WrongCall(format!("{option}: 1 to {TEXT_BYTES} bytes are needed, without control characters"))),
        false => Ok(text.to_owned()),
    }
}

/// The name of a person, as members see it.
pub(super) fn full_name(text: &str) -> Result<String, WrongCall> {
    let name = text.trim();
    if name.chars().count() > NAME_CHARACTERS {
        return Err(WrongCall(format!("--name: a name has at most {NAME_CHARACTERS} characters")));
    }
    visible::check(name).map_err(|error| WrongCall(format!("--name: {error}")))?;
    Ok(name.to_owned())
}

impl Terms {
    fn days(&self, ages: &Ages, now: Time) -> Days {
        (self.days.0.unwrap_or_else(|| ages.day(now)), self.days.1)
    }

    /// Whether a delegation has these terms already.
    pub fn are_of(&self, delegation: &Delegation) -> bool {
        let same_day =
            |day: Option<jiff::civil::Date>, text: Option<&str>| day.map(|day| day.to_string()).as_deref() == text;
        delegation.relation == self.relation
            && delegation.ground == self.ground
            && delegation.said_by == self.said_by
            && self.days.0.is_none_or(|from| from.to_string() == delegation.from)
            && same_day(self.days.1, delegation.until.as_deref())
            && self.name.as_ref().is_none_or(|name| *name == delegation.name)
    }

    /// The delegation with these terms, which takes the place of `before` where there is one.
    ///
    /// # Errors
    /// The terms do not go with the member or the person.
    pub fn delegation(
        &self,
        stack: &Stack,
        person: &Member,
        (patient, own): (&Json, Option<&Json>),
        before: Option<&Delegation>,
        now: Time,
    ) -> Result<Delegation> {
        if person.patient.as_ref() == Some(&self.patient) {
            bail!("this is the person's own record: nobody acts for themselves");
        }
        let (ages, random) = (stack.ages(), Random::system());
        let (from, until) = match before {
            // A file that names no first day leaves it as it is.
            Some(before) if self.days.0.is_none() => {
                (before.from.parse().unwrap_or_else(|_| ages.day(now)), self.days.1)
            }
            _ => self.days(ages, now),
        };
        let born = Demographics::of(patient).birth_date;
        let Moments { begins_at, end, own_choices_at } =
            ages.new_moments(self.relation, born.as_deref(), (from, until))?;
        let id = before.map_or_else(|| delegation::new_id(&person.id, &random), |before| before.id.clone());
        let made = related::id_of(&person.id, &self.patient);
        Ok(Delegation {
            id,
            patient: self.patient.clone(),
            name: self.name.clone().unwrap_or_else(|| name_of(person, own)),
            relation: self.relation,
            ground: self.ground.clone(),
            said_by: self.said_by.clone(),
            from: from.to_string(),
            until: until.map(|day| day.to_string()),
            begins_at,
            end,
            own_choices_at,
            standing: before.map_or(Standing::Given, |before| before.standing),
            related_person: Some(self.related_person.clone().unwrap_or(made)),
            grants: before.map(|before| before.grants.clone()).unwrap_or_default(),
            created_at: before.map_or(now, |before| before.created_at),
        })
    }
}

/// The name of a person: as their own Patient has it, else the one with which they sign in.
fn name_of(person: &Member, own: Option<&Json>) -> String {
    let known = own.map(|own| Demographics::of(own).name).filter(|name| !name.is_empty());
    let subject = || person.sign_ins.first().map(|way| way.subject.clone());
    known.or_else(|| person.username.clone()).or_else(subject).unwrap_or_default()
}

/// The delegation under which a person acts for a member, or will, or is suspended.
pub(super) async fn standing_one(auth: &Auth, person: &str, patient: &str, now: Time) -> Result<Option<Delegation>> {
    let all = auth.list::<Delegation>(person).await?.into_iter().map(|stored| stored.record);
    let stands = |found: &Delegation| found.is_given(now) || found.standing == Standing::Suspended;
    Ok(all.into_iter().find(|found| found.patient == patient && stands(found)))
}

/// Writes a new delegation, with the note at the member and what the pages may tell of both.
pub(super) async fn create(auth: &Auth, new: &Delegation, patient: &Json, own: Option<&Json>) -> Result<()> {
    let commit = Commit::default().create(new).create(&ActedFor::by(new));
    let facts = [Some(patient), own].into_iter().flatten().map(Demographics::of);
    match auth.commit(facts.fold(commit, |commit, facts| commit.put(&facts))).await {
        Ok(()) => Ok(()),
        Err(CommitError::Conflict) => bail!("somebody else changed this at the same moment: try again"),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}
