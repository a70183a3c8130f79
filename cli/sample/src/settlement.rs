//! The end of a record: the plan adjudicates the claims in the order of their dates, and each resource gets its
//! Provenance.

use serde_json::Value;

use crate::chart::Chart;
use crate::claims;
use crate::provenance::provenances;

impl Chart {
    /// Adjudicates the claims submitted so far, and hands over the resources written since the last call.
    pub(crate) fn part(&mut self) -> Vec<Value> {
        let mut claims = std::mem::take(&mut self.claims);
        claims.sort_by(|a, b| (a.end, &a.number).cmp(&(b.end, &b.number)));
        let mut ledger = std::mem::take(&mut self.ledger);
        for claim in claims {
            self.labels.clone_from(&claim.labels);
            claims::settle(self, &mut ledger, &claim);
        }
        self.ledger = ledger;
        self.labels.clear();
        provenances(self);
        std::mem::take(&mut self.resources)
    }

    /// Adjudicates the claims and hands over the whole record.
    pub(crate) fn finish(mut self) -> Vec<Value> {
        self.part()
    }
}
