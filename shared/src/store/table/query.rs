//! Many rows of one partition, page by page; and every row of a table, for the operator.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};

use super::item::Item;
use super::read::{Consistency, Table};
use crate::store::error::StoreError;
use crate::store::meter;
use crate::store::schema::{Index, PK, SK};

/// Which rows of a partition to read, and in which order.
#[derive(Clone)]
pub(crate) struct RowQuery {
    /// The partition key, of the index where one is read.
    pub partition: String,
    /// The span of sort keys.
    pub range: SortKeys,
    /// The index to read; `None` reads the table itself.
    pub index: Option<Index>,
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
pub(crate) enum SortKeys {
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

/// The rows that one call read.
pub(crate) struct RowPage {
    /// The rows.
    pub items: Vec<Item>,
    /// The key of the row to go on after; `None` at the end.
    pub next: Option<Item>,
}

impl RowQuery {
    /// The rows of a partition with sort keys in `range`: all of them, in the table's order, by eventually consistent reads.
    pub fn new(partition: impl Into<String>, range: SortKeys) -> RowQuery {
        RowQuery {
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

impl SortKeys {
    /// The key condition over the partition key `pk` and the sort key `sk`, and its values.
    fn condition(self, pk: &str, sk: &str) -> (String, Vec<(&'static str, String)>) {
        match self {
            SortKeys::All => (format!("{pk} = :pk"), vec![]),
            SortKeys::Between(low, high) => {
                (format!("{pk} = :pk AND {sk} BETWEEN :low AND :high"), vec![(":low", low), (":high", high)])
            }
            SortKeys::From(low) => (format!("{pk} = :pk AND {sk} >= :low"), vec![(":low", low)]),
            SortKeys::Before(end) => (format!("{pk} = :pk AND {sk} < :end"), vec![(":end", end)]),
            SortKeys::Under(prefix) => {
                (format!("{pk} = :pk AND begins_with({sk}, :prefix)"), vec![(":prefix", prefix)])
            }
        }
    }
}

impl Table {
    /// Reads one page.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn page(&self, query: RowQuery) -> Result<RowPage, StoreError> {
        let (condition, values) = query.range.condition(
            query.index.map_or(PK, |index| index.partition_key),
            query.index.map_or(SK, |index| index.sort_key),
        );
        let request = self
            .client
            .query()
            .table_name(&self.name)
            .set_index_name(query.index.map(|index| index.name.to_owned()))
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
        Ok(RowPage { items, next: answer.last_evaluated_key.map(Item) })
    }

    /// All pages of a query.
    pub fn pages(&self, query: RowQuery) -> Pages<'_> {
        Pages { table: self, rows: Rows::Of(query), after: None, is_over: false }
    }

    /// All pages of the rows with a partition key under `prefix`, or of all rows where that is empty, by consistent reads. It is for the operator's command alone: it reads
    /// the whole table, and no function may do that.
    pub fn scan(&self, prefix: &str) -> Pages<'_> {
        Pages { table: self, rows: Rows::Under(prefix.to_owned()), after: None, is_over: false }
    }

    async fn scan_page(&self, prefix: &str, after: Option<Item>) -> Result<RowPage, StoreError> {
        // An expression must not compare with an empty text.
        let filter = (!prefix.is_empty()).then(|| "begins_with(pk, :prefix)".to_owned());
        let values = filter.as_ref().map(|_| [(":prefix".to_owned(), AttributeValue::S(prefix.to_owned()))].into());
        let request = self
            .client
            .scan()
            .table_name(&self.name)
            .set_filter_expression(filter)
            .set_expression_attribute_values(values)
            .consistent_read(true)
            .set_exclusive_start_key(after.map(|after| after.0))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = meter::call(request.send()).await?;
        meter::read(answer.consumed_capacity());
        let items = answer.items.unwrap_or_default().into_iter().map(Item).collect();
        Ok(RowPage { items, next: answer.last_evaluated_key.map(Item) })
    }
}

/// Pages that are read one after the other, from the start to the end.
pub(crate) struct Pages<'a> {
    table: &'a Table,
    rows: Rows,
    after: Option<Item>,
    is_over: bool,
}

/// The rows of a query, or those with partition keys under a prefix.
enum Rows {
    Of(RowQuery),
    Under(String),
}

impl Pages<'_> {
    /// Reads the next page; `None` after the last.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn next(&mut self) -> Result<Option<Vec<Item>>, StoreError> {
        if self.is_over {
            return Ok(None);
        }
        let after = self.after.take();
        let page = match &self.rows {
            Rows::Of(query) => self.table.page(RowQuery { after, ..query.clone() }).await?,
            Rows::Under(prefix) => self.table.scan_page(prefix, after).await?,
        };
        self.is_over = page.next.is_none();
        self.after = page.next;
        Ok(Some(page.items))
    }

    /// Reads all pages.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn all(mut self) -> Result<Vec<Item>, StoreError> {
        let mut all = Vec::new();
        while let Some(items) = self.next().await? {
            all.extend(items);
        }
        Ok(all)
    }
}
