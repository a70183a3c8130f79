//! The ledger of a run: what a repeat must know of the tries before it, because it cannot be seen in the store. It is written before the
//! first change that the run makes, and deleted when the run is over, so a run that changes nothing writes none.

use super::rows::Writer;
use crate::store::StoreError;
use crate::store::schema::{Key, ledger, resources as attribute};
use crate::store::table::{Condition, Consistency, Item, RowQuery, SortKeys};

impl Writer {
    /// The entries of a run's ledger, each with its place in it, in the order of the places.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn ledger(&self, run: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let query = RowQuery { consistency: Consistency::Strong, ..RowQuery::new(ledger(run), SortKeys::All) };
        let rows = self.table.pages(query).all().await?;
        rows.iter().map(|row| Ok((row.key()?.sort_key().to_owned(), row.bytes(attribute::BODY)?.to_vec()))).collect()
    }

    /// Writes an entry of a run's ledger.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn enter(&self, run: &str, place: &str, entry: Vec<u8>) -> Result<(), StoreError> {
        let item = Item::from(Key::in_partition(&ledger(run), place)).with(attribute::BODY, entry);
        self.put_if(Condition::Always, item).await
    }

    /// Deletes an entry of a run's ledger.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn strike(&self, run: &str, place: &str) -> Result<(), StoreError> {
        self.delete_if(Condition::Always, Key::in_partition(&ledger(run), place)).await
    }
}
