//! A member's own resources: one type in the order of its history, the whole record in the order of its keys, or some by reference.

use super::rows::{Found, Held, Resources};
use crate::access::{Permit, Permits, Sealed};
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::record::row::{self, Row};
use crate::store::StoreError;
use crate::store::schema::{self, AFTER_ALL, Index, Key, SK};
use crate::store::table::{Item, RowQuery, SortKeys};

/// Part of one type's history.
pub struct Slice {
    /// The rows that the permit admits and the search keeps, in order.
    pub rows: Vec<Row>,
    /// The [`row::position`] of the last row that was looked at, to go on after; `None` at the end.
    pub more: Option<String>,
    /// How many rows were read, whether the permit admits them or not.
    pub read: usize,
    /// Their bytes in the table.
    pub bytes: usize,
}

/// Part of a member's partition.
pub struct Part {
    /// The rows that the permits admit, in order.
    pub rows: Vec<Found>,
    /// The sort key of the last row that was read, to go on after; `None` at the end.
    pub more: Option<String>,
}

/// Which part of one type's history to read.
#[derive(Clone, Debug)]
pub struct Window {
    /// The earliest and the latest [`row::moment`], both included.
    pub moments: (i64, i64),
    /// Whether the newest comes first.
    pub newest_first: bool,
    /// The [`row::position`] to go on after.
    pub after: Option<String>,
    /// The most rows to read; `None` reads as many as DynamoDB reads at once (1 MB).
    pub limit: Option<usize>,
    /// The most rows to give: those behind the last of them are not looked at.
    pub most: Option<usize>,
}

impl Window {
    /// All of a history, as much as one call reads.
    pub fn whole(newest_first: bool) -> Window {
        Window { moments: (0, row::moment(Some(i64::MAX))), newest_first, after: None, limit: None, most: None }
    }

    /// Whether a [`row::position`] lies in the window. DynamoDB refuses to go on after one that does not.
    pub fn holds(&self, resource_type: &ResourceType, position: &str) -> bool {
        let (low, high) = Order::of(resource_type).bounds(resource_type.name, self.moments);
        (low.as_str()..=high.as_str()).contains(&position)
    }
}

/// The order of a type's history.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    /// By the type's key date, in the local index.
    Date,
    /// By id, in the table itself: the type has no key date, and so no row in the index.
    Id,
}

impl Order {
    fn of(resource_type: &ResourceType) -> Order {
        if resource_type.key_date.is_some() { Order::Date } else { Order::Id }
    }

    /// The index that has this order, if it is not the table.
    fn index(self) -> Option<Index> {
        (self == Order::Date).then_some(schema::BY_DATE)
    }

    /// The first and the last [`row::position`] of a span of moments.
    fn bounds(self, resource_type: &str, moments: (i64, i64)) -> (String, String) {
        match self {
            Order::Date => schema::positions(resource_type, moments),
            Order::Id => (schema::of_type(resource_type), schema::of_type(resource_type) + AFTER_ALL),
        }
    }

    /// The key of the row at a position, as a query goes on after it.
    fn start(self, permit: &Permit, position: &str) -> Option<Item> {
        let id = position.rsplit('/').next()?;
        let resource = Reference::new(permit.resource_type().name, id);
        let start = Item::from(Key::in_partition(&permit.partition(), &resource.to_string()));
        Some(match self {
            Order::Date => start.with(schema::BY_DATE.sort_key, position),
            Order::Id => start,
        })
    }
}

impl Resources {
    /// Reads a window of the member's history of the permit's type, and gives the rows that `keep` keeps. Each other row is dropped as
    /// soon as it was looked at, so that a filter over a long history needs memory for its matches only; `held` is what they hold in memory,
    /// from one slice of a search to the next.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn history(
        &self,
        permit: &Permit,
        window: &Window,
        held: &mut Held,
        keep: impl Fn(&Row) -> bool,
    ) -> Result<Sealed<Slice>, StoreError> {
        let order = Order::of(permit.resource_type());
        let (low, high) = order.bounds(permit.resource_type().name, window.moments);
        let query = RowQuery {
            index: order.index(),
            backward: order == Order::Date && window.newest_first,
            limit: window.limit,
            after: window.after.as_ref().and_then(|after| order.start(permit, after)),
            ..RowQuery::new(permit.partition(), SortKeys::Between(low, high))
        };
        let page = self.table.page(query).await?;
        let sorted_by = order.index().map_or(SK, |index| index.sort_key);
        let mut more = page.next.map(|key| key.text(sorted_by).map(str::to_owned)).transpose()?;
        let mut rows = Vec::new();
        for (number, item) in page.items.iter().enumerate() {
            if let Found::Resource(mut row) = self.found(item, 0).await?
                && row.is_admitted_by(permit)
                && keep(&row)
            {
                held.take(&mut row, item);
                rows.push(row);
            }
            if window.most == Some(rows.len()) && number + 1 < page.items.len() {
                more = rows.last().map(|row| row.position.clone());
                break;
            }
        }
        let (read, bytes) = (page.items.len(), page.items.iter().map(Item::size).sum());
        Ok(permit.seal(Slice { rows, more, read, bytes }))
    }

    /// Reads on through the member's whole partition in the order of keys: resources that the permits admit, and pointers to shared
    /// ones of the permits' types.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn compartment(
        &self,
        permits: &Permits,
        after: Option<&str>,
        limit: Option<usize>,
    ) -> Result<Sealed<Part>, StoreError> {
        let partition = permits.partition();
        let query = RowQuery {
            limit,
            after: after.map(|after| Key::in_partition(&partition, after).into()),
            // Only the names of Binaries come after the types.
            ..RowQuery::new(&*partition, SortKeys::Before(AFTER_ALL.to_owned()))
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
        let more = page.next.map(|key| key.text(SK).map(str::to_owned)).transpose()?;
        Ok(permits.seal(Part { rows, more }))
    }

    /// Reads resources of the member's own by reference. Those that are not theirs or not admitted are left out.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn owned(&self, permits: &Permits, targets: &[Reference]) -> Result<Sealed<Vec<Row>>, StoreError> {
        let keys = targets
            .iter()
            .filter(|target| permits.include(&target.resource_type))
            .map(|target| Key::in_partition(&permits.partition(), &target.to_string()))
            .collect();
        let rows = self.resources(keys, 0).await?;
        Ok(permits.seal(rows.into_iter().filter(|row| row.is_admitted_among(permits)).collect()))
    }
}
