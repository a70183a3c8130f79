//! One batch: what the store has of it is read, what is new gets a receipt, and then it is written.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Result, bail};
use futures_util::{StreamExt, stream};
use serde_json::{Value as Json, json};
use shared::bounds;
use shared::clock::Time;
use shared::fhir::claim::claim;
use shared::fhir::reference::Reference;
use shared::fhir::types::ResourceType;
use shared::record::receipt::receipt;
use shared::record::writer::{Change, Partition, Standing, Written};
use shared::store::StoreError;
use shared::store::objects::content_hash;

use super::ready::{Homes, Ready, change, decides_owner};
use super::reason::{Kind, Reason};
use super::{Pending, Run};

/// Resources that are written side by side.
const CONCURRENCY: usize = 32;

impl Run<'_> {
    /// Makes the changes of a batch, or tells why not. All names are written before anything is settled: what leaves a record takes
    /// along what nothing else there names.
    pub(super) async fn write(&mut self, batch: Vec<Pending>) -> Result<()> {
        let ready = self.resolved(batch).await?;
        let standings = self.writer.standings(&ready.iter().map(|ready| &ready.change).collect::<Vec<_>>()).await?;
        let batch = self.permitted(ready.into_iter().zip(standings).collect()).await?;
        self.send(&batch).await?;
        let received = self.clock.now();
        self.receive(&batch, received).await?;
        let run = &*self;
        run.give(&batch, received).await?;
        run.lead(&batch).await?;
        let written: Vec<(Ready, Result<Written, StoreError>)> = stream::iter(batch)
            .map(async |(ready, standing)| {
                let written = run.settle(&ready, standing, received).await;
                (ready, written)
            })
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        for (ready, written) in written {
            let written = written?;
            self.report.written(ready.pending.kind.name, written);
            if written == Written::Stored {
                self.report.files += ready.pending.documents.len() as u64;
            }
            self.report.unclaimed += u64::from(ready.change.places().any(|place| *place == Partition::Unclaimed));
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
                    resolved.push((pending, resource));
                }
                Err(reason) => self.refuse(&pending, &reason)?,
            }
        }
        let deciding: Vec<Reference> = resolved.iter().flat_map(decides_owner).collect();
        let mut homes = self.writer.homes(&deciding).await?;
        for (reference, home) in
            homes.iter_mut().filter(|(reference, home)| reference.resource_type == "Binary" && home.len() > 1)
        {
            if let Some(holder) = self.writer.holder(reference, home).await? {
                *home = BTreeSet::from([holder]);
            }
        }
        let mut all = Vec::with_capacity(resolved.len());
        for (pending, resource) in resolved {
            match change(&pending, resource, &homes) {
                Ok((change, pointers)) => all.push(Ready { pending, change, pointers }),
                Err(reason) => self.refuse(&pending, &reason)?,
            }
        }
        Ok(all)
    }

    /// What of the batch may be written: no resource that names a Binary of another member's. It is asked before anything of it is.
    async fn permitted(&mut self, batch: Vec<(Ready, Standing)>) -> Result<Vec<(Ready, Standing)>> {
        let is_stored = |(ready, standing): &(Ready, Standing)| ready.change.outcome(standing) == Written::Stored;
        let stored = batch.iter().filter(|change| is_stored(change));
        let named: Vec<Reference> = stored.flat_map(|(ready, _)| ready.binaries()).map(|(_, binary)| binary).collect();
        let homes = self.writer.homes(&named).await?;
        let (mut given, mut permitted) = (HashMap::<Reference, String>::new(), Vec::with_capacity(batch.len()));
        for change in batch {
            let ready = &change.0;
            if is_stored(&change) {
                if let Some(binary) = self.foreign_binary(ready, &homes, &given).await? {
                    let text =
                        format!("it names {binary}, which a document of another member names; a Binary has one owner");
                    self.refuse(&ready.pending, &Reason::new(Kind::BinaryOfAnother, text))?;
                    continue;
                }
                given.extend(ready.binaries().map(|(owner, binary)| (binary, owner.to_owned())));
            }
            permitted.push(change);
        }
        Ok(permitted)
    }

    /// A Binary that the resource names and that may not become its member's.
    async fn foreign_binary(
        &self,
        ready: &Ready,
        homes: &Homes,
        given: &HashMap<Reference, String>,
    ) -> Result<Option<Reference>, StoreError> {
        for (owner, binary) in ready.binaries() {
            let is_given_away = given.get(&binary).is_some_and(|other| other != owner);
            let home = homes.get(&binary).cloned().unwrap_or_default();
            if is_given_away || !self.writer.may_give(&binary, owner, &home, self.survey).await? {
                return Ok(Some(binary));
            }
        }
        Ok(None)
    }

    fn refuse(&mut self, pending: &Pending, reason: &Reason) -> Result<()> {
        self.report.rejected(pending.kind.name, reason.kind);
        let deletion = json!({"request": {"method": "DELETE", "url": pending.reference.to_string()}});
        self.rejected.add(&pending.place, reason, pending.resource.as_ref().unwrap_or(&deletion))
    }

    /// Sends the bytes of documents that are about to be written. That may take long, and nobody sees it.
    async fn send(&self, batch: &[(Ready, Standing)]) -> Result<()> {
        let stored = batch.iter().filter(|(ready, standing)| ready.change.outcome(standing) == Written::Stored);
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
    async fn receive(&self, batch: &[(Ready, Standing)], now: Time) -> Result<()> {
        let mut receipts: BTreeMap<(usize, &str), BTreeSet<Reference>> = BTreeMap::new();
        let mut shared = false;
        for (ready, standing) in batch {
            let outcome = ready.change.outcome(standing);
            shared |= outcome == Written::Deleted && ready.pending.kind.is_shared();
            if outcome != Written::Stored {
                continue;
            }
            for place in ready.change.places() {
                match place {
                    Partition::Member(owner) => {
                        let named = receipts.entry((ready.pending.file, owner)).or_default();
                        named.insert(ready.change.reference().clone());
                    }
                    Partition::Shared => shared = true,
                    Partition::Unclaimed => {}
                }
            }
            for (owner, binary) in ready.binaries() {
                receipts.entry((ready.pending.file, owner)).or_default().insert(binary);
            }
            for (owner, target) in &ready.pointers {
                let brought = self.brought_with(owner, target).await;
                receipts.entry((ready.pending.file, owner)).or_default().extend(brought);
            }
        }
        if shared {
            self.writer.announce(now).await?;
        }
        let kind =
            ResourceType::named("Provenance").ok_or_else(|| StoreError::Fault("no Provenance is kept".into()))?;
        let mut written = stream::iter(receipts.into_iter().flat_map(|((_, owner), named)| {
            let named: Vec<Reference> = named.into_iter().collect();
            let of = |targets: &[Reference]| {
                let mut receipt = receipt(self.plan, now, &salt(owner, targets), targets);
                claim(self.guides, &mut receipt);
                (owner, receipt)
            };
            named.chunks(bounds::RECEIPT_TARGETS).map(of).collect::<Vec<(&str, Json)>>()
        }))
        .map(async |(owner, resource)| {
            let id = resource["id"].as_str().unwrap_or_default().to_owned();
            let change = Change::store(kind, &id, vec![(Partition::Member(owner.to_owned()), resource)]);
            self.writer.receive(owner, change, now).await
        })
        .buffer_unordered(CONCURRENCY);
        while let Some(result) = written.next().await {
            result?;
        }
        Ok(())
    }

    /// The shared resources that the run brings and by which the member is led to this one for the first time in it: it, and what it
    /// refers to.
    async fn brought_with(&self, owner: &str, target: &Reference) -> Vec<Reference> {
        if self.pointers.lock().await.contains_key(&(owner.to_owned(), target.clone())) {
            return Vec::new();
        }
        let next = self.survey.shared_references(target).unwrap_or_default();
        let mut brought = vec![target.clone()];
        brought.extend(next);
        brought.retain(|reference| self.survey.newest.contains_key(reference));
        brought
    }

    /// Gives each Binary to the member whose resource names it.
    async fn give(&self, batch: &[(Ready, Standing)], received: Time) -> Result<()> {
        let stored = batch.iter().filter(|(ready, standing)| ready.change.outcome(standing) == Written::Stored);
        let named = stored.flat_map(|(ready, _)| ready.binaries().map(move |(owner, binary)| (ready, owner, binary)));
        let mut given = stream::iter(named)
            .map(async |(ready, owner, binary)| {
                self.writer.name(owner, &binary, ready.change.reference()).await?;
                let is_given = self.writer.give(&binary, owner, self.survey, self.moment(received)?).await?;
                if !is_given {
                    bail!("another load gave {binary} to another member at this moment; run the same load again");
                }
                Ok(())
            })
            .buffer_unordered(CONCURRENCY);
        while let Some(result) = given.next().await {
            result?;
        }
        Ok(())
    }

    /// Lets members reach the shared resources that theirs refer to, and those that these refer to. Each pointer is written once: one
    /// that is refused because it is there costs as much.
    async fn lead(&self, batch: &[(Ready, Standing)]) -> Result<(), StoreError> {
        let stored = batch.iter().filter(|(ready, standing)| ready.change.outcome(standing) == Written::Stored);
        let direct: BTreeSet<&(String, Reference)> = stored.flat_map(|(ready, _)| &ready.pointers).collect();
        let new = self.point(direct.iter().map(|(owner, target)| (owner.clone(), target.clone())), 1).await?;
        let mut second = BTreeSet::new();
        for (owner, target) in new {
            let next = self.shared_references(&target).await?.into_iter().map(|next| (owner.clone(), next));
            second.extend(next.filter(|pointer| !direct.contains(pointer)));
        }
        self.point(second.into_iter(), 2).await?;
        Ok(())
    }

    /// Writes pointers that are so many steps long; tells which are new.
    async fn point(
        &self,
        pointers: impl Iterator<Item = (String, Reference)>,
        steps: u8,
    ) -> Result<Vec<(String, Reference)>, StoreError> {
        let written: Vec<Result<Option<(String, Reference)>, StoreError>> = stream::iter(pointers)
            .map(async |pointer| {
                if self.pointers.lock().await.get(&pointer).is_some_and(|known| *known <= steps) {
                    return Ok(None);
                }
                let new = self.writer.point(&pointer.0, &pointer.1, steps).await?;
                self.pointers.lock().await.insert(pointer.clone(), steps);
                Ok(new.then_some(pointer))
            })
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        written.into_iter().filter_map(Result::transpose).collect()
    }

    /// Writes the files that a resource names, then the resource.
    async fn settle(&self, ready: &Ready, standing: Standing, received: Time) -> Result<Written, StoreError> {
        if ready.change.outcome(&standing) == Written::Stored {
            for document in &ready.pending.documents {
                let there = self.writer.standings(&[document]).await?.pop().unwrap_or_default();
                self.writer.settle(document, there, self.survey, self.moment(received)?).await?;
            }
        }
        self.writer.settle(&ready.change, standing, self.survey, self.moment(received)?).await
    }

    /// The moment, as long as the receipts still tell of what becomes visible now.
    fn moment(&self, received: Time) -> Result<Time, StoreError> {
        let now = self.clock.now();
        if now.0 - received.0 > bounds::RECEIPT_LEAD / 2 {
            return Err(StoreError::Busy("the store takes minutes for one batch; run the same load again".into()));
        }
        Ok(now)
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

/// What tells receipts of one moment apart.
fn salt(owner: &str, targets: &[Reference]) -> String {
    let text = targets.iter().fold(owner.to_owned(), |text, target| format!("{text} {target}"));
    hex::encode(&content_hash(text.as_bytes())[..10])
}
