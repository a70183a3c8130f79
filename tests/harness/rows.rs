//! The rows of the `auth` table, for tests of what was stored, or must not be. They are read, or changed by hand.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value as Json;
use shared::store::auth::{Commit, Record};

use crate::app::App;
use crate::audit::client;

impl App {
    /// The records of one kind (`code`, `grant`, `request`, …), by key.
    pub async fn stored(&self, kind: &str) -> BTreeMap<String, Json> {
        let client: Client = client(self.environment());
        let prefix = format!("{kind}#");
        let pages = client
            .scan()
            .table_name(&self.environment()["AUTH_TABLE"])
            .filter_expression("begins_with(pk, :kind)")
            .expression_attribute_values(":kind", AttributeValue::S(prefix.clone()))
            .into_paginator()
            .items()
            .send();
        let rows = pages.collect::<Result<Vec<_>, _>>().await.expect("the auth table answers");
        let text = |value: Option<&AttributeValue>| value.and_then(|value| value.as_s().ok()).cloned();
        rows.iter()
            .map(|row| {
                let partition = text(row.get("pk")).expect("a row has a key").split_off(prefix.len());
                let key = match text(row.get("sk")).expect("a row has a sort key").as_str() {
                    "-" => partition,
                    place => format!("{partition}.{place}"),
                };
                let record = text(row.get("v")).and_then(|text| serde_json::from_str(&text).ok());
                (key, record.unwrap_or_default())
            })
            .collect()
    }

    /// One record, as it is now.
    pub async fn record<R: Record>(&self, key: &str) -> Option<R> {
        let stored = self.stack_to_work_on().await.auth().get::<R>(key).await;
        stored.expect("the auth table answers").map(|stored| stored.record)
    }

    /// Changes a record behind the API's back, as an operator does to stop an app or a member.
    pub async fn change<R: Record + Clone>(&self, key: &str, change: impl FnOnce(&mut R)) {
        let auth = self.stack_to_work_on().await.auth();
        let before = auth.get::<R>(key).await.expect("the auth table answers").expect("there is such a record");
        let mut after = before.record.clone();
        change(&mut after);
        auth.commit(Commit::default().replace(&before, &after)).await.expect("nobody else changes it");
    }
}
