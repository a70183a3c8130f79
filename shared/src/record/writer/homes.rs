//! Homes: in whose partitions a resource may stand.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;

use super::{Fault, Writer};
use crate::fhir::reference::Reference;
use crate::record::resources::items::{Item, key, text};
use crate::store::StoreError;

fn home(reference: &Reference) -> Item {
    key(&format!("home/{reference}"), &reference.to_string())
}

impl Writer {
    /// The members in whose partitions each of these stands; what has no home is left out.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn homes(&self, of: &[Reference]) -> Result<HashMap<Reference, BTreeSet<String>>, StoreError> {
        let keys = of.iter().collect::<BTreeSet<_>>().into_iter().map(home).collect();
        let mut homes = HashMap::new();
        for item in self.resources.consistently(keys).await? {
            let reference = Reference::parse(&text(&item, "sk")?, &[]);
            let owners = item.get("w").and_then(|owners| owners.as_ss().ok()).cloned().unwrap_or_default();
            homes.extend(reference.map(|reference| (reference, owners.into_iter().collect())));
        }
        Ok(homes)
    }

    /// Changes a home from what was read. That it is so already is no conflict: the answer to an earlier try may have been lost.
    pub(super) async fn put_home(
        &self,
        reference: &Reference,
        from: &BTreeSet<String>,
        to: &BTreeSet<String>,
    ) -> Result<(), Fault> {
        let set = |owners: &BTreeSet<String>| AttributeValue::Ss(owners.iter().cloned().collect());
        let mut item = home(reference);
        if !to.is_empty() {
            item.insert("w".to_owned(), set(to));
        }
        let put = if from.is_empty() {
            self.put(item, "attribute_not_exists(w)", HashMap::new()).await
        } else {
            self.put(item, "w = :w", HashMap::from([(":w".to_owned(), set(from))])).await
        };
        match put {
            Err(Fault::Conflict) => {
                let there = self.homes(std::slice::from_ref(reference)).await?.remove(reference).unwrap_or_default();
                if there == *to { Ok(()) } else { Err(Fault::Conflict) }
            }
            put => put,
        }
    }
}
