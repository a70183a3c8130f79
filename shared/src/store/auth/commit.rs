//! What one commit writes, and under which conditions.

use super::{Record, Stored, key};
use crate::store::StoreError;
use crate::store::table::{Condition, Write};

/// Writes that happen all or not at all.
#[derive(Default)]
pub struct Commit {
    writes: Vec<Write>,
    fault: Option<String>,
}

/// That a row has this revision.
fn at(revision: u64) -> Condition {
    Condition::Is("rev", revision.into())
}

impl Commit {
    /// Makes a record that must not exist yet.
    #[must_use]
    pub fn create<R: Record>(self, record: &R) -> Commit {
        self.with(record, None)
    }

    /// Puts a record in the place of the one that was read, if nobody changed it since.
    #[must_use]
    pub fn replace<R: Record>(self, before: &Stored<R>, after: &R) -> Commit {
        self.with(after, Some(before.revision))
    }

    /// Demands that a record is still as it was read, without changing it.
    #[must_use]
    pub fn unchanged<R: Record>(mut self, record: &Stored<R>) -> Commit {
        self.writes.push(Write::Check(key::<R>(&record.record.key()), at(record.revision)));
        self
    }

    fn with<R: Record>(mut self, record: &R, before: Option<u64>) -> Commit {
        let mut row = key::<R>(&record.key()).with("rev", before.unwrap_or_default() + 1);
        match serde_json::to_string(record) {
            Ok(text) => row.set("v", text),
            Err(error) => {
                self.fault = Some(error.to_string());
                return self;
            }
        }
        if let Some(end) = record.expires_at() {
            row.set("ttl", end.seconds());
        }
        self.writes.push(Write::Put(row, before.map_or(Condition::Lacks("pk"), at)));
        self
    }

    /// What there is to write. `commit` tells this commit's rows from another's that say the same.
    pub(super) fn writes(mut self, commit: &str) -> Result<Vec<Write>, StoreError> {
        if let Some(fault) = self.fault {
            return Err(StoreError::Fault(fault));
        }
        for write in &mut self.writes {
            if let Write::Put(row, _) = write {
                row.set("commit", commit);
            }
        }
        Ok(self.writes)
    }
}
