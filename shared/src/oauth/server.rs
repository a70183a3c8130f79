//! What the authorization server's functions share.

use std::error::Error;

use super::account;
use super::authorize;
use super::client_keys::ClientKeys;
use super::consent;
use super::introspect;
use super::jwt::TokenSigner;
use super::login;
use super::pages;
use super::revoke;
use super::token;
use super::userinfo;
use crate::access::Verifier;
use crate::audit::Audit;
use crate::clock::Clock;
use crate::config::{AUDIT_TABLE, AUTH_TABLE, Config, SIGNING_KEY};
use crate::http::{Request, Response};
use crate::secret::Random;
use crate::store::audit::AuditTable;
use crate::store::auth::Auth;
use crate::store::{Aws, StoreError};

/// The authorization server, for a function's lifetime.
pub struct Server {
    pub(super) config: Config,
    pub(super) auth: Auth,
    pub(super) audit: Audit,
    pub(super) signer: TokenSigner,
    pub(super) client_keys: ClientKeys,
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

    /// For the token function.
    ///
    /// # Errors
    /// What is missing in the environment, or KMS's refusal to name the key.
    pub async fn for_tokens() -> Result<Server, Box<dyn Error + Send + Sync>> {
        let config = Config::from_environment(&[AUTH_TABLE, AUDIT_TABLE, SIGNING_KEY])?;
        Ok(Server::new(&Aws::from_environment().await, config, Clock::System, Random::system()).await?)
    }

    /// Over a deployment's parts; `clock` and `random` are the only time and chance it knows.
    ///
    /// # Errors
    /// [`StoreError`] where KMS does not name the key that signs.
    pub async fn new(aws: &Aws, config: Config, clock: Clock, random: Random) -> Result<Server, StoreError> {
        let signer = TokenSigner::load(aws, &config).await?;
        Ok(Server {
            auth: Auth::new(aws, &config.auth_table),
            audit: Audit::new(AuditTable::new(aws, &config.audit_table), clock.clone()),
            signer,
            client_keys: ClientKeys::new(clock.clone()),
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
        let issuer = self.config.issuer(&request.domain);
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
        let issuer = self.config.issuer(&request.domain);
        let page = match request.method == http::Method::POST {
            false => account::show(self, &request, &issuer).await,
            true => account::submit(self, &request, &issuer).await,
        };
        page.unwrap_or_else(|error| pages::error(&error, &self.config.plan.name))
    }

    /// `POST /oauth2/token`
    pub async fn token(&self, request: Request) -> Response {
        let issuer = self.config.issuer(&request.domain);
        token::token(self, &request, &issuer).await.unwrap_or_else(|error| error.respond(issuer.as_str()))
    }
}

/// The functions that take tokens: a [`Server`] that signs nothing, and knows what is a token of ours.
pub struct TokenServer {
    pub(super) server: Server,
    pub(super) verifier: Verifier,
}

impl TokenServer {
    /// For a function that needs these variables besides those of every such function.
    ///
    /// # Errors
    /// What is missing in the environment, or KMS's refusal to give the public keys.
    pub async fn from_environment(needed: &[&str]) -> Result<TokenServer, Box<dyn Error + Send + Sync>> {
        let config = Config::from_environment(&[&[AUTH_TABLE, SIGNING_KEY], needed].concat())?;
        let aws = Aws::from_environment().await;
        let verifier = Verifier::load(&aws, &config, Clock::System).await?;
        let config = Config { signing_key: String::new(), ..config };
        Ok(TokenServer { server: Server::new(&aws, config, Clock::System, Random::system()).await?, verifier })
    }

    /// The deployment's names.
    pub fn config(&self) -> &Config {
        &self.server.config
    }

    /// `POST /oauth2/revoke`
    pub async fn revoke(&self, request: Request) -> Response {
        let issuer = self.server.config.issuer(&request.domain);
        revoke::revoke(self, &request, &issuer).await.unwrap_or_else(|error| error.respond(issuer.as_str()))
    }

    /// `POST /oauth2/introspect`
    pub async fn introspect(&self, request: Request) -> Response {
        let issuer = self.server.config.issuer(&request.domain);
        introspect::introspect(self, &request, &issuer).await.unwrap_or_else(|error| error.respond(issuer.as_str()))
    }

    /// `GET` and `POST /oauth2/userinfo`
    pub async fn userinfo(&self, request: Request) -> Response {
        let issuer = self.server.config.issuer(&request.domain);
        userinfo::userinfo(self, &request, &issuer).await.unwrap_or_else(|error| error.respond(issuer.as_str()))
    }
}
