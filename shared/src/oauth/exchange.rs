//! The authorization code grant: a code becomes a grant with its first tokens (RFC 6749 §4.1.3).
//!
//! The client and the code are checked, KMS signs, the member's stamp is compared, and finally a single transaction spends the code
//! and creates the grant. A fault before the transaction consumes nothing; of two requests with the same code one commits.

use super::client::Client;
use super::client_authentication::credentials;
use super::code::AuthorizationCode;
use super::error::TokenError;
use super::issue::{Issue, TokenRequest, Tokens};
use super::member::Member;
use super::refresh_token::{self, RefreshToken};
use super::state::State;
use super::whose::{delegation_of, stands};
use super::{events, reuse};
use crate::access::delegation::{self, Delegation};
use crate::access::grant::{Grant, RefreshChain, Why};
use crate::clock::Time;
use crate::keys::SigningKeys;
use crate::scope::{Scope, Scopes};
use crate::secret::Secret;
use crate::store::auth::{Commit, CommitError, Stored};

/// Exchanges a code.
pub(super) async fn exchange(asked: &TokenRequest<'_>) -> Result<Tokens, TokenError> {
    let TokenRequest { endpoint, request, issuer, form } = *asked;
    let state = &endpoint.state;
    let credentials = credentials(state, request, form)?;
    let hash = Secret::from_client(form.required("code")?).hashed();
    let (client, code, keys) = state
        .auth
        .get_three::<Client, AuthorizationCode, SigningKeys>(&credentials.client_id, &hash.0, SigningKeys::ID)
        .await?;
    let client = credentials.authenticate(state, issuer, client).await?;
    let code = checked(asked, &client.record, code).await?;
    let now = state.clock.now();
    let scopes: Scopes = code.record.scope.parse().unwrap_or_default();
    let refresh_token =
        scopes.contains(&Scope::OfflineAccess).then(|| refresh_token::issue(&code.record.grant, &state.random));
    let access_lifetime = client.record.access_token_lifetime();
    let lifetime = if refresh_token.is_some() { client.record.refresh_lifetime() } else { access_lifetime };
    let grant = grant(&code.record, &client.record, now, lifetime, refresh_token.as_ref());
    let key = endpoint.signer.key(keys.as_ref(), now)?;
    let issue = Issue::under(asked, key, &grant, &scopes, now, access_lifetime);
    let (member, delegation, access_token, id_token) = tokio::try_join!(
        state.auth.get::<Member>(grant.member()),
        delegation_of(state, &grant),
        issue.access_token(),
        issue.id_token(&code.record)
    )?;
    let member = member
        .filter(|member| member.record.knows(&code.record.stamp))
        .ok_or(TokenError::InvalidGrant("the member must sign in again"))?;
    if !stands(delegation.as_ref(), &grant, now) {
        return Err(TokenError::InvalidGrant("who allowed this does not act for the member any more: start again"));
    }
    events::grant(&endpoint.audit, request, "token", &grant).await?;
    // Stopping a member ends all grants that exist at that moment. This commits only if the member is unchanged, so that no stop
    // misses this grant. All exchanges of an app would get in each other's way if they held its row, too: the list of stopped apps
    // sees to a grant that is made at the moment of the app's stop.
    let commit = || {
        let commit = Commit::default().replace(&code, &code.record.clone().spent()).create(&grant).unchanged(&member);
        match &refresh_token {
            Some(token) => {
                commit.create(&RefreshToken { hash: token.hashed(), grant: grant.id.clone(), issued_at: now })
            }
            None => commit,
        }
    };
    match committed(state, &grant, delegation, commit, now).await {
        Ok(()) => Ok(issue.tokens(access_token, id_token, refresh_token)),
        Err(CommitError::Conflict) => {
            let spent = state.auth.get::<AuthorizationCode>(&hash.0).await?.is_none_or(|code| code.record.spent);
            if !spent {
                return Err(TokenError::InvalidGrant("the app or the member has changed in the meantime: start again"));
            }
            // Another request exchanged the code while we signed: the grant made from it ends (RFC 6749 §4.1.2).
            reuse::end(asked, &grant, Why::CodeReused).await?;
            Err(TokenError::InvalidGrant("the code was used twice; its grant has been ended"))
        }
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

/// Commits a new grant. Where the person acts for a member, the delegation lists the grant from then on. Another grant under
/// the same delegation may come between; then the list is read again.
async fn committed(
    state: &State,
    grant: &Grant,
    mut delegation: Option<Stored<Delegation>>,
    commit: impl Fn() -> Commit,
    now: Time,
) -> Result<(), CommitError> {
    for _ in 0..3 {
        let all = match &delegation {
            None => return state.auth.commit(commit()).await,
            Some(under) => delegation::with_grant(commit(), &state.auth, under, &grant.id, now).await?,
        };
        match state.auth.commit(all).await {
            Err(CommitError::Conflict) => {}
            done => return done,
        }
        delegation = delegation_of(state, grant).await?;
        if !stands(delegation.as_ref(), grant, now) {
            break;
        }
    }
    Err(CommitError::Conflict)
}

/// The grant that a code becomes; it ends by itself after `lifetime` seconds.
fn grant(code: &AuthorizationCode, client: &Client, now: Time, lifetime: i64, refresh_token: Option<&Secret>) -> Grant {
    Grant {
        id: code.grant.clone(),
        client: client.id.clone(),
        client_name: client.name.clone(),
        patient: code.patient.clone(),
        subject: code.subject.clone(),
        acting: code.acting.clone(),
        username: code.username.clone(),
        stamp: code.stamp.clone(),
        scope: code.scope.clone(),
        created_at: now,
        expires_at: now.plus_seconds(lifetime),
        refresh: refresh_token.map(|token| RefreshChain { current: token.hashed(), spent: None }),
        ended: None,
    }
}

/// The ordered checks of a code. Only the app that proves it asked for the code can spend it, or end its grant.
async fn checked(
    asked: &TokenRequest<'_>,
    client: &Client,
    code: Option<Stored<AuthorizationCode>>,
) -> Result<Stored<AuthorizationCode>, TokenError> {
    let (state, form) = (&asked.endpoint.state, asked.form);
    let code = code.ok_or(TokenError::InvalidGrant("the code is unknown or has expired"))?;
    if code.record.client != client.id {
        tracing::warn!(client = client.id, "a client presented a code that was issued to another client");
        return Err(TokenError::InvalidGrant("the code was issued to another client"));
    }
    if form.required("redirect_uri")? != code.record.redirect_uri {
        return Err(TokenError::InvalidGrant("redirect_uri is not the one that the code was sent to"));
    }
    if !code.record.challenge.is_of(form.required("code_verifier")?) {
        return Err(TokenError::InvalidGrant("code_verifier is not the one behind the code_challenge (PKCE)"));
    }
    if code.record.spent {
        if let Some(grant) = state.auth.get::<Grant>(&code.record.grant).await? {
            reuse::end(asked, &grant.record, Why::CodeReused).await?;
        }
        return Err(TokenError::InvalidGrant("the code was used before, which ends its grant"));
    }
    if code.record.is_expired(state.clock.now()) {
        return Err(TokenError::InvalidGrant("the code has expired: it is good for a minute"));
    }
    Ok(code)
}
