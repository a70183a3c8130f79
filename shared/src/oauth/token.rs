//! `POST /oauth2/token`: a code or a refresh token becomes an access token (RFC 6749 §4.1.3, §6).
//!
//! Everything is checked first, then KMS signs, and last one transaction spends what was presented and makes what is given.
//! A fault before it consumes nothing; of two requests with the same code or token one commits.

use http::StatusCode;
use serde::Serialize;

use super::client::Client;
use super::client_authentication::{Credentials, credentials, names_client};
use super::code::AuthorizationCode;
use super::error::TokenError;
use super::jwt::IdClaims;
use super::member::Member;
use super::refresh::{self, RefreshToken};
use super::server::Server;
use crate::access::grant::{self, Grant, RefreshChain, Why};
use crate::access::{ACCESS_TOKEN_TYPE, AccessClaims};
use crate::audit::AuditRecord;
use crate::bounds::{OAUTH_PARAMETERS, REFRESH_RETRY_SECONDS, SCOPE_BYTES_IN_TOKEN, TOKEN_FORM_BYTES};
use crate::clock::Time;
use crate::http::{Request, Response, allow_any_origin, json, single};
use crate::issuer::Issuer;
use crate::keys::{SigningKey, SigningKeys};
use crate::scope::{Scope, Scopes};
use crate::secret::{Hashed, Secret};
use crate::store::StoreError;
use crate::store::auth::{Commit, CommitError, Stored};

/// The answer (RFC 6749 §5.1, with SMART's `patient`).
#[derive(Serialize)]
struct Tokens {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    scope: String,
    patient: String,
    /// When the member's permission ends by itself, as an instant. Refreshing moves it on.
    grant_expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

/// Answers a token request.
pub(super) async fn token(server: &Server, request: &Request, issuer: &Issuer) -> Result<Response, TokenError> {
    let form = form(request)?;
    let tokens = match single(&form, "grant_type")? {
        Some("authorization_code") => exchange(server, request, issuer, &form).await?,
        Some("refresh_token") => refreshed(server, request, issuer, &form, true).await?,
        Some(_) => return Err(TokenError::UnsupportedGrantType),
        None => return Err(TokenError::InvalidRequest("grant_type is missing".into())),
    };
    let body = serde_json::to_string(&tokens).map_err(|error| StoreError::Fault(error.to_string()))?;
    let mut response = json(StatusCode::OK, "application/json", body);
    allow_any_origin(&mut response);
    Ok(response)
}

/// The request's parameters. None may be there twice, known or not (RFC 6749 §3.2).
pub(super) fn form(request: &Request) -> Result<Vec<(String, String)>, TokenError> {
    let no_form = || TokenError::InvalidRequest("the body must be application/x-www-form-urlencoded".into());
    let form = request.form().ok_or_else(no_form)?;
    let size: usize = form.iter().map(|(name, value)| name.len() + value.len()).sum();
    if form.len() > OAUTH_PARAMETERS || size > TOKEN_FORM_BYTES {
        return Err(TokenError::InvalidRequest("the form is too long: at most 50 parameters, and 32 KB in all".into()));
    }
    for (name, _) in &form {
        single(&form, name)?;
    }
    Ok(form)
}

/// A parameter that must be there.
pub(super) fn required<'a>(form: &'a [(String, String)], name: &str) -> Result<&'a str, TokenError> {
    single(form, name)?
        .filter(|value| !value.is_empty())
        .ok_or_else(|| TokenError::InvalidRequest(format!("{name} is missing")))
}

/// A code becomes a grant with its first tokens.
async fn exchange(
    server: &Server,
    request: &Request,
    issuer: &Issuer,
    form: &[(String, String)],
) -> Result<Tokens, TokenError> {
    let credentials = credentials(request, form)?;
    let hash = Secret::from_client(required(form, "code")?).hashed();
    let (client, code, keys) = server
        .auth
        .get_three::<Client, AuthorizationCode, SigningKeys>(&credentials.client_id, &hash.0, SigningKeys::ID)
        .await?;
    let registered = client.clone();
    let client = credentials.authenticate(server, issuer, client.map(|stored| stored.record)).await?;
    let code = code_checks(server, request, &client, code, form).await?;
    let now = server.clock.now();
    let scopes: Scopes = code.record.scope.parse().unwrap_or_default();
    let refresh_token =
        scopes.contains(&Scope::OfflineAccess).then(|| refresh::issue(&code.record.grant, &server.random));
    let access_lifetime = client.access_token_lifetime();
    let lifetime = if refresh_token.is_some() { client.refresh_lifetime() } else { access_lifetime };
    let grant = Grant {
        id: code.record.grant.clone(),
        client: client.id.clone(),
        client_name: client.name.clone(),
        patient: code.record.patient.clone(),
        subject: code.record.patient.clone(),
        username: code.record.username.clone(),
        stamp: code.record.stamp.clone(),
        scope: code.record.scope.clone(),
        created_at: now,
        expires_at: now.plus_seconds(lifetime),
        refresh: refresh_token.as_ref().map(|token| RefreshChain { current: token.hashed(), spent: None }),
        ended: None,
    };
    let key = server.signer.key(keys.as_ref(), now)?;
    let issue = Issue { server, issuer, key, grant: &grant, scopes: &scopes, now, lifetime: access_lifetime };
    let (member, access_token, id_token) = tokio::try_join!(
        server.auth.get::<Member>(&grant.username),
        issue.access_token(),
        issue.id_token(&code.record)
    )?;
    let again = TokenError::InvalidGrant("the member must sign in again");
    let (Some(registered), Some(member)) = (registered, member) else { return Err(again) };
    if !member.record.knows(&code.record.stamp) {
        return Err(again);
    }
    event(server, request, "token", &grant).await?;
    // Whoever stops the app or the member ends the grants there are: none may come into being behind their back.
    let mut commit = Commit::default()
        .replace(&code, &code.record.clone().spent())
        .create(&grant)
        .unchanged(&registered)
        .unchanged(&member);
    if let Some(token) = &refresh_token {
        commit = commit.create(&RefreshToken { hash: token.hashed(), grant: grant.id.clone(), issued_at: now });
    }
    match server.auth.commit(commit).await {
        Ok(()) => Ok(issue.tokens(access_token, id_token, refresh_token)),
        Err(CommitError::Conflict) => {
            let spent = server.auth.get::<AuthorizationCode>(&hash.0).await?.is_none_or(|code| code.record.spent);
            if !spent {
                return Err(TokenError::InvalidGrant("the app or the member was changed at this moment: start again"));
            }
            // The code was exchanged while we signed: by RFC 6749 §4.1.2 the grant made from it ends.
            end(server, request, &grant, Why::CodeReused).await?;
            Err(TokenError::InvalidGrant("the code was used twice; its grant is ended"))
        }
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

/// The ordered checks of a code. Only an app that proves it asked for the code can spend it, or end its grant.
async fn code_checks(
    server: &Server,
    request: &Request,
    client: &Client,
    code: Option<Stored<AuthorizationCode>>,
    form: &[(String, String)],
) -> Result<Stored<AuthorizationCode>, TokenError> {
    let code = code.ok_or(TokenError::InvalidGrant("the code is unknown or over"))?;
    if code.record.client != client.id {
        tracing::warn!(client = client.id, "a code was presented by another client than it was issued to");
        return Err(TokenError::InvalidGrant("the code was issued to another client"));
    }
    if single(form, "redirect_uri")? != Some(&code.record.redirect_uri) {
        return Err(TokenError::InvalidGrant("redirect_uri is not the one that the code was sent to"));
    }
    let verifier = single(form, "code_verifier")?.unwrap_or_default();
    if !code.record.challenge.is_of(verifier) {
        return Err(TokenError::InvalidGrant("code_verifier is not the one behind the code_challenge (PKCE)"));
    }
    if code.record.spent {
        if let Some(grant) = server.auth.get::<Grant>(&code.record.grant).await? {
            end(server, request, &grant.record, Why::CodeReused).await?;
        }
        return Err(TokenError::InvalidGrant("the code was used before; its grant is ended"));
    }
    if code.record.is_expired(server.clock.now()) {
        return Err(TokenError::InvalidGrant("the code is over: it is good for a minute"));
    }
    Ok(code)
}

/// A refresh token becomes an access token and the next refresh token.
async fn refreshed(
    server: &Server,
    request: &Request,
    issuer: &Issuer,
    form: &[(String, String)],
    first: bool,
) -> Result<Tokens, TokenError> {
    let presented = required(form, "refresh_token")?;
    let unknown = || TokenError::InvalidGrant("the refresh token is unknown or over");
    let credentials = match names_client(request, form) {
        true => Some(credentials(request, form)?),
        false => None,
    };
    let id = refresh::grant_of(presented).ok_or_else(unknown)?;
    let hash = Secret::from_client(presented).hashed();
    let both = server.auth.get_both::<RefreshToken, Grant>(&hash.0, id);
    let (credentials, (client, keys), (known, grant)) = if let Some(credentials) = credentials {
        let client = server.auth.get_both::<Client, SigningKeys>(&credentials.client_id, SigningKeys::ID);
        let (client, both) = tokio::try_join!(client, both)?;
        (credentials, client, both)
    } else {
        let both = both.await?;
        let grant = both.1.as_ref().ok_or_else(unknown)?;
        let credentials = Credentials::unproved(&grant.record.client);
        (credentials, server.auth.get_both(&grant.record.client, SigningKeys::ID).await?, both)
    };
    // An assertion counts once, and the second round of one request is no second use of it.
    let client = match (first, client) {
        (false, Some(client)) => client.record,
        (_, client) => credentials.authenticate(server, issuer, client.map(|stored| stored.record)).await?,
    };
    let (grant, chain) = refresh_checks(server, request, &client, known, grant, &hash).await?;
    let now = server.clock.now();
    let granted: Scopes = grant.record.scope.parse().unwrap_or_default();
    let scopes = narrowed(&granted, single(form, "scope")?)?;
    let next = refresh::issue(&grant.record.id, &server.random);
    // A retry does not move the minute in which there may be another.
    let spent_at = chain.spent.filter(|(spent, _)| *spent == hash).map_or(now, |(_, at)| at);
    let renewed = Grant {
        expires_at: now.plus_seconds(client.refresh_lifetime()),
        refresh: Some(RefreshChain { current: next.hashed(), spent: Some((hash, spent_at)) }),
        ..grant.record.clone()
    };
    let key = server.signer.key(keys.as_ref(), now)?;
    let lifetime = client.access_token_lifetime();
    let issue = Issue { server, issuer, key, grant: &renewed, scopes: &scopes, now, lifetime };
    let (member, access_token) = tokio::try_join!(server.auth.get::<Member>(&renewed.username), issue.access_token())?;
    if !member.is_some_and(|member| member.record.knows(&renewed.stamp)) {
        return Err(TokenError::InvalidGrant("the member must sign in again"));
    }
    event(server, request, "refresh", &renewed).await?;
    let record = RefreshToken { hash: next.hashed(), grant: renewed.id.clone(), issued_at: now };
    match server.auth.commit(Commit::default().replace(&grant, &renewed).create(&record)).await {
        Ok(()) => Ok(issue.tokens(access_token, None, Some(next))),
        // Another refresh with the same token was faster. To this one its answer is lost: it gets tokens of its own, and
        // they are the live end.
        Err(CommitError::Conflict) if first => Box::pin(refreshed(server, request, issuer, form, false)).await,
        Err(CommitError::Conflict) => Err(TokenError::InvalidGrant("this token is being refreshed by several at once")),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

/// The ordered checks of a refresh token. Only the app it was issued to can spend it, or end its grant.
async fn refresh_checks(
    server: &Server,
    request: &Request,
    client: &Client,
    known: Option<Stored<RefreshToken>>,
    grant: Option<Stored<Grant>>,
    hash: &Hashed,
) -> Result<(Stored<Grant>, RefreshChain), TokenError> {
    let unknown = || TokenError::InvalidGrant("the refresh token is unknown or over");
    let (Some(known), Some(grant)) = (known, grant) else { return Err(unknown()) };
    let now = server.clock.now();
    if grant.record.client != client.id || known.record.grant != grant.record.id || !grant.record.is_live(now) {
        return Err(unknown());
    }
    let chain = grant.record.refresh.clone().ok_or_else(unknown)?;
    // A client whose answer was lost comes back with the token it spent. As long as nobody used the next one, it gets
    // another, and the lost one is dead. After that, or later, somebody holds a copy: the grant ends (RFC 9700 §4.14.2).
    let lost =
        chain.spent.as_ref().is_some_and(|(spent, at)| spent == hash && now < at.plus_seconds(REFRESH_RETRY_SECONDS));
    if chain.current != *hash && !lost {
        end(server, request, &grant.record, Why::RefreshTokenReused).await?;
        return Err(TokenError::InvalidGrant("the refresh token was used before; its grant is ended"));
    }
    Ok((grant, chain))
}

/// What a refresh asks for: all that was granted, or less (RFC 6749 §6). The grant itself does not shrink.
fn narrowed(granted: &Scopes, asked: Option<&str>) -> Result<Scopes, TokenError> {
    let Some(text) = asked else { return Ok(granted.clone()) };
    let asked: Scopes =
        text.parse().map_err(|error: crate::scope::MalformedScope| TokenError::InvalidScope(error.to_string()))?;
    let within = asked.within(granted);
    if within == asked && !asked.is_empty() { Ok(asked) } else { Err(TokenError::InvalidScope(granted.to_string())) }
}

/// What is given out, and under which grant.
struct Issue<'a> {
    server: &'a Server,
    issuer: &'a Issuer,
    key: SigningKey,
    grant: &'a Grant,
    scopes: &'a Scopes,
    now: Time,
    /// How long the tokens are good, in seconds.
    lifetime: i64,
}

impl Issue<'_> {
    async fn access_token(&self) -> Result<String, StoreError> {
        let scope = self.scopes.to_string();
        // A narrowed token must say its scopes itself: the grant's row says more.
        let in_token = scope.len() <= SCOPE_BYTES_IN_TOKEN || scope != self.grant.scope;
        let claims = AccessClaims {
            iss: self.issuer.as_str().to_owned(),
            aud: self.issuer.fhir_base(),
            sub: self.grant.subject.clone(),
            iat: self.now.seconds(),
            exp: self.now.seconds() + self.lifetime,
            jti: self.server.random.identifier(),
            client_id: self.grant.client.clone(),
            patient: self.grant.patient.clone(),
            grant: self.grant.id.clone(),
            scope: in_token.then_some(scope),
        };
        self.server.signer.sign(&self.key, ACCESS_TOKEN_TYPE, &claims).await
    }

    async fn id_token(&self, code: &AuthorizationCode) -> Result<Option<String>, StoreError> {
        if !self.scopes.contains(&Scope::OpenId) {
            return Ok(None);
        }
        let claims = IdClaims {
            iss: self.issuer.as_str(),
            sub: &self.grant.subject,
            aud: &self.grant.client,
            iat: self.now.seconds(),
            exp: self.now.seconds() + self.lifetime,
            auth_time: code.auth_time.seconds(),
            nonce: code.nonce.as_deref(),
            fhir_user: self.scopes.contains(&Scope::FhirUser).then(|| self.grant.fhir_user(self.issuer)),
        };
        self.server.signer.sign(&self.key, "JWT", &claims).await.map(Some)
    }

    fn tokens(&self, access_token: String, id_token: Option<String>, refresh_token: Option<Secret>) -> Tokens {
        Tokens {
            access_token,
            token_type: "Bearer",
            expires_in: self.lifetime,
            scope: self.scopes.to_string(),
            patient: self.grant.patient.clone(),
            grant_expires_at: self.grant.expires_at.to_string(),
            id_token,
            refresh_token: refresh_token.map(|token| token.reveal().to_owned()),
        }
    }
}

/// Somebody used what was already spent, and so may hold a copy: the grant ends, and that is on record.
async fn end(server: &Server, request: &Request, grant: &Grant, why: Why) -> Result<(), TokenError> {
    tracing::warn!(grant = grant.id, ?why, "somebody used what was already spent");
    event(server, request, if why == Why::CodeReused { "code-reused" } else { "refresh-token-reused" }, grant).await?;
    grant::end(&server.auth, &grant.id, server.clock.now(), why).await?;
    Ok(())
}

/// Records what happened to a grant.
pub(super) async fn event(
    server: &Server,
    request: &Request,
    action: &'static str,
    grant: &Grant,
) -> Result<(), StoreError> {
    let entry = AuditRecord {
        subject: format!("Patient/{}", grant.patient),
        action,
        outcome: "ok",
        client: grant.client.clone(),
        grant: grant.id.clone(),
        ..AuditRecord::default()
    };
    server.audit.event(request, entry).await
}
