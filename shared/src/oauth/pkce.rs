//! Proof Key for Code Exchange (RFC 7636), S256 only: SMART App Launch forbids `plain`.

use aws_lc_rs::{constant_time, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// A `code_challenge`: the SHA-256 of a secret that the app keeps until the exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CodeChallenge(String);

impl CodeChallenge {
    /// Reads a challenge: 43 characters of base64url, which is what 32 bytes come to.
    pub fn parse(text: &str) -> Option<CodeChallenge> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == digest::SHA256_OUTPUT_LEN).then(|| CodeChallenge(text.to_owned()))
    }

    /// Whether `verifier` is the secret behind the challenge (RFC 7636 §4.6). One that breaks the grammar of §4.1 is
    /// not.
    pub fn is_of(&self, verifier: &str) -> bool {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~');
        if !(43..=128).contains(&verifier.len()) || !verifier.chars().all(legal) {
            return false;
        }
        let hash = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
        constant_time::verify_slices_are_equal(hash.as_bytes(), self.0.as_bytes()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_rfcs_own_example_holds() {
        assert!(CodeChallenge::parse(CHALLENGE).unwrap().is_of(VERIFIER));
    }

    #[test]
    fn a_challenge_that_is_no_sha256_in_base64url_is_refused() {
        for text in
            [&CHALLENGE[1..], &format!("{CHALLENGE}="), &format!("{CHALLENGE}A"), "", &CHALLENGE.replace('-', "+")]
        {
            assert!(CodeChallenge::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn no_other_verifier_passes() {
        let challenge = CodeChallenge::parse(CHALLENGE).unwrap();
        for verifier in ["", CHALLENGE, &VERIFIER[1..], &"a".repeat(42), &"a".repeat(129), &VERIFIER.replace('j', "!")]
        {
            assert!(!challenge.is_of(verifier), "{verifier}");
        }
    }
}
