//! `patient-access member list`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use clap::{Args, ValueEnum};
use futures_util::future::try_join_all;
use serde_json::json;
use shared::clock::Clock;
use shared::oauth::member::Member;
use shared::oauth::throttle;

use super::named::told_json;
use super::{line, patient_id};
use crate::stack::Stack;

/// The arguments of `member list`.
#[derive(Args)]
pub struct ListMembers {
    /// Only those whose own record is this Patient's
    #[arg(long, value_name = "PATIENT_ID", allow_hyphen_values = true)]
    patient: Option<String>,
    /// Only those in this state
    #[arg(long)]
    state: Option<State>,
    /// Only those after this id, in the order of ids
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum State {
    Active,
    Disabled,
    Locked,
}

impl ListMembers {
    /// Reads the whole table once, and keeps no more than a page of it.
    pub(super) async fn run(self, stack: &Stack) -> Result<String> {
        let auth = stack.auth();
        let patient = self.patient.as_deref().map(patient_id).transpose()?;
        let locked = throttle::locked(&auth, Clock::System.now()).await?;
        let limit = usize::from(self.limit);
        let mut page = BTreeMap::<String, Member>::new();
        auth.scan_each::<Member>(|member| {
            let is_after = self.after.as_ref().is_none_or(|after| member.id > *after);
            let is_of = patient.is_none_or(|patient| member.patient.as_deref() == Some(patient));
            if is_after && is_of && self.state.is_none_or(|state| state == of(&member, &locked)) {
                page.insert(member.id.clone(), member);
                if page.len() > limit + 1 {
                    page.pop_last();
                }
            }
        })
        .await?;
        let more = page.len() > limit;
        let listed: Vec<Member> = page.into_values().take(limit).collect();
        let members = try_join_all(listed.iter().map(|member| told_json(&auth, member))).await?;
        let next = listed.last().filter(|_| more).map(|last| last.id.clone());
        if self.json {
            return Ok(line(&json!({"members": members, "next": next})));
        }
        let text = |member: &serde_json::Value, name: &str| member[name].as_str().unwrap_or("-").to_owned();
        let line = |member: &serde_json::Value| {
            let [id, name, patient, state] = ["id", "username", "patient", "state"].map(|name| text(member, name));
            format!("{id}  {name:<24} {patient:<24} {state:<9} apps: {}\n", member["grants"])
        };
        let next = next.map(|next| format!("more: --after {next}\n"));
        Ok(members.iter().map(line).chain(next).collect())
    }
}

fn of(member: &Member, locked: &BTreeSet<String>) -> State {
    match member.disabled {
        true => State::Disabled,
        false if member.username.as_ref().is_some_and(|name| locked.contains(name)) => State::Locked,
        false => State::Active,
    }
}
