//! The parts of a deployment that the endpoints work with.
//!
//! Each function's endpoint is a type of its own that has the parts it needs and no others. A [`TokenSigner`] is a part
//! of the token endpoint alone, so no other function has anything to sign with; a [`Verifier`] is a part of the
//! endpoints that take tokens.

use jsonwebtoken::jwk::JwkSet;
use tokio::sync::OnceCell;

use super::client_keys::ClientKeys;
use super::jwt::TokenSigner;
use super::provider::metadata::Metadata;
use super::published::Published;
use super::tally::Tally;
use crate::access::Verifier;
use crate::audit::Audit;
use crate::clock::Clock;
use crate::config::{self, AssertionKeyId, AuditTableName, AuthTableName, Config, DataKeyId, SigningKeyId, StartError};
use crate::secret::Random;
use crate::store::audit::AuditTable;
use crate::store::auth::Auth;
use crate::store::identifiers::Identifiers;
use crate::store::sealer::Sealer;
use crate::store::signer::{PublicKey, Signer};
use crate::store::{Aws, StoreError};

/// The parts that all endpoints have.
pub(super) struct State {
    pub config: Config,
    pub auth: Auth,
    pub client_keys: ClientKeys,
    pub tally: Tally,
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

/// Sign-in by the plan's identity providers. It signs, with a key that signs no token of ours; it opens secrets, and finds members by what
/// they are known by.
pub struct SignInEndpoint {
    pub(super) state: State,
    pub(super) audit: Audit,
    pub(super) sealer: Sealer,
    pub(super) identifiers: Identifiers,
    pub(super) signer: Signer,
    /// `None` where the plan proves itself by secrets.
    pub(super) assertion_key: Option<AssertionKeyId>,
    assertion_public: OnceCell<PublicKey>,
    /// The metadata and keys that the providers publish.
    pub(super) metadata: Published<Metadata>,
    /// The keys with which they sign.
    pub(super) keys: Published<JwkSet>,
}

/// The introspection endpoint (RFC 7662).
pub struct IntrospectionEndpoint {
    pub(super) state: State,
    pub(super) verifier: Verifier,
}

/// The userinfo endpoint (OpenID Connect Core §5.3).
pub struct UserinfoEndpoint {
    pub(super) state: State,
    pub(super) audit: Audit,
    pub(super) verifier: Verifier,
}

impl State {
    fn new(aws: &Aws, config: Config, auth_table: &AuthTableName, clock: Clock, random: Random) -> State {
        let auth = Auth::new(aws, auth_table);
        State { config, auth, client_keys: ClientKeys::new(clock.clone()), tally: Tally::default(), clock, random }
    }
}

fn audit(aws: &Aws, table: &AuditTableName, clock: &Clock) -> Audit {
    Audit::new(AuditTable::new(aws, table), clock.clone())
}

/// The parts of an endpoint that reads our tokens and keeps records, from the function's environment.
async fn verifying() -> Result<(State, Audit, Verifier), StartError> {
    let (config, auth_table, audit_table, key): (Config, AuthTableName, AuditTableName, SigningKeyId) =
        config::from_environment()?;
    let (aws, clock) = (Aws::from_environment().await?, Clock::System);
    let verifier = Verifier::load(&aws, &auth_table, &key, clock.clone()).await?;
    let audit = audit(&aws, &audit_table, &clock);
    Ok((State::new(&aws, config, &auth_table, clock, Random::system()), audit, verifier))
}

impl Pages {
    /// From the function's environment.
    ///
    /// # Errors
    /// [`ConfigError`](config::ConfigError)
    pub async fn from_environment() -> Result<Pages, StartError> {
        let settings = config::from_environment()?;
        Ok(Pages::new(&Aws::from_environment().await?, settings, Clock::System, Random::system()))
    }

    /// Over a deployment's parts.
    pub fn new(
        aws: &Aws,
        (config, auth_table, audit_table): (Config, AuthTableName, AuditTableName),
        clock: Clock,
        random: Random,
    ) -> Pages {
        let audit = audit(aws, &audit_table, &clock);
        Pages { audit, state: State::new(aws, config, &auth_table, clock, random) }
    }

    /// The deployment's settings.
    pub fn config(&self) -> &Config {
        &self.state.config
    }
}

impl TokenEndpoint {
    /// From the function's environment.
    ///
    /// # Errors
    /// [`ConfigError`](config::ConfigError), or as [`TokenEndpoint::new`].
    pub async fn from_environment() -> Result<TokenEndpoint, StartError> {
        let settings = config::from_environment()?;
        Ok(TokenEndpoint::new(&Aws::from_environment().await?, settings, Clock::System, Random::system()).await?)
    }

    /// Over a deployment's parts.
    ///
    /// # Errors
    /// [`StoreError`] where KMS does not answer.
    pub async fn new(
        aws: &Aws,
        (config, auth_table, audit_table, key): (Config, AuthTableName, AuditTableName, SigningKeyId),
        clock: Clock,
        random: Random,
    ) -> Result<TokenEndpoint, StoreError> {
        let signer = TokenSigner::load(aws, &key).await?;
        let audit = audit(aws, &audit_table, &clock);
        Ok(TokenEndpoint { audit, signer, state: State::new(aws, config, &auth_table, clock, random) })
    }

    /// The deployment's settings.
    pub fn config(&self) -> &Config {
        &self.state.config
    }
}

impl RevocationEndpoint {
    /// From the function's environment.
    ///
    /// # Errors
    /// [`ConfigError`](config::ConfigError), or [`StoreError`] where the keys cannot be read.
    pub async fn from_environment() -> Result<RevocationEndpoint, StartError> {
        let (state, audit, verifier) = verifying().await?;
        Ok(RevocationEndpoint { state, audit, verifier })
    }

    /// The deployment's settings.
    pub fn config(&self) -> &Config {
        &self.state.config
    }
}

impl SignInEndpoint {
    /// From the function's environment.
    ///
    /// # Errors
    /// [`ConfigError`](config::ConfigError)
    pub async fn from_environment() -> Result<SignInEndpoint, StartError> {
        let settings = config::from_environment()?;
        Ok(SignInEndpoint::new(&Aws::from_environment().await?, settings, Clock::System, Random::system()))
    }

    /// Over a deployment's parts.
    pub fn new(
        aws: &Aws,
        settings: (Config, AuthTableName, AuditTableName, DataKeyId, Option<AssertionKeyId>),
        clock: Clock,
        random: Random,
    ) -> SignInEndpoint {
        let (config, auth_table, audit_table, data_key, assertion_key) = settings;
        SignInEndpoint {
            audit: audit(aws, &audit_table, &clock),
            sealer: Sealer::new(aws, &data_key),
            identifiers: Identifiers::new(aws, &auth_table, &data_key),
            signer: Signer::new(aws),
            assertion_key,
            assertion_public: OnceCell::new(),
            metadata: Published::new(clock.clone()),
            keys: Published::new(clock.clone()),
            state: State::new(aws, config, &auth_table, clock, random),
        }
    }

    /// The key in KMS that signs our assertions, with its public half, which is asked of KMS once; `None` where the stack has none.
    ///
    /// # Errors
    /// [`StoreError`] where KMS does not tell it.
    pub(super) async fn assertion_key(&self) -> Result<Option<(&AssertionKeyId, &PublicKey)>, StoreError> {
        let Some(key) = &self.assertion_key else { return Ok(None) };
        Ok(Some((key, self.assertion_public.get_or_try_init(|| self.signer.public_key(key)).await?)))
    }

    /// The deployment's settings.
    pub fn config(&self) -> &Config {
        &self.state.config
    }
}

impl IntrospectionEndpoint {
    /// From the function's environment.
    ///
    /// # Errors
    /// [`ConfigError`](config::ConfigError), or [`StoreError`] where the keys cannot be read.
    pub async fn from_environment() -> Result<IntrospectionEndpoint, StartError> {
        let (config, auth_table, key): (Config, AuthTableName, SigningKeyId) = config::from_environment()?;
        let (aws, clock) = (Aws::from_environment().await?, Clock::System);
        let verifier = Verifier::load(&aws, &auth_table, &key, clock.clone()).await?;
        Ok(IntrospectionEndpoint { state: State::new(&aws, config, &auth_table, clock, Random::system()), verifier })
    }

    /// The deployment's settings.
    pub fn config(&self) -> &Config {
        &self.state.config
    }
}

impl UserinfoEndpoint {
    /// From the function's environment.
    ///
    /// # Errors
    /// [`ConfigError`](config::ConfigError), or [`StoreError`] where the keys cannot be read.
    pub async fn from_environment() -> Result<UserinfoEndpoint, StartError> {
        let (state, audit, verifier) = verifying().await?;
        Ok(UserinfoEndpoint { state, audit, verifier })
    }

    /// The deployment's settings.
    pub fn config(&self) -> &Config {
        &self.state.config
    }
}
