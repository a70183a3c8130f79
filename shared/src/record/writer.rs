//! The `resources` table, write side: the loader's way in. No function on a request path has it.
//!
//! Beside the rows that [`super::resources`] reads there is, for each resource of a member's, a home: pk `home/<Type>/<id>`, the
//! members in whose partitions the resource may stand. A home names a partition before anything is written there, so
//! that what was once stored can always be found again: to be moved when the plan finds that it was another member's, or to
//! be deleted by its id alone.

mod binaries;
mod change;
mod derived;
mod homes;
mod rows;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::resources::Resources;
use crate::clock::Time;
use crate::fhir::reference::Reference;
use crate::fhir::types::Owner;
use crate::store::objects::Objects;
use crate::store::table::{CommitError, Condition, Item, Table};
use crate::store::{Aws, StoreError};

pub use binaries::Feed;
use change::Copy;
pub use change::{Change, Standing, Written, source_date};
pub use derived::{ToDo, second_step};
pub use homes::Home;

/// Where a resource is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Partition {
    /// In the partition of the member with this Patient id.
    Member(String),
    /// Under its own key, for everyone whose record points to it.
    Shared,
    /// Apart, out of everyone's reach: a Binary until a document names it; a Provenance as it came, where its members' copies say less.
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
            let home = homes.get(&change.reference).cloned().unwrap_or_default();
            let owners = match change.resource_type.owner {
                Owner::Itself => BTreeSet::from([change.reference.id.clone()]),
                _ => home.owners.clone(),
            };
            let mut places: BTreeSet<Partition> = change.copies.keys().cloned().collect();
            places.extend(owners.iter().cloned().map(Partition::Member));
            if change.resource_type.is_shared() {
                places.insert(Partition::Shared);
            }
            if change.resource_type.may_be_unclaimed() {
                places.insert(Partition::Unclaimed);
            }
            // A resource stands in no member's partition that its home does not name: a first load has nothing to read.
            places.retain(|place| everywhere || !matches!(place, Partition::Member(owner) if !owners.contains(owner)));
            wanted.extend(places.into_iter().map(|place| (place, change.reference.clone())));
            standings.push(Standing { home: Home { owners, ..home }, rows: BTreeMap::new() });
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
                Written::Unchanged if change.is_settled(&standing) => {
                    self.redate_all(change, &standing).await?;
                    return Ok(first);
                }
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

    /// Keeps the source's date of content that stays: the newest date decides which later version is newer.
    async fn redate_all(&self, change: &Change, standing: &Standing) -> Result<(), StoreError> {
        for (partition, copy) in &change.copies {
            if standing.rows.get(partition).is_some_and(|version| version.source_date != copy.source_date) {
                match self.redate(partition, &change.reference, copy).await {
                    // Another run wrote another version at this moment, by its own date.
                    Ok(()) | Err(CommitError::Conflict) => {}
                    Err(CommitError::Store(error)) => return Err(error),
                }
            }
        }
        Ok(())
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
        let both: BTreeSet<String> = owners.union(&standing.home.owners).cloned().collect();
        if both != standing.home.owners {
            self.put_home(reference, &standing.home.owners, &both).await?;
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

    /// Those of these pointers, each a member and a shared resource, that are there and lead straight to it, or in whose place the
    /// member's own resource stands.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn pointers<'a>(
        &self,
        wanted: impl Iterator<Item = &'a (String, Reference)> + Clone,
    ) -> Result<BTreeSet<(String, Reference)>, StoreError> {
        let key = |(owner, target): &(String, Reference)| Partition::Member(owner.clone()).key(target);
        let items = self.consistently(wanted.clone().map(key).collect()).await?;
        let direct: HashSet<(&str, &str)> = items
            .iter()
            .filter(|item| !item.has("n"))
            .filter_map(|item| Some((item.text("pk").ok()?, item.text("sk").ok()?)))
            .collect();
        let is_there = |pointer: &&(String, Reference)| {
            direct.contains(&(format!("Patient/{}", pointer.0).as_str(), pointer.1.to_string().as_str()))
        };
        Ok(wanted.filter(is_there).cloned().collect())
    }

    /// Lets the member reach a shared resource, whether or not it is there yet; `steps` says how far it is from the member's
    /// own: 1 where one of theirs refers to it, 2 where one that is referred to does.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn point(&self, owner: &str, target: &Reference, steps: u8) -> Result<(), StoreError> {
        let key = Partition::Member(owner.to_owned()).key(target);
        // It comes first: whoever a pointer leads to the target is found again when that comes, changes or goes.
        self.write(Item::key(derived::reached(target), owner), Condition::Always).await?;
        if steps == 1 {
            // A nearer pointer takes the place of a farther one; the member's own Device that of neither.
            self.write(key, Condition::LacksOrHas("pk", "n")).await
        } else {
            self.write(key.with("n", u64::from(steps)), Condition::Lacks("pk")).await
        }
    }

    /// Writes a row, unless its condition does not hold.
    async fn write(&self, item: Item, condition: Condition) -> Result<(), StoreError> {
        match self.table.put(item, condition).await {
            Ok(()) | Err(CommitError::Conflict) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// The shared resources that a shared resource leads to; `None` where it is not there.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn shared_references(&self, target: &Reference) -> Result<Option<BTreeSet<Reference>>, StoreError> {
        let place = (Partition::Shared, target.clone());
        let mut found = self.shared_references_at(vec![place.clone()]).await?;
        Ok(found.remove(&place).map(|references| second_step(target, references)))
    }

    /// Notes that something shared changed at this moment, so that whoever asks for news looks.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn announce(&self, now: Time) -> Result<(), StoreError> {
        let item = Item::key(super::resources::SHARED_NEWS, super::resources::moment(now));
        self.write(item, Condition::Lacks("pk")).await
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
