//! The `resources` table, read side: members' data, given out to a [`Permit`] only.
//!
//! - A member's resource: pk `Patient/<owner>`, sk `<Type>/<id>`; the index `by-date` orders each type's history.
//! - A shared resource: pk and sk `<Type>/<id>`.
//! - A pointer: a row without a body under pk `Patient/<owner>`, sk `<Type>/<id>` of a shared resource that one of the
//!   member's own refers to.
//!
//! The partition key of every read comes from the permit. A shared body is fetched through a [`Reach`] only, and a reach is
//! made here alone, from a pointer or a reference that was itself read under the permit. What is read comes out
//! [`Sealed`], to be opened by an [`crate::access::Access`]: by a grant that was found to be alive.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnConsumedCapacity};
use futures_util::future::try_join_all;

use super::objects::Objects;
use super::row::{self, Row};
use super::{Aws, StoreError, meter};
use crate::access::{Permit, Permits, Sealed};
use crate::clock::Time;
use crate::fhir::index::Index;
use crate::fhir::reference::Reference;
use crate::fhir::table_version;
use crate::fhir::types::{ResourceType, TYPES};

/// A row as DynamoDB gives it.
pub(super) type Item = HashMap<String, AttributeValue>;

/// The table and the bucket behind it.
#[derive(Clone)]
pub struct Resources {
    client: Client,
    table: String,
    objects: Objects,
}

/// Permission to fetch one shared resource. Only this module makes one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reach {
    target: Reference,
    steps: u8,
}

impl Reach {
    /// What is in reach.
    pub fn target(&self) -> &Reference {
        &self.target
    }
}

/// Part of a member's partition.
pub struct Slice<T> {
    /// What was read and the permit admits, in order.
    pub rows: Vec<T>,
    /// Where to go on: the sort key of the last row that was read; `None` at the end.
    pub more: Option<String>,
}

/// Which part of one type's history to read.
#[derive(Clone, Debug)]
pub struct Window {
    /// The earliest and the latest [`row::moment`], both included.
    pub moments: (i64, i64),
    /// The newest first, or the oldest.
    pub newest_first: bool,
    /// The [`row::position`] to go on after.
    pub after: Option<String>,
    /// At most so many rows; without it, as many as DynamoDB reads at once (1 MB).
    pub limit: Option<usize>,
}

impl Window {
    /// Whether a [`row::position`] lies in it; DynamoDB refuses to go on after one that does not.
    pub fn holds(&self, kind: &str, position: &str) -> bool {
        let (low, high) = bounds(kind, self.moments);
        (low.as_str()..=high.as_str()).contains(&position)
    }
}

/// The first and the last [`row::position`] of a span of moments.
fn bounds(kind: &str, (low, high): (i64, i64)) -> (String, String) {
    // `~` sorts after every character of an id.
    (format!("{kind}/{low:013x}/"), format!("{kind}/{high:013x}/~"))
}

/// A row of a member's partition: a resource of theirs, or the way to a shared one.
#[derive(Clone, Debug)]
pub enum Found {
    /// A resource.
    Resource(Row),
    /// A shared resource in reach.
    Pointer(Reach),
}

/// How far a shared resource may be from the member's own: pointed to, or referred to by one that is.
const STEPS: u8 = 2;

/// DynamoDB reads at most so many keys in one call.
const BATCH: usize = 100;

impl Resources {
    /// The table and the bucket of those names.
    pub fn new(aws: &Aws, table: &str, bucket: &str) -> Resources {
        Resources { client: aws.dynamodb(), table: table.to_owned(), objects: Objects::new(aws, bucket) }
    }

    /// Reads one resource by id. What is not in the permit's partition, not in reach or not admitted is `None`, after
    /// the same reads as what does not exist.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn read(&self, permit: &Permit, id: &str) -> Result<Sealed<Option<Row>>, StoreError> {
        let target = Reference::new(permit.kind().name, id);
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(&permit.partition(), &target.to_string())))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = meter::call(request.send()).await?;
        meter::read(answer.consumed_capacity());
        let own = match answer.item() {
            Some(item) => Some(self.found(item, 0).await?),
            None => None,
        };
        let found = match own {
            Some(Found::Resource(row)) => Some(row),
            Some(Found::Pointer(reach)) => self.fetch(&[reach]).await?.pop(),
            None if permit.kind().is_shared() => {
                let second = self.second_step(permit).await?;
                let reach: Vec<Reach> = second.into_iter().filter(|reach| reach.target == target).collect();
                self.fetch(&reach).await?.pop()
            }
            None => None,
        };
        Ok(permit.seal(found.filter(|row| permit.admits(row))))
    }

    /// Reads a window of the member's history of the permit's type, ordered by its key date.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn history(&self, permit: &Permit, window: &Window) -> Result<Sealed<Slice<Row>>, StoreError> {
        let kind = permit.kind().name;
        let (low, high) = bounds(kind, window.moments);
        let start = window.after.as_ref().and_then(|after| {
            let id = after.rsplit('/').next()?;
            let mut start = key(&permit.partition(), &format!("{kind}/{id}"));
            start.insert("d".to_owned(), AttributeValue::S(after.clone()));
            Some(start)
        });
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by-date")
            .key_condition_expression("pk = :pk AND d BETWEEN :low AND :high")
            .expression_attribute_values(":pk", AttributeValue::S(permit.partition()))
            .expression_attribute_values(":low", AttributeValue::S(low))
            .expression_attribute_values(":high", AttributeValue::S(high))
            .scan_index_forward(!window.newest_first)
            .set_limit(window.limit.and_then(|limit| i32::try_from(limit).ok()))
            .set_exclusive_start_key(start)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = meter::call(request.send()).await?;
        meter::read(answer.consumed_capacity());
        let mut rows = Vec::with_capacity(answer.items().len());
        for item in answer.items() {
            if let Found::Resource(row) = self.found(item, 0).await?
                && permit.admits(&row)
            {
                rows.push(row);
            }
        }
        let more = answer.last_evaluated_key().map(|key| text(key, "d")).transpose()?;
        Ok(permit.seal(Slice { rows, more }))
    }

    /// Reads on through the member's whole partition in key order: resources that the permits admit, and pointers to
    /// shared ones of the permits' types.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn compartment(
        &self,
        permits: &Permits,
        after: Option<&str>,
        limit: Option<usize>,
    ) -> Result<Sealed<Slice<Found>>, StoreError> {
        let partition = permits.partition();
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(partition.clone()))
            .set_limit(limit.and_then(|limit| i32::try_from(limit).ok()))
            .set_exclusive_start_key(after.map(|after| key(&partition, after)))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = meter::call(request.send()).await?;
        meter::read(answer.consumed_capacity());
        let mut rows = Vec::with_capacity(answer.items().len());
        for item in answer.items() {
            let found = self.found(item, 0).await?;
            let admitted = match &found {
                Found::Resource(row) => permits.admit(row),
                Found::Pointer(reach) => permits.include(&reach.target.kind),
            };
            if admitted {
                rows.push(found);
            }
        }
        let more = answer.last_evaluated_key().map(|key| text(key, "sk")).transpose()?;
        Ok(permits.seal(Slice { rows, more }))
    }

    /// Reads resources of the member's own by reference; what is not theirs or not admitted is left out.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn owned(&self, permits: &Permits, targets: &[Reference]) -> Result<Sealed<Vec<Row>>, StoreError> {
        let keys = targets
            .iter()
            .filter(|target| permits.include(&target.kind))
            .map(|target| key(&permits.partition(), &target.to_string()))
            .collect();
        let rows = self.resources(&self.batch(keys).await?, 0).await?;
        Ok(permits.seal(rows.into_iter().filter(|row| permits.admit(row)).collect()))
    }

    /// Reads shared resources in reach; what is not admitted is left out.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn shared(&self, permits: &Permits, reaches: &[Reach]) -> Result<Sealed<Vec<Row>>, StoreError> {
        let permitted: Vec<Reach> =
            reaches.iter().filter(|reach| permits.include(&reach.target.kind)).cloned().collect();
        let rows = self.fetch(&permitted).await?;
        Ok(permits.seal(rows.into_iter().filter(|row| permits.admit(row)).collect()))
    }

    /// Everything of a shared type that the member reaches, and their own of it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn reachable(&self, permit: &Permit) -> Result<Sealed<Vec<Row>>, StoreError> {
        let partition = permit.partition();
        let (direct, second) =
            tokio::try_join!(self.of_kind(&partition, permit.kind().name), self.second_step(permit))?;
        let (mut rows, mut reaches) = (Vec::new(), second);
        for found in direct {
            match found {
                Found::Resource(row) => rows.push(row),
                Found::Pointer(reach) => reaches.push(reach),
            }
        }
        reaches.sort();
        reaches.dedup_by(|later, earlier| later.target == earlier.target);
        rows.extend(self.fetch(&reaches).await?);
        Ok(permit.seal(rows.into_iter().filter(|row| permit.admits(row)).collect()))
    }

    /// The way from a resource that was read to one it refers to, if that is of a shared type.
    pub fn reach(row: &Row, target: &Reference) -> Option<Reach> {
        let shared = ResourceType::named(&target.kind)?.is_shared();
        let refers = row.references().any(|reference| reference == *target);
        (shared && refers && row.steps < STEPS).then(|| Reach { target: target.clone(), steps: row.steps + 1 })
    }

    /// The JSON of a row, from the bucket where it was too large for the table.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn json(&self, row: Row) -> Result<String, StoreError> {
        match &row.object {
            None => Ok(row.json),
            Some(object) => self.object(&row.key.kind, object).await.map(|(_, json)| json),
        }
    }

    /// What the pointed-to resources of other shared types refer to, of the permit's type.
    async fn second_step(&self, permit: &Permit) -> Result<Vec<Reach>, StoreError> {
        let pointers = self.pointers(&permit.partition(), permit.kind().referred_by).await?;
        let mut second = BTreeSet::new();
        for row in self.fetch(&pointers).await? {
            second.extend(
                row.references().filter(|t| t.kind == permit.kind().name).filter_map(|t| Resources::reach(&row, &t)),
            );
        }
        Ok(second.into_iter().collect())
    }

    /// Everything of the permits' types that only shared resources refer to.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn second_steps(&self, permits: &Permits) -> Result<Sealed<Vec<Reach>>, StoreError> {
        let kinds: Vec<&str> = TYPES.iter().filter(|kind| kind.is_shared()).map(|kind| kind.name).collect();
        let pointers = self.pointers(&permits.partition(), &kinds).await?;
        let direct: BTreeSet<&Reference> = pointers.iter().map(|reach| &reach.target).collect();
        let mut second = BTreeSet::new();
        for row in self.fetch(&pointers).await? {
            let targets = row.references().filter(|target| permits.include(&target.kind) && !direct.contains(target));
            second.extend(targets.filter_map(|target| Resources::reach(&row, &target)));
        }
        Ok(permits.seal(second.into_iter().collect()))
    }

    /// The pointers to shared resources of these types in a partition.
    async fn pointers(&self, partition: &str, kinds: &[&str]) -> Result<Vec<Reach>, StoreError> {
        let found = try_join_all(kinds.iter().map(|kind| self.of_kind(partition, kind))).await?;
        let pointer = |found| match found {
            Found::Pointer(reach) => Some(reach),
            Found::Resource(_) => None,
        };
        Ok(found.into_iter().flatten().filter_map(pointer).collect())
    }

    /// The rows of one type in a partition.
    async fn of_kind(&self, partition: &str, kind: &str) -> Result<Vec<Found>, StoreError> {
        let (mut rows, mut start) = (Vec::new(), None);
        loop {
            let request = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND begins_with(sk, :kind)")
                .expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()))
                .expression_attribute_values(":kind", AttributeValue::S(format!("{kind}/")))
                .set_exclusive_start_key(start)
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            let answer = meter::call(request.send()).await?;
            meter::read(answer.consumed_capacity());
            for item in answer.items() {
                rows.push(self.found(item, 0).await?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(rows);
            }
        }
    }

    async fn resources(&self, items: &[Item], steps: u8) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::with_capacity(items.len());
        for item in items {
            if let Found::Resource(row) = self.found(item, steps).await? {
                rows.push(row);
            }
        }
        Ok(rows)
    }

    /// What a row is. One whose JSON lies in the bucket and whose index is of another table is indexed anew from there.
    async fn found(&self, item: &Item, steps: u8) -> Result<Found, StoreError> {
        let mut found = decode(item, steps)?;
        if let Found::Resource(row) = &mut found
            && let Some(object) = &row.object
            && row.index.table != table_version()
        {
            (row.index, _) = self.object(&row.key.kind, object).await?;
        }
        Ok(found)
    }

    async fn object(&self, kind: &str, object: &row::Object) -> Result<(Index, String), StoreError> {
        let packed = self.objects.get(&object.key).await?;
        if row::content_hash(&packed) != object.sha256 {
            return Err(StoreError::Fault(format!("the object of a {kind} is not the one that was stored")));
        }
        row::unpack(kind, &packed)
    }

    async fn fetch(&self, reaches: &[Reach]) -> Result<Vec<Row>, StoreError> {
        let steps: HashMap<String, u8> = reaches.iter().map(|reach| (reach.target.to_string(), reach.steps)).collect();
        let keys = steps.keys().map(|target| key(target, target)).collect();
        let mut rows = self.resources(&self.batch(keys).await?, 1).await?;
        for row in &mut rows {
            row.steps = steps.get(&row.key.to_string()).copied().unwrap_or(STEPS);
        }
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(rows)
    }

    async fn batch(&self, keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let batches = keys.chunks(BATCH).map(|keys| self.batch_of_100(keys.to_vec()));
        Ok(try_join_all(batches).await?.into_iter().flatten().collect())
    }

    /// Asks until every key is answered: a batch may come in part (16 MB, throttling), and a page must never be short.
    async fn batch_of_100(&self, mut keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        for attempt in 0..6 {
            if attempt > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(20 << attempt)).await;
            }
            let request = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .build()
                .map_err(|error| StoreError::Fault(error.to_string()))?;
            let request = self
                .client
                .batch_get_item()
                .request_items(&self.table, request)
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            let mut answer = meter::call(request.send()).await?;
            meter::read(answer.consumed_capacity());
            items.extend(answer.responses.as_mut().and_then(|tables| tables.remove(&self.table)).unwrap_or_default());
            keys = answer
                .unprocessed_keys
                .as_mut()
                .and_then(|tables| tables.remove(&self.table))
                .map(|rest| rest.keys)
                .unwrap_or_default();
            if keys.is_empty() {
                return Ok(items);
            }
        }
        Err(StoreError::Busy("a batch was answered in part again and again".into()))
    }
}

pub(super) fn key(pk: &str, sk: &str) -> Item {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(pk.to_owned())),
        ("sk".to_owned(), AttributeValue::S(sk.to_owned())),
    ])
}

fn broken(name: &str) -> StoreError {
    StoreError::Fault(format!("a row of the resources table has no good `{name}`"))
}

pub(super) fn text(item: &Item, name: &str) -> Result<String, StoreError> {
    item.get(name).and_then(|value| value.as_s().ok()).cloned().ok_or_else(|| broken(name))
}

pub(super) fn number<N: std::str::FromStr>(item: &Item, name: &str) -> Result<N, StoreError> {
    item.get(name).and_then(|value| value.as_n().ok()?.parse().ok()).ok_or_else(|| broken(name))
}

fn decode(item: &Item, steps: u8) -> Result<Found, StoreError> {
    let sort_key = text(item, "sk")?;
    let key = Reference::parse(&sort_key, &[]).ok_or_else(|| broken("sk"))?;
    let Some(packed) = item.get("b") else { return Ok(Found::Pointer(Reach { target: key, steps: 1 })) };
    let packed = packed.as_b().map_err(|_| broken("b"))?;
    let (index, json) = row::unpack(&key.kind, packed.as_ref())?;
    let object = match (item.get("o"), item.get("s")) {
        (Some(AttributeValue::S(key)), Some(AttributeValue::B(sha256))) => {
            Some(row::Object { key: key.clone(), sha256: sha256.as_ref().to_vec() })
        }
        _ => None,
    };
    Ok(Found::Resource(Row {
        version: number(item, "v")?,
        last_updated: Time(number(item, "u")?),
        position: item.get("d").and_then(|d| d.as_s().ok()).cloned().unwrap_or_default(),
        key,
        index,
        json,
        object,
        steps,
    }))
}
