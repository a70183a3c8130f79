//! `patient-access delegation import`: many delegations from a file. A row that says what is there already writes nothing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use clap::Args;
use serde_json::{Map, Value as Json, json};
use shared::access::delegation::{self, Delegation, Standing};
use shared::clock::{Clock, Time};
use shared::oauth::member::Member;
use shared::oauth::sign_in::SignIn;

use super::ages::day;
use super::related;
use super::terms::{Terms, create, full_name, member_id, relation, standing_one, text};
use crate::call::WrongCall;
use crate::member::{Named, fields};
use crate::stack::{Stack, private_file};
use crate::told::Told;

/// The columns, by their names.
const COLUMNS: [&str; 10] =
    ["for", "username", "provider", "subject", "as", "ground", "said_by", "from", "until", "name"];

/// The rows that are written together.
const CHUNK: usize = 200;

/// No row is longer, in bytes.
const LONGEST: u64 = 64 * 1024;

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

/// The counts of a run: `read` is the sum of the others.
#[derive(Default)]
struct Counts {
    read: u64,
    created: u64,
    changed: u64,
    unchanged: u64,
    reasons: BTreeMap<&'static str, u64>,
}

/// The rejected rows. They name people, so only their owner may read the file.
struct Rejections {
    path: PathBuf,
    file: Option<File>,
}

/// A row that says something new: the delegation as it will be, and whether it is there in another form.
struct New {
    delegation: Delegation,
    is_there: bool,
    patient: Json,
    own: Option<Json>,
}

/// A reason for which a row is refused: its code and a text.
type Refused = (&'static str, String);

/// The form of a file, which its first line tells.
enum Form {
    Ndjson,
    Csv(Vec<usize>),
}

impl Import {
    pub(super) async fn run(self, stack: &Stack) -> Result<Told> {
        let now = Clock::System.now();
        let file = File::open(&self.file)
            .map_err(|error| WrongCall(format!("{} cannot be read: {error}", self.file.display())))?;
        let mut lines = Lines { reader: BufReader::new(file), path: &self.file, number: 0 };
        let first = lines.next()?.ok_or_else(|| WrongCall(format!("{} is empty", self.file.display())))?;
        let form = Form::of(&first).map_err(|error| WrongCall(format!("{}: {error}", self.file.display())))?;
        let default = || PathBuf::from(format!("rejected-delegations-{}.ndjson", now.seconds()));
        let mut rejections = Rejections { path: self.rejected.clone().unwrap_or_else(default), file: None };
        let (mut counts, mut seen, mut new) = (Counts::default(), HashSet::new(), Vec::new());
        let mut line = if matches!(form, Form::Ndjson) { Some(first) } else { lines.next()? };
        while let Some(text) = line {
            if !text.trim().is_empty() {
                counts.read += 1;
                match self.row(stack, &form, &text, &mut seen, now).await? {
                    Ok(Some(row)) if row.is_there => {
                        counts.changed += 1;
                        new.push(row);
                    }
                    Ok(Some(row)) => {
                        counts.created += 1;
                        new.push(row);
                    }
                    Ok(None) => counts.unchanged += 1,
                    Err(refused) => {
                        *counts.reasons.entry(refused.0).or_default() += 1;
                        rejections.add(lines.number, &refused)?;
                    }
                }
            }
            if new.len() == CHUNK {
                self.write(stack, std::mem::take(&mut new), now).await?;
            }
            line = lines.next()?;
        }
        self.write(stack, new, now).await?;
        Ok(counts.told(rejections, self.json))
    }

    /// Reads a row and looks up what it is about: `None` where it says what is there.
    async fn row(
        &self,
        stack: &Stack,
        form: &Form,
        line: &str,
        seen: &mut HashSet<(String, String)>,
        now: Time,
    ) -> Result<Result<Option<New>, Refused>> {
        let (named, terms) = match form.values(line).and_then(|values| terms(&values)) {
            Ok(read) => read,
            Err(refused) => return Ok(Err(refused)),
        };
        let (auth, writer) = (stack.auth(), stack.writer()?);
        let way = named.way().map(|way| way.key()).unwrap_or_default();
        let person = match auth.get::<SignIn>(&way).await? {
            Some(way) => auth.get::<Member>(&way.record.member).await?,
            None => None,
        };
        let Some(person) = person.map(|person| person.record) else {
            return Ok(Err(("no-person", format!("there is no such member: {named}"))));
        };
        if !seen.insert((person.id.clone(), terms.patient.clone())) {
            let text = "an earlier row of this file has the same person and the same member".to_owned();
            return Ok(Err(("repeated", text)));
        }
        let ids: Vec<String> = [Some(terms.patient.clone()), person.patient.clone()].into_iter().flatten().collect();
        let mut known: HashMap<String, Json> = writer.patients(&ids).await?;
        let Some(patient) = known.get(&terms.patient).cloned() else {
            return Ok(Err(("no-patient", format!("there is no Patient/{} here", terms.patient))));
        };
        let own = person.patient.as_ref().and_then(|own| known.remove(own));
        let before = standing_one(&auth, &person.id, &terms.patient, now).await?;
        if before.as_ref().is_some_and(|before| terms.are_of(before)) {
            return Ok(Ok(None));
        }
        if before.as_ref().is_some_and(|before| before.standing == Standing::Suspended) {
            let text = "the plan suspended it: `delegation resume` or `delegation end` comes first".to_owned();
            return Ok(Err(("suspended", text)));
        }
        let made = terms.delegation(stack, &person, (&patient, own.as_ref()), before.as_ref(), now);
        Ok(match made {
            Ok(delegation) => Ok(Some(New { delegation, is_there: before.is_some(), patient, own })),
            Err(error) => Err(("terms", format!("{error:#}"))),
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
fn terms(values: &[String; 10]) -> Result<(Named, Terms), Refused> {
    let wrong = |code: &'static str| move |error: WrongCall| (code, error.to_string());
    let [patient, username, provider, subject, acts_as, ground, said_by, from, until, name] = values;
    let some = |text: &String| Some(text.clone()).filter(|text| !text.trim().is_empty());
    let named = match (some(username), some(provider), some(subject)) {
        (Some(name), None, None) => Named { username: Some(name), ..Named::default() },
        (None, Some(provider), Some(subject)) => {
            Named { provider: Some(provider), subject: Some(subject), ..Named::default() }
        }
        _ => return Err(("no-sign-in", "a row names a username, or a provider and a subject".to_owned())),
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

impl Form {
    fn of(first: &str) -> Result<Form> {
        let first = first.trim_start_matches('\u{feff}');
        if first.trim_start().starts_with('{') {
            return Ok(Form::Ndjson);
        }
        let header = fields(first).context("the header is no CSV")?;
        let mut places = Vec::new();
        for name in &header {
            let place = COLUMNS.iter().position(|column| *column == name.trim());
            let place = place.filter(|place| !places.contains(place));
            places.push(place.ok_or_else(|| {
                anyhow!(
                    "the header names `{name}`, which is no column or is there twice; the columns are {}",
                    COLUMNS.join(",")
                )
            })?);
        }
        let missing: Vec<&str> =
            [0, 4, 5, 6].into_iter().filter(|place| !places.contains(place)).map(|place| COLUMNS[place]).collect();
        if !missing.is_empty() {
            return Err(anyhow!("the header lacks {}; the columns are {}", missing.join(", "), COLUMNS.join(",")));
        }
        Ok(Form::Csv(places))
    }

    fn values(&self, line: &str) -> Result<[String; 10], Refused> {
        let mut values = <[String; 10]>::default();
        match self {
            Form::Csv(places) => {
                let row = fields(line).filter(|row| row.len() == places.len());
                let row = row.ok_or_else(|| ("malformed", format!("a row has {} fields", places.len())))?;
                for (place, value) in places.iter().zip(row) {
                    values[*place] = value;
                }
            }
            Form::Ndjson => {
                let row = serde_json::from_str::<Map<String, Json>>(line);
                let row = row.map_err(|_| ("malformed", "a row is one JSON object".to_owned()))?;
                for (name, value) in row {
                    let place = COLUMNS.iter().position(|column| *column == name);
                    let (Some(place), true) = (place, value.is_string() || value.is_null()) else {
                        let text =
                            format!("`{name}` is no property of a row, or no text; they are {}", COLUMNS.join(", "));
                        return Err(("malformed", text));
                    };
                    value.as_str().unwrap_or_default().clone_into(&mut values[place]);
                }
            }
        }
        Ok(values)
    }
}

/// The lines of a file, with the number of the last one that was read.
struct Lines<'a> {
    reader: BufReader<File>,
    path: &'a Path,
    number: u64,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<Option<String>> {
        let mut text = Vec::new();
        let mut limited = Read::take(&mut self.reader, LONGEST);
        let count =
            limited.read_until(b'\n', &mut text).with_context(|| format!("{} cannot be read", self.path.display()))?;
        self.number += 1;
        if count as u64 == LONGEST {
            return Err(anyhow!("{}: line {} has more than {LONGEST} bytes", self.path.display(), self.number));
        }
        // A row that is no UTF-8 is refused as a whole.
        let text = String::from_utf8(text).unwrap_or_else(|_| "\u{0}".to_owned());
        Ok((count > 0).then(|| text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

impl Rejections {
    fn add(&mut self, line: u64, (code, reason): &Refused) -> Result<()> {
        let path = &self.path;
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(private_file(path).with_context(|| format!("cannot write {}", path.display()))?),
        };
        let told = json!({"line": line, "code": code, "reason": reason});
        writeln!(file, "{told}").with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Counts {
    fn told(self, rejections: Rejections, json: bool) -> Told {
        let Counts { read, created, changed, unchanged, reasons } = self;
        let rejected: u64 = reasons.values().sum();
        let file = rejections.file.map(|_| rejections.path);
        let text = if json {
            let told = json!({"read": read, "created": created, "changed": changed, "unchanged": unchanged, "rejected": rejected,
                "reasons": reasons, "rejected_file": file});
            format!("{told}\n")
        } else {
            let counts = format!(
                "read {read}: created {created}, changed {changed}, unchanged {unchanged}, rejected {rejected}\n"
            );
            counts + &file.map(|file| format!("the rejected rows: {}\n", file.display())).unwrap_or_default()
        };
        Told { text, refused: rejected > 0 }
    }
}
