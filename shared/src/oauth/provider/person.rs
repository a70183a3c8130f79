//! The person who signed in at a provider, and the record that is theirs.

use serde_json::{Map, Value as Json};

use super::error::{ProviderError, untrusted};
use super::id_token::Identity;
use super::settings::{IdentityProvider, Names};
use crate::fhir::reference::is_id;
use crate::oauth::error::PageError;
use crate::oauth::member::{Member, Subject};
use crate::oauth::sign_in::{SignIn, Way};
use crate::oauth::state::State;
use crate::oauth::visible::is_seen;
use crate::store::auth::{Commit, Stored};

/// A person, and the writes by which they are known from now on.
pub(super) struct Person {
    pub member: Member,
    pub commit: Commit,
}

/// Finds the person behind an identity, or makes them known: everybody who signed in once has a record of their own. The plan's tie
/// comes first. A claim may make the first tie; it never moves one, because some providers let people edit their own claims.
pub(super) async fn find(state: &State, provider: &IdentityProvider, identity: &Identity) -> Result<Person, PageError> {
    let named = named(provider, &identity.claims)?;
    let subject = Subject { provider: provider.name.clone(), subject: identity.subject.clone() };
    let way = Way::Subject(subject.clone());
    let Some(known) = state.auth.get::<SignIn>(&way.key()).await? else {
        let new = Member::new(named.as_deref(), &state.random, state.clock.now());
        let member = Member { sign_ins: vec![subject], ..new };
        let commit = Commit::default().create(&SignIn::new(way, &member)).create(&member);
        return Ok(Person { member, commit });
    };
    let Some(stored) = state.auth.get::<Member>(&known.record.member).await? else {
        return Err(untrusted(&provider.name, "the person's record is missing").into());
    };
    let member = stored.record.clone();
    match (&member.patient, named) {
        _ if member.disabled => Err(ProviderError::Stopped.into()),
        (Some(tied), Some(named)) if *tied != named => Err(ProviderError::OtherRecord.into()),
        (None, Some(named)) => Ok(tied(&stored, named)),
        _ => Ok(Person { member, commit: Commit::default() }),
    }
}

fn tied(before: &Stored<Member>, patient: String) -> Person {
    let member = Member { patient: Some(patient), ..before.record.clone() };
    Person { commit: Commit::default().replace(before, &member), member }
}

/// The Patient id that the claim names; `None` where the claim is missing or empty.
fn named(provider: &IdentityProvider, claims: &Map<String, Json>) -> Result<Option<String>, ProviderError> {
    let Names::Patient = provider.names;
    match claims.get(&provider.claim) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) if text.is_empty() => Ok(None),
        Some(Json::String(text)) if is_id(text) => Ok(Some(text.clone())),
        Some(_) => Err(ProviderError::Unnamed),
    }
}

/// Whether somebody signed in as strongly as the plan demands.
pub(super) fn is_strong_enough(provider: &IdentityProvider, identity: &Identity) -> bool {
    let acr = identity.acr.as_ref();
    let is_one = provider.acr.is_empty() || acr.is_some_and(|acr| provider.acr.contains(acr));
    is_one && provider.amr.iter().all(|wanted| identity.amr.contains(wanted))
}

/// At most this many characters of a name are shown.
const SHOWN: usize = 60;

/// The name under which our pages greet the person; it decides nothing.
pub(super) fn greeting(identity: &Identity) -> String {
    let claims =
        ["preferred_username", "email", "name"].into_iter().filter_map(|name| identity.claims.get(name)?.as_str());
    let shown = |text: &str| text.chars().filter(|c| is_seen(*c)).take(SHOWN).collect::<String>().trim().to_owned();
    let first = claims.map(shown).find(|text| !text.is_empty());
    first.unwrap_or_else(|| shown(&identity.subject))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::settings::ClientAuthentication;
    use super::*;

    fn provider(acr: &[&str], amr: &[&str]) -> IdentityProvider {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        IdentityProvider {
            name: "plan".to_owned(),
            issuer: "https://id.example".to_owned(),
            client_id: "us".to_owned(),
            authentication: ClientAuthentication::PrivateKeyJwt,
            scope: "openid".to_owned(),
            claim: "member".to_owned(),
            names: Names::Patient,
            acr: texts(acr),
            amr: texts(amr),
        }
    }

    fn identity(claims: Json) -> Identity {
        let claims = claims.as_object().unwrap().clone();
        let amr = vec!["pwd".to_owned(), "otp".to_owned()];
        Identity { subject: "s1".to_owned(), auth_time: None, acr: Some("high".to_owned()), amr, claims }
    }

    #[test]
    fn a_claim_names_a_patient_or_nobody_and_is_never_guessed() {
        let read = |claims: Json| named(&provider(&[], &[]), claims.as_object().unwrap());
        assert_eq!(read(json!({"member": "p-1"})).unwrap().as_deref(), Some("p-1"));
        for nobody in [json!({}), json!({"member": null}), json!({"member": ""})] {
            assert_eq!(read(nobody).unwrap(), None);
        }
        for bad in [json!(["p-1"]), json!({"id": "p-1"}), json!(7), json!("p 1"), json!("x".repeat(1000)), json!(" ")] {
            assert!(matches!(read(json!({"member": bad})), Err(ProviderError::Unnamed)), "{bad}");
        }
    }

    #[test]
    fn one_acr_and_every_amr_are_demanded() {
        for (acr, amr, enough) in [
            (&[][..], &[][..], true),
            (&["low", "high"], &["otp"], true),
            (&["low"], &[], false),
            (&[], &["otp", "hwk"], false),
        ] {
            assert_eq!(is_strong_enough(&provider(acr, amr), &identity(json!({}))), enough, "{acr:?} {amr:?}");
        }
    }

    #[test]
    fn a_greeting_is_short_and_can_be_seen() {
        assert_eq!(greeting(&identity(json!({"email": "\u{202e}", "name": "Ada\u{0}"}))), "Ada");
        assert_eq!(greeting(&identity(json!({"preferred_username": ["x"]}))), "s1");
        assert_eq!(greeting(&identity(json!({"name": "x".repeat(500)}))).len(), SHOWN);
    }
}
