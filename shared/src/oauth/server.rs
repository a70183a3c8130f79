//! What the authorization server's functions share.

use std::error::Error;

use super::account;
use super::authorize;
use super::consent;
use super::introspect;
use super::login;
use super::pages;
use super::revoke;
use super::token;
use super::userinfo;
use crate::access::Verifier;
use crate::audit::Audit;
use crate::clock::Clock;
use crate::config::{AUDIT_TABLE, AUTH_TABLE, Config, SIGNING_KEYS};
use crate::http::{Request, Response};
use crate::secret::Random;
use crate::store::audit::AuditTable;
use crate::store::auth::Auth;
use crate::store::signer::Signer;
use crate::store::{Aws, StoreError};

/// The authorization server, for a function's lifetime.
pub struct Server {
    pub(super) config: Config,
    pub(super) auth: Auth,
    pub(super) audit: Audit,
    pub(super) signer: Signer,
    /// Empty where the function takes no access tokens.
    pub(super) verifier: Verifier,
    /// The name of the key that signs, in tokens; empty where the function does not sign.
    pub(super) kid: String,
    pub(super) clock: Clock,
    pub(super) random: Random,
}

impl Server {
    /// For the functions of the pages, which know nothing of tokens.
    ///
    /// # Errors
    /// What is missing in the environment.
    pub async fn for_pages() -> Result<Server, Box<dyn Error + Send + Sync>> {
        let config = Config::from_environment(&[AUTH_TABLE, AUDIT_TABLE])?;
        Ok(Server::new(&Aws::from_environment().await, config, Clock::System, Random::system()).await?)
    }

    /// For the functions that give tokens out, or take them back.
    ///
    /// # Errors
    /// What is missing in the environment, or KMS's refusal to give the public keys.
    pub async fn for_tokens() -> Result<Server, Box<dyn Error + Send + Sync>> {
        let [current, next] = SIGNING_KEYS;
        let config = Config::from_environment(&[AUTH_TABLE, AUDIT_TABLE, current, next])?;
        Ok(Server::new(&Aws::from_environment().await, config, Clock::System, Random::system()).await?)
    }

    /// For the functions that only tell of tokens, and record nothing.
    ///
    /// # Errors
    /// What is missing in the environment, or KMS's refusal to give the public keys.
    pub async fn for_questions() -> Result<Server, Box<dyn Error + Send + Sync>> {
        let [current, next] = SIGNING_KEYS;
        let config = Config::from_environment(&[AUTH_TABLE, current, next])?;
        Ok(Server::new(&Aws::from_environment().await, config, Clock::System, Random::system()).await?)
    }

    /// Over a deployment's parts; `clock` and `random` are the only time and chance it knows.
    ///
    /// # Errors
    /// [`StoreError`] where KMS does not give the public keys.
    pub async fn new(aws: &Aws, config: Config, clock: Clock, random: Random) -> Result<Server, StoreError> {
        let signer = Signer::new(aws, &config.signing_keys);
        let keys = signer.public_keys().await?;
        let kid = keys.first().map(|key| key.kid.clone()).unwrap_or_default();
        let auth = Auth::new(aws, &config.auth_table);
        Ok(Server {
            verifier: Verifier::new(&keys, auth.clone(), clock.clone()),
            auth,
            audit: Audit::new(AuditTable::new(aws, &config.audit_table), clock.clone()),
            signer,
            kid,
            clock,
            random,
            config,
        })
    }

    /// The deployment's names.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// `GET` and `POST /oauth2/authorize`, `/login`, `/consent`
    pub async fn pages(&self, request: Request) -> Response {
        let issuer = request.issuer(&self.config);
        let post = request.method == http::Method::POST;
        let page = match (request.path.as_str(), post) {
            ("/login", false) => login::show(self, &request, &issuer).await,
            ("/login", true) => login::submit(self, &request, &issuer).await,
            ("/consent", false) => consent::show(self, &request, &issuer).await,
            ("/consent", true) => consent::submit(self, &request, &issuer).await,
            _ => authorize::authorize(self, &request, &issuer).await,
        };
        page.unwrap_or_else(|error| pages::error(&error, &self.config.plan.name))
    }

    /// `GET` and `POST /account`
    pub async fn account(&self, request: Request) -> Response {
        let issuer = request.issuer(&self.config);
        let page = match request.method == http::Method::POST {
            false => account::show(self, &request, &issuer).await,
            true => account::submit(self, &request, &issuer).await,
        };
        page.unwrap_or_else(|error| pages::error(&error, &self.config.plan.name))
    }

    /// `POST /oauth2/token`
    pub async fn token(&self, request: Request) -> Response {
        let issuer = request.issuer(&self.config);
        token::token(self, &request, &issuer).await.unwrap_or_else(|error| error.respond(issuer.as_str()))
    }

    /// `POST /oauth2/revoke`
    pub async fn revoke(&self, request: Request) -> Response {
        let issuer = request.issuer(&self.config);
        revoke::revoke(self, &request, &issuer).await.unwrap_or_else(|error| error.respond(issuer.as_str()))
    }

    /// `POST /oauth2/introspect`
    pub async fn introspect(&self, request: Request) -> Response {
        let issuer = request.issuer(&self.config);
        introspect::introspect(self, &request, &issuer).await.unwrap_or_else(|error| error.respond(issuer.as_str()))
    }

    /// `GET` and `POST /oauth2/userinfo`
    pub async fn userinfo(&self, request: Request) -> Response {
        let issuer = request.issuer(&self.config);
        userinfo::userinfo(self, &request, &issuer).await.unwrap_or_else(|error| error.respond(issuer.as_str()))
    }
}
