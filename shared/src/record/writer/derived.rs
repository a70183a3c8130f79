//! Everything in a member's partition that follows from the resources there: pointers to shared resources, and what receipts name. And
//! what is to be made again when a resource comes, moves, changes or goes.
//!
//! [`Writer::derive`] is the one place that takes away. It reads the whole partition, so it runs only for members who lost something:
//! a load adds what follows from new resources as it writes them. A note of what is to be done ([`ToDo`]) is written before the
//! change that makes it necessary, and deleted when it is done; so a run that is cut short leaves nothing that the next one does not
//! finish.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value as Json, json};

use super::change::Change;
use super::{Partition, Writer};
use crate::clock::Time;
use crate::fhir::reference::{Reference, references_in};
use crate::fhir::types::ResourceType;
use crate::record::provenance::{is_never_owned, targets};
use crate::record::receipt::{Receipts, is_receipt};
use crate::record::resources::Found;
use crate::record::resources::items::decode;
use crate::record::row::Row;
use crate::store::StoreError;
use crate::store::table::{CommitError, Condition, Consistency, Item, Query, Range};

/// Something to derive again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ToDo {
    /// The copies of a Provenance: whose its targets are changed.
    Provenance(String),
    /// What follows from the resources of the member with this Patient id.
    Member(String),
}

impl ToDo {
    fn parse(text: &str) -> Option<ToDo> {
        let reference = Reference::parse(text, &[])?;
        match reference.resource_type.as_str() {
            "Provenance" => Some(ToDo::Provenance(reference.id)),
            "Patient" => Some(ToDo::Member(reference.id)),
            _ => None,
        }
    }
}

/// `Provenance/<id>` or `Patient/<id>`.
impl fmt::Display for ToDo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ToDo::Provenance(id) => write!(f, "Provenance/{id}"),
            ToDo::Member(id) => write!(f, "Patient/{id}"),
        }
    }
}

/// The partition of the notes.
const TO_DO: &str = "to-do";

/// A member's partition, as far as something follows from it.
#[derive(Default)]
struct Inventory {
    /// The member's own resources.
    own: BTreeSet<Reference>,
    /// The shared resources that these refer to.
    direct: BTreeSet<Reference>,
    /// The Provenances of the feed, with their targets.
    provenances: Vec<(Reference, Vec<Option<Reference>>)>,
    /// Where pointers lead, and how many steps away that is.
    pointers: BTreeMap<Reference, u8>,
    receipts: Vec<Receipt>,
}

/// A receipt as it stands.
struct Receipt {
    row: Row,
    json: Json,
    targets: BTreeSet<Reference>,
}

/// What follows from an inventory.
struct Follows {
    /// The shared resources in reach, and how many steps away each is.
    reach: BTreeMap<Reference, u8>,
    /// What receipts name: the member's own resources, and the shared ones in reach that are there.
    received: BTreeSet<Reference>,
}

fn is_shared(reference: &Reference) -> bool {
    ResourceType::named(&reference.resource_type).is_some_and(ResourceType::is_shared)
}

/// The shared resources that a shared resource leads to: those whose type says that its type does.
pub fn second_step(of: &Reference, references: impl IntoIterator<Item = Reference>) -> BTreeSet<Reference> {
    let leads = |target: &Reference| {
        ResourceType::named(&target.resource_type)
            .is_some_and(|row| row.is_shared() && row.referred_by.contains(&of.resource_type.as_str()))
    };
    references.into_iter().filter(leads).collect()
}

impl Writer {
    /// Notes what is to be derived again, before the change that makes it necessary.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn note(&self, to_do: &ToDo) -> Result<(), StoreError> {
        self.write(Item::key(TO_DO, to_do.to_string()), Condition::Always).await
    }

    /// Deletes a note: it is done.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn done(&self, to_do: &ToDo) -> Result<(), StoreError> {
        self.delete(Item::key(TO_DO, to_do.to_string()), Condition::Always).await
    }

    /// What runs that were cut short left to be done.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn to_do(&self) -> Result<BTreeSet<ToDo>, StoreError> {
        let query = Query { consistency: Consistency::Strong, ..Query::new(TO_DO, Range::All) };
        let notes = self.table.pages(query).await?;
        notes.iter().map(|note| Ok(ToDo::parse(note.text("sk")?))).filter_map(Result::transpose).collect()
    }

    /// The members whose pointers lead to a shared resource.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn reached_by(&self, target: &Reference) -> Result<Vec<String>, StoreError> {
        let query = Query { consistency: Consistency::Strong, ..Query::new(reached(target), Range::All) };
        self.table.pages(query).await?.iter().map(|row| Ok(row.text("sk")?.to_owned())).collect()
    }

    /// Derives again what follows from a member's resources. Tells which Provenances are to be copied anew, because a target of
    /// theirs is not the member's: when that is done, what follows is to be derived once more.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn derive(
        &self,
        member: &str,
        receipts: &Receipts<'_>,
        now: Time,
    ) -> Result<BTreeSet<String>, StoreError> {
        let inventory = self.inventory(member).await?;
        let follows = self.follows(&inventory).await?;
        let patient = Reference::new("Patient", member);
        let is_own = |target: &Option<Reference>| {
            target.as_ref().is_some_and(|target| inventory.own.contains(target) || *target == patient)
        };
        let may_be_read = |target: &Option<Reference>| {
            let is_shared = |target: &Reference| is_never_owned(target) || follows.received.contains(target);
            is_own(target) || target.as_ref().is_none_or(is_shared)
        };
        let stays = |targets: &[Option<Reference>]| targets.iter().any(is_own) && targets.iter().all(may_be_read);
        let moved = inventory.provenances.iter().filter(|(_, targets)| !stays(targets));
        let moved: BTreeSet<String> = moved.map(|(key, _)| key.id.clone()).collect();
        self.derive_receipts(member, &inventory.receipts, &follows.received, (receipts, now)).await?;
        self.derive_pointers(member, &inventory.pointers, &follows.reach).await?;
        Ok(moved)
    }

    async fn inventory(&self, member: &str) -> Result<Inventory, StoreError> {
        let mut inventory = Inventory::default();
        // The names of Binaries come after all types.
        let range = Range::Before("~".to_owned());
        let mut query = Query { consistency: Consistency::Strong, ..Query::new(format!("Patient/{member}"), range) };
        loop {
            let page = self.table.page(query.clone()).await?;
            for item in &page.items {
                match decode(item, 0)? {
                    Found::Tombstone => {}
                    Found::Pointer(reach) => drop(inventory.pointers.insert(reach.target().clone(), reach.steps())),
                    Found::Resource(row) => inventory.take(&self.resource(row.clone()).await?, row),
                }
            }
            query.after = page.next;
            if query.after.is_none() {
                return Ok(inventory);
            }
        }
    }

    /// The JSON of a row, from wherever it lies.
    async fn resource(&self, row: Row) -> Result<Json, StoreError> {
        let json = self.resources.json(row).await.map_err(|error| error.0)?;
        serde_json::from_str(&json).map_err(|_| StoreError::Fault("a resource in the table is no JSON".into()))
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

    /// The shared resources among these that are there.
    async fn shared_resources(&self, of: &BTreeSet<Reference>) -> Result<BTreeMap<Reference, Json>, StoreError> {
        let keys = of.iter().map(|target| Partition::Shared.key(target)).collect();
        let mut found = BTreeMap::new();
        for item in self.table.batch_get(keys, None, Consistency::Strong).await? {
            if let Found::Resource(row) = decode(&item, 0)? {
                found.insert(row.key.clone(), self.resource(row).await?);
            }
        }
        Ok(found)
    }

    async fn derive_pointers(
        &self,
        member: &str,
        there: &BTreeMap<Reference, u8>,
        wanted: &BTreeMap<Reference, u8>,
    ) -> Result<(), StoreError> {
        for (target, steps) in there {
            // A pointer that is shorter than it should be goes first: a longer one never takes the place of a shorter.
            if wanted.get(target).is_none_or(|wanted| wanted > steps) {
                let key = Partition::Member(member.to_owned()).key(target);
                self.delete(key, Condition::Lacks("v")).await?;
            }
            if !wanted.contains_key(target) {
                self.delete(Item::key(reached(target), member), Condition::Always).await?;
            }
        }
        for (target, steps) in wanted.iter().filter(|(target, steps)| there.get(*target) != Some(steps)) {
            self.point(member, target, *steps).await?;
        }
        Ok(())
    }

    async fn derive_receipts(
        &self,
        member: &str,
        there: &[Receipt],
        wanted: &BTreeSet<Reference>,
        (receipts, now): (&Receipts<'_>, Time),
    ) -> Result<(), StoreError> {
        let mut named = BTreeSet::new();
        for receipt in there {
            let kept: Vec<&Reference> = receipt.targets.intersection(wanted).collect();
            if kept.len() < receipt.targets.len() {
                self.cut(member, receipt, &kept, now).await?;
            }
            named.extend(kept);
        }
        let missing: Vec<Reference> = wanted.iter().filter(|target| !named.contains(target)).cloned().collect();
        for receipt in receipts.of(member, &missing, now) {
            self.receive(member, receipt, now).await?;
        }
        Ok(())
    }

    /// Lets a receipt name only what is `kept` of its targets; one that would name nothing goes.
    async fn cut(&self, member: &str, receipt: &Receipt, kept: &[&Reference], now: Time) -> Result<(), StoreError> {
        let partition = Partition::Member(member.to_owned());
        let key = &receipt.row.key;
        if kept.is_empty() {
            return self.delete(partition.key(key), Condition::Is("v", receipt.row.version.into())).await;
        }
        let mut json = receipt.json.clone();
        json["target"] = kept.iter().map(|target| json!({"reference": target.to_string()})).collect();
        let Some(resource_type) = ResourceType::named(&key.resource_type) else { return Ok(()) };
        let change = Change::store(resource_type, &key.id, vec![(partition.clone(), json)]);
        let rows = self.versions(vec![(partition.clone(), key.clone())]).await?;
        let version = rows.get(key).and_then(|rows| rows.get(&partition));
        for copy in change.copies.values() {
            match self.put_row(&change, &partition, copy, (version, receipt.row.version + 1), now).await {
                Ok(()) | Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// A Provenance as it came: kept apart, or in the partition of the one member who owns all of it. Its `meta.lastUpdated` is the
    /// source's again.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn provenance(&self, id: &str) -> Result<Option<Json>, StoreError> {
        let reference = Reference::new("Provenance", id);
        let home = self.homes(std::slice::from_ref(&reference)).await?.remove(&reference).unwrap_or_default();
        let partitions = [Partition::Unclaimed].into_iter().chain(home.owners.into_iter().map(Partition::Member));
        for partition in partitions {
            let Some(item) = self.table.get(partition.key(&reference), Consistency::Strong).await? else { continue };
            let Found::Resource(row) = decode(&item, 0)? else { continue };
            let mut resource = self.resource(row).await?;
            if let Some(meta) = resource["meta"].as_object_mut() {
                meta.remove("versionId");
                meta.remove("lastUpdated");
                if let Ok(date) = item.number("su") {
                    meta.insert("lastUpdated".to_owned(), json!(Time(date).to_string()));
                }
            }
            return Ok(Some(resource));
        }
        Ok(None)
    }

    /// The shared resources that the rows at these places refer to.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn shared_references_at(
        &self,
        places: Vec<(Partition, Reference)>,
    ) -> Result<BTreeMap<(Partition, Reference), BTreeSet<Reference>>, StoreError> {
        let keys = places.iter().map(|(partition, reference)| partition.key(reference)).collect();
        let mut found = BTreeMap::new();
        for item in self.table.batch_get(keys, None, Consistency::Strong).await? {
            let Found::Resource(row) = decode(&item, 0)? else { continue };
            let of = |(partition, reference): &&(Partition, Reference)| {
                let key = partition.key(reference);
                key.text("pk").ok() == item.text("pk").ok() && key.text("sk").ok() == item.text("sk").ok()
            };
            if let Some(place) = places.iter().find(of) {
                let references = references_in(&self.resource(row).await?).into_iter().filter(is_shared).collect();
                found.insert(place.clone(), references);
            }
        }
        Ok(found)
    }

    async fn delete(&self, key: Item, condition: Condition) -> Result<(), StoreError> {
        match self.table.delete(key, condition).await {
            Ok(()) | Err(CommitError::Conflict) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }
}

/// The partition that says whose pointers lead to a shared resource.
pub(super) fn reached(target: &Reference) -> String {
    format!("reached/{target}")
}

impl Inventory {
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
