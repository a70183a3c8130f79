//! The `auth` table: clients, authorization requests, sessions, codes, grants, refresh tokens, members, throttles.
//!
//! Each is a [`Record`]: one row, kept as JSON beside its key, a revision and DynamoDB's time to live. A change commits only
//! against the revision it was made from, so two requests cannot both win. Every read is consistent, or revocation would not
//! be felt at once.

mod commit;

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, Put, ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::commit::Commit;

use self::commit::Write;
use super::{Aws, StoreError, meter};
use crate::clock::Time;
use crate::secret::Random;

/// Something that the `auth` table keeps.
pub trait Record: Serialize + DeserializeOwned {
    /// What it is, as the first part of its key.
    const KIND: &'static str;

    /// What tells it from others of its kind. A secret appears only hashed.
    fn key(&self) -> String;

    /// Where the record with that key lies: its partition among its kind, and its place there. Most are alone in theirs.
    fn place(key: &str) -> (&str, &str) {
        (key, "-")
    }

    /// When it ends. DynamoDB deletes rows days late, so whoever reads it compares the time itself.
    fn expires_at(&self) -> Option<Time>;
}

/// A record as it was read, with the revision that a change must still find.
#[derive(Clone, Debug)]
pub struct Stored<R> {
    /// The record.
    pub record: R,
    revision: u64,
}

/// Why a [`Commit`] did not happen.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A record was changed or made by another request in between; nothing was written.
    #[error("another request was faster")]
    Conflict,
    /// Storage failed; nothing is half written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The table.
#[derive(Clone)]
pub struct Auth {
    client: Client,
    table: String,
    random: Random,
}

const NOWHERE: &str = "the auth table holds a row that does not read";

type Row = HashMap<String, AttributeValue>;

fn key<R: Record>(key: &str) -> Row {
    let (partition, place) = R::place(key);
    row_key(R::KIND, partition, place)
}

fn row_key(kind: &str, partition: &str, place: &str) -> Row {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(format!("{kind}#{partition}"))),
        ("sk".to_owned(), AttributeValue::S(place.to_owned())),
    ])
}

/// The record with that id among the rows of a batch.
fn one<R: Record>(rows: &[Row], id: &str) -> Result<Option<Stored<R>>, StoreError> {
    let key = key::<R>(id);
    rows.iter().find(|row| key.iter().all(|(name, value)| row.get(name) == Some(value))).map(stored).transpose()
}

fn stored<R: Record>(item: &Row) -> Result<Stored<R>, StoreError> {
    let read = || {
        let record = serde_json::from_str(item.get("v")?.as_s().ok()?).ok()?;
        let revision = item.get("rev")?.as_n().ok()?.parse().ok()?;
        Some(Stored { record, revision })
    };
    read().ok_or_else(|| StoreError::Fault(format!("{NOWHERE}: {}", R::KIND)))
}

impl Auth {
    /// The table of that name.
    pub fn new(aws: &Aws, table: &str) -> Auth {
        Auth { client: aws.dynamodb(), table: table.to_owned(), random: Random::system() }
    }

    /// Reads one record; one unit for up to 4 KB.
    ///
    /// # Errors
    /// [`StoreError`] where the table does not answer or the row does not read.
    pub async fn get<R: Record>(&self, id: &str) -> Result<Option<Stored<R>>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key::<R>(id)))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = meter::call(request.send()).await?;
        meter::read(answer.consumed_capacity());
        answer.item().map(stored).transpose()
    }

    /// Reads two records in one round trip.
    ///
    /// # Errors
    /// As [`Auth::get`].
    pub async fn get_both<A: Record, B: Record>(
        &self,
        a: &str,
        b: &str,
    ) -> Result<(Option<Stored<A>>, Option<Stored<B>>), StoreError> {
        let rows = self.batch(vec![key::<A>(a), key::<B>(b)]).await?;
        Ok((one(&rows, a)?, one(&rows, b)?))
    }

    /// Reads three records in one round trip.
    ///
    /// # Errors
    /// As [`Auth::get`].
    pub async fn get_three<A: Record, B: Record, C: Record>(
        &self,
        a: &str,
        b: &str,
        c: &str,
    ) -> Result<(Option<Stored<A>>, Option<Stored<B>>, Option<Stored<C>>), StoreError> {
        let rows = self.batch(vec![key::<A>(a), key::<B>(b), key::<C>(c)]).await?;
        Ok((one(&rows, a)?, one(&rows, b)?, one(&rows, c)?))
    }

    async fn batch(&self, keys: Vec<Row>) -> Result<Vec<Row>, StoreError> {
        let keys = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true)
            .build()
            .map_err(|error| StoreError::Fault(error.to_string()))?;
        let request = self
            .client
            .batch_get_item()
            .request_items(&self.table, keys)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = meter::call(request.send()).await?;
        meter::read(answer.consumed_capacity());
        // A few small rows: the only reason to leave one out is throttling.
        if answer.unprocessed_keys().is_some_and(|keys| !keys.is_empty()) {
            return Err(StoreError::Busy("a batch was answered in part".into()));
        }
        Ok(answer.responses.and_then(|mut tables| tables.remove(&self.table)).unwrap_or_default())
    }

    /// Reads all records of one partition: for [`crate::access::grant::Grant`], those of one member.
    ///
    /// # Errors
    /// As [`Auth::get`].
    pub async fn list<R: Record>(&self, partition: &str) -> Result<Vec<Stored<R>>, StoreError> {
        let (mut records, mut start) = (Vec::new(), None);
        loop {
            let request = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", AttributeValue::S(format!("{}#{partition}", R::KIND)))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            let answer = meter::call(request.send()).await?;
            meter::read(answer.consumed_capacity());
            for item in answer.items() {
                records.push(stored(item)?);
            }
            start = answer.last_evaluated_key().cloned();
            if start.is_none() {
                return Ok(records);
            }
        }
    }

    /// Every record of a kind, for the operator's command. It reads the whole table: no function may, and none calls it.
    ///
    /// # Errors
    /// As [`Auth::get`].
    pub async fn scan<R: Record>(&self) -> Result<Vec<Stored<R>>, StoreError> {
        let mut pages = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .filter_expression("begins_with(pk, :kind)")
            .expression_attribute_values(":kind", AttributeValue::S(format!("{}#", R::KIND)))
            .into_paginator()
            .items()
            .send();
        let mut records = Vec::new();
        while let Some(row) = pages.next().await {
            records.push(stored(&row?)?);
        }
        Ok(records)
    }

    /// Adds to a counter that lasts until `ends`, and tells what it comes to: one atomic step, so that none of many at once
    /// is lost.
    ///
    /// # Errors
    /// [`StoreError`] where the table does not answer.
    pub async fn count(&self, id: &str, amount: i64, ends: Time) -> Result<i64, StoreError> {
        let number = |number: i64| AttributeValue::N(number.to_string());
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(row_key("count", id, "-")))
            .update_expression("ADD n :amount SET #ttl = :ends")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":amount", number(amount))
            .expression_attribute_values(":ends", number(ends.seconds()))
            .return_values(ReturnValue::UpdatedNew)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = meter::call(request.send()).await?;
        meter::write(answer.consumed_capacity());
        let count = answer.attributes().and_then(|attributes| attributes.get("n")?.as_n().ok()?.parse().ok());
        count.ok_or_else(|| StoreError::Fault("a counter was not counted".into()))
    }

    /// Writes a [`Commit`]: all or nothing.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] where a record is not as it was read; [`CommitError::Store`] where the table fails.
    pub async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        match <[Write; 1]>::try_from(commit.writes(&self.table, &self.random.identifier())?) {
            // One row needs no transaction, which would cost twice.
            Ok([Write::Put(put)]) => self.put(put).await,
            Ok([check]) => self.transact(vec![check]).await,
            Err(writes) => self.transact(writes).await,
        }
    }

    async fn put(&self, put: Put) -> Result<(), CommitError> {
        for attempt in 0u64..5 {
            tokio::time::sleep(Duration::from_millis(attempt * 20)).await;
            let request = self
                .client
                .put_item()
                .table_name(&put.table_name)
                .set_item(Some(put.item.clone()))
                .set_condition_expression(put.condition_expression.clone())
                .set_expression_attribute_values(put.expression_attribute_values.clone())
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            let error = match meter::call(request.send()).await {
                Ok(answer) => {
                    meter::write(answer.consumed_capacity());
                    return Ok(());
                }
                Err(error) => error,
            };
            match error.as_service_error() {
                // Our own row is there: the answer to the first try was lost, and this was the SDK's second.
                Some(PutItemError::ConditionalCheckFailedException(failed)) if failed.item() == Some(&put.item) => {
                    return Ok(());
                }
                Some(PutItemError::ConditionalCheckFailedException(_)) => return Err(CommitError::Conflict),
                // The row is in somebody's transaction at this moment, which the SDK does not try again.
                Some(PutItemError::TransactionConflictException(_)) => {}
                _ => return Err(CommitError::Store(error.into())),
            }
        }
        Err(CommitError::Store(StoreError::Busy("a row was in others' transactions again and again".into())))
    }

    /// The SDK gives each call a `ClientRequestToken` and repeats it with the same one, so an answer that was lost is asked
    /// for again without a second effect. A transaction that met another in flight is tried again: then one of the two has
    /// committed, and the answer is definite.
    async fn transact(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        let item = |write| match write {
            Write::Put(put) => TransactWriteItem::builder().put(put).build(),
            Write::Check(check) => TransactWriteItem::builder().condition_check(check).build(),
        };
        let items: Vec<TransactWriteItem> = writes.into_iter().map(item).collect();
        for attempt in 0u64..5 {
            tokio::time::sleep(Duration::from_millis(attempt * 20)).await;
            let request = self
                .client
                .transact_write_items()
                .set_transact_items(Some(items.clone()))
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            let error = match meter::call(request.send()).await {
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
        }
        Err(CommitError::Store(StoreError::Busy("a transaction met others again and again".into())))
    }
}
