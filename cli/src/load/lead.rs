//! The ways to resources: pointers from a member to shared resources, and the receipts that tell the member what came.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use shared::clock::Time;
use shared::fhir::reference::Reference;
use shared::record::partition::Partition;
use shared::record::writer::{Change, Receipts, Standing, Written, second_step};

use super::Run;
use super::batch::{CONCURRENCY, stored};
use super::ready::Ready;

/// A member, and a shared resource that a resource of theirs refers to.
pub(super) type Pointer = (String, Reference);

/// The run that wrote a pointer.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Origin {
    /// An earlier one.
    Store,
    /// This one, and its receipt named the target.
    ThisRun,
}

/// A pointer as a key.
pub(super) fn named((member, target): &Pointer) -> String {
    format!("{member} {target}")
}

impl Run<'_> {
    /// The receipts of this run's plan.
    pub(super) fn receipts(&self) -> Receipts<'_> {
        Receipts { plan: self.plan, guides: self.guides }
    }

    /// Writes the Organization that receipts name as their author, unless it is there as it should be.
    pub(super) async fn introduce(&self) -> Result<()> {
        let Some(author) = self.receipts().author() else { return Ok(()) };
        let standing = self.writer.standings(&[&author]).await?.pop().unwrap_or_default();
        if author.outcome(&standing) == Written::Stored {
            let now = self.clock.now();
            self.writer.announce(now).await?;
            self.writer.settle(&author, standing, &self.survey, now).await?;
        }
        Ok(())
    }

    /// The pointers of a batch that its members do not have yet, each with the shared resources that its target leads to; `None`
    /// where the target is not there.
    pub(super) async fn new_pointers(
        &self,
        batch: &[(Ready, Standing)],
    ) -> Result<BTreeMap<Pointer, Option<BTreeSet<Reference>>>> {
        let mut wanted = BTreeSet::new();
        for pointer in stored(batch).flat_map(|ready| &ready.pointers).collect::<BTreeSet<_>>() {
            if !self.pointers.has(&named(pointer))? {
                wanted.insert(pointer);
            }
        }
        let there = self.writer.pointers(wanted.iter().copied()).await?;
        for pointer in &there {
            self.pointers.put(&named(pointer), &Origin::Store)?;
        }
        let mut new = BTreeMap::new();
        for pointer in wanted.into_iter().filter(|pointer| !there.contains(*pointer)) {
            new.insert(pointer.clone(), self.leads_to(&pointer.1).await?);
        }
        Ok(new)
    }

    /// The shared resources that a shared one leads to, by this run or else by the store; `None` where it is not there.
    async fn leads_to(&self, target: &Reference) -> Result<Option<BTreeSet<Reference>>> {
        if self.survey.has(target)? {
            let named = self.survey.shared_references(target)?;
            return Ok(named.map(|named| second_step(target, named)));
        }
        if let Some(known) = self.shared_references.get(&target.to_string())? {
            return Ok(known);
        }
        let read = self.writer.shared_references(target).await?;
        self.shared_references.put(&target.to_string(), &read)?;
        Ok(read)
    }

    /// Writes the receipts of what is about to be written: one for each file and member.
    pub(super) async fn receive(
        &self,
        batch: &[(Ready, Standing)],
        new: &BTreeMap<Pointer, Option<BTreeSet<Reference>>>,
        now: Time,
    ) -> Result<()> {
        let binaries: BTreeSet<Reference> = stored(batch).flat_map(Ready::binaries).map(|(_, binary)| binary).collect();
        let there = self.writer.binaries_there(&binaries).await?;
        let mut receipts: BTreeMap<(usize, &str), BTreeSet<Reference>> = BTreeMap::new();
        let mut told: BTreeSet<&Pointer> = BTreeSet::new();
        for ready in stored(batch) {
            let file = ready.pending.file;
            for partition in ready.change.partitions() {
                if let Partition::Member(owner) = partition {
                    receipts.entry((file, owner)).or_default().insert(ready.change.reference().clone());
                }
            }
            let filed: BTreeSet<&Reference> = ready.pending.documents.iter().map(Change::reference).collect();
            for (owner, binary) in ready.binaries() {
                if there.contains(&binary) || filed.contains(&binary) {
                    receipts.entry((file, owner)).or_default().insert(binary);
                }
            }
            for pointer in ready.pointers.iter().filter(|pointer| told.insert(pointer)) {
                if let Some(Some(next)) = new.get(pointer) {
                    let named = receipts.entry((file, &pointer.0)).or_default();
                    named.insert(pointer.1.clone());
                    for target in next {
                        if self.leads_to(target).await?.is_some() {
                            named.insert(target.clone());
                        }
                    }
                }
            }
        }
        let is_shared = |(ready, standing): &(Ready, Standing)| {
            let outcome = ready.change.outcome(standing);
            let is_stored = outcome == Written::Stored
                && ready.change.partitions().any(|partition| *partition == Partition::Shared);
            is_stored || (outcome == Written::Deleted && ready.pending.kind.is_shared())
        };
        if batch.iter().any(is_shared) {
            self.writer.announce(now).await?;
        }
        let receipts = receipts.into_iter().flat_map(|((_, owner), named)| {
            let named: Vec<Reference> = named.into_iter().collect();
            self.receipts().of(owner, &named, now).into_iter().map(move |receipt| (owner, receipt))
        });
        let mut written = stream::iter(receipts)
            .map(async |(owner, receipt)| self.writer.receive(owner, receipt, now).await)
            .buffer_unordered(CONCURRENCY);
        while let Some(result) = written.next().await {
            result?;
        }
        Ok(())
    }

    /// Lets members reach the shared resources that theirs refer to, and those that these lead to.
    pub(super) async fn lead(&self, new: &BTreeMap<Pointer, Option<BTreeSet<Reference>>>) -> Result<()> {
        self.point(new.keys().cloned().collect(), 1).await?;
        let next = new
            .iter()
            .flat_map(|((owner, _), next)| next.iter().flatten().map(move |target| (owner.clone(), target.clone())));
        let second: BTreeSet<Pointer> = next.filter(|pointer| !new.contains_key(pointer)).collect();
        self.point(second, 2).await?;
        new.keys().try_for_each(|pointer| self.pointers.put(&named(pointer), &Origin::ThisRun))
    }

    async fn point(&self, pointers: BTreeSet<Pointer>, steps: u8) -> Result<()> {
        let mut written = stream::iter(pointers)
            .map(async |(owner, target)| self.writer.point(&owner, &target, steps).await)
            .buffer_unordered(CONCURRENCY);
        while let Some(result) = written.next().await {
            result?;
        }
        Ok(())
    }
}
