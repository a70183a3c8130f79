//! The fate of a resource that a run stores: it is new or changed, it moves, or it is restored.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use shared::record::partition::Partition;
use shared::record::writer::Standing;

use super::is_dependent;
use super::ready::Ready;

/// The fate of a resource, besides that it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Fate {
    /// Nothing.
    Plain,
    /// It leaves a member's record for another's.
    Moved { from: String, to: String },
    /// It had been deleted.
    Restored,
}

impl Fate {
    pub(super) fn of(ready: &Ready, standing: &Standing) -> Fate {
        let to: BTreeSet<&str> = ready.change.partitions().filter_map(Partition::owner).collect();
        let from = standing.members();
        // A Provenance and a Binary follow other resources.
        if is_dependent(ready.pending.kind.name) || ready.change.partitions().next().is_none() {
            return Fate::Plain;
        }
        let named = |members: &BTreeSet<&str>| {
            let names: Vec<String> = members.iter().map(|id| format!("Patient/{id}")).collect();
            if names.is_empty() { "all who refer to it".to_owned() } else { names.join(", ") }
        };
        match standing.is_deleted() {
            true => Fate::Restored,
            false if !from.is_empty() && from != to => Fate::Moved { from: named(&from), to: named(&to) },
            false => Fate::Plain,
        }
    }
}
