//! The bucket behind the API, for tests that spoil objects.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region};
use aws_sdk_s3::primitives::ByteStream;

use crate::app::App;

impl App {
    fn bucket(&self) -> (Client, &str) {
        self.bucket_of("DOCUMENTS_BUCKET")
    }

    /// The bucket that a variable names.
    fn bucket_of(&self, variable: &str) -> (Client, &str) {
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
        (Client::from_conf(config.build()), &environment[variable])
    }

    /// The keys of all objects.
    pub async fn objects(&self) -> Vec<String> {
        let (client, bucket) = self.bucket();
        let pages = client.list_objects_v2().bucket(bucket).into_paginator().send();
        let pages = pages.collect::<Result<Vec<_>, _>>().await.expect("the bucket answers");
        let objects = pages.iter().flat_map(aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output::contents);
        objects.filter_map(|object| object.key().map(str::to_owned)).collect()
    }

    /// The objects of the audit's archive under a prefix: key and content.
    pub async fn archived(&self, prefix: &str) -> Vec<(String, String)> {
        let (client, bucket) = self.bucket_of("AUDIT_ARCHIVE");
        let pages = client.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        let pages = pages.collect::<Result<Vec<_>, _>>().await.expect("the bucket answers");
        let objects = pages.iter().flat_map(aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output::contents);
        let mut found = Vec::new();
        for key in objects.filter_map(|object| object.key()) {
            let object = client.get_object().bucket(bucket).key(key).send().await.expect("the object is there");
            let bytes = object.body.collect().await.expect("it comes whole").to_vec();
            found.push((key.to_owned(), String::from_utf8(bytes).expect("it is text")));
        }
        found
    }

    /// Writes an object of the audit's archive by hand, or deletes it.
    pub async fn set_archived(&self, key: &str, content: Option<&str>) {
        let (client, bucket) = self.bucket_of("AUDIT_ARCHIVE");
        match content {
            Some(content) => {
                let body = ByteStream::from(content.as_bytes().to_vec());
                client.put_object().bucket(bucket).key(key).body(body).send().await.expect("the bucket takes it");
            }
            None => drop(client.delete_object().bucket(bucket).key(key).send().await.expect("the bucket forgets it")),
        }
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
