//! How answers tell that storage failed: status, codes, text and `Retry-After` for each kind of failure, once for all
//! protocols.

use http::{StatusCode, header};

use super::StoreError;
use crate::http::{Response, set};

/// How an answer tells that storage failed. The cause is for the log alone: it would tell an attacker about our
/// parts.
pub struct Outage {
    /// The HTTP status.
    pub status: StatusCode,
    /// OAuth's error code (RFC 6749 §4.1.2.1).
    pub oauth_code: &'static str,
    /// FHIR's issue type (R4 value set "issue-type").
    pub issue_type: &'static str,
    /// For an app's developer.
    pub text: &'static str,
    /// For a member.
    pub page_text: &'static str,
    /// After how many seconds the same request may succeed.
    retry_after: Option<&'static str>,
}

const BUSY: Outage = Outage {
    status: StatusCode::SERVICE_UNAVAILABLE,
    oauth_code: "temporarily_unavailable",
    issue_type: "transient",
    text: "the server is busy: try again in a few seconds",
    page_text: "our service is busy; try again in a moment",
    retry_after: Some("2"),
};

const FAULT: Outage = Outage {
    status: StatusCode::INTERNAL_SERVER_ERROR,
    oauth_code: "server_error",
    issue_type: "exception",
    text: "the server failed; the fault is logged",
    page_text: "our service failed; the fault is logged",
    retry_after: None,
};

impl StoreError {
    /// How an answer tells it.
    pub fn outage(&self) -> &'static Outage {
        match self {
            StoreError::Busy(_) => &BUSY,
            StoreError::Fault(_) => &FAULT,
        }
    }
}

impl Outage {
    /// Sets `Retry-After`, where the same request may succeed later.
    pub fn set_retry_after(&self, response: &mut Response) {
        if let Some(seconds) = self.retry_after {
            set(response, header::RETRY_AFTER, seconds);
        }
    }
}
