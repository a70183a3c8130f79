//! The keys with which a provider signs (RFC 7517), and the one that an `id_token` names.

use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use serde_json::Value as Json;

use crate::oauth::client_keys::modulus_bits;
use crate::oauth::fetch::FetchError;

/// The algorithms of an `id_token`. There is no other: not `none`, and not HS256, for which our secret or a public key would be the
/// key.
pub const ALGORITHMS: [Algorithm; 4] = [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA];

/// Reads a key set. Keys that are not understood are left out, as RFC 7517 §5 has it.
///
/// # Errors
/// [`FetchError::Answer`] where it is no key set.
pub fn read(text: &[u8]) -> Result<JwkSet, FetchError> {
    let refused = || FetchError::Answer("it is no JWK set: a JSON object with `keys` (RFC 7517)".into());
    let json: Json = serde_json::from_slice(text).map_err(|_| refused())?;
    let keys = json["keys"].as_array().ok_or_else(refused)?;
    Ok(JwkSet { keys: keys.iter().filter_map(|key| serde_json::from_value(key.clone()).ok()).collect() })
}

/// The single key that verifies `algorithm` under the name `kid`. Without a name there must be one key only (OpenID Connect Core
/// §10.1).
pub fn one_of<'k>(keys: &'k JwkSet, algorithm: Algorithm, kid: Option<&str>) -> Option<&'k Jwk> {
    let is_named = |key: &Jwk| kid.is_none_or(|kid| key.common.key_id.as_deref() == Some(kid));
    let mut fitting = keys.keys.iter().filter(|key| fits(key, algorithm) && is_named(key));
    fitting.next().filter(|_| fitting.next().is_none())
}

/// Whether a key set has a key for `algorithm`.
pub fn some_of(keys: &JwkSet, algorithm: Algorithm) -> bool {
    keys.keys.iter().any(|key| fits(key, algorithm))
}

/// Whether a key is one for `algorithm`. A key on another curve, or one of an RSA modulus under 2048 bits (RFC 7518 §3.3), is not.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let named = match algorithm {
        Algorithm::RS256 => KeyAlgorithm::RS256,
        Algorithm::PS256 => KeyAlgorithm::PS256,
        Algorithm::ES256 => KeyAlgorithm::ES256,
        Algorithm::EdDSA => KeyAlgorithm::EdDSA,
        _ => return false,
    };
    let kind = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(rsa), Algorithm::RS256 | Algorithm::PS256) => modulus_bits(&rsa.n) >= 2048,
        (AlgorithmParameters::EllipticCurve(ec), Algorithm::ES256) => ec.curve == EllipticCurve::P256,
        (AlgorithmParameters::OctetKeyPair(okp), Algorithm::EdDSA) => okp.curve == EllipticCurve::Ed25519,
        _ => false,
    };
    kind && key.common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature)
        && key.common.key_algorithm.is_none_or(|own| own == named)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(keys: &[Json]) -> JwkSet {
        read(json!({"keys": keys}).to_string().as_bytes()).unwrap()
    }

    fn rsa(kid: &str) -> Json {
        json!({"kty": "RSA", "kid": kid, "n": "x".repeat(342), "e": "AQAB"})
    }

    fn with(mut key: Json, name: &str, value: &str) -> Json {
        key[name] = value.into();
        key
    }

    #[test]
    fn a_key_is_found_by_its_name_its_kind_and_its_use() {
        let p256 = json!({"kty": "EC", "kid": "e", "crv": "P-256", "x": "AQ", "y": "AQ"});
        let ed = json!({"kty": "OKP", "kid": "o", "crv": "Ed25519", "x": "AQ"});
        let keys = set(&[rsa("r"), p256, ed, json!({"kty": "new"})]);
        for (algorithm, kid, found) in [
            (Algorithm::RS256, Some("r"), true),
            (Algorithm::PS256, Some("r"), true),
            (Algorithm::ES256, Some("e"), true),
            (Algorithm::EdDSA, Some("o"), true),
            (Algorithm::RS256, None, true),
            (Algorithm::RS256, Some("e"), false),
            (Algorithm::ES256, Some("r"), false),
            (Algorithm::RS256, Some("other"), false),
            (Algorithm::HS256, Some("r"), false),
            (Algorithm::RS384, Some("r"), false),
        ] {
            assert_eq!(one_of(&keys, algorithm, kid).is_some(), found, "{algorithm:?} {kid:?}");
        }
    }

    #[test]
    fn a_key_for_another_use_a_short_one_and_one_of_several_are_none() {
        for keys in [
            vec![with(rsa("r"), "use", "enc")],
            vec![with(rsa("r"), "alg", "PS256")],
            vec![with(rsa("r"), "n", "AQ")],
            vec![rsa("r"), rsa("r")],
            vec![json!({"kty": "EC", "kid": "r", "crv": "P-384", "x": "AQ", "y": "AQ"})],
        ] {
            assert!(one_of(&set(&keys), Algorithm::RS256, Some("r")).is_none(), "{keys:?}");
        }
        assert!(one_of(&set(&[rsa("a"), rsa("b")]), Algorithm::RS256, None).is_none(), "without a name, one key only");
        assert!(read(b"[]").is_err() && read(b"<html>").is_err());
    }
}
