//! `patient-access member import`: ties many sign-ins to records.
//!
//! A chunk of rows is read, looked up in two round trips, and written: new persons together in transactions, changed ones one by
//! one, because each change ends that person's grants. A row that says what is there already writes nothing.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use shared::clock::{Clock, Time};
use shared::oauth::member::{Member, Subject};
use shared::oauth::sign_in::{SignIn, Way};
use shared::secret::Random;
use shared::store::auth::{Auth, Commit, CommitError, Stored};

use super::row::{COLUMNS, Row, complete, row};
use super::{changed, end_earlier};
use crate::rows::{Outcome, Reason, Rows};
use crate::stack::Stack;
use crate::told::Told;

/// The rows that are looked up together.
const CHUNK: usize = 1000;

/// The persons of one transaction, each with a way in: DynamoDB takes 100 items.
const TOGETHER: usize = 50;

/// The transactions and changes that are under way at once.
const AT_ONCE: usize = 8;

/// The arguments of `member import`.
#[derive(Args)]
pub struct Import {
    /// CSV with the header username,provider,subject,patient,state, or NDJSON with the same names
    file: PathBuf,
    /// The file for rejected rows and their reasons [default: rejected-members-<time>.ndjson here, only if there are any]
    #[arg(long, value_name = "FILE")]
    rejected: Option<PathBuf>,
    /// Count what would be done, and change nothing
    #[arg(long)]
    check: bool,
    /// Print the counts as JSON
    #[arg(long)]
    json: bool,
}

/// A row to be looked up: its line, for a rejection, and the key of its way in.
struct Waiting {
    row: Row,
    key: String,
}

impl Import {
    pub(super) async fn run(self, stack: &Stack) -> Result<Told> {
        let (auth, now) = (stack.auth(), Clock::System.now());
        let mut rows = Rows::open(&self.file, &COLUMNS, complete)?;
        let default = || PathBuf::from(format!("rejected-members-{}.ndjson", now.seconds()));
        let mut outcome = Outcome::new(self.rejected.clone().unwrap_or_else(default));
        let (mut seen, mut chunk) = (HashSet::<[u8; 16]>::new(), Vec::new());
        while let Some((line, values)) = rows.next()? {
            outcome.read += 1;
            match values.and_then(row) {
                Ok(row) => {
                    let key = row.way.key();
                    if seen.insert(short(&key)) {
                        chunk.push(Waiting { row, key });
                    } else {
                        let text = "an earlier row of this file has the same sign-in".to_owned();
                        outcome.refuse(line, &Reason { code: "repeated", text })?;
                    }
                }
                Err(reason) => outcome.refuse(line, &reason)?,
            }
            if chunk.len() == CHUNK {
                self.settle(&auth, std::mem::take(&mut chunk), &mut outcome, now).await?;
            }
        }
        self.settle(&auth, chunk, &mut outcome, now).await?;
        Ok(outcome.told(self.json))
    }

    /// Looks a chunk up and writes what is new in it.
    async fn settle(&self, auth: &Auth, chunk: Vec<Waiting>, outcome: &mut Outcome, now: Time) -> Result<()> {
        let keys: Vec<String> = chunk.iter().map(|waiting| waiting.key.clone()).collect();
        let ways = auth.get_all::<SignIn>(&keys).await?;
        let ids: Vec<String> = ways.iter().map(|way| way.record.member.clone()).collect();
        let by_key: HashMap<String, String> =
            ways.into_iter().map(|way| (way.record.way.key(), way.record.member)).collect();
        let members = auth.get_all::<Member>(&ids).await?;
        let mut by_id: HashMap<String, Stored<Member>> =
            members.into_iter().map(|member| (member.record.id.clone(), member)).collect();
        let (mut new, mut other) = (Vec::new(), Vec::new());
        for Waiting { row, key } in chunk {
            match by_key.get(&key).and_then(|id| by_id.remove(id)) {
                None => new.push(row),
                Some(found) if is_as(&found.record, &row) && !found.record.ending => outcome.unchanged += 1,
                Some(found) => other.push((found, row)),
            }
        }
        outcome.created += new.len() as u64;
        outcome.changed += other.iter().filter(|(found, row)| !is_as(&found.record, row)).count() as u64;
        outcome.unchanged += other.iter().filter(|(found, row)| is_as(&found.record, row)).count() as u64;
        if self.check {
            return Ok(());
        }
        let together: Vec<Vec<Row>> = new.chunks(TOGETHER).map(<[Row]>::to_vec).collect();
        let created = stream::iter(together).map(|rows| create(auth, rows, now)).buffer_unordered(AT_ONCE);
        created.try_collect::<Vec<()>>().await?;
        let changed = stream::iter(other).map(|(found, row)| change(auth, found, row)).buffer_unordered(AT_ONCE);
        changed.try_collect::<Vec<()>>().await?;
        Ok(())
    }
}

/// Whether a person is as a row says.
fn is_as(member: &Member, row: &Row) -> bool {
    member.patient == row.patient && member.disabled == row.disabled && !member.claimed
}

/// Makes the persons of these rows, all or none.
async fn create(auth: &Auth, rows: Vec<Row>, now: Time) -> Result<()> {
    let random = Random::system();
    let commit = rows.into_iter().fold(Commit::default(), |commit, row| {
        let (username, sign_ins): (Option<String>, Vec<Subject>) = match &row.way {
            Way::Username(name) => (Some(name.clone()), Vec::new()),
            Way::Subject(subject) => (None, vec![subject.clone()]),
        };
        let member = Member::new(row.patient.as_deref(), &random, now);
        let member = Member { username, sign_ins, disabled: row.disabled, ..member };
        commit.create(&SignIn::new(row.way, &member)).create(&member)
    });
    match auth.commit(commit).await {
        Ok(()) => Ok(()),
        Err(CommitError::Conflict) => bail!("somebody else added some of these members at this moment: run this again"),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

/// Makes a person as a row says. A run that was cut short left a mark where grants may still be alive; they are ended now.
async fn change(auth: &Auth, found: Stored<Member>, row: Row) -> Result<()> {
    if is_as(&found.record, &row) {
        end_earlier(auth, &found.record.id).await?;
    } else {
        let as_row = |member: Member| Member { patient: row.patient, claimed: false, disabled: row.disabled, ..member };
        changed(auth, &found, as_row, |commit| commit).await?;
    }
    Ok(())
}

/// The first bytes of a key, by which a repeated row is noticed: 16 bytes a row are all that is kept of a file.
fn short(key: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.iter_mut().zip(key.bytes()).for_each(|(to, from)| *to = from);
    short
}
