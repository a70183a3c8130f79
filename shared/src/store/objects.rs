//! The bucket: bodies that are too large for a row, and what documents hold.
//!
//! Whoever reads an object knows from its row what it must be. What does not come, or is another, rings an alarm
//! (`infra/alarms.yaml`) and is never given out.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumMode;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::{Aws, StoreError, meter};
use crate::clock::Time;

/// How long a link to an object is good, in seconds. It outlives a revocation by that much and no more.
pub const LINK_SECONDS: u64 = 60;

/// What is said of every object that a document holds: a browser keeps it and does not show it.
const DISPOSITION: &str = "attachment";

/// The bytes of an object, on their way to the bucket.
#[derive(Clone)]
pub(crate) enum ObjectBytes {
    /// In memory.
    Memory(bytes::Bytes),
    /// In a file, which is read while it is sent.
    File(PathBuf),
}

/// They may be health data.
impl fmt::Debug for ObjectBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }
}

impl ObjectBytes {
    async fn stream(&self) -> Result<ByteStream, StoreError> {
        match self {
            ObjectBytes::Memory(bytes) => Ok(ByteStream::from(bytes.clone())),
            ObjectBytes::File(path) => {
                let unread = |_| StoreError::Fault(format!("{} cannot be read", path.display()));
                ByteStream::from_path(path).await.map_err(unread)
            }
        }
    }
}

/// The documents bucket.
#[derive(Clone)]
pub struct Objects {
    client: Client,
    bucket: String,
}

/// The bucket did not give an object, or not the one that was stored. The tables are not concerned: the request can still be
/// recorded.
#[derive(Debug, thiserror::Error)]
#[error("an object of the bucket was not given: {0}")]
pub struct ObjectError(pub StoreError);

/// An object, as its row knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its key in the bucket, which tells nothing of whose it is.
    pub(crate) key: String,
    /// The SHA-256 of its bytes.
    pub(crate) sha256: Vec<u8>,
}

impl Object {
    /// Of a resource (`Type/id`) and the SHA-256 of the bytes: one object for each, under a name that can be made again, and
    /// that tells nothing.
    pub(crate) fn named(resource: &str, sha256: Vec<u8>) -> Object {
        let name = content_hash(&[resource.as_bytes(), b" ", &sha256].concat());
        Object { key: format!("documents/{}", URL_SAFE_NO_PAD.encode(name)), sha256 }
    }
}

impl Objects {
    /// The bucket of that name.
    pub fn new(aws: &Aws, bucket: &str) -> Objects {
        Objects { client: aws.s3(), bucket: bucket.to_owned() }
    }

    /// The same for who sends large files, and has the time for it.
    pub fn for_uploads(aws: &Aws, bucket: &str) -> Objects {
        Objects { client: aws.s3_for_uploads(), bucket: bucket.to_owned() }
    }

    /// Reads an object whole, and makes sure that it is the one that was stored.
    ///
    /// # Errors
    /// [`ObjectError`] where it is not there, does not come whole, or is another.
    pub async fn get(&self, object: &Object) -> Result<Vec<u8>, ObjectError> {
        let request = self.client.get_object().bucket(&self.bucket).key(&object.key);
        let answer = meter::call(request.send()).await.map_err(failed)?;
        let bytes = body(answer.body).await?;
        if content_hash(&bytes) == object.sha256 { Ok(bytes) } else { Err(another()) }
    }

    /// Reads a part of an object of `size` bytes, the `last` included. S3 tells the hash of the whole beside it.
    ///
    /// # Errors
    /// As [`Objects::get`].
    pub async fn part(&self, object: &Object, size: u64, first: u64, last: u64) -> Result<Vec<u8>, ObjectError> {
        let request =
            self.client.get_object().bucket(&self.bucket).key(&object.key).range(format!("bytes={first}-{last}"));
        let part = async { body(meter::call(request.send()).await.map_err(failed)?.body).await };
        let (bytes, ()) = tokio::try_join!(part, self.check(object, size))?;
        if bytes.len() as u64 == last - first + 1 { Ok(bytes) } else { Err(another()) }
    }

    /// A link to an object of `size` bytes and to nothing else, good for [`LINK_SECONDS`] from `now`. Whoever follows it gets
    /// the bytes as `media_type`, to be kept as `file`.
    ///
    /// # Errors
    /// As [`Objects::get`]: no link leads to an object that is not there, or is another.
    pub async fn link(
        &self,
        object: &Object,
        size: u64,
        media_type: &str,
        file: &str,
        now: Time,
    ) -> Result<String, ObjectError> {
        self.check(object, size).await?;
        let unsigned = |_| alarmed(StoreError::Fault("a link could not be signed".into()));
        let start = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.0).unwrap_or_default());
        let signing = PresigningConfig::builder().start_time(start).expires_in(Duration::from_secs(LINK_SECONDS));
        let request = self.client.get_object().bucket(&self.bucket).key(&object.key).response_content_type(media_type);
        let request = request.response_content_disposition(format!("{DISPOSITION}; filename=\"{file}\""));
        let signed = request.presigned(signing.build().map_err(|error| unsigned(error.to_string()))?).await;
        Ok(signed.map_err(|error| unsigned(error.to_string()))?.uri().to_owned())
    }

    /// Compares the object's size and SHA-256, as S3 checked them when it was written, with what the row says.
    async fn check(&self, object: &Object, size: u64) -> Result<(), ObjectError> {
        let request =
            self.client.head_object().bucket(&self.bucket).key(&object.key).checksum_mode(ChecksumMode::Enabled);
        let answer = meter::call(request.send()).await.map_err(failed)?;
        let same = answer.checksum_sha256() == Some(&STANDARD.encode(&object.sha256))
            && answer.content_length().and_then(|length| u64::try_from(length).ok()) == Some(size);
        if same { Ok(()) } else { Err(another()) }
    }

    /// Writes an object. S3 refuses bytes that do not have its SHA-256.
    ///
    /// # Errors
    /// [`StoreError`] where it is not surely written.
    pub(crate) async fn put(&self, object: &Object, media_type: &str, bytes: &ObjectBytes) -> Result<(), StoreError> {
        let request = self.client.put_object().bucket(&self.bucket).key(&object.key).body(bytes.stream().await?);
        let request = request.checksum_sha256(STANDARD.encode(&object.sha256));
        // Should ever somebody follow a link without them: it is kept, and not shown.
        let request = request.content_type(media_type).content_disposition(DISPOSITION);
        match (meter::call(request.send()).await.map_err(StoreError::from), bytes) {
            // The file may have changed since it was measured; then S3 refuses it.
            (Err(StoreError::Fault(text)), ObjectBytes::File(path)) => {
                Err(StoreError::Fault(format!("{}: {text}", path.display())))
            }
            (sent, _) => sent.map(|_| ()),
        }
    }

    /// Removes an object. The bucket keeps it as long as the tables can go back in time, for nobody but the plan's engineers.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(crate) async fn remove(&self, key: &str) -> Result<(), StoreError> {
        meter::call(self.client.delete_object().bucket(&self.bucket).key(key).send()).await?;
        Ok(())
    }
}

/// The SHA-256 of a resource's content, by which a loader knows that nothing changed.
pub fn content_hash(content: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, content).as_ref().to_vec()
}

async fn body(stream: ByteStream) -> Result<Vec<u8>, ObjectError> {
    // Not the error's own text, which may hold bytes.
    let broken = |_| alarmed(StoreError::Busy("an object did not come whole".into()));
    Ok(stream.collect().await.map_err(broken)?.to_vec())
}

/// The answer to a HEAD has no body, and so no code of what went wrong: its status has to do.
fn failed<E>(error: SdkError<E, HttpResponse>) -> ObjectError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let status = error.raw_response().map(HttpResponse::status);
    let error = StoreError::from(error);
    alarmed(match status {
        Some(status) if status.is_server_error() => StoreError::Busy(format!("{}: {error}", status.as_u16())),
        Some(status) => StoreError::Fault(format!("{}: {error}", status.as_u16())),
        None => error,
    })
}

fn another() -> ObjectError {
    alarmed(StoreError::Fault("an object is not the one that was stored".into()))
}

fn alarmed(error: StoreError) -> ObjectError {
    tracing::error!(alarm = "documents", %error, "a document could not be given");
    ObjectError(error)
}
