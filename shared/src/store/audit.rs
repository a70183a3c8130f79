//! The `audit` table: append only. Functions may put rows and nothing else; a row is never written over.

use super::table::{CommitError, Condition, Item, Table};
use super::{Aws, StoreError};

/// One record.
#[derive(Debug, Default)]
pub struct AuditRecord {
    /// Whose record was touched, as `Patient/<id>`; `user/<name>` where no member is known yet.
    pub subject: String,
    /// When, as a FHIR instant.
    pub time: String,
    /// API Gateway's id of the request.
    pub request_id: String,
    /// What was done: `read`, `search`, `everything`, `sign-in`, `consent`, `token`, …
    pub action: &'static str,
    /// How it ended: `ok`, `linked`, `not-modified`, or an error's name.
    pub outcome: &'static str,
    /// From where.
    pub source_ip: String,
    /// By which app.
    pub client: String,
    /// Under which grant.
    pub grant: String,
    /// The path and query.
    pub query: String,
    /// What was given out (see [`crate::audit`]).
    pub ids: String,
}

/// The table.
#[derive(Clone)]
pub struct AuditTable {
    table: Table,
}

impl AuditTable {
    /// The table of that name.
    pub fn new(aws: &Aws, table: &str) -> AuditTable {
        AuditTable { table: Table::new(aws, table) }
    }

    /// Appends one entry: partition `pk` is the member, `sk` the moment and the request.
    ///
    /// # Errors
    /// [`StoreError`] where the row is not surely written.
    pub async fn append(&self, entry: &AuditRecord) -> Result<(), StoreError> {
        let mut item = Item::key(entry.subject.as_str(), format!("{}#{}", entry.time, entry.request_id))
            .with("action", entry.action)
            .with("outcome", entry.outcome)
            .with("ip", entry.source_ip.as_str());
        for (name, value) in
            [("client", &entry.client), ("grant", &entry.grant), ("query", &entry.query), ("ids", &entry.ids)]
        {
            if !value.is_empty() {
                item.set(name, value.as_str());
            }
        }
        match self.table.put_own(item, Condition::Lacks("pk")).await {
            Ok(()) => Ok(()),
            Err(CommitError::Conflict) => {
                Err(StoreError::Fault("an audit record of this request is there already".into()))
            }
            Err(CommitError::Store(error)) => Err(error),
        }
    }
}
