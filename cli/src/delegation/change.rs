//! `patient-access delegation end`, `resume` and `change`: what becomes of a delegation, becomes of what was granted under it.

use anyhow::{Result, bail};
use clap::Args;
use jiff::civil::Date;
use serde_json::json;
use shared::access::delegation::{self, Changed, Delegation, EndedBy, Standing};
use shared::access::demographics::Demographics;
use shared::clock::Clock;
use shared::secret::Random;
use shared::store::audit::AuditRecord;

use super::ages::{Moments, day};
use super::terms::text;
use super::{related, told};
use crate::call::WrongCall;
use crate::load::patients;
use crate::stack::Stack;

/// The arguments of `delegation end`.
#[derive(Args)]
pub struct EndOne {
    /// Its id, as `delegation list` shows it
    id: String,
    /// The reason, for the audit; the person is not told it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// End what was allowed under it, and let it rest until `delegation resume` or `delegation end`
    #[arg(long)]
    suspend: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// The arguments of `delegation resume`.
#[derive(Args)]
pub struct Resume {
    /// Its id
    id: String,
    /// The reason, for the audit
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// The arguments of `delegation change`.
#[derive(Args)]
pub struct ChangeDays {
    /// Its id
    id: String,
    /// The first day
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// The last day, or `none`
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// The delegation of that id.
async fn find(stack: &Stack, id: &str) -> Result<Delegation> {
    let found = stack.auth().get::<Delegation>(id).await?.map(|found| found.record);
    match found {
        Some(found) => Ok(found),
        None => bail!("there is no delegation `{id}`: `delegation list --all` shows their ids"),
    }
}

/// Notes at the member what the plan did to a delegation, and why, before it is done.
async fn record(
    stack: &Stack,
    of: &Delegation,
    (action, outcome): (&'static str, &'static str),
    why: &str,
) -> Result<()> {
    let record = AuditRecord {
        subject: format!("Patient/{}", of.patient),
        time: Clock::System.now().to_string(),
        request_id: Random::system().identifier(),
        action,
        outcome,
        query: why.to_owned(),
        acting: Some((of.person().to_owned(), of.relation.name())),
        ..AuditRecord::default()
    };
    Ok(stack.audit().append(&record).await?)
}

impl EndOne {
    pub(super) async fn run(self, stack: &Stack) -> Result<String> {
        let (auth, now, why) = (stack.auth(), Clock::System.now(), text("--reason", &self.reason)?);
        let before = find(stack, &self.id).await?;
        let is_over = before.state(now) == "ended" || (self.suspend && before.standing == Standing::Suspended);
        if is_over {
            bail!("it is {} already", before.state(now));
        }
        let outcome = if self.suspend { "suspended" } else { "plan" };
        record(stack, &before, ("end-delegation", outcome), &why).await?;
        let changed = if self.suspend {
            delegation::change(&auth, &self.id, now, |found| Some(found.standing(Standing::Suspended))).await?
        } else {
            delegation::end(&auth, &self.id, now, EndedBy::Plan).await?
        };
        let Some(Changed { delegation, grants_ended }) = changed else { bail!("it is over already") };
        related::write(stack, &[&delegation]).await?;
        told(&auth, &delegation, self.json, json!({"grants_ended": grants_ended})).await
    }
}

impl Resume {
    pub(super) async fn run(self, stack: &Stack) -> Result<String> {
        let (auth, now, why) = (stack.auth(), Clock::System.now(), text("--reason", &self.reason)?);
        let before = find(stack, &self.id).await?;
        if before.standing != Standing::Suspended {
            bail!("it is {}, and not suspended", before.state(now));
        }
        record(stack, &before, ("resume-delegation", "plan"), &why).await?;
        let given =
            |found: Delegation| (found.standing == Standing::Suspended).then(|| found.standing(Standing::Given));
        match delegation::change(&auth, &self.id, now, given).await? {
            Some(Changed { delegation, .. }) => told(&auth, &delegation, self.json, json!({})).await,
            None => bail!("somebody else changed it at this moment"),
        }
    }
}

impl ChangeDays {
    pub(super) async fn run(self, stack: &Stack) -> Result<String> {
        let (auth, now) = (stack.auth(), Clock::System.now());
        if self.from.is_none() && self.until.is_none() {
            bail!(WrongCall("say what to change: --from or --until".to_owned()));
        }
        let from = self.from.as_deref().map(|text| day("--from", text)).transpose()?;
        let until = match self.until.as_deref() {
            Some("none") => Some(None),
            Some(text) => Some(Some(day("--until", text)?)),
            None => None,
        };
        let before = find(stack, &self.id).await?;
        if before.state(now) == "ended" {
            bail!("it is ended already: add a new one");
        }
        let [patient] = patients(stack, [before.patient.as_str()]).await?;
        let born = Demographics::of(&patient).birth_date;
        let read = |text: &str| text.parse::<Date>().ok();
        let from = from.or_else(|| read(&before.from)).unwrap_or_else(|| stack.ages().day(now));
        let until = until.unwrap_or_else(|| before.until.as_deref().and_then(read));
        let Moments { begins_at, end, own_choices_at } =
            stack.ages().new_moments(before.relation, born.as_deref(), (from, until))?;
        let (from, until) = (from.to_string(), until.map(|day| day.to_string()));
        let with_days = |found: Delegation| {
            let (from, until) = (from.clone(), until.clone());
            Some(Delegation { from, until, begins_at, end, own_choices_at, ..found })
        };
        match delegation::change(&auth, &self.id, now, with_days).await? {
            Some(Changed { delegation, grants_ended }) => {
                related::write(stack, &[&delegation]).await?;
                told(&auth, &delegation, self.json, json!({"grants_ended": grants_ended})).await
            }
            None => bail!("somebody else changed it at this moment"),
        }
    }
}
