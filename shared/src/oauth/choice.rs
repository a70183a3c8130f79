//! The choice of a record, on the way to consent: whose record shall the app see? It belongs to the app's request, so two tabs may
//! choose differently.

use futures_util::future::try_join_all;
use http::StatusCode;

use super::error::PageError;
use super::pages::{ChoicePage, PersonChoice, page, see_other, style};
use super::session::csrf;
use super::state::Pages;
use super::visible::is_seen;
use super::waiting::Waiting;
use super::whose::{Records, demographics};
use super::words::acts_for;
use crate::http::Response;
use crate::issuer::Issuer;
use crate::store::StoreError;
use crate::store::auth::Commit;

/// Asks whose record the app shall see.
pub(super) async fn show(pages: &Pages, waiting: &Waiting) -> Result<Response, PageError> {
    let (state, session) = (&pages.state, &waiting.session);
    let records = Records::of(state, &session.member, session.patient.as_deref()).await?;
    if records.is_empty() {
        return Err(PageError::NoRecord);
    }
    let own = records.own().map(|own| (own, None));
    let anothers = records.delegations().iter().map(|acts| (acts.patient.as_str(), Some(acts.relation)));
    let persons = own.into_iter().chain(anothers).map(async |(patient, relation)| {
        let known = demographics(state, patient).await?;
        let name = if relation.is_none() && known.birth_date.is_none() {
            session.username.clone()
        } else {
            known.name.clone()
        };
        Ok::<_, StoreError>(PersonChoice {
            record: patient.to_owned(),
            name: name.chars().filter(|c| is_seen(*c)).collect(),
            born: known.birth_year().map(str::to_owned),
            relation: relation.map_or("your own record", acts_for),
        })
    });
    let persons = try_join_all(persons).await?;
    let csrf = csrf(&waiting.cookie);
    let fields = ChoicePage {
        style: style(),
        plan: &pages.config().plan.name,
        app: &waiting.asked.record.client_name,
        request: &waiting.id,
        csrf: csrf.reveal(),
        username: &session.username,
        persons: &persons,
    };
    page(StatusCode::OK, &fields, "")
}

/// Takes the choice, which must be one that the page offered.
pub(super) async fn take(
    pages: &Pages,
    issuer: &Issuer,
    waiting: &Waiting,
    record: Option<&str>,
) -> Result<Response, PageError> {
    let Some(record) = record else {
        return Err(PageError::Malformed("the form says neither whose record nor what you decide".into()));
    };
    let Waiting { id, asked, session, .. } = waiting;
    let records = Records::of(&pages.state, &session.member, session.patient.as_deref()).await?;
    let chosen = records.named(record).ok_or(PageError::ActsNoLonger)?;
    pages.state.auth.commit(Commit::default().replace(asked, &asked.record.clone().chosen(chosen))).await?;
    Ok(see_other(&format!("{issuer}/consent?request={id}"), &[]))
}
