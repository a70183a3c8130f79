//! DynamoDB, S3 and KMS, as clients find them.

mod common;

use common::{Answer, Client, options};
use local_stack::{LocalStack, Options};
use serde_json::{Value, json};

/// An AWS JSON call. DynamoDB requires the form of a signature, but does not verify it.
async fn call(stack: &LocalStack, service: &str, target: &str, body: Value) -> Answer {
    let url = &stack.environment()[&format!("AWS_ENDPOINT_URL_{service}")];
    let head = format!(
        "POST / HTTP/1.1\r\nHost: local\r\nX-Amz-Target: {target}\r\nX-Amz-Date: 20260101T000000Z\r\n\
         Content-Type: application/x-amz-json-1.0\r\nAuthorization: AWS4-HMAC-SHA256 \
         Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0\r\n"
    );
    Client::connect(url).await.send(&head, body.to_string().as_bytes()).await
}

async fn dynamodb(stack: &LocalStack, operation: &str, body: Value) -> Value {
    call(stack, "DYNAMODB", &format!("DynamoDB_20120810.{operation}"), body).await.json()
}

async fn start(options: &Options) -> LocalStack {
    LocalStack::start(options.clone()).await.expect("a stack")
}

#[tokio::test]
async fn a_table_has_the_schema_of_the_template() {
    let (_folder, mut options) = options();
    options.services_only = true;
    let stack = start(&options).await;
    assert_eq!(stack.url(), "");
    let name = json!({"TableName": stack.environment()["TABLE"]});
    let table = dynamodb(&stack, "DescribeTable", name.clone()).await;
    assert_eq!(table["Table"]["LocalSecondaryIndexes"][0]["IndexName"], "byTime");
    let ttl = dynamodb(&stack, "DescribeTimeToLive", name).await;
    assert_eq!(ttl["TimeToLiveDescription"]["AttributeName"], "ttl");
    assert_eq!(ttl["TimeToLiveDescription"]["TimeToLiveStatus"], "ENABLED");
}

#[tokio::test]
async fn a_restart_finds_items_keys_and_schema() {
    let (folder, mut options) = options();
    options.services_only = true;
    options.data = Some(folder.path().join("data"));
    let first = start(&options).await;
    let item = json!({"pk": {"S": "a"}, "sk": {"S": "b"}});
    dynamodb(&first, "PutItem", json!({"TableName": "ThingsTable", "Item": item})).await;
    let key = json!({"KeyId": first.environment()["KEY"]});
    let public = call(&first, "KMS", "TrentService.GetPublicKey", key.clone()).await.json();
    first.shutdown().await;

    let second = start(&options).await;
    let found = dynamodb(&second, "GetItem", json!({"TableName": "ThingsTable", "Key": item})).await;
    assert_eq!(found["Item"], item);
    let again = call(&second, "KMS", "TrentService.GetPublicKey", key).await.json();
    assert_eq!(public, again);
    second.shutdown().await;

    let changed = common::TEMPLATE.replace("byTime", "byAge");
    std::fs::write(&options.template, changed).expect("a template");
    let error = LocalStack::start(options).await.expect_err("refused");
    assert!(format!("{error:#}").contains("LocalSecondaryIndexes"), "{error:#}");
}

#[tokio::test]
async fn kms_errors_are_json_with_a_type() {
    let (_folder, mut options) = options();
    options.services_only = true;
    let stack = start(&options).await;
    let refused = call(&stack, "KMS", "TrentService.DescribeKey", json!({"KeyId": "gone"})).await;
    assert_eq!((refused.status, &refused.json()["__type"]), (400, &json!("NotFoundException")));
    let unknown = call(&stack, "KMS", "Other.Thing", json!({})).await;
    assert_eq!(unknown.json()["__type"], "UnknownOperationException");
}

#[tokio::test]
async fn s3_refuses_who_does_not_sign() {
    let (_folder, mut options) = options();
    options.services_only = true;
    let stack = start(&options).await;
    let url = &stack.environment()["AWS_ENDPOINT_URL_S3"];
    let bucket = &stack.environment()["BUCKET"];
    let answer = Client::connect(url).await.get(&format!("/{bucket}/object")).await;
    assert_eq!(answer.status, 403);
}
