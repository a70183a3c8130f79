//! The `audit` table: append only. Functions may put rows and nothing else; a row is never written over.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure};

use super::{Aws, StoreError, meter};

/// One record.
#[derive(Debug, Default)]
pub struct AuditRecord {
    /// Whose record was touched, as `Patient/<id>`; `user/<name>` where no member is known yet.
    pub subject: String,
    /// When, as a FHIR instant.
    pub time: String,
    /// API Gateway's id of the request.
    pub request_id: String,
    /// What was done: `read`, `search`, `everything`, `sign-in`, `consent`, `token`, …
    pub action: &'static str,
    /// How it ended: `ok`, `linked`, `not-modified`, or an error's name.
    pub outcome: &'static str,
    /// From where.
    pub source_ip: String,
    /// By which app.
    pub client: String,
    /// Under which grant.
    pub grant: String,
    /// The path and query.
    pub query: String,
    /// What was given out (see [`crate::audit`]).
    pub ids: String,
}

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
    pub async fn append(&self, entry: &AuditRecord) -> Result<(), StoreError> {
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
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        for (name, value) in
            [("client", &entry.client), ("grant", &entry.grant), ("query", &entry.query), ("ids", &entry.ids)]
        {
            if !value.is_empty() {
                put = put.item(name, text(value));
            }
        }
        let item = put.get_item().clone();
        match meter::call(put.send()).await {
            Ok(answer) => {
                meter::write(answer.consumed_capacity());
                Ok(())
            }
            Err(error) => match error.as_service_error() {
                // Our own record is there: the answer to the first try was lost, and this was the SDK's second.
                Some(PutItemError::ConditionalCheckFailedException(failed)) if failed.item() == item.as_ref() => Ok(()),
                _ => Err(error.into()),
            },
        }
    }
}
