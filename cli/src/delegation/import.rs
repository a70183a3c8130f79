//! `patient-access delegation import`: many delegations from a file. A row that says what is there already writes nothing.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::Value as Json;
use shared::access::delegation::{self, Delegation, Standing};
use shared::clock::{Clock, Time};
use shared::oauth::member::Member;
use shared::oauth::sign_in::SignIn;

use super::ages::day;
use super::related;
use super::terms::{Terms, create, full_name, member_id, relation, standing_one, text};
use crate::call::WrongCall;
use crate::member::Named;
use crate::rows::{Form, Outcome, Reason, Rows, reason};
use crate::stack::Stack;
use crate::told::Told;

/// The columns, by their names.
const COLUMNS: [&str; 10] =
    ["for", "username", "provider", "subject", "as", "ground", "said_by", "from", "until", "name"];

/// The columns that no header may lack.
const NEEDED: [&str; 4] = ["for", "as", "ground", "said_by"];

/// The rows that are written together.
const CHUNK: usize = 200;

/// The arguments of `delegation import`.
#[derive(Args)]
pub struct Import {
    /// CSV with the header `for,username,provider,subject,as,ground,said_by,from,until,name` (the last three may be missing), or NDJSON
    /// with the same names
    file: PathBuf,
    /// The file for rejected rows and their reasons [default: rejected-delegations-<time>.ndjson here, only if there are any]
    #[arg(long, value_name = "FILE")]
    rejected: Option<PathBuf>,
    /// Count what would be done, and change nothing
    #[arg(long)]
    check: bool,
    /// Print the counts as JSON
    #[arg(long)]
    json: bool,
}

/// A row that says something new: the delegation as it will be, and whether it is there in another form.
struct New {
    delegation: Delegation,
    is_there: bool,
    patient: Json,
    own: Option<Json>,
}

impl Import {
    pub(super) async fn run(self, stack: &Stack) -> Result<Told> {
        let now = Clock::System.now();
        let mut rows = Rows::open(&self.file, &COLUMNS, complete)?;
        let default = || PathBuf::from(format!("rejected-delegations-{}.ndjson", now.seconds()));
        let mut outcome = Outcome::new(self.rejected.clone().unwrap_or_else(default));
        let (mut seen, mut new) = (HashSet::new(), Vec::new());
        while let Some((line, values)) = rows.next()? {
            outcome.read += 1;
            let settled = match values.and_then(|values| terms(&values)) {
                Ok(said) => self.row(stack, said, &mut seen, now).await?,
                Err(reason) => Err(reason),
            };
            match settled {
                Ok(Some(row)) => {
                    let count = if row.is_there { &mut outcome.changed } else { &mut outcome.created };
                    *count += 1;
                    new.push(row);
                }
                Ok(None) => outcome.unchanged += 1,
                Err(reason) => outcome.refuse(line, &reason)?,
            }
            if new.len() == CHUNK {
                self.write(stack, std::mem::take(&mut new), now).await?;
            }
        }
        self.write(stack, new, now).await?;
        Ok(outcome.told(self.json))
    }

    /// Looks up what a row is about: `None` where it says what is there.
    async fn row(
        &self,
        stack: &Stack,
        (named, terms): (Named, Terms),
        seen: &mut HashSet<(String, String)>,
        now: Time,
    ) -> Result<Result<Option<New>, Reason>> {
        let (auth, writer) = (stack.auth(), stack.writer()?);
        let way = named.way().map(|way| way.key()).unwrap_or_default();
        let person = match auth.get::<SignIn>(&way).await? {
            Some(way) => auth.get::<Member>(&way.record.member).await?,
            None => None,
        };
        let Some(person) = person.map(|person| person.record) else {
            return Ok(reason("no-person", format!("there is no such member: {named}")));
        };
        if !seen.insert((person.id.clone(), terms.patient.clone())) {
            return Ok(reason("repeated", "an earlier row of this file has the same person and the same member"));
        }
        let ids: Vec<String> = [Some(terms.patient.clone()), person.patient.clone()].into_iter().flatten().collect();
        let mut known: HashMap<String, Json> = writer.patients(&ids).await?;
        let Some(patient) = known.get(&terms.patient).cloned() else {
            return Ok(reason("no-patient", format!("there is no Patient/{} here", terms.patient)));
        };
        let own = person.patient.as_ref().and_then(|own| known.remove(own));
        let before = standing_one(&auth, &person.id, &terms.patient, now).await?;
        if before.as_ref().is_some_and(|before| terms.are_of(before)) {
            return Ok(Ok(None));
        }
        if before.as_ref().is_some_and(|before| before.standing == Standing::Suspended) {
            return Ok(reason(
                "suspended",
                "the plan suspended it: `delegation resume` or `delegation end` comes first",
            ));
        }
        let made = terms.delegation(stack, &person, (&patient, own.as_ref()), before.as_ref(), now);
        Ok(match made {
            Ok(delegation) => Ok(Some(New { delegation, is_there: before.is_some(), patient, own })),
            Err(error) => reason("terms", format!("{error:#}")),
        })
    }

    async fn write(&self, stack: &Stack, rows: Vec<New>, now: Time) -> Result<()> {
        if self.check || rows.is_empty() {
            return Ok(());
        }
        let auth = stack.auth();
        let all: Vec<&Delegation> = rows.iter().map(|row| &row.delegation).collect();
        related::write(stack, &all).await?;
        for New { delegation, is_there, patient, own } in &rows {
            if *is_there {
                let as_row = |found: Delegation| {
                    let (grants, standing) = (found.grants, found.standing);
                    Some(Delegation { grants, standing, ..delegation.clone() })
                };
                delegation::change(&auth, &delegation.id, now, as_row).await?;
            } else {
                create(&auth, delegation, patient, own.as_ref()).await?;
            }
        }
        Ok(())
    }
}

/// The person whom a row names, and the terms.
fn terms(values: &[String; 10]) -> Result<(Named, Terms), Reason> {
    let wrong = |code: &'static str| move |error: WrongCall| Reason { code, text: error.to_string() };
    let [patient, username, provider, subject, acts_as, ground, said_by, from, until, name] = values;
    let some = |text: &String| Some(text.clone()).filter(|text| !text.trim().is_empty());
    let named = match (some(username), some(provider), some(subject)) {
        (Some(name), None, None) => Named { username: Some(name), ..Named::default() },
        (None, Some(provider), Some(subject)) => {
            Named { provider: Some(provider), subject: Some(subject), ..Named::default() }
        }
        _ => return reason("no-sign-in", "a row names a username, or a provider and a subject"),
    };
    let days = |option: &str, value: &String| {
        some(value).map(|text| day(option, text.trim())).transpose().map_err(wrong("date"))
    };
    let terms = Terms {
        patient: member_id(patient.trim()).map_err(wrong("patient"))?.to_owned(),
        relation: relation(acts_as.trim()).map_err(wrong("relation"))?,
        ground: text("ground", ground).map_err(wrong("ground"))?,
        said_by: text("said_by", said_by).map_err(wrong("said-by"))?,
        days: (days("from", from)?, days("until", until)?),
        name: some(name).map(|name| full_name(&name)).transpose().map_err(wrong("name"))?,
        related_person: None,
    };
    Ok((named, terms))
}

/// Whether a file can say all that a delegation must have; else what its header lacks.
fn complete(form: &Form<10>) -> Result<(), String> {
    let missing: Vec<&str> = NEEDED.into_iter().filter(|column| !form.has(column)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!("the header lacks {}; the columns are {}", missing.join(", "), COLUMNS.join(",")))
}
