//! How an app proves who it is at the token endpoint (RFC 6749 §2.3): a public client names itself, a confidential one shows
//! its secret, by HTTP Basic or in the form, never both.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header;

use super::client::Client;
use super::error::TokenError;
use crate::http::{Request, single};
use crate::secret::Secret;

/// Who a client says it is, and by what.
pub(super) struct Credentials {
    /// Its `client_id`.
    pub client_id: String,
    secret: Option<Secret>,
    basic: bool,
}

/// Takes the credentials out of a request.
pub(super) fn credentials(request: &Request, form: &[(String, String)]) -> Result<Credentials, TokenError> {
    let (form_id, form_secret) = (single(form, "client_id")?, single(form, "client_secret")?);
    let Some(authorization) = request.header(header::AUTHORIZATION) else {
        let why = "client_id is missing: send it in the form, or with the secret by HTTP Basic";
        let client_id = form_id.ok_or(TokenError::InvalidClient { why, basic: false })?.to_owned();
        return Ok(Credentials { client_id, secret: form_secret.map(Secret::from_client), basic: false });
    };
    let wrong = |why| TokenError::InvalidClient { why, basic: true };
    let (client_id, secret) =
        basic(authorization).ok_or(wrong("the Authorization header is not HTTP Basic with `id:secret`"))?;
    if form_secret.is_some() {
        return Err(wrong("the secret is sent twice, in the header and in the form: send it once"));
    }
    if form_id.is_some_and(|form_id| form_id != client_id) {
        return Err(wrong("client_id in the form is not the one in the Authorization header"));
    }
    Ok(Credentials { client_id, secret: Some(secret), basic: true })
}

/// RFC 6749 §2.3.1: id and secret are form-encoded before they are joined. Ours hold no character that this would change.
fn basic(authorization: &str) -> Option<(String, Secret)> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decoded = |text: &str| form_urlencoded::parse(text.as_bytes()).next().map(|(text, _)| text.into_owned());
    scheme.eq_ignore_ascii_case("basic").then_some(())?;
    Some((decoded(id)?, Secret::from_client(&decoded(secret)?)))
}

impl Credentials {
    /// The client, if the credentials are its own.
    pub fn authenticate(&self, client: Option<Client>) -> Result<Client, TokenError> {
        let wrong = |why| TokenError::InvalidClient { why, basic: self.basic };
        let client = client.filter(|client| !client.disabled).ok_or(wrong("this client_id is not registered here"))?;
        match (&self.secret, client.is_confidential()) {
            (None, false) => Ok(client),
            (Some(secret), true) if client.knows(secret) => Ok(client),
            (Some(_), true) => Err(wrong("the client secret is wrong")),
            (None, true) => Err(wrong("this client has a secret and must send it")),
            (Some(_), false) => Err(wrong("this is a public client: it has no secret to send")),
        }
    }
}
