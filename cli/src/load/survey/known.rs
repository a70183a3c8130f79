//! The answers of the first reading to the second: what the run knows of a resource, by its type and id.

use std::collections::BTreeSet;

use anyhow::Result;
use shared::fhir::reference::Reference;
use shared::fhir::types::ResourceType;
use shared::record::writer::PlannedNames;
use shared::store::StoreError;

use super::Survey;
use super::occurrences::Occurrences;
use crate::load::reason::Reason;

impl Survey {
    /// All that is known of a resource of the run.
    pub(in crate::load) fn known(&self, reference: &Reference) -> Result<Option<Occurrences>> {
        self.occurrences.get(&reference.to_string())
    }

    /// Whether the run has the resource, or its deletion.
    pub(in crate::load) fn has(&self, reference: &Reference) -> Result<bool> {
        Ok(self.known(reference)?.is_some_and(|known| known.counting().is_some()))
    }

    /// The member whose a resource of the run is, if it has one.
    pub(in crate::load) fn owner(&self, reference: &Reference) -> Result<Option<Reference>> {
        let known = self.known(reference)?;
        let counts = known.as_ref().and_then(Occurrences::counting);
        match counts.and_then(|counts| Some((counts.bundle, counts.owner.as_deref()?))) {
            Some((bundle, owner)) => self.names.of(bundle, owner),
            None => Ok(None),
        }
    }

    /// Whether the run has the resource, and does not delete it.
    pub(in crate::load) fn brings(&self, reference: &Reference) -> Result<bool> {
        let known = self.known(reference)?;
        Ok(known.as_ref().and_then(Occurrences::counting).is_some_and(|counts| counts.deleted_in.is_none()))
    }

    /// Why nothing of what comes under this id counts.
    pub(in crate::load) fn conflict(&self, reference: &Reference) -> Result<Option<Reason>> {
        Ok(self.known(reference)?.and_then(|known| known.conflict).map(|reason| *reason))
    }

    /// Refuses the occurrence that counts, for a reason that showed later: the place of the one that counts in its stead, if there
    /// is one.
    pub(in crate::load) fn refuse(&self, reference: &Reference) -> Result<Option<u64>> {
        let Some(mut known) = self.known(reference)? else { return Ok(None) };
        let Some(refused) = known.counts.and_then(|counts| known.read.get_mut(counts)) else { return Ok(None) };
        let (bundle, before) = (refused.bundle, refused.binaries());
        refused.is_refused = true;
        known.elect();
        self.occurrences.put(&reference.to_string(), &known)?;
        for name in before {
            if let Some(binary) = self.names.of(bundle, &name)? {
                self.named.remove(&binary, reference)?;
            }
        }
        let Some(next) = known.counting() else { return Ok(None) };
        self.note_binaries(reference, next.bundle, &next.binaries())?;
        Ok(Some(next.ordinal))
    }

    /// Lets the undated version count on which it rests that the one that counts may take the place of a newer one in the store: the
    /// store must take it first. Gives its place in the order of reading, if there is one.
    pub(in crate::load) fn step_back(&self, reference: &Reference) -> Result<Option<u64>> {
        let Some(mut known) = self.known(reference)? else { return Ok(None) };
        let Some(doubtful) = known.doubtful() else { return Ok(None) };
        known.counts = Some(doubtful);
        self.occurrences.put(&reference.to_string(), &known)?;
        Ok(known.counting().map(|counts| counts.ordinal))
    }

    /// The store took the version that counts. Gives the place of a later one that counts from now on, after
    /// [`Survey::step_back`].
    pub(in crate::load) fn step_forward(&self, reference: &Reference) -> Result<Option<u64>> {
        let Some(mut known) = self.known(reference)? else { return Ok(None) };
        let taken = known.counts;
        if let Some(taken) = taken.and_then(|taken| known.read.get_mut(taken)) {
            taken.is_taken = true;
        }
        known.elect();
        self.occurrences.put(&reference.to_string(), &known)?;
        Ok(known.counting().filter(|_| known.counts != taken).map(|counts| counts.ordinal))
    }

    /// Lets no occurrence of a resource count: the store has a newer version.
    pub(in crate::load) fn withdraw(&self, reference: &Reference) -> Result<()> {
        match self.known(reference)? {
            Some(known) => self.occurrences.put(&reference.to_string(), &Occurrences { counts: None, ..known }),
            None => Ok(()),
        }
    }

    /// The shared resources that a shared resource of this run refers to; `None` if the run does not have it.
    pub(in crate::load) fn shared_references(&self, of: &Reference) -> Result<Option<Vec<Reference>>> {
        let is_shared =
            |reference: &Reference| ResourceType::named(&reference.resource_type).is_some_and(ResourceType::is_shared);
        let known = self.known(of)?;
        let counts = known.as_ref().and_then(Occurrences::counting);
        let Some((bundle, names)) = counts.and_then(|counts| Some((counts.bundle, counts.shared.as_ref()?))) else {
            return Ok(None);
        };
        let mut found = BTreeSet::new();
        for name in names {
            found.extend(self.names.of(bundle, name)?.filter(is_shared));
        }
        Ok(Some(found.into_iter().collect()))
    }

    /// The resources of a member's that name a Binary.
    pub(in crate::load) fn named_by(&self, binary: &Reference, owner: &str) -> Result<Vec<Reference>> {
        let mut found = Vec::new();
        for referrer in self.named.of(binary)? {
            let known = self.known(&referrer)?;
            let counts = known.as_ref().and_then(Occurrences::counting);
            let document = counts.and_then(|counts| Some((counts.bundle, counts.document.as_ref()?)));
            let Some((bundle, document)) = document else { continue };
            if self.names.of(bundle, &document.owner)?.is_some_and(|named| named.id == owner) {
                found.push(referrer);
            }
        }
        Ok(found)
    }
}

impl PlannedNames for Survey {
    fn naming(&self, binary: &Reference, owner: &str) -> Result<Vec<Reference>, StoreError> {
        self.named_by(binary, owner).map_err(|error| StoreError::Fault(format!("{error:#}")))
    }
}
