//! People who act for others, on the account page: a delegate sees each person they act for with the apps that they allowed there; a
//! member sees who may act for them with what those allowed. A delegate sees neither other delegates nor the member's own apps.

use futures_util::future::try_join_all;

use super::connected::connected;
use super::error::PageError;
use super::events;
use super::pages::{ConnectedApp, PersonSection};
use super::session::Session;
use super::state::{Pages, State};
use super::visible::is_seen;
use super::whose::demographics;
use super::words::{acts_for as for_them, acts_for_you};
use crate::access::acting::Relation;
use crate::access::delegation::{self, Delegation, EndedBy};
use crate::access::grant::Grant;
use crate::clock::Time;
use crate::http::Request;
use crate::store::StoreError;

/// The persons for whom somebody acts.
pub(super) async fn acts_for(state: &State, session: &Session) -> Result<Vec<PersonSection>, PageError> {
    let now = state.clock.now();
    let all = state.auth.list::<Delegation>(&session.member).await?.into_iter().map(|stored| stored.record);
    let all: Vec<Delegation> = all.filter(|delegation| delegation.is_given(now)).collect();
    let sections = all.iter().map(async |delegation| {
        let (member, apps) = tokio::try_join!(demographics(state, &delegation.patient), apps(state, delegation))?;
        let born = member.birth_year().map(|year| format!(" (born {year})")).unwrap_or_default();
        Ok::<_, StoreError>(PersonSection {
            name: format!("{}{born}", seen(&member.name)),
            relation: for_them(delegation.relation),
            can_end: true,
            ..section(delegation, apps)
        })
    });
    Ok(try_join_all(sections).await?)
}

/// The persons who act for a member.
pub(super) async fn acted_for_by(state: &State, session: &Session) -> Result<Vec<PersonSection>, PageError> {
    let Some(patient) = &session.patient else { return Ok(Vec::new()) };
    let now = state.clock.now();
    let all = delegation::of_member(&state.auth, patient).await?;
    let all: Vec<Delegation> = all.into_iter().filter(|delegation| delegation.is_given(now)).collect();
    let sections = all.iter().map(async |delegation| {
        Ok::<_, StoreError>(PersonSection {
            name: seen(&delegation.name),
            relation: acts_for_you(delegation.relation),
            can_end: delegation.relation == Relation::Proxy,
            ..section(delegation, apps(state, delegation).await?)
        })
    });
    Ok(try_join_all(sections).await?)
}

/// The part of a section that both sides see.
fn section(delegation: &Delegation, apps: Vec<ConnectedApp>) -> PersonSection {
    // At noon of that day the date is the same from one end of the country to the other.
    let day = |at: Time| at.plus_seconds(12 * 3600).day();
    PersonSection {
        delegation: delegation.id.clone(),
        name: String::new(),
        relation: "",
        since: day(delegation.begins_at),
        ends: delegation.end.map(|end| day(end.at)),
        apps,
        can_end: false,
    }
}

fn seen(text: &str) -> String {
    text.chars().filter(|c| is_seen(*c)).collect()
}

async fn apps(state: &State, delegation: &Delegation) -> Result<Vec<ConnectedApp>, StoreError> {
    let live = delegation::live_grants(&state.auth, delegation, state.clock.now()).await?;
    Ok(connected(&live.into_iter().map(|stored| stored.record).collect::<Vec<_>>()))
}

/// A delegation that is given, and the side on which somebody is: that of the member, or of the person who acts. For anybody else there
/// is none.
async fn found(state: &State, session: &Session, id: &str) -> Result<(Delegation, EndedBy), PageError> {
    let found = state.auth.get::<Delegation>(id).await?.map(|stored| stored.record);
    let found = found.filter(|found| found.is_given(state.clock.now())).ok_or(PageError::NotYours)?;
    if found.person() == session.member {
        Ok((found, EndedBy::Delegate))
    } else if session.patient.as_ref() == Some(&found.patient) {
        Ok((found, EndedBy::Member))
    } else {
        Err(PageError::NotYours)
    }
}

/// The live grants of an app under a delegation, which the form names as `<delegation>/<client id>`.
pub(super) async fn grants(state: &State, session: &Session, named: &str) -> Result<Vec<Grant>, PageError> {
    let (id, client) = named.split_once('/').ok_or(PageError::NotYours)?;
    let (delegation, _) = found(state, session, id).await?;
    let live = delegation::live_grants(&state.auth, &delegation, state.clock.now()).await?;
    Ok(live.into_iter().map(|stored| stored.record).filter(|grant| grant.client == client).collect())
}

/// Ends a delegation: each person their own, and a member that of somebody whom they chose. Any other is the plan's to end.
pub(super) async fn end(pages: &Pages, request: &Request, session: &Session, id: &str) -> Result<usize, PageError> {
    let (delegation, by) = found(&pages.state, session, id).await?;
    if by == EndedBy::Member && delegation.relation != Relation::Proxy {
        return Err(PageError::PlansAlone);
    }
    events::delegation(&pages.audit, request, by, &delegation).await?;
    let ended = delegation::end(&pages.state.auth, id, pages.state.clock.now(), by).await?;
    Ok(usize::from(ended.is_some()))
}
