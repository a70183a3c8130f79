//! `patient-access audit verify`: the rows of each day against the manifest that was signed when the day was closed.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::{Value as Json, json};
use shared::audit::chain::{Closing, Manifest, RowName, hash_of};
use shared::audit::closing::{DayInBoth, RowFault, is_over};
use shared::clock::{self, Clock, Time};
use shared::store::archive::{Archive, Part};

use crate::call::WrongCall;
use crate::stack::Stack;
use crate::terminal::visible;

/// The arguments of `audit verify`.
#[derive(Args)]
pub struct VerifyArguments {
    /// The first day (UTC) [default: the first of which there is a record]
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<String>,
    /// The last day (UTC) [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    to: Option<String>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// The finding about one day.
struct Day {
    date: String,
    rows: usize,
    state: &'static str,
    faults: Vec<RowFault>,
}

impl VerifyArguments {
    pub(super) async fn run(self, stack: &Stack) -> Result<(String, ExitCode)> {
        for (name, day) in [("--from", &self.from), ("--to", &self.to)] {
            if let Some(day) = day.as_ref().filter(|day| clock::midnight(day).is_none()) {
                return Err(WrongCall(format!("{name}: `{day}` is no day: YYYY-MM-DD is needed")).into());
            }
        }
        let is_chosen = |day: &str| {
            self.from.as_deref().is_none_or(|from| from <= day) && self.to.as_deref().is_none_or(|to| day <= to)
        };
        let days = verify(stack, is_chosen, Clock::System.now()).await?;
        let is_good = days.iter().all(|day| ["good", "open"].contains(&day.state));
        let text = if self.json { told(&days, is_good) } else { lines(&days, is_good) };
        Ok((text, if is_good { ExitCode::SUCCESS } else { ExitCode::from(3) }))
    }
}

/// The chosen days, and the state of each.
///
/// # Errors
/// The stack does not answer.
pub(crate) async fn states(
    stack: &Stack,
    is_chosen: impl Fn(&str) -> bool,
    now: Time,
) -> Result<Vec<(String, &'static str)>> {
    Ok(verify(stack, is_chosen, now).await?.into_iter().map(|day| (day.date, day.state)).collect())
}

/// The closing of each day, and whether its signature and its place in the chain are good. One that does not read is `None`.
type Chain = BTreeMap<String, (Option<Closing>, bool)>;

/// Verifies the chosen days.
async fn verify(stack: &Stack, is_chosen: impl Fn(&str) -> bool, now: Time) -> Result<Vec<Day>> {
    let archive = stack.archive()?;
    let mut table = BTreeMap::<String, BTreeMap<RowName, String>>::new();
    stack
        .audit()
        .every(|row| {
            if is_chosen(row.day()) {
                table.entry(row.day().to_owned()).or_default().insert(row.name(), hash_of(&row));
            }
        })
        .await?;
    let chain = chain(stack, &archive).await?;
    let mut days: BTreeSet<String> = archive.days().await?;
    days.extend(table.keys().cloned());
    // Also a day of which nothing is left: the chain has a place for it.
    let (mut next, last) = (chain.keys().next().cloned(), chain.keys().last());
    while let Some(day) = next.take_if(|day| last.is_some_and(|last| *day <= *last)) {
        next = clock::day_after(&day);
        days.insert(day);
    }
    let mut found = Vec::new();
    for day in days.into_iter().filter(|day| is_chosen(day)) {
        let table = table.remove(&day).unwrap_or_default();
        found.push(verify_day(&archive, day, &table, &chain, now).await?);
    }
    Ok(found)
}

/// Reads the closings of all days.
async fn chain(stack: &Stack, archive: &Archive) -> Result<Chain> {
    let key = stack.signer().public_key(stack.audit_key()?).await?;
    let mut chain = BTreeMap::new();
    let mut before: Option<(String, Closing)> = None;
    for day in archive.days_with(Part::Closing).await? {
        let text = archive.part(&day, Part::Closing).await?.unwrap_or_default();
        let Ok(closing) = serde_json::from_str::<Closing>(&text) else {
            chain.insert(day, (None, false));
            continue;
        };
        let follows = match &before {
            None => closing.previous.is_empty(),
            // Where a closing is missing, its own day is unsigned; the next one stands by its own signature.
            Some((before, closed)) => {
                clock::day_after(before).as_ref() != Some(&day) || closing.previous == closed.digest()
            }
        };
        let is_good = closing.day == day && follows && key.signed(closing.text().as_bytes(), &closing.signature);
        before = Some((day.clone(), closing.clone()));
        chain.insert(day, (Some(closing), is_good));
    }
    Ok(chain)
}

async fn verify_day(
    archive: &Archive,
    day: String,
    table: &BTreeMap<RowName, String>,
    chain: &Chain,
    now: Time,
) -> Result<Day> {
    let archived = archive.day(&day).await?;
    let there = Manifest::of(&archived.rows);
    let rows = table.keys().chain(there.0.keys()).collect::<BTreeSet<_>>().len();
    let manifest = archive.part(&day, Part::Manifest).await?.and_then(|text| Manifest::parse(&text));
    let Some((closing, is_good)) = chain.get(&day) else {
        // It should have been closed by now: a day of grace is for runs that fail and come again.
        let is_late = clock::day_after(&day).is_some_and(|next| is_over(&next, now))
            || chain.keys().next_back().is_some_and(|last| *last > day);
        return Ok(Day { date: day, rows, state: if is_late { "unsigned" } else { "open" }, faults: Vec::new() });
    };
    let is_signed = |manifest: &Manifest| {
        let closing = closing.as_ref();
        closing.is_some_and(|closing| (manifest.digest(), manifest.0.len()) == (closing.manifest.clone(), closing.rows))
    };
    let trusted = manifest.filter(is_signed);
    let leaves = archive.days_with(Part::Leaving).await?.contains(&day);
    let faults = match &trusted {
        Some(manifest) => DayInBoth { archived: &archived, table }.faults(manifest, leaves),
        // Without a manifest, what table and archive have in common is all that can be compared.
        None => DayInBoth { archived: &archived, table }.faults(&there, leaves),
    };
    let has = |fault: &str| faults.iter().any(|row| row.fault == fault);
    let state = match () {
        () if !is_good || trusted.is_none() => "unsigned",
        () if has("missing") => "missing",
        () if has("changed") || !archived.spoilt.is_empty() => "changed",
        () if has("added") => "added",
        () => "good",
    };
    Ok(Day { date: day, rows, state, faults })
}

fn told(days: &[Day], is_good: bool) -> String {
    let fault = |fault: &RowFault| json!({"row": format!("{} {}", fault.name.1, fault.name.0), "kept_in": fault.place, "fault": fault.fault});
    let day = |day: &Day| {
        let faults: Vec<Json> = day.faults.iter().map(fault).collect();
        json!({"day": day.date, "rows": day.rows, "state": day.state, "rows_at_fault": faults})
    };
    format!("{}\n", json!({"days": days.iter().map(day).collect::<Vec<_>>(), "good": is_good}))
}

fn lines(days: &[Day], is_good: bool) -> String {
    let mut text = String::new();
    for day in days {
        text += &format!("{}  {:<9}{:>9} rows\n", day.date, day.state, day.rows);
        for RowFault { name, place, fault } in &day.faults {
            text += &format!("    {fault} in the {place}: {} {}\n", visible(&name.1), visible(&name.0));
        }
    }
    text + if is_good { "every closed day is as it was signed\n" } else { "the audit is not as it was signed\n" }
}
