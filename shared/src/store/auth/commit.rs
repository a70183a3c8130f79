//! A commit: several writes, each under a condition, that happen all or not at all.

use super::record::{Record, Stored, key};
use crate::store::error::StoreError;
use crate::store::schema::{PK, auth as attribute};
use crate::store::table::{Condition, Item, TransactionPart};

/// Writes that happen all or not at all.
#[derive(Default)]
pub struct Commit {
    writes: Vec<TransactionPart>,
    fault: Option<String>,
}

/// The condition that a row has this revision.
fn at(revision: u64) -> Condition {
    Condition::Is(attribute::REVISION, revision.into())
}

impl Commit {
    /// Makes a record that must not exist yet.
    #[must_use]
    pub fn create<R: Record>(self, record: &R) -> Commit {
        self.with(record, None)
    }

    /// Replaces the record that was read, unless another request changed it since.
    #[must_use]
    pub fn replace<R: Record>(self, before: &Stored<R>, after: &R) -> Commit {
        self.with(after, Some(before.revision))
    }

    /// Writes a record, whatever is there.
    #[must_use]
    pub fn put<R: Record>(self, record: &R) -> Commit {
        self.row(record, 1, Condition::Always)
    }

    /// Deletes the record that was read, unless another request changed it since.
    #[must_use]
    pub fn delete<R: Record>(mut self, record: &Stored<R>) -> Commit {
        self.writes.push(TransactionPart::Delete(key::<R>(&record.record.key()), at(record.revision)));
        self
    }

    /// Changes nothing, and demands that a record is still as it was read.
    #[must_use]
    pub fn unchanged<R: Record>(mut self, record: &Stored<R>) -> Commit {
        self.writes.push(TransactionPart::Check(key::<R>(&record.record.key()), at(record.revision)));
        self
    }

    fn with<R: Record>(self, record: &R, before: Option<u64>) -> Commit {
        self.row(record, before.unwrap_or_default() + 1, before.map_or(Condition::Lacks(PK), at))
    }

    fn row<R: Record>(mut self, record: &R, revision: u64, condition: Condition) -> Commit {
        let mut row = Item::from(key::<R>(&record.key())).with(attribute::REVISION, revision);
        match serde_json::to_string(record) {
            Ok(text) => row.set(attribute::RECORD, text),
            Err(error) => {
                self.fault = Some(error.to_string());
                return self;
            }
        }
        if let Some(end) = record.expires_at() {
            row.set(attribute::ENDS, end.seconds());
        }
        if let Some(list) = record.listed_under() {
            row.set(attribute::APP, list);
        }
        self.writes.push(TransactionPart::Put(row, condition));
        self
    }

    /// The writes. `commit` marks their rows, so that they differ from another commit's rows with the same content.
    pub(super) fn writes(mut self, commit: &str) -> Result<Vec<TransactionPart>, StoreError> {
        if let Some(fault) = self.fault {
            return Err(StoreError::Fault(fault));
        }
        for write in &mut self.writes {
            if let TransactionPart::Put(row, _) = write {
                row.set(attribute::COMMIT, commit);
            }
        }
        Ok(self.writes)
    }
}
