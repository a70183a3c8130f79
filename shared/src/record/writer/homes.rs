//! Homes: in whose partitions a resource may stand, and which Provenances are about it.

use std::collections::{BTreeSet, HashMap};

use super::{Partition, Writer};
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::store::StoreError;
use crate::store::table::{CommitError, Condition, Item};

/// What is noted of a resource apart from its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Home {
    /// The members in whose partitions it may stand.
    pub owners: BTreeSet<String>,
    /// The ids of the Provenances that are about it and came while it was not there.
    pub provenances: BTreeSet<String>,
}

fn key(reference: &Reference) -> Item {
    Item::key(format!("home/{reference}"), reference.to_string())
}

impl Writer {
    /// The home of each of these; a resource without a home is left out.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn homes(&self, of: &[Reference]) -> Result<HashMap<Reference, Home>, StoreError> {
        let keys = of.iter().collect::<BTreeSet<_>>().into_iter().map(key).collect();
        let mut homes = HashMap::new();
        for item in self.consistently(keys).await? {
            let home = Home { owners: item.texts("w"), provenances: item.texts("p") };
            homes.extend(Reference::parse(item.text("sk")?, &[]).map(|reference| (reference, home)));
        }
        Ok(homes)
    }

    /// The members in whose partitions each of these stands now, none where it is shared: a home may name more, and a deleted
    /// resource stands nowhere. A Patient, who is nobody else's, has no home.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn owners(&self, of: &[Reference]) -> Result<HashMap<Reference, BTreeSet<String>>, StoreError> {
        let mut wanted = Vec::new();
        for (reference, home) in self.homes(of).await? {
            wanted.extend(home.owners.into_iter().map(|owner| (Partition::Member(owner), reference.clone())));
        }
        let is_shared =
            |reference: &&Reference| ResourceType::named(&reference.resource_type).is_some_and(ResourceType::is_shared);
        let of: BTreeSet<&Reference> = of.iter().collect();
        wanted.extend(of.iter().copied().filter(is_shared).map(|reference| (Partition::Shared, reference.clone())));
        let mut owners: HashMap<Reference, BTreeSet<String>> = HashMap::new();
        for (reference, rows) in self.versions(wanted).await? {
            for (partition, _) in rows.into_iter().filter(|(_, version)| version.hash.is_some()) {
                let owners = owners.entry(reference.clone()).or_default();
                if let Partition::Member(owner) = partition {
                    owners.insert(owner);
                }
            }
        }
        Ok(owners)
    }

    /// Notes that a Provenance is about a resource that is not there: when that comes, its member gets a copy.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn await_target(&self, target: &Reference, provenance: &str) -> Result<(), StoreError> {
        self.table.include(key(target), "p", &BTreeSet::from([provenance.to_owned()])).await
    }

    /// Changes a home from what was read. That it is so already is no conflict: the answer to an earlier try may have been lost.
    pub(super) async fn put_home(
        &self,
        reference: &Reference,
        from: &BTreeSet<String>,
        to: &BTreeSet<String>,
    ) -> Result<(), CommitError> {
        let owners = (!to.is_empty()).then(|| to.into());
        let condition = if from.is_empty() { Condition::Lacks("w") } else { Condition::Is("w", from.into()) };
        match self.table.set(key(reference), "w", owners, condition).await {
            Err(CommitError::Conflict) => {
                let there = self.homes(std::slice::from_ref(reference)).await?.remove(reference).unwrap_or_default();
                if there.owners == *to { Ok(()) } else { Err(CommitError::Conflict) }
            }
            put => put,
        }
    }
}
