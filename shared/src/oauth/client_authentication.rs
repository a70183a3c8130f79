//! How an app proves who it is at the token endpoint (RFC 6749 §2.3): a public client names itself; a confidential one
//! shows its secret, by HTTP Basic or in the form, or signs an assertion with a key of its own (RFC 7523, SMART App
//! Launch 2.2 "Client Authentication: Asymmetric"). One way at a time.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize};

use super::claims::{Audience, NumericDate};
use super::client::{Authentication, Client};
use super::client_keys::{NoKey, Wanted};
use super::error::TokenError;
use super::parameters::Parameters;
use super::state::State;
use crate::bounds::{ASSERTION_SECONDS, CLIENT_ID_BYTES, CLOCK_SKEW_SECONDS};
use crate::clock::Time;
use crate::http::Request;
use crate::issuer::Issuer;
use crate::secret::Secret;
use crate::store::auth::{Commit, CommitError, Record, Stored};

/// The one type of assertion (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The client that a request names, and the proof that came with it.
pub(super) struct Credentials {
    /// Its `client_id`.
    pub client_id: String,
    proof: Proof,
}

enum Proof {
    None,
    Secret { sent: Vec<Secret>, basic: bool },
    Assertion(String),
}

/// The claims of an assertion, each of the type that RFC 7519 §4.1 gives it.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: NumericDate,
    nbf: Option<NumericDate>,
    jti: String,
}

/// Whether a recipient is us: the issuer or the token endpoint (SMART, RFC 7523 §3).
fn is_us(name: &str, issuer: &Issuer) -> bool {
    name == issuer.as_str() || name == format!("{issuer}/oauth2/token")
}

/// An assertion that was used. Its record keeps anybody from using it again while it is good.
#[derive(Serialize, Deserialize)]
struct Used {
    id: String,
    until: Time,
}

impl Record for Used {
    const KIND: &'static str = "assertion";

    fn key(&self) -> String {
        self.id.clone()
    }

    fn expires_at(&self) -> Option<Time> {
        Some(self.until)
    }
}

fn wrong(why: &'static str) -> TokenError {
    TokenError::InvalidClient { why, basic: false }
}

/// Whether a request names the client that sends it. RFC 6749 §6 does not ask a public client to, where it sends a
/// refresh token: the token was issued to one client alone.
pub(super) fn names_client(request: &Request, form: &Parameters) -> bool {
    request.header(header::AUTHORIZATION).is_some()
        || ["client_id", "client_secret", "client_assertion"].iter().any(|name| form.has(name))
}

/// Takes the credentials out of a request.
pub(super) fn credentials(state: &State, request: &Request, form: &Parameters) -> Result<Credentials, TokenError> {
    read(request, form).inspect_err(|error| note(state, None, error))
}

/// Logs that a client did not prove who it is; `client` is `None` where it is not registered, or not known.
fn note(state: &State, client: Option<&str>, error: &TokenError) {
    if let TokenError::InvalidClient { why, .. } = error {
        state.tally.not_authenticated(client, why);
    }
}

fn read(request: &Request, form: &Parameters) -> Result<Credentials, TokenError> {
    let (form_id, form_secret) = (form.one("client_id")?, form.one("client_secret")?);
    if form_id.is_some_and(|id| id.len() > CLIENT_ID_BYTES) {
        return Err(wrong("this client_id is not registered here"));
    }
    let assertion = form.one("client_assertion")?;
    if let Some(assertion) = assertion {
        if form.one("client_assertion_type")? != Some(ASSERTION_TYPE) {
            return Err(wrong("client_assertion_type must be urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
        }
        if form_secret.is_some() || request.header(header::AUTHORIZATION).is_some() {
            return Err(wrong("the client proves itself in two ways: use one"));
        }
        // Not yet verified: it only says whose keys to verify it with.
        let claims = jsonwebtoken::dangerous::insecure_decode::<Claims>(assertion);
        let client_id =
            claims.map_err(|_| wrong("client_assertion is not a JWT with iss, sub, aud, exp and jti"))?.claims.sub;
        if form_id.is_some_and(|form_id| form_id != client_id) {
            return Err(wrong("client_id in the form is not the sub of client_assertion"));
        }
        if client_id.len() > CLIENT_ID_BYTES {
            return Err(wrong("this client_id is not registered here"));
        }
        return Ok(Credentials { client_id, proof: Proof::Assertion(assertion.to_owned()) });
    }
    let Some(authorization) = request.header(header::AUTHORIZATION) else {
        let missing = "client_id is missing: send it in the form, or with the secret by HTTP Basic";
        let client_id = form_id.ok_or(wrong(missing))?.to_owned();
        let proof = match form_secret {
            None => Proof::None,
            Some(secret) => Proof::Secret { sent: vec![Secret::from_client(secret)], basic: false },
        };
        return Ok(Credentials { client_id, proof });
    };
    let wrong = |why| TokenError::InvalidClient { why, basic: true };
    let (client_id, sent) =
        basic(authorization).ok_or(wrong("the Authorization header is not HTTP Basic with `id:secret`"))?;
    if client_id.len() > CLIENT_ID_BYTES {
        return Err(wrong("this client_id is not registered here"));
    }
    if form_secret.is_some() {
        return Err(wrong("the secret is sent twice, in the header and in the form: send it once"));
    }
    if form_id.is_some_and(|form_id| form_id != client_id) {
        return Err(wrong("client_id in the form is not the one in the Authorization header"));
    }
    Ok(Credentials { client_id, proof: Proof::Secret { sent, basic: true } })
}

/// RFC 6749 §2.3.1: id and secret are form-encoded before they are joined. Some libraries leave that out, so the secret
/// is also tried as it came.
fn basic(authorization: &str) -> Option<(String, Vec<Secret>)> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then_some(())?;
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    // As the value of a form, whatever `=` and `&` it holds.
    let decoded = |text: &str| {
        let encoded = format!("v={}", text.replace('&', "%26"));
        form_urlencoded::parse(encoded.as_bytes()).next().map(|(_, value)| value.into_owned())
    };
    let sent = [decoded(secret)?, secret.to_owned()].iter().map(|secret| Secret::from_client(secret)).collect();
    Some((decoded(id)?, sent))
}

impl Credentials {
    /// Credentials of a client that sent none: enough for a public one.
    pub(super) fn unproved(client_id: &str) -> Credentials {
        Credentials { client_id: client_id.to_owned(), proof: Proof::None }
    }

    /// The client, if the credentials are its own. A failure is logged.
    pub(super) async fn authenticate(
        &self,
        state: &State,
        issuer: &Issuer,
        client: Option<Stored<Client>>,
    ) -> Result<Stored<Client>, TokenError> {
        let Some(client) = client.filter(|client| !client.record.disabled) else {
            let error =
                TokenError::InvalidClient { why: "this client_id is not registered here", basic: self.is_basic() };
            note(state, None, &error);
            return Err(error);
        };
        let id = client.record.id.clone();
        self.proved(state, issuer, client).await.inspect_err(|error| note(state, Some(&id), error))
    }

    fn is_basic(&self) -> bool {
        matches!(self.proof, Proof::Secret { basic: true, .. })
    }

    async fn proved(
        &self,
        state: &State,
        issuer: &Issuer,
        client: Stored<Client>,
    ) -> Result<Stored<Client>, TokenError> {
        let wrong = |why| TokenError::InvalidClient { why, basic: self.is_basic() };
        let now = state.clock.now();
        match (&self.proof, &client.record.authentication) {
            (Proof::None, Authentication::None) => Ok(client),
            (Proof::None, _) => Err(wrong("this client is confidential and must prove itself")),
            (Proof::Secret { sent, .. }, Authentication::Secret(secrets)) => {
                let good = secrets.iter().any(|secret| sent.iter().any(|sent| secret.is(sent, now)));
                if good { Ok(client) } else { Err(wrong("the client secret is wrong, or has expired")) }
            }
            (Proof::Secret { .. }, _) => Err(wrong("this client has no secret to send")),
            (Proof::Assertion(assertion), _) => {
                let used = verified(state, &client.record, assertion, issuer, now).await?;
                match state.auth.commit(Commit::default().create(&used)).await {
                    Ok(()) => Ok(client),
                    Err(CommitError::Conflict) => {
                        Err(wrong("client_assertion was used before: sign a new one with a new jti"))
                    }
                    Err(CommitError::Store(error)) => Err(error.into()),
                }
            }
        }
    }
}

/// The ordered checks of an assertion (SMART App Launch 2.2, "Signature Verification"). Cheap checks come first: the
/// app's keys may have to be fetched.
async fn verified(
    state: &State,
    client: &Client,
    assertion: &str,
    issuer: &Issuer,
    now: Time,
) -> Result<Used, TokenError> {
    let header = jsonwebtoken::decode_header(assertion).map_err(|_| wrong("client_assertion is not a JWT"))?;
    if !matches!(header.alg, Algorithm::RS384 | Algorithm::ES384) {
        return Err(wrong("client_assertion must be signed with RS384 or ES384"));
    }
    if header.typ.as_ref().is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
        return Err(wrong("client_assertion must have the typ `JWT`"));
    }
    // An extension that must be understood, and is not (RFC 7515 §4.1.11, RFC 7797 §6).
    if header.crit.is_some() || header.extras.inner().contains_key("b64") {
        return Err(wrong("client_assertion must do without `crit` and `b64`"));
    }
    let kid = header.kid.as_deref().ok_or(wrong("client_assertion names no key (kid)"))?;
    let claims = jsonwebtoken::dangerous::insecure_decode::<Claims>(assertion)
        .map_err(|_| wrong("client_assertion is not a JWT with iss, sub, aud, exp and jti"))?
        .claims;
    if claims.iss != client.id || claims.sub != client.id || claims.jti.is_empty() || claims.jti.len() > 256 {
        return Err(wrong("client_assertion needs iss and sub with the client_id, and a jti"));
    }
    if !claims.aud.are_all(|name| is_us(name, issuer)) {
        return Err(wrong("aud of client_assertion must be the issuer or the token endpoint, and nothing besides"));
    }
    let (now, NumericDate(exp)) = (now.seconds(), claims.exp);
    if now >= exp.saturating_add(CLOCK_SKEW_SECONDS) || exp > now + ASSERTION_SECONDS + CLOCK_SKEW_SECONDS {
        return Err(wrong("client_assertion must end within the next five minutes"));
    }
    if claims.nbf.is_some_and(|NumericDate(nbf)| nbf > now + CLOCK_SKEW_SECONDS) {
        return Err(wrong("client_assertion is not valid yet (nbf)"));
    }
    let wanted = Wanted { kid, jku: header.jku.as_deref(), rsa: header.alg == Algorithm::RS384 };
    let key = state.client_keys.key(&client.authentication, &wanted, issuer.is_loopback()).await.map_err(no_key)?;
    let key = DecodingKey::from_jwk(&key).map_err(|_| wrong("the registered key cannot be used"))?;
    // The claims were compared above: times with our own clock, and the whole of an audience, of which jsonwebtoken asks for
    // one value. The signature is left.
    let mut validation = Validation::new(header.alg);
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_aud) = (false, false);
    jsonwebtoken::decode::<Claims>(assertion, &key, &validation)
        .map_err(|_| wrong("client_assertion does not verify: it was signed with another key"))?;
    let id = Secret::from_client(&format!("{} {}", client.id, claims.jti)).hashed().0;
    Ok(Used { id, until: Time((exp + CLOCK_SKEW_SECONDS) * 1000) })
}

fn no_key(why: NoKey) -> TokenError {
    wrong(match why {
        NoKey::Unregistered => "this client registered no keys",
        NoKey::ForeignSet => "the jku of client_assertion is not the registered JWKS URL",
        NoKey::Unfetched => {
            "the registered JWKS URL gave no key set: it must answer 200 with JSON of at most 64 KB within three seconds, \
             without a redirect, from a public address"
        }
        NoKey::Unknown => "the kid of client_assertion is not that of exactly one usable registered key",
    })
}
