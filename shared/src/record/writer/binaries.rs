//! Binaries go where the resources go that name them: to the member whose document names them first, with a document that turns
//! out to be another member's, and away with the last that named them.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::change::Copy;
use super::rows::{Version, stamped};
use super::{Partition, Writer};
use crate::clock::Time;
use crate::fhir::index::Index;
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::record::row::{self, pack, unpack};
use crate::store::StoreError;
use crate::store::table::{CommitError, Consistency, Item};

/// What a run knows as a whole, before it has written all of it.
pub trait Feed: Sync {
    /// The resources of this member's that are to name the Binary when the run is over.
    fn naming(&self, binary: &Reference, owner: &str) -> Vec<Reference>;
}

impl Writer {
    /// Whether a Binary whose home is this may be the member's: it is nobody else's, or only by resources that go along with it, because
    /// by the feed's word they are this member's.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn may_give(
        &self,
        binary: &Reference,
        owner: &str,
        home: &BTreeSet<String>,
        feed: &dyn Feed,
    ) -> Result<bool, StoreError> {
        let along = feed.naming(binary, owner);
        for other in home.iter().filter(|other| *other != owner) {
            let mut names = self.names(other, binary).await?;
            names.retain(|name| !along.contains(name));
            let place = Partition::Member(other.clone());
            let wanted = names.into_iter().map(|name| (place.clone(), name)).collect();
            // A name may have outlived what it is of: the run that wrote it was cut short.
            let rows = self.versions(wanted).await?;
            if rows.values().filter_map(|rows| rows.get(&place)).any(|row| row.binaries.contains(&binary.id)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Those of these Binaries that stand somewhere, in whosever partition.
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
        let rows = self.versions(wanted).await?.into_iter();
        let there = rows.filter(|(_, rows)| rows.values().any(|version| version.hash.is_some()));
        Ok(there.map(|(binary, _)| binary).collect())
    }

    /// Gives a Binary to the member whose resource names it, from wherever it is; tells whether it may be theirs.
    ///
    /// # Errors
    /// [`StoreError`]; its home names all who may have a copy until one has it, so the call may be repeated.
    pub async fn give(&self, binary: &Reference, owner: &str, feed: &dyn Feed, now: Time) -> Result<bool, StoreError> {
        for _ in 0..5 {
            let home = self.homes(std::slice::from_ref(binary)).await?.remove(binary).unwrap_or_default().owners;
            if !self.may_give(binary, owner, &home, feed).await? {
                return Ok(false);
            }
            match self.gather(binary, owner, &home, now).await {
                Ok(()) => return Ok(true),
                // Another resource that names it does the same at this moment: look again.
                Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(error),
            }
        }
        Err(StoreError::Busy("a Binary is being moved by others again and again".into()))
    }

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
        for place in others.chain([Partition::Unclaimed]) {
            self.transfer(binary, &place, owner, now).await?;
        }
        if all != ours {
            self.put_home(binary, &all, &ours).await?;
        }
        Ok(())
    }

    /// Moves a row of a Binary into a member's partition, unless a move that was cut short left it there already.
    async fn transfer(&self, binary: &Reference, from: &Partition, owner: &str, now: Time) -> Result<(), CommitError> {
        let Some(item) = self.table.get(from.key(binary), Consistency::Strong).await? else { return Ok(()) };
        let (version, to) = (Version::of(&item)?, Partition::Member(owner.to_owned()));
        let there = self.versions(vec![(to.clone(), binary.clone())]).await?.remove(binary);
        let there = there.and_then(|mut rows| rows.remove(&to));
        let is_there =
            there.as_ref().is_some_and(|there| there.hash.is_some() && there.last_updated >= version.last_updated);
        if version.hash.is_some() && !is_there {
            let latest = there.as_ref().map_or(version.number, |there| there.number.max(version.number));
            let mut moved = restamped(binary, item, latest + 1, now)?;
            moved.extend(to.key(binary));
            self.over(moved, there.as_ref()).await?;
        }
        self.remove(from, binary, &version, false).await
    }

    /// In whose partition a Binary stands whose home names several members, because a move was cut short: where it stands last.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn holder(&self, binary: &Reference, home: &BTreeSet<String>) -> Result<Option<String>, StoreError> {
        let wanted = home.iter().map(|owner| (Partition::Member(owner.clone()), binary.clone())).collect();
        let rows = self.versions(wanted).await?.remove(binary).unwrap_or_default();
        let live = rows.into_iter().filter(|(_, version)| version.hash.is_some());
        let last = live.max_by_key(|(_, version)| (version.last_updated, version.number));
        Ok(last.and_then(|(place, _)| match place {
            Partition::Member(owner) => Some(owner),
            Partition::Shared | Partition::Unclaimed => None,
        }))
    }

    /// Takes a member's resource off Binaries that it named, before it leaves their record or once it names them no more; a Binary that
    /// nothing of theirs names, nor will in this run, then leaves it, too: with a tombstone where it is `deleted`, without where it
    /// was another member's.
    pub(super) async fn release(
        &self,
        place: &Partition,
        resource: &Reference,
        binaries: &BTreeSet<String>,
        feed: &dyn Feed,
        deleted: Option<Time>,
    ) -> Result<(), CommitError> {
        let Partition::Member(owner) = place else { return Ok(()) };
        for binary in binaries.iter().map(|id| Reference::new("Binary", id)) {
            let mut names = self.names(owner, &binary).await?;
            names.extend(feed.naming(&binary, owner));
            if names.iter().all(|name| name == resource) {
                let rows = self.versions(vec![(place.clone(), binary.clone())]).await?;
                let version = rows.get(&binary).and_then(|rows| rows.get(place));
                match (version.filter(|version| version.hash.is_some()), deleted) {
                    (Some(version), Some(now)) => self.bury(place, &binary, version, now).await?,
                    (Some(version), None) => self.remove(place, &binary, version, false).await?,
                    (None, _) => {}
                }
            }
            self.unname(owner, &binary, resource).await?;
        }
        Ok(())
    }

    /// Drops the Binaries that the version before named and this one does not.
    pub(super) async fn drop_binaries(
        &self,
        place: &Partition,
        resource: &Reference,
        (copy, before): (&Copy, &Version),
        feed: &dyn Feed,
        now: Time,
    ) -> Result<(), CommitError> {
        let dropped: BTreeSet<String> = before.binaries.difference(&copy.binaries).cloned().collect();
        let was_written = before.hash.as_ref() != Some(&copy.hash);
        if dropped.is_empty() && (was_written || before.binaries == copy.binaries) {
            return Ok(());
        }
        self.release(place, resource, &dropped, feed, Some(now)).await?;
        self.rename(place, resource, copy).await
    }
}

/// A row whose resource becomes visible at this moment, to another.
fn restamped(binary: &Reference, mut item: Item, version: u64, now: Time) -> Result<Item, StoreError> {
    let broken = || StoreError::Fault("the row of a Binary does not read".into());
    let before = row::Version { key: binary, number: item.number("v")?, last_updated: Time(item.number("u")?) };
    let (_, json) = unpack(&before, item.bytes("b")?)?;
    let resource: Json = serde_json::from_str(&json).map_err(|_| broken())?;
    let resource = stamped(&resource, version, now);
    let after = row::Version { number: version, last_updated: now, ..before };
    let resource_type = ResourceType::named(&binary.resource_type).ok_or_else(broken)?;
    item.set("b", pack(&after, &Index::of(resource_type, &resource), &resource.to_string())?);
    item.set("v", version);
    item.set("u", now.0);
    Ok(item)
}
