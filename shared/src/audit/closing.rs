//! Closing the days of the audit, in order.
//!
//! A day is closed once nothing of it can come any more: the stream keeps a record for 24 hours, so a day and an hour after its end.
//! Every archived row of the day must then stand in the table as it was archived; only then is the day signed, and only then may its
//! rows leave the table. A day that fails stays open, rings, and holds up the days after it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::chain::{Closing, Manifest, RowName, hash_of};
use crate::clock::{self, Clock, Time};
use crate::config::{self, AuditArchiveName, AuditKeyId, AuditTableDays, AuditTableName, StartError};
use crate::store::archive::{Archive, ArchivedDay, Part};
use crate::store::audit::AuditTable;
use crate::store::signer::Signer;
use crate::store::{Aws, StoreError};

/// How long after its end a day is closed, in seconds.
pub const CLOSES_AFTER: i64 = 25 * 3_600;

/// How many rows are given their end at once.
const AT_ONCE: usize = 32;

/// Closes days.
pub struct Closer {
    archive: Archive,
    table: AuditTable,
    signer: Signer,
    key: AuditKeyId,
    days_in_table: i64,
    clock: Clock,
}

/// The settings of a [`Closer`].
pub type Settings = (AuditTableName, AuditArchiveName, AuditKeyId, AuditTableDays);

impl Closer {
    /// Of the function's environment.
    ///
    /// # Errors
    /// [`ConfigError`](config::ConfigError) with everything that is missing or wrong there.
    pub async fn from_environment() -> Result<Closer, StartError> {
        Ok(Closer::new(&Aws::from_environment().await?, config::from_environment()?, Clock::System))
    }

    /// Of a deployment.
    pub fn new(aws: &Aws, (table, archive, key, AuditTableDays(days_in_table)): Settings, clock: Clock) -> Closer {
        let (archive, table) = (Archive::new(aws, &archive), AuditTable::new(aws, &table));
        Closer { archive, table, signer: Signer::new(aws), key, days_in_table, clock }
    }

    /// Closes every day that is over, from the first of which there are rows, and lets the rows of closed days leave the table in time.
    /// Returns the days that it closed.
    ///
    /// # Errors
    /// [`StoreError`]; the next run goes on where this one ended.
    pub async fn run(&self) -> Result<Vec<String>, StoreError> {
        let mut closed = self.archive.days_with(Part::Closing).await?;
        let mut next = match closed.last() {
            Some(last) => clock::day_after(last),
            None => self.archive.days().await?.first().cloned(),
        };
        let mut new = Vec::new();
        while let Some(day) = next.take_if(|day| is_over(day, self.clock.now())) {
            if !self.close(&day, closed.last()).await? {
                break;
            }
            closed.insert(day.clone());
            next = clock::day_after(&day);
            new.push(day);
        }
        let left = self.archive.days_with(Part::Leaving).await?;
        for day in closed.difference(&left) {
            self.let_leave(day).await?;
        }
        Ok(new)
    }

    /// Closes a day, and tells whether it could.
    async fn close(&self, day: &str, before: Option<&String>) -> Result<bool, StoreError> {
        let archived = self.archive.day(day).await?;
        let manifest = Manifest::of(&archived.rows);
        let mut faults = archived.spoilt.len() + archived.rows.len() - manifest.0.len();
        let names: Vec<RowName> = manifest.0.keys().cloned().collect();
        let table: BTreeMap<RowName, String> =
            self.table.find(&names).await?.iter().map(|row| (row.name(), hash_of(row))).collect();
        faults += manifest.0.iter().filter(|(name, hash)| table.get(*name) != Some(*hash)).count();
        if faults > 0 {
            tracing::error!(
                alarm = "audit-day",
                day,
                faults,
                "a day of the audit cannot be closed: rows differ between table and archive"
            );
            return Ok(false);
        }
        let previous = match before {
            Some(before) => self.closing(before).await?.digest(),
            None => String::new(),
        };
        let (rows, closed_at) = (manifest.0.len(), self.clock.now().to_string());
        let day = day.to_owned();
        let closing = Closing { day, rows, manifest: manifest.digest(), previous, closed_at, signature: String::new() };
        let signature = self.signer.sign(&self.key, closing.text().as_bytes()).await?;
        let closing = Closing { signature: URL_SAFE_NO_PAD.encode(signature), ..closing };
        self.archive.put_part(&closing.day, Part::Manifest, manifest.text()).await?;
        let text = serde_json::to_string(&closing).map_err(|error| StoreError::Fault(error.to_string()))?;
        self.archive.put_part(&closing.day, Part::Closing, text).await?;
        tracing::info!(day = closing.day, rows, "a day of the audit is closed");
        Ok(true)
    }

    /// Gives every row of a closed day its end in the table.
    async fn let_leave(&self, day: &str) -> Result<(), StoreError> {
        let manifest = self.archive.part(day, Part::Manifest).await?.and_then(|text| Manifest::parse(&text));
        let manifest = manifest.ok_or_else(|| StoreError::Fault(format!("the manifest of {day} does not read")))?;
        let ends = self.clock.now().plus_seconds(self.days_in_table * 86_400);
        let given = stream::iter(manifest.0.keys()).map(|name| self.table.end(name, ends)).buffer_unordered(AT_ONCE);
        given.try_collect::<Vec<()>>().await?;
        self.archive.put_part(day, Part::Leaving, format!("{{\"from\":\"{ends}\"}}")).await
    }

    async fn closing(&self, day: &str) -> Result<Closing, StoreError> {
        let text = self.archive.part(day, Part::Closing).await?.unwrap_or_default();
        serde_json::from_str(&text).map_err(|_| StoreError::Fault(format!("the closing of {day} does not read")))
    }
}

/// Whether nothing of a day can come any more.
pub fn is_over(day: &str, now: Time) -> bool {
    clock::day_after(day)
        .and_then(|next| clock::midnight(&next))
        .is_some_and(|end| now >= end.plus_seconds(CLOSES_AFTER))
}

/// The rows of one day in table and archive, by name and hash.
pub struct DayInBoth<'a> {
    /// The archive.
    pub archived: &'a ArchivedDay,
    /// The table.
    pub table: &'a BTreeMap<RowName, String>,
}

/// A row that is not as it was closed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowFault {
    /// The row.
    pub name: RowName,
    /// Where: `table` or `archive`.
    pub place: &'static str,
    /// What: `changed`, `missing` or `added`.
    pub fault: &'static str,
}

impl DayInBoth<'_> {
    /// Every row that is not as the manifest says. Where rows may have left the table, only those that are there are compared.
    pub fn faults(&self, manifest: &Manifest, may_have_left: bool) -> Vec<RowFault> {
        let mut faults = Vec::new();
        let mut archived = BTreeMap::<RowName, Vec<String>>::new();
        for row in &self.archived.rows {
            archived.entry(row.name()).or_default().push(hash_of(row));
        }
        let table: BTreeMap<RowName, Vec<String>> =
            self.table.iter().map(|(name, hash)| (name.clone(), vec![hash.clone()])).collect();
        for (place, there) in [("archive", &archived), ("table", &table)] {
            let mut note = |name: &RowName, fault| faults.push(RowFault { name: name.clone(), place, fault });
            for (name, hash) in &manifest.0 {
                match there.get(name) {
                    Some(hashes) if hashes.iter().all(|there| there == hash) => {}
                    Some(_) => note(name, "changed"),
                    None if place == "table" && may_have_left => {}
                    None => note(name, "missing"),
                }
            }
            for name in there.keys().filter(|name| !manifest.0.contains_key(*name)) {
                note(name, "added");
            }
        }
        faults
    }
}
