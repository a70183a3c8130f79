//! Passwords of the plan's own directory, under argon2id.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::bounds::PASSWORD_BYTES;
use crate::secret::{Random, Secret};

/// A password that could not be hashed.
#[derive(Debug, thiserror::Error)]
#[error("the password cannot be hashed: {0}")]
pub struct Unhashable(String);

/// A password that may not be set; the text says which may.
#[derive(Debug, thiserror::Error)]
#[error("8 characters or more are needed, and at most {PASSWORD_BYTES} bytes")]
pub struct Unacceptable;

/// A password under argon2id, in PHC form.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHashed(String);

/// OWASP's recommendation for argon2id: 19 MiB, two passes, one lane.
fn argon2id() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The hash of a password that nobody has. An unknown name is checked against it, so that it takes as long as a known
/// one.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5$lFNQ0nwIk3jBYv3vQ3KjEyDYTvXlkLhxvG4bYkXHwQo";

impl PasswordHashed {
    /// Hashes a password, with a salt of its own.
    ///
    /// # Errors
    /// [`Unhashable`]
    pub fn of(password: &Secret, random: &Random) -> Result<PasswordHashed, Unhashable> {
        let wrong = |error: argon2::password_hash::Error| Unhashable(error.to_string());
        let salt = SaltString::from_b64(&random.identifier()).map_err(wrong)?;
        let hash = argon2id().hash_password(as_compared(password).reveal().as_bytes(), &salt).map_err(wrong)?;
        Ok(PasswordHashed(hash.to_string()))
    }

    /// Whether `password` is the one that was hashed. Without a hash it takes as long, and is not.
    pub fn is_of(hash: Option<&PasswordHashed>, password: &Secret) -> bool {
        let phc = hash.map_or(NOBODY, |hash| &hash.0);
        let password = as_compared(password);
        #[cfg(test)]
        tests::RUNS.with(|runs| runs.set(runs.get() + 1));
        let same = |phc| argon2id().verify_password(password.reveal().as_bytes(), &phc).is_ok();
        PasswordHash::new(phc).is_ok_and(same) && hash.is_some()
    }
}

/// Whether a password may be set.
///
/// # Errors
/// [`Unacceptable`]
pub fn acceptable(password: &Secret) -> Result<(), Unacceptable> {
    let text = password.reveal();
    if text.chars().count() < 8 || text.len() > PASSWORD_BYTES { Err(Unacceptable) } else { Ok(()) }
}

/// A password as it is compared: keyboards differ in how they compose a letter such as `é`, and people do not see it
/// (NIST SP 800-63B §5.1.1.2: NFKC before hashing).
fn as_compared(password: &Secret) -> Secret {
    Secret::from_client(&password.reveal().nfkc().collect::<String>())
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// How often this test's thread ran argon2id to verify a password.
        pub(in crate::oauth) static RUNS: Cell<usize> = const { Cell::new(0) };
    }

    #[test]
    fn a_password_is_the_same_however_a_keyboard_composes_its_letters() {
        let composed = Secret::from_client("pass\u{e9} gr\u{f6}\u{df}er 9");
        let decomposed = Secret::from_client("passe\u{301} gro\u{308}\u{df}er 9");
        let wide = Secret::from_client("pass\u{e9}\u{a0}gr\u{f6}\u{df}er \u{ff19}");
        let without = Secret::from_client("passe gro\u{df}er 9");
        for (set, typed) in [(&composed, &decomposed), (&decomposed, &composed), (&composed, &wide)] {
            let hash = PasswordHashed::of(set, &Random::system()).unwrap();
            assert!(PasswordHashed::is_of(Some(&hash), typed));
            assert!(!PasswordHashed::is_of(Some(&hash), &without), "a letter without its accent is another one");
        }
    }

    #[test]
    fn the_hash_of_nobody_costs_as_much_as_a_members() {
        let hash = PasswordHash::new(NOBODY).unwrap();
        assert_eq!(Params::try_from(&hash).unwrap().m_cost(), argon2id().params().m_cost());
    }

    #[test]
    fn a_password_has_eight_characters_and_at_most_256_bytes() {
        for (password, good) in [("ééééééé", false), ("éééééééé", true)] {
            assert_eq!(acceptable(&Secret::from_client(password)).is_ok(), good, "{password}");
        }
        assert!(acceptable(&Secret::from_client(&"x".repeat(257))).is_err());
    }
}
