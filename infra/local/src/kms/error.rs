//! Errors as KMS reports them.

/// An error as KMS reports it.
#[derive(Debug)]
pub(super) struct KmsError {
    /// The name of the exception.
    pub(super) kind: &'static str,
    /// The message for the developer.
    pub(super) message: String,
}

impl KmsError {
    /// The exception with this name.
    pub(super) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}
