//! Tokens that were found good, so that a function verifies each of them once.
//!
//! Kept is a verdict and nothing of the token: the hash of the token and of the issuer that it was checked for. The verdict lies under
//! the key that signed the token and goes with it. It says nothing of time and nothing of the grant: both are checked on each request.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest;

use crate::bounds::VERIFIED_TOKENS;
use crate::issuer::Issuer;

/// The hash of a token as it was checked.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark([u8; digest::SHA256_OUTPUT_LEN]);

impl Mark {
    /// Of a token that is, or was, checked for this issuer. An issuer has no space in it.
    pub fn of(token: &str, issuer: &Issuer) -> Mark {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in [issuer.as_str(), " ", token] {
            context.update(part.as_bytes());
        }
        let mut mark = [0; digest::SHA256_OUTPUT_LEN];
        mark.copy_from_slice(context.finish().as_ref());
        Mark(mark)
    }
}

/// The good tokens of one key.
#[derive(Default)]
pub(super) struct Verdicts(Mutex<HashSet<Mark>>);

impl Verdicts {
    /// Whether the token was found good.
    pub fn has(&self, mark: &Mark) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(mark)
    }

    /// Remembers that it was. There are at most [`VERIFIED_TOKENS`] of them: the next one begins anew.
    pub fn add(&self, mark: Mark) {
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.len() >= VERIFIED_TOKENS {
            marks.clear();
        }
        marks.insert(mark);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_of_one_token_for_one_issuer_and_bounded() {
        let (here, there) = (Issuer::of_host("a.example"), Issuer::of_host("b.example"));
        let verdicts = Verdicts::default();
        verdicts.add(Mark::of("x.y.z", &here));
        assert!(verdicts.has(&Mark::of("x.y.z", &here)));
        assert!(!verdicts.has(&Mark::of("x.y.z", &there)) && !verdicts.has(&Mark::of("x.y.zz", &here)));
        for number in 0..3 * VERIFIED_TOKENS {
            verdicts.add(Mark::of(&number.to_string(), &here));
            assert!(verdicts.0.lock().unwrap().len() <= VERIFIED_TOKENS);
        }
    }
}
