//! The consequences of changes: the members whose pointers and receipts, and the Provenances whose copies, are to be derived again.

use std::collections::BTreeSet;

use anyhow::Result;
use futures_util::{StreamExt, stream};
use shared::fhir::reference::{Reference, references_in};
use shared::record::partition::Partition;
use shared::record::writer::{Standing, ToDo, Written, second_step};

use super::batch::{CONCURRENCY, stored};
use super::lead::{Origin, Pointer, named};
use super::ready::Ready;
use super::{Pending, Run};

impl Run<'_> {
    /// The notes of all that is to be derived again once the changes of a batch are made: for members who lose a resource, or a reference of one; for
    /// those who reach a shared resource that comes, goes or leads elsewhere; and for Provenances about what comes or moves.
    pub(super) async fn affected(&self, batch: &[(Ready, Standing)]) -> Result<BTreeSet<ToDo>> {
        let (mut to_do, mut compared, mut reached) = (BTreeSet::new(), Vec::new(), BTreeSet::new());
        for (ready, standing) in batch {
            let outcome = ready.change.outcome(standing);
            let reference = ready.change.reference();
            if !matches!(outcome, Written::Stored | Written::Deleted) {
                continue;
            }
            let there: BTreeSet<&Partition> = standing.partitions().collect();
            let then: BTreeSet<&Partition> = ready.change.partitions().collect();
            for partition in there.iter().copied() {
                match partition {
                    Partition::Unclaimed => {}
                    partition if then.contains(partition) => compared.push((ready, standing, partition)),
                    Partition::Member(member) => drop(to_do.insert(ToDo::Member(member.clone()))),
                    Partition::Shared => drop(reached.insert(reference)),
                }
            }
            if then.contains(&Partition::Shared) && !there.contains(&Partition::Shared) {
                reached.insert(reference);
            }
            for target in &ready.absent {
                // The target may come in this very batch.
                if self.survey.has(target)? {
                    to_do.insert(ToDo::Provenance(reference.id.clone()));
                }
            }
            if !there.iter().eq(then.iter()) {
                to_do.extend(standing.provenances().iter().cloned().map(ToDo::Provenance));
            }
        }
        let places =
            compared.iter().map(|(ready, _, partition)| ((*partition).clone(), ready.change.reference().clone()));
        let before = self.writer.shared_references_at(places.collect()).await?;
        for (ready, standing, partition) in compared {
            let reference = ready.change.reference();
            let after = ready.change.resource(partition).map(references_in).unwrap_or_default();
            let Some(before) = before.get(&(partition.clone(), reference.clone())) else { continue };
            match partition {
                Partition::Member(member) => {
                    let named = standing.binaries(partition).into_iter().flatten();
                    let drops = named.map(|id| Reference::new("Binary", id)).any(|binary| !ready.names(&binary));
                    if drops || !before.is_subset(&after) {
                        to_do.insert(ToDo::Member(member.clone()));
                    }
                }
                Partition::Shared => {
                    if second_step(reference, before.iter().cloned()) != second_step(reference, after) {
                        reached.insert(reference);
                    }
                }
                Partition::Unclaimed => {}
            }
        }
        for pointer in self.members_reaching(reached).await? {
            // A pointer of this run was written by the version that comes now.
            let is_of_this_run = self.pointers.get(&named(&pointer))? == Some(Origin::ThisRun);
            if !(is_of_this_run && self.survey.has(&pointer.1)?) {
                to_do.insert(ToDo::Member(pointer.0));
            }
        }
        to_do.extend(self.about_binaries(batch).await?);
        Ok(to_do)
    }

    /// The members whose pointers lead to these shared resources, each with the resource.
    async fn members_reaching(&self, shared: BTreeSet<&Reference>) -> Result<Vec<Pointer>> {
        let shared: Vec<Reference> = shared.into_iter().cloned().collect();
        let mut members = stream::iter(shared)
            .map(async |target| (self.writer.reached_by(&target).await, target))
            .buffer_unordered(CONCURRENCY);
        let mut pointers = Vec::new();
        while let Some((reached_by, target)) = members.next().await {
            pointers.extend(reached_by?.into_iter().map(|member| (member, target.clone())));
        }
        Ok(pointers)
    }

    /// Writes the notes of all that is to be derived again, before there is a reason to.
    pub(super) async fn note(&mut self, affected: BTreeSet<ToDo>) -> Result<()> {
        let mut noted = stream::iter(affected.iter().cloned())
            .map(async |to_do| self.writer.note(&to_do).await)
            .buffer_unordered(CONCURRENCY);
        while let Some(result) = noted.next().await {
            result?;
        }
        drop(noted);
        self.to_do.extend(affected);
        Ok(())
    }

    /// The Provenances about Binaries that change hands with the documents that name them.
    async fn about_binaries(&self, batch: &[(Ready, Standing)]) -> Result<Vec<ToDo>> {
        let named: Vec<Reference> = stored(batch).flat_map(Ready::binaries).map(|(_, binary)| binary).collect();
        let homes = self.writer.homes(&named).await?;
        Ok(homes.into_values().flat_map(|home| home.provenances).map(ToDo::Provenance).collect())
    }

    /// Does what is to be done, until nothing is left: a copy that moves may let another member lose something.
    pub(super) async fn follow_up(&mut self) -> Result<()> {
        let misled = std::mem::take(&mut self.misled);
        let misled = self.members_reaching(misled.iter().collect()).await?;
        self.note(misled.into_iter().map(|(member, _)| ToDo::Member(member)).collect()).await?;
        let mut copied = BTreeSet::new();
        // Provenances come first: what follows from a member's resources follows from their copies, too.
        while let Some(next) = self.to_do.pop_first() {
            match &next {
                ToDo::Provenance(id) => {
                    copied.insert(id.clone());
                    self.copy_again(id).await?;
                }
                ToDo::Member(member) => {
                    let moved = self.writer.derive(member, &self.receipts(), self.clock.now()).await?;
                    let moved: Vec<String> = moved.into_iter().filter(|id| !copied.contains(id)).collect();
                    if !moved.is_empty() {
                        self.note(moved.into_iter().map(ToDo::Provenance).collect()).await?;
                        self.to_do.insert(next);
                        continue;
                    }
                }
            }
            self.writer.done(&next).await?;
        }
        Ok(())
    }

    /// Makes the copies of a Provenance anew, by whose its targets are now.
    async fn copy_again(&mut self, id: &str) -> Result<()> {
        let Some(provenance) = self.writer.provenance(id).await? else { return Ok(()) };
        let pending = Pending::stored(Reference::new("Provenance", id))?;
        self.store(vec![(pending, Some(provenance))]).await?;
        Ok(())
    }
}
