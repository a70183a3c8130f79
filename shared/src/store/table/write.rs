//! Writes, each under a condition: one row, or several at once.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::TransactWriteItemBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, ReturnConsumedCapacity, ReturnValue,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};

use super::item::{Attribute, Item};
use super::read::Table;
use crate::clock::Time;
use crate::store::error::StoreError;
use crate::store::meter;
use crate::store::schema::{Key, auth};

/// Why a write did not happen.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Its condition does not hold: another request changed or made a row in between. Nothing was written.
    #[error("another request was faster")]
    Conflict,
    /// Storage failed; nothing is half written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The condition that the row that is there must meet for a write to happen.
#[derive(Clone)]
pub(crate) enum Condition {
    /// Nothing.
    Always,
    /// It lacks this attribute. Only a row that is not there lacks [`PK`](crate::store::schema::PK).
    Lacks(&'static str),
    /// It lacks the first attribute or has the second.
    LacksOrHas(&'static str, &'static str),
    /// This attribute has this value.
    Is(&'static str, Attribute),
}

/// One part of a transaction.
pub(crate) enum TransactionPart {
    /// A row to write.
    Put(Item, Condition),
    /// The key of a row to delete, and a condition that it must meet.
    Delete(Key, Condition),
    /// The key of a row that stays as it is, and a condition that it must meet.
    Check(Key, Condition),
    /// The key of a row of another table, by its name, to delete.
    DeleteIn(String, Key),
    /// A row of another table, by its name, to write.
    PutIn(String, Item),
}

/// The values that an expression names.
type Values = HashMap<String, AttributeValue>;

impl Condition {
    /// As DynamoDB takes it: the expression, and the values that it names.
    fn expression(self) -> (Option<String>, Option<Values>) {
        match self {
            Condition::Always => (None, None),
            Condition::Lacks(name) => (Some(format!("attribute_not_exists({name})")), None),
            Condition::LacksOrHas(lacks, has) => {
                (Some(format!("attribute_not_exists({lacks}) OR attribute_exists({has})")), None)
            }
            Condition::Is(name, value) => {
                (Some(format!("{name} = :is")), Some(Values::from([(":is".into(), value.0)])))
            }
        }
    }
}

impl Table {
    /// Writes a row, and replaces the one that is there.
    ///
    /// # Errors
    /// [`CommitError`]
    pub async fn put(&self, item: Item, condition: Condition) -> Result<(), CommitError> {
        self.put_and_see(item, condition, ReturnValuesOnConditionCheckFailure::None).await
    }

    /// As [`Table::put`], for a row that no other request writes. If exactly this row is there, the SDK's first try wrote it and its
    /// answer was lost: that is a success.
    ///
    /// # Errors
    /// As [`Table::put`].
    pub async fn put_own(&self, item: Item, condition: Condition) -> Result<(), CommitError> {
        self.put_and_see(item, condition, ReturnValuesOnConditionCheckFailure::AllOld).await
    }

    async fn put_and_see(
        &self,
        item: Item,
        condition: Condition,
        seen: ReturnValuesOnConditionCheckFailure,
    ) -> Result<(), CommitError> {
        self.pace().await;
        let (condition, values) = condition.expression();
        let request = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item.0.clone()))
            .set_condition_expression(condition)
            .set_expression_attribute_values(values)
            .return_values_on_condition_check_failure(seen)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let mut backoff = self.backoff();
        loop {
            let error = match meter::call(request.clone().send()).await {
                Ok(answer) => {
                    meter::write(answer.consumed_capacity());
                    return Ok(());
                }
                Err(error) => error,
            };
            match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) if failed.item() == Some(&item.0) => {
                    return Ok(());
                }
                // The row is in another's transaction at this moment. The SDK does not repeat that.
                Some(PutItemError::TransactionConflictException(_)) => {
                    backoff.wait("a row was in others' transactions again and again").await?;
                }
                _ => return Err(refused(error)),
            }
        }
    }

    /// Adds texts to a set of a row, and makes the row where there is none.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn include(&self, key: Key, name: &str, texts: &BTreeSet<String>) -> Result<(), StoreError> {
        self.pace().await;
        let request = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(Item::from(key).0))
            .update_expression(format!("ADD {name} :texts"))
            .expression_attribute_values(":texts", Attribute::from(texts).0)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = meter::call(request.send()).await?;
        meter::write(answer.consumed_capacity());
        Ok(())
    }

    /// Gives attributes of a row these values; `None` removes one. A row that is not there is made.
    ///
    /// # Errors
    /// [`CommitError`]
    pub async fn set<const N: usize>(
        &self,
        key: Key,
        attributes: [(&str, Option<Attribute>); N],
        condition: Condition,
    ) -> Result<(), CommitError> {
        self.pace().await;
        let (condition, values) = condition.expression();
        let mut request = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(Item::from(key).0))
            .set_condition_expression(condition)
            .set_expression_attribute_values(values)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let (mut set, mut removed) = (Vec::new(), Vec::new());
        for (name, value) in attributes {
            // It may be a reserved word.
            request = request.expression_attribute_names(format!("#{name}"), name);
            match value {
                Some(value) => {
                    set.push(format!("#{name} = :{name}"));
                    request = request.expression_attribute_values(format!(":{name}"), value.0);
                }
                None => removed.push(format!("#{name}")),
            }
        }
        let clause = |word: &str, parts: &[String]| match parts {
            [] => String::new(),
            parts => format!("{word} {} ", parts.join(", ")),
        };
        let request = request.update_expression(clause("SET", &set) + &clause("REMOVE", &removed));
        let answer = meter::call(request.send()).await.map_err(refused)?;
        meter::write(answer.consumed_capacity());
        Ok(())
    }

    /// Adds to a number of a row that lasts until `ends`, and gives the sum. It is one atomic step, so none of many additions at
    /// once is lost.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn add(&self, key: Key, name: &str, amount: i64, ends: Time) -> Result<i64, StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(Item::from(key).0))
            .update_expression(format!("ADD {name} :amount SET #ttl = :ends"))
            // A reserved word.
            .expression_attribute_names("#ttl", auth::ENDS)
            .expression_attribute_values(":amount", Attribute::from(amount).0)
            .expression_attribute_values(":ends", Attribute::from(ends.seconds()).0)
            .return_values(ReturnValue::UpdatedNew)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = meter::call(request.send()).await?;
        meter::write(answer.consumed_capacity());
        Item(answer.attributes.unwrap_or_default()).number(name)
    }

    /// Deletes a row.
    ///
    /// # Errors
    /// [`CommitError`]
    pub async fn delete(&self, key: Key, condition: Condition) -> Result<(), CommitError> {
        self.pace().await;
        let (condition, values) = condition.expression();
        let request = self
            .client
            .delete_item()
            .table_name(&self.name)
            .set_key(Some(Item::from(key).0))
            .set_condition_expression(condition)
            .set_expression_attribute_values(values)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = meter::call(request.send()).await.map_err(refused)?;
        meter::write(answer.consumed_capacity());
        Ok(())
    }

    /// Makes several writes, all or none.
    ///
    /// The SDK gives each call a `ClientRequestToken` and repeats it with the same one, so an answer that was lost is asked for again
    /// without a second effect. A transaction that met another in flight is tried again: by then one of the two has committed, and
    /// the answer is definite.
    ///
    /// # Errors
    /// [`CommitError`]
    pub async fn transact(&self, writes: Vec<TransactionPart>) -> Result<(), CommitError> {
        self.pace().await;
        let parts = writes.into_iter().map(|write| self.part(write)).collect::<Result<Vec<_>, _>>()?;
        let request = self
            .client
            .transact_write_items()
            .set_transact_items(Some(parts))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let mut backoff = self.backoff();
        loop {
            let error = match meter::call(request.clone().send()).await {
                Ok(answer) => {
                    meter::write(answer.consumed_capacity());
                    return Ok(());
                }
                Err(error) => error,
            };
            let reasons: Vec<&str> = match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code()).collect()
                }
                _ => Vec::new(),
            };
            if reasons.contains(&"ConditionalCheckFailed") {
                return Err(CommitError::Conflict);
            }
            let passing = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
            if !reasons.iter().any(|reason| passing.contains(reason)) {
                return Err(CommitError::Store(error.into()));
            }
            backoff.wait("a transaction met others again and again").await?;
        }
    }

    fn part(&self, write: TransactionPart) -> Result<TransactWriteItem, StoreError> {
        let (part, table) = (TransactWriteItem::builder(), &self.name);
        let part = match write {
            TransactionPart::Put(item, condition) => {
                let (condition, values) = condition.expression();
                let put = Put::builder().table_name(table).set_item(Some(item.0)).set_condition_expression(condition);
                put.set_expression_attribute_values(values).build().map(|put| part.put(put))
            }
            TransactionPart::Delete(key, condition) => {
                let (condition, values) = condition.expression();
                let delete = Delete::builder().table_name(table).set_key(Some(Item::from(key).0));
                let delete = delete.set_condition_expression(condition).set_expression_attribute_values(values);
                delete.build().map(|delete| part.delete(delete))
            }
            TransactionPart::Check(key, condition) => {
                let (condition, values) = condition.expression();
                let check = ConditionCheck::builder().table_name(table).set_key(Some(Item::from(key).0));
                let check = check.set_condition_expression(condition).set_expression_attribute_values(values);
                check.build().map(|check| part.condition_check(check))
            }
            TransactionPart::DeleteIn(table, key) => {
                let delete = Delete::builder().table_name(table).set_key(Some(Item::from(key).0));
                delete.build().map(|delete| part.delete(delete))
            }
            TransactionPart::PutIn(table, item) => {
                let put = Put::builder().table_name(table).set_item(Some(item.0));
                put.build().map(|put| part.put(put))
            }
        };
        part.map(TransactWriteItemBuilder::build).map_err(|error| StoreError::Fault(error.to_string()))
    }
}

/// A write that DynamoDB refused: because of its condition, or for another reason.
fn refused<E, R>(error: SdkError<E, R>) -> CommitError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match error.as_service_error().and_then(ProvideErrorMetadata::code) {
        Some("ConditionalCheckFailedException") => CommitError::Conflict,
        _ => CommitError::Store(error.into()),
    }
}
