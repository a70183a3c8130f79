//! The `audit` table is append only: functions may put rows and do nothing else with it, and no row is ever replaced.
//!
//! An [`AuditRecord`] is what is written, and an [`AuditRow`] what is read again: from the table, its stream, or the archive.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::aws::Aws;
use super::error::StoreError;
use super::schema::{Key, PK, SK, audit as attribute};
use super::table::{CommitError, Condition, Consistency, Item, RowQuery, SortKeys, Table};
use crate::clock::Time;

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
    /// How many of them are the member's own and not shared.
    pub given: usize,
    /// The id of the person who acted for the member, and the relation; `None` where nobody else than the member acted.
    pub acting: Option<(String, &'static str)>,
    /// The milliseconds from the moment at which the gateway had the request to the making of this record; `None` where that moment
    /// is not known.
    pub milliseconds: Option<u32>,
}

/// How many rows are asked for by name at once.
const FOUND_AT_ONCE: usize = 1_600;

/// Stands for the value of an attribute that is neither text nor number: no row that this server writes has one.
const NO_TEXT: &str = "(neither text nor number)";

/// A row of the table as it was written: the text of each attribute by its name.
///
/// It holds what a member's app asked for, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditRow(BTreeMap<String, String>);

impl AuditRow {
    /// A row from an image of the stream: each attribute with its type, such as `{"S": "text"}`. `None` where it has no key.
    pub fn of_image(image: &Json) -> Option<AuditRow> {
        let text =
            |typed: &Json| typed.get("S").or(typed.get("N")).and_then(Json::as_str).unwrap_or(NO_TEXT).to_owned();
        let attributes = image.as_object()?.iter().map(|(name, typed)| (name.clone(), text(typed))).collect();
        Some(AuditRow(attributes)).filter(|row| row.0.contains_key(PK) && row.0.contains_key(SK))
    }

    fn of_item(item: &Item) -> AuditRow {
        let mut attributes = item.told(NO_TEXT);
        // It is no part of the record: it comes when the row's day is closed.
        attributes.remove(attribute::ENDS);
        AuditRow(attributes)
    }

    /// The row as a line of the archive: a JSON object with its attributes in alphabetical order.
    pub fn line(&self) -> String {
        serde_json::to_value(&self.0).unwrap_or_default().to_string()
    }

    /// A row from a line of the archive; `None` where it does not read.
    pub fn of_line(line: &str) -> Option<AuditRow> {
        serde_json::from_str(line).ok().map(AuditRow).filter(|row| row.0.contains_key(PK) && row.0.contains_key(SK))
    }

    /// Its name: sort key, then partition key, so that names sort by time.
    pub fn name(&self) -> (String, String) {
        (self.sort_key().to_owned(), self.attribute(PK).to_owned())
    }

    /// The day in UTC, `YYYY-MM-DD`.
    pub fn day(&self) -> &str {
        self.sort_key().get(..10).unwrap_or_default()
    }

    /// An attribute; empty where the row lacks it.
    pub fn attribute(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Its sort key, `<instant>#<request>`: rows sort by it as by time.
    pub fn sort_key(&self) -> &str {
        self.attribute(SK)
    }

    /// Whose record was touched, or who acted: the partition key.
    pub fn subject(&self) -> &str {
        self.attribute(PK)
    }

    /// The moment, as a FHIR instant.
    pub fn time(&self) -> &str {
        self.sort_key().split('#').next().unwrap_or_default()
    }

    /// API Gateway's id of the request.
    pub fn request(&self) -> &str {
        self.sort_key().split_once('#').map_or("", |(_, request)| request)
    }

    /// The Patient id of the member whose record was touched; `None` where no member was known.
    pub fn patient(&self) -> Option<&str> {
        self.attribute(PK).strip_prefix("Patient/")
    }

    /// The app; empty where there is none.
    pub fn client(&self) -> &str {
        self.attribute(attribute::CLIENT)
    }

    /// The outcome: `ok`, `linked`, `not-modified`, or an error's name.
    pub fn outcome(&self) -> &str {
        self.attribute(attribute::OUTCOME)
    }

    /// Whether it is of a request to the FHIR server, and not of a sign-in, a consent or a token.
    pub fn is_data_request(&self) -> bool {
        self.attribute(attribute::QUERY).starts_with("/fhir/")
    }

    /// The milliseconds from the gateway to the record, where they are known.
    pub fn milliseconds(&self) -> Option<u32> {
        self.attribute(attribute::MILLISECONDS).parse().ok()
    }

    /// The year in UTC, four digits.
    pub fn year(&self) -> &str {
        self.sort_key().get(..4).unwrap_or_default()
    }

    /// Whether an app was given at least one resource of the member's own: then, and only then, the answer counts for CMS's yearly
    /// report (42 CFR 422.119(f)).
    pub fn counts(&self) -> bool {
        let given = self.attribute(attribute::GIVEN).parse::<u64>().is_ok_and(|given| given > 0);
        given && ["ok", "linked"].contains(&self.attribute(attribute::OUTCOME)) && !self.client().is_empty()
    }
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

    /// Hands every row to `take`, page by page in no order, for the operator's command alone: it reads the whole table, and no function
    /// may do that.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn every(&self, mut take: impl FnMut(AuditRow)) -> Result<(), StoreError> {
        let mut pages = self.table.scan("");
        while let Some(page) = pages.next().await? {
            page.iter().map(AuditRow::of_item).for_each(&mut take);
        }
        Ok(())
    }

    /// The rows of these names that are in the table.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn find(&self, names: &[(String, String)]) -> Result<Vec<AuditRow>, StoreError> {
        let mut found = Vec::new();
        for names in names.chunks(FOUND_AT_ONCE) {
            let keys = names.iter().map(|(sort_key, partition)| Key::read(partition, sort_key)).collect();
            let items = self.table.batch_get(keys, None, Consistency::Strong).await?;
            found.extend(items.iter().map(AuditRow::of_item));
        }
        Ok(found)
    }

    /// The rows about a subject, such as `Patient/<id>`, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn of(&self, subject: &str) -> Result<Vec<AuditRow>, StoreError> {
        let all = self.table.pages(RowQuery::new(subject, SortKeys::All)).all().await?;
        Ok(all.iter().map(AuditRow::of_item).collect())
    }

    /// Lets a row leave the table from a moment on. It is the one change that anybody may make of a row, and it is no part of the
    /// record. A row that has left already stays away.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn end(&self, (sort_key, partition): &(String, String), at: Time) -> Result<(), StoreError> {
        let is_there = Condition::Is(SK, sort_key.as_str().into());
        let at = Some(at.seconds().into());
        match self.table.set(Key::read(partition, sort_key), [(attribute::ENDS, at)], is_there).await {
            Ok(()) | Err(CommitError::Conflict) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
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
        if let Some((person, relation)) = &entry.acting {
            item.set(attribute::PERSON, person.as_str());
            item.set(attribute::ACTS_AS, *relation);
        }
        if entry.given > 0 {
            item.set(attribute::GIVEN, u64::try_from(entry.given).unwrap_or(u64::MAX));
        }
        if let Some(milliseconds) = entry.milliseconds {
            item.set(attribute::MILLISECONDS, u64::from(milliseconds));
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
