//! The bucket: bodies that are too large for a row.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;

use super::{Aws, StoreError, meter};

/// The documents bucket.
#[derive(Clone)]
pub struct Objects {
    client: Client,
    bucket: String,
}

impl Objects {
    /// The bucket of that name.
    pub fn new(aws: &Aws, bucket: &str) -> Objects {
        Objects { client: aws.s3(), bucket: bucket.to_owned() }
    }

    /// Reads an object whole.
    ///
    /// # Errors
    /// [`StoreError`] where it is not there or does not come whole.
    pub async fn get(&self, key: &str) -> Result<Vec<u8>, StoreError> {
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        let answer = meter::call(request.send()).await?;
        let body = answer.body.collect().await.map_err(|error| StoreError::Busy(error.to_string()))?;
        Ok(body.to_vec())
    }

    /// Writes an object.
    ///
    /// # Errors
    /// [`StoreError`] where it is not surely written.
    pub async fn put(&self, key: &str, body: Vec<u8>) -> Result<(), StoreError> {
        let request = self.client.put_object().bucket(&self.bucket).key(key).body(ByteStream::from(body));
        meter::call(request.send()).await?;
        Ok(())
    }
}
