//! `GET /login/{provider}/answer`: a provider sends the browser back (OpenID Connect Core §3.1.2.5).
//!
//! The checks stand in [`answer`] in the order in which they are made. The request is spent before anything is asked of the provider,
//! so no answer counts twice, whatever fails after it.

use jsonwebtoken::Header;
use jsonwebtoken::jwk::JwkSet;
use serde_json::Value as Json;

use super::error::{ProviderError, silent, unavailable, untrusted};
use super::id_token::{self, Expected, Identity};
use super::keys;
use super::metadata::Metadata;
use super::person::{self, Person};
use super::request::{AuthenticationRequest, Bound};
use super::settings::{IdentityProvider, IdentityProviders};
use super::start::published;
use super::token_endpoint::{self, Answer};
use crate::bounds::{CLOCK_SKEW_SECONDS, PROVIDER_CODE_BYTES, STATE_BYTES};
use crate::clock::Time;
use crate::http::{Request, Response, single};
use crate::issuer::Issuer;
use crate::oauth::error::PageError;
use crate::oauth::events;
use crate::oauth::purpose::{Purpose, SignedIn};
use crate::oauth::session::{self, Cookie};
use crate::oauth::state::SignInEndpoint;
use crate::oauth::whose::Records;
use crate::secret::Secret;
use crate::store::auth::{Commit, Stored};

/// Signs the person in whom the provider names.
pub(in crate::oauth) async fn answer(
    endpoint: &SignInEndpoint,
    request: &Request,
    issuer: &Issuer,
    name: &str,
) -> Result<Response, PageError> {
    let (state, pairs) = (&endpoint.state, request.query());
    let browser = Cookie::Browser.read(request, issuer).ok_or(PageError::Over)?;
    let secret = single(&pairs, "state")?.filter(|text| text.len() <= STATE_BYTES).ok_or(PageError::Over)?;
    let asked = awaited(endpoint, name, secret, &browser).await?;
    let purpose = Purpose::find(state, Some(&asked.record.request), Some(&browser)).await?;
    let providers = IdentityProviders::read(&state.auth).await?;
    let provider = providers.named(name).ok_or(PageError::UnknownProvider)?;
    state.auth.commit(Commit::default().replace(&asked, &asked.record.clone().answered())).await?;
    let person = async {
        let metadata = published(endpoint, issuer, provider).await?;
        let code = code(provider, &metadata, &pairs)?;
        let bound = Bound::to(&browser, secret);
        let tokens = token_endpoint::exchange(endpoint, issuer, provider, &metadata, (code, &bound.verifier)).await?;
        let identity = verified(endpoint, issuer, provider, &metadata, &tokens, &bound.nonce).await?;
        if !person::is_strong_enough(provider, &identity) {
            return Err(ProviderError::TooWeak.into());
        }
        if let Some(max_age) = purpose.asked().and_then(|asked| asked.wishes.max_age) {
            is_fresh(&identity, max_age, state.clock.now()).map_err(|why| untrusted(&provider.name, why))?;
        }
        let person = person::find(endpoint, provider, &identity).await?;
        Ok::<_, PageError>((person, identity))
    };
    let failed = match person.await {
        Ok((person, identity)) => {
            match signed_in(endpoint, request, issuer, &purpose, provider, person, &identity).await {
                Err(error @ PageError::NoRecord) => error,
                answer => return answer,
            }
        }
        Err(PageError::Provider(error)) => {
            let subject = format!("user/{}", provider.name);
            events::sign_in(&endpoint.audit, request, subject, error.outcome(), purpose.client()).await?;
            error.into()
        }
        Err(error) => return Err(error),
    };
    purpose.silently(state, issuer, &silent(&failed)).await?.ok_or(failed)
}

/// Our request that this answer belongs to. It went to this provider, from this browser, and no answer came yet.
async fn awaited(
    endpoint: &SignInEndpoint,
    name: &str,
    secret: &str,
    browser: &Secret,
) -> Result<Stored<AuthenticationRequest>, PageError> {
    let hash = Secret::from_client(secret).hashed().0;
    let asked = endpoint.state.auth.get::<AuthenticationRequest>(&hash).await?;
    asked.filter(|asked| asked.record.awaits(name, browser, endpoint.state.clock.now())).ok_or(PageError::Over)
}

/// The code. An answer that names its issuer must name this one, and must name it where the provider says that it always does (RFC
/// 9207 §2.4): so an error is believed to be this provider's, too.
fn code<'a>(
    provider: &IdentityProvider,
    metadata: &Metadata,
    pairs: &'a [(String, String)],
) -> Result<&'a str, PageError> {
    match single(pairs, "iss")? {
        Some(iss) if iss != provider.issuer => {
            return Err(untrusted(&provider.name, "it names another issuer (iss)").into());
        }
        None if metadata.authorization_response_iss_parameter_supported => {
            return Err(untrusted(&provider.name, "it does not name its issuer (iss)").into());
        }
        _ => {}
    }
    if let Some(error) = single(pairs, "error")? {
        // A code of the standards, or what somebody put there: the log gets no more of it than such a code has.
        let error: String = error.chars().filter(|c| c.is_ascii_lowercase() || *c == '_').take(40).collect();
        tracing::info!(provider = provider.name, error, "an identity provider did not sign somebody in");
        let asks = ["interaction_required", "account_selection_required", "consent_required"].contains(&error.as_str());
        return Err(if asks { ProviderError::Interaction } else { ProviderError::Refused }.into());
    }
    let code = single(pairs, "code")?.filter(|code| !code.is_empty() && code.len() <= PROVIDER_CODE_BYTES);
    code.ok_or_else(|| untrusted(&provider.name, "it has neither a code nor an error").into())
}

/// Whether somebody signed in at most `max_age` seconds ago. A provider that is asked must say when (OpenID Connect Core §3.1.3.7, 12).
fn is_fresh(identity: &Identity, max_age: i64, now: Time) -> Result<(), &'static str> {
    let at = identity.auth_time.ok_or("it does not say when the person signed in (auth_time)")?;
    let age = now.seconds().saturating_sub(at.seconds());
    if age > max_age.saturating_add(CLOCK_SKEW_SECONDS) {
        Err("the person signed in too long ago (auth_time)")
    } else {
        Ok(())
    }
}

async fn verified(
    endpoint: &SignInEndpoint,
    issuer: &Issuer,
    provider: &IdentityProvider,
    metadata: &Metadata,
    tokens: &Answer,
    nonce: &Secret,
) -> Result<Identity, PageError> {
    let wrong = |why: &str| untrusted(&provider.name, why);
    let header = id_token::header(&tokens.id_token, &["JWT"]).map_err(wrong)?;
    // The token comes from the provider itself: nobody else can make us fetch its keys again, so they need no rest.
    let set = keys_of(endpoint, issuer, provider, metadata, (&header, 0)).await?;
    let key = keys::one_of(&set, header.alg, header.kid.as_deref());
    let key = key.ok_or_else(|| wrong("its key is not exactly one of the provider's"))?;
    let expected = Expected {
        issuer: &provider.issuer,
        client_id: &provider.client_id,
        nonce,
        access_token: tokens.access_token.as_deref(),
        now: endpoint.state.clock.now(),
    };
    Ok(id_token::verify(&tokens.id_token, &header, key, &expected).map_err(wrong)?)
}

/// The provider's key set, read again where it lacks the key that a token names and had its rest.
pub(super) async fn keys_of(
    endpoint: &SignInEndpoint,
    issuer: &Issuer,
    provider: &IdentityProvider,
    metadata: &Metadata,
    (header, rest): (&Header, i64),
) -> Result<JwkSet, PageError> {
    let has_it = |set: &_| keys::one_of(set, header.alg, header.kid.as_deref()).is_some();
    let how = (issuer.is_loopback(), rest);
    let set = endpoint.keys.document(&metadata.jwks_uri, how, keys::read, has_it).await;
    set.map_err(|error| unavailable(&provider.name, "its key set", &error).into())
}

/// Opens a session, or tells somebody without a record that they have none.
async fn signed_in(
    endpoint: &SignInEndpoint,
    request: &Request,
    issuer: &Issuer,
    purpose: &Purpose,
    provider: &IdentityProvider,
    Person { member, commit }: Person,
    identity: &Identity,
) -> Result<Response, PageError> {
    let state = &endpoint.state;
    let (records, before) = tokio::try_join!(
        Records::of(state, &member.id, member.patient.as_deref()),
        session::current(state, request, issuer)
    )?;
    let known_as = format!("user/{}:{}", provider.name, identity.subject);
    if records.is_empty() {
        events::sign_in(&endpoint.audit, request, known_as, "no-record", purpose.client()).await?;
        state.auth.commit(commit).await?;
        return Err(PageError::NoRecord);
    }
    let signed_in = SignedIn {
        member: &member,
        records: &records,
        known_as,
        username: person::greeting(identity),
        auth_time: identity.auth_time,
        acr: identity.acr.as_ref().and_then(|acr| provider.acr_as.get(acr)).cloned(),
    };
    let named = identity.claims.get("sid").and_then(Json::as_str);
    let named = named.map(|sid| (provider.name.as_str(), sid));
    purpose.signed_in(state, &endpoint.audit, (request, issuer), signed_in, before, (commit, named)).await
}
