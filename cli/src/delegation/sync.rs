//! `patient-access delegation sync`: the ends of delegations, and of what was granted under them, follow the members' birth dates and
//! the plan's ages; and each has its `RelatedPerson`.

use std::collections::BTreeMap;

use anyhow::Result;
use clap::Args;
use serde_json::json;
use shared::access::delegation::{self, Changed, Delegation, Standing};
use shared::access::demographics::Demographics;
use shared::clock::{Clock, Time};
use shared::store::auth::{Auth, Commit, CommitError};

use super::Ages;
use super::ages::Moments;
use super::related;
use crate::stack::Stack;

/// The delegations whose members are looked up together.
const CHUNK: usize = 100;

/// The arguments of `delegation sync`.
#[derive(Args)]
pub struct SyncAll {
    /// Print the counts as JSON
    #[arg(long)]
    json: bool,
}

/// A delegation as the member's birth date and the plan's ages have it; `None` where nothing changes.
fn followed(found: Delegation, ages: &Ages, birth_date: Option<&str>, now: Time) -> Option<Delegation> {
    // Without a birth date an end that was known stays.
    birth_date?;
    let from = found.from.parse().unwrap_or_else(|_| ages.day(now));
    let until = found.until.as_deref().and_then(|day| day.parse().ok());
    let Moments { begins_at, end, own_choices_at } = ages.moments(found.relation, birth_date, (from, until));
    let after = Delegation { begins_at, end, own_choices_at, ..found.clone() };
    (after != found).then_some(after)
}

/// Lets the delegations of those who act for a member follow what the member's Patient says now. Returns those that changed, and how many
/// grants ended.
///
/// # Errors
/// The stack does not answer: the same again goes on.
pub(crate) async fn follow(
    auth: &Auth,
    ages: &Ages,
    facts: &Demographics,
    now: Time,
) -> Result<(Vec<Delegation>, usize)> {
    let (mut all, mut ended) = (Vec::new(), 0);
    for found in delegation::of_member(auth, &facts.patient).await? {
        if matches!(found.standing, Standing::Ended { .. }) {
            continue;
        }
        let born = facts.birth_date.as_deref();
        let changed = delegation::change(auth, &found.id, now, |found| followed(found, ages, born, now)).await?;
        if let Some(Changed { delegation, grants_ended }) = changed {
            all.push(delegation);
            ended += grants_ended;
        }
    }
    if let Some(before) = auth.get::<Demographics>(&facts.patient).await?.filter(|before| before.record != *facts) {
        match auth.commit(Commit::default().replace(&before, facts)).await {
            Ok(()) | Err(CommitError::Conflict) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
    }
    Ok((all, ended))
}

impl SyncAll {
    pub(super) async fn run(self, stack: &Stack) -> Result<String> {
        let (auth, now, writer) = (stack.auth(), Clock::System.now(), stack.writer()?);
        let all: Vec<Delegation> = auth.scan::<Delegation>().await?.into_iter().map(|stored| stored.record).collect();
        let mut members: Vec<String> = all.iter().map(|delegation| delegation.patient.clone()).collect();
        members.sort();
        members.dedup();
        let (mut moved, mut grants_ended) = (0, 0);
        for chunk in members.chunks(CHUNK) {
            for patient in writer.patients(chunk).await?.values() {
                let (changed, ended) = follow(&auth, stack.ages(), &Demographics::of(patient), now).await?;
                moved += changed.len();
                grants_ended += ended;
            }
        }
        let all: Vec<Delegation> = auth.scan::<Delegation>().await?.into_iter().map(|stored| stored.record).collect();
        let there = writer.patients(&members).await?;
        let all: Vec<&Delegation> = all.iter().filter(|delegation| there.contains_key(&delegation.patient)).collect();
        // Of several delegations of one person for one member, the newest says how they are related.
        let mut newest: BTreeMap<&str, &Delegation> = BTreeMap::new();
        for delegation in &all {
            let stands_for = delegation.related_person.as_deref().unwrap_or_default();
            let kept = newest.entry(stands_for).or_insert(delegation);
            if kept.created_at < delegation.created_at {
                *kept = delegation;
            }
        }
        related::write(stack, &newest.into_values().collect::<Vec<_>>()).await?;
        let read = all.len();
        Ok(match self.json {
            true => format!("{}\n", json!({"read": read, "changed": moved, "grants_ended": grants_ended})),
            false => format!("delegations: {read}; their moments changed: {moved}; apps stopped: {grants_ended}\n"),
        })
    }
}
