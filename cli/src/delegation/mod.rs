//! `patient-access delegation …`: people who act for members.

mod add;
mod ages;
mod change;
mod import;
mod list;
mod related;
mod sync;
mod terms;

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value as Json, json};
use shared::access::delegation::{self, Delegation};
use shared::clock::{Clock, Time};
use shared::oauth::member::Member;
use shared::store::auth::Auth;

pub(crate) use sync::follow;

pub use add::Add;
pub use ages::{ADULT_AGE, Ages, OWN_CHOICES_AGE, TIME_ZONE};

use crate::stack::Stack;
use crate::told::Told;

/// The commands on delegations.
#[derive(Subcommand)]
pub enum DelegationCommand {
    /// Let a person act for a member
    Add(Box<add::Add>),
    /// End a delegation and all that was allowed under it, or suspend it
    End(change::EndOne),
    /// Let a suspended delegation count again
    Resume(change::Resume),
    /// Change the days of a delegation; what was allowed under it ends with it
    Change(change::ChangeDays),
    /// List who acts for whom
    List(list::List),
    /// Add and change many delegations, from a CSV or NDJSON file
    Import(import::Import),
    /// Bring the ends of all delegations in line with the members' birth dates and the plan's ages
    Sync(sync::SyncAll),
}

impl DelegationCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`crate::call::WrongCall`] where an argument is not valid; a person, member or delegation is not there, or the stack does not
    /// answer.
    pub async fn run(self, stack: &Stack) -> Result<Told> {
        Ok(Told::done(match self {
            DelegationCommand::Add(add) => add.run(stack).await?,
            DelegationCommand::End(end) => end.run(stack).await?,
            DelegationCommand::Resume(resume) => resume.run(stack).await?,
            DelegationCommand::Change(change) => change.run(stack).await?,
            DelegationCommand::List(list) => list.run(stack).await?,
            DelegationCommand::Import(import) => return import.run(stack).await,
            DelegationCommand::Sync(sync) => sync.run(stack).await?,
        }))
    }
}

/// A delegation as commands tell it.
async fn told_json(auth: &Auth, delegation: &Delegation, now: Time) -> Result<Json> {
    let (person, grants) =
        tokio::try_join!(auth.get::<Member>(delegation.person()), delegation::live_grants(auth, delegation, now))?;
    let person = person.map(|person| person.record);
    let sign_in = person.as_ref().and_then(|person| person.sign_ins.first());
    let ends_by = match delegation.end {
        None => "none",
        Some(end) if end.by_age => "age",
        Some(_) => "date",
    };
    Ok(json!({
        "id": delegation.id, "for": delegation.patient,
        "person": {
            "id": delegation.person(), "username": person.as_ref().and_then(|person| person.username.as_ref()),
            "provider": sign_in.map(|way| &way.provider), "subject": sign_in.map(|way| &way.subject),
        },
        "as": delegation.relation.name(), "state": delegation.state(now),
        "from": delegation.from, "until": delegation.until,
        "ends_by": ends_by, "ended_by": delegation.ended_by(now),
        "related_person": delegation.related_person, "grants": grants.len(),
        "name": delegation.name, "ground": delegation.ground, "said_by": delegation.said_by,
        "ends_at": delegation.end.map(|end| end.at.to_string()),
        "own_choices_from": delegation.own_choices_at.map(|at| at.to_string()),
    }))
}

/// A delegation as JSON, or in a line for people.
async fn told(auth: &Auth, delegation: &Delegation, json: bool, more: Json) -> Result<String> {
    let now = Clock::System.now();
    let mut told = told_json(auth, delegation, now).await?;
    if let (Some(told), Json::Object(more)) = (told.as_object_mut(), more) {
        told.extend(more);
    }
    Ok(if json { format!("{told}\n") } else { in_a_line(delegation, &told) })
}

/// A delegation in a line.
fn in_a_line(delegation: &Delegation, told: &Json) -> String {
    let ends = match told["ends_at"].as_str() {
        Some(at) => format!("ends {at} by {}", told["ends_by"].as_str().unwrap_or_default()),
        None => "has no end".to_owned(),
    };
    format!(
        "{}  {} acts for Patient/{} as {}: {}, from {}, {ends}; apps: {}\n",
        delegation.id,
        delegation.name,
        delegation.patient,
        delegation.relation.name(),
        told["state"].as_str().unwrap_or_default(),
        delegation.from,
        told["grants"],
    )
}
