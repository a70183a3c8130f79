//! Event source mappings: a function is handed what changes in a table, batch by batch and in order, as Lambda does with a
//! DynamoDB stream. A batch that fails comes again until it succeeds, and nothing overtakes it.

use std::sync::Arc;
use std::time::Duration;

use dynoxide::Database;
use dynoxide::actions::describe_stream::DescribeStreamRequest;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use serde_json::{Value, json};

use crate::lambda::function::Function;
use crate::server::{self, Running};

/// The pause between two looks at a stream without news. Lambda looks four times a second, too.
const PAUSE: Duration = Duration::from_millis(250);

/// A function's event source: the stream of a table.
#[derive(Debug, Clone)]
pub(crate) struct StreamSource {
    /// The stream's ARN.
    pub(crate) arn: String,
    /// `BatchSize`.
    pub(crate) batch: usize,
    /// The patterns of `FilterCriteria`: a record that matches none of them is passed over. Without patterns all pass.
    pub(crate) patterns: Vec<Value>,
}

/// Hands the changes of a table to a function until the returned handle is dropped, from the oldest that the stream has.
/// `MaximumBatchingWindowInSeconds` counts as 0: nobody waits here.
pub(crate) fn run(database: Database, source: StreamSource, function: Arc<Function>) -> Running {
    server::spawn(async move {
        let mut from = None;
        loop {
            if let Err(error) = hand_over(&database, &source, &function, &mut from).await {
                tracing::debug!(stream = source.arn, error = format!("{error:#}"), "a batch of a stream comes again");
            }
            tokio::time::sleep(PAUSE).await;
        }
    })
}

/// Runs a scheduled function until the returned handle is dropped: at once, for a machine may never run for long, and then every hour,
/// whatever its schedule says.
pub(crate) fn hourly(function: Arc<Function>) -> Running {
    server::spawn(async move {
        loop {
            let done = function.invoke("{}".into()).await;
            tracing::debug!(function = function.definition.name, failed = done.is_err(), "a scheduled run");
            tokio::time::sleep(Duration::from_hours(1)).await;
        }
    })
}

/// Hands over all that the stream has after the iterator `from`, and moves it on.
async fn hand_over(
    database: &Database,
    source: &StreamSource,
    function: &Arc<Function>,
    from: &mut Option<String>,
) -> anyhow::Result<()> {
    loop {
        let at = match from.take() {
            Some(iterator) => iterator,
            None => oldest(database, &source.arn)?,
        };
        *from = Some(at.clone());
        let read = database.get_records(GetRecordsRequest { shard_iterator: at, limit: Some(source.batch) })?;
        if read.records.is_empty() {
            return Ok(());
        }
        let mut records = Vec::new();
        for record in read.records {
            let record = serde_json::to_value(record)?;
            if source.patterns.is_empty() || source.patterns.iter().any(|pattern| matches(pattern, &record)) {
                records.push(record);
            }
        }
        if !records.is_empty() {
            let event = json!({"Records": records}).to_string();
            function.invoke(event.into()).await.map_err(|error| anyhow::anyhow!("{error}"))?;
        }
        *from = read.next_shard_iterator;
    }
}

fn oldest(database: &Database, arn: &str) -> anyhow::Result<String> {
    let described =
        database.describe_stream(DescribeStreamRequest { stream_arn: arn.to_owned(), ..Default::default() })?;
    let shard = described.stream_description.shards.into_iter().next();
    let shard_id = shard.map(|shard| shard.shard_id).unwrap_or_default();
    let request = GetShardIteratorRequest {
        stream_arn: arn.to_owned(),
        shard_id,
        shard_iterator_type: "TRIM_HORIZON".to_owned(),
        sequence_number: None,
    };
    let iterator = database.get_shard_iterator(request)?.shard_iterator;
    iterator.ok_or_else(|| anyhow::anyhow!("the stream {arn} has no shard"))
}

/// Whether a record matches a pattern of `FilterCriteria` ("Lambda event filtering"), of which this stack knows equality,
/// `prefix` and `exists`.
fn matches(pattern: &Value, record: &Value) -> bool {
    match pattern {
        Value::Object(members) => members.iter().all(|(name, pattern)| matches(pattern, &record[name])),
        Value::Array(any) => any.iter().any(|rule| match rule {
            Value::Object(rule) => {
                let prefix = rule.get("prefix").and_then(Value::as_str);
                let begins = prefix.is_some_and(|prefix| record.as_str().is_some_and(|text| text.starts_with(prefix)));
                begins || rule.get("exists").is_some_and(|exists| *exists == json!(!record.is_null()))
            }
            value => value == record,
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_passes_only_a_pattern_that_it_matches_in_every_part() {
        let pattern = json!({"eventName": ["INSERT"], "dynamodb": {"NewImage": {"n": {"N": [{"exists": true}]}}}});
        let record = |name: &str, image: Value| json!({"eventName": name, "dynamodb": {"NewImage": image}});
        assert!(matches(&pattern, &record("INSERT", json!({"n": {"N": "1"}}))));
        assert!(!matches(&pattern, &record("INSERT", json!({"m": {"N": "1"}}))));
        assert!(!matches(&pattern, &record("MODIFY", json!({"n": {"N": "1"}}))));
        let prefix = json!({"dynamodb": {"NewImage": {"pk": {"S": [{"prefix": "Patient/"}]}}}});
        assert!(matches(&prefix, &record("INSERT", json!({"pk": {"S": "Patient/a"}}))));
        assert!(!matches(&prefix, &record("INSERT", json!({"pk": {"S": "user/a"}}))));
    }
}
