//! The `resources` table, read side: members' data, given out to a [`Permit`] only.
//!
//! - A member's resource: pk `Patient/<owner>`, sk `<Type>/<id>`; the index `by-date` orders each type's history.
//! - A shared resource: pk and sk `<Type>/<id>`.
//! - A pointer: a row without a body under pk `Patient/<owner>`, sk `<Type>/<id>` of a shared resource that one of the
//!   member's own refers to.
//! - A name of a Binary: see [`super::documents`].
//! - A tombstone: a row with a version and no body, where a resource was deleted.
//! - News of shared resources: pk `shared`, sk a moment at which some of them changed.
//!
//! The partition key of every read comes from the permit. A shared body is opened through a [`Reach`] only, and a reach is
//! made in [`reach`] alone, from a pointer or a reference that was itself read under the permit. What is read comes out
//! [`Sealed`], to be opened by an [`crate::access::Access`]: by a grant that was found to be alive.

pub(super) mod items;
mod news;
mod reach;

pub use news::News;
pub use reach::Reach;

pub(super) use self::news::{SHARED_NEWS, moment};

use self::items::{Held, decode};
use super::row::{self, Row, Text};
use crate::access::{Permit, Permits, Sealed};
use crate::fhir::index;
use crate::fhir::index::Index;
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::store::objects::{Object, ObjectError, Objects};
use crate::store::table::{Consistency, Item, Query, Range, Table};
use crate::store::{Aws, StoreError};

/// The table and the bucket behind it.
#[derive(Clone)]
pub struct Resources {
    pub(super) table: Table,
    pub(super) objects: Objects,
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
    /// All of a history, as much as one call reads.
    pub fn whole(newest_first: bool) -> Window {
        Window { moments: (0, row::moment(Some(i64::MAX))), newest_first, after: None, limit: None }
    }

    /// Whether a [`row::position`] lies in it; DynamoDB refuses to go on after one that does not.
    pub fn holds(&self, resource_type: &ResourceType, position: &str) -> bool {
        let (low, high) = Order::of(resource_type).bounds(resource_type.name, self.moments);
        (low.as_str()..=high.as_str()).contains(&position)
    }
}

/// What a history is ordered by: the date of its type, in the local index; or the id, in the table itself, where no date orders
/// the type and so no row of it stands in the index.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    Date,
    Id,
}

impl Order {
    fn of(resource_type: &ResourceType) -> Order {
        if resource_type.key_date.is_some() { Order::Date } else { Order::Id }
    }

    /// The index that has this order, with the attribute that it sorts by; the table itself has the other.
    fn index(self) -> Option<(&'static str, &'static str)> {
        (self == Order::Date).then_some(("by-date", "d"))
    }

    /// The first and the last [`row::position`] of a span of moments.
    fn bounds(self, resource_type: &str, (low, high): (i64, i64)) -> (String, String) {
        // `~` sorts after every character of an id.
        match self {
            Order::Date => (format!("{resource_type}/{low:013x}/"), format!("{resource_type}/{high:013x}/~")),
            Order::Id => (format!("{resource_type}/"), format!("{resource_type}/~")),
        }
    }

    /// The key of the row at a position.
    fn start(self, permit: &Permit, position: &str) -> Option<Item> {
        let id = position.rsplit('/').next()?;
        let start = Item::key(permit.partition(), format!("{}/{id}", permit.resource_type().name));
        Some(match self {
            Order::Date => start.with("d", position),
            Order::Id => start,
        })
    }
}

/// A row of a member's partition: a resource of theirs, or the way to a shared one.
#[expect(clippy::large_enum_variant, reason = "nearly all of them are rows, and each would be one allocation more")]
#[derive(Clone, Debug)]
pub enum Found {
    /// A resource.
    Resource(Row),
    /// A shared resource in reach.
    Pointer(Reach),
    /// A resource was here and is deleted.
    Tombstone,
}

/// What there is under an id.
pub enum Lookup {
    /// A resource that the permit admits.
    Resource(Box<Row>),
    /// A resource was here and is deleted. Told only under a permit for the whole type: a part of it might never have held it.
    Deleted,
    /// Nothing, or nothing that the permit admits.
    Nothing,
}

impl Resources {
    /// The table and the bucket of those names.
    pub fn new(aws: &Aws, table: &str, bucket: &str) -> Resources {
        Resources { table: Table::new(aws, table), objects: Objects::new(aws, bucket) }
    }

    /// Reads one resource by id. What is not in the permit's partition, not in reach or not admitted is `None`, after
    /// the same reads as what does not exist.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn read(&self, permit: &Permit, id: &str) -> Result<Sealed<Lookup>, StoreError> {
        let target = Reference::new(permit.resource_type().name, id);
        let found = match self.own_or_shared(permit, &target).await? {
            None if permit.resource_type().is_shared() => {
                let second = self.second_step(permit).await?;
                match second.iter().find(|reach| *reach.target() == target) {
                    Some(reach) => self.pointed_to(reach).await?,
                    None => None,
                }
            }
            own => own,
        };
        Ok(permit.seal(match found {
            Some(Found::Resource(row)) if row.is_admitted_by(permit) => Lookup::Resource(Box::new(row)),
            Some(Found::Tombstone) if permit.admits_all() => Lookup::Deleted,
            _ => Lookup::Nothing,
        }))
    }

    /// What stands in the member's partition under this name. Where that may be a pointer, what it leads to is read beside it, and
    /// looked at only if it is: a shared resource costs the same round trips as one of the member's own.
    async fn own_or_shared(&self, permit: &Permit, target: &Reference) -> Result<Option<Found>, StoreError> {
        let (partition, name) = (permit.partition(), target.to_string());
        if !permit.resource_type().is_shared() {
            return self.get(Item::key(partition, name)).await;
        }
        let items = self.batch(vec![Item::key(&*partition, &*name), Item::key(&*name, &*name)]).await?;
        let of = |pk: &str| items.iter().find(|item| item.text("pk").is_ok_and(|own| own == pk));
        let Some(own) = of(&partition) else { return Ok(None) };
        match self.found(own, 0).await? {
            Found::Pointer(reach) => match of(&name) {
                Some(item) => self.found(item, reach.steps()).await.map(Some),
                None => Ok(None),
            },
            own => Ok(Some(own)),
        }
    }

    async fn get(&self, key: Item) -> Result<Option<Found>, StoreError> {
        match self.table.get(key, Consistency::Eventual).await? {
            Some(item) => Ok(Some(self.found(&item, 0).await?)),
            None => Ok(None),
        }
    }

    async fn batch(&self, keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        self.table.batch_get(keys, None, Consistency::Eventual).await
    }

    /// Reads a window of the member's history of the permit's type, ordered by its key date: the rows that `keep` keeps. The others are
    /// gone as soon as they are looked at, so that a filter over a long history needs the memory of what it finds.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn history(
        &self,
        permit: &Permit,
        window: &Window,
        keep: impl Fn(&Row) -> bool,
    ) -> Result<Sealed<Slice<Row>>, StoreError> {
        let order = Order::of(permit.resource_type());
        let (low, high) = order.bounds(permit.resource_type().name, window.moments);
        let query = Query {
            index: order.index(),
            backward: order == Order::Date && window.newest_first,
            limit: window.limit,
            after: window.after.as_ref().and_then(|after| order.start(permit, after)),
            ..Query::new(permit.partition(), Range::Between(low, high))
        };
        let page = self.table.page(query).await?;
        let (mut rows, mut held) = (Vec::new(), Held::default());
        for item in &page.items {
            if let Found::Resource(mut row) = self.found(item, 0).await?
                && row.is_admitted_by(permit)
                && keep(&row)
            {
                held.take(&mut row, item);
                rows.push(row);
            }
        }
        let sorted_by = order.index().map_or("sk", |(_, attribute)| attribute);
        let more = page.next.map(|key| key.text(sorted_by).map(str::to_owned)).transpose()?;
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
        let query = Query {
            limit,
            after: after.map(|after| Item::key(&*partition, after)),
            // What comes after the types are names of Binaries.
            ..Query::new(&*partition, Range::Before("~".to_owned()))
        };
        let page = self.table.page(query).await?;
        let (mut rows, mut held) = (Vec::with_capacity(page.items.len()), Held::default());
        for item in &page.items {
            let mut found = self.found(item, 0).await?;
            let admitted = match &mut found {
                Found::Resource(row) => {
                    held.take(row, item);
                    row.is_admitted_among(permits)
                }
                Found::Pointer(reach) => permits.include(&reach.target().resource_type),
                Found::Tombstone => false,
            };
            if admitted {
                rows.push(found);
            }
        }
        let more = page.next.map(|key| key.text("sk").map(str::to_owned)).transpose()?;
        Ok(permits.seal(Slice { rows, more }))
    }

    /// Reads resources of the member's own by reference; what is not theirs or not admitted is left out.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn owned(&self, permits: &Permits, targets: &[Reference]) -> Result<Sealed<Vec<Row>>, StoreError> {
        let keys = targets
            .iter()
            .filter(|target| permits.include(&target.resource_type))
            .map(|target| Item::key(permits.partition(), target.to_string()))
            .collect();
        let rows = self.resources(&self.batch(keys).await?, 0).await?;
        Ok(permits.seal(rows.into_iter().filter(|row| row.is_admitted_among(permits)).collect()))
    }

    /// The JSON of a row, from the bucket where it was too large for the table. A Binary whose content lies in the bucket is
    /// without `data`.
    ///
    /// # Errors
    /// [`ObjectError`]
    pub async fn json(&self, mut row: Row) -> Result<String, ObjectError> {
        match std::mem::replace(&mut row.json, Text::Here(String::new())) {
            Text::Here(json) => Ok(json),
            Text::Folded(body) => row::unpack(&row.version(), &body).map(|(_, json)| json).map_err(ObjectError),
            Text::InBucket(object) => self.object(&row, &object).await.map(|(_, json)| json),
        }
    }

    async fn resources(&self, items: &[Item], steps: u8) -> Result<Vec<Row>, StoreError> {
        let (mut rows, mut held) = (Vec::with_capacity(items.len()), Held::default());
        for item in items {
            if let Found::Resource(mut row) = self.found(item, steps).await? {
                held.take(&mut row, item);
                rows.push(row);
            }
        }
        Ok(rows)
    }

    /// What a row is. One whose JSON lies in the bucket and whose index is of another table is indexed anew from there.
    async fn found(&self, item: &Item, steps: u8) -> Result<Found, StoreError> {
        let mut found = decode(item, steps)?;
        if let Found::Resource(row) = &mut found
            && let Text::InBucket(object) = &row.json
            && row.index().table != index::version()
        {
            let (index, _) = self.object(row, object).await.map_err(|ObjectError(error)| error)?;
            row.index = row::Packed::known(index);
        }
        Ok(found)
    }

    async fn object(&self, row: &Row, object: &Object) -> Result<(Index, String), ObjectError> {
        row::unpack(&row.version(), &self.objects.get(object).await?).map_err(ObjectError)
    }
}
