//! The `resources` table, write side: the loader's way in. No function on a request path has it.
//!
//! Beside the rows that [`super::resources`] reads there is, for each resource of a member's, a home: pk `home/<Type>/<id>`, the
//! members in whose partitions the resource may stand. A home names a partition before anything is written there, so
//! that what was once stored can always be found again: to be moved when the plan finds that it was another member's, or to
//! be deleted by its id alone.

mod binaries;
mod change;
mod homes;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use super::resources::Resources;
use crate::clock::Time;
use crate::fhir::reference::Reference;
use crate::fhir::types::{Owner, ResourceType};
use crate::store::objects::Objects;
use crate::store::table::{CommitError, Condition, Item, Table};
use crate::store::{Aws, StoreError};

pub use binaries::Feed;
use change::Copy;
pub use change::{Change, Standing, Written, source_date};

/// Where a resource is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Partition {
    /// In the partition of the member with this Patient id.
    Member(String),
    /// Under its own key, for everyone whose record points to it.
    Shared,
    /// Apart, out of everyone's reach, until a resource names it (a Binary that came before its document).
    Unclaimed,
}

/// The table and the bucket, for writing.
#[derive(Clone)]
pub struct Writer {
    pub(super) table: Table,
    objects: Objects,
    resources: Resources,
}

impl Partition {
    fn key(&self, resource: &Reference) -> Item {
        match self {
            Partition::Member(owner) => Item::key(format!("Patient/{owner}"), resource.to_string()),
            Partition::Shared => Item::key(resource.to_string(), resource.to_string()),
            Partition::Unclaimed => Item::key(format!("unclaimed/{resource}"), resource.to_string()),
        }
    }
}

impl Writer {
    /// Over the table and the bucket of those names.
    pub fn new(aws: &Aws, table: &str, bucket: &str) -> Writer {
        Writer {
            table: Table::new(aws, table),
            objects: Objects::for_uploads(aws, bucket),
            resources: Resources::new(aws, table, bucket),
        }
    }

    /// What the store has of each of these, in their order, by their homes.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn standings(&self, changes: &[&Change]) -> Result<Vec<Standing>, StoreError> {
        self.look(changes, false).await
    }

    /// Looks where the homes say, and `everywhere` also where the changes lead: nothing should stand there without a home.
    async fn look(&self, changes: &[&Change], everywhere: bool) -> Result<Vec<Standing>, StoreError> {
        let with_home: Vec<Reference> = changes
            .iter()
            .filter(|change| change.resource_type.has_home())
            .map(|change| change.reference.clone())
            .collect();
        let homes = self.homes(&with_home).await?;
        let mut standings = Vec::with_capacity(changes.len());
        let mut wanted = Vec::new();
        for change in changes {
            let owners = match change.resource_type.owner {
                Owner::Itself => BTreeSet::from([change.reference.id.clone()]),
                _ => homes.get(&change.reference).cloned().unwrap_or_default(),
            };
            let mut places: BTreeSet<Partition> = change.copies.keys().cloned().collect();
            places.extend(owners.iter().cloned().map(Partition::Member));
            if change.resource_type.is_shared() {
                places.insert(Partition::Shared);
            }
            if change.resource_type.owner == Owner::Attachment {
                places.insert(Partition::Unclaimed);
            }
            // A resource stands in no member's partition that its home does not name: a first load has nothing to read.
            places.retain(|place| everywhere || !matches!(place, Partition::Member(owner) if !owners.contains(owner)));
            wanted.extend(places.into_iter().map(|place| (place, change.reference.clone())));
            standings.push(Standing { owners, rows: BTreeMap::new() });
        }
        let mut versions = self.versions(wanted).await?;
        for (change, standing) in changes.iter().zip(&mut standings) {
            standing.rows = versions.remove(&change.reference).unwrap_or_default();
        }
        Ok(standings)
    }

    /// Sends what a change's Binary holds to the bucket, where nothing leads to it yet. It may take long, so it comes before
    /// everything that others see.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn send(&self, change: &Change) -> Result<(), StoreError> {
        for upload in change.copies.values().filter_map(|copy| copy.upload.as_ref()) {
            self.objects.put(upload.object(), upload.media_type(), upload.bytes()).await?;
        }
        Ok(())
    }

    /// Makes a change whose bytes were sent, and which was given the Binaries that it names. Every step may be repeated, and at none of
    /// them is a copy out of reach of a later run: the home names old and new partitions, then the new rows are written, then
    /// the old ones removed, then the home names the new alone.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn settle(
        &self,
        change: &Change,
        standing: Standing,
        feed: &dyn Feed,
        now: Time,
    ) -> Result<Written, StoreError> {
        let mut standing = standing;
        let first = change.outcome(&standing);
        for _ in 0..5 {
            match change.outcome(&standing) {
                Written::Superseded => return Ok(Written::Superseded),
                // If there was more to do at first, it was done by a try whose answer was lost.
                Written::Unchanged if change.is_settled(&standing) => return Ok(first),
                _ => {}
            }
            match self.attempt(change, &standing, feed, now).await {
                Ok(()) => return Ok(first),
                // Another run wrote the same resource at the same moment: look again.
                Err(CommitError::Conflict) => standing = self.look(&[change], true).await?.pop().unwrap_or_default(),
                Err(CommitError::Store(error)) => return Err(error),
            }
        }
        Err(StoreError::Busy("a resource is being written by others again and again".into()))
    }

    async fn attempt(
        &self,
        change: &Change,
        standing: &Standing,
        feed: &dyn Feed,
        now: Time,
    ) -> Result<(), CommitError> {
        let (reference, owners) = (&change.reference, change.owners());
        if change.copies.is_empty() {
            for (place, version) in standing.rows.iter().filter(|(_, version)| version.hash.is_some()) {
                self.release(place, reference, &version.binaries, feed, Some(now)).await?;
                self.bury(place, reference, version, now).await?;
            }
            return Ok(());
        }
        let both: BTreeSet<String> = owners.union(&standing.owners).cloned().collect();
        if both != standing.owners {
            self.put_home(reference, &standing.owners, &both).await?;
        }
        for (place, copy) in &change.copies {
            let there = standing.rows.get(place);
            if there.is_none_or(|version| version.hash.as_ref() != Some(&copy.hash)) {
                self.put_row(change, place, copy, (there, standing.latest() + 1), now).await?;
            }
            if let Some(version) = there {
                self.drop_binaries(place, reference, (copy, version), feed, now).await?;
            }
        }
        for (place, version) in standing.rows.iter().filter(|(place, _)| !change.copies.contains_key(place)) {
            self.release(place, reference, &version.binaries, feed, None).await?;
            let is_shared_now = version.hash.is_some() && change.copies.contains_key(&Partition::Shared);
            self.remove(place, reference, version, is_shared_now).await?;
        }
        if both != owners {
            self.put_home(reference, &both, &owners).await?;
        }
        Ok(())
    }

    /// Lets the member reach a shared resource, whether or not it is there yet; `steps` says how far it is from the member's
    /// own: 1 where one of theirs refers to it, 2 where one that is referred to does. Tells whether that is new.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn point(&self, owner: &str, target: &Reference, steps: u8) -> Result<bool, StoreError> {
        let key = Partition::Member(owner.to_owned()).key(target);
        let written = if steps == 1 {
            // A nearer pointer takes the place of a farther one; the member's own Device that of neither.
            self.table.put(key, Condition::LacksOrHas("pk", "n")).await
        } else {
            self.table.put(key.with("n", u64::from(steps)), Condition::Lacks("pk")).await
        };
        match written {
            Ok(()) => Ok(true),
            Err(CommitError::Conflict) => Ok(false),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// The shared resources that a shared resource refers to.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn shared_references(&self, target: &Reference) -> Result<Vec<Reference>, StoreError> {
        let shared =
            |reference: &Reference| ResourceType::named(&reference.resource_type).is_some_and(ResourceType::is_shared);
        let row = self.resources.shared_row(target).await?;
        Ok(row.iter().flat_map(super::row::Row::references).filter(shared).collect())
    }

    /// Notes that something shared changed at this moment, so that whoever asks for news looks.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn announce(&self, now: Time) -> Result<(), StoreError> {
        let item = Item::key(super::resources::SHARED_NEWS, super::resources::moment(now));
        match self.table.put(item, Condition::Lacks("pk")).await {
            Ok(()) | Err(CommitError::Conflict) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// Writes a receipt into the member's record: a Provenance of ours, which has no home because no feed can name it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn receive(&self, owner: &str, receipt: Change, now: Time) -> Result<(), StoreError> {
        debug_assert!(receipt.places().all(|place| *place == Partition::Member(owner.to_owned())));
        for (place, copy) in &receipt.copies {
            match self.put_row(&receipt, place, copy, (None, 1), now).await {
                // The answer to an earlier try was lost.
                Ok(()) | Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(error),
            }
        }
        Ok(())
    }
}
