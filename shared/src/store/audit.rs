//! The `audit` table is append only: functions may put rows and do nothing else with it, and no row is ever replaced.

use super::aws::Aws;
use super::error::StoreError;
use super::schema::{Key, PK, audit as attribute};
use super::table::{CommitError, Condition, Item, Table};

/// One audit record.
#[derive(Debug, Default)]
pub struct AuditRecord {
    /// The member whose record was touched, as `Patient/<id>`; `user/<name>` where no member is known yet.
    pub subject: String,
    /// The moment, as a FHIR instant.
    pub time: String,
    /// API Gateway's id of the request.
    pub request_id: String,
    /// The action: `read`, `search`, `everything`, `sign-in`, `consent`, `token`, …
    pub action: &'static str,
    /// The outcome: `ok`, `linked`, `not-modified`, or an error's name.
    pub outcome: &'static str,
    /// The caller's address.
    pub source_ip: String,
    /// The app; empty where there is none.
    pub client: String,
    /// The grant; empty where there is none.
    pub grant: String,
    /// The path and query of a data request.
    pub query: String,
    /// The resources that were given out (see [`crate::audit`]).
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

    /// Appends one record.
    ///
    /// # Errors
    /// [`StoreError`] where it is not certain that the row was written.
    pub async fn append(&self, entry: &AuditRecord) -> Result<(), StoreError> {
        let mut item = Item::from(Key::audit(&entry.subject, &entry.time, &entry.request_id))
            .with(attribute::ACTION, entry.action)
            .with(attribute::OUTCOME, entry.outcome)
            .with(attribute::IP, entry.source_ip.as_str());
        for (name, value) in [
            (attribute::CLIENT, &entry.client),
            (attribute::GRANT, &entry.grant),
            (attribute::QUERY, &entry.query),
            (attribute::IDS, &entry.ids),
        ] {
            if !value.is_empty() {
                item.set(name, value.as_str());
            }
        }
        match self.table.put_own(item, Condition::Lacks(PK)).await {
            Ok(()) => Ok(()),
            Err(CommitError::Conflict) => {
                Err(StoreError::Fault("an audit record of this request is there already".into()))
            }
            Err(CommitError::Store(error)) => Err(error),
        }
    }
}
