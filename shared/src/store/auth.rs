//! The `auth` table: clients, authorization requests, sessions, codes, grants, refresh tokens, members, throttles.
//!
//! Each is a [`Record`]: one row, kept as JSON beside its key, a revision and DynamoDB's time to live. A change commits only
//! against the revision it was made from, so two requests cannot both win. Every read is consistent, or revocation would not
//! be felt at once.

mod commit;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::commit::Commit;
pub use super::table::CommitError;

use super::table::{Consistency, Item, Query, Range, Table, Write};
use super::{Aws, StoreError};
use crate::clock::Time;
use crate::secret::Random;

/// Something that the `auth` table keeps.
pub trait Record: Serialize + DeserializeOwned {
    /// What it is, as the first part of its key.
    const KIND: &'static str;

    /// What tells it from others of its kind. A secret appears only hashed.
    fn key(&self) -> String;

    /// Where the record with that key lies: its partition among its kind, and its place there. Most are alone in theirs.
    fn place(key: &str) -> (&str, &str) {
        (key, "-")
    }

    /// When it ends. DynamoDB deletes rows days late, so whoever reads it compares the time itself.
    fn expires_at(&self) -> Option<Time>;
}

/// A record as it was read, with the revision that a change must still find.
#[derive(Clone, Debug)]
pub struct Stored<R> {
    /// The record.
    pub record: R,
    revision: u64,
}

/// The table.
#[derive(Clone)]
pub struct Auth {
    table: Table,
    random: Random,
}

const NOWHERE: &str = "the auth table holds a row that does not read";

fn key<R: Record>(key: &str) -> Item {
    let (partition, place) = R::place(key);
    row_key(R::KIND, partition, place)
}

fn row_key(kind: &str, partition: &str, place: &str) -> Item {
    Item::key(format!("{kind}#{partition}"), place)
}

/// The record with that id among the rows of a batch.
fn one<R: Record>(rows: &[Item], id: &str) -> Result<Option<Stored<R>>, StoreError> {
    let key = key::<R>(id);
    let is_it = |row: &&Item| ["pk", "sk"].iter().all(|name| row.text(name).ok() == key.text(name).ok());
    rows.iter().find(is_it).map(stored).transpose()
}

fn stored<R: Record>(item: &Item) -> Result<Stored<R>, StoreError> {
    let read = || {
        let record = serde_json::from_str(item.text("v").ok()?).ok()?;
        Some(Stored { record, revision: item.number("rev").ok()? })
    };
    read().ok_or_else(|| StoreError::Fault(format!("{NOWHERE}: {}", R::KIND)))
}

impl Auth {
    /// The table of that name.
    pub fn new(aws: &Aws, table: &str) -> Auth {
        Auth { table: Table::new(aws, table), random: Random::system() }
    }

    /// Reads one record; one unit for up to 4 KB.
    ///
    /// # Errors
    /// [`StoreError`] where the table does not answer or the row does not read.
    pub async fn get<R: Record>(&self, id: &str) -> Result<Option<Stored<R>>, StoreError> {
        let row = self.table.get(key::<R>(id), Consistency::Strong).await?;
        row.as_ref().map(stored).transpose()
    }

    /// Reads two records in one round trip.
    ///
    /// # Errors
    /// As [`Auth::get`].
    pub async fn get_both<A: Record, B: Record>(
        &self,
        a: &str,
        b: &str,
    ) -> Result<(Option<Stored<A>>, Option<Stored<B>>), StoreError> {
        let rows = self.batch(vec![key::<A>(a), key::<B>(b)]).await?;
        Ok((one(&rows, a)?, one(&rows, b)?))
    }

    /// Reads three records in one round trip.
    ///
    /// # Errors
    /// As [`Auth::get`].
    pub async fn get_three<A: Record, B: Record, C: Record>(
        &self,
        a: &str,
        b: &str,
        c: &str,
    ) -> Result<(Option<Stored<A>>, Option<Stored<B>>, Option<Stored<C>>), StoreError> {
        let rows = self.batch(vec![key::<A>(a), key::<B>(b), key::<C>(c)]).await?;
        Ok((one(&rows, a)?, one(&rows, b)?, one(&rows, c)?))
    }

    async fn batch(&self, keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        self.table.batch_get(keys, None, Consistency::Strong).await
    }

    /// Reads all records of one partition: for [`crate::access::grant::Grant`], those of one member.
    ///
    /// # Errors
    /// As [`Auth::get`].
    pub async fn list<R: Record>(&self, partition: &str) -> Result<Vec<Stored<R>>, StoreError> {
        let all = Query::new(format!("{}#{partition}", R::KIND), Range::All);
        let rows = self.table.pages(Query { consistency: Consistency::Strong, ..all }).await?;
        rows.iter().map(stored).collect()
    }

    /// Every record of a kind, for the operator's command. It reads the whole table: no function may, and none calls it.
    ///
    /// # Errors
    /// As [`Auth::get`].
    pub async fn scan<R: Record>(&self) -> Result<Vec<Stored<R>>, StoreError> {
        self.table.scan(&format!("{}#", R::KIND)).await?.iter().map(stored).collect()
    }

    /// Adds to a counter that lasts until `ends`, and tells what it comes to: one atomic step, so that none of many at once
    /// is lost.
    ///
    /// # Errors
    /// [`StoreError`] where the table does not answer.
    pub async fn count(&self, id: &str, amount: i64, ends: Time) -> Result<i64, StoreError> {
        self.table.add(row_key("count", id, "-"), "n", amount, ends).await
    }

    /// Writes a [`Commit`]: all or nothing.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] where a record is not as it was read; [`CommitError::Store`] where the table fails.
    pub async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        match <[Write; 1]>::try_from(commit.writes(&self.random.identifier())?) {
            // One row needs no transaction, which would cost twice.
            Ok([Write::Put(row, condition)]) => self.table.put_own(row, condition).await,
            Ok([check]) => self.table.transact(vec![check]).await,
            Err(writes) => self.table.transact(writes).await,
        }
    }
}
