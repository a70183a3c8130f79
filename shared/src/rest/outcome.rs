//! Every error of the FHIR API, what it is called outside, and the `OperationOutcome` that tells it.
//!
//! Inside, an error is exact. Outside there are a few statuses, and two things look alike on purpose: "not yours" and
//! "does not exist".

use http::{StatusCode, header};
use serde_json::json;

use crate::access::Refusal;
use crate::http::{FHIR_JSON, Response, allow_any_origin, json as answer, set};
use crate::store::StoreError;
use crate::store::objects::ObjectError;

/// Why a FHIR request is not answered with data.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No `Authorization: Bearer` was sent.
    #[error("this is a member's record: send an access token as `Authorization: Bearer …`")]
    NoToken,
    /// A token was sent that is not, or no longer, good.
    #[error("the access token is not valid here or has ended: {0}")]
    InvalidToken(&'static str),
    /// The token's scopes do not allow it.
    #[error("the access token's scopes do not allow this: it needs {needed}")]
    InsufficientScope {
        /// A scope that would.
        needed: String,
    },
    /// The request names a member that the token is not for.
    #[error("the access token is for one member, and `{parameter}` names another")]
    OtherMember {
        /// The parameter that does.
        parameter: String,
    },
    /// Nothing there, or nothing that this member may see.
    #[error("there is no such resource in this member's record")]
    NotFound,
    /// The server has no such type, interaction or operation; the text says so.
    #[error("{0}")]
    NotHere(String),
    /// A resource of the member's was there, and the plan deleted it.
    #[error("this resource was deleted")]
    Gone,
    /// The request is malformed.
    #[error("{0}")]
    Invalid(String),
    /// The request is well formed and asks for what this server does not do.
    #[error("{0}")]
    NotSupported(String),
    /// The request would read more than one request may.
    #[error("{0}")]
    TooCostly(String),
    /// A format was asked for in which there is none; the text tells which there are.
    #[error("{0}")]
    NotAcceptable(String),
    /// A part was asked for that is beyond the end (RFC 9110 §15.5.17).
    #[error("there are {size} bytes, and the range is none of them")]
    RangeNotSatisfiable {
        /// How many bytes there are.
        size: u64,
    },
    /// The path exists, the method does not.
    #[error("this server lets apps read: {} {allow}", if .allow.contains(',') { "the methods here are" } else { "the method here is" })]
    MethodNotAllowed {
        /// The methods there are.
        allow: &'static str,
    },
    /// Storage did not answer, or not as it should.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bucket did not give a document, or not the one that was stored.
    #[error(transparent)]
    Object(#[from] ObjectError),
}

impl Error {
    /// Another format than JSON was asked for, where there is no other.
    pub fn speaks_json() -> Error {
        Error::NotAcceptable("this server speaks JSON: ask for `application/fhir+json`".into())
    }

    /// The HTTP status and the FHIR issue type (R4 value set "issue-type").
    pub fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Error::NoToken => (StatusCode::UNAUTHORIZED, "login"),
            Error::InvalidToken(_) => (StatusCode::UNAUTHORIZED, "security"),
            Error::InsufficientScope { .. } | Error::OtherMember { .. } => (StatusCode::FORBIDDEN, "forbidden"),
            Error::NotFound => (StatusCode::NOT_FOUND, "not-found"),
            Error::NotHere(_) => (StatusCode::NOT_FOUND, "not-supported"),
            Error::Gone => (StatusCode::GONE, "deleted"),
            Error::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid"),
            Error::NotSupported(_) => (StatusCode::BAD_REQUEST, "not-supported"),
            Error::TooCostly(_) => (StatusCode::BAD_REQUEST, "too-costly"),
            Error::NotAcceptable(_) => (StatusCode::NOT_ACCEPTABLE, "not-supported"),
            Error::MethodNotAllowed { .. } => (StatusCode::METHOD_NOT_ALLOWED, "not-supported"),
            Error::RangeNotSatisfiable { .. } => (StatusCode::RANGE_NOT_SATISFIABLE, "invalid"),
            Error::Store(error) | Error::Object(ObjectError(error)) => {
                (error.outage().status, error.outage().issue_type)
            }
        }
    }

    /// The answer. `fhir_base` names the realm of a 401 (RFC 6750 §3).
    pub fn respond(&self, fhir_base: &str) -> Response {
        let (status, code) = self.status();
        let text = match self {
            Error::Store(error) | Error::Object(ObjectError(error)) => error.outage().text.to_owned(),
            told => told.to_string(),
        };
        if status.is_server_error() {
            tracing::error!(error = %self, "a FHIR request failed");
        }
        let mut response = answer(status, FHIR_JSON, outcome(&[Issue::error(code, text.clone())]).to_string());
        let realm = format!("Bearer realm=\"{fhir_base}\"");
        match self {
            Error::NoToken => set(&mut response, header::WWW_AUTHENTICATE, &realm),
            Error::InvalidToken(_) => {
                let value = format!("{realm}, error=\"invalid_token\", error_description=\"{text}\"");
                set(&mut response, header::WWW_AUTHENTICATE, &value);
            }
            Error::InsufficientScope { needed } => {
                let value = format!("{realm}, error=\"insufficient_scope\", scope=\"{needed}\"");
                set(&mut response, header::WWW_AUTHENTICATE, &value);
            }
            Error::MethodNotAllowed { allow } => set(&mut response, header::ALLOW, allow),
            Error::RangeNotSatisfiable { size } => {
                set(&mut response, header::CONTENT_RANGE, &format!("bytes */{size}"));
            }
            Error::Store(error) | Error::Object(ObjectError(error)) => error.outage().set_retry_after(&mut response),
            _ => {}
        }
        allow_any_origin(&mut response);
        response
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        match refusal {
            Refusal::Missing => Error::NoToken,
            Refusal::Invalid(why) => Error::InvalidToken(why),
            Refusal::Scope(needed) => Error::InsufficientScope { needed },
            Refusal::Store(error) => Error::Store(error),
        }
    }
}

/// One issue of an `OperationOutcome`.
#[derive(Debug)]
pub struct Issue {
    severity: &'static str,
    code: &'static str,
    diagnostics: String,
}

impl Issue {
    /// Something that the app should know, and that changes nothing in the answer.
    pub fn information(code: &'static str, diagnostics: String) -> Issue {
        Issue { severity: "information", code, diagnostics }
    }

    /// The answer may not be what the app wanted.
    pub fn warning(code: &'static str, diagnostics: String) -> Issue {
        Issue { severity: "warning", code, diagnostics }
    }

    fn error(code: &'static str, diagnostics: String) -> Issue {
        Issue { severity: "error", code, diagnostics }
    }
}

/// An `OperationOutcome` of these issues.
pub fn outcome(issues: &[Issue]) -> serde_json::Value {
    let issue = |Issue { severity, code, diagnostics }: &Issue| json!({"severity": severity, "code": code, "diagnostics": diagnostics});
    json!({"resourceType": "OperationOutcome", "issue": issues.iter().map(issue).collect::<Vec<_>>()})
}
