//! A resource as the loader finds it in the store, before a change.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::Time;
use crate::record::partition::Partition;
use crate::store::StoreError;
use crate::store::schema::resources as attribute;
use crate::store::table::Item;

/// A resource as the store has it.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Its home.
    pub(super) home: Home,
    /// Its rows, tombstones among them.
    pub(super) rows: BTreeMap<Partition, StandingRow>,
}

/// Facts about a resource apart from its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Home {
    /// The members in whose partitions copies of it may stand.
    pub owners: BTreeSet<String>,
    /// The ids of the Provenances that are about it and came while it was not there.
    pub provenances: BTreeSet<String>,
    /// The source's date, where that moved after the content was written.
    pub(super) dated: Option<Redated>,
}

/// The source's date of a version, newer than the one that the version was written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Redated {
    /// The number of the version. The date of any other is its own.
    version: u64,
    /// The date; `None` where the source gave none.
    date: Option<i64>,
}

impl Redated {
    /// As a home has it.
    ///
    /// # Errors
    /// [`StoreError::Fault`] where the row does not read.
    pub fn of(item: &Item) -> Result<Option<Redated>, StoreError> {
        if !item.has(attribute::VERSION) {
            return Ok(None);
        }
        let has_date = item.has(attribute::SOURCE_DATE);
        let date = has_date.then(|| item.number(attribute::SOURCE_DATE)).transpose()?;
        Ok(Some(Redated { version: item.number(attribute::VERSION)?, date }))
    }
}

/// One row of the resource, apart from its body.
#[derive(Clone, Debug)]
pub(super) struct StandingRow {
    /// The number of its version.
    pub version: u64,
    /// The hash of its content; `None` for a tombstone.
    pub hash: Option<Vec<u8>>,
    /// When it became visible.
    pub last_updated: Time,
    /// When the source last changed it, by its own word.
    pub source_date: Option<i64>,
    /// The ids of the Binaries that it names, or named until they were dropped.
    pub binaries: BTreeSet<String>,
    /// The key of its object in the bucket.
    pub object: Option<String>,
}

impl Standing {
    /// The number of the latest version in any partition. A resource that comes back to a member goes on counting from it.
    pub(super) fn latest(&self) -> u64 {
        self.rows.values().map(|row| row.version).max().unwrap_or_default()
    }

    /// When the source last changed the resource, or deleted it.
    pub(super) fn source_date(&self) -> Option<i64> {
        match self.home.dated {
            Some(Redated { version, date }) if version == self.latest() => date,
            _ => self.rows.values().filter_map(|row| row.source_date).max(),
        }
    }

    /// The partitions where it stands. A tombstone is not the resource.
    pub fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.live().map(|(partition, _)| partition)
    }

    /// Whether a version of it, or its deletion, became visible at this moment or later.
    pub fn is_changed_since(&self, moment: Time) -> bool {
        self.rows.values().any(|row| row.last_updated >= moment)
    }

    /// Whether it was deleted, and stands nowhere.
    pub fn is_deleted(&self) -> bool {
        !self.rows.is_empty() && self.live().next().is_none()
    }

    /// The members in whose partitions it stands.
    pub fn members(&self) -> BTreeSet<&str> {
        self.partitions().filter_map(Partition::owner).collect()
    }

    /// The ids of the Provenances that are about it and came while it was not there.
    pub fn provenances(&self) -> &BTreeSet<String> {
        &self.home.provenances
    }

    /// The ids of the Binaries that it names in a partition.
    pub fn binaries(&self, partition: &Partition) -> Option<&BTreeSet<String>> {
        self.rows.get(partition).map(|row| &row.binaries)
    }

    /// The rows that are resources, and no tombstones.
    pub(super) fn live(&self) -> impl Iterator<Item = (&Partition, &StandingRow)> {
        self.rows.iter().filter(|(_, row)| row.is_live())
    }
}

impl StandingRow {
    /// Reads a row that has a version. A pointer has none.
    ///
    /// # Errors
    /// [`StoreError::Fault`] where the row does not read.
    pub fn of(item: &Item) -> Result<StandingRow, StoreError> {
        let has_source_date = item.has(attribute::SOURCE_DATE);
        Ok(StandingRow {
            version: item.number(attribute::VERSION)?,
            hash: item.bytes(attribute::HASH).ok().map(<[u8]>::to_vec),
            last_updated: Time(item.number(attribute::LAST_UPDATED)?),
            source_date: has_source_date.then(|| item.number(attribute::SOURCE_DATE)).transpose()?,
            binaries: item.texts(attribute::BINARIES),
            object: item.text(attribute::OBJECT).ok().map(str::to_owned),
        })
    }

    /// Whether it is a resource, and no tombstone.
    pub fn is_live(&self) -> bool {
        self.hash.is_some()
    }
}
