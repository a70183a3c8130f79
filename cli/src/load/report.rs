//! The report of a run: the outcome of every file and every item that was read.

mod told;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use shared::record::writer::Written;

use super::reason::ReasonCode;
use super::source::LeftOut;
use crate::terminal::visible;
pub(super) use told::Told;

/// The type under which items that are no resource are counted.
pub const UNREADABLE: &str = "(unreadable)";

/// The type under which manifests of Bulk Data exports are counted.
pub const MANIFEST: &str = "(manifest)";

/// Memory and the report hold this many findings. All are counted.
const MOST_FINDINGS: usize = 1_000;

/// The terminal shows this many findings of a rule.
const MOST_SHOWN: usize = 20;

/// The counts of one type: `read` is the sum of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Those that are no member's data and that no app gets.
    pub ignored: u64,
    /// Those that were rejected.
    pub rejected: u64,
}

impl Tally {
    /// The sum of both.
    fn with(&self, other: &Tally) -> Tally {
        Tally {
            read: self.read + other.read,
            stored: self.stored + other.stored,
            deleted: self.deleted + other.deleted,
            unchanged: self.unchanged + other.unchanged,
            superseded: self.superseded + other.superseded,
            ignored: self.ignored + other.ignored,
            rejected: self.rejected + other.rejected,
        }
    }
}

/// The counts of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FileTally {
    /// Its path.
    pub path: String,
    /// Its form: `ndjson`, `json`, with `+gzip` where it is packed, or `unreadable`.
    pub format: String,
    /// The lines of NDJSON with something on them. One JSON text counts as one.
    pub lines: u64,
    /// The items that were read in it.
    pub read: u64,
    /// Those of them that were rejected.
    pub rejected: u64,
}

/// The references that an app cannot follow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct References {
    /// Those to a resource that is neither in the run nor in the store.
    pub nowhere: u64,
    /// Those to a resource of another member's.
    pub other_member: u64,
}

/// Something that the data team should look at, though it is no rejection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The name of the rule.
    pub rule: &'static str,
    /// The place where it was read.
    pub place: String,
    /// The finding, in words.
    pub text: String,
}

/// The result of a run.
#[derive(Debug, Default)]
pub struct Report {
    /// The counts, by type.
    pub types: BTreeMap<String, Tally>,
    /// The number of rejections by the code of the reason.
    pub reasons: BTreeMap<&'static str, u64>,
    /// The resources that changed their member.
    pub moved: u64,
    /// The resources that had been deleted and are back.
    pub restored: u64,
    /// The resources that were mended, by the rule.
    pub mended: BTreeMap<&'static str, u64>,
    /// The resources that were kept with a warning, by the rule.
    pub warned: BTreeMap<&'static str, u64>,
    /// The rules that have another class than their own in this run, and which.
    pub rules: BTreeMap<&'static str, &'static str>,
    /// The files that were read.
    pub files: Vec<FileTally>,
    /// The files of the folders that were not.
    pub left_out: Vec<LeftOut>,
    /// The counts of references that lead nowhere, or to another member.
    pub references: References,
    /// The first thousand findings. `moved`, `warned` and the others count all.
    pub findings: Vec<Finding>,
    /// The control totals that do not agree.
    pub differing: u64,
    /// The files and Bundles without a resource. That is no fault, so nothing of them is rejected.
    pub empty: Vec<String>,
    /// The file of the rejected resources, with reasons; `None` if none was rejected.
    pub rejected_file: Option<PathBuf>,
    /// The number of Binaries that no document names yet. They are stored, out of everyone's reach.
    pub unclaimed: u64,
    /// The number of files beside the feed that new or changed resources name. They are stored as Binaries.
    pub documents: u64,
    /// The Patients who say who replaces them, each with that other's id.
    pub replaced: Vec<(String, String)>,
    /// Whether the run came to its end.
    pub finished: bool,
}

impl Report {
    pub(super) fn read(&mut self, kind: &str, file: usize) {
        self.tally(kind).read += 1;
        if let Some(file) = self.files.get_mut(file) {
            file.read += 1;
        }
    }

    pub(super) fn rejected(&mut self, kind: &str, code: ReasonCode) {
        self.tally(kind).rejected += 1;
        *self.reasons.entry(code.as_str()).or_default() += 1;
    }

    /// Counts a rejection for its file.
    pub(super) fn rejected_in(&mut self, file: usize) {
        if let Some(file) = self.files.get_mut(file) {
            file.rejected += 1;
        }
    }

    pub(super) fn ignored(&mut self, kind: &str) {
        self.tally(kind).ignored += 1;
    }

    pub(super) fn superseded(&mut self, kind: &str) {
        self.tally(kind).superseded += 1;
    }

    pub(super) fn unchanged(&mut self, kind: &str) {
        self.tally(kind).unchanged += 1;
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

    pub(super) fn mended(&mut self, rule: &'static str) {
        *self.mended.entry(rule).or_default() += 1;
    }

    /// A resource is kept with a warning.
    pub(super) fn warn(&mut self, rule: &'static str, place: &str, text: String) {
        *self.warned.entry(rule).or_default() += 1;
        self.find(rule, place, text);
    }

    /// Lists something that is counted elsewhere.
    pub(super) fn find(&mut self, rule: &'static str, place: &str, text: String) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(Finding { rule, place: place.to_owned(), text });
        }
    }

    /// The findings of a rule so far: places and texts.
    pub(super) fn texts_of(&self, rule: &str) -> Vec<(String, String)> {
        let of_rule = self.findings.iter().filter(|finding| finding.rule == rule);
        of_rule.map(|finding| (finding.place.clone(), finding.text.clone())).collect()
    }

    fn tally(&mut self, kind: &str) -> &mut Tally {
        self.types.entry(kind.to_owned()).or_default()
    }

    /// Whether everything that was sent is in: nothing was rejected, no feed was left out, and the control totals agree.
    pub fn is_clean(&self) -> bool {
        self.types.values().all(|tally| tally.rejected == 0)
            && !self.left_out.iter().any(|left_out| left_out.is_feed)
            && self.differing == 0
    }

    /// The exit code of the command: 0 where everything is in, 3 where the run came to its end and something was refused, 1
    /// where it did not.
    pub fn exit_code(&self) -> u8 {
        match (self.finished, self.is_clean()) {
            (false, _) => 1,
            (true, true) => 0,
            (true, false) => 3,
        }
    }

    /// The sum over all types.
    pub fn total(&self) -> Tally {
        self.types.values().fold(Tally::default(), |sum, tally| sum.with(tally))
    }

    /// The report as JSON, for scripts.
    pub fn to_json(&self) -> Json {
        let left_out: Vec<Json> =
            self.left_out.iter().map(|file| json!({"path": file.path.to_string_lossy(), "why": file.why})).collect();
        json!({
            "types": self.types,
            "moved": self.moved,
            "restored": self.restored,
            "mended": self.mended,
            "warned": self.warned,
            "files": self.files,
            "left_out": left_out,
            "references": self.references,
            "rejected_file": self.rejected_file.as_ref().map(|path| path.to_string_lossy()),
            "finished": self.finished,
            "rules": self.rules,
            "reasons": self.reasons,
            "findings": self.findings,
            "empty": self.empty,
            "unclaimed_binaries": self.unclaimed,
            "documents": self.documents,
        })
    }

    fn counts(&self) -> Vec<String> {
        let row = |name: &str, cells: [String; 7]| {
            let [read, stored, deleted, unchanged, superseded, ignored, rejected] = cells;
            format!(
                "{:<24}{read:>9}{stored:>9}{deleted:>9}{unchanged:>11}{superseded:>12}{ignored:>9}{rejected:>10}",
                visible(name)
            )
        };
        let numbers = |tally: &Tally| {
            let Tally { read, stored, deleted, unchanged, superseded, ignored, rejected } = tally;
            [read, stored, deleted, unchanged, superseded, ignored, rejected].map(u64::to_string)
        };
        let names = ["read", "stored", "deleted", "unchanged", "superseded", "ignored", "rejected"].map(str::to_owned);
        let mut lines = vec![row("", names)];
        lines.extend(self.types.iter().map(|(kind, tally)| row(kind, numbers(tally))));
        lines.push(row("total", numbers(&self.total())));
        lines
    }

    fn listed(&self) -> Vec<String> {
        let mut shown = BTreeMap::<&str, usize>::new();
        let mut lines = Vec::new();
        for finding in &self.findings {
            let shown = shown.entry(finding.rule).or_default();
            *shown += 1;
            if *shown <= MOST_SHOWN {
                lines.push(format!("{}: {}: {}", finding.rule, visible(&finding.place), visible(&finding.text)));
            }
        }
        for (rule, count) in shown.into_iter().filter(|(_, count)| *count > MOST_SHOWN) {
            lines.push(format!(
                "{rule}: more of it, {} not shown; --json lists a thousand findings",
                count - MOST_SHOWN
            ));
        }
        lines
    }
}

/// The report as a table. Text of a feed stays on its line.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.counts();
        lines.extend(self.empty.iter().map(|place| format!("{} holds no resource", visible(place))));
        let left_out = |file: &LeftOut| format!("left out: {}: {}", visible(&file.path.to_string_lossy()), file.why);
        lines.extend(self.left_out.iter().map(left_out));
        lines.extend(self.reasons.iter().map(|(code, count)| format!("rejected as {code}: {count}")));
        for (name, count) in [("moved to another member", self.moved), ("restored after a deletion", self.restored)] {
            lines.extend((count > 0).then(|| format!("{name}: {count}")));
        }
        lines.extend(self.mended.iter().map(|(rule, count)| format!("mended by {rule}: {count}")));
        lines.extend(self.warned.iter().map(|(rule, count)| format!("warned by {rule}: {count}")));
        lines.extend(self.rules.iter().map(|(rule, class)| format!("by choice, what breaks {rule} is {class}")));
        lines.extend(self.listed());
        if self.unclaimed > 0 {
            lines
                .push(format!("{} Binary resources are kept out of reach until a document names them", self.unclaimed));
        }
        if self.documents > 0 {
            lines.push(format!("{} files beside the feed are documents of new or changed resources", self.documents));
        }
        if let Some(file) = &self.rejected_file {
            lines.push(format!("rejected resources, with reasons: {}", visible(&file.to_string_lossy())));
        }
        if !self.finished {
            lines.push("the run did not come to its end: run the same load again".to_owned());
        }
        lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
