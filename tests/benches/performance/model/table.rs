//! A table of one layout, and what its reads and writes consume.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, ConsumedCapacity, KeySchemaElement, KeyType, KeysAndAttributes,
    LocalSecondaryIndex, Projection, ProjectionType, PutRequest, ReturnConsumedCapacity, ScalarAttributeType,
    WriteRequest,
};

use super::rows::{Item, first_day, received, text};
use super::{Copies, Cost, Layout, News};

/// A table.
pub struct Table {
    client: Client,
    name: String,
    pub layout: Layout,
}

fn units(consumed: &[ConsumedCapacity]) -> f64 {
    consumed.iter().filter_map(ConsumedCapacity::capacity_units).sum()
}

fn key(attribute: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(attribute).key_type(kind).build().expect("it is whole")
}

fn index(name: &str, attribute: &str, copies: Copies) -> LocalSecondaryIndex {
    let projection = match copies {
        Copies::Keys => ProjectionType::KeysOnly,
        Copies::Whole => ProjectionType::All,
    };
    let index = LocalSecondaryIndex::builder()
        .index_name(name)
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key(attribute, KeyType::Range))
        .projection(Projection::builder().projection_type(projection).build());
    index.build().expect("it is whole")
}

impl Table {
    /// Makes a table.
    pub async fn create(environment: &BTreeMap<String, String>, layout: Layout) -> Table {
        let (client, name) = (tests::dynamodb(environment), format!("layout-{}", &layout.name[..1]));
        let mut indexes = vec![index("by-date", "d", layout.by_date)];
        let mut attributes =
            vec![("pk", ScalarAttributeType::S), ("sk", ScalarAttributeType::S), ("d", ScalarAttributeType::S)];
        if let Some((attribute, copies)) = layout.by_update() {
            indexes.push(index("by-update", attribute, copies));
            attributes.push((attribute, ScalarAttributeType::N));
        }
        let attributes = attributes.into_iter().map(|(name, kind)| {
            AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().expect("it is whole")
        });
        client
            .create_table()
            .table_name(&name)
            .billing_mode(BillingMode::PayPerRequest)
            .set_attribute_definitions(Some(attributes.collect()))
            .key_schema(key("pk", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range))
            .set_local_secondary_indexes(Some(indexes))
            .send()
            .await
            .expect("the table is new");
        Table { client, name, layout }
    }

    /// Puts rows; the write units.
    pub async fn put_all(&self, items: &[Item]) -> f64 {
        let mut consumed = 0.0;
        for items in items.chunks(25) {
            let puts = items.iter().map(|item| {
                let put = PutRequest::builder().set_item(Some(item.clone())).build().expect("it is whole");
                WriteRequest::builder().put_request(put).build()
            });
            let request = self.client.batch_write_item().request_items(&self.name, puts.collect());
            let answer = request.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
            let answer = answer.expect("the rows are good");
            assert!(answer.unprocessed_items().is_none_or(std::collections::HashMap::is_empty), "all are written");
            consumed += units(answer.consumed_capacity());
        }
        consumed
    }

    /// Bytes of the table and its indexes, with the 100 that DynamoDB adds to each item.
    pub async fn bytes(&self) -> f64 {
        let answer = self.client.describe_table().table_name(&self.name).send().await.expect("it is there");
        let table = answer.table.expect("it is described");
        let indexes = table.local_secondary_indexes();
        let sizes = indexes.iter().filter_map(|index| index.index_size_bytes).chain(table.table_size_bytes);
        let size: i64 = sizes.sum();
        u32::try_from(size).expect("it is small").into()
    }

    /// Reads the newest rows of the history.
    pub async fn newest(&self, owner: &str, count: usize) -> Cost {
        let mut cost = Cost::default();
        let limit = i32::try_from(count).ok();
        let mut found =
            self.query(owner, Some("by-date"), ("d", "Observation/", "Observation/~"), limit, &mut cost).await;
        if self.layout.by_date == Copies::Keys {
            found = self.whole(&found, &mut cost).await;
        }
        Cost { rows: found.len(), ..cost }
    }

    /// Reads the Observations that are new since a moment.
    pub async fn since(&self, owner: &str, moment: i64) -> Cost {
        let mut cost = Cost::default();
        let now = moment.to_string();
        let found = match (self.layout.news, self.layout.by_update()) {
            (News::Receipts, _) => {
                let bounds = (format!("received/{now}"), "received/~".to_owned());
                let rows = self.query(owner, None, ("sk", &bounds.0, &bounds.1), None, &mut cost).await;
                let keys: Vec<Item> = rows.iter().flat_map(|row| received(owner, row)).collect();
                self.whole(&keys, &mut cost).await
            }
            (news, Some((attribute, copies))) => {
                let mut rows =
                    self.query(owner, Some("by-update"), (attribute, &now, "9999999999999"), None, &mut cost).await;
                if let News::Later(_) = news {
                    // Read beside the query, and so no round trip of its own.
                    self.whole(&[first_day(owner)], &mut cost).await;
                    cost.round_trips -= 1;
                }
                if copies == Copies::Keys {
                    rows = self.whole(&rows, &mut cost).await;
                }
                rows
            }
            _ => {
                let all = self.query(owner, None, ("sk", "Observation/", "Observation/~"), None, &mut cost).await;
                let new = |item: &Item| item["u"].as_n().is_ok_and(|u| *u > now);
                all.into_iter().filter(new).collect()
            }
        };
        Cost { rows: found.len(), ..cost }
    }

    async fn query(
        &self,
        owner: &str,
        index: Option<&str>,
        (attribute, low, high): (&str, &str, &str),
        limit: Option<i32>,
        cost: &mut Cost,
    ) -> Vec<Item> {
        let value = |text: &str| match attribute {
            "u" | "n" => AttributeValue::N(text.to_owned()),
            _ => text_value(text),
        };
        let (mut rows, mut start) = (Vec::new(), None);
        loop {
            let request = self
                .client
                .query()
                .table_name(&self.name)
                .set_index_name(index.map(str::to_owned))
                .key_condition_expression("pk = :pk AND #sort BETWEEN :low AND :high")
                .expression_attribute_names("#sort", attribute)
                .expression_attribute_values(":pk", text_value(&format!("Patient/{owner}")))
                .expression_attribute_values(":low", value(low))
                .expression_attribute_values(":high", value(high))
                .scan_index_forward(false)
                .set_limit(limit)
                .set_exclusive_start_key(start)
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            let answer = request.send().await.expect("the table answers");
            cost.read_units +=
                answer.consumed_capacity().and_then(ConsumedCapacity::capacity_units).unwrap_or_default();
            cost.round_trips += 1;
            rows.extend(answer.items.unwrap_or_default());
            start = answer.last_evaluated_key;
            if start.is_none() || limit.is_some() {
                return rows;
            }
        }
    }

    /// Reads the whole rows of which the keys are known: batches of 100, side by side.
    async fn whole(&self, rows: &[Item], cost: &mut Cost) -> Vec<Item> {
        let mut found = Vec::new();
        for rows in rows.chunks(100) {
            let keys = rows.iter().map(|row| {
                ["pk", "sk"].map(|name| (name.to_owned(), text_value(text(row, name)))).into_iter().collect::<Item>()
            });
            let keys = KeysAndAttributes::builder().set_keys(Some(keys.collect())).build().expect("it is whole");
            let request = self.client.batch_get_item().request_items(&self.name, keys);
            let answer = request.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
            let answer = answer.expect("the table answers");
            cost.read_units += units(answer.consumed_capacity());
            found.extend(answer.responses.unwrap_or_default().into_values().flatten());
        }
        cost.round_trips += u32::from(!rows.is_empty());
        found
    }
}

impl Layout {
    /// The attribute that the index over `lastUpdated` is by, and what it holds.
    fn by_update(&self) -> Option<(&'static str, Copies)> {
        match self.news {
            News::Every(copies) => Some(("u", copies)),
            News::Later(copies) => Some(("n", copies)),
            News::Nowhere | News::Receipts => None,
        }
    }
}

fn text_value(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
