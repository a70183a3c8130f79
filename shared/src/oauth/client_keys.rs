//! The public keys with which apps sign their assertions. An app registers them, or the URL where it publishes them
//! (SMART App Launch 2.2, "Registering a client (communicating public keys)").

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet};
use serde_json::Value as Json;

use super::client::Authentication;
use super::fetch::{self, FetchError};
use super::published::Published;
use crate::bounds::KEY_SET_AGAIN_SECONDS;
use crate::clock::Clock;

/// Why no key was found.
#[derive(Debug)]
pub(super) enum NoKey {
    /// The app registered no keys.
    Unregistered,
    /// The assertion names another key set (`jku`) than the app registered.
    ForeignSet,
    /// The app's key set could not be fetched.
    Unfetched,
    /// No key, or more than one, has that `kid`.
    Unknown,
}

/// Finds apps' keys, and keeps those that were fetched.
pub(super) struct ClientKeys(Published<JwkSet>);

/// The key that an assertion names.
pub(super) struct Wanted<'a> {
    pub kid: &'a str,
    pub jku: Option<&'a str>,
    /// Whether it is an RSA key; otherwise it is one on P-384.
    pub rsa: bool,
}

impl ClientKeys {
    pub fn new(clock: Clock) -> ClientKeys {
        ClientKeys(Published::new(clock))
    }

    /// The one key of the app that an assertion names. `loopback` tells whether keys may come from our own machine.
    pub async fn key(&self, app: &Authentication, wanted: &Wanted<'_>, loopback: bool) -> Result<Jwk, NoKey> {
        match app {
            Authentication::Keys(_) if wanted.jku.is_some() => Err(NoKey::ForeignSet),
            Authentication::Keys(keys) => wanted.one_of(keys).cloned().ok_or(NoKey::Unknown),
            Authentication::KeysAt(url) if wanted.jku.is_some_and(|jku| jku != url) => Err(NoKey::ForeignSet),
            Authentication::KeysAt(url) => self.published(url, wanted, loopback).await,
            Authentication::None | Authentication::Secret(_) => Err(NoKey::Unregistered),
        }
    }

    async fn published(&self, url: &str, wanted: &Wanted<'_>, loopback: bool) -> Result<Jwk, NoKey> {
        let keys =
            self.0.document(url, (loopback, KEY_SET_AGAIN_SECONDS), usable, |keys| wanted.one_of(keys).is_some()).await;
        wanted.one_of(&keys.map_err(|_| NoKey::Unfetched)?).cloned().ok_or(NoKey::Unknown)
    }
}

impl Wanted<'_> {
    /// The single key whose `kid` matches and whose `kty` fits the algorithm (SMART); several are as bad as none.
    fn one_of<'k>(&self, keys: &'k JwkSet) -> Option<&'k Jwk> {
        let fits = |key: &&Jwk| {
            let kind = match &key.algorithm {
                AlgorithmParameters::RSA(_) => self.rsa,
                AlgorithmParameters::EllipticCurve(ec) => !self.rsa && ec.curve == EllipticCurve::P384,
                _ => false,
            };
            kind && key.common.key_id.as_deref() == Some(self.kid)
        };
        let mut fitting = keys.keys.iter().filter(fits);
        fitting.next().filter(|_| fitting.next().is_none())
    }
}

/// The keys of a published set that `private_key_jwt` can use. A set may hold others, for other purposes.
fn usable(text: &[u8]) -> Result<JwkSet, FetchError> {
    let refused = || FetchError::Answer("it is no JWK set: a JSON object with `keys` (RFC 7517)".into());
    let json: Json = serde_json::from_slice(text).map_err(|_| refused())?;
    let keys = json["keys"].as_array().ok_or_else(refused)?;
    let keys: Vec<Jwk> = keys.iter().filter_map(|key| key_of(key).ok()).collect();
    Ok(JwkSet { keys })
}

/// Reads a JWK set that an app's developer hands over: every key must be usable, or the developer hears about it too
/// late.
///
/// # Errors
/// A text that says what is wrong with it.
pub fn registrable(text: &[u8]) -> Result<JwkSet, String> {
    let json: Json = serde_json::from_slice(text).map_err(|_| "this is no JSON")?;
    let keys = json["keys"].as_array().filter(|keys| !keys.is_empty());
    let keys = keys.ok_or("this is no JWK set: it has no `keys`")?;
    let keys: Vec<Jwk> = keys.iter().map(key_of).collect::<Result<_, _>>()?;
    let names: Vec<_> = keys.iter().map(|key| key.common.key_id.as_deref()).collect();
    if names.iter().enumerate().any(|(at, name)| names[..at].contains(name)) {
        return Err("two keys have the same `kid`; each needs its own".into());
    }
    Ok(JwkSet { keys })
}

/// Tries whether an app's keys can be had at `url`, as a sign-in will; says how many can be used.
///
/// # Errors
/// [`FetchError`]
pub async fn try_url(url: &str, loopback: bool) -> Result<usize, FetchError> {
    let document = fetch::json(url, loopback).await?;
    Ok(usable(&document.body)?.keys.len())
}

fn key_of(json: &Json) -> Result<Jwk, &'static str> {
    if ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|name| json.get(name).is_some()) {
        return Err("a key is private or secret; only public keys may be told, and this one is no longer safe");
    }
    if json["kid"].as_str().is_none_or(str::is_empty) {
        return Err("a key has no `kid`");
    }
    if json.get("use").is_some_and(|usage| usage != "sig") {
        return Err("a key is not to sign with: its `use` is not `sig`");
    }
    let key: Jwk = serde_json::from_value(json.clone()).map_err(|_| "a key is not well formed (RFC 7517)")?;
    match &key.algorithm {
        AlgorithmParameters::RSA(rsa) if modulus_bits(&rsa.n) >= 2048 => Ok(key),
        AlgorithmParameters::RSA(_) => Err("an RSA key has less than 2048 bits"),
        AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P384 => Ok(key),
        _ => Err("a key is neither RSA (for RS384) nor EC on P-384 (for ES384)"),
    }
}

/// The length of a modulus in base64url, in bits, rounded down to whole bytes.
pub(super) fn modulus_bits(n: &str) -> usize {
    n.trim_start_matches('A').len() * 6 / 8 * 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rsa(kid: &str) -> Json {
        json!({"kty": "RSA", "kid": kid, "n": "x".repeat(342), "e": "AQAB"})
    }

    fn ec(kid: &str, crv: &str) -> Json {
        json!({"kty": "EC", "kid": kid, "crv": crv, "x": "AQ", "y": "AQ"})
    }

    fn with(mut key: Json, name: &str, value: &str) -> Json {
        key[name] = value.into();
        key
    }

    #[test]
    fn only_public_keys_that_can_be_used_are_registered() {
        let register = |keys: &[Json]| registrable(json!({"keys": keys}).to_string().as_bytes());
        assert_eq!(register(&[rsa("a"), ec("b", "P-384")]).unwrap().keys.len(), 2);
        for (keys, word) in [
            (vec![], "no `keys`"),
            (vec![with(rsa("a"), "d", "AQ")], "private"),
            (vec![with(rsa("a"), "kid", "")], "kid"),
            (vec![with(rsa("a"), "use", "enc")], "sign"),
            (vec![with(rsa("a"), "n", "AQ")], "2048"),
            (vec![ec("a", "P-256")], "P-384"),
            (vec![json!({"kty": "oct", "kid": "a", "k": "AQ"})], "secret"),
            (vec![json!({"kty": "OKP", "kid": "a", "crv": "Ed25519", "x": "AQ"})], "neither"),
            (vec![rsa("a"), ec("a", "P-384")], "same"),
        ] {
            let error = register(&keys).unwrap_err();
            assert!(error.contains(word), "{error}: {keys:?}");
        }
        assert!(registrable(b"x").unwrap_err().contains("no JSON"));
    }

    #[test]
    fn of_a_published_set_the_usable_keys_count() {
        let set = json!({"keys": [rsa("a"), ec("b", "P-256"), json!({"kty": "new"}), with(rsa("c"), "d", "AQ"), ec("a", "P-384")]});
        let keys = usable(set.to_string().as_bytes()).unwrap();
        assert_eq!(keys.keys.len(), 2);
        let wanted = |kid, rsa| Wanted { kid, jku: None, rsa };
        assert!(wanted("a", true).one_of(&keys).is_some() && wanted("a", false).one_of(&keys).is_some());
        assert!(wanted("c", true).one_of(&keys).is_none() && wanted("b", false).one_of(&keys).is_none());
        let twice = json!({"keys": [rsa("a"), rsa("a")]});
        assert!(wanted("a", true).one_of(&usable(twice.to_string().as_bytes()).unwrap()).is_none());
        assert!(usable(b"[]").is_err() && usable(b"<html>").is_err());
    }
}
