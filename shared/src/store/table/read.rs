//! The table itself, and rows by their keys.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{KeysAndAttributes, ReturnConsumedCapacity};
use futures_util::future::try_join_all;

use super::item::Item;
use crate::bounds::BATCH_KEYS;
use crate::store::aws::{Aws, Patience};
use crate::store::error::StoreError;
use crate::store::meter;
use crate::store::schema::Key;

/// One table, by its name.
#[derive(Clone)]
pub(crate) struct Table {
    pub(super) client: Client,
    pub(super) name: String,
    /// The patience of a load.
    pub(super) patience: Option<Patience>,
}

/// Whether a read may miss a write of the last moment. A consistent read costs twice as much.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consistency {
    /// It may, for about a second.
    Eventual,
    /// It sees every write that was answered before.
    Strong,
}

impl Table {
    /// The table of that name.
    pub fn new(aws: &Aws, name: &str) -> Table {
        Table { client: aws.dynamodb(), name: name.to_owned(), patience: aws.patience().cloned() }
    }

    /// Waits until the next write is due, where a load has a pace.
    pub(super) async fn pace(&self) {
        if let Some(patience) = &self.patience {
            patience.pace().await;
        }
    }

    /// The pauses of one request.
    pub(super) fn backoff(&self) -> Backoff {
        Backoff { pauses: 0, is_endless: self.patience.is_some() }
    }

    /// Reads the row with that key.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn get(&self, key: Key, consistency: Consistency) -> Result<Option<Item>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(Item::from(key).0))
            .consistent_read(consistency == Consistency::Strong)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = meter::call(request.send()).await?;
        meter::read(answer.consumed_capacity());
        Ok(answer.item.map(Item))
    }

    /// Reads the rows with these keys, in no order; `only` names the attributes to read, and `None` reads all. Either every row that
    /// exists comes back, or the call fails.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn batch_get(
        &self,
        keys: Vec<Key>,
        only: Option<&[&str]>,
        consistency: Consistency,
    ) -> Result<Vec<Item>, StoreError> {
        let batches = keys.chunks(BATCH_KEYS).map(|keys| self.batch_of_100(keys.to_vec(), only, consistency));
        Ok(try_join_all(batches).await?.into_iter().flatten().collect())
    }

    /// A batch may be answered in part (more than 16 MB, throttling): the keys left unread are asked for again.
    async fn batch_of_100(
        &self,
        keys: Vec<Key>,
        only: Option<&[&str]>,
        consistency: Consistency,
    ) -> Result<Vec<Item>, StoreError> {
        let (mut keys, mut items) = (keys.into_iter().map(|key| Item::from(key).0).collect(), Vec::new());
        let mut backoff = self.backoff();
        loop {
            let request = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .set_projection_expression(only.map(|names| names.join(", ")))
                .consistent_read(consistency == Consistency::Strong)
                .build()
                .map_err(|error| StoreError::Fault(error.to_string()))?;
            let request = self
                .client
                .batch_get_item()
                .request_items(&self.name, request)
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            let mut answer = meter::call(request.send()).await?;
            meter::read(answer.consumed_capacity());
            let read = answer.responses.as_mut().and_then(|tables| tables.remove(&self.name));
            items.extend(read.into_iter().flatten().map(Item));
            let unread = answer.unprocessed_keys.as_mut().and_then(|tables| tables.remove(&self.name));
            keys = unread.map(|unread| unread.keys).unwrap_or_default();
            if keys.is_empty() {
                return Ok(items);
            }
            backoff.wait("a batch was answered in part again and again").await?;
        }
    }
}

/// The pauses between the tries of one request that DynamoDB did not carry out and the SDK does not repeat: 20 ms, then twice as
/// long each time. For a load they have no end, and grow to 20 seconds.
pub(super) struct Backoff {
    pauses: u32,
    is_endless: bool,
}

impl Backoff {
    /// The most pauses: 620 ms together, well inside the time of a function.
    const MOST: u32 = 5;

    /// Waits for the next try.
    ///
    /// # Errors
    /// [`StoreError::Busy`] for `reason` once there were [`Backoff::MOST`] pauses.
    pub async fn wait(&mut self, reason: &str) -> Result<(), StoreError> {
        if self.pauses == Backoff::MOST && !self.is_endless {
            return Err(StoreError::Busy(reason.to_owned()));
        }
        tokio::time::sleep(Duration::from_millis(20 << self.pauses.min(10))).await;
        self.pauses += 1;
        Ok(())
    }
}
