//! One batch: its state in the store is read, its new resources get a receipt, and then it is written.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use anyhow::{Result, bail};
use futures_util::{StreamExt, stream};
use serde_json::{Value as Json, json};
use shared::access::demographics::Demographics;
use shared::bounds;
use shared::clock::Time;
use shared::fhir::reference::Reference;
use shared::fhir::types::Owner;
use shared::record::receipt::{author, is_receipt};
use shared::record::writer::{Change, Standing, Written};
use shared::store::StoreError;

use super::fate::Fate;
use super::lead::Pointer;
use super::ready::{Homes, Ready, Resolved, decides_owner};
use super::reason::{Reason, ReasonCode};
use super::{Pending, Run};

/// Resources that are written side by side.
pub(super) const CONCURRENCY: usize = 32;

/// A batch has taken so long that its receipts no longer announce what becomes visible now.
#[derive(Debug)]
struct TooLate;

impl fmt::Display for TooLate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the store takes minutes for one batch")
    }
}

impl std::error::Error for TooLate {}

impl Run<'_> {
    /// Makes the changes of a batch, or tells why not, and derives again what follows from them.
    pub(super) async fn write(&mut self, batch: Vec<Pending>) -> Result<()> {
        let mut resolved = Vec::with_capacity(batch.len());
        self.look_up(batch.iter().filter_map(|pending| pending.resource.as_ref())).await?;
        for mut pending in batch {
            match self.resolve(&pending)? {
                Ok(Resolved { resource, documents, logical }) => {
                    pending.documents = documents;
                    self.tell_logical(&pending, &logical);
                    resolved.push((pending, resource));
                }
                Err(reason) => self.refuse(&pending, &reason)?,
            }
        }
        let (mut led, mut known) = (Vec::new(), Vec::new());
        for (ready, written, fate) in self.store(resolved).await? {
            let is_patient = ready.pending.kind.owner == Owner::Itself;
            if is_patient {
                let patients = ready.change.partitions().filter_map(|partition| ready.change.resource(partition));
                known.extend(patients.map(|patient| (Demographics::of(patient), ready.pending.place.clone())));
            }
            match written {
                Written::Stored if is_patient || ready.pending.kind.name == "Coverage" => {
                    self.tell_rivals(&ready).await?;
                    self.tell_replaced(&ready).await?;
                }
                Written::Deleted if is_patient => {
                    self.end_delegations(&ready.change.reference().id).await?;
                    self.gone.put(&ready.change.reference().id, &())?;
                    self.outcome.gone.push(ready.change.reference().id.clone());
                }
                _ => {}
            }
            self.report.written(ready.pending.kind.name, written);
            if written == Written::Stored {
                self.report.documents += ready.pending.documents.len() as u64;
                self.tell(&ready, fate);
                led.extend(ready.leads());
            }
            self.report.unclaimed += u64::from(ready.change.is_unclaimed());
            self.step_forward(ready.change.reference())?;
        }
        self.follow_delegations(known).await?;
        self.follow_references(led).await?;
        self.follow_up().await
    }

    /// Counts and lists what became of a resource besides being stored.
    fn tell(&mut self, ready: &Ready, fate: Fate) {
        match fate {
            Fate::Moved { from, to } => {
                self.report.moved += 1;
                let text = format!("{} moved from {from} to {to}", ready.change.reference());
                self.report.find("moved", &ready.pending.place, text);
            }
            Fate::Restored => {
                self.report.restored += 1;
                let text = format!("{} had been deleted, and is back", ready.change.reference());
                self.report.find("restored", &ready.pending.place, text);
            }
            Fate::Plain => {}
        }
    }

    /// Makes changes. All names are written before anything is settled: what leaves a record takes along what nothing else there
    /// names.
    pub(super) async fn store(
        &mut self,
        resolved: Vec<(Pending, Option<Json>)>,
    ) -> Result<Vec<(Ready, Written, Fate)>> {
        let ready = self.ready(resolved).await?;
        let standings = self.writer.standings(&ready.iter().map(|ready| &ready.change).collect::<Vec<_>>()).await?;
        let batch = self.permitted(ready.into_iter().zip(standings).collect()).await?;
        let batch = self.after_the_undated(batch)?;
        self.withdraw_superseded(&batch)?;
        let affected = self.affected(&batch).await?;
        self.ledger.enter(&self.writer, &batch).await?;
        self.note(affected).await?;
        self.send(&batch).await?;
        let run = &*self;
        let new = run.new_pointers(&batch).await?;
        loop {
            match run.make(&batch, &new, self.clock.now()).await {
                // The part that was written stays. The rest becomes visible later than its receipts announce, so it gets new ones.
                Err(error) if error.is::<TooLate>() => {}
                made => {
                    let made = batch.into_iter().zip(made?);
                    let outcome = |((ready, standing), written)| {
                        let (written, fate) = self.ledger.outcome(&ready, &standing, written);
                        (ready, written, fate)
                    };
                    return Ok(made.map(outcome).collect());
                }
            }
        }
    }

    /// Makes the changes of a batch, after all that leads to them.
    async fn make(
        &self,
        batch: &[(Ready, Standing)],
        new: &BTreeMap<Pointer, Option<BTreeSet<Reference>>>,
        received: Time,
    ) -> Result<Vec<Written>> {
        self.receive(batch, new, received).await?;
        self.give(batch, received).await?;
        self.lead(new).await?;
        self.await_targets(batch).await?;
        // Patients come first: a Coverage leads to its member by the birth date that stands in the Patient.
        let (first, rest): (Vec<_>, Vec<_>) =
            (0..batch.len()).partition(|at| batch[*at].0.pending.kind.owner == Owner::Itself);
        let mut written: Vec<(usize, Result<Written>)> = Vec::with_capacity(batch.len());
        for part in [first, rest] {
            let settled = stream::iter(part).map(async |at| {
                let (ready, standing) = &batch[at];
                (at, self.settle(ready, standing.clone(), received).await)
            });
            written.extend(settled.buffered(CONCURRENCY).collect::<Vec<_>>().await);
        }
        written.sort_unstable_by_key(|(at, _)| *at);
        let mut written: Vec<Result<Written>> = written.into_iter().map(|(_, written)| written).collect();
        // All are tried before one of them ends the batch.
        match written.iter().position(|written| matches!(written, Err(error) if !error.is::<TooLate>())) {
            Some(failed) => Err(written.swap_remove(failed).err().unwrap_or_else(|| TooLate.into())),
            None => written.into_iter().collect(),
        }
    }

    /// Where the store has a newer version of a shared resource, that one says what the resource leads to, and not the run's.
    fn withdraw_superseded(&mut self, batch: &[(Ready, Standing)]) -> Result<()> {
        for (ready, standing) in batch {
            if ready.pending.kind.is_shared() && ready.change.outcome(standing) == Written::Superseded {
                self.survey.withdraw(ready.change.reference())?;
                self.outcome.withdrawn.push(ready.change.reference().clone());
                self.misled.push(ready.change.reference().clone());
            }
        }
        Ok(())
    }

    /// Lets every target of a Provenance that may become a member's know of it.
    async fn await_targets(&self, batch: &[(Ready, Standing)]) -> Result<(), StoreError> {
        for ready in stored(batch) {
            for target in ready.absent.iter().chain(&ready.shared) {
                self.writer.await_target(target, &ready.pending.reference.id).await?;
            }
        }
        Ok(())
    }

    /// The changes that resolved resources make; what makes none is rejected.
    async fn ready(&mut self, resolved: Vec<(Pending, Option<Json>)>) -> Result<Vec<Ready>> {
        let deciding = resolved.iter().flat_map(|(pending, resource)| decides_owner((pending, resource.as_ref())));
        let deciding: Vec<Reference> = deciding.collect();
        let owners = self.writer.owners(&deciding).await?;
        let homes = self.binary_homes(&resolved).await?;
        let mut all = Vec::with_capacity(resolved.len());
        for (pending, resource) in resolved {
            let facts = self.facts(&pending, resource.as_ref())?;
            match self.change((pending, facts), resource, &owners, &homes) {
                Ok(ready) if is_receipt(ready.change.reference()) => self.compare_receipt(&ready).await?,
                Ok(ready) => all.push(ready),
                Err(refused) => self.refuse(&refused.0, &refused.1)?,
            }
        }
        Ok(all)
    }

    /// A receipt of this server's own comes back to it, as in an export of a member's record. It is unchanged, or refused: receipts are
    /// the journal of what is new.
    async fn compare_receipt(&mut self, ready: &Ready) -> Result<()> {
        if self.writer.outcome_of(&ready.change).await? == Written::Unchanged {
            self.report.unchanged(ready.pending.kind.name);
            return Ok(());
        }
        let text = format!(
            "{} is an id that this server gives to its own receipts, and it has no such receipt: give it another id",
            ready.change.reference()
        );
        self.refuse(&ready.pending, &Reason::new(ReasonCode::ReservedId, text))
    }

    /// The members whose the Binaries of a batch are.
    async fn binary_homes(&self, resolved: &[(Pending, Option<Json>)]) -> Result<Homes> {
        let binaries = resolved.iter().filter(|(pending, _)| pending.kind.owner == Owner::Attachment);
        let binaries: Vec<Reference> = binaries.map(|(pending, _)| pending.reference.clone()).collect();
        let mut homes = Homes::new();
        for (binary, home) in self.writer.homes(&binaries).await? {
            let owners = match self.writer.holder(&binary, &home.owners).await? {
                Some(holder) if home.owners.len() > 1 => BTreeSet::from([holder]),
                _ => home.owners,
            };
            // A home outlives the documents by which the Binary was somebody's.
            let mut named = BTreeSet::new();
            for owner in owners {
                if !self.survey.named_by(&binary, &owner)?.is_empty() || self.writer.is_named(&owner, &binary).await? {
                    named.insert(owner);
                }
            }
            homes.insert(binary, named);
        }
        Ok(homes)
    }

    /// The changes of the batch that may be made, asked before any is: none names a Binary of another member's, and none is of the author
    /// of receipts, unless an export brings that back as it is.
    async fn permitted(&mut self, batch: Vec<(Ready, Standing)>) -> Result<Vec<(Ready, Standing)>> {
        let is_stored = |(ready, standing): &(Ready, Standing)| ready.change.outcome(standing) == Written::Stored;
        let stored = batch.iter().filter(|change| is_stored(change));
        let named: Vec<Reference> = stored.flat_map(|(ready, _)| ready.binaries()).map(|(_, binary)| binary).collect();
        let homes = self.writer.homes(&named).await?;
        let homes: Homes = homes.into_iter().map(|(binary, home)| (binary, home.owners)).collect();
        let (mut given, mut permitted) = (HashMap::<Reference, String>::new(), Vec::with_capacity(batch.len()));
        for change in batch {
            let ready = &change.0;
            if *ready.change.reference() == author() && ready.change.outcome(&change.1) != Written::Unchanged {
                let text = format!(
                    "{} is this server's name for the plan, the author of its receipts: give the resource another id",
                    author()
                );
                self.refuse(&ready.pending, &Reason::new(ReasonCode::ReservedId, text))?;
                continue;
            }
            if is_stored(&change) {
                if let Some(binary) = self.foreign_binary(ready, &homes, &given).await? {
                    let text =
                        format!("it names {binary}, which a document of another member names; a Binary has one owner");
                    self.refuse(&ready.pending, &Reason::new(ReasonCode::BinaryOfAnother, text))?;
                    continue;
                }
                given.extend(ready.binaries().map(|(owner, binary)| (binary, owner.to_owned())));
            }
            permitted.push(change);
        }
        Ok(permitted)
    }

    /// A Binary that the resource names and that may not be given to its member.
    async fn foreign_binary(
        &self,
        ready: &Ready,
        homes: &Homes,
        given: &HashMap<Reference, String>,
    ) -> Result<Option<Reference>, StoreError> {
        for (owner, binary) in ready.binaries() {
            let is_given_away = given.get(&binary).is_some_and(|other| other != owner);
            let home = homes.get(&binary).cloned().unwrap_or_default();
            if is_given_away || !self.writer.may_give(&binary, owner, &home, &self.survey).await? {
                return Ok(Some(binary));
            }
        }
        Ok(None)
    }

    /// Rejects what counted; what counts in its stead is read again where this reading has passed it by. A sensitive resource that
    /// is refused keeps its unlabelled versions out, too: they are the same record.
    fn refuse(&mut self, pending: &Pending, reason: &Reason) -> Result<()> {
        self.report.rejected(pending.kind.name, reason.code);
        if reason.code != ReasonCode::Sensitive && pending.kind.is_shared() {
            self.misled.push(pending.reference.clone());
        }
        self.outcome.refused.push((pending.reference.clone(), reason.clone()));
        self.pass_over(pending, reason)
    }

    /// Lets what was refused count no more, and keeps it in the file of the rejected resources.
    pub(super) fn pass_over(&mut self, pending: &Pending, reason: &Reason) -> Result<()> {
        self.report.rejected_in(pending.file);
        if reason.code != ReasonCode::Sensitive {
            let next = self.survey.refuse(&pending.reference)?;
            self.elected.extend(next.filter(|next| *next <= self.at));
        }
        let deletion = json!({"request": {"method": "DELETE", "url": pending.reference.to_string()}});
        self.rejected.add(&pending.place, reason, pending.resource.as_ref().unwrap_or(&deletion))
    }

    /// Sends the bytes of documents that are about to be written. This may take long; readers see nothing of it yet.
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

    /// Gives each Binary to the member whose resource names it.
    async fn give(&self, batch: &[(Ready, Standing)], received: Time) -> Result<()> {
        let stored = batch.iter().filter(|(ready, standing)| ready.change.outcome(standing) == Written::Stored);
        let named = stored.flat_map(|(ready, _)| ready.binaries().map(move |(owner, binary)| (ready, owner, binary)));
        let mut given = stream::iter(named)
            .map(async |(ready, owner, binary)| {
                self.writer.name(owner, &binary, ready.change.reference()).await?;
                let is_given = self.writer.give(&binary, owner, &self.survey, self.moment(received)?).await?;
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

    /// Writes the files that a resource names, then the resource.
    async fn settle(&self, ready: &Ready, standing: Standing, received: Time) -> Result<Written> {
        if ready.change.outcome(&standing) == Written::Stored {
            for document in &ready.pending.documents {
                let there = self.writer.standings(&[document]).await?.pop().unwrap_or_default();
                self.writer.settle(document, there, &self.survey, self.moment(received)?).await?;
            }
        }
        Ok(self.writer.settle(&ready.change, standing, &self.survey, self.moment(received)?).await?)
    }

    /// The time now.
    ///
    /// # Errors
    /// The batch has taken so long that its receipts no longer announce what becomes visible now.
    fn moment(&self, received: Time) -> Result<Time> {
        let now = self.clock.now();
        if now.0 - received.0 > bounds::RECEIPT_LEAD / 2 {
            return Err(TooLate.into());
        }
        Ok(now)
    }
}

/// The changes of a batch that store something.
pub(super) fn stored(batch: &[(Ready, Standing)]) -> impl Iterator<Item = &Ready> {
    let is_stored = |(ready, standing): &&(Ready, Standing)| ready.change.outcome(standing) == Written::Stored;
    batch.iter().filter(is_stored).map(|(ready, _)| ready)
}
