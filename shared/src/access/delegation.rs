//! A delegation: the right of one person to act for one member, given by the plan or by the member. All that the person allows
//! apps in the member's name is granted under it, and ends with it.
//!
//! The record lists the grants that were made under it. So its end finds them all, and ends them in the same transaction; a
//! grant that is being made at that moment commits only against the delegation as it was read.

use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::acting::{Acting, Relation};
use super::grant::{Grant, Why};
use crate::bounds::DELEGATION_GRANTS;
use crate::clock::Time;
use crate::secret::Random;
use crate::store::StoreError;
use crate::store::auth::{Auth, Commit, CommitError, Record, Stored};

/// The right to act for a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegation {
    /// Its id: the id of the person who acts, a dot, and its own.
    pub id: String,
    /// The member for whom they act: a Patient id.
    pub patient: String,
    /// The full name of the person who acts, as the member and the record have it.
    pub name: String,
    /// The relation in which they act.
    pub relation: Relation,
    /// The ground on which they may: a paper, a law, a wish.
    pub ground: String,
    /// The one who said so.
    pub said_by: String,
    /// Its first day, `YYYY-MM-DD`.
    pub from: String,
    /// Its last day, where one was given.
    pub until: Option<String>,
    /// The moment at which it begins.
    pub begins_at: Time,
    /// The moment at which it ends by itself, and why.
    pub end: Option<End>,
    /// The moment from which a minor decides alone about sensitive kinds of data.
    pub own_choices_at: Option<Time>,
    /// Whether it counts.
    pub standing: Standing,
    /// The `RelatedPerson` in the member's record who stands for the person.
    pub related_person: Option<String>,
    /// The grants that were made under it and may still be alive, the oldest first.
    pub grants: Vec<String>,
    /// When it was made.
    pub created_at: Time,
}

/// The moment at which a delegation ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The first moment at which it is over.
    pub at: Time,
    /// Whether this is the birthday on which a parent's delegation ends, and not a date that was given.
    pub by_age: bool,
}

/// Whether a delegation counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It does, within its time.
    Given,
    /// The plan suspended it, for safety (45 CFR 164.502(g)(5)).
    Suspended,
    /// It was ended before its time.
    Ended {
        /// By whom.
        by: EndedBy,
        /// When.
        at: Time,
    },
}

/// The one who ended a delegation before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The plan.
    Plan,
    /// The member for whom the person acted.
    Member,
    /// The person who acted.
    Delegate,
}

impl EndedBy {
    /// Its name in commands.
    pub fn name(self) -> &'static str {
        match self {
            EndedBy::Plan => "plan",
            EndedBy::Member => "member",
            EndedBy::Delegate => "delegate",
        }
    }
}

/// A new id for a delegation of the person with that id.
pub fn new_id(person: &str, random: &Random) -> String {
    format!("{person}.{}", random.identifier())
}

impl Delegation {
    /// The id of the person who acts.
    pub fn person(&self) -> &str {
        Delegation::place(&self.id).0
    }

    /// Whether the person may act under it at this moment.
    pub fn is_active(&self, now: Time) -> bool {
        self.is_given(now) && now >= self.begins_at
    }

    /// Whether it is active, or will be when its first day comes.
    pub fn is_given(&self, now: Time) -> bool {
        self.standing == Standing::Given && self.end.is_none_or(|end| now < end.at)
    }

    /// The part that codes and grants carry.
    pub fn acting(&self) -> Acting {
        Acting {
            delegation: self.id.clone(),
            relation: self.relation,
            related_person: self.related_person.clone(),
            ends_at: self.end.map(|end| end.at),
        }
    }

    /// The name of its state in commands.
    pub fn state(&self, now: Time) -> &'static str {
        match self.standing {
            Standing::Given if self.is_active(now) => "active",
            Standing::Given if self.is_given(now) => "waiting",
            Standing::Given | Standing::Ended { .. } => "ended",
            Standing::Suspended => "suspended",
        }
    }

    /// How it ended, by its name in commands; `None` while it has not.
    pub fn ended_by(&self, now: Time) -> Option<&'static str> {
        match (self.standing, self.end) {
            (Standing::Ended { by, .. }, _) => Some(by.name()),
            (Standing::Given, Some(end)) if now >= end.at => Some(if end.by_age { "age" } else { "date" }),
            _ => None,
        }
    }

    /// The same delegation under another standing.
    #[must_use]
    pub fn standing(self, standing: Standing) -> Delegation {
        Delegation { standing, ..self }
    }
}

impl Record for Delegation {
    const KIND: &'static str = "delegation";

    fn key(&self) -> String {
        self.id.clone()
    }

    fn place(id: &str) -> (&str, &str) {
        id.split_once('.').unwrap_or((id, "-"))
    }

    fn expires_at(&self) -> Option<Time> {
        None
    }
}

/// The note at a member that leads to a delegation: who may act for them is one query.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ActedFor {
    /// The member: a Patient id.
    pub patient: String,
    /// The delegation's id.
    pub delegation: String,
}

impl ActedFor {
    /// The note that leads to a delegation.
    pub fn by(delegation: &Delegation) -> ActedFor {
        ActedFor { patient: delegation.patient.clone(), delegation: delegation.id.clone() }
    }
}

impl Record for ActedFor {
    const KIND: &'static str = "acted-for";

    fn key(&self) -> String {
        format!("{}/{}", self.patient, self.delegation)
    }

    fn place(key: &str) -> (&str, &str) {
        key.split_once('/').unwrap_or((key, "-"))
    }

    fn expires_at(&self) -> Option<Time> {
        None
    }
}

/// The delegations of those who act, or acted, for a member.
///
/// # Errors
/// [`StoreError`]
pub async fn of_member(auth: &Auth, patient: &str) -> Result<Vec<Delegation>, StoreError> {
    let notes = auth.list::<ActedFor>(patient).await?;
    let found = try_join_all(notes.iter().map(|note| auth.get::<Delegation>(&note.record.delegation))).await?;
    Ok(found.into_iter().flatten().map(|stored| stored.record).collect())
}

/// The live grants that were made under a delegation.
///
/// # Errors
/// [`StoreError`]
pub async fn live_grants(auth: &Auth, delegation: &Delegation, now: Time) -> Result<Vec<Stored<Grant>>, StoreError> {
    let found = try_join_all(delegation.grants.iter().map(|id| auth.get::<Grant>(id))).await?;
    Ok(found.into_iter().flatten().filter(|grant| grant.record.is_live(now)).collect())
}

/// Adds a new grant to a commit, and to the list of the delegation that it is made under. Where the list is full, the oldest
/// grant that is alive ends.
///
/// # Errors
/// [`StoreError`]
pub async fn with_grant(
    commit: Commit,
    auth: &Auth,
    delegation: &Stored<Delegation>,
    grant: &str,
    now: Time,
) -> Result<Commit, StoreError> {
    let (mut commit, mut after) = (commit, delegation.record.clone());
    if after.grants.len() >= DELEGATION_GRANTS {
        let live = live_grants(auth, &delegation.record, now).await?;
        let (over, kept) = live.split_at((live.len() + 1).saturating_sub(DELEGATION_GRANTS));
        for oldest in over {
            commit = commit.replace(oldest, &oldest.record.clone().ended(now, Why::MadeRoom));
        }
        after.grants = kept.iter().map(|grant| grant.record.id.clone()).collect();
    }
    after.grants.push(grant.to_owned());
    Ok(commit.replace(delegation, &after))
}

/// A delegation was changed.
#[derive(Debug)]
pub struct Changed {
    /// As it is now.
    pub delegation: Delegation,
    /// The number of grants that ended with it.
    pub grants_ended: usize,
}

/// Changes a delegation, and in the same transaction all that was granted under it: a grant takes over a new end, and ends
/// where the delegation does. `None` where there is no such delegation, or `change` leaves it as it is.
///
/// # Errors
/// [`StoreError`] where the table does not answer; nothing is changed then.
pub async fn change(
    auth: &Auth,
    id: &str,
    now: Time,
    change: impl Fn(Delegation) -> Option<Delegation>,
) -> Result<Option<Changed>, StoreError> {
    for _ in 0..10 {
        let Some(before) = auth.get::<Delegation>(id).await? else { return Ok(None) };
        let live = live_grants(auth, &before.record, now).await?;
        let Some(mut after) = change(before.record.clone()) else { return Ok(None) };
        let (goes_on, acting) = (after.is_given(now), after.acting());
        let mut commit = Commit::default();
        for grant in &live {
            let changed = match goes_on {
                true => Grant { acting: Some(acting.clone()), ..grant.record.clone() },
                false => grant.record.clone().ended(now, Why::DelegationEnded),
            };
            commit = commit.replace(grant, &changed);
        }
        let kept = live.iter().filter(|_| goes_on).map(|grant| grant.record.id.clone());
        after.grants = kept.collect();
        match auth.commit(commit.replace(&before, &after)).await {
            Ok(()) => {
                let grants_ended = if goes_on { 0 } else { live.len() };
                tracing::info!(delegation = id, grants_ended, state = after.state(now), "a delegation is changed");
                return Ok(Some(Changed { delegation: after, grants_ended }));
            }
            Err(CommitError::Conflict) => {}
            Err(CommitError::Store(error)) => return Err(error),
        }
    }
    Err(StoreError::Busy("a delegation that is to change changes all the time".into()))
}

/// Ends a delegation and all that was granted under it, unless it is over already.
///
/// # Errors
/// As [`change`].
pub async fn end(auth: &Auth, id: &str, now: Time, by: EndedBy) -> Result<Option<Changed>, StoreError> {
    let ended = |delegation: Delegation| {
        let is_over = matches!(delegation.standing, Standing::Ended { .. });
        (!is_over).then(|| delegation.standing(Standing::Ended { by, at: now }))
    };
    change(auth, id, now, ended).await
}

/// Ends the delegations of all who act for a member. Returns how many grants ended.
///
/// # Errors
/// As [`change`].
pub async fn end_all(auth: &Auth, patient: &str, now: Time) -> Result<usize, StoreError> {
    let mut ended = 0;
    for note in auth.list::<ActedFor>(patient).await? {
        let changed = end(auth, &note.record.delegation, now, EndedBy::Plan).await?;
        ended += changed.map_or(0, |changed| changed.grants_ended);
    }
    Ok(ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delegation() -> Delegation {
        Delegation {
            id: new_id("p", &Random::system()),
            patient: "leo".into(),
            name: "Maria Santos".into(),
            relation: Relation::Parent,
            ground: "birth certificate".into(),
            said_by: "enrolment".into(),
            from: "2026-01-01".into(),
            until: None,
            begins_at: Time(10),
            end: Some(End { at: Time(20), by_age: true }),
            own_choices_at: None,
            standing: Standing::Given,
            related_person: None,
            grants: Vec::new(),
            created_at: Time(0),
        }
    }

    #[test]
    fn a_delegation_counts_from_its_first_moment_to_its_last_and_not_while_it_is_suspended() {
        let given = delegation();
        for (now, state, ended_by) in [(9, "waiting", None), (10, "active", None), (20, "ended", Some("age"))] {
            assert_eq!((given.state(Time(now)), given.ended_by(Time(now))), (state, ended_by));
            assert_eq!(given.is_active(Time(now)), state == "active");
        }
        let suspended = given.clone().standing(Standing::Suspended);
        assert_eq!((suspended.state(Time(10)), suspended.is_active(Time(10))), ("suspended", false));
        let ended = given.standing(Standing::Ended { by: EndedBy::Delegate, at: Time(10) });
        assert_eq!((ended.state(Time(10)), ended.ended_by(Time(10))), ("ended", Some("delegate")));
    }

    #[test]
    fn an_id_leads_to_the_person_and_a_note_to_the_member_whatever_the_ids_hold() {
        let given = Delegation { patient: "a.b-c".into(), ..delegation() };
        assert_eq!(given.person(), "p");
        let key = ActedFor::by(&given).key();
        assert_eq!(ActedFor::place(&key), ("a.b-c", given.id.as_str()));
    }
}
