//! The resources of a run that name a Binary.

use anyhow::Result;
use shared::fhir::reference::Reference;

use crate::load::scratch::Scratch;

/// The Binaries of a run, with the resources that name them. Each name is an entry of its own, because many may name one Binary.
#[derive(Default)]
pub(super) struct Referrers {
    counts: Scratch<u32>,
    names: Scratch<Option<Reference>>,
}

impl Referrers {
    /// Notes that a resource names a Binary.
    pub(super) fn add(&self, binary: &Reference, referrer: &Reference) -> Result<()> {
        let count = self.count(binary)?;
        self.names.put(&place(binary, count), &Some(referrer.clone()))?;
        self.counts.put(&binary.id, &(count + 1))
    }

    /// Notes that a resource does not name a Binary after all.
    pub(super) fn remove(&self, binary: &Reference, referrer: &Reference) -> Result<()> {
        for number in 0..self.count(binary)? {
            let place = place(binary, number);
            if self.names.get(&place)?.flatten().as_ref() == Some(referrer) {
                self.names.put(&place, &None)?;
            }
        }
        Ok(())
    }

    /// The resources that name a Binary.
    pub(super) fn of(&self, binary: &Reference) -> Result<Vec<Reference>> {
        let mut found = Vec::new();
        for number in 0..self.count(binary)? {
            found.extend(self.names.get(&place(binary, number))?.flatten());
        }
        Ok(found)
    }

    fn count(&self, binary: &Reference) -> Result<u32> {
        Ok(self.counts.get(&binary.id)?.unwrap_or_default())
    }
}

fn place(binary: &Reference, number: u32) -> String {
    format!("{} {number}", binary.id)
}
