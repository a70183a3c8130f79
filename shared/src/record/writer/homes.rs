//! Homes: for each resource, a row that names the members in whose partitions copies of it may stand, and the Provenances that wait for
//! it; and the source's date of a version, where that moved after the version was written.

use std::collections::{BTreeSet, HashMap};

use super::rows::{Writer, unless_it_conflicts};
use super::standing::{Home, Redated, Standing, StandingRow};
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::record::partition::Partition;
use crate::store::StoreError;
use crate::store::schema::{Key, resources as attribute};
use crate::store::table::{Attribute, CommitError, Condition};

impl Writer {
    /// The home of each of these. A resource without a home is left out.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn homes(&self, of: &[Reference]) -> Result<HashMap<Reference, Home>, StoreError> {
        let keys = of.iter().collect::<BTreeSet<_>>().into_iter().map(Key::home).collect();
        let mut homes = HashMap::new();
        for item in self.standing_items(keys).await? {
            let home = Home {
                owners: item.texts(attribute::OWNERS),
                provenances: item.texts(attribute::PROVENANCES),
                dated: Redated::of(&item)?,
            };
            homes.extend(item.key()?.resource().map(|reference| (reference, home)));
        }
        Ok(homes)
    }

    /// The home of one resource; an empty one, if it has none.
    pub(super) async fn home(&self, of: &Reference) -> Result<Home, StoreError> {
        Ok(self.homes(std::slice::from_ref(of)).await?.remove(of).unwrap_or_default())
    }

    /// The members in whose partitions each of these stands now, and none where it is shared. A resource that stands nowhere is left
    /// out: a home may name more members, and a deleted resource has a home, too. A Patient has no home and belongs to nobody else.
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
        for (reference, rows) in self.standing_rows(wanted).await? {
            for (partition, _) in rows.iter().filter(|(_, row)| StandingRow::is_live(row)) {
                let owners = owners.entry(reference.clone()).or_default();
                owners.extend(partition.owner().map(str::to_owned));
            }
        }
        Ok(owners)
    }

    /// Notes that a Provenance is about a resource that is not there. When the resource comes, its member gets a copy.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn await_target(&self, target: &Reference, provenance: &str) -> Result<(), StoreError> {
        let provenances = BTreeSet::from([provenance.to_owned()]);
        self.table.include(Key::home(target), attribute::PROVENANCES, &provenances).await
    }

    /// Writes the source's date of a resource whose content stays, so that the newest date decides which later version is newer. It lies in
    /// the home, which is small: the row may be large, and an index has it once more.
    pub(super) async fn redate(
        &self,
        of: &Reference,
        standing: &Standing,
        date: Option<i64>,
    ) -> Result<(), StoreError> {
        let attributes =
            [(attribute::VERSION, Some(standing.latest().into())), (attribute::SOURCE_DATE, date.map(Attribute::from))];
        unless_it_conflicts(self.table.set(Key::home(of), attributes, Condition::Always).await)
    }

    /// Changes the members that a home names, if they are still as they were read. If they are changed already, that is no conflict: an
    /// earlier try did it, and its answer was lost.
    pub(super) async fn put_home(
        &self,
        reference: &Reference,
        from: &BTreeSet<String>,
        to: &BTreeSet<String>,
    ) -> Result<(), CommitError> {
        let owners = (!to.is_empty()).then(|| to.into());
        let condition = if from.is_empty() {
            Condition::Lacks(attribute::OWNERS)
        } else {
            Condition::Is(attribute::OWNERS, from.into())
        };
        match self.table.set(Key::home(reference), [(attribute::OWNERS, owners)], condition).await {
            Err(CommitError::Conflict) => {
                if self.home(reference).await?.owners == *to {
                    Ok(())
                } else {
                    Err(CommitError::Conflict)
                }
            }
            set => set,
        }
    }
}
