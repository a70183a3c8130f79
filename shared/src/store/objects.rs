//! The bucket: bodies that are too large for a row, and the content of documents.
//!
//! An object is read only through a row that says which bytes it must have. One that does not come, or has other bytes, rings an alarm
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

use super::aws::Aws;
use super::error::StoreError;
use super::meter;
use crate::bounds::LINK_SECONDS;
use crate::clock::Time;

/// The `Content-Disposition` of every object: a browser saves it and does not show it.
const DISPOSITION: &str = "attachment";

/// The bytes of an object on their way to the bucket.
#[derive(Clone)]
pub(crate) enum ObjectBytes {
    /// In memory.
    Memory(bytes::Bytes),
    /// In a file that is read while it is sent.
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

/// The bucket did not give an object, or gave another than was stored. The tables are not affected, so the request can still be
/// audited.
#[derive(Debug, thiserror::Error)]
#[error("an object of the bucket was not given: {0}")]
pub struct ObjectError(pub StoreError);

/// An object as its row describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its key in the bucket, which does not tell whose it is.
    pub(crate) key: String,
    /// The SHA-256 of its bytes.
    pub(crate) sha256: Vec<u8>,
}

impl Object {
    /// The object of a resource (`Type/id`) with bytes of this SHA-256. Its key is a hash of both: it can be made again, and tells
    /// nothing.
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

    /// The bucket of that name, for uploads that may take long.
    pub fn for_uploads(aws: &Aws, bucket: &str) -> Objects {
        Objects { client: aws.s3_for_uploads(), bucket: bucket.to_owned() }
    }

    /// Reads a whole object, and checks that it is the one that was stored.
    ///
    /// # Errors
    /// [`ObjectError`] where it is not there, does not come whole, or has other bytes.
    pub async fn get(&self, object: &Object) -> Result<Vec<u8>, ObjectError> {
        let request = self.client.get_object().bucket(&self.bucket).key(&object.key);
        let answer = meter::call(request.send()).await.map_err(failed)?;
        let bytes = body(answer.body).await?;
        if content_hash(&bytes) == object.sha256 { Ok(bytes) } else { Err(another()) }
    }

    /// Reads a part of an object of `size` bytes, the `last` included. S3 is asked for the hash of the whole object side by side.
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

    /// A link to an object of `size` bytes and to nothing else, good for [`LINK_SECONDS`] from `now`. It gives the bytes
    /// as `media_type`, to be saved as `file`.
    ///
    /// # Errors
    /// As [`Objects::get`]: no link leads to an object that is not there, or has other bytes.
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

    /// Compares the object's size and SHA-256, which S3 checked when it was written, with those of its row.
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
    /// [`StoreError`] where it is not certain that it was written.
    pub(crate) async fn put(&self, object: &Object, media_type: &str, bytes: &ObjectBytes) -> Result<(), StoreError> {
        let request = self.client.put_object().bucket(&self.bucket).key(&object.key).body(bytes.stream().await?);
        let request = request.checksum_sha256(STANDARD.encode(&object.sha256));
        // A link sets both, too. Should one ever lead here that does not, the object is still saved and not shown.
        let request = request.content_type(media_type).content_disposition(DISPOSITION);
        match (meter::call(request.send()).await.map_err(StoreError::from), bytes) {
            // The file may have changed since it was measured; then S3 refuses it.
            (Err(StoreError::Fault(text)), ObjectBytes::File(path)) => {
                Err(StoreError::Fault(format!("{}: {text}", path.display())))
            }
            (sent, _) => sent.map(|_| ()),
        }
    }

    /// Removes an object. The bucket keeps it for as long as the tables can be restored, and no function can read it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(crate) async fn remove(&self, key: &str) -> Result<(), StoreError> {
        meter::call(self.client.delete_object().bucket(&self.bucket).key(key).send()).await?;
        Ok(())
    }
}

/// The SHA-256 of some content.
pub fn content_hash(content: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, content).as_ref().to_vec()
}

async fn body(stream: ByteStream) -> Result<Vec<u8>, ObjectError> {
    // The error's own text is left out: it may hold bytes.
    let broken = |_| alarmed(StoreError::Busy("an object did not come whole".into()));
    Ok(stream.collect().await.map_err(broken)?.to_vec())
}

/// Turns a failed call into an error. The answer to a HEAD has no body and so no error code: its status has to do.
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
