//! The archive of the audit: a bucket whose Object Lock lets nobody change or delete what was put there (`infra/data.yaml`).
//!
//! | object | content |
//! |---|---|
//! | `rows/<day>/<sha256>.ndjson` | rows of a day (UTC) as they were handed over, one a line; named by the SHA-256 of its content |
//! | `days/<day>.rows` | the day's manifest: the name and hash of every row |
//! | `days/<day>.json` | the closing of the day, signed |
//! | `days/<day>.leaving` | a note: every row of the day may leave the table |
//!
//! The same rows may be put twice, in other company: whoever reads a day takes each row once.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::primitives::ByteStream;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::try_join_all;

use super::audit::AuditRow;
use super::aws::Aws;
use super::error::StoreError;
use super::meter;
use super::objects::content_hash;
use crate::config::{self, AuditArchiveName, StartError};

/// How many objects are read at once.
const AT_ONCE: usize = 16;

/// The bucket.
#[derive(Clone)]
pub struct Archive {
    client: Client,
    bucket: String,
}

/// The rows of a day as the archive has them.
#[derive(Default)]
pub struct ArchivedDay {
    /// The rows, each once. Two that have one key and differ are both here.
    pub rows: BTreeSet<AuditRow>,
    /// Objects whose content is not what their name says, or does not read.
    pub spoilt: Vec<String>,
}

/// The parts of a day's closing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The manifest.
    Manifest,
    /// The closing itself.
    Closing,
    /// The note that the rows may leave the table.
    Leaving,
}

impl Part {
    fn key(self, day: &str) -> String {
        let ending = match self {
            Part::Manifest => "rows",
            Part::Closing => "json",
            Part::Leaving => "leaving",
        };
        format!("days/{day}.{ending}")
    }
}

impl Archive {
    /// The bucket that the function's environment names.
    ///
    /// # Errors
    /// [`ConfigError`](config::ConfigError) where it names none.
    pub async fn from_environment() -> Result<Archive, StartError> {
        let bucket: AuditArchiveName = config::from_environment()?;
        Ok(Archive::new(&Aws::from_environment().await?, &bucket))
    }

    /// The bucket of that name.
    pub fn new(aws: &Aws, bucket: &str) -> Archive {
        Archive { client: aws.s3(), bucket: bucket.to_owned() }
    }

    /// Copies rows: one object for each of their days.
    ///
    /// # Errors
    /// [`StoreError`] where it is not certain that all are there; the same call may be repeated.
    pub async fn copy(&self, rows: &[AuditRow]) -> Result<(), StoreError> {
        let mut days = BTreeMap::<&str, BTreeSet<&AuditRow>>::new();
        for row in rows {
            days.entry(row.day()).or_default().insert(row);
        }
        for (day, rows) in days {
            let lines: String = rows.into_iter().map(|row| row.line() + "\n").collect();
            let name = hex::encode(content_hash(lines.as_bytes()));
            self.put(&format!("rows/{day}/{name}.ndjson"), lines).await?;
        }
        Ok(())
    }

    /// The rows of a day.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn day(&self, day: &str) -> Result<ArchivedDay, StoreError> {
        let mut found = ArchivedDay::default();
        for keys in self.keys(&format!("rows/{day}/")).await?.chunks(AT_ONCE) {
            for (key, content) in keys.iter().zip(try_join_all(keys.iter().map(|key| self.get(key))).await?) {
                let content = content.unwrap_or_default();
                let name = hex::encode(content_hash(content.as_bytes()));
                let rows: Option<Vec<AuditRow>> = content.lines().map(AuditRow::of_line).collect();
                if !key.ends_with(&format!("/{name}.ndjson")) || rows.is_none() {
                    found.spoilt.push(key.clone());
                }
                found.rows.extend(rows.into_iter().flatten());
            }
        }
        Ok(found)
    }

    /// The days of which the archive has rows.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn days(&self) -> Result<BTreeSet<String>, StoreError> {
        let pages = self.client.list_objects_v2().bucket(&self.bucket).prefix("rows/").delimiter("/");
        let pages = pages.into_paginator().send().collect::<Result<Vec<_>, _>>().await?;
        let folders = pages.iter().flat_map(ListObjectsV2Output::common_prefixes).filter_map(|folder| folder.prefix());
        let days = folders.filter_map(|folder| folder.strip_prefix("rows/")?.strip_suffix('/'));
        Ok(days.map(str::to_owned).collect())
    }

    /// The days that have this part of a closing.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn days_with(&self, part: Part) -> Result<BTreeSet<String>, StoreError> {
        let keys = self.keys("days/").await?;
        let day = |key: &String| {
            let (day, _) = key.strip_prefix("days/")?.split_once('.')?;
            (part.key(day) == *key).then(|| day.to_owned())
        };
        Ok(keys.iter().filter_map(day).collect())
    }

    /// A part of a day's closing; `None` where it is not there.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn part(&self, day: &str, part: Part) -> Result<Option<String>, StoreError> {
        self.get(&part.key(day)).await
    }

    /// Writes a part of a day's closing.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn put_part(&self, day: &str, part: Part, content: String) -> Result<(), StoreError> {
        self.put(&part.key(day), content).await
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let pages = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).into_paginator().send();
        let pages = pages.collect::<Result<Vec<_>, _>>().await?;
        let objects = pages.iter().flat_map(ListObjectsV2Output::contents);
        Ok(objects.filter_map(|object| object.key().map(str::to_owned)).collect())
    }

    async fn get(&self, key: &str) -> Result<Option<String>, StoreError> {
        let answer = match meter::call(self.client.get_object().bucket(&self.bucket).key(key).send()).await {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let broken = |_| StoreError::Busy("an object did not come whole".into());
        let bytes = answer.body.collect().await.map_err(broken)?.to_vec();
        // Only a spoilt object is no text; it then has another hash than its name.
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Object Lock takes only what comes with its hash ("Object Lock considerations").
    async fn put(&self, key: &str, content: String) -> Result<(), StoreError> {
        let hash = STANDARD.encode(content_hash(content.as_bytes()));
        let request = self.client.put_object().bucket(&self.bucket).key(key).checksum_sha256(hash);
        meter::call(request.body(ByteStream::from(content.into_bytes())).send()).await?;
        Ok(())
    }
}
