//! The bucket behind the API, for tests that spoil objects.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region};
use aws_sdk_s3::primitives::ByteStream;

use crate::app::App;

impl App {
    fn bucket(&self) -> (Client, &str) {
        let environment = self.environment();
        let value = |name: &str| environment[name].clone();
        let credentials =
            Credentials::new(value("AWS_ACCESS_KEY_ID"), value("AWS_SECRET_ACCESS_KEY"), None, None, "local stack");
        let config = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(value("AWS_REGION")))
            .endpoint_url(value("AWS_ENDPOINT_URL_S3"))
            .credentials_provider(credentials)
            .force_path_style(true);
        (Client::from_conf(config.build()), &environment["DOCUMENTS_BUCKET"])
    }

    /// The keys of all objects.
    pub async fn objects(&self) -> Vec<String> {
        let (client, bucket) = self.bucket();
        let pages = client.list_objects_v2().bucket(bucket).into_paginator().send();
        let pages = pages.collect::<Result<Vec<_>, _>>().await.expect("the bucket answers");
        let objects = pages.iter().flat_map(aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output::contents);
        objects.filter_map(|object| object.key().map(str::to_owned)).collect()
    }

    /// Replaces an object's bytes, or deletes it.
    pub async fn spoil(&self, key: &str, bytes: Option<&[u8]>) {
        let (client, bucket) = self.bucket();
        match bytes {
            Some(bytes) => {
                let request = client.put_object().bucket(bucket).key(key);
                request.body(ByteStream::from(bytes.to_vec())).send().await.expect("the bucket takes it");
            }
            None => {
                client.delete_object().bucket(bucket).key(key).send().await.expect("the bucket forgets it");
            }
        }
    }
}
