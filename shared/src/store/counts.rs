//! The counted answers: for each member, app and year, the first two answers that gave the app data of the member's. CMS's yearly
//! report (42 CFR 422.119(f)) asks for no more: how many members, and how many of them more than once.
//!
//! A row names the audit records that it counted. So the same answer may be counted any number of times, in any order, and makes no
//! difference; and the count can be compared with the audit, record by record.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::future::try_join_all;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use super::audit::AuditRow;
use super::auth::Record;
use super::aws::Aws;
use super::error::StoreError;
use super::schema::{Key, PARTS, PK, auth as attribute, counted};
use super::table::{Attribute, CommitError, Condition, Consistency, Item, RowQuery, SortKeys, Table};
use crate::clock::Time;
use crate::config::{self, AuthTableName, StartError};

/// How many rows are written at once.
const AT_ONCE: usize = 16;

/// Which member got data in which app.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counted {
    /// The member: a Patient id.
    pub patient: String,
    /// The app.
    pub client: String,
}

/// The answers that are counted for one member and app in a year, each by the sort key of its audit record.
#[derive(Clone, PartialEq, Eq)]
pub struct Answers {
    /// The first that was counted.
    pub once: String,
    /// A second one.
    pub again: Option<String>,
}

/// A member whom the plan made up to try the API with: answers with their data are not reported. The mark may come after the answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Synthetic {
    /// The member: a Patient id.
    pub patient: String,
    /// Whether the mark stands. Taking it back leaves the record: who marked whom, and when, stays known.
    pub stands: bool,
    /// When the mark was set or taken back.
    pub changed_at: Time,
}

impl Synthetic {
    /// The partition of all marks.
    pub const ALL: &'static str = "all";
}

impl Record for Synthetic {
    const KIND: &'static str = "synthetic";

    fn key(&self) -> String {
        self.patient.clone()
    }

    fn place(patient: &str) -> (&str, &str) {
        (Synthetic::ALL, patient)
    }

    fn expires_at(&self) -> Option<Time> {
        None
    }
}

/// The rows of the `auth` table that hold the count.
#[derive(Clone)]
pub struct Counts {
    table: Table,
}

impl Counts {
    /// In the table that the function's environment names.
    ///
    /// # Errors
    /// [`ConfigError`](config::ConfigError) where it names none.
    pub async fn from_environment() -> Result<Counts, StartError> {
        let table: AuthTableName = config::from_environment()?;
        Ok(Counts::new(&Aws::from_environment().await?, &table))
    }

    /// In the table of that name.
    pub fn new(aws: &Aws, auth_table: &str) -> Counts {
        Counts { table: Table::new(aws, auth_table) }
    }

    /// Counts answers. It writes at most twice for each member, app and year, however often it is called: once where an answer is the
    /// first, and once where one is the second.
    ///
    /// # Errors
    /// [`StoreError`]; what was counted until then stays counted, and the same call may be repeated.
    pub async fn add(&self, rows: &[AuditRow]) -> Result<(), StoreError> {
        let mut answers = BTreeMap::<(&str, &str, &str), BTreeSet<&str>>::new();
        for row in rows.iter().filter(|row| row.counts()) {
            if let Some(patient) = row.patient() {
                answers.entry((row.year(), patient, row.client())).or_default().insert(row.sort_key());
            }
        }
        let key = |(year, patient, client): (&str, &str, &str)| Key::counted(year, patient, client);
        let keys = answers.keys().map(|of| key(*of)).collect();
        let mut known = HashMap::new();
        for item in self.table.batch_get(keys, None, Consistency::Strong).await? {
            known.insert(item.key()?, counted_in(&item)?);
        }
        let counting = answers.iter().map(|(of, answers)| {
            let key = key(*of);
            let known = known.remove(&key);
            self.count(key, known, answers)
        });
        stream::iter(counting).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// Counts answers of one member, app and year, of which `known` are counted already.
    async fn count(&self, key: Key, known: Option<Answers>, answers: &BTreeSet<&str>) -> Result<(), StoreError> {
        let known = match known {
            Some(known) => known,
            None => match self.begin(key.clone(), answers).await? {
                Some(known) => known,
                None => return Ok(()),
            },
        };
        let second = answers.iter().find(|answer| **answer != known.once);
        let (None, Some(second)) = (known.again, second) else { return Ok(()) };
        let second = Some(Attribute::from(*second));
        match self.table.set(key, [(attribute::AGAIN, second)], Condition::Lacks(attribute::AGAIN)).await {
            // Either this answer was counted by a try whose answer was lost, or somebody else counted another: two are enough.
            Ok(()) | Err(CommitError::Conflict) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// Writes the row with the first two of these answers. Returns what is counted where somebody else was faster.
    async fn begin(&self, key: Key, answers: &BTreeSet<&str>) -> Result<Option<Answers>, StoreError> {
        let mut item = Item::from(key.clone());
        for (name, answer) in [attribute::ONCE, attribute::AGAIN].into_iter().zip(answers) {
            item.set(name, *answer);
        }
        match self.table.put_own(item, Condition::Lacks(PK)).await {
            Ok(()) => Ok(None),
            Err(CommitError::Store(error)) => Err(error),
            Err(CommitError::Conflict) => {
                let row = self.table.get(key.clone(), Consistency::Strong).await?;
                Ok(Some(counted_in(&row.ok_or_else(|| unreadable(&key))?)?))
            }
        }
    }

    /// The counted answers of a year, by member and app.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn of_year(&self, year: &str) -> Result<BTreeMap<Counted, Answers>, StoreError> {
        let part = async |part: &&str| {
            let all = RowQuery::new(counted(year, part), SortKeys::All);
            self.table.pages(RowQuery { consistency: Consistency::Strong, ..all }).all().await
        };
        let mut found = BTreeMap::new();
        for item in try_join_all(PARTS.iter().map(part)).await?.into_iter().flatten() {
            let key = item.key()?;
            let (patient, client) = key.sort_key().split_once('#').ok_or_else(|| unreadable(&key))?;
            let counted = Counted { patient: patient.to_owned(), client: client.to_owned() };
            found.insert(counted, counted_in(&item)?);
        }
        Ok(found)
    }
}

fn counted_in(item: &Item) -> Result<Answers, StoreError> {
    let again = item.has(attribute::AGAIN).then(|| item.text(attribute::AGAIN)).transpose()?;
    Ok(Answers { once: item.text(attribute::ONCE)?.to_owned(), again: again.map(str::to_owned) })
}

fn unreadable(key: &Key) -> StoreError {
    StoreError::Fault(format!("the auth table holds counted answers under {}, which does not read", key.partition()))
}
