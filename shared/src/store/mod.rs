//! Storage and keys: the only code that names the AWS SDKs.
//!
//! [`auth`] holds clients, grants and tokens; [`audit`] is written and never read here; [`objects`] holds what is too large for a
//! row; [`signer`] signs and publishes keys; [`meter`] counts what all of this costs.

pub mod audit;
pub mod auth;
mod aws;
pub mod meter;
pub mod objects;
mod outage;
pub mod signer;
pub(crate) mod table;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

pub use aws::Aws;

/// Why storage did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Throttled or out of reach, after the SDK's own retries, or a key that an operator switched off: the same request may
    /// succeed later.
    #[error("storage is busy or out of reach: {0}")]
    Busy(String),
    /// An answer that should not be: a denied action, a row that does not read.
    #[error("storage failed: {0}")]
    Fault(String),
}

impl<E, R> From<SdkError<E, R>> for StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    fn from(error: SdkError<E, R>) -> StoreError {
        let busy = match &error {
            SdkError::ServiceError(service) => matches!(
                service.err().code(),
                Some(
                    "ProvisionedThroughputExceededException"
                        | "ThrottlingException"
                        | "RequestLimitExceeded"
                        | "InternalServerError"
                        | "KMSInternalException"
                        | "DependencyTimeoutException"
                        | "DisabledException"
                        | "KeyUnavailableException"
                        | "KMSInvalidStateException"
                        | "SlowDown"
                        | "TransactionInProgressException"
                        | "InternalError"
                        | "ServiceUnavailable"
                )
            ),
            SdkError::ConstructionFailure(_) => false,
            // Timeouts, refused connections, answers that are no answers.
            _ => true,
        };
        // Not the SDK's own text: it may hold the answer's bytes, and with them a member's data.
        let text = match &error {
            SdkError::ServiceError(service) => {
                let error = service.err();
                format!(
                    "{}: {}",
                    error.code().unwrap_or("an error without a code"),
                    error.message().unwrap_or_default()
                )
            }
            SdkError::ConstructionFailure(_) => "the request could not be built".to_owned(),
            SdkError::TimeoutError(_) => "no answer in time".to_owned(),
            SdkError::DispatchFailure(_) => "the request could not be sent".to_owned(),
            _ => "the answer could not be read".to_owned(),
        };
        if busy { StoreError::Busy(text) } else { StoreError::Fault(text) }
    }
}
