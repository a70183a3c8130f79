//! All that follows from the resources in a member's partition: pointers to shared resources, and what receipts name.
//!
//! Only [`Writer::derive`] takes pointers and receipts away. It reads the whole partition, so it runs only for members who lost
//! something: a load adds what follows from new resources as it writes them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::change::Change;
use super::news::Receipts;
use super::pointers::{is_shared, second_step};
use super::rows::{Writer, unless_it_conflicts};
use crate::clock::Time;
use crate::fhir::reference::{Reference, references_in};
use crate::fhir::types::ResourceType;
use crate::record::partition::Partition;
use crate::record::provenance::{is_never_owned, targets};
use crate::record::receipt::{author, is_receipt};
use crate::record::resources::{Found, decode};
use crate::record::row::Row;
use crate::store::StoreError;
use crate::store::schema::{self, AFTER_ALL, Key, resources as attribute};
use crate::store::table::{Condition, Consistency, RowQuery, SortKeys};

/// The parts of a member's partition from which something follows.
#[derive(Default)]
struct Inventory {
    /// The member's own resources.
    own: BTreeSet<Reference>,
    /// The shared resources that these refer to, and the author of their receipts.
    direct: BTreeSet<Reference>,
    /// The Provenances of the feed, with their targets.
    provenances: Vec<(Reference, Vec<Option<Reference>>)>,
    /// The targets of pointers, and how many steps away each is.
    pointers: BTreeMap<Reference, u8>,
    receipts: Vec<Receipt>,
}

/// A receipt as it stands.
struct Receipt {
    row: Row,
    json: Json,
    targets: BTreeSet<Reference>,
}

/// The pointers and receipts that follow from an inventory.
struct Follows {
    /// The shared resources in reach, and how many steps away each is.
    reach: BTreeMap<Reference, u8>,
    /// The resources that receipts are to name: the member's own, and the shared ones in reach that are stored.
    received: BTreeSet<Reference>,
}

impl Writer {
    /// Derives again what follows from a member's resources. Returns the ids of the Provenances whose copies must be made again,
    /// because a target of theirs is not the member's. After that, call this once more.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn derive(
        &self,
        member: &str,
        receipts: &Receipts<'_>,
        now: Time,
    ) -> Result<BTreeSet<String>, StoreError> {
        loop {
            let inventory = self.inventory(member).await?;
            let follows = self.follows(&inventory).await?;
            let taken = self.derive_receipts(member, &inventory.receipts, &follows.received, (receipts, now)).await?
                | self.derive_pointers(member, &inventory.pointers, &follows.reach).await?;
            // While this look ran, another load may have written a resource that the look had already passed, and found its pointer or
            // receipt still there. A second look gives back what the first took.
            if !taken {
                return Ok(inventory.moved(member, &follows.received));
            }
        }
    }

    async fn inventory(&self, member: &str) -> Result<Inventory, StoreError> {
        let mut inventory = Inventory::default();
        // Only the names of Binaries sort after the resources.
        let range = SortKeys::Before(AFTER_ALL.to_owned());
        let query = RowQuery { consistency: Consistency::Strong, ..RowQuery::new(schema::member(member), range) };
        let mut pages = self.table.pages(query);
        while let Some(items) = pages.next().await? {
            for item in &items {
                match decode(item, 0)? {
                    Found::Tombstone => {}
                    Found::Pointer(reach) => drop(inventory.pointers.insert(reach.target().clone(), reach.steps())),
                    Found::Resource(row) => inventory.take(&self.resource(row.clone()).await?, row),
                }
            }
        }
        // A member with resources has receipts, and these refer to their author.
        if !inventory.own.is_empty() {
            inventory.direct.insert(author());
        }
        Ok(inventory)
    }

    async fn follows(&self, inventory: &Inventory) -> Result<Follows, StoreError> {
        let mut reach: BTreeMap<Reference, u8> = inventory.direct.iter().map(|target| (target.clone(), 1)).collect();
        let direct = self.shared_resources(&inventory.direct).await?;
        let mut there: BTreeSet<Reference> = direct.keys().cloned().collect();
        let mut second = BTreeSet::new();
        for (key, resource) in &direct {
            second.extend(second_step(key, references_in(resource)));
        }
        second.retain(|target| !reach.contains_key(target));
        there.extend(self.shared_resources(&second).await?.into_keys());
        reach.extend(second.into_iter().map(|target| (target, 2)));
        let received = inventory.own.iter().cloned().chain(there).collect();
        Ok(Follows { reach, received })
    }

    /// Those of these shared resources that are stored.
    async fn shared_resources(&self, of: &BTreeSet<Reference>) -> Result<BTreeMap<Reference, Json>, StoreError> {
        let keys = of.iter().map(Key::shared).collect();
        let mut found = BTreeMap::new();
        for item in self.table.batch_get(keys, None, Consistency::Strong).await? {
            if let Found::Resource(row) = decode(&item, 0)? {
                found.insert(row.key.clone(), self.resource(row).await?);
            }
        }
        Ok(found)
    }

    /// Returns whether a pointer was removed.
    async fn derive_pointers(
        &self,
        member: &str,
        there: &BTreeMap<Reference, u8>,
        wanted: &BTreeMap<Reference, u8>,
    ) -> Result<bool, StoreError> {
        let mut taken = false;
        for (target, steps) in there {
            // A pointer that nothing calls for is removed. So is one that is too short: a longer one could not replace it.
            if wanted.get(target).is_none_or(|wanted| wanted > steps) {
                self.remove_pointer(member, target).await?;
                taken = true;
            }
            if !wanted.contains_key(target) {
                self.remove_reached(member, target).await?;
            }
        }
        for (target, steps) in wanted.iter().filter(|(target, steps)| there.get(*target) != Some(steps)) {
            self.point(member, target, *steps).await?;
        }
        Ok(taken)
    }

    /// Returns whether a receipt names fewer resources than before.
    async fn derive_receipts(
        &self,
        member: &str,
        there: &[Receipt],
        wanted: &BTreeSet<Reference>,
        (receipts, now): (&Receipts<'_>, Time),
    ) -> Result<bool, StoreError> {
        let (mut named, mut taken) = (BTreeSet::new(), false);
        for receipt in there {
            let kept: Vec<&Reference> = receipt.targets.intersection(wanted).collect();
            if kept.len() < receipt.targets.len() {
                self.cut(member, receipt, &kept, now).await?;
                taken = true;
            }
            named.extend(kept);
        }
        let missing: Vec<Reference> = wanted.iter().filter(|target| !named.contains(target)).cloned().collect();
        for receipt in receipts.of(member, &missing, now) {
            self.receive(member, receipt, now).await?;
        }
        Ok(taken)
    }

    /// Cuts a receipt's targets down to those that are `kept`. A receipt that would name nothing is deleted.
    async fn cut(&self, member: &str, receipt: &Receipt, kept: &[&Reference], now: Time) -> Result<(), StoreError> {
        let partition = Partition::Member(member.to_owned());
        let key = &receipt.row.key;
        if kept.is_empty() {
            let as_read = Condition::Is(attribute::VERSION, receipt.row.version.into());
            return self.delete_if(as_read, partition.key(key)).await;
        }
        let mut json = receipt.json.clone();
        json["target"] = kept.iter().map(|target| json!({"reference": target.to_string()})).collect();
        let resource_type = ResourceType::named(&key.resource_type)
            .ok_or_else(|| StoreError::Fault("Provenance is no type of this server".into()))?;
        let change = Change::store(resource_type, &key.id, vec![(partition.clone(), json)]);
        let as_read = self.standing_row(&partition, key).await?.filter(|row| row.version == receipt.row.version);
        // Another load cut or removed it meanwhile: the second look sees it as it is now.
        let Some(row) = as_read else { return Ok(()) };
        for copy in &change.copies {
            let written = self.put_copy(&change, copy, Some(&row), (receipt.row.version + 1, now), Vec::new()).await;
            unless_it_conflicts(written)?;
        }
        Ok(())
    }
}

impl Inventory {
    /// The ids of the Provenances whose copies here must be made again. `received` are the resources that receipts name.
    fn moved(&self, member: &str, received: &BTreeSet<Reference>) -> BTreeSet<String> {
        let patient = Reference::new("Patient", member);
        let is_own = |target: &Option<Reference>| {
            target.as_ref().is_some_and(|target| self.own.contains(target) || *target == patient)
        };
        let may_be_read = |target: &Option<Reference>| {
            let is_shared = |target: &Reference| is_never_owned(target) || received.contains(target);
            is_own(target) || target.as_ref().is_none_or(is_shared)
        };
        let stays = |targets: &[Option<Reference>]| targets.iter().any(is_own) && targets.iter().all(may_be_read);
        self.provenances.iter().filter(|(_, targets)| !stays(targets)).map(|(key, _)| key.id.clone()).collect()
    }

    fn take(&mut self, json: &Json, row: Row) {
        let (key, references) = (row.key.clone(), references_in(json));
        if is_receipt(&key) {
            let targets = targets(json).into_iter().flatten().collect();
            self.receipts.push(Receipt { row, json: json.clone(), targets });
            return;
        }
        self.own.insert(key.clone());
        self.direct.extend(references.into_iter().filter(is_shared));
        if key.resource_type == "Provenance" {
            self.provenances.push((key, targets(json)));
        }
    }
}
