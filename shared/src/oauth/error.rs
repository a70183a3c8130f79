//! Every error of the authorization server. Inside an error is exact; outside it has one of a few codes (RFC 6749
//! §4.1.2.1, §5.2).

use http::{StatusCode, header};
use serde_json::json;

use super::password::Unhashable;
use super::provider::ProviderError;
use super::visible::is_seen;
use crate::access::Refusal;
use crate::bounds::SHOWN_CHARACTERS;
use crate::http::{Duplicate, Response, allow_any_origin, json as answer, set};
use crate::store::StoreError;
use crate::store::auth::CommitError;

/// Why the authorize endpoint sends the member back to the app without a code.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// A parameter is missing or malformed.
    #[error("{0}")]
    InvalidRequest(String),
    /// `response_type` is not `code`.
    #[error("response_type must be `code`")]
    UnsupportedResponseType,
    /// No scope that this server knows and this app may ask for.
    #[error("{0}")]
    InvalidScope(String),
    /// The member said no.
    #[error("the member did not allow it")]
    AccessDenied,
    /// `prompt=none`, and nobody is signed in.
    #[error("nobody is signed in")]
    LoginRequired,
    /// `prompt=none`, and the plan's identity provider has to ask the member something.
    #[error("the plan's sign-in service has to ask the member something")]
    InteractionRequired,
    /// `prompt=none`, and the member has to be asked.
    #[error("the member has to be asked")]
    ConsentRequired,
    /// `request` was given (OpenID Connect Core §6.1).
    #[error("the `request` parameter is not supported")]
    RequestNotSupported,
    /// `request_uri` was given (OpenID Connect Core §6.2).
    #[error("the `request_uri` parameter is not supported")]
    RequestUriNotSupported,
    /// `registration` was given (OpenID Connect Core §7.2.1).
    #[error("the `registration` parameter is not supported")]
    RegistrationNotSupported,
}

impl AuthorizeError {
    /// Its code outside.
    pub fn code(&self) -> &'static str {
        match self {
            AuthorizeError::InvalidRequest(_) => "invalid_request",
            AuthorizeError::UnsupportedResponseType => "unsupported_response_type",
            AuthorizeError::InvalidScope(_) => "invalid_scope",
            AuthorizeError::AccessDenied => "access_denied",
            AuthorizeError::LoginRequired => "login_required",
            AuthorizeError::InteractionRequired => "interaction_required",
            AuthorizeError::ConsentRequired => "consent_required",
            AuthorizeError::RequestNotSupported => "request_not_supported",
            AuthorizeError::RequestUriNotSupported => "request_uri_not_supported",
            AuthorizeError::RegistrationNotSupported => "registration_not_supported",
        }
    }
}

impl From<Duplicate> for AuthorizeError {
    fn from(duplicate: Duplicate) -> AuthorizeError {
        AuthorizeError::InvalidRequest(duplicate.to_string())
    }
}

/// Why the token endpoint gives no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The request is malformed.
    #[error("{0}")]
    InvalidRequest(String),
    /// The client did not prove who it is.
    #[error("{why}")]
    InvalidClient {
        /// The reason, for the app's developer.
        why: &'static str,
        /// Whether the client tried HTTP Basic, and so is answered with a challenge.
        basic: bool,
    },
    /// The code or refresh token is not good.
    #[error("{0}")]
    InvalidGrant(&'static str),
    /// This server has no such grant type.
    #[error("grant_type must be `authorization_code` or `refresh_token`")]
    UnsupportedGrantType,
    /// A refresh asked for more than was granted; the value is what was granted.
    #[error("a refresh can only ask for scopes that were granted: {0}")]
    InvalidScope(String),
    /// Storage or KMS; nothing was consumed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Duplicate> for TokenError {
    fn from(duplicate: Duplicate) -> TokenError {
        TokenError::InvalidRequest(duplicate.to_string())
    }
}

impl TokenError {
    /// Its code outside.
    pub fn code(&self) -> &'static str {
        match self {
            TokenError::InvalidRequest(_) => "invalid_request",
            TokenError::InvalidClient { .. } => "invalid_client",
            TokenError::InvalidGrant(_) => "invalid_grant",
            TokenError::UnsupportedGrantType => "unsupported_grant_type",
            TokenError::InvalidScope(_) => "invalid_scope",
            TokenError::Store(error) => error.outage().oauth_code,
        }
    }

    /// The answer, as JSON (RFC 6749 §5.2).
    pub fn respond(&self, issuer: &str) -> Response {
        let status = match self {
            TokenError::InvalidClient { .. } => StatusCode::UNAUTHORIZED,
            TokenError::Store(error) => error.outage().status,
            _ => StatusCode::BAD_REQUEST,
        };
        let text = match self {
            TokenError::Store(error) => error.outage().text.to_owned(),
            told => told.to_string(),
        };
        if status.is_server_error() {
            tracing::error!(error = %self, "a token request failed");
        }
        let body = json!({"error": self.code(), "error_description": text});
        let mut response = answer(status, "application/json", body.to_string());
        if let TokenError::InvalidClient { basic: true, .. } = self {
            set(&mut response, header::WWW_AUTHENTICATE, &format!("Basic realm=\"{issuer}\""));
        }
        if let TokenError::Store(error) = self {
            error.outage().set_retry_after(&mut response);
        }
        allow_any_origin(&mut response);
        response
    }
}

/// Why an endpoint that takes an access token does not answer its bearer (RFC 6750 §3.1).
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct BearerError(#[from] pub Refusal);

impl From<StoreError> for BearerError {
    fn from(error: StoreError) -> BearerError {
        BearerError(Refusal::Store(error))
    }
}

impl BearerError {
    /// The answer, as JSON. A request without a token is told no error code, only how to authenticate.
    pub fn respond(&self, issuer: &str) -> Response {
        let (status, code) = match &self.0 {
            Refusal::Store(error) => (error.outage().status, error.outage().oauth_code),
            Refusal::Missing | Refusal::Invalid(_) => (StatusCode::UNAUTHORIZED, "invalid_token"),
            Refusal::Scope(_) => (StatusCode::FORBIDDEN, "insufficient_scope"),
        };
        let challenge = match &self.0 {
            Refusal::Store(_) => None,
            Refusal::Missing => Some(format!("Bearer realm=\"{issuer}\"")),
            Refusal::Scope(scope) => Some(format!("Bearer realm=\"{issuer}\", error=\"{code}\", scope=\"{scope}\"")),
            Refusal::Invalid(_) => Some(format!("Bearer realm=\"{issuer}\", error=\"{code}\"")),
        };
        let text = match &self.0 {
            Refusal::Store(error) => error.outage().text.to_owned(),
            told => told.to_string(),
        };
        if status.is_server_error() {
            tracing::error!(error = %self, "a bearer's request failed");
        }
        let mut response =
            answer(status, "application/json", json!({"error": code, "error_description": text}).to_string());
        if let Some(challenge) = challenge {
            set(&mut response, header::WWW_AUTHENTICATE, &challenge);
        }
        if let Refusal::Store(error) = &self.0 {
            error.outage().set_retry_after(&mut response);
        }
        allow_any_origin(&mut response);
        response
    }
}

/// Why introspection, which takes a client's proof or an access token, does not answer.
#[derive(Debug, thiserror::Error)]
pub enum IntrospectError {
    /// As the token endpoint.
    #[error(transparent)]
    Client(#[from] TokenError),
    /// The access token it was asked with.
    #[error(transparent)]
    Bearer(#[from] BearerError),
}

impl From<StoreError> for IntrospectError {
    fn from(error: StoreError) -> IntrospectError {
        IntrospectError::Client(error.into())
    }
}

impl IntrospectError {
    /// The answer, as JSON.
    pub fn respond(&self, issuer: &str) -> Response {
        match self {
            IntrospectError::Client(error) => error.respond(issuer),
            IntrospectError::Bearer(error) => error.respond(issuer),
        }
    }
}

/// Why a member sees an error page. Nothing is sent to an address that we do not trust.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The app is unknown, or did not say where to send the member back to.
    #[error("{0}")]
    UntrustedApp(&'static str),
    /// The app asks to be answered at this address, which it did not register. A page shows it as text, and never as a link.
    #[error("the app asks to send you to an address that it did not register (redirect_uri): {}", in_short(.0))]
    UnregisteredRedirect(String),
    /// The form did not come from a page of ours.
    #[error("this form was not sent from our page, so nothing was done")]
    Forged,
    /// The request is over, or was decided already.
    #[error("this sign-in is over: go back to the app and start again")]
    Over,
    /// The account page was left open longer than a session lasts.
    #[error("you are signed out, so nothing was done: open the page again and sign in")]
    SignedOut,
    /// Who signed in has no record here.
    #[error(
        "your sign-in is right, but your plan has not connected it to a record yet, neither to yours nor to that of somebody for whom you act: ask your plan to do that"
    )]
    NoRecord,
    /// The person does not, or no longer, act for the member whose record they chose.
    #[error("you cannot allow this for that person now: go back to the app and start again, or ask your plan")]
    ActsNoLonger,
    /// The form names a delegation that is neither for the member nor of the person who is signed in, or is over.
    #[error("there is nothing of yours by that name, so nothing was done")]
    NotYours,
    /// Only the plan can end this delegation.
    #[error("only your plan can end this: ask your plan to do that")]
    PlansAlone,
    /// Nobody can sign in with the provider that the address names.
    #[error("your plan has no such way to sign in: go back to the app and start again")]
    UnknownProvider,
    /// The plan offers no way to sign in.
    #[error("your plan has not set up a way to sign in yet")]
    NoWayIn,
    /// A sign-in at the plan's identity provider failed.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// Too many wrong passwords; seconds until the next try.
    #[error("too many sign-ins failed: wait a few minutes and try again")]
    Throttled(i64),
    /// The method or the body is not what the page sends.
    #[error("{0}")]
    Malformed(String),
    /// A new password could not be hashed.
    #[error(transparent)]
    Unhashable(#[from] Unhashable),
    /// The page could not be made from its template.
    #[error("a page cannot be made: {0}")]
    Unrendered(#[from] askama::Error),
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A text that an app sent, in quotation marks: what cannot be seen is written as its code point, and the end of a long
/// text is cut off.
fn in_short(text: &str) -> String {
    let shown: String = text
        .chars()
        .take(SHOWN_CHARACTERS)
        .map(|c| if is_seen(c) { c.to_string() } else { c.escape_unicode().to_string() })
        .collect();
    format!("“{shown}{}”", if text.chars().nth(SHOWN_CHARACTERS).is_some() { "…" } else { "" })
}

impl From<Duplicate> for PageError {
    fn from(duplicate: Duplicate) -> PageError {
        PageError::Malformed(duplicate.to_string())
    }
}

impl From<CommitError> for PageError {
    fn from(error: CommitError) -> PageError {
        match error {
            CommitError::Conflict => PageError::Over,
            CommitError::Store(error) => PageError::Store(error),
        }
    }
}

impl PageError {
    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            PageError::UntrustedApp(_)
            | PageError::UnregisteredRedirect(_)
            | PageError::Over
            | PageError::Malformed(_) => StatusCode::BAD_REQUEST,
            PageError::UnknownProvider => StatusCode::NOT_FOUND,
            // The fault is not ours, and rings no alarm for our own: the page depends on somebody else's server (RFC 4918 §11.4).
            PageError::Provider(ProviderError::Unavailable) => StatusCode::FAILED_DEPENDENCY,
            PageError::Forged
            | PageError::SignedOut
            | PageError::NoRecord
            | PageError::ActsNoLonger
            | PageError::PlansAlone
            | PageError::NotYours
            | PageError::NoWayIn
            | PageError::Provider(_) => StatusCode::FORBIDDEN,
            PageError::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            PageError::Unrendered(_) | PageError::Unhashable(_) => StatusCode::INTERNAL_SERVER_ERROR,
            PageError::Store(error) => error.outage().status,
        }
    }
}
