//! Whose record an app shall see: a person's own, or that of a member for whom they act.

use super::error::PageError;
use super::request::Chosen;
use super::session::Session;
use super::state::State;
use crate::access::acting::Acting;
use crate::access::delegation::Delegation;
use crate::access::demographics::Demographics;
use crate::access::grant::Grant;
use crate::clock::Time;
use crate::store::StoreError;
use crate::store::auth::Stored;

/// The records that a person may open at this moment.
pub(super) struct Records {
    own: Option<String>,
    delegations: Vec<Delegation>,
}

/// The record that somebody decides about, as it was found.
pub(super) enum Whose {
    /// Their own.
    Own(String),
    /// That of a member for whom they act.
    Anothers(Box<Stored<Delegation>>),
}

impl Records {
    /// Of the person with that id and that record of their own: one query.
    pub async fn of(state: &State, person: &str, own: Option<&str>) -> Result<Records, StoreError> {
        let now = state.clock.now();
        let stored = state.auth.list::<Delegation>(person).await?;
        let delegations = stored.into_iter().map(|stored| stored.record).filter(|delegation| delegation.is_active(now));
        Ok(Records { own: own.map(str::to_owned), delegations: delegations.collect() })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.own.is_none() && self.delegations.is_empty()
    }

    /// The record, where there is one and no other: then nobody needs to be asked.
    pub fn only(&self) -> Option<Chosen> {
        let mut all = self.all();
        all.next().filter(|_| all.next().is_none())
    }

    /// The record of that Patient, if it is one of them.
    pub fn named(&self, patient: &str) -> Option<Chosen> {
        self.all().find(|record| record.patient == patient)
    }

    fn all(&self) -> impl Iterator<Item = Chosen> {
        let own = self.own.iter().map(|own| Chosen { patient: own.clone(), delegation: None });
        let anothers = self
            .delegations
            .iter()
            .map(|delegation| Chosen { patient: delegation.patient.clone(), delegation: Some(delegation.id.clone()) });
        own.chain(anothers)
    }

    /// The Patient id of the person's own record.
    pub fn own(&self) -> Option<&str> {
        self.own.as_deref()
    }

    /// The delegations under which the person acts.
    pub fn delegations(&self) -> &[Delegation] {
        &self.delegations
    }
}

impl Whose {
    /// The record that was chosen for a request, while it may still be opened. One that is the person's own no longer, or for
    /// which they no longer act, is nobody's to allow.
    pub async fn find(state: &State, session: &Session, chosen: &Chosen) -> Result<Whose, PageError> {
        let Some(id) = &chosen.delegation else {
            return match session.patient.as_ref() {
                Some(own) if *own == chosen.patient => Ok(Whose::Own(own.clone())),
                _ => Err(PageError::Over),
            };
        };
        let delegation = state.auth.get::<Delegation>(id).await?;
        let is_theirs =
            |delegation: &Delegation| delegation.person() == session.member && delegation.patient == chosen.patient;
        let delegation = delegation
            .filter(|found| is_theirs(&found.record) && found.record.is_active(state.clock.now()))
            .ok_or(PageError::ActsNoLonger)?;
        Ok(Whose::Anothers(Box::new(delegation)))
    }

    /// The member whose record it is: a Patient id.
    pub fn patient(&self) -> &str {
        match self {
            Whose::Own(patient) => patient,
            Whose::Anothers(delegation) => &delegation.record.patient,
        }
    }

    /// The part of the delegation that codes and grants carry; `None` where the record is the person's own.
    pub fn acting(&self) -> Option<Acting> {
        match self {
            Whose::Own(_) => None,
            Whose::Anothers(delegation) => Some(delegation.record.acting()),
        }
    }

    /// The delegation, against which what is decided must be committed.
    pub fn delegation(&self) -> Option<&Stored<Delegation>> {
        match self {
            Whose::Own(_) => None,
            Whose::Anothers(delegation) => Some(delegation),
        }
    }
}

/// The name and birth date by which a page tells of a member; without a row, the Patient id stands for the name.
pub(super) async fn demographics(state: &State, patient: &str) -> Result<Demographics, StoreError> {
    let found = state.auth.get::<Demographics>(patient).await?.map(|stored| stored.record);
    let mut found =
        found.unwrap_or_else(|| Demographics { patient: patient.into(), name: String::new(), birth_date: None });
    if found.name.is_empty() {
        found.name = format!("Member {patient}");
    }
    Ok(found)
}

/// The delegation under which a grant is made or renewed; `None` where a member acts for themselves.
pub(super) async fn delegation_of(state: &State, grant: &Grant) -> Result<Option<Stored<Delegation>>, StoreError> {
    match &grant.acting {
        Some(acting) => state.auth.get::<Delegation>(&acting.delegation).await,
        None => Ok(None),
    }
}

/// Whether the delegation under which a grant is made or renewed counts, and is as it was when the grant was allowed; a member who
/// acts for themselves needs none.
pub(super) fn stands(delegation: Option<&Stored<Delegation>>, grant: &Grant, now: Time) -> bool {
    match (&grant.acting, delegation) {
        (None, _) => true,
        (Some(acting), Some(Stored { record, .. })) => record.is_active(now) && record.acting() == *acting,
        (Some(_), None) => false,
    }
}
