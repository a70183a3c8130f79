//! Secrets that cannot be printed, and their hashes, which storage may see.

use aws_lc_rs::{constant_time, digest, rand::SecureRandom, rand::SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// A bearer secret in the clear: a code, a token, a cookie, a client secret. It has neither `Debug` nor `Display`, so
/// it cannot slip into a log; code that hands it to its owner calls [`Secret::reveal`].
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// A secret that a client sent.
    pub fn from_client(text: &str) -> Secret {
        Secret(text.to_owned())
    }

    /// The secret itself, for its owner's eyes.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The form that storage sees. A plain SHA-256 is enough, because our secrets carry 256 random bits.
    pub fn hashed(&self) -> Hashed {
        Hashed(URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, self.0.as_bytes())))
    }

    /// Another secret that only the holder of this one can derive, for one `purpose`.
    pub fn derived(&self, purpose: &str) -> Secret {
        Secret(Secret(format!("{purpose}\0{}", self.0)).hashed().0)
    }

    /// Whether both are the same, in time that does not depend on where they differ.
    pub fn matches(&self, other: &Secret) -> bool {
        constant_time::verify_slices_are_equal(self.0.as_bytes(), other.0.as_bytes()).is_ok()
    }
}

/// The SHA-256 of a [`Secret`], in base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hashed(pub String);

impl Hashed {
    /// Whether `secret` is the one that was hashed, in constant time.
    pub fn is_of(&self, secret: &Secret) -> bool {
        constant_time::verify_slices_are_equal(self.0.as_bytes(), secret.hashed().0.as_bytes()).is_ok()
    }
}

/// Randomness, passed in as a value.
#[derive(Clone)]
pub struct Random(SystemRandom);

impl Random {
    /// The operating system's random numbers.
    #[expect(clippy::disallowed_methods, reason = "the one place that opens the random number generator")]
    pub fn system() -> Random {
        Random(SystemRandom::new())
    }

    fn bytes<const COUNT: usize>(&self) -> [u8; COUNT] {
        let mut bytes = [0; COUNT];
        // A machine without randomness must not go on: every secret that it makes could be guessed.
        self.0.fill(&mut bytes).expect("the operating system gives random bytes");
        bytes
    }

    /// A new secret of 256 bits in base64url.
    pub fn secret(&self) -> Secret {
        Secret(URL_SAFE_NO_PAD.encode(self.bytes::<32>()))
    }

    /// A new identifier of 128 bits, unique, but no secret. It is hexadecimal because operators type it on command
    /// lines: one base64url text in 64 begins with `-`, and would be taken for an option.
    pub fn identifier(&self) -> String {
        hex::encode(self.bytes::<16>())
    }
}

/// Whether a text has the form of [`Random::identifier`].
pub fn is_identifier(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a text has the form of [`Random::secret`].
pub fn is_secret(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn only_the_same_secret_matches_its_hash() {
        let random = Random::system();
        let (one, two) = (random.secret(), random.secret());
        assert!(one.hashed().is_of(&one));
        assert!(!one.hashed().is_of(&two));
        assert!(!one.derived("a").matches(&one.derived("b")));
    }

    #[test]
    fn an_identifier_can_be_typed_on_a_command_line() {
        let identifiers: BTreeSet<String> = (0..1000).map(|_| Random::system().identifier()).collect();
        assert_eq!(identifiers.len(), 1000, "no two are the same");
        assert!(identifiers.iter().all(|id| is_identifier(id) && !is_secret(id)));
        assert!(is_secret(Random::system().secret().reveal()));
    }
}
