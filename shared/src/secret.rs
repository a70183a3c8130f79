//! Secrets that cannot be printed, and what storage may see of them.

use aws_lc_rs::{constant_time, digest, rand::SecureRandom, rand::SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// A bearer secret in the clear: a code, a token, a cookie, a client secret. It has neither `Debug` nor `Display`, so it
/// cannot slip into a log; whoever hands it to its owner says [`Secret::reveal`].
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes over what a client sent.
    pub fn from_client(text: &str) -> Secret {
        Secret(text.to_owned())
    }

    /// The secret itself, for its owner's eyes.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What storage sees. A plain SHA-256 is enough, because our secrets carry 256 random bits.
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

    fn text<const BYTES: usize>(&self) -> String {
        let mut bytes = [0; BYTES];
        // A machine without randomness must not go on: everything after this line would be guessable.
        self.0.fill(&mut bytes).expect("the operating system gives random bytes");
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// A new secret of 256 bits in base64url.
    pub fn secret(&self) -> Secret {
        Secret(self.text::<32>())
    }

    /// A new identifier of 128 bits in base64url; unique, but no secret.
    pub fn identifier(&self) -> String {
        self.text::<16>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_secret_matches_its_hash() {
        let random = Random::system();
        let (one, two) = (random.secret(), random.secret());
        assert!(one.hashed().is_of(&one));
        assert!(!one.hashed().is_of(&two));
        assert!(!one.derived("a").matches(&one.derived("b")));
    }
}
