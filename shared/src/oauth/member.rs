//! Members who can sign in, and their passwords.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::clock::Time;
use crate::secret::{Random, Secret};
use crate::store::auth::Record;

/// Somebody who can sign in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Member {
    /// Their own id, which stays when the name changes and says nothing about them: their grants lie under it.
    pub id: String,
    /// The name they sign in with, [`canonical`].
    pub username: String,
    /// Their password under argon2id, in PHC form.
    password: String,
    /// The Patient id of their record.
    pub patient: String,
    /// Whether the plan stopped them.
    pub disabled: bool,
    /// When the plan added them.
    pub created_at: Time,
    /// A random value that changes with the password, and whenever the plan stops the member or lets them in again. A
    /// session, a code and a grant carry the stamp they were made under and are worth nothing under another: no clocks
    /// are compared.
    pub stamp: String,
}

/// A password that could not be hashed.
#[derive(Debug, thiserror::Error)]
#[error("the password cannot be hashed: {0}")]
pub struct Unhashable(String);

/// OWASP's recommendation for argon2id: 19 MiB, two passes, one lane.
fn argon2id() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The hash of a password that nobody has. An unknown name is checked against it, so that it takes as long as a known
/// one.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5$lFNQ0nwIk3jBYv3vQ3KjEyDYTvXlkLhxvG4bYkXHwQo";

impl Member {
    /// A member with this password.
    ///
    /// # Errors
    /// [`Unhashable`]
    pub fn new(
        username: &str,
        password: &Secret,
        patient: &str,
        random: &Random,
        now: Time,
    ) -> Result<Member, Unhashable> {
        Ok(Member {
            id: random.identifier(),
            username: canonical(username),
            password: hashed(password, random)?,
            patient: patient.to_owned(),
            disabled: false,
            created_at: now,
            stamp: random.identifier(),
        })
    }

    /// The same member with another password.
    ///
    /// # Errors
    /// [`Unhashable`]
    pub fn with_password(self, password: &Secret, random: &Random) -> Result<Member, Unhashable> {
        Ok(Member { password: hashed(password, random)?, stamp: random.identifier(), ..self })
    }

    /// The same member, stopped by the plan or no longer.
    pub fn disabled(self, disabled: bool, random: &Random) -> Member {
        Member { disabled, stamp: random.identifier(), ..self }
    }

    /// Whether a sign-in under that stamp still counts.
    pub fn knows(&self, stamp: &str) -> bool {
        !self.disabled && self.stamp == stamp
    }

    /// Whether `password` signs this member in. One argon2id runs whatever the answer, also for an unknown name and for
    /// a member who was stopped.
    pub fn signs_in(member: Option<&Member>, password: &Secret) -> bool {
        let phc = member.map_or(NOBODY, |member| &member.password);
        verifies(phc, password) && member.is_some_and(|member| !member.disabled)
    }
}

/// One argon2id.
fn verifies(phc: &str, password: &Secret) -> bool {
    let password = as_compared(password);
    #[cfg(test)]
    tests::RUNS.with(|runs| runs.set(runs.get() + 1));
    PasswordHash::new(phc).is_ok_and(|hash| argon2id().verify_password(password.reveal().as_bytes(), &hash).is_ok())
}

fn hashed(password: &Secret, random: &Random) -> Result<String, Unhashable> {
    let wrong = |error: argon2::password_hash::Error| Unhashable(error.to_string());
    let salt = SaltString::from_b64(&random.identifier()).map_err(wrong)?;
    Ok(argon2id().hash_password(as_compared(password).reveal().as_bytes(), &salt).map_err(wrong)?.to_string())
}

/// A password as it is compared: keyboards differ in how they compose a letter such as `é`, and people do not see it
/// (NIST SP 800-63B §5.1.1.2: NFKC before hashing).
fn as_compared(password: &Secret) -> Secret {
    Secret::from_client(&password.reveal().nfkc().collect::<String>())
}

/// A name as it is compared: in NFKC, so that it does not matter how a keyboard composes a letter, and without case, because
/// people capitalise their own name (RFC 8265 §3.3). Folding may take a letter apart again, so NFKC comes last, too.
pub fn canonical(username: &str) -> String {
    let composed: String = username.nfkc().collect();
    // Upper case first: it unites letters that have several lower ones, such as ς and σ, and writes ß as SS.
    let folded = composed.to_uppercase().to_lowercase().replace('ς', "σ");
    folded.nfkc().collect::<String>().trim().to_owned()
}

impl Record for Member {
    const KIND: &'static str = "member";

    fn key(&self) -> String {
        self.username.clone()
    }

    fn expires_at(&self) -> Option<Time> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// How often this test's thread ran argon2id to verify a password.
        pub(super) static RUNS: Cell<usize> = const { Cell::new(0) };
    }

    #[test]
    fn whoever_tries_to_sign_in_costs_one_argon2id() {
        let (right, wrong) = (Secret::from_client("correct horse"), Secret::from_client("wrong horse"));
        let member = Member::new("ada", &right, "p1", &Random::system(), Time(0)).unwrap();
        let stopped = member.clone().disabled(true, &Random::system());
        for (member, password) in [
            (Some(&member), &right),
            (Some(&member), &wrong),
            (Some(&stopped), &right),
            (Some(&stopped), &wrong),
            (None, &right),
        ] {
            let before = RUNS.get();
            Member::signs_in(member, password);
            assert_eq!(RUNS.get() - before, 1);
        }
    }

    #[test]
    fn only_the_right_password_of_a_member_who_is_not_stopped_signs_in() {
        let (right, wrong) = (Secret::from_client("correct horse"), Secret::from_client("wrong horse"));
        let mut member = Member::new(" Ada ", &right, "p1", &Random::system(), Time(0)).unwrap();
        assert_eq!(member.username, "ada");
        assert!(Member::signs_in(Some(&member), &right) && !Member::signs_in(Some(&member), &wrong));
        member.disabled = true;
        assert!(!Member::signs_in(Some(&member), &right) && !Member::signs_in(None, &right));
    }

    #[test]
    fn a_password_is_the_same_however_a_keyboard_composes_its_letters() {
        let composed = Secret::from_client("pass\u{e9} gr\u{f6}\u{df}er 9");
        let decomposed = Secret::from_client("passe\u{301} gro\u{308}\u{df}er 9");
        let wide = Secret::from_client("pass\u{e9}\u{a0}gr\u{f6}\u{df}er \u{ff19}");
        let without = Secret::from_client("passe gro\u{df}er 9");
        for (set, typed) in [(&composed, &decomposed), (&decomposed, &composed), (&composed, &wide)] {
            let member = Member::new("ada", set, "p1", &Random::system(), Time(0)).unwrap();
            assert!(Member::signs_in(Some(&member), typed));
            assert!(!Member::signs_in(Some(&member), &without), "a letter without its accent is another one");
        }
    }

    #[test]
    fn a_name_is_the_same_however_it_is_written() {
        for (one, other) in [
            ("Zo\u{eb}", " zoe\u{308} "),
            ("STRASSE", "stra\u{df}e"),
            ("\u{ff41}\u{ff44}\u{ff41}", "ada"),
            ("ΝΙΚΟΣ", "νικος"),
            ("νικοσ", "νικος"),
            ("\u{fb01}nn", "FINN"),
            ("J\u{30c}", "\u{1f0}"),
        ] {
            assert_eq!(canonical(one), canonical(other), "{one} {other}");
            assert_eq!(canonical(&canonical(one)), canonical(one), "{one}");
        }
        assert_ne!(canonical("zoe"), canonical("zoë"));
    }

    #[test]
    fn the_hash_of_nobody_costs_as_much_as_a_members() {
        let hash = PasswordHash::new(NOBODY).unwrap();
        assert_eq!(Params::try_from(&hash).unwrap().m_cost(), argon2id().params().m_cost());
    }
}
