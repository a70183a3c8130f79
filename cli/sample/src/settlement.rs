//! The end of a record: the plan decides the claims in the order of their dates, and each resource gets its Provenance.

use serde_json::Value;

use crate::chart::Chart;
use crate::claims;
use crate::provenance::provenances;

impl Chart {
    /// Decides the claims so far, and gives away what has been written since the last time.
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

    /// Decides the claims and gives the whole record away.
    pub(crate) fn finish(mut self) -> Vec<Value> {
        self.part()
    }
}
