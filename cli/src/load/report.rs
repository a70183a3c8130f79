//! The report of a run: the outcome of every item that was read.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::json;
use shared::record::writer::Written;

use super::reason::ReasonCode;

/// The type under which items that are no resource are counted.
pub const UNREADABLE: &str = "(unreadable)";

/// The counts of one type: `read` is the sum of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// The resources that were read.
    pub read: u64,
    /// Those that are new or changed.
    pub stored: u64,
    /// Those that were deleted.
    pub deleted: u64,
    /// Those that were stored with the same content before, or were to be deleted and are not stored.
    pub unchanged: u64,
    /// Those with a later version, in this run or in the store.
    pub superseded: u64,
    /// Those that were rejected.
    pub rejected: u64,
}

/// The result of a run.
#[derive(Debug, Default)]
pub struct Report {
    /// The counts, by type.
    pub types: BTreeMap<String, Tally>,
    /// The number of rejections by the code of the reason.
    pub reasons: BTreeMap<&'static str, u64>,
    /// The files and Bundles without a resource. That is no fault, so nothing of them is rejected.
    pub empty: Vec<String>,
    /// The file of the rejected resources, with reasons; `None` if none was rejected.
    pub rejected_file: Option<PathBuf>,
    /// The number of Binaries that no document names yet. They are stored, out of everyone's reach.
    pub unclaimed: u64,
    /// The number of files beside the feed that new or changed resources name. They are stored as Binaries.
    pub files: u64,
}

impl Report {
    pub(super) fn read(&mut self, kind: &str) {
        self.tally(kind).read += 1;
    }

    pub(super) fn rejected(&mut self, kind: &str, code: ReasonCode) {
        self.tally(kind).rejected += 1;
        *self.reasons.entry(code.as_str()).or_default() += 1;
    }

    pub(super) fn superseded(&mut self, kind: &str) {
        self.tally(kind).superseded += 1;
    }

    /// One that was counted as superseded counts, because what superseded it was refused.
    pub(super) fn counts_after_all(&mut self, kind: &str) {
        self.tally(kind).superseded -= 1;
    }

    pub(super) fn written(&mut self, kind: &str, written: Written) {
        let tally = self.tally(kind);
        match written {
            Written::Stored => tally.stored += 1,
            Written::Deleted => tally.deleted += 1,
            Written::Unchanged => tally.unchanged += 1,
            Written::Superseded => tally.superseded += 1,
        }
    }

    fn tally(&mut self, kind: &str) -> &mut Tally {
        self.types.entry(kind.to_owned()).or_default()
    }

    /// Whether nothing was rejected.
    pub fn is_clean(&self) -> bool {
        self.types.values().all(|tally| tally.rejected == 0)
    }

    /// The sum over all types.
    pub fn total(&self) -> Tally {
        self.types.values().fold(Tally::default(), |sum, tally| Tally {
            read: sum.read + tally.read,
            stored: sum.stored + tally.stored,
            deleted: sum.deleted + tally.deleted,
            unchanged: sum.unchanged + tally.unchanged,
            superseded: sum.superseded + tally.superseded,
            rejected: sum.rejected + tally.rejected,
        })
    }

    /// The report as JSON, for scripts.
    pub fn to_json(&self) -> serde_json::Value {
        json!({"types": self.types, "reasons": self.reasons, "empty": self.empty, "rejected_file": self.rejected_file,
            "unclaimed_binaries": self.unclaimed, "files": self.files})
    }
}

/// The report as a table.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, name: &str, tally: &Tally| {
            let Tally { read, stored, deleted, unchanged, superseded, rejected } = tally;
            writeln!(f, "{name:<24}{read:>9}{stored:>9}{deleted:>9}{unchanged:>11}{superseded:>12}{rejected:>10}")
        };
        let names = ["read", "stored", "deleted", "unchanged", "superseded", "rejected"];
        let [read, stored, deleted, unchanged, superseded, rejected] = names;
        writeln!(f, "{:<24}{read:>9}{stored:>9}{deleted:>9}{unchanged:>11}{superseded:>12}{rejected:>10}", "")?;
        for (kind, tally) in &self.types {
            line(f, kind, tally)?;
        }
        line(f, "total", &self.total())?;
        for place in &self.empty {
            writeln!(f, "{place} holds no resource")?;
        }
        for (code, count) in &self.reasons {
            writeln!(f, "rejected as {code}: {count}")?;
        }
        if self.unclaimed > 0 {
            writeln!(f, "{} Binary resources are kept out of reach until a document names them", self.unclaimed)?;
        }
        if self.files > 0 {
            writeln!(f, "{} files beside the feed are documents of new or changed resources", self.files)?;
        }
        match &self.rejected_file {
            Some(file) => writeln!(f, "rejected resources, with reasons: {}", file.display()),
            None => Ok(()),
        }
    }
}
