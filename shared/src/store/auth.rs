//! The `auth` table: clients, authorization requests, sessions, codes, grants, refresh tokens, members, throttles.
//!
//! Each is a [`Record`]: one row with the JSON, a revision and DynamoDB's time to live. A change commits only against the revision
//! that it was made from, so that two requests cannot both win. Every read is consistent, so that a revocation takes effect with the
//! next request.

mod commit;
mod record;

use std::marker::PhantomData;

pub use commit::Commit;
pub use record::{Record, Stored};

pub use super::table::CommitError;

use record::{key, one, stored};

use super::aws::Aws;
use super::error::StoreError;
use super::schema::{self, Key, auth as attribute};
use super::table::{Consistency, Item, Pages, RowQuery, SortKeys, Table, TransactionPart};
use crate::bounds::BATCH_KEYS;
use crate::clock::Time;
use crate::secret::Random;

/// The records of one list, page by page.
pub struct Listed<'a, R> {
    auth: &'a Auth,
    pages: Pages<'a>,
    of: PhantomData<R>,
}

impl<R: Record> Listed<'_, R> {
    /// Reads the next page, at most a hundred records; `None` after the last.
    ///
    /// # Errors
    /// As [`Auth::get`].
    pub async fn next(&mut self) -> Result<Option<Vec<Stored<R>>>, StoreError> {
        let Some(rows) = self.pages.next().await? else { return Ok(None) };
        let keys = rows.iter().map(Item::key).collect::<Result<_, _>>()?;
        self.auth.batch(keys).await?.iter().map(stored).collect::<Result<_, _>>().map(Some)
    }
}

/// The table.
#[derive(Clone)]
pub struct Auth {
    table: Table,
    random: Random,
}

impl Auth {
    /// The table of that name.
    pub fn new(aws: &Aws, table: &str) -> Auth {
        Auth { table: Table::new(aws, table), random: Random::system() }
    }

    /// Reads one record, at one read unit for each 4 KB.
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

    async fn batch(&self, keys: Vec<Key>) -> Result<Vec<Item>, StoreError> {
        self.table.batch_get(keys, None, Consistency::Strong).await
    }

    /// Reads all records of one partition. The partition of a [`crate::access::grant::Grant`] is that of its member's grants.
    ///
    /// # Errors
    /// As [`Auth::get`].
    pub async fn list<R: Record>(&self, partition: &str) -> Result<Vec<Stored<R>>, StoreError> {
        let all = RowQuery::new(schema::records(R::KIND, partition), SortKeys::All);
        let rows = self.table.pages(RowQuery { consistency: Consistency::Strong, ..all }).all().await?;
        rows.iter().map(stored).collect()
    }

    /// Reads every record of a kind, for the operator's command alone: it reads the whole table, and no function may do that.
    ///
    /// # Errors
    /// As [`Auth::get`].
    pub async fn scan<R: Record>(&self) -> Result<Vec<Stored<R>>, StoreError> {
        self.table.scan(&schema::records(R::KIND, "")).all().await?.iter().map(stored).collect()
    }

    /// The records of a kind that the index `by-app` has in a list, for the operator's command alone. It may miss those of the last
    /// moments.
    pub fn listed<R: Record>(&self, list: &str) -> Listed<'_, R> {
        let keys = RowQuery::new(list, SortKeys::Under(schema::records(R::KIND, "")));
        let pages = self.table.pages(RowQuery { index: Some(schema::BY_APP), limit: Some(BATCH_KEYS), ..keys });
        Listed { auth: self, pages, of: PhantomData }
    }

    /// Gives every record of a kind to `each`, page by page, for the operator's command alone.
    ///
    /// # Errors
    /// As [`Auth::get`].
    pub async fn scan_each<R: Record>(&self, mut each: impl FnMut(R)) -> Result<(), StoreError> {
        let prefix = schema::records(R::KIND, "");
        let mut pages = self.table.scan(&prefix);
        while let Some(rows) = pages.next().await? {
            for row in &rows {
                each(stored::<R>(row)?.record);
            }
        }
        Ok(())
    }

    /// Reads those of the records that are there, a hundred in one round trip.
    ///
    /// # Errors
    /// As [`Auth::get`].
    pub async fn get_all<R: Record>(&self, ids: &[String]) -> Result<Vec<Stored<R>>, StoreError> {
        self.batch(ids.iter().map(|id| key::<R>(id)).collect()).await?.iter().map(stored).collect()
    }

    /// The counters whose ids begin so, for the operator's command alone.
    ///
    /// # Errors
    /// As [`Auth::get`].
    pub async fn counts(&self, beginning: &str) -> Result<Vec<(String, i64)>, StoreError> {
        let prefix = schema::counters("");
        let rows = self.table.scan(&schema::counters(beginning)).all().await?;
        let read = |row: &Item| {
            let key = row.key()?;
            let id = key.partition().strip_prefix(&prefix).unwrap_or_default().to_owned();
            Ok((id, row.number(attribute::COUNT)?))
        };
        rows.iter().map(read).collect()
    }

    /// The sum of a counter.
    ///
    /// # Errors
    /// As [`Auth::get`].
    pub async fn counted(&self, id: &str) -> Result<i64, StoreError> {
        let row = self.table.get(Key::counter(id), Consistency::Strong).await?;
        row.map_or(Ok(0), |row| row.number(attribute::COUNT))
    }

    /// Adds to a counter that lasts until `ends`, and gives the sum. It is one atomic step, so that none of many additions at once is
    /// lost.
    ///
    /// # Errors
    /// [`StoreError`] where the table does not answer.
    pub async fn count(&self, id: &str, amount: i64, ends: Time) -> Result<i64, StoreError> {
        self.table.add(Key::counter(id), attribute::COUNT, amount, ends).await
    }

    /// Makes all writes of a [`Commit`], or none.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] where a record is not as it was read; [`CommitError::Store`] where the table fails.
    pub async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        match <[TransactionPart; 1]>::try_from(commit.writes(&self.random.identifier())?) {
            Err(writes) if writes.is_empty() => Ok(()),
            // One row needs no transaction. A transaction would cost twice as much.
            Ok([TransactionPart::Put(row, condition)]) => self.table.put_own(row, condition).await,
            Ok([check]) => self.table.transact(vec![check]).await,
            Err(writes) => self.table.transact(writes).await,
        }
    }
}
