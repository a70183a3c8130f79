//! Rows that tell of changes: receipts in members' records, and the moments at which shared resources changed.

use super::change::Change;
use super::rows::Writer;
use crate::clock::Time;
use crate::store::StoreError;
use crate::store::schema::{Key, PK};
use crate::store::table::{CommitError, Condition};

impl Writer {
    /// Notes that shared resources changed at this moment, so that a search for news looks at the shared resources.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn announce(&self, now: Time) -> Result<(), StoreError> {
        match self.table.put(Key::shared_news(now).into(), Condition::Lacks(PK)).await {
            Ok(()) | Err(CommitError::Conflict) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// Writes a receipt into the member's record. It has no home, because no feed can name it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn receive(&self, owner: &str, receipt: Change, now: Time) -> Result<(), StoreError> {
        debug_assert!(receipt.partitions().all(|partition| partition.owner() == Some(owner)));
        for copy in &receipt.copies {
            match self.put_copy(&receipt, copy, None, 1, now).await {
                // It is there: an earlier try wrote it, and its answer was lost.
                Ok(()) | Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(error),
            }
        }
        Ok(())
    }
}
