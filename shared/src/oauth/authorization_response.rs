//! The authorization response: the member goes back to the app with a code, or with an error (RFC 6749 §4.1.2). Every
//! answer names us (`iss`, RFC 9207), so that the app cannot be made to take it for another server's.

use super::error::AuthorizeError;
use super::pages::see_other;
use super::request::AuthorizationRequest;
use crate::http::Response;
use crate::issuer::Issuer;

/// Sends the member back to the app without a code.
pub(super) fn with_error(redirect_uri: &str, state: Option<&str>, issuer: &Issuer, error: &AuthorizeError) -> Response {
    see_other(&error_address(redirect_uri, state, issuer, error), &[])
}

/// The address by which the app learns that there is no code.
pub(super) fn error_address(
    redirect_uri: &str,
    state: Option<&str>,
    issuer: &Issuer,
    error: &AuthorizeError,
) -> String {
    let description = error.to_string();
    let mut answer = vec![("error", error.code()), ("error_description", &description)];
    answer.extend(state.map(|state| ("state", state)));
    answer.push(("iss", issuer.as_str()));
    with_query(redirect_uri, &answer)
}

/// Sends the member back to the app with a code.
pub(super) fn with_code(request: &AuthorizationRequest, code: &str, issuer: &Issuer) -> Response {
    let answer = [("code", code), ("state", &request.state), ("iss", issuer.as_str())];
    see_other(&with_query(&request.redirect_uri, &answer), &[])
}

/// Adds to a URI's query; what stands there stays (RFC 6749 §3.1.2).
fn with_query(uri: &str, answer: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(answer).finish();
    format!("{uri}{}{query}", if uri.contains('?') { '&' } else { '?' })
}
