//! The records of the audit table, for the checks of every answer and for tests.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value as Json, json};

/// One record, attribute by attribute.
pub type Record = BTreeMap<String, String>;

/// The records about `subject` (`Patient/alice`, `user/alice`), the oldest first.
pub async fn records(environment: &BTreeMap<String, String>, subject: &str) -> Vec<Record> {
    let answer = client(environment)
        .query()
        .table_name(&environment["AUDIT_TABLE"])
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", AttributeValue::S(subject.to_owned()))
        .send()
        .await
        .expect("the audit table answers");
    let text = |value: &AttributeValue| value.as_s().or(value.as_n()).cloned().unwrap_or_default();
    answer.items().iter().map(|item| item.iter().map(|(name, value)| (name.clone(), text(value))).collect()).collect()
}

/// All records as the table's stream hands them to a function when they are new: an event of at most 1,000 records each.
pub async fn stream_events(environment: &BTreeMap<String, String>) -> Vec<Json> {
    let rows = client(environment).scan().table_name(&environment["AUDIT_TABLE"]).into_paginator().items().send();
    let rows = rows.collect::<Result<Vec<_>, _>>().await.expect("the audit table answers");
    let typed = |value: &AttributeValue| match value {
        AttributeValue::N(number) => json!({"N": number}),
        text => json!({"S": text.as_s().expect("it is text")}),
    };
    let mut records: Vec<Json> = rows
        .iter()
        .map(|row| row.iter().map(|(name, value)| (name.clone(), typed(value))).collect::<serde_json::Map<_, _>>())
        .map(|image| json!({"eventName": "INSERT", "dynamodb": {"NewImage": image}}))
        .collect();
    records.sort_by_key(|record| record["dynamodb"]["NewImage"]["sk"]["S"].as_str().map(str::to_owned));
    records.chunks(1000).map(|records| json!({"Records": records})).collect()
}

/// Deletes the table.
pub async fn drop(environment: &BTreeMap<String, String>) {
    let client = client(environment);
    let table = &environment["AUDIT_TABLE"];
    client.update_table().table_name(table).deletion_protection_enabled(false).send().await.expect("it may go");
    client.delete_table().table_name(table).send().await.expect("it goes");
}

/// A DynamoDB client of the stack with these variables.
pub fn client(environment: &BTreeMap<String, String>) -> Client {
    let value = |name: &str| environment[name].clone();
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(value("AWS_REGION")))
        .endpoint_url(value("AWS_ENDPOINT_URL_DYNAMODB"))
        .credentials_provider(Credentials::new(
            value("AWS_ACCESS_KEY_ID"),
            value("AWS_SECRET_ACCESS_KEY"),
            None,
            None,
            "test",
        ))
        .build();
    Client::from_conf(config)
}
