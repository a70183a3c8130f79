//! DynamoDB, S3 and KMS together, with the folder that keeps their data.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::cfn::resources::StackResources;
use crate::dynamodb::DynamoDb;
use crate::kms::Kms;
use crate::s3::S3;
use crate::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY};

/// The services that functions call. They stop when dropped.
#[derive(Debug)]
pub(crate) struct Services {
    dynamodb: DynamoDb,
    s3: S3,
    kms: Kms,
    /// The folder of S3 if data is not kept.
    _temporary: Option<TempDir>,
}

impl Services {
    /// Starts the services with their resources, which are kept in `data` if given.
    ///
    /// # Errors
    /// The folder cannot be used, or holds resources that do not fit the template.
    pub(crate) async fn start(data: Option<&Path>, resources: &StackResources) -> Result<Self> {
        let temporary = match data {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix("local-stack-").tempdir()?),
        };
        let folder = data.or(temporary.as_ref().map(TempDir::path)).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create the data folder {}", folder.display()))?;
        Ok(Self {
            dynamodb: DynamoDb::start(data, &resources.tables)?,
            s3: S3::start(&folder.join("objects"), &resources.buckets)?,
            kms: Kms::start(data.map(|data| data.join("keys")), &resources.keys, &resources.aliases).await?,
            _temporary: temporary,
        })
    }

    /// The standard variables by which an AWS SDK finds the services.
    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        let variables = [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.dynamodb.url),
            ("AWS_ENDPOINT_URL_S3", &self.s3.url),
            ("AWS_ENDPOINT_URL_KMS", &self.kms.url),
        ];
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// The database behind DynamoDB's endpoint.
    pub(crate) fn database(&self) -> &dynoxide::Database {
        &self.dynamodb.database
    }

    /// Stops the services, the database after everything is written.
    pub(crate) async fn shutdown(self) {
        self.dynamodb.shutdown().await;
    }
}
