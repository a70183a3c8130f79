//! Many rows of one partition, page by page; and every row of a table, for the operator.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};

use super::item::Item;
use super::{Consistency, Table};
use crate::store::{StoreError, meter};

/// Which rows of a partition to read, and in which order.
#[derive(Clone)]
pub(crate) struct Query {
    /// The partition key.
    pub partition: String,
    /// The span of sort keys.
    pub range: Range,
    /// A local index, by its name and the attribute that it sorts by; `None` reads the table, which `sk` sorts.
    pub index: Option<(&'static str, &'static str)>,
    /// Whether the sort keys fall rather than rise.
    pub backward: bool,
    /// The most rows of a page; `None` reads as many as DynamoDB reads at once (1 MB).
    pub limit: Option<usize>,
    /// The key of the row to go on after.
    pub after: Option<Item>,
    /// Whether the read may miss a write of the last moment.
    pub consistency: Consistency,
}

/// A span of sort keys.
#[derive(Clone)]
pub(crate) enum Range {
    /// All of them.
    All,
    /// From the first to the second, both included.
    Between(String, String),
    /// This one and all that follow.
    From(String),
    /// All that come before this one.
    Before(String),
    /// All that begin with this.
    Under(String),
}

/// What one call read.
pub(crate) struct Page {
    /// The rows.
    pub items: Vec<Item>,
    /// The key of the row to go on after; `None` at the end.
    pub next: Option<Item>,
}

impl Query {
    /// The rows of a partition with sort keys in `range`: all of them, in the table's order, by eventually consistent reads.
    pub fn new(partition: impl Into<String>, range: Range) -> Query {
        Query {
            partition: partition.into(),
            range,
            index: None,
            backward: false,
            limit: None,
            after: None,
            consistency: Consistency::Eventual,
        }
    }
}

impl Range {
    /// The key condition over the sort key `sk`, and its values.
    fn condition(self, sk: &str) -> (String, Vec<(&'static str, String)>) {
        match self {
            Range::All => ("pk = :pk".to_owned(), vec![]),
            Range::Between(low, high) => {
                (format!("pk = :pk AND {sk} BETWEEN :low AND :high"), vec![(":low", low), (":high", high)])
            }
            Range::From(low) => (format!("pk = :pk AND {sk} >= :low"), vec![(":low", low)]),
            Range::Before(end) => (format!("pk = :pk AND {sk} < :end"), vec![(":end", end)]),
            Range::Under(prefix) => (format!("pk = :pk AND begins_with({sk}, :prefix)"), vec![(":prefix", prefix)]),
        }
    }
}

impl Table {
    /// Reads one page.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn page(&self, query: Query) -> Result<Page, StoreError> {
        let (condition, values) = query.range.condition(query.index.map_or("sk", |(_, attribute)| attribute));
        let request = self
            .client
            .query()
            .table_name(&self.name)
            .set_index_name(query.index.map(|(name, _)| name.to_owned()))
            .key_condition_expression(condition)
            .expression_attribute_values(":pk", AttributeValue::S(query.partition))
            .scan_index_forward(!query.backward)
            .set_limit(query.limit.and_then(|limit| i32::try_from(limit).ok()))
            .set_exclusive_start_key(query.after.map(|after| after.0))
            .consistent_read(query.consistency == Consistency::Strong)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let request = values.into_iter().fold(request, |request, (name, value)| {
            request.expression_attribute_values(name, AttributeValue::S(value))
        });
        let answer = meter::call(request.send()).await?;
        meter::read(answer.consumed_capacity());
        let items = answer.items.unwrap_or_default().into_iter().map(Item).collect();
        Ok(Page { items, next: answer.last_evaluated_key.map(Item) })
    }

    /// Reads all pages.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn pages(&self, query: Query) -> Result<Vec<Item>, StoreError> {
        to_the_end(|after| self.page(Query { after, ..query.clone() })).await
    }

    /// Reads every row with a partition key under `prefix`, by consistent reads. It reads the whole table, so it is for the
    /// operator's command alone: no function may, and none calls it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn scan(&self, prefix: &str) -> Result<Vec<Item>, StoreError> {
        to_the_end(async |after: Option<Item>| {
            let request = self
                .client
                .scan()
                .table_name(&self.name)
                .filter_expression("begins_with(pk, :prefix)")
                .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))
                .consistent_read(true)
                .set_exclusive_start_key(after.map(|after| after.0))
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            let answer = meter::call(request.send()).await?;
            meter::read(answer.consumed_capacity());
            let items = answer.items.unwrap_or_default().into_iter().map(Item).collect();
            Ok(Page { items, next: answer.last_evaluated_key.map(Item) })
        })
        .await
    }
}

/// Reads page after page, from the start to the end.
async fn to_the_end<F>(read: impl Fn(Option<Item>) -> F) -> Result<Vec<Item>, StoreError>
where
    F: Future<Output = Result<Page, StoreError>>,
{
    let mut page = read(None).await?;
    let mut items = page.items;
    while page.next.is_some() {
        page = read(page.next).await?;
        items.extend(page.items);
    }
    Ok(items)
}
