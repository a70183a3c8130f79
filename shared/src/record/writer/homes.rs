//! Homes: in whose partitions a resource may stand.

use std::collections::{BTreeSet, HashMap};

use super::Writer;
use crate::fhir::reference::Reference;
use crate::store::StoreError;
use crate::store::table::{CommitError, Condition, Item};

fn home(reference: &Reference) -> Item {
    Item::key(format!("home/{reference}"), reference.to_string())
}

impl Writer {
    /// The members in whose partitions each of these stands; what has no home is left out.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn homes(&self, of: &[Reference]) -> Result<HashMap<Reference, BTreeSet<String>>, StoreError> {
        let keys = of.iter().collect::<BTreeSet<_>>().into_iter().map(home).collect();
        let mut homes = HashMap::new();
        for item in self.consistently(keys).await? {
            let reference = Reference::parse(item.text("sk")?, &[]);
            homes.extend(reference.map(|reference| (reference, item.texts("w"))));
        }
        Ok(homes)
    }

    /// Changes a home from what was read. That it is so already is no conflict: the answer to an earlier try may have been lost.
    pub(super) async fn put_home(
        &self,
        reference: &Reference,
        from: &BTreeSet<String>,
        to: &BTreeSet<String>,
    ) -> Result<(), CommitError> {
        let mut item = home(reference);
        if !to.is_empty() {
            item.set("w", to);
        }
        let condition = if from.is_empty() { Condition::Lacks("w") } else { Condition::Is("w", from.into()) };
        match self.table.put(item, condition).await {
            Err(CommitError::Conflict) => {
                let there = self.homes(std::slice::from_ref(reference)).await?.remove(reference).unwrap_or_default();
                if there == *to { Ok(()) } else { Err(CommitError::Conflict) }
            }
            put => put,
        }
    }
}
