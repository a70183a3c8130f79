//! One batch: what the store has of it is read, what is new gets a receipt, and then it is written.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use futures_util::{StreamExt, stream};
use serde_json::{Value as Json, json};
use shared::clock::Time;
use shared::fhir::claim::claim;
use shared::fhir::receipt::{self, receipt};
use shared::fhir::reference::Reference;
use shared::fhir::types::ResourceType;
use shared::store::StoreError;
use shared::store::row::content_hash;
use shared::store::writer::{Change, Place, Standing, Written};

use super::ready::{Ready, change, decides_owner};
use super::reason::{Kind, Reason};
use super::{Pending, Run};

/// Resources that are written side by side.
const CONCURRENCY: usize = 32;

/// What became of a change.
enum Outcome {
    Written(Written),
    Refused(Reason),
}

impl Run<'_> {
    /// Makes the changes of a batch, or tells why not.
    pub(super) async fn write(&mut self, batch: Vec<Pending>) -> Result<()> {
        let ready = self.resolved(batch).await?;
        let standings = self.writer.standings(&ready.iter().map(|ready| &ready.change).collect::<Vec<_>>()).await?;
        self.send(&ready, &standings).await?;
        let received = self.clock.now();
        self.receive(&ready, &standings, received).await?;
        let run = &*self;
        let written: Vec<(Ready, Result<Outcome, StoreError>)> = stream::iter(ready.into_iter().zip(standings))
            .map(async |(ready, standing)| {
                let outcome = run.make(&ready, standing, received).await;
                (ready, outcome)
            })
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        for (ready, outcome) in written {
            match outcome? {
                Outcome::Written(written) => {
                    self.report.written(ready.pending.kind.name, written);
                    if written == Written::Stored {
                        self.report.files += ready.pending.documents.len() as u64;
                    }
                    self.report.unclaimed += u64::from(ready.change.places().any(|place| *place == Place::Unclaimed));
                }
                Outcome::Refused(reason) => self.refuse(&ready.pending, &reason)?,
            }
        }
        Ok(())
    }

    /// The changes that the batch makes; what makes none is rejected.
    async fn resolved(&mut self, batch: Vec<Pending>) -> Result<Vec<Ready>> {
        let mut resolved = Vec::with_capacity(batch.len());
        for mut pending in batch {
            match self.resolve(&pending) {
                Ok((resource, documents)) => {
                    pending.documents = documents;
                    // The original is kept for the rejections, its resolved form decides.
                    let original = pending.resource.take();
                    pending.resource = resource;
                    resolved.push((pending, original));
                }
                Err(reason) => self.refuse(&pending, &reason)?,
            }
        }
        let deciding: Vec<Reference> = resolved.iter().flat_map(|(pending, _)| decides_owner(pending)).collect();
        let homes = self.writer.homes(&deciding).await?;
        let mut ready = Vec::with_capacity(resolved.len());
        for (mut pending, original) in resolved {
            let resource = std::mem::replace(&mut pending.resource, original);
            match change(&pending, resource, &homes) {
                Ok(change) => ready.push(Ready::new(pending, change)),
                Err(reason) => self.refuse(&pending, &reason)?,
            }
        }
        Ok(ready)
    }

    fn refuse(&mut self, pending: &Pending, reason: &Reason) -> Result<()> {
        self.report.rejected(pending.kind.name, reason.kind);
        let deletion = json!({"request": {"method": "DELETE", "url": pending.reference.to_string()}});
        self.rejected.add(&pending.place, reason, pending.resource.as_ref().unwrap_or(&deletion))
    }

    /// Sends the bytes of documents that are about to be written. That may take long, and nobody sees it.
    async fn send(&self, ready: &[Ready], standings: &[Standing]) -> Result<()> {
        let stored =
            ready.iter().zip(standings).filter(|(ready, standing)| ready.change.outcome(standing) == Written::Stored);
        let stored: Vec<&Ready> = stored.map(|(ready, _)| ready).collect();
        let documents = stored.iter().flat_map(|ready| &ready.pending.documents);
        // Several resources may name one file.
        let documents: BTreeMap<&Reference, &Change> = documents.map(|change| (change.reference(), change)).collect();
        let documents: Vec<&Change> = documents.into_values().collect();
        let there = self.writer.standings(&documents).await?;
        let new =
            documents.into_iter().zip(&there).filter(|(document, there)| document.outcome(there) == Written::Stored);
        let changes = stored.iter().map(|ready| &ready.change).chain(new.map(|(document, _)| document));
        let mut sent = stream::iter(changes).map(|change| self.writer.send(change)).buffer_unordered(CONCURRENCY);
        while let Some(result) = sent.next().await {
            result?;
        }
        Ok(())
    }

    /// Writes the receipts of what is about to be written: one for each file and member.
    async fn receive(&self, ready: &[Ready], standings: &[Standing], now: Time) -> Result<()> {
        let mut receipts: BTreeMap<(usize, &str), BTreeSet<&Reference>> = BTreeMap::new();
        let mut shared = false;
        for (ready, standing) in ready.iter().zip(standings) {
            let outcome = ready.change.outcome(standing);
            shared |= outcome == Written::Deleted && ready.pending.kind.is_shared();
            if outcome != Written::Stored {
                continue;
            }
            for place in ready.change.places() {
                match place {
                    Place::Member(owner) => {
                        let named = receipts.entry((ready.pending.file, owner)).or_default();
                        named.insert(ready.change.reference());
                        named.extend(&ready.binaries);
                    }
                    Place::Shared => shared = true,
                    Place::Unclaimed => {}
                }
            }
        }
        if shared {
            self.writer.announce(now).await?;
        }
        let kind =
            ResourceType::named("Provenance").ok_or_else(|| StoreError::Fault("no Provenance is kept".into()))?;
        let mut written = stream::iter(receipts.into_iter().flat_map(|((_, owner), named)| {
            let named: Vec<Reference> = named.into_iter().cloned().collect();
            let of = |targets: &[Reference]| {
                let mut receipt = receipt(self.plan, now, &salt(owner, targets), targets);
                claim(self.guides, &mut receipt);
                (owner, receipt)
            };
            named.chunks(receipt::MOST_TARGETS).map(of).collect::<Vec<(&str, Json)>>()
        }))
        .map(async |(owner, resource)| {
            let id = resource["id"].as_str().unwrap_or_default().to_owned();
            let change = Change::store(kind, &id, vec![(Place::Member(owner.to_owned()), resource)]);
            self.writer.receive(owner, change, now).await
        })
        .buffer_unordered(CONCURRENCY);
        while let Some(result) = written.next().await {
            result?;
        }
        Ok(())
    }

    /// Writes what a resource names and what leads to it, then the resource. Every step may be repeated.
    async fn make(&self, ready: &Ready, standing: Standing, received: Time) -> Result<Outcome, StoreError> {
        let outcome = ready.change.outcome(&standing);
        if outcome == Written::Stored {
            let holders = self.writer.homes(&ready.binaries).await?;
            for place in ready.change.places() {
                let Place::Member(owner) = place else { continue };
                for (binary, holder) in holders.iter().filter(|(_, holder)| !holder.contains(owner)) {
                    // With a document that was another member's goes what it holds.
                    let before = holder.iter().find(|before| standing.is_of(before));
                    let moved = match before {
                        Some(before) => {
                            let document = ready.change.reference();
                            self.writer.hand_over(binary, document, before, owner, self.clock.now()).await?
                        }
                        None => false,
                    };
                    if !moved {
                        return Ok(Outcome::of_another(binary));
                    }
                }
                for binary in &ready.binaries {
                    if !self.writer.claim(binary, owner).await?.contains(owner) {
                        return Ok(Outcome::of_another(binary));
                    }
                    self.writer.adopt(binary, owner, self.clock.now()).await?;
                    self.writer.name(owner, binary, ready.change.reference()).await?;
                }
                for target in &ready.pointers {
                    self.lead(owner, target).await?;
                }
            }
        }
        if outcome == Written::Stored {
            for document in &ready.pending.documents {
                let there = self.writer.standings(&[document]).await?.pop().unwrap_or_default();
                self.writer.settle(document, there, self.clock.now()).await?;
            }
        }
        let now = self.clock.now();
        if now.0 - received.0 > receipt::LEAD / 2 {
            return Err(StoreError::Busy("the store takes minutes for one batch; run the same load again".into()));
        }
        Ok(Outcome::Written(self.writer.settle(&ready.change, standing, now).await?))
    }

    /// Lets a member reach a shared resource and those that it refers to.
    async fn lead(&self, owner: &str, target: &Reference) -> Result<(), StoreError> {
        if self.point(owner, target, 1).await? {
            for next in self.shared_references(target).await? {
                self.point(owner, &next, 2).await?;
            }
        }
        Ok(())
    }

    /// Whether this pointer is new.
    async fn point(&self, owner: &str, target: &Reference, steps: u8) -> Result<bool, StoreError> {
        let pointer = (owner.to_owned(), target.clone());
        if self.pointers.lock().await.get(&pointer).is_some_and(|known| *known <= steps) {
            return Ok(false);
        }
        let new = self.writer.point(owner, target, steps).await?;
        self.pointers.lock().await.insert(pointer, steps);
        Ok(new)
    }

    /// The shared resources that a shared one refers to: by this run, or else by the store.
    async fn shared_references(&self, target: &Reference) -> Result<Vec<Reference>, StoreError> {
        if let Some(known) = self.survey.shared_references(target) {
            return Ok(known);
        }
        if let Some(known) = self.shared_references.lock().await.get(target) {
            return Ok(known.clone());
        }
        let read = self.writer.shared_references(target).await?;
        self.shared_references.lock().await.insert(target.clone(), read.clone());
        Ok(read)
    }
}

impl Outcome {
    fn of_another(binary: &Reference) -> Outcome {
        let text = format!("it names {binary}, which a document of another member names; a Binary has one owner");
        Outcome::Refused(Reason::new(Kind::BinaryOfAnother, text))
    }
}

/// What tells receipts of one moment apart.
fn salt(owner: &str, targets: &[Reference]) -> String {
    let text = targets.iter().fold(owner.to_owned(), |text, target| format!("{text} {target}"));
    content_hash(text.as_bytes())[..10].iter().fold(String::new(), |salt, byte| format!("{salt}{byte:02x}"))
}
