//! The `audit` table: append only. Functions may put rows and nothing else; a row is never written over.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};

use super::{Aws, StoreError, meter};
use crate::audit::Entry;

/// The table.
#[derive(Clone)]
pub struct AuditTable {
    client: Client,
    table: String,
}

impl AuditTable {
    /// The table of that name.
    pub fn new(aws: &Aws, table: &str) -> AuditTable {
        AuditTable { client: aws.dynamodb(), table: table.to_owned() }
    }

    /// Appends one entry: partition `pk` is the member, `sk` the moment and the request.
    ///
    /// # Errors
    /// [`StoreError`] where the row is not surely written.
    pub async fn append(&self, entry: &Entry) -> Result<(), StoreError> {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", text(&entry.subject))
            .item("sk", AttributeValue::S(format!("{}#{}", entry.time, entry.request_id)))
            .item("action", text(entry.action))
            .item("outcome", text(entry.outcome))
            .item("ip", text(&entry.source_ip))
            .condition_expression("attribute_not_exists(pk)")
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        for (name, value) in
            [("client", &entry.client), ("grant", &entry.grant), ("query", &entry.query), ("ids", &entry.ids)]
        {
            if !value.is_empty() {
                put = put.item(name, text(value));
            }
        }
        let answer = meter::call(put.send()).await?;
        meter::write(answer.consumed_capacity());
        Ok(())
    }
}
