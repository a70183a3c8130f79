//! The person who signed in at a provider, and the record that is theirs.

use super::error::{ProviderError, untrusted};
use super::id_token::Identity;
use super::names::{Named, named};
use super::settings::IdentityProvider;
use crate::oauth::error::PageError;
use crate::oauth::member::{Member, Subject};
use crate::oauth::sign_in::{SignIn, Way};
use crate::oauth::state::SignInEndpoint;
use crate::oauth::visible::is_seen;
use crate::store::auth::Commit;
use crate::store::identifiers::{Led, Survivor};

/// A person, and the writes by which they are known from now on.
pub(super) struct Person {
    pub member: Member,
    pub commit: Commit,
}

/// Finds the person behind an identity, or makes them known: everybody who signed in once has a record of their own. The plan's tie
/// comes first. A claim may make the first tie; it never moves one, because some providers let people edit their own claims.
pub(super) async fn find(
    endpoint: &SignInEndpoint,
    provider: &IdentityProvider,
    identity: &Identity,
) -> Result<Person, PageError> {
    let state = &endpoint.state;
    let named = named(&provider.names, &provider.claim, &identity.claims)?;
    let subject = Subject { provider: provider.name.clone(), subject: identity.subject.clone() };
    let way = Way::Subject(subject.clone());
    let key = way.key();
    let (known, led) = tokio::join!(state.auth.get::<SignIn>(&key), led(endpoint, named.as_ref()));
    let (known, led) = (known?, led?);
    let Some(known) = known else {
        let member =
            tied(&Member { sign_ins: vec![subject], ..Member::new(None, &state.random, state.clock.now()) }, led)?;
        let commit = Commit::default().create(&SignIn::new(way, &member)).create(&member);
        return Ok(Person { member, commit });
    };
    let Some(stored) = state.auth.get::<Member>(&known.record.member).await? else {
        return Err(untrusted(&provider.name, "the person's record is missing").into());
    };
    let before = stored.record.clone();
    if before.disabled {
        return Err(ProviderError::Stopped.into());
    }
    let after = match &before.patient {
        None => tied(&before, led)?,
        Some(patient) => {
            let patient = survivor(endpoint, patient).await?;
            still(&before, &patient, led.as_ref())?;
            // The plan itself said who replaces the Patient to whom they were tied.
            Member { patient: Some(patient), ..before.clone() }
        }
    };
    let commit = if after == before { Commit::default() } else { Commit::default().replace(&stored, &after) };
    Ok(Person { member: after, commit })
}

/// The members to whom the claims lead; `None` where they name nobody.
async fn led(endpoint: &SignInEndpoint, named: Option<&Named<'_>>) -> Result<Option<Led>, PageError> {
    Ok(match named {
        None => None,
        Some(Named::Patient(id)) => Some(Led::One(survivor(endpoint, id).await?)),
        Some(Named::KnownBy(known)) => Some(endpoint.identifiers.led(known).await?),
    })
}

/// The Patient who remains of this one.
async fn survivor(endpoint: &SignInEndpoint, patient: &str) -> Result<String, PageError> {
    match endpoint.identifiers.survivor(patient).await? {
        Survivor::One(survivor) => Ok(survivor),
        Survivor::Circle(_) | Survivor::Several(_) => Err(ProviderError::Unclear.into()),
    }
}

/// A person who is not tied yet, tied by the provider's claims.
fn tied(before: &Member, led: Option<Led>) -> Result<Member, ProviderError> {
    match led {
        None | Some(Led::Nobody) => Ok(before.clone()),
        Some(Led::One(patient)) => Ok(Member { patient: Some(patient), claimed: true, ..before.clone() }),
        Some(Led::Several(_)) => Err(ProviderError::Unclear),
    }
}

/// Whether the claims of a person who is tied to `patient` agree. Without claims the tie stands. One that a claim made stands only while
/// that claim leads there: the feed may have corrected whose number it is.
fn still(member: &Member, patient: &str, led: Option<&Led>) -> Result<(), ProviderError> {
    let agrees = match led {
        None => true,
        Some(Led::One(one)) => one == patient,
        Some(Led::Several(several)) => several.contains(patient) || !member.claimed,
        Some(Led::Nobody) => !member.claimed,
    };
    if agrees { Ok(()) } else { Err(ProviderError::OtherRecord) }
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
    use std::collections::BTreeSet;

    use serde_json::{Value as Json, json};

    use super::super::settings::tests::provider as settings;
    use super::*;
    use crate::clock::Time;
    use crate::secret::Random;

    fn provider(acr: &[&str], amr: &[&str]) -> IdentityProvider {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        IdentityProvider { acr: texts(acr), amr: texts(amr), ..settings("plan") }
    }

    fn identity(claims: Json) -> Identity {
        let claims = claims.as_object().unwrap().clone();
        let amr = vec!["pwd".to_owned(), "otp".to_owned()];
        Identity { subject: "s1".to_owned(), auth_time: None, acr: Some("high".to_owned()), amr, claims }
    }

    #[test]
    fn a_tie_that_a_claim_made_stands_while_the_claim_leads_there_and_the_plans_tie_longer() {
        let claimed = Member { claimed: true, ..Member::new(Some("p1"), &Random::system(), Time(0)) };
        let plans = Member { claimed: false, ..claimed.clone() };
        let several = |ids: &[&str]| Led::Several(ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>());
        for (led, by_claim, by_plan) in [
            (None, true, true),
            (Some(Led::One("p1".to_owned())), true, true),
            (Some(Led::One("p2".to_owned())), false, false),
            (Some(several(&["p1", "p2"])), true, true),
            (Some(several(&["p2", "p3"])), false, true),
            (Some(Led::Nobody), false, true),
        ] {
            let of = |member| still(member, "p1", led.as_ref()).is_ok();
            assert_eq!((of(&claimed), of(&plans)), (by_claim, by_plan), "{led:?}");
        }
        assert!(matches!(tied(&plans, Some(several(&["p1", "p2"]))), Err(ProviderError::Unclear)));
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
