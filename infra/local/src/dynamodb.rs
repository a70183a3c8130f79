//! Amazon DynamoDB, by dynoxide: in memory, or in one `SQLite` file.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use dynoxide::Database;
use dynoxide::actions::{
    create_table::CreateTableRequest, describe_table::DescribeTableRequest,
    update_time_to_live::UpdateTimeToLiveRequest,
};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::server;

/// A table to create.
#[derive(Debug)]
pub(crate) struct TableDefinition {
    /// The body of `CreateTable`.
    pub(crate) create: Value,
    /// The body of `UpdateTimeToLive`, if the table has a TTL attribute.
    pub(crate) time_to_live: Option<Value>,
}

/// The properties of a table that cannot change once it holds items.
const FIXED: [&str; 4] = ["AttributeDefinitions", "KeySchema", "LocalSecondaryIndexes", "GlobalSecondaryIndexes"];

/// A DynamoDB endpoint. It stops when dropped.
pub(crate) struct DynamoDb {
    /// The URL for clients.
    pub(crate) url: String,
    /// The database itself, for what has no endpoint of its own here: the streams of its tables.
    pub(crate) database: Database,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl DynamoDb {
    /// Starts the endpoint with its tables, kept in `data` if given.
    ///
    /// # Errors
    /// DynamoDB refuses a definition, or a definition differs from the table that `data` already holds.
    pub(crate) fn start(data: Option<&Path>, tables: &[TableDefinition]) -> Result<Self> {
        let database = match data {
            None => Database::memory()?,
            Some(folder) => {
                let file = folder.join("dynamodb.sqlite");
                let database = Database::new(&file.to_string_lossy());
                database.with_context(|| format!("cannot open {}", file.display()))?
            }
        };
        for table in tables {
            provide(&database, table).with_context(|| format!("table {}", table.create["TableName"]))?;
        }
        // AWS deletes expired items within days. Without this, a data folder that is used for months would keep them
        // all.
        database.sweep_ttl()?;
        let listener = server::listen(0)?;
        let url = server::url(&listener)?;
        let (stop, stopped) = oneshot::channel();
        let handle = database.clone();
        let server = tokio::spawn(async move {
            let stopped = async { stopped.await.unwrap_or_default() };
            let served = dynoxide::server::serve_with_shutdown(listener, database, stopped).await;
            tracing::debug!(?served, "DynamoDB stopped");
        });
        Ok(Self { url, database: handle, stop, server })
    }

    /// Lets running requests finish, then closes the database.
    pub(crate) async fn shutdown(self) {
        drop(self.stop);
        // A client that keeps a request open must not delay the end.
        let grace = std::time::Duration::from_secs(1);
        let stopped = tokio::time::timeout(grace, self.server).await;
        tracing::debug!(?stopped, "DynamoDB");
    }
}

impl fmt::Debug for DynamoDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamoDb").field("url", &self.url).finish_non_exhaustive()
    }
}

fn provide(database: &Database, table: &TableDefinition) -> Result<()> {
    let name = table.create["TableName"].as_str().unwrap_or_default().to_owned();
    let existing = database.describe_table(DescribeTableRequest { table_name: name.clone() });
    if let Ok(existing) = existing {
        let existing = serde_json::to_value(existing)?;
        for part in FIXED {
            ensure!(
                same_schema(&existing["Table"][part], &table.create[part]),
                "its {part} in the data folder is not the template's; \
                 move the folder away to start anew"
            );
        }
        let stream = &table.create["StreamSpecification"];
        if existing["Table"]["LatestStreamArn"].is_null() && !stream.is_null() {
            let request = json!({"TableName": name, "StreamSpecification": stream});
            database.update_table(serde_json::from_value(request)?)?;
        }
        return Ok(());
    }
    let request: CreateTableRequest = serde_json::from_value(table.create.clone())?;
    database.create_table(request)?;
    if let Some(time_to_live) = &table.time_to_live {
        let request: UpdateTimeToLiveRequest = serde_json::from_value(time_to_live.clone())?;
        database.update_time_to_live(request)?;
    }
    Ok(())
}

/// Whether the table has everything that the template says. The table may have more (index sizes, ARNs), and in another
/// order.
fn same_schema(table: &Value, template: &Value) -> bool {
    match (table, template) {
        (Value::Array(table), Value::Array(template)) => {
            table.len() == template.len() && template.iter().all(|part| table.iter().any(|own| same_schema(own, part)))
        }
        (Value::Object(table), Value::Object(template)) => {
            template.iter().all(|(name, part)| table.get(name).is_some_and(|own| same_schema(own, part)))
        }
        (Value::Null | Value::Array(_), Value::Null) => table.as_array().is_none_or(Vec::is_empty),
        (table, template) => table == template,
    }
}
