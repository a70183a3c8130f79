//! Versions without a date of the source.
//!
//! Loaded one after the other, an undated version takes the place of whatever the store has, and then an older dated one takes its
//! place. In one run the last of them counts, and the store takes no other. But an undated version that would be refused opens the way
//! for nothing. So where everything rests on it, it is taken first, and the later one after it.

use anyhow::Result;
use shared::fhir::reference::Reference;
use shared::record::writer::Standing;

use super::Run;
use super::ready::Ready;

impl Run<'_> {
    /// The changes of a batch but for those before which an undated version must be taken. These are read again later.
    pub(super) fn after_the_undated(&mut self, batch: Vec<(Ready, Standing)>) -> Result<Vec<(Ready, Standing)>> {
        let mut kept = Vec::with_capacity(batch.len());
        for change in batch {
            let (ready, standing) = &change;
            let reference = ready.change.reference();
            if ready.change.rests_on_overriding(standing) && self.step_back(reference)? {
                self.report.superseded(ready.pending.kind.name);
                self.outcome.stepped_back.push(reference.clone());
            } else {
                kept.push(change);
            }
        }
        Ok(kept)
    }

    /// Lets an undated version be read again in the place of the later one. Whether there is one.
    pub(super) fn step_back(&mut self, reference: &Reference) -> Result<bool> {
        let undated = self.survey.step_back(reference)?;
        if undated.is_some() {
            self.stepped.insert(reference.clone());
        }
        self.elected.extend(undated);
        Ok(undated.is_some())
    }

    /// Lets the later version be read again, now that the undated one is taken.
    pub(super) fn step_forward(&mut self, reference: &Reference) -> Result<()> {
        if self.stepped.remove(reference) {
            self.outcome.stepped_forward.push(reference.clone());
            self.elected.extend(self.survey.step_forward(reference)?);
        }
        Ok(())
    }
}
