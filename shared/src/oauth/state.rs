//! The parts of a deployment that the endpoints work with.
//!
//! Each function's endpoint is a type of its own that has the parts it needs and no others. A [`TokenSigner`] is a part of the
//! token endpoint alone, so no other function has anything to sign with; a [`Verifier`] is a part of the endpoints that take
//! tokens.

use std::error::Error;

use super::client_keys::ClientKeys;
use super::jwt::TokenSigner;
use crate::access::Verifier;
use crate::audit::Audit;
use crate::clock::Clock;
use crate::config::{AUDIT_TABLE, AUTH_TABLE, Config, SIGNING_KEY};
use crate::secret::Random;
use crate::store::audit::AuditTable;
use crate::store::auth::Auth;
use crate::store::{Aws, StoreError};

/// Why a function cannot start: what is missing in its environment, or what KMS or the table refuses.
type StartError = Box<dyn Error + Send + Sync>;

/// The parts that all endpoints have.
pub(super) struct State {
    pub config: Config,
    pub auth: Auth,
    pub client_keys: ClientKeys,
    /// The only time that the endpoints know.
    pub clock: Clock,
    /// The only chance that the endpoints know.
    pub random: Random,
}

/// The pages: a member signs in, decides what an app may see, and looks after the apps that are connected.
pub struct Pages {
    pub(super) state: State,
    pub(super) audit: Audit,
}

/// The token endpoint (RFC 6749 §3.2), the only one that signs.
pub struct TokenEndpoint {
    pub(super) state: State,
    pub(super) audit: Audit,
    pub(super) signer: TokenSigner,
}

/// The revocation endpoint (RFC 7009).
pub struct RevocationEndpoint {
    pub(super) state: State,
    pub(super) audit: Audit,
    pub(super) verifier: Verifier,
}

/// The introspection endpoint (RFC 7662).
pub struct IntrospectionEndpoint {
    pub(super) state: State,
    pub(super) verifier: Verifier,
}

/// The userinfo endpoint (OpenID Connect Core §5.3).
pub struct UserinfoEndpoint {
    pub(super) state: State,
    pub(super) verifier: Verifier,
}

impl State {
    fn new(aws: &Aws, config: Config, clock: Clock, random: Random) -> State {
        let auth = Auth::new(aws, &config.auth_table);
        State { auth, client_keys: ClientKeys::new(clock.clone()), clock, random, config }
    }

    fn audit(&self, aws: &Aws) -> Audit {
        Audit::new(AuditTable::new(aws, &self.config.audit_table), self.clock.clone())
    }
}

impl Pages {
    /// From the function's environment.
    ///
    /// # Errors
    /// [`ConfigError`](crate::config::ConfigError)
    pub async fn from_environment() -> Result<Pages, StartError> {
        let config = Config::from_environment(&[AUTH_TABLE, AUDIT_TABLE])?;
        Ok(Pages::new(&Aws::from_environment().await, config, Clock::System, Random::system()))
    }

    /// Over a deployment's parts.
    pub fn new(aws: &Aws, config: Config, clock: Clock, random: Random) -> Pages {
        let state = State::new(aws, config, clock, random);
        Pages { audit: state.audit(aws), state }
    }

    /// The deployment's names.
    pub fn config(&self) -> &Config {
        &self.state.config
    }
}

impl TokenEndpoint {
    /// From the function's environment.
    ///
    /// # Errors
    /// [`ConfigError`](crate::config::ConfigError), or as [`TokenEndpoint::new`].
    pub async fn from_environment() -> Result<TokenEndpoint, StartError> {
        let config = Config::from_environment(&[AUTH_TABLE, AUDIT_TABLE, SIGNING_KEY])?;
        Ok(TokenEndpoint::new(&Aws::from_environment().await, config, Clock::System, Random::system()).await?)
    }

    /// Over a deployment's parts.
    ///
    /// # Errors
    /// [`StoreError`] where KMS does not answer.
    pub async fn new(aws: &Aws, config: Config, clock: Clock, random: Random) -> Result<TokenEndpoint, StoreError> {
        let signer = TokenSigner::load(aws, &config.signing_key).await?;
        let state = State::new(aws, config, clock, random);
        Ok(TokenEndpoint { audit: state.audit(aws), state, signer })
    }

    /// The deployment's names.
    pub fn config(&self) -> &Config {
        &self.state.config
    }
}

impl RevocationEndpoint {
    /// From the function's environment.
    ///
    /// # Errors
    /// [`ConfigError`](crate::config::ConfigError), or [`StoreError`] where the keys cannot be read.
    pub async fn from_environment() -> Result<RevocationEndpoint, StartError> {
        let config = Config::from_environment(&[AUTH_TABLE, AUDIT_TABLE, SIGNING_KEY])?;
        let aws = Aws::from_environment().await;
        let verifier = Verifier::load(&aws, &config, Clock::System).await?;
        let state = State::new(&aws, config, Clock::System, Random::system());
        Ok(RevocationEndpoint { audit: state.audit(&aws), state, verifier })
    }

    /// The deployment's names.
    pub fn config(&self) -> &Config {
        &self.state.config
    }
}

impl IntrospectionEndpoint {
    /// From the function's environment.
    ///
    /// # Errors
    /// [`ConfigError`](crate::config::ConfigError), or [`StoreError`] where the keys cannot be read.
    pub async fn from_environment() -> Result<IntrospectionEndpoint, StartError> {
        let config = Config::from_environment(&[AUTH_TABLE, SIGNING_KEY])?;
        let aws = Aws::from_environment().await;
        let verifier = Verifier::load(&aws, &config, Clock::System).await?;
        let state = State::new(&aws, config, Clock::System, Random::system());
        Ok(IntrospectionEndpoint { state, verifier })
    }

    /// The deployment's names.
    pub fn config(&self) -> &Config {
        &self.state.config
    }
}

impl UserinfoEndpoint {
    /// From the function's environment.
    ///
    /// # Errors
    /// [`ConfigError`](crate::config::ConfigError), or [`StoreError`] where the keys cannot be read.
    pub async fn from_environment() -> Result<UserinfoEndpoint, StartError> {
        let config = Config::from_environment(&[AUTH_TABLE, SIGNING_KEY])?;
        let aws = Aws::from_environment().await;
        let verifier = Verifier::load(&aws, &config, Clock::System).await?;
        let state = State::new(&aws, config, Clock::System, Random::system());
        Ok(UserinfoEndpoint { state, verifier })
    }

    /// The deployment's names.
    pub fn config(&self) -> &Config {
        &self.state.config
    }
}
