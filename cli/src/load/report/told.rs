//! The share of a part in the report of its run, as the ledger keeps it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Finding, References, Report, Tally};

/// The counts by rule or code.
type Counts<Name> = BTreeMap<Name, u64>;

/// A part's share of the report: all that is told of its resources as they are written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in super::super) struct Told {
    types: BTreeMap<String, Tally>,
    reasons: Counts<String>,
    moved: u64,
    restored: u64,
    mended: Counts<String>,
    warned: Counts<String>,
    references: References,
    findings: Vec<(String, String, String)>,
    unclaimed: u64,
    documents: u64,
    replaced: Vec<(String, String)>,
}

impl From<&Report> for Told {
    fn from(report: &Report) -> Told {
        let named = |counts: &Counts<&'static str>| {
            counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect::<Counts<String>>()
        };
        let finding = |finding: &Finding| (finding.rule.to_owned(), finding.place.clone(), finding.text.clone());
        Told {
            types: report.types.clone(),
            reasons: named(&report.reasons),
            moved: report.moved,
            restored: report.restored,
            mended: named(&report.mended),
            warned: named(&report.warned),
            references: report.references.clone(),
            findings: report.findings.iter().map(finding).collect(),
            unclaimed: report.unclaimed,
            documents: report.documents,
            replaced: report.replaced.clone(),
        }
    }
}

impl From<Told> for Report {
    fn from(told: Told) -> Report {
        let named = |counts: Counts<String>| {
            counts.into_iter().map(|(name, count)| (lasting(&name), count)).collect::<Counts<&'static str>>()
        };
        let finding = |(rule, place, text): (String, String, String)| Finding { rule: lasting(&rule), place, text };
        Report {
            types: told.types,
            reasons: named(told.reasons),
            moved: told.moved,
            restored: told.restored,
            mended: named(told.mended),
            warned: named(told.warned),
            references: told.references,
            findings: told.findings.into_iter().map(finding).collect(),
            unclaimed: told.unclaimed,
            documents: told.documents,
            replaced: told.replaced,
            ..Report::default()
        }
    }
}

impl Report {
    /// Adds the share of a part.
    pub(in super::super) fn add(&mut self, part: Report) {
        for (kind, tally) in part.types {
            let sum = self.types.entry(kind).or_default();
            *sum = sum.with(&tally);
        }
        for (sums, counts) in
            [(&mut self.reasons, part.reasons), (&mut self.mended, part.mended), (&mut self.warned, part.warned)]
        {
            for (name, count) in counts {
                *sums.entry(name).or_default() += count;
            }
        }
        self.moved += part.moved;
        self.restored += part.restored;
        self.references.nowhere += part.references.nowhere;
        self.references.other_member += part.references.other_member;
        self.unclaimed += part.unclaimed;
        self.documents += part.documents;
        for Finding { rule, place, text } in part.findings {
            self.find(rule, &place, text);
        }
        self.replaced.extend(part.replaced);
    }
}

/// The name of a rule or code. They are few, and each is kept once, as long as the program runs.
fn lasting(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name).copied() {
        return known;
    }
    let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.insert(kept);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_tells_the_same_when_it_comes_back_from_the_ledger() {
        let mut part = Report::default();
        part.warn("same-person", "a line 1", "x".to_owned());
        part.moved = 2;
        part.references.nowhere = 3;
        part.types.insert("Claim".to_owned(), Tally { read: 0, stored: 4, ..Tally::default() });
        part.reasons.insert("no-owner", 5);
        part.replaced.push(("a".to_owned(), "b".to_owned()));
        let told = Told::from(&part);
        let text = serde_json::to_vec(&told).unwrap();
        let back: Told = serde_json::from_slice(&text).unwrap();
        let (mut once, mut twice) = (Report::default(), Report::default());
        once.add(part);
        twice.add(Report::from(back.clone()));
        assert_eq!((Told::from(&once), Told::from(&twice)), (told.clone(), told));
        twice.add(Report::from(back));
        assert_eq!((twice.moved, twice.types["Claim"].stored, twice.reasons["no-owner"]), (4, 8, 10));
    }
}
