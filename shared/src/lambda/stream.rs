//! From a batch of a DynamoDB stream to a handler of audit rows ("Using AWS Lambda with Amazon DynamoDB").
//!
//! A batch is handed over again until it succeeds, and records may come twice: a handler makes no difference of it.

use lambda_http::lambda_runtime::{LambdaEvent, run, service_fn};
use lambda_http::tracing;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::store::StoreError;
use crate::store::audit::AuditRow;
use crate::store::meter::measured;

/// A batch.
#[derive(Deserialize)]
pub struct StreamEvent {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventName")]
    event_name: String,
    dynamodb: Change,
}

#[derive(Deserialize)]
struct Change {
    #[serde(rename = "NewImage", default)]
    new_image: Json,
}

impl StreamEvent {
    /// The rows that were added. Rows leave by time to live, and nothing else changes them: whoever does otherwise is found by
    /// `audit verify`, not here.
    fn added(self) -> Vec<AuditRow> {
        let added = self.records.into_iter().filter(|record| record.event_name == "INSERT");
        added.filter_map(|record| AuditRow::of_image(&record.dynamodb.new_image)).collect()
    }
}

/// Serves one function until Lambda ends it. A batch whose handler fails is handed over again, and rings an alarm: Lambda counts it as
/// an error of the function.
///
/// # Errors
/// The error that ends the Lambda runtime.
pub async fn serve<H, F>(handler: H) -> Result<(), lambda_http::Error>
where
    H: Fn(Vec<AuditRow>) -> F,
    F: Future<Output = Result<(), StoreError>>,
{
    tracing::init_default_subscriber();
    let handler = &handler;
    run(service_fn(async |event: LambdaEvent<StreamEvent>| {
        let rows = event.payload.added();
        let count = rows.len();
        let (handled, usage) = measured(Box::pin(handler(rows))).await;
        match &handled {
            Ok(()) => ::tracing::info!(
                rows = count,
                calls = usage.calls,
                read_units = usage.read_units,
                write_units = usage.write_units,
                "handled a batch"
            ),
            Err(error) => ::tracing::error!(rows = count, %error, "a batch comes again"),
        }
        handled.map_err(lambda_http::Error::from)
    }))
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_rows_that_were_added_are_handed_over() {
        let image = json!({"pk": {"S": "Patient/a"}, "sk": {"S": "2026-01-01T00:00:00.000Z#r"}, "given": {"N": "3"},
            "action": {"S": "read"}, "outcome": {"S": "ok"}, "client": {"S": "app"}});
        let record = |name: &str| json!({"eventName": name, "dynamodb": {"NewImage": image}});
        let removed = json!({"eventName": "REMOVE", "dynamodb": {"Keys": {}}});
        let event = json!({"Records": [record("INSERT"), record("MODIFY"), removed]});
        let rows = serde_json::from_value::<StreamEvent>(event).unwrap().added();
        let [row] = &rows[..] else { panic!("{} rows", rows.len()) };
        assert!(row.counts() && row.patient() == Some("a") && row.year() == "2026");
    }
}
