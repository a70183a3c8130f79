//! The keys that sign our tokens: which signs now, which are accepted, and from when until when.
//!
//! KMS makes and holds them. The template has one; `patient-access keys rotate` makes more and lists them in one record
//! of the `auth` table, so that a rotation is a write of one row: no function is deployed or restarted for it. The
//! record only names keys. The key that verifies a token is fetched from KMS, whose key policy decides which keys our functions
//! can use at all.
//!
//! The way of a key: it is published, and waits until everybody has seen it; it signs; the next one signs in its place;
//! and when its last token is over it is neither published nor accepted any more.

mod ring;
mod verdicts;

use serde::{Deserialize, Serialize};

pub use ring::KeyRing;
pub use verdicts::Mark;

use crate::bounds::{ACCESS_TOKEN_SECONDS, KEYS_FRESH_SECONDS, PUBLIC_SECONDS};
use crate::clock::Time;
use crate::store::auth::Record;

/// How long a new key is published before it signs, in seconds: a function's reading of the record is at most
/// [`KEYS_FRESH_SECONDS`] old, a verifier's copy of the answer at most [`PUBLIC_SECONDS`], and a minute is for clocks
/// that differ.
pub const ANNOUNCED: i64 = KEYS_FRESH_SECONDS + PUBLIC_SECONDS + 60;

/// How long a key is accepted after the next one began to sign, in seconds: until its last token is over, and two
/// minutes more for clocks that differ and for a request that was under way.
pub const LAST_TOKEN: i64 = ACCESS_TOKEN_SECONDS + 120;

/// A key that signs tokens, or did, or will.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKey {
    /// Its id in KMS.
    pub kms: String,
    /// Its name in tokens.
    pub kid: String,
    /// When it begins to sign, in place of the one before.
    pub signs_from: Time,
    /// When it is no longer accepted; `None` as long as no other key follows it.
    pub until: Option<Time>,
}

/// All keys that sign tokens, or did, or will; the oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKeys {
    /// The keys.
    pub keys: Vec<SigningKey>,
}

/// How a new key takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// It signs once everybody has seen it; nobody notices.
    Announced,
    /// It signs at once; an app that keeps our keys may have to fetch them anew.
    AtOnce,
    /// It signs at once, and every other key is refused from now on, with all tokens that it signed.
    Compromised,
}

/// The stage that a key is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is published and does not sign yet.
    Waiting,
    /// It signs.
    Signing,
    /// It no longer signs; tokens that it signed are still good.
    Leaving,
    /// Nothing it signed is good any more.
    Over,
}

impl SigningKeys {
    /// The record's id: there is one.
    pub const ID: &'static str = "all";

    /// The keys before the first rotation: the template's own, since ever.
    pub fn of_first(kms: &str, kid: &str) -> SigningKeys {
        SigningKeys {
            keys: vec![SigningKey { kms: kms.to_owned(), kid: kid.to_owned(), signs_from: Time(0), until: None }],
        }
    }

    /// The keys that are published and whose tokens are good.
    pub fn accepted(&self, now: Time) -> impl Iterator<Item = &SigningKey> {
        self.keys.iter().filter(move |key| key.is_accepted(now))
    }

    /// The key that signs: the newest of those whose time has come.
    pub fn signing(&self, now: Time) -> Option<&SigningKey> {
        self.accepted(now).filter(|key| key.signs_from <= now).max_by_key(|key| key.signs_from)
    }

    /// The stage that one of these keys is in.
    pub fn state(&self, key: &SigningKey, now: Time) -> KeyState {
        match () {
            () if !key.is_accepted(now) => KeyState::Over,
            () if now < key.signs_from => KeyState::Waiting,
            () if self.signing(now).is_some_and(|signing| signing.kms == key.kms) => KeyState::Signing,
            () => KeyState::Leaving,
        }
    }

    /// The key that waits to sign.
    pub fn waiting(&self, now: Time) -> Option<&SigningKey> {
        self.keys.iter().find(|key| self.state(key, now) == KeyState::Waiting)
    }

    /// These keys and a new one.
    #[must_use]
    pub fn rotated(&self, kms: &str, kid: &str, rotation: Rotation, now: Time) -> SigningKeys {
        // After a compromise all times are 0: no function waits until its own clock shows the time of the operator's
        // machine.
        let (signs_from, last) = match rotation {
            Rotation::Announced => (now.plus_seconds(ANNOUNCED), now.plus_seconds(ANNOUNCED + LAST_TOKEN)),
            Rotation::AtOnce => (now, now.plus_seconds(LAST_TOKEN)),
            Rotation::Compromised => (Time(0), Time(0)),
        };
        let mut next = self.ending(last);
        next.keys.push(SigningKey { kms: kms.to_owned(), kid: kid.to_owned(), signs_from, until: None });
        next
    }

    /// The same keys, with the waiting one signing at once.
    #[must_use]
    pub fn hastened(&self, now: Time) -> SigningKeys {
        let Some(waiting) = self.waiting(now).map(|key| SigningKey { signs_from: now, ..key.clone() }) else {
            return self.clone();
        };
        let others = SigningKeys { keys: self.keys.iter().filter(|key| key.kms != waiting.kms).cloned().collect() };
        let mut next = others.ending(now.plus_seconds(LAST_TOKEN));
        next.keys.push(waiting);
        next
    }

    /// The same keys, none of them accepted after `last`.
    fn ending(&self, last: Time) -> SigningKeys {
        let ended = |key: &SigningKey| SigningKey {
            until: Some(key.until.map_or(last, |until| until.min(last))),
            ..key.clone()
        };
        SigningKeys { keys: self.keys.iter().map(ended).collect() }
    }
}

impl SigningKey {
    fn is_accepted(&self, now: Time) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Record for SigningKeys {
    const KIND: &'static str = "signing-keys";

    fn key(&self) -> String {
        SigningKeys::ID.to_owned()
    }

    fn expires_at(&self) -> Option<Time> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time(1_800_000_000_000);

    fn states(keys: &SigningKeys, now: Time) -> Vec<KeyState> {
        keys.keys.iter().map(|key| keys.state(key, now)).collect()
    }

    #[test]
    fn a_new_key_is_seen_before_it_signs_and_the_old_one_stays_until_its_last_token_is_over() {
        let keys = SigningKeys::of_first("one", "1").rotated("two", "2", Rotation::Announced, NOW);
        let begins = NOW.plus_seconds(ANNOUNCED);
        let ends = begins.plus_seconds(LAST_TOKEN);
        for (at, expected) in [
            (NOW, [KeyState::Signing, KeyState::Waiting]),
            (Time(begins.0 - 1), [KeyState::Signing, KeyState::Waiting]),
            (begins, [KeyState::Leaving, KeyState::Signing]),
            (Time(ends.0 - 1), [KeyState::Leaving, KeyState::Signing]),
            (ends, [KeyState::Over, KeyState::Signing]),
        ] {
            assert_eq!(states(&keys, at), expected, "{at}");
        }
        assert_eq!(keys.accepted(ends).count(), 1);
    }

    #[test]
    fn in_an_emergency_the_new_key_signs_at_once_and_the_old_ones_tokens_die() {
        let waiting = SigningKeys::of_first("one", "1").rotated("two", "2", Rotation::Announced, NOW);
        let keys = waiting.rotated("three", "3", Rotation::Compromised, NOW);
        assert_eq!(states(&keys, NOW), [KeyState::Over, KeyState::Over, KeyState::Signing]);
        let keys = waiting.hastened(NOW);
        assert_eq!(keys.signing(NOW).unwrap().kms, "two");
        assert_eq!(states(&keys, NOW.plus_seconds(LAST_TOKEN)), [KeyState::Over, KeyState::Signing]);
        let keys = SigningKeys::of_first("one", "1").rotated("two", "2", Rotation::AtOnce, NOW);
        assert_eq!(states(&keys, NOW), [KeyState::Leaving, KeyState::Signing]);
    }

    #[test]
    fn a_later_rotation_does_not_lengthen_a_keys_life() {
        let once = SigningKeys::of_first("one", "1").rotated("two", "2", Rotation::AtOnce, NOW);
        let twice = once.rotated("three", "3", Rotation::AtOnce, NOW.plus_seconds(1800));
        assert_eq!(twice.keys[0].until, once.keys[0].until);
        assert_eq!(states(&twice, NOW.plus_seconds(1800)), [KeyState::Leaving, KeyState::Leaving, KeyState::Signing]);
        assert_eq!(
            states(&twice, NOW.plus_seconds(LAST_TOKEN)),
            [KeyState::Over, KeyState::Leaving, KeyState::Signing]
        );
    }
}
