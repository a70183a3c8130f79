//! AWS KMS: the operations that a signer of tokens and a keeper of secrets need, as JSON 1.1 over HTTP.
//!
//! Key policies are stored and returned, but not enforced: there is no IAM here either.
//!
//! Source: AWS Key Management Service API Reference, the pages of `CreateKey`, `CreateAlias`, `DescribeKey`,
//! `GetPublicKey`, `Sign`, `Encrypt`, `Decrypt`, `GetKeyPolicy`, `PutKeyPolicy` and `ScheduleKeyDeletion`
//! (<https://docs.aws.amazon.com/kms/latest/APIReference/API_Operations.html>).

mod error;
mod key;
mod keyring;
mod operations;

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use serde_json::json;

use self::error::KmsError;
pub(crate) use self::key::KeyDefinition;
use self::keyring::Keyring;
use crate::server::{self, Running};

/// The longest request in bytes: one with a key policy of 32 KB, with room to spare.
const MAX_REQUEST: usize = 64 * 1024;

/// A KMS endpoint. It stops when dropped.
#[derive(Debug)]
pub(crate) struct Kms {
    /// The URL for clients.
    pub(crate) url: String,
    _server: Running,
}

impl Kms {
    /// Starts the endpoint with its keys and aliases, kept in `folder` if given.
    ///
    /// # Errors
    /// The folder cannot be read or written, or an alias names no key.
    pub(crate) async fn start(
        folder: Option<PathBuf>,
        keys: &[KeyDefinition],
        aliases: &[(String, String)],
    ) -> Result<Self> {
        let keyring = Arc::new(Keyring::open(folder, keys).await?);
        for (name, target) in aliases {
            keyring.provide_alias(name, target)?;
        }
        let service = service_fn(move |request| {
            let keyring = Arc::clone(&keyring);
            async move { Ok::<_, Infallible>(answer(&keyring, request).await) }
        });
        let listener = server::listen(0)?;
        let url = server::url(&listener)?;
        Ok(Self { url, _server: server::spawn(server::serve(listener, service)) })
    }
}

async fn answer(keyring: &Keyring, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let operation = target.and_then(|target| target.strip_prefix("TrentService."));
    let result = match server::read_body(body, MAX_REQUEST).await {
        Ok(body) => operations::run(keyring, operation.unwrap_or_default(), &body).await,
        Err(_) => Err(KmsError::new("SerializationException", "the body cannot be read")),
    };
    let (status, body) = match result {
        Ok(body) => (StatusCode::OK, body),
        Err(KmsError { kind, message }) => {
            tracing::debug!(kind, message, operation, "KMS refuses");
            (StatusCode::BAD_REQUEST, json!({"__type": kind, "message": message}))
        }
    };
    let mut response = server::json(status, body.to_string());
    let json = HeaderValue::from_static("application/x-amz-json-1.1");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

#[cfg(test)]
mod tests;
