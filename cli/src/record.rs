//! `patient-access record …`: what the operator does to a whole record.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};
use shared::fhir::reference::is_id;

use crate::call::WrongCall;
use crate::load::{Ended, Settings, counts, merge, patients, remove};
use crate::stack::Stack;
use crate::terminal::visible;

/// The commands on records.
#[derive(Subcommand)]
pub enum RecordCommand {
    /// Give all of a Patient's record to another Patient who is the same person
    Merge(Merge),
    /// Delete all of a Patient's record
    Remove(Remove),
}

/// The arguments of `record merge`.
#[derive(Args)]
pub struct Merge {
    /// The id of the Patient who is replaced
    #[arg(value_name = "A")]
    from: String,
    /// The id of the Patient who stays
    #[arg(value_name = "B")]
    into: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// The arguments of `record remove`.
#[derive(Args)]
pub struct Remove {
    /// The id of the Patient
    #[arg(value_name = "PATIENT")]
    patient: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl RecordCommand {
    /// Runs the command. Returns the text to print.
    ///
    /// # Errors
    /// An argument is not valid, a Patient is not stored, the operator does not agree, or the stack does not answer.
    pub async fn run(self, stack: &Stack) -> Result<String> {
        match self {
            RecordCommand::Merge(merge) => merge.run(stack).await,
            RecordCommand::Remove(remove) => remove.run(stack).await,
        }
    }
}

impl Merge {
    async fn run(self, stack: &Stack) -> Result<String> {
        let (from, into) = (id(&self.from)?, id(&self.into)?);
        if from == into {
            bail!(WrongCall("a Patient cannot be merged into itself: name two ids".to_owned()));
        }
        let both = patients(stack, [from, into]).await?;
        let record = counts(&stack.writer()?.record(from).await?);
        let question = format!(
            "{}\n{}\nAll of Patient/{from}'s record ({}) becomes Patient/{into}'s, and the apps of both are stopped.",
            described(&both[0]),
            described(&both[1]),
            listed(&record)
        );
        agreed(self.yes, &question)?;
        let Ended { report, grants_ended } = merge(stack, from, into, Settings::default()).await?;
        if report.total().rejected > 0 {
            bail!("not all of it could be moved:\n{report}");
        }
        let moved = report.moved;
        Ok(match self.json {
            true => format!("{}\n", json!({"from": from, "into": into, "moved": moved, "grants_ended": grants_ended})),
            false => format!(
                "Patient/{from} is replaced by Patient/{into}: {moved} resources moved, apps stopped: {grants_ended}. Let the \
                 source send them under Patient/{into} from now on, and sign-ins that lead to Patient/{from} with \
                 `patient-access member`\n"
            ),
        })
    }
}

impl Remove {
    async fn run(self, stack: &Stack) -> Result<String> {
        let patient = id(&self.patient)?;
        let record = stack.writer()?.record(patient).await?;
        let question = match record.iter().find(|resource| resource["resourceType"] == "Patient") {
            Some(of) => format!("{}\nAll of this record ({}) is deleted.", described(of), listed(&counts(&record))),
            None => format!("All that is kept for Patient/{patient} ({}) is deleted.", listed(&counts(&record))),
        };
        agreed(self.yes, &question)?;
        let Ended { report, grants_ended } = remove(stack, patient, Settings::default()).await?;
        let removed: Vec<(String, u64)> = report
            .types
            .iter()
            .map(|(kind, tally)| (kind.clone(), tally.deleted))
            .filter(|(_, count)| *count > 0)
            .collect();
        let removed: std::collections::BTreeMap<String, u64> = removed.into_iter().collect();
        Ok(match self.json {
            true => format!("{}\n", json!({"patient": patient, "removed": removed, "grants_ended": grants_ended})),
            false => format!(
                "the record of Patient/{patient} is removed: {}; apps stopped: {grants_ended}. Apps get 410 for each of these \
                 resources; the audit stays\n",
                listed(&removed)
            ),
        })
    }
}

fn id(text: &str) -> Result<&str, WrongCall> {
    let id = text.strip_prefix("Patient/").unwrap_or(text);
    match is_id(id) {
        true => Ok(id),
        false => Err(WrongCall(format!("`{text}` is no resource id (letters, digits, `-` and `.`, at most 64)"))),
    }
}

/// A Patient in a line, by which a person recognizes them.
fn described(patient: &Json) -> String {
    let name = patient["name"].as_array().and_then(|names| names.first()).cloned().unwrap_or_default();
    let given = name["given"].as_array().into_iter().flatten().filter_map(Json::as_str);
    let text: Vec<&str> = given.chain(name["family"].as_str()).collect();
    let of = |name: &str| patient[name].as_str().unwrap_or("?").to_owned();
    let line = format!("Patient/{}: {}, born {}, {}", of("id"), text.join(" "), of("birthDate"), of("gender"));
    visible(&line)
}

fn listed(counts: &std::collections::BTreeMap<String, u64>) -> String {
    let parts: Vec<String> = counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

/// Asks the operator, unless they said yes already.
fn agreed(yes: bool, question: &str) -> Result<()> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        bail!(WrongCall(format!("{question}\nSay --yes where nobody can be asked")));
    }
    let mut answer = String::new();
    write!(std::io::stderr(), "{question}\nType yes to go on: ")?;
    std::io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() != "yes" {
        bail!("nothing was changed");
    }
    Ok(())
}
