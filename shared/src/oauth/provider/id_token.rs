//! Verifies an `id_token` (OpenID Connect Core §3.1.3.7), as strictly as our own tokens are verified.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::keys::ALGORITHMS;
use crate::bounds::{CLOCK_SKEW_SECONDS, SUBJECT_BYTES};
use crate::clock::Time;
use crate::oauth::claims::{Audience, NumericDate};
use crate::secret::Secret;

/// The facts that a token must agree with.
pub(super) struct Expected<'a> {
    /// The provider's issuer.
    pub issuer: &'a str,
    /// Our `client_id`.
    pub client_id: &'a str,
    /// The nonce of our request.
    pub nonce: &'a Secret,
    /// The access token that came with it.
    pub access_token: Option<&'a str>,
    /// The present moment.
    pub now: Time,
}

/// The claims that we check, each of the type that the standards give it.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: NumericDate,
    iat: NumericDate,
    nbf: Option<NumericDate>,
    nonce: Option<String>,
    at_hash: Option<String>,
    auth_time: Option<NumericDate>,
    acr: Option<String>,
    #[serde(default)]
    amr: Vec<String>,
}

/// Who signed in, as the provider says.
pub(super) struct Identity {
    /// The provider's name for the person.
    pub subject: String,
    /// When they signed in there, where the provider says it.
    pub auth_time: Option<Time>,
    /// How strongly.
    pub acr: Option<String>,
    /// By which means (RFC 8176).
    pub amr: Vec<String>,
    /// All claims.
    pub claims: Map<String, Json>,
}

/// Checks a token's header: everything that can be known before a key is looked up. It says one of these `types`, or none.
///
/// # Errors
/// The check that fails.
pub(super) fn header(token: &str, types: &[&str]) -> Result<Header, &'static str> {
    // `none` is no algorithm to the parser.
    let header = jsonwebtoken::decode_header(token).map_err(|_| "it is no JWT that is signed")?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err("it is signed with an algorithm that we do not take");
    }
    if header.typ.as_ref().is_some_and(|typ| !types.iter().any(|known| typ.eq_ignore_ascii_case(known))) {
        return Err("it is a token of another type");
    }
    // An extension that must be understood, and is not (RFC 7515 §4.1.11, RFC 7797 §6).
    if header.crit.is_some() || header.extras.inner().contains_key("b64") {
        return Err("it demands an extension");
    }
    Ok(header)
}

/// The claims of a token whose signature is the key's.
///
/// # Errors
/// The check that fails.
pub(super) fn signed(token: &str, header: &Header, key: &Jwk) -> Result<Map<String, Json>, &'static str> {
    let key = DecodingKey::from_jwk(key).map_err(|_| "the key cannot be used")?;
    // The signature alone: the claims are compared by those who know what they expect, times with our own clock.
    let mut validation = Validation::new(header.alg);
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_aud) = (false, false);
    let decoded = jsonwebtoken::decode::<Map<String, Json>>(token, &key, &validation);
    Ok(decoded.map_err(|_| "its signature is wrong")?.claims)
}

/// Verifies a token of that header with the provider's key.
///
/// # Errors
/// The check that fails.
pub(super) fn verify(
    token: &str,
    header: &Header,
    key: &Jwk,
    expected: &Expected<'_>,
) -> Result<Identity, &'static str> {
    let all = signed(token, header, key)?;
    let claims = Claims::deserialize(Json::Object(all.clone())).map_err(|_| "a claim is missing or of a wrong type")?;
    check(&claims, header.alg, expected)?;
    let auth_time = claims.auth_time.map(|NumericDate(seconds)| Time(seconds.saturating_mul(1000)));
    Ok(Identity { subject: claims.sub, auth_time, acr: claims.acr, amr: claims.amr, claims: all })
}

fn check(claims: &Claims, algorithm: Algorithm, expected: &Expected<'_>) -> Result<(), &'static str> {
    if claims.iss != expected.issuer {
        return Err("it is another issuer's (iss)");
    }
    // Another audience besides us could use the token here, or we there: none is trusted (§3.1.3.7, 3).
    if !claims.aud.are_all(|name| name == expected.client_id) {
        return Err("it is for somebody else, too, or not for us (aud)");
    }
    if claims.azp.as_ref().is_some_and(|party| party != expected.client_id) {
        return Err("it was issued to somebody else (azp)");
    }
    let now = expected.now.seconds();
    let is_future = |date: NumericDate| date.0 > now.saturating_add(CLOCK_SKEW_SECONDS);
    if now >= claims.exp.0.saturating_add(CLOCK_SKEW_SECONDS) {
        return Err("it has expired (exp)");
    }
    if is_future(claims.iat) || claims.nbf.is_some_and(is_future) || claims.auth_time.is_some_and(is_future) {
        return Err("it is from the future (iat, nbf or auth_time)");
    }
    let nonce = claims.nonce.as_deref().ok_or("it has no nonce")?;
    if !expected.nonce.matches(&Secret::from_client(nonce)) {
        return Err("it answers another request (nonce)");
    }
    let legal = !claims.sub.is_empty() && claims.sub.len() <= SUBJECT_BYTES && !claims.sub.contains(char::is_control);
    if !legal {
        return Err("its sub is no name of a person");
    }
    match (&claims.at_hash, expected.access_token) {
        (None, _) => Ok(()),
        (Some(hash), Some(token)) if *hash == half_hash(algorithm, token) => Ok(()),
        (Some(_), _) => Err("it does not belong to the access token (at_hash)"),
    }
}

/// The left half of the hash that belongs to the algorithm (OpenID Connect Core §3.1.3.6; SHA-512 for Ed25519).
fn half_hash(algorithm: Algorithm, token: &str) -> String {
    let hash = if algorithm == Algorithm::EdDSA { &digest::SHA512 } else { &digest::SHA256 };
    let hash = digest::digest(hash, token.as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..hash.as_ref().len() / 2])
}
