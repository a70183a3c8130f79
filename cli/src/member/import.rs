//! `patient-access member import`: ties many sign-ins to records.
//!
//! A chunk of rows is read, looked up in two round trips, and written: new persons together in transactions, changed ones one by
//! one, because each change ends that person's grants. A row that says what is there already writes nothing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value as Json, json};
use shared::clock::{Clock, Time};
use shared::oauth::member::{Member, Subject};
use shared::oauth::sign_in::{SignIn, Way};
use shared::secret::Random;
use shared::store::auth::{Auth, Commit, CommitError, Stored};

use super::row::{Form, Reason, Row};
use super::{changed, end_earlier, line};
use crate::call::WrongCall;
use crate::stack::{Stack, private_file};
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

/// The counts of a run: `read` is the sum of the others.
#[derive(Debug, Default)]
pub struct Imported {
    read: u64,
    created: u64,
    changed: u64,
    unchanged: u64,
    reasons: BTreeMap<&'static str, u64>,
    rejected_file: Option<PathBuf>,
    json: bool,
}

/// The rejected rows. They name people, so only their owner may read the file.
struct Rejections {
    path: PathBuf,
    file: Option<File>,
}

/// A row to be looked up: its line, for a rejection, and the key of its way in.
struct Waiting {
    row: Row,
    key: String,
}

impl Import {
    pub(super) async fn run(self, stack: &Stack) -> Result<Imported> {
        let (auth, now) = (stack.auth(), Clock::System.now());
        let file = File::open(&self.file)
            .map_err(|error| WrongCall(format!("{} cannot be read: {error}", self.file.display())))?;
        let mut lines = Lines::of(file, &self.file);
        let Some((first, _)) = lines.next()? else { bail!(WrongCall(format!("{} is empty", self.file.display()))) };
        let wrong = |error| WrongCall(format!("{}: {error}", self.file.display()));
        let (form, first_is_row) = Form::of(&first).map_err(wrong)?;
        let default = || PathBuf::from(format!("rejected-members-{}.ndjson", now.seconds()));
        let mut rejections = Rejections { path: self.rejected.clone().unwrap_or_else(default), file: None };
        let mut counts = Imported { json: self.json, ..Imported::default() };
        let (mut seen, mut chunk) = (HashSet::<[u8; 16]>::new(), Vec::new());
        let mut next = if first_is_row { Some((first, 1)) } else { lines.next()? };
        while let Some((text, number)) = next {
            if !text.trim().is_empty() {
                counts.read += 1;
                match form.row(&text) {
                    Ok(row) => {
                        let key = row.way.key();
                        if seen.insert(short(&key)) {
                            chunk.push(Waiting { row, key });
                        } else {
                            let text = "an earlier row of this file has the same sign-in".to_owned();
                            rejections.add(number, &Reason { code: "repeated", text }, &mut counts)?;
                        }
                    }
                    Err(reason) => rejections.add(number, &reason, &mut counts)?,
                }
            }
            if chunk.len() == CHUNK {
                self.settle(&auth, std::mem::take(&mut chunk), &mut counts, now).await?;
            }
            next = lines.next()?;
        }
        self.settle(&auth, chunk, &mut counts, now).await?;
        counts.rejected_file = rejections.file.map(|_| rejections.path);
        Ok(counts)
    }

    /// Looks a chunk up and writes what is new in it.
    async fn settle(&self, auth: &Auth, chunk: Vec<Waiting>, counts: &mut Imported, now: Time) -> Result<()> {
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
                Some(found) if is_as(&found.record, &row) && !found.record.ending => counts.unchanged += 1,
                Some(found) => other.push((found, row)),
            }
        }
        counts.created += new.len() as u64;
        counts.changed += other.iter().filter(|(found, row)| !is_as(&found.record, row)).count() as u64;
        counts.unchanged += other.iter().filter(|(found, row)| is_as(&found.record, row)).count() as u64;
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

/// The lines of a file, with their numbers.
struct Lines {
    reader: BufReader<File>,
    name: String,
    number: u64,
}

impl Lines {
    fn of(file: File, path: &Path) -> Lines {
        Lines { reader: BufReader::new(file), name: path.display().to_string(), number: 0 }
    }

    fn next(&mut self) -> Result<Option<(String, u64)>> {
        /// No row is longer, in bytes.
        const LONGEST: u64 = 64 * 1024;
        let mut text = Vec::new();
        let mut limited = std::io::Read::take(&mut self.reader, LONGEST);
        let count = limited.read_until(b'\n', &mut text).with_context(|| format!("{} cannot be read", self.name))?;
        self.number += 1;
        if count == 0 {
            return Ok(None);
        }
        if count as u64 == LONGEST {
            bail!("{}: line {} has more than {LONGEST} bytes", self.name, self.number);
        }
        // A row that is no UTF-8 is refused as a whole: the sign that stands for bad bytes is in no name.
        let text = String::from_utf8(text).unwrap_or_else(|_| "\u{0}".to_owned());
        Ok(Some((text.trim_end_matches(['\r', '\n']).to_owned(), self.number)))
    }
}

impl Rejections {
    fn add(&mut self, line: u64, reason: &Reason, counts: &mut Imported) -> Result<()> {
        *counts.reasons.entry(reason.code).or_default() += 1;
        let path = &self.path;
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(private_file(path).with_context(|| format!("cannot write {}", path.display()))?),
        };
        let told = json!({"line": line, "code": reason.code, "reason": reason.text});
        writeln!(file, "{told}").with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Imported {
    /// As a command tells it.
    pub fn told(self) -> Told {
        let rejected: u64 = self.reasons.values().sum();
        let text = if self.json {
            line(&self.to_json())
        } else {
            let Imported { read, created, changed, unchanged, .. } = &self;
            let file = self.rejected_file.as_ref().map(|file| format!("the rejected rows: {}\n", file.display()));
            let counts = format!(
                "read {read}: created {created}, changed {changed}, unchanged {unchanged}, rejected {rejected}\n"
            );
            counts + &file.unwrap_or_default()
        };
        Told { text, refused: rejected > 0 }
    }

    fn to_json(&self) -> Json {
        let Imported { read, created, changed, unchanged, reasons, rejected_file, .. } = self;
        let rejected: u64 = reasons.values().sum();
        json!({"read": read, "created": created, "changed": changed, "unchanged": unchanged, "rejected": rejected,
            "reasons": reasons, "rejected_file": rejected_file})
    }
}
