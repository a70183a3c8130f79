//! Ways in: a name of the plan's own directory, or a person as an identity provider names them. Each leads to one
//! [`Member`].

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::member::{Member, Subject};
use super::password::{PasswordHashed, Unhashable};
use crate::bounds::FIRST_PASSWORD_SECONDS;
use crate::clock::Time;
use crate::secret::{Hashed, Random, Secret};
use crate::store::auth::Record;

/// The id of nobody. An unknown name is looked up under it, so that it takes as many reads as a known one.
const NOBODY: &str = "nobody";

/// One way in.
#[derive(Clone, Serialize, Deserialize)]
pub struct SignIn {
    /// The way.
    pub way: Way,
    /// The id of the [`Member`] to whom it leads.
    pub member: String,
    /// The password, where they have one here.
    pub password: Option<PasswordHashed>,
    /// The code with which they may set one, once.
    pub code: Option<OneTimeCode>,
}

/// How a way in is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// A name of the plan's own directory, [`canonical`].
    Username(String),
    /// A subject of an identity provider.
    Subject(Subject),
}

/// A code that the plan hands to a person.
#[derive(Clone, Serialize, Deserialize)]
pub struct OneTimeCode {
    hash: Hashed,
    ends_at: Time,
}

/// The result of a try to sign in with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// Name and password do not belong together, or the plan stopped the person.
    Refused,
    /// The password is right.
    Password,
    /// It is the code for a first password.
    Code,
}

impl Way {
    /// Its key: a hash, so that no key tells who may sign in.
    pub fn key(&self) -> String {
        let text = match self {
            Way::Username(name) => format!("username\0{name}"),
            Way::Subject(Subject { provider, subject }) => format!("subject\0{provider}\0{subject}"),
        };
        Secret::from_client(&text).hashed().0
    }
}

impl SignIn {
    /// A way in without a password.
    pub fn new(way: Way, member: &Member) -> SignIn {
        SignIn { way, member: member.id.clone(), password: None, code: None }
    }

    /// The id of the person to whom it leads.
    pub fn leads_to(sign_in: Option<&SignIn>) -> &str {
        sign_in.map_or(NOBODY, |sign_in| &sign_in.member)
    }

    /// The same way in with another password. A code is good no longer.
    ///
    /// # Errors
    /// [`Unhashable`]
    pub fn with_password(self, password: &Secret, random: &Random) -> Result<SignIn, Unhashable> {
        Ok(SignIn { password: Some(PasswordHashed::of(password, random)?), code: None, ..self })
    }

    /// The same way in without a password, and the code with which the person sets one.
    #[must_use]
    pub fn with_code(self, random: &Random, now: Time) -> (SignIn, Secret) {
        let code = random.identifier();
        let hash = Secret::from_client(&code).hashed();
        let parts: Vec<&str> = (0..code.len()).step_by(4).map(|at| &code[at..at + 4]).collect();
        let code_kept = OneTimeCode { hash, ends_at: now.plus_seconds(FIRST_PASSWORD_SECONDS) };
        (SignIn { password: None, code: Some(code_kept), ..self }, Secret::from_client(&parts.join("-")))
    }

    /// Tries `typed` as password and as code. One argon2id runs whatever the answer, also for an unknown name and for a person
    /// who was stopped.
    pub fn tried(sign_in: Option<&SignIn>, member: Option<&Member>, typed: &Secret, now: Time) -> Tried {
        let is_password = PasswordHashed::is_of(sign_in.and_then(|sign_in| sign_in.password.as_ref()), typed);
        let code = sign_in.and_then(|sign_in| sign_in.code.as_ref()).filter(|code| now < code.ends_at);
        let is_code = code.is_some_and(|code| code.hash.is_of(&as_code(typed)));
        match member.is_some_and(|member| !member.disabled) {
            true if is_password => Tried::Password,
            true if is_code => Tried::Code,
            _ => Tried::Refused,
        }
    }
}

/// A code as it is compared: people leave hyphens out and capitalise.
fn as_code(typed: &Secret) -> Secret {
    let text = typed.reveal().chars().filter(|c| !c.is_whitespace() && *c != '-');
    Secret::from_client(&text.flat_map(char::to_lowercase).collect::<String>())
}

/// A new person of the directory and their way in.
///
/// # Errors
/// [`Unhashable`]
pub fn in_directory(
    username: &str,
    password: &Secret,
    patient: Option<&str>,
    random: &Random,
    now: Time,
) -> Result<(Member, SignIn), Unhashable> {
    let member = Member { username: Some(canonical(username)), ..Member::new(patient, random, now) };
    let sign_in = SignIn::new(Way::Username(canonical(username)), &member).with_password(password, random)?;
    Ok((member, sign_in))
}

/// A name as it is compared: in NFKC, so that it does not matter how a keyboard composes a letter, and without case, because
/// people capitalise their own name (RFC 8265 §3.3). Folding may take a letter apart again, so NFKC comes last, too.
pub fn canonical(username: &str) -> String {
    let composed: String = username.nfkc().collect();
    // Upper case first: it unites letters that have several lower ones, such as ς and σ, and writes ß as SS.
    let folded = composed.to_uppercase().to_lowercase().replace('ς', "σ");
    folded.nfkc().collect::<String>().trim().to_owned()
}

impl Record for SignIn {
    const KIND: &'static str = "sign-in";

    fn key(&self) -> String {
        self.way.key()
    }

    fn expires_at(&self) -> Option<Time> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::password::tests::RUNS;
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::from_client(text)
    }

    #[test]
    fn every_try_to_sign_in_costs_one_argon2id() {
        let (random, right, wrong) = (Random::system(), secret("correct horse"), secret("wrong horse"));
        let (ada, way) = in_directory("ada", &right, Some("p1"), &random, Time(0)).unwrap();
        let stopped = ada.clone().disabled(true, &random);
        let (invited, code) = way.clone().with_code(&random, Time(0));
        for (sign_in, member, typed) in [
            (Some(&way), Some(&ada), &right),
            (Some(&way), Some(&ada), &wrong),
            (Some(&way), Some(&stopped), &right),
            (Some(&invited), Some(&ada), &code),
            (Some(&invited), Some(&ada), &wrong),
            (None, None, &right),
        ] {
            let before = RUNS.get();
            SignIn::tried(sign_in, member, typed, Time(1));
            assert_eq!(RUNS.get() - before, 1);
        }
    }

    #[test]
    fn only_the_right_password_of_a_person_who_is_not_stopped_signs_in() {
        let (random, right, wrong) = (Random::system(), secret("correct horse"), secret("wrong horse"));
        let (ada, way) = in_directory(" Ada ", &right, Some("p1"), &random, Time(0)).unwrap();
        assert_eq!(ada.username.as_deref(), Some("ada"));
        let tried = |member, typed| SignIn::tried(Some(&way), member, typed, Time(1));
        assert_eq!((tried(Some(&ada), &right), tried(Some(&ada), &wrong)), (Tried::Password, Tried::Refused));
        let stopped = ada.clone().disabled(true, &random);
        assert_eq!((tried(Some(&stopped), &right), tried(None, &right)), (Tried::Refused, Tried::Refused));
        assert_eq!(SignIn::tried(None, Some(&ada), &right, Time(1)), Tried::Refused);
    }

    #[test]
    fn a_code_is_good_for_a_week_in_any_spelling_until_a_password_is_set() {
        let random = Random::system();
        let (ada, way) = in_directory("ada", &secret("correct horse"), None, &random, Time(0)).unwrap();
        let (way, code) = way.with_code(&random, Time(0));
        let tried = |way: &SignIn, typed: &str, seconds| {
            SignIn::tried(Some(way), Some(&ada), &secret(typed), Time(0).plus_seconds(seconds))
        };
        assert_eq!(tried(&way, code.reveal(), FIRST_PASSWORD_SECONDS - 1), Tried::Code);
        assert_eq!(tried(&way, &code.reveal().replace('-', " ").to_uppercase(), 1), Tried::Code);
        assert_eq!(tried(&way, code.reveal(), FIRST_PASSWORD_SECONDS), Tried::Refused);
        assert_eq!(tried(&way, "correct horse", 1), Tried::Refused, "the code replaces the password");
        let set = way.with_password(&secret("another horse"), &random).unwrap();
        assert_eq!(tried(&set, code.reveal(), 1), Tried::Refused);
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
}
