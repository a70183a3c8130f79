//! People who act for members follow what the feed says of these: a corrected birth date moves the day on which a parent no longer
//! acts, and nobody acts for a member whose Patient is deleted.

use std::collections::HashMap;

use anyhow::Result;
use shared::access::delegation;
use shared::access::demographics::Demographics;

use super::Run;
use crate::delegation::follow;

impl Run<'_> {
    /// Compares the Patients of a batch, each with its place, with what is kept of members for whom somebody acts. What is kept is
    /// replaced last, so that a run that was cut short is made up for by the same load.
    pub(super) async fn follow_delegations(&mut self, patients: Vec<(Demographics, String)>) -> Result<()> {
        if patients.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = patients.iter().map(|(facts, _)| facts.patient.clone()).collect();
        let kept = self.auth.get_all::<Demographics>(&ids).await?;
        let kept: HashMap<String, Demographics> =
            kept.into_iter().map(|kept| (kept.record.patient.clone(), kept.record)).collect();
        for (facts, place) in patients {
            if kept.get(&facts.patient).is_none_or(|kept| *kept == facts) {
                continue;
            }
            let (moved, ended) = follow(&self.auth, self.ages, &facts, self.clock.now()).await?;
            if !moved.is_empty() {
                let text = format!(
                    "Patient/{} has another birth date: {} delegations end at another moment, apps stopped: {ended}",
                    facts.patient,
                    moved.len()
                );
                self.report.find("delegations", &place, text);
            }
        }
        Ok(())
    }

    /// Ends the delegations of those who acted for a member whose Patient is deleted.
    pub(super) async fn end_delegations(&self, patient: &str) -> Result<()> {
        delegation::end_all(&self.auth, patient, self.clock.now()).await?;
        Ok(())
    }
}
