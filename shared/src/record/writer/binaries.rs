//! A Binary follows the resources that name it: it goes to the member whose document names it first, moves with a document that turns
//! out to be another member's, and leaves a record with the last resource there that named it.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::change::ResourceCopy;
use super::rows::{Writer, stamped};
use super::standing::StandingRow;
use crate::clock::Time;
use crate::fhir::index::Index;
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::record::packing::{ResourceVersion, pack, unpack};
use crate::record::partition::Partition;
use crate::store::StoreError;
use crate::store::schema::resources as attribute;
use crate::store::table::{CommitError, Consistency, Item};

/// The names that a run is going to write. The loader knows them before it has written any.
pub trait PlannedNames: Sync {
    /// The resources of this member's that will name the Binary when the run is over.
    ///
    /// # Errors
    /// The run's own notes cannot be read.
    fn naming(&self, binary: &Reference, owner: &str) -> Result<Vec<Reference>, StoreError>;
}

/// How often a Binary is given while others move it.
const MOST_TRIES: usize = 5;

impl Writer {
    /// Whether a Binary with this home may become the member's. It may, unless another member's resource names it that does not become
    /// this member's in the same run.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn may_give(
        &self,
        binary: &Reference,
        owner: &str,
        home: &BTreeSet<String>,
        planned: &dyn PlannedNames,
    ) -> Result<bool, StoreError> {
        let along = planned.naming(binary, owner)?;
        for other in home.iter().filter(|other| *other != owner) {
            let mut names = self.names(other, binary).await?;
            names.retain(|name| !along.contains(name));
            let partition = Partition::Member(other.clone());
            let wanted = names.into_iter().map(|name| (partition.clone(), name)).collect();
            // A name may have outlived its resource: the run that wrote it was cut short. So the resources are asked, too.
            let rows = self.standing_rows(wanted).await?;
            if rows.values().filter_map(|rows| rows.get(&partition)).any(|row| row.binaries.contains(&binary.id)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Those of these Binaries that stand in any partition.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn binaries_there(&self, binaries: &BTreeSet<Reference>) -> Result<BTreeSet<Reference>, StoreError> {
        let of: Vec<Reference> = binaries.iter().cloned().collect();
        let homes = self.homes(&of).await?;
        let mut wanted = Vec::new();
        for binary in of {
            let owners = homes.get(&binary).map(|home| home.owners.clone()).unwrap_or_default();
            let partitions = owners.into_iter().map(Partition::Member).chain([Partition::Unclaimed]);
            wanted.extend(partitions.map(|partition| (partition, binary.clone())));
        }
        let rows = self.standing_rows(wanted).await?.into_iter();
        let there = rows.filter(|(_, rows)| rows.values().any(StandingRow::is_live));
        Ok(there.map(|(binary, _)| binary).collect())
    }

    /// Gives a Binary to the member whose resource names it, from wherever it is. Tells whether it may be theirs.
    ///
    /// # Errors
    /// [`StoreError`]. The call may be repeated: until one member has the Binary, its home names all who may have a copy.
    pub async fn give(
        &self,
        binary: &Reference,
        owner: &str,
        planned: &dyn PlannedNames,
        now: Time,
    ) -> Result<bool, StoreError> {
        for _ in 0..MOST_TRIES {
            let home = self.home(binary).await?.owners;
            if !self.may_give(binary, owner, &home, planned).await? {
                return Ok(false);
            }
            match self.gather(binary, owner, &home, now).await {
                Ok(()) => return Ok(true),
                // Another resource that names the Binary takes it at this moment: look again.
                Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(error),
            }
        }
        Err(StoreError::Busy("a Binary is being moved by others again and again".into()))
    }

    /// Brings every copy of a Binary into one member's partition.
    async fn gather(
        &self,
        binary: &Reference,
        owner: &str,
        home: &BTreeSet<String>,
        now: Time,
    ) -> Result<(), CommitError> {
        let ours = BTreeSet::from([owner.to_owned()]);
        let all: BTreeSet<String> = home.union(&ours).cloned().collect();
        if all != *home {
            self.put_home(binary, home, &all).await?;
        }
        let others = all.iter().filter(|other| *other != owner).map(|other| Partition::Member(other.clone()));
        for partition in others.chain([Partition::Unclaimed]) {
            self.transfer(binary, &partition, owner, now).await?;
        }
        if all != ours {
            self.put_home(binary, &all, &ours).await?;
        }
        Ok(())
    }

    /// Moves a row of a Binary into a member's partition, unless an earlier move that was cut short has put it there.
    async fn transfer(&self, binary: &Reference, from: &Partition, owner: &str, now: Time) -> Result<(), CommitError> {
        let Some(item) = self.table.get(from.key(binary), Consistency::Strong).await? else { return Ok(()) };
        let (row, to) = (StandingRow::of(&item)?, Partition::Member(owner.to_owned()));
        let there = self.standing_row(&to, binary).await?;
        let is_there = there.as_ref().is_some_and(|there| there.is_live() && there.last_updated >= row.last_updated);
        if row.is_live() && !is_there {
            let latest = there.as_ref().map_or(row.version, |there| there.version.max(row.version));
            let mut moved = restamped(binary, item, latest + 1, now)?;
            moved.extend(to.key(binary).into());
            self.put_over(there.as_ref(), moved, Vec::new()).await?;
        }
        self.remove(from, binary, &row).await
    }

    /// The member who has a Binary. Its home names several where a move was cut short; then it is the one in whose partition it was
    /// written last.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn holder(&self, binary: &Reference, home: &BTreeSet<String>) -> Result<Option<String>, StoreError> {
        let wanted = home.iter().map(|owner| (Partition::Member(owner.clone()), binary.clone())).collect();
        let rows = self.standing_rows(wanted).await?.remove(binary).unwrap_or_default();
        let live = rows.iter().filter(|(_, row)| row.is_live());
        let last = live.max_by_key(|(_, row)| (row.last_updated, row.version));
        Ok(last.and_then(|(partition, _)| partition.owner().map(str::to_owned)))
    }

    /// Ends the names that a member's resource gives to these Binaries: it is about to leave their record, or names them no longer. A
    /// Binary that no other resource of theirs names, nor will in this run, leaves their record, too: with a tombstone where it is
    /// `deleted`, without a trace where it was another member's.
    pub(super) async fn release(
        &self,
        partition: &Partition,
        resource: &Reference,
        binaries: &BTreeSet<String>,
        planned: &dyn PlannedNames,
        deleted: Option<Time>,
    ) -> Result<(), CommitError> {
        let Some(owner) = partition.owner() else { return Ok(()) };
        for binary in binaries.iter().map(|id| Reference::new("Binary", id)) {
            let mut names = self.names(owner, &binary).await?;
            names.extend(planned.naming(&binary, owner)?);
            if names.iter().all(|name| name == resource) {
                let row = self.standing_row(partition, &binary).await?.filter(StandingRow::is_live);
                match (row, deleted) {
                    (Some(row), Some(now)) => self.bury(partition, &binary, &row, (now, None), Vec::new()).await?,
                    (Some(row), None) => self.remove(partition, &binary, &row).await?,
                    (None, _) => {}
                }
            }
            self.unname(owner, &binary, resource).await?;
        }
        Ok(())
    }

    /// Drops the Binaries that the version `before` named and this copy does not.
    pub(super) async fn drop_binaries(
        &self,
        partition: &Partition,
        resource: &Reference,
        (copy, before): (&ResourceCopy, &StandingRow),
        planned: &dyn PlannedNames,
        now: Time,
    ) -> Result<(), CommitError> {
        let dropped: BTreeSet<String> = before.binaries.difference(&copy.binaries).cloned().collect();
        let was_written = before.hash.as_ref() != Some(&copy.hash);
        if dropped.is_empty() && (was_written || before.binaries == copy.binaries) {
            return Ok(());
        }
        self.release(partition, resource, &dropped, planned, Some(now)).await?;
        self.put_binaries(partition, resource, copy).await
    }
}

/// The row of a Binary under another version, which becomes visible at this moment.
fn restamped(binary: &Reference, mut item: Item, version: u64, now: Time) -> Result<Item, StoreError> {
    let broken = || StoreError::Fault("the row of a Binary does not read".into());
    let before = ResourceVersion {
        key: binary,
        number: item.number(attribute::VERSION)?,
        last_updated: Time(item.number(attribute::LAST_UPDATED)?),
    };
    let (_, json) = unpack(&before, item.bytes(attribute::BODY)?)?;
    let resource: Json = serde_json::from_str(&json).map_err(|_| broken())?;
    let resource = stamped(&resource, version, now);
    let after = ResourceVersion { number: version, last_updated: now, ..before };
    let resource_type = ResourceType::named(&binary.resource_type).ok_or_else(broken)?;
    item.set(attribute::BODY, pack(&after, &Index::of(resource_type, &resource), &resource.to_string())?);
    item.set(attribute::VERSION, version);
    item.set(attribute::LAST_UPDATED, now.0);
    Ok(item)
}
