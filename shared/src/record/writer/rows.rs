//! Rows of the table, for the loader: it reads the rows that are there already, and writes each copy of a resource as a row of its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value as Json, json};

use super::change::{Change, ResourceCopy};
use super::standing::StandingRow;
use crate::bounds::{ROW_BODY_BYTES, ROW_SHARED_BYTES};
use crate::clock::Time;
use crate::fhir::index::{Index, Value};
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::record::packing::{ResourceVersion, pack, pack_tightly};
use crate::record::partition::Partition;
use crate::record::receipt::is_receipt;
use crate::record::resources::Resources;
use crate::record::row::{Row, position};
use crate::store::identifiers::Identifiers;
use crate::store::objects::{Object, ObjectBytes, ObjectError, Objects, content_hash};
use crate::store::schema::{Key, resources as attribute};
use crate::store::table::{Attribute, CommitError, Condition, Consistency, Item, Table, TransactionPart};
use crate::store::{Aws, StoreError};

/// The table and the bucket, for writing.
#[derive(Clone)]
pub struct Writer {
    pub(super) table: Table,
    pub(super) objects: Objects,
    pub(super) resources: Resources,
    pub(super) identifiers: Identifiers,
}

impl Writer {
    /// A writer for the table and the bucket with these names.
    pub fn new(aws: &Aws, table: &str, bucket: &str, identifiers: Identifiers) -> Writer {
        Writer {
            table: Table::new(aws, table),
            objects: Objects::for_uploads(aws, bucket),
            resources: Resources::new(aws, table, bucket),
            identifiers,
        }
    }

    /// The rows with these keys, read consistently, without body and index ([`attribute::STANDING`]).
    pub(super) async fn standing_items(&self, keys: Vec<Key>) -> Result<Vec<Item>, StoreError> {
        self.table.batch_get(keys, Some(attribute::STANDING), Consistency::Strong).await
    }

    /// For each pair in `wanted`, the row of that resource in that partition, tombstones included. A pointer to a shared Device does not count as a row.
    pub(super) async fn standing_rows(
        &self,
        wanted: Vec<(Partition, Reference)>,
    ) -> Result<HashMap<Reference, BTreeMap<Partition, StandingRow>>, StoreError> {
        let by_key: HashMap<Key, &Partition> =
            wanted.iter().map(|(partition, reference)| (partition.key(reference), partition)).collect();
        let mut rows: HashMap<Reference, BTreeMap<Partition, StandingRow>> = HashMap::new();
        for item in self.standing_items(by_key.keys().cloned().collect()).await? {
            let key = item.key()?;
            let (Some(partition), Some(reference)) = (by_key.get(&key), key.resource()) else { continue };
            if item.has(attribute::VERSION) {
                rows.entry(reference).or_default().insert((*partition).clone(), StandingRow::of(&item)?);
            }
        }
        Ok(rows)
    }

    /// The row of one resource in one partition.
    pub(super) async fn standing_row(
        &self,
        partition: &Partition,
        reference: &Reference,
    ) -> Result<Option<StandingRow>, StoreError> {
        let mut rows = self.standing_rows(vec![(partition.clone(), reference.clone())]).await?;
        Ok(rows.remove(reference).and_then(|mut rows| rows.remove(partition)))
    }

    /// The JSON of a row, from the table or the bucket.
    pub(super) async fn resource(&self, row: Row) -> Result<Json, StoreError> {
        let json = self.resources.json(row).await.map_err(|ObjectError(error)| error)?;
        serde_json::from_str(&json).map_err(|_| StoreError::Fault("a stored resource is not JSON".into()))
    }

    /// Writes an item and, in the same transaction, the parts in `withdrawn`, if nothing has changed since the read: the row still has
    /// the version of `there`, or there still is no row if `there` is `None`. A pointer counts as no row: a member's own Device takes the place of a pointer to a shared one.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] where the row has changed.
    pub(super) async fn put_over(
        &self,
        there: Option<&StandingRow>,
        item: Item,
        withdrawn: Vec<TransactionPart>,
    ) -> Result<(), CommitError> {
        let as_read = there
            .map_or(Condition::Lacks(attribute::VERSION), |row| Condition::Is(attribute::VERSION, row.version.into()));
        if withdrawn.is_empty() {
            return self.table.put(item, as_read).await;
        }
        self.table.transact([TransactionPart::Put(item, as_read)].into_iter().chain(withdrawn).collect()).await
    }

    /// Writes an item if its condition holds, and does nothing if it does not.
    pub(super) async fn put_if(&self, condition: Condition, item: Item) -> Result<(), StoreError> {
        unless_it_conflicts(self.table.put(item, condition).await)
    }

    /// Deletes a row if its condition holds, and does nothing if it does not.
    pub(super) async fn delete_if(&self, condition: Condition, key: Key) -> Result<(), StoreError> {
        unless_it_conflicts(self.table.delete(key, condition).await)
    }

    /// Writes a copy of a resource under this version, with the condition of [`Writer::put_over`].
    pub(super) async fn put_copy(
        &self,
        change: &Change,
        (partition, copy): (&Partition, &ResourceCopy),
        there: Option<&StandingRow>,
        (version, now): (u64, Time),
        withdrawn: Vec<TransactionPart>,
    ) -> Result<(), CommitError> {
        let mut item = self.item(change, (partition, copy), version, now).await?;
        // The row goes on naming the Binaries of the version before, until they are dropped.
        let before = there.map(|row| row.binaries.clone()).unwrap_or_default();
        if let Some(binaries) = set_of(&before.union(&copy.binaries).cloned().collect()) {
            item.set(attribute::BINARIES, binaries);
        }
        self.put_over(there, item, withdrawn).await
    }

    /// Writes which Binaries a row names, after the others were dropped.
    pub(super) async fn put_binaries(
        &self,
        partition: &Partition,
        reference: &Reference,
        copy: &ResourceCopy,
    ) -> Result<(), CommitError> {
        let same = Condition::Is(attribute::HASH, copy.hash.as_slice().into());
        self.table.set(partition.key(reference), [(attribute::BINARIES, set_of(&copy.binaries))], same).await
    }

    /// Writes the later date of a second deletion into a tombstone.
    pub(super) async fn put_deletion_date(
        &self,
        partition: &Partition,
        reference: &Reference,
        (row, date): (&StandingRow, Option<i64>),
    ) -> Result<(), StoreError> {
        let same = Condition::Is(attribute::VERSION, row.version.into());
        let date = date.map(Attribute::from);
        unless_it_conflicts(self.table.set(partition.key(reference), [(attribute::SOURCE_DATE, date)], same).await)
    }

    /// Makes the row of a copy. If the body is too large for the row, it goes to the bucket.
    async fn item(
        &self,
        change: &Change,
        (partition, copy): (&Partition, &ResourceCopy),
        version: u64,
        now: Time,
    ) -> Result<Item, StoreError> {
        let (resource_type, reference) = (change.resource_type, &change.reference);
        let resource = stamped(&copy.resource, version, now);
        let index = Index::of(resource_type, &resource);
        let written = ResourceVersion { key: reference, number: version, last_updated: now };
        let mut item = Item::from(partition.key(reference))
            .with(attribute::VERSION, version)
            .with(attribute::LAST_UPDATED, now.0)
            .with(attribute::HASH, copy.hash.as_slice());
        if let Some(date) = copy.source_date {
            item.set(attribute::SOURCE_DATE, date);
        }
        if let (Partition::Member(_), Some(_)) = (partition, resource_type.key_date) {
            item.set(attribute::POSITION, position(reference, key_date(resource_type, &index)));
        }
        // There is one receipt for many resources: to pack it harder is always worth the time.
        let share = if is_receipt(reference) { 1 } else { 8 };
        let packed = pack_tightly(&written, &index, &resource.to_string(), (item.size(), share))?;
        let most = if *partition == Partition::Shared { ROW_SHARED_BYTES } else { ROW_BODY_BYTES };
        let object = match &copy.upload {
            Some(upload) => {
                item.set(attribute::BODY, packed);
                item.set(attribute::OBJECT_SIZE, upload.size());
                Some(upload.object().clone())
            }
            None if packed.len() <= most => {
                item.set(attribute::BODY, packed);
                None
            }
            None => {
                let object = Object::named(&reference.to_string(), content_hash(&packed));
                self.objects.put(&object, "application/octet-stream", &ObjectBytes::Memory(packed.into())).await?;
                let found_by = pack(&written, &index, "")?;
                let in_row = *partition != Partition::Shared || found_by.len() <= most;
                // A shared row may have to leave out the index as well as the body; then readers make it anew from the object.
                item.set(attribute::BODY, if in_row { found_by } else { pack(&written, &Index::default(), "")? });
                Some(object)
            }
        };
        if let Some(Object { key, sha256 }) = object {
            item.set(attribute::OBJECT, key);
            item.set(attribute::OBJECT_HASH, sha256);
        }
        Ok(item)
    }
}

/// If the condition of a write did not hold, the write counts as done.
pub(super) fn unless_it_conflicts(written: Result<(), CommitError>) -> Result<(), StoreError> {
    match written {
        Ok(()) | Err(CommitError::Conflict) => Ok(()),
        Err(CommitError::Store(error)) => Err(error),
    }
}

/// The ids of Binaries as an attribute; `None` where there are none, because DynamoDB has no empty sets.
fn set_of(binaries: &BTreeSet<String>) -> Option<Attribute> {
    (!binaries.is_empty()).then(|| binaries.into())
}

/// A resource with its `meta.versionId` and `meta.lastUpdated`.
pub(super) fn stamped(resource: &Json, version: u64, now: Time) -> Json {
    let mut resource = resource.clone();
    if !resource["meta"].is_object() {
        resource["meta"] = json!({});
    }
    resource["meta"]["versionId"] = json!(version.to_string());
    resource["meta"]["lastUpdated"] = json!(now.to_string());
    resource
}

/// The first moment of the date by which the type's history is ordered.
fn key_date(resource_type: &ResourceType, index: &Index) -> Option<i64> {
    let (position, _) = resource_type.parameter(resource_type.key_date?)?;
    index.values(position).iter().find_map(Value::told).map(|told| told.interval.low)
}
