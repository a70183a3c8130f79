//! Our authentication request at a provider (OpenID Connect Core §3.1.2.1), while the browser is there.

use serde::{Deserialize, Serialize};

use crate::bounds::AUTHORIZATION_REQUEST_SECONDS;
use crate::clock::Time;
use crate::secret::{Hashed, Secret};
use crate::store::auth::Record;

/// A request that waits for a provider's answer. It is good for one, from the browser that was sent away.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuthenticationRequest {
    /// The `state`, hashed.
    pub hash: Hashed,
    /// The provider's name.
    pub provider: String,
    /// The browser that was sent there.
    pub browser: Hashed,
    /// The id of the app's request; empty on the way to the account page. It leads nowhere without the browser's cookie.
    pub request: String,
    /// When the browser was sent away.
    pub created_at: Time,
    /// Whether an answer came.
    pub answered: bool,
}

impl AuthenticationRequest {
    /// Whether it waits for an answer of this provider, in this browser.
    pub fn awaits(&self, provider: &str, browser: &Secret, now: Time) -> bool {
        !self.answered
            && now < self.created_at.plus_seconds(AUTHORIZATION_REQUEST_SECONDS)
            && self.provider == provider
            && self.browser.is_of(browser)
    }

    /// The same request, after an answer.
    #[must_use]
    pub fn answered(self) -> AuthenticationRequest {
        AuthenticationRequest { answered: true, ..self }
    }
}

/// The `nonce` and the PKCE verifier of a request. They are derived from the browser's cookie, which only we see, and the `state`: no
/// row holds them, and an answer that was meant for another browser matches neither.
pub(super) struct Bound {
    pub nonce: Secret,
    pub verifier: Secret,
}

impl Bound {
    pub fn to(browser: &Secret, state: &str) -> Bound {
        let derived = |purpose: &str| browser.derived(&format!("{purpose}\0{state}"));
        Bound { nonce: derived("nonce"), verifier: derived("verifier") }
    }
}

impl Record for AuthenticationRequest {
    const KIND: &'static str = "authentication-request";

    fn key(&self) -> String {
        self.hash.0.clone()
    }

    fn expires_at(&self) -> Option<Time> {
        Some(self.created_at.plus_seconds(AUTHORIZATION_REQUEST_SECONDS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_once_in_time_from_the_provider_and_in_the_browser_that_was_sent() {
        let (state, browser) = (Secret::from_client("state"), Secret::from_client("browser"));
        let asked = AuthenticationRequest {
            hash: state.hashed(),
            provider: "a".to_owned(),
            browser: browser.hashed(),
            request: String::new(),
            created_at: Time(0),
            answered: false,
        };
        let last = Time(0).plus_seconds(AUTHORIZATION_REQUEST_SECONDS - 1);
        assert!(asked.awaits("a", &browser, last));
        assert!(!asked.awaits("b", &browser, last) && !asked.awaits("a", &state, last));
        assert!(!asked.awaits("a", &browser, last.plus_seconds(1)) && !asked.answered().awaits("a", &browser, last));
    }

    #[test]
    fn what_binds_an_answer_differs_by_browser_state_and_purpose() {
        let browser = Secret::from_client("browser");
        let one = Bound::to(&browser, "state");
        assert!(!one.nonce.matches(&one.verifier));
        assert!(!one.nonce.matches(&Bound::to(&browser, "other").nonce));
        assert!(!one.verifier.matches(&Bound::to(&Secret::from_client("other"), "state").verifier));
    }
}
