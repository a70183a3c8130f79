//! The refresh token grant: a refresh token becomes an access token and the next refresh token (RFC 6749 §6).
//!
//! A refresh token is good once. The grant holds the one that is live; presenting a spent one ends the grant, and with
//! it every token of the family, because somebody may hold a copy (RFC 9700 §4.14.2). There is one exception: a client
//! that did not receive the answer may present the token it spent again for [`REFRESH_RETRY_SECONDS`] seconds, as long
//! as the next token was not used.
//!
//! Everything is checked first, then KMS signs, and last one transaction replaces the grant. A fault before the
//! transaction consumes nothing; of two requests with the same token one commits, and the other one is such a retry.

use super::client::Client;
use super::client_authentication::{Credentials, credentials, names_client};
use super::error::TokenError;
use super::issue::{Issue, TokenRequest, Tokens};
use super::member::Member;
use super::refresh_token::{self, RefreshToken};
use super::whose::{delegation_of, stands};
use super::{events, reuse};
use crate::access::grant::{Grant, RefreshChain, Why};
use crate::bounds::REFRESH_RETRY_SECONDS;
use crate::keys::SigningKeys;
use crate::scope::{MalformedScope, Scopes};
use crate::secret::{Hashed, Secret};
use crate::store::auth::{Commit, CommitError, Stored};

/// A refresh token as it was found, and the grant that it names.
type Found = (Option<Stored<RefreshToken>>, Option<Stored<Grant>>);

/// A refresh by a client that has proved who it is.
struct Refresh<'a> {
    asked: &'a TokenRequest<'a>,
    client: &'a Client,
    keys: Option<&'a Stored<SigningKeys>>,
    /// The token that was presented, hashed.
    presented: Hashed,
}

/// Refreshes a grant.
pub(super) async fn refresh(asked: &TokenRequest<'_>) -> Result<Tokens, TokenError> {
    let TokenRequest { endpoint, request, issuer, form } = *asked;
    let auth = &endpoint.state.auth;
    let token = form.required("refresh_token")?;
    let credentials = names_client(request, form).then(|| credentials(&endpoint.state, request, form)).transpose()?;
    let id = refresh_token::grant_of(token).ok_or_else(unknown)?;
    let presented = Secret::from_client(token).hashed();
    let find = || auth.get_both::<RefreshToken, Grant>(&presented.0, id);
    let (credentials, (client, keys), found): (_, _, Found) = if let Some(credentials) = credentials {
        let client = auth.get_both::<Client, SigningKeys>(&credentials.client_id, SigningKeys::ID);
        let (client, found) = tokio::try_join!(client, find())?;
        (credentials, client, found)
    } else {
        let found = find().await?;
        let client = &found.1.as_ref().ok_or_else(unknown)?.record.client;
        (Credentials::unproved(client), auth.get_both(client, SigningKeys::ID).await?, found)
    };
    let client = credentials.authenticate(&endpoint.state, issuer, client).await?;
    let refresh = Refresh { asked, client: &client.record, keys: keys.as_ref(), presented: presented.clone() };
    if let Some(tokens) = refresh.attempt(found).await? {
        return Ok(tokens);
    }
    // Another refresh with the same token was faster. This one is a retry: it gets tokens of its own, which are the
    // live end of the chain.
    let tokens = refresh.attempt(find().await?).await?;
    tokens.ok_or(TokenError::InvalidGrant("this token is being refreshed by several at once"))
}

fn unknown() -> TokenError {
    TokenError::InvalidGrant("the refresh token is unknown or has ended")
}

impl Refresh<'_> {
    /// Gives new tokens; `None` where another request changed the grant at the same moment, and nothing happened.
    async fn attempt(&self, found: Found) -> Result<Option<Tokens>, TokenError> {
        let TokenRequest { endpoint, request, form, .. } = *self.asked;
        let state = &endpoint.state;
        let (grant, chain) = self.checked(found).await?;
        let now = state.clock.now();
        let granted: Scopes = grant.record.scope.parse().unwrap_or_default();
        let scopes = narrowed(&granted, form.one("scope")?)?;
        let next = refresh_token::issue(&grant.record.id, &state.random);
        // A retry does not lengthen the time in which there may be another.
        let spent_at = chain.spent.filter(|(spent, _)| *spent == self.presented).map_or(now, |(_, at)| at);
        let renewed = Grant {
            expires_at: now.plus_seconds(self.client.refresh_lifetime()),
            refresh: Some(RefreshChain { current: next.hashed(), spent: Some((self.presented.clone(), spent_at)) }),
            ..grant.record.clone()
        };
        let key = endpoint.signer.key(self.keys, now)?;
        let lifetime = self.client.access_token_lifetime();
        let issue = Issue::under(self.asked, key, &renewed, &scopes, now, lifetime);
        let (member, delegation, access_token) = tokio::try_join!(
            state.auth.get::<Member>(renewed.member()),
            delegation_of(state, &renewed),
            issue.access_token()
        )?;
        if !member.is_some_and(|member| member.record.knows(&renewed.stamp)) {
            return Err(TokenError::InvalidGrant("the member must sign in again"));
        }
        if !stands(delegation.as_ref(), &renewed, now) {
            // The delegation was changed while we read, and the grant with it.
            return Ok(None);
        }
        events::grant(&endpoint.audit, request, "refresh", &renewed).await?;
        let record = RefreshToken { hash: next.hashed(), grant: renewed.id.clone(), issued_at: now };
        let commit = Commit::default().replace(&grant, &renewed).create(&record);
        let commit = delegation.iter().fold(commit, Commit::unchanged);
        match state.auth.commit(commit).await {
            Ok(()) => Ok(Some(issue.tokens(access_token, None, Some(next)))),
            Err(CommitError::Conflict) => Ok(None),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    /// The ordered checks of a refresh token. Only the app it was issued to can spend it, or end its grant.
    async fn checked(&self, found: Found) -> Result<(Stored<Grant>, RefreshChain), TokenError> {
        let (Some(known), Some(grant)) = found else { return Err(unknown()) };
        let now = self.asked.endpoint.state.clock.now();
        let is_of_client = grant.record.client == self.client.id && known.record.grant == grant.record.id;
        if !is_of_client || !grant.record.is_live(now) {
            return Err(unknown());
        }
        let chain = grant.record.refresh.clone().ok_or_else(unknown)?;
        let is_retry = chain
            .spent
            .as_ref()
            .is_some_and(|(spent, at)| *spent == self.presented && now < at.plus_seconds(REFRESH_RETRY_SECONDS));
        if chain.current != self.presented && !is_retry {
            reuse::end(self.asked, &grant.record, Why::RefreshTokenReused).await?;
            return Err(TokenError::InvalidGrant("the refresh token was used before, which ends its grant"));
        }
        Ok((grant, chain))
    }
}

/// The scopes that a refresh asks for: all that were granted, or fewer (RFC 6749 §6). The grant itself does not shrink.
fn narrowed(granted: &Scopes, asked: Option<&str>) -> Result<Scopes, TokenError> {
    let Some(text) = asked else { return Ok(granted.clone()) };
    let asked: Scopes = text.parse().map_err(|error: MalformedScope| TokenError::InvalidScope(error.to_string()))?;
    let within = asked.within(granted);
    if within == asked && !asked.is_empty() { Ok(asked) } else { Err(TokenError::InvalidScope(granted.to_string())) }
}
