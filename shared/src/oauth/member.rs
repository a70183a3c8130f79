//! Persons: everybody who may sign in, each with a record of their own.

use serde::{Deserialize, Serialize};

use crate::clock::Time;
use crate::secret::Random;
use crate::store::auth::Record;

/// Somebody who can sign in. The record says who they are; each way in is a [`SignIn`](super::sign_in::SignIn).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Their own id, which stays when a name changes and says nothing about them: their grants lie under it.
    pub id: String,
    /// The name they sign in with, where they have one in the plan's own directory.
    pub username: Option<String>,
    /// The identity providers that they sign in with.
    pub sign_ins: Vec<Subject>,
    /// The Patient id of their record; `None` while the plan has not tied them to one.
    pub patient: Option<String>,
    /// Whether a provider's claim tied them to that record, and not the plan.
    #[serde(default)]
    pub claimed: bool,
    /// Whether the plan stopped them.
    pub disabled: bool,
    /// When the plan added them.
    pub created_at: Time,
    /// A random value that changes with the password, with the record, and whenever the plan stops the member or lets them in
    /// again. A session, a code and a grant carry the stamp they were made under and are worth nothing under another: no clocks
    /// are compared.
    pub stamp: String,
    /// A random value that the person's sessions carry, besides. A logout at their provider replaces it: every session ends, and
    /// what apps were allowed stays.
    pub sessions: String,
    /// Whether grants of an earlier stamp may still be alive: a change ends them after it is committed, and whoever finds this
    /// mark ends them again.
    pub ending: bool,
}

/// A person as an identity provider names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The provider, by the plan's name for it.
    pub provider: String,
    /// The provider's `sub`.
    pub subject: String,
}

impl Member {
    /// A new person without a way in.
    pub fn new(patient: Option<&str>, random: &Random, now: Time) -> Member {
        Member {
            id: random.identifier(),
            username: None,
            sign_ins: Vec::new(),
            patient: patient.map(str::to_owned),
            claimed: false,
            disabled: false,
            created_at: now,
            stamp: random.identifier(),
            sessions: random.identifier(),
            ending: false,
        }
    }

    /// The person as tokens name them (`sub`): by the Patient id of their own record, else by an id that no Patient can have. It
    /// is the same whomever they act for.
    pub fn subject(id: &str, patient: Option<&str>) -> String {
        // An underscore stands in no id of FHIR.
        patient.map_or_else(|| format!("person_{id}"), str::to_owned)
    }

    /// The same member under a new stamp: all that was made under the old one ends.
    #[must_use]
    pub fn restamped(self, random: &Random) -> Member {
        Member { stamp: random.identifier(), ending: true, ..self }
    }

    /// The same member, stopped by the plan or no longer.
    #[must_use]
    pub fn disabled(self, disabled: bool, random: &Random) -> Member {
        Member { disabled, ..self }.restamped(random)
    }

    /// The same member, signed out everywhere.
    #[must_use]
    pub fn signed_out(self, random: &Random) -> Member {
        Member { sessions: random.identifier(), ..self }
    }

    /// Whether a sign-in under that stamp still counts.
    pub fn knows(&self, stamp: &str) -> bool {
        !self.disabled && self.stamp == stamp
    }
}

impl Record for Member {
    const KIND: &'static str = "member";

    fn key(&self) -> String {
        self.id.clone()
    }

    fn expires_at(&self) -> Option<Time> {
        None
    }
}

/// The last sign-in of a person. It has a row of its own, so that signing in changes nothing that an exchange of a code depends on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LastSignIn {
    /// The id of the person.
    pub member: String,
    /// When.
    pub at: Time,
}

impl Record for LastSignIn {
    const KIND: &'static str = "last-sign-in";

    fn key(&self) -> String {
        self.member.clone()
    }

    fn expires_at(&self) -> Option<Time> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_without_a_record_is_named_as_no_patient_can_be() {
        let member = Member::new(None, &Random::system(), Time(0));
        let subject = Member::subject(&member.id, None);
        assert!(subject.contains(&member.id) && !crate::fhir::reference::is_id(&subject), "{subject}");
        assert_eq!(Member::subject(&member.id, Some("ada")), "ada");
    }

    #[test]
    fn a_stop_and_its_end_leave_nothing_good_that_was_made_before() {
        let random = Random::system();
        let member = Member::new(Some("p1"), &random, Time(0));
        let (stamp, stopped) = (member.stamp.clone(), member.clone().disabled(true, &random));
        assert!(member.knows(&stamp) && !stopped.knows(&stamp) && !stopped.knows(&stopped.stamp) && stopped.ending);
        let back = stopped.disabled(false, &random);
        assert!(!back.knows(&stamp) && back.knows(&back.stamp));
    }
}
