//! `POST /oauth2/token`: leads an access token request to its grant type (RFC 6749 §3.2).

use http::StatusCode;

use super::error::TokenError;
use super::issue::TokenRequest;
use super::parameters::Parameters;
use super::state::TokenEndpoint;
use super::{exchange, refresh};
use crate::http::{Request, Response, allow_any_origin, json};
use crate::issuer::Issuer;
use crate::store::StoreError;

/// Answers an access token request.
pub(super) async fn token(
    endpoint: &TokenEndpoint,
    request: &Request,
    issuer: &Issuer,
) -> Result<Response, TokenError> {
    let form = Parameters::of_app(request)?;
    let asked = TokenRequest { endpoint, request, issuer, form: &form };
    let tokens = match form.one("grant_type")? {
        Some("authorization_code") => exchange::exchange(&asked).await?,
        Some("refresh_token") => refresh::refresh(&asked).await?,
        Some(_) => return Err(TokenError::UnsupportedGrantType),
        None => return Err(TokenError::InvalidRequest("grant_type is missing".into())),
    };
    let body = serde_json::to_string(&tokens).map_err(|error| StoreError::Fault(error.to_string()))?;
    let mut response = json(StatusCode::OK, "application/json", body);
    allow_any_origin(&mut response);
    Ok(response)
}
