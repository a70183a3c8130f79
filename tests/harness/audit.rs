//! The records of the audit table, for the checks of every answer and for tests.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;

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
    let text = |value: &AttributeValue| value.as_s().cloned().unwrap_or_default();
    answer.items().iter().map(|item| item.iter().map(|(name, value)| (name.clone(), text(value))).collect()).collect()
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
