//! The answers that endpoints give: status, body, and the meaning with what to do. An endpoint names groups of them.

/// The body of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// None.
    Empty,
    /// A resource, by the name of its schema; `{type}` stands for the type that the path names.
    Fhir(&'static str),
    /// JSON, by the name of its schema.
    Json(&'static str),
    /// A page for a person.
    Page,
    /// A document in its own format.
    Document,
}

/// One answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub body: Body,
    /// The codes that tell errors of the same status apart: R4's issue types, or OAuth's error codes.
    pub codes: &'static [&'static str],
    /// The meaning, and what to do.
    pub text: &'static str,
}

pub(super) const fn answer(status: u16, body: Body, text: &'static str) -> Answer {
    Answer { status, body, codes: &[], text }
}

const fn outcome(status: u16, codes: &'static [&'static str], text: &'static str) -> Answer {
    Answer { codes, ..answer(status, Body::Fhir("OperationOutcome"), text) }
}

const fn refusal(status: u16, codes: &'static [&'static str], text: &'static str) -> Answer {
    Answer { codes, ..answer(status, Body::Json("OAuthError"), text) }
}

const fn told(status: u16, text: &'static str) -> Answer {
    answer(status, Body::Page, text)
}

/// The answers of API Gateway itself, on every path.
pub(super) const GATEWAY: &[Answer] = &[
    answer(413, Body::Json("GatewayMessage"), "The body is larger than 6 MB: nothing here takes one nearly as large."),
    answer(429, Body::Json("GatewayMessage"), "Too many requests at once: wait a second, then twice as long each time."),
    answer(431, Body::Json("GatewayMessage"), "Request line and headers are longer than 10 KB: post the search as a form."),
    answer(500, Body::Json("GatewayMessage"), "Our fault, seen by the gateway: try again later."),
    answer(503, Body::Json("GatewayMessage"), "The request took longer than 20 seconds, or the server is busy: try again later."),
];

/// The errors of every request to the FHIR server.
pub(super) const FHIR: &[Answer] = &[
    outcome(400, &["invalid", "not-supported", "too-costly"],
        "The request is wrong, asks for what is not offered, or would read too much: correct it as `diagnostics` says."),
    outcome(406, &["not-supported"], "Another format than JSON was asked for: ask for `application/fhir+json`."),
    outcome(500, &["exception"], "Our fault; it is logged: try again later."),
    outcome(503, &["transient"], "The server is busy: send the same again after `Retry-After` seconds."),
];

/// The errors of a request for a member's data, besides [`FHIR`].
pub(super) const DATA: &[Answer] = &[
    outcome(401, &["login", "security"],
        "The access token is absent (`login`), or is not valid or has ended (`security`): refresh it. If that fails with \
         `invalid_grant`, the member has to connect the app again."),
    outcome(403, &["forbidden"],
        "The token's scopes do not allow it, and `WWW-Authenticate` names one that would; or the request names another member."),
    outcome(404, &["not-found", "not-supported"],
        "There is no such resource in this member's record, or no such path. A resource of another member's looks the same."),
];

/// A resource that was there.
pub(super) const DELETED: &[Answer] = &[outcome(410, &["deleted"], "The plan deleted it: drop your copy.")];

/// A copy that the app holds.
pub(super) const HELD: &[Answer] =
    &[answer(304, Body::Empty, "The copy that the app holds, by `If-None-Match` or `If-Modified-Since`, is current.")];

/// A document in its own format.
pub(super) const DOCUMENT: &[Answer] = &[
    answer(200, Body::Document, "The document in its own format, unless FHIR is asked for by `Accept`."),
    answer(206, Body::Document, "The part that `Range` asks for."),
    answer(303, Body::Empty, "The document is larger than 4 MB: `Location` leads to it, without the token, for 60 seconds."),
    outcome(416, &["invalid"], "The range is beyond the end of the document; `Content-Range` has its size."),
];

/// The errors of the endpoints at which apps authenticate.
pub(super) const CLIENT: &[Answer] = &[
    refusal(400, &["invalid_request", "invalid_grant", "invalid_scope", "unsupported_grant_type"],
        "`invalid_grant`: the code or refresh token has ended, or the member stopped the app: start a new authorization. \
         The others: correct the request as `error_description` says."),
    refusal(401, &["invalid_client"],
        "The client id, secret or assertion is wrong, or the plan stopped the app; `error_description` says which."),
    refusal(500, &["server_error"], "Our fault; it is logged, and nothing was spent: try again later."),
    refusal(503, &["temporarily_unavailable"], "Nothing was spent: send the same again after `Retry-After` seconds."),
];

/// The errors of the endpoints that take an access token and are not FHIR's.
pub(super) const BEARER: &[Answer] = &[
    refusal(401, &["invalid_token"], "The access token is absent, is not valid or has ended: refresh it."),
    refusal(403, &["insufficient_scope"], "The token's scopes do not allow it: `openid` is needed."),
    refusal(500, &["server_error"], "Our fault; it is logged: try again later."),
    refusal(503, &["temporarily_unavailable"], "The server is busy: send the same again after `Retry-After` seconds."),
];

/// The page that a person sees who cannot go on.
pub(super) const PAGES: &[Answer] = &[
    told(400, "The request cannot be trusted or is over: the page says why, and nothing is sent to the app."),
    told(403, "The form did not come from a page of ours, or the person has no record here."),
    told(404, "The plan has no such way to sign in."),
    told(429, "Too many sign-ins failed: wait `Retry-After` seconds."),
    told(500, "Our fault; it is logged."),
    told(503, "Our service is busy, or the identity provider does not answer."),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::rest::outcome::Error;
    use crate::store::StoreError;

    fn codes(groups: &[&[Answer]]) -> BTreeSet<(u16, &'static str)> {
        let answers = groups.iter().copied().flatten();
        answers.flat_map(|answer| answer.codes.iter().map(|code| (answer.status, *code))).collect()
    }

    #[test]
    fn every_error_of_the_fhir_server_is_described_and_no_other() {
        let text = String::new;
        let errors = [
            Error::NoToken,
            Error::InvalidToken(""),
            Error::InsufficientScope { needed: text() },
            Error::OtherMember { parameter: text() },
            Error::NotFound,
            Error::NotHere(text()),
            Error::Gone,
            Error::Invalid(text()),
            Error::NotSupported(text()),
            Error::TooCostly(text()),
            Error::NotAcceptable(text()),
            Error::RangeNotSatisfiable { size: 0 },
            Error::Store(StoreError::Busy(text())),
            Error::Store(StoreError::Fault(text())),
        ];
        let given: BTreeSet<(u16, &str)> =
            errors.iter().map(|error| (error.status().0.as_u16(), error.status().1)).collect();
        // 405 is the answer to a method that no path has: `openapi.json` describes only those that it has.
        assert_eq!(codes(&[FHIR, DATA, DELETED, DOCUMENT]), given);
    }

    #[test]
    fn each_answer_says_what_it_means_in_sentences() {
        for answer in [GATEWAY, FHIR, DATA, DELETED, HELD, DOCUMENT, CLIENT, BEARER, PAGES].concat() {
            assert!(answer.text.ends_with('.'), "{}: {}", answer.status, answer.text);
        }
    }
}
