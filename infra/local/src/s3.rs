//! Amazon S3, by s3s: buckets are folders and objects are files.

use std::path::Path;

use anyhow::{Context, Result};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;

use crate::server::{self, Running};
use crate::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};

/// An S3 endpoint. It stops when dropped.
#[derive(Debug)]
pub(crate) struct S3 {
    /// The URL for clients, which use path-style addresses.
    pub(crate) url: String,
    _server: Running,
}

impl S3 {
    /// Starts the endpoint with its buckets, kept in `folder`.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn start(folder: &Path, buckets: &[String]) -> Result<Self> {
        let place = || format!("cannot keep objects in {}", folder.display());
        std::fs::create_dir_all(folder).with_context(place)?;
        for bucket in buckets {
            std::fs::create_dir_all(folder.join(bucket)).with_context(place)?;
        }
        let files = FileSystem::new(folder).map_err(|error| anyhow::anyhow!("{error:?}"));
        let mut service = S3ServiceBuilder::new(files.with_context(place)?);
        // With credentials set, s3s verifies signatures, those of presigned URLs included.
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));
        let listener = server::listen(0)?;
        let url = server::url(&listener)?;
        let server = server::spawn(server::serve(listener, service.build()));
        Ok(Self { url, _server: server })
    }
}
