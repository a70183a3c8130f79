//! The ways in which a sign-in at a provider fails.

use crate::oauth::error::{AuthorizeError, PageError};
use crate::oauth::fetch::FetchError;

/// Why a sign-in at a provider failed. The text is for the member; the log has the rest.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The provider, or what it publishes of itself, cannot be had.
    #[error(
        "your plan's sign-in service does not answer as it should: wait a minute, then go back to the app and start again"
    )]
    Unavailable,
    /// The provider says that nobody signed in.
    #[error("your plan's sign-in service did not sign you in: go back to the app and start again")]
    Refused,
    /// The provider says that it would have to ask the person something, and was told to show no page.
    #[error("your plan's sign-in service did not sign you in: go back to the app and start again")]
    Interaction,
    /// An answer that fails a check.
    #[error(
        "the answer of your plan's sign-in service could not be verified, so nobody was signed in: go back to the app and start again"
    )]
    Untrusted,
    /// The person signed in less strongly than the plan demands.
    #[error("your plan asks for a stronger way to sign in, such as a second step: go back to the app and start again")]
    TooWeak,
    /// The plan's claim is there, and is no name of a person.
    #[error("your plan's sign-in service named your record in a way that we do not understand: tell your plan")]
    Unnamed,
    /// The provider's word does not lead to the record to which this person is tied.
    #[error(
        "your sign-in now leads to another record than before, or to none, so nobody was signed in: tell your plan"
    )]
    OtherRecord,
    /// The provider's word leads to several members.
    #[error("more than one record here fits your sign-in, so nobody was signed in: tell your plan")]
    Unclear,
    /// The plan stopped the person.
    #[error("your plan has stopped this sign-in: ask your plan")]
    Stopped,
}

impl ProviderError {
    /// The word of the audit.
    pub fn outcome(&self) -> &'static str {
        match self {
            ProviderError::Unavailable => "unavailable",
            ProviderError::Refused | ProviderError::Interaction | ProviderError::Untrusted | ProviderError::Stopped => {
                "failed"
            }
            ProviderError::TooWeak => "too-weak",
            ProviderError::Unnamed => "no-record",
            ProviderError::OtherRecord => "other-record",
            ProviderError::Unclear => "unclear-record",
        }
    }
}

/// An app's word for a sign-in that failed where no page may be shown (OpenID Connect Core §3.1.2.6).
pub(super) fn silent(error: &PageError) -> AuthorizeError {
    match error {
        PageError::NoRecord | PageError::Provider(ProviderError::Interaction) => AuthorizeError::InteractionRequired,
        _ => AuthorizeError::LoginRequired,
    }
}

/// Logs that a provider does not answer as it should.
pub(super) fn unavailable(provider: &str, what: &'static str, error: &FetchError) -> ProviderError {
    tracing::warn!(provider, what, %error, "an identity provider does not answer");
    ProviderError::Unavailable
}

/// Logs that an answer fails a check.
pub(super) fn untrusted(provider: &str, why: &str) -> ProviderError {
    tracing::warn!(provider, why, "an identity provider's answer fails a check");
    ProviderError::Untrusted
}
