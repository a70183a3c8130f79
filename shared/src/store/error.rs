//! The error of all services: DynamoDB, S3 and KMS.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// Why storage did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Throttled or out of reach, after the SDK's own retries, or a key that an operator switched off: the same request may
    /// succeed later.
    #[error("storage is busy or out of reach: {0}")]
    Busy(String),
    /// An answer that no retry changes: a denied action, a row that does not read.
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
            // Timeouts, refused connections, answers that cannot be read.
            _ => true,
        };
        // The SDK's own text is left out: it may hold the answer's bytes, and with them a member's data.
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
