//! Changes are made here: the rows that stand there are read, and then changed step by step.

use std::collections::{BTreeMap, BTreeSet};

use super::binaries::PlannedNames;
use super::change::{Change, Written};
use super::rows::Writer;
use super::standing::{Home, Standing};
use crate::bounds::TRANSACTION_ROWS;
use crate::clock::Time;
use crate::fhir::reference::Reference;
use crate::fhir::types::Owner;
use crate::record::partition::Partition;
use crate::store::StoreError;
use crate::store::table::CommitError;

/// How often a change is tried while other runs change the same resource.
const MOST_TRIES: usize = 5;

impl Writer {
    /// The standing of each of these, in their order, found by their homes.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn standings(&self, changes: &[&Change]) -> Result<Vec<Standing>, StoreError> {
        self.look(changes, false).await
    }

    /// Reads the partitions that the homes name and, with `everywhere`, also those that the changes name. Without a home nothing should
    /// stand in the latter.
    pub(super) async fn look(&self, changes: &[&Change], everywhere: bool) -> Result<Vec<Standing>, StoreError> {
        let homes = self.homes(&changes.iter().map(|change| change.reference.clone()).collect::<Vec<_>>()).await?;
        let mut standings = Vec::with_capacity(changes.len());
        let mut wanted: Vec<(Partition, Reference)> = Vec::new();
        for change in changes {
            let home = homes.get(&change.reference).cloned().unwrap_or_default();
            let owners = match change.resource_type.owner {
                Owner::Itself => BTreeSet::from([change.reference.id.clone()]),
                _ => home.owners.clone(),
            };
            let mut partitions: BTreeSet<Partition> = change.copies.keys().cloned().collect();
            partitions.extend(owners.iter().cloned().map(Partition::Member));
            if change.resource_type.is_shared() {
                partitions.insert(Partition::Shared);
            }
            if change.resource_type.may_be_unclaimed() {
                partitions.insert(Partition::Unclaimed);
            }
            // No copy stands in a member's partition that the home does not name: a first load has nothing to read.
            let may_stand = |partition: &Partition| partition.owner().is_none_or(|owner| owners.contains(owner));
            partitions.retain(|partition| everywhere || may_stand(partition));
            wanted.extend(partitions.into_iter().map(|partition| (partition, change.reference.clone())));
            standings.push(Standing { home: Home { owners, ..home }, rows: BTreeMap::new() });
        }
        let mut rows = self.standing_rows(wanted).await?;
        for (change, standing) in changes.iter().zip(&mut standings) {
            standing.rows = rows.remove(&change.reference).unwrap_or_default();
        }
        Ok(standings)
    }

    /// Sends the content of a change's Binary to the bucket, where nothing leads to it yet. That may take long, so it comes before
    /// everything that apps can see.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn send(&self, change: &Change) -> Result<(), StoreError> {
        for upload in change.copies.values().filter_map(|copy| copy.upload.as_ref()) {
            self.objects.put(upload.object(), upload.media_type(), upload.bytes()).await?;
        }
        Ok(())
    }

    /// Makes a change, once its content was sent and the Binaries that it names were given. Each step may be repeated, and after
    /// each a later run finds every copy: the home names old and new partitions, then the new rows are written, then the old ones
    /// removed, then the home names the new partitions alone.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn settle(
        &self,
        change: &Change,
        standing: Standing,
        planned: &dyn PlannedNames,
        now: Time,
    ) -> Result<Written, StoreError> {
        let mut standing = standing;
        let first = change.outcome(&standing);
        for _ in 0..MOST_TRIES {
            match change.outcome(&standing) {
                Written::Superseded => return Ok(Written::Superseded),
                // Nothing is left to do. If there was at first, an earlier try succeeded but its answer was lost: give the first
                // outcome.
                Written::Unchanged if change.is_settled(&standing) => {
                    self.make_claims(change).await?;
                    self.follow_date(change, &standing).await?;
                    return Ok(first);
                }
                _ => {}
            }
            match self.attempt(change, &standing, planned, now).await {
                Ok(()) => return Ok(first),
                // Another run wrote the same resource at the same moment: look again.
                Err(CommitError::Conflict) => standing = self.look(&[change], true).await?.pop().unwrap_or_default(),
                Err(CommitError::Store(error)) => return Err(error),
            }
        }
        Err(StoreError::Busy("a resource is being written by others again and again".into()))
    }

    /// Writes the source's date of content that stays, and of every tombstone that an earlier deletion left.
    async fn follow_date(&self, change: &Change, standing: &Standing) -> Result<(), StoreError> {
        for (partition, row) in
            standing.rows.iter().filter(|(_, row)| !row.is_live() && row.source_date < change.deleted)
        {
            self.put_deletion_date(partition, &change.reference, (row, change.deleted)).await?;
        }
        match change.copies.values().next() {
            Some(copy) if copy.source_date != standing.source_date() => {
                self.redate(&change.reference, standing, copy.source_date).await
            }
            _ => Ok(()),
        }
    }

    async fn attempt(
        &self,
        change: &Change,
        standing: &Standing,
        planned: &dyn PlannedNames,
        now: Time,
    ) -> Result<(), CommitError> {
        let (reference, owners) = (&change.reference, change.owners());
        // They go into the first write of content. One transaction has no more rows: the rest goes before it.
        let mut withdrawn = self.withdrawals(change, standing).await?;
        while withdrawn.len() >= TRANSACTION_ROWS {
            let rest = withdrawn.split_off(withdrawn.len().saturating_sub(TRANSACTION_ROWS));
            self.table.transact(rest).await?;
        }
        if change.copies.is_empty() {
            for (partition, row) in standing.live() {
                self.release(partition, reference, &row.binaries, planned, Some(now)).await?;
                self.bury(partition, reference, row, (now, change.deleted), std::mem::take(&mut withdrawn)).await?;
            }
            return Ok(());
        }
        self.identify(change).await?;
        let both: BTreeSet<String> = owners.union(&standing.home.owners).cloned().collect();
        if both != standing.home.owners {
            self.put_home(reference, &standing.home.owners, &both).await?;
        }
        for (partition, copy) in &change.copies {
            let there = standing.rows.get(partition);
            if there.is_none_or(|row| row.hash.as_ref() != Some(&copy.hash)) {
                let version = (standing.latest() + 1, now);
                self.put_copy(change, (partition, copy), there, version, std::mem::take(&mut withdrawn)).await?;
            }
            if let Some(row) = there {
                self.drop_binaries(partition, reference, (copy, row), planned, now).await?;
            }
        }
        if !withdrawn.is_empty() {
            // An earlier try was cut short after the content, which is where it should be.
            self.table.transact(withdrawn).await?;
        }
        self.make_claims(change).await?;
        for (partition, row) in standing.rows.iter().filter(|(partition, _)| !change.copies.contains_key(partition)) {
            self.release(partition, reference, &row.binaries, planned, None).await?;
            if row.is_live() && change.copies.contains_key(&Partition::Shared) {
                self.leave_pointer(partition, reference, row).await?;
            } else {
                self.remove(partition, reference, row).await?;
            }
        }
        if both != owners {
            self.put_home(reference, &both, &owners).await?;
        }
        Ok(())
    }
}
