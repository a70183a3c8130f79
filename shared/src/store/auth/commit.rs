//! What one commit writes, and under which conditions.

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Put};

use super::{Record, Row, Stored, key};
use crate::store::StoreError;

/// Writes that happen all or not at all.
#[derive(Default)]
pub struct Commit {
    parts: Vec<Part>,
    fault: Option<String>,
}

enum Part {
    /// A row to write, where there is none yet or where the one there has this revision.
    Put { row: Row, before: Option<u64> },
    /// The key of a row that must have this revision, and stays as it is.
    Check { key: Row, revision: u64 },
}

/// A part as DynamoDB takes it.
pub(super) enum Write {
    Put(Put),
    Check(ConditionCheck),
}

/// The condition that a row has the revision `:rev`.
const AT_REVISION: &str = "rev = :rev";

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
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
        self.parts.push(Part::Check { key: key::<R>(&record.record.key()), revision: record.revision });
        self
    }

    fn with<R: Record>(mut self, record: &R, before: Option<u64>) -> Commit {
        let mut row = key::<R>(&record.key());
        row.insert("rev".to_owned(), number(before.unwrap_or_default() + 1));
        match serde_json::to_string(record) {
            Ok(text) => row.insert("v".to_owned(), AttributeValue::S(text)),
            Err(error) => {
                self.fault = Some(error.to_string());
                return self;
            }
        };
        if let Some(end) = record.expires_at() {
            row.insert("ttl".to_owned(), AttributeValue::N(end.seconds().to_string()));
        }
        self.parts.push(Part::Put { row, before });
        self
    }

    /// What there is to write. `commit` tells this commit's rows from another's that say the same.
    pub(super) fn writes(self, table: &str, commit: &str) -> Result<Vec<Write>, StoreError> {
        match self.fault {
            Some(fault) => Err(StoreError::Fault(fault)),
            None => self.parts.into_iter().map(|part| part.write(table, commit)).collect(),
        }
    }
}

impl Part {
    fn write(self, table: &str, commit: &str) -> Result<Write, StoreError> {
        let write = match self {
            Part::Check { key, revision } => ConditionCheck::builder()
                .table_name(table)
                .set_key(Some(key))
                .condition_expression(AT_REVISION)
                .expression_attribute_values(":rev", number(revision))
                .build()
                .map(Write::Check),
            Part::Put { mut row, before } => {
                row.insert("commit".to_owned(), AttributeValue::S(commit.to_owned()));
                let put = Put::builder().table_name(table).set_item(Some(row));
                let put = match before {
                    None => put.condition_expression("attribute_not_exists(pk)"),
                    Some(before) => {
                        put.condition_expression(AT_REVISION).expression_attribute_values(":rev", number(before))
                    }
                };
                put.build().map(Write::Put)
            }
        };
        write.map_err(|error| StoreError::Fault(error.to_string()))
    }
}
