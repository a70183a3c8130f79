//! Who may read what: the security kernel. Read this first.
//!
//! A request comes with a token. [`Verifier::verify`] turns it into a [`Bearer`]: signature, type, issuer, audience and
//! times are right. [`Verifier::confirm`] turns that into an [`Access`]: the member's grant is alive at this moment. A
//! [`Permit`] says what the token's scopes allow for one resource type, and the store's read methods take nothing but
//! permits: the partition key of every read comes from the permit, never from the request, so another member's id is
//! not forbidden but unaddressable. The data that the store reads under a permit comes out [`Sealed`], and only an
//! `Access` of the same grant opens it. So the grant may be checked while the data is being read, and still nothing
//! leaves before the check.
//!
//! None of these can be made by hand:
//!
//! ```compile_fail,E0451
//! use shared::access::Permit;
//! let permit = Permit { owner: "bob".into() };
//! ```
//!
//! and a sealed value cannot be taken out without an `Access`:
//!
//! ```compile_fail,E0616
//! use shared::access::Sealed;
//! fn leak(sealed: Sealed<String>) -> String {
//!     sealed.value
//! }
//! ```

pub mod acting;
mod claims;
pub mod delegation;
pub mod demographics;
pub mod grant;
mod permit;
mod stops;
mod supported;

use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::{Algorithm, Validation};

pub use claims::{ACCESS_TOKEN_TYPE, AccessClaims};
pub use permit::{Permit, Permits, Sealed};
pub use stops::StoppedApps;
pub use supported::{NAMED_PARTS, is_supported, supported_scopes};

use self::grant::Grant;
use self::stops::StopList;
use self::supported::filters;
use crate::bounds::CLOCK_SKEW_SECONDS;
use crate::clock::Clock;
use crate::config::{AuthTableName, SigningKeyId};
use crate::fhir::filter::Filter;
use crate::fhir::reference::Reference;
use crate::fhir::types::{Owner, ResourceType, TYPES};
use crate::http::Request;
use crate::issuer::Issuer;
use crate::keys::{KeyRing, Mark};
use crate::scope::{ResourceScope, Scope, Scopes};
use crate::store::auth::Auth;
use crate::store::{Aws, StoreError};

/// Why a token opens nothing.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No token was sent.
    #[error("no bearer token was sent")]
    Missing,
    /// The token is not, or no longer, good. The text may be told to its bearer.
    #[error("{0}")]
    Invalid(&'static str),
    /// The token's scopes do not allow this. The value is a scope that would.
    #[error("the scopes do not allow this")]
    Scope(String),
    /// The grant or our keys could not be read, so nothing is allowed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Checks tokens, with our own public keys and no others.
pub struct Verifier {
    keys: KeyRing,
    stops: StopList,
    auth: Auth,
    clock: Clock,
}

/// A token that is ours and not yet over. It opens nothing by itself: see [`Access`].
pub struct Bearer {
    claims: AccessClaims,
    scopes: Scopes,
    grant: Option<Grant>,
}

/// A bearer whose grant was found to be alive.
pub struct Access {
    grant: Grant,
}

/// The interaction of a request, by the letter of the scope that allows it (SMART 2.2: `r` and `s`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interaction {
    /// Read by id.
    Read,
    /// Search.
    Search,
}

impl Verifier {
    /// Of a deployment. Reads which keys it has.
    ///
    /// # Errors
    /// [`StoreError`] where the keys cannot be read.
    pub async fn load(
        aws: &Aws,
        auth_table: &AuthTableName,
        signing_key: &SigningKeyId,
        clock: Clock,
    ) -> Result<Verifier, StoreError> {
        let keys = KeyRing::load(aws, auth_table, signing_key, clock.clone()).await?;
        let auth = Auth::new(aws, auth_table);
        Ok(Verifier { keys, stops: StopList::new(auth.clone(), clock.clone()), auth, clock })
    }

    /// Checks the request's token by itself. Reads the grant only where the token does not carry its scopes.
    ///
    /// # Errors
    /// [`Refusal`]: no token, not one of ours, over, or the grant cannot be read.
    pub async fn verify(&self, request: &Request, issuer: &Issuer) -> Result<Bearer, Refusal> {
        let claims = self.claims(bearer_token(request)?, issuer).await?;
        let grant = match claims.scope {
            Some(_) => None,
            None => Some(self.live_grant(&claims).await?),
        };
        let scope = claims.scope.as_ref().or(grant.as_ref().map(|grant| &grant.scope));
        let scopes = scope.and_then(|scope| scope.parse().ok()).unwrap_or_default();
        Ok(Bearer { claims, scopes, grant })
    }

    /// Reads a token that somebody asks about or gives back. It opens nothing.
    ///
    /// # Errors
    /// As [`Verifier::verify`].
    pub async fn read(&self, token: &str, issuer: &Issuer) -> Result<AccessClaims, Refusal> {
        self.claims(token, issuer).await
    }

    /// Checks that the grant is alive now: one consistent read, so that a revocation is felt by the very next request. That the plan
    /// stopped the app is felt within [`crate::bounds::STOPS_FRESH_SECONDS`].
    ///
    /// # Errors
    /// [`Refusal::Invalid`] where the member or the app ended it, or the plan stopped the app; [`Refusal::Store`] where it cannot be
    /// read.
    pub async fn confirm(&self, bearer: &Bearer) -> Result<Access, Refusal> {
        let grant = async {
            match &bearer.grant {
                Some(grant) => Ok(grant.clone()),
                None => self.live_grant(&bearer.claims).await,
            }
        };
        let is_stopped = async { Ok(self.stops.has(&bearer.claims.client_id).await?) };
        let (grant, is_stopped) = tokio::try_join!(grant, is_stopped)?;
        if is_stopped {
            return Err(Refusal::Invalid("the plan stopped its app"));
        }
        Ok(Access { grant })
    }

    async fn live_grant(&self, claims: &AccessClaims) -> Result<Grant, Refusal> {
        let stored = self.auth.get::<Grant>(&claims.grant).await?;
        let grant = stored.map(|stored| stored.record).filter(|grant| grant.is_live(self.clock.now()));
        let grant = grant.ok_or(Refusal::Invalid("its grant was ended"))?;
        if grant.patient != claims.patient || grant.client != claims.client_id || grant.subject != claims.sub {
            // A validly signed token contradicts its grant: our signing key is being misused.
            tracing::error!(
                alarm = "token-and-grant",
                grant = claims.grant,
                "ALARM: a token and its grant name different members, persons or apps"
            );
            return Err(Refusal::Invalid("it does not belong to its grant"));
        }
        Ok(grant)
    }

    /// The claims of a token that is ours and whose time it is. The checks that do not depend on the time are made once for a token:
    /// after that the key that signed it has a verdict.
    async fn claims(&self, token: &str, issuer: &Issuer) -> Result<AccessClaims, Refusal> {
        let mark = Mark::of(token, issuer);
        let claims = if self.keys.has_verified(&mark).await {
            insecure_decode_claims(token).map_err(|_| MALFORMED)?
        } else {
            let (claims, kid) = self.verified(token, issuer).await?;
            self.keys.remember(&kid, mark).await;
            claims
        };
        let now = self.clock.now().seconds();
        if now >= claims.exp.saturating_add(CLOCK_SKEW_SECONDS) {
            return Err(Refusal::Invalid("it has expired: use the refresh token or sign in again"));
        }
        if claims.iat > now + CLOCK_SKEW_SECONDS {
            return Err(Refusal::Invalid("it is from the future"));
        }
        Ok(claims)
    }

    /// The ordered checks of an access token, apart from its times: the claims, and the name of the key. `jsonwebtoken` verifies the
    /// signature; the checks that its defaults leave out are made here.
    async fn verified(&self, token: &str, issuer: &Issuer) -> Result<(AccessClaims, String), Refusal> {
        let Ok(header) = jsonwebtoken::decode_header(token) else { return Err(MALFORMED) };
        if header.typ.as_deref() != Some(ACCESS_TOKEN_TYPE) || header.alg != Algorithm::RS256 {
            return Err(Refusal::Invalid("it is not an access token of this server"));
        }
        // Refuses keys that the token itself names, and extensions that we do not understand (RFC 8725 §3.1, §3.10; RFC
        // 7515 §4.1.11).
        if header.jku.is_some()
            || header.jwk.is_some()
            || header.x5u.is_some()
            || header.x5c.is_some()
            || header.crit.is_some()
            || header.extras.inner().contains_key("b64")
        {
            return Err(MALFORMED);
        }
        let foreign = Refusal::Invalid("its key is not, or no longer, one of this server's");
        let Some(kid) = header.kid else { return Err(foreign) };
        let Some(key) = self.keys.key(&kid).await? else { return Err(foreign) };
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
        validation.set_issuer(&[issuer.as_str()]);
        validation.set_audience(&[issuer.fhir_base()]);
        // Times are compared with our own clock: jsonwebtoken's cannot be turned by a test.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<AccessClaims>(token, &key, &validation).map_err(|_| MALFORMED)?.claims;
        Ok((claims, kid))
    }
}

/// The refusal of a token that does not read, or whose signature or claims are not ours.
const MALFORMED: Refusal = Refusal::Invalid("it is not a token of this server");

/// The token of `Authorization: Bearer`. A token in the query or in a form is never accepted (RFC 9700 §4.3.2).
fn bearer_token(request: &Request) -> Result<&str, Refusal> {
    let token = request.credentials("Bearer").ok_or(Refusal::Missing)?;
    // API Gateway joins two headers with a comma, which no token holds.
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if token.is_empty() || !token.chars().all(legal) {
        return Err(Refusal::Invalid("one bearer token is needed"));
    }
    Ok(token)
}

impl Bearer {
    /// The token's claims.
    pub fn claims(&self) -> &AccessClaims {
        &self.claims
    }

    /// Its scopes.
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// The Patient id of the member whose record the token opens.
    pub fn patient(&self) -> &str {
        &self.claims.patient
    }

    /// The permit that the scopes give for resources of type `resource_type`.
    ///
    /// # Errors
    /// [`Refusal::Scope`] with a scope that would.
    pub fn permit(&self, interaction: Interaction, resource_type: &'static ResourceType) -> Result<Permit, Refusal> {
        self.permit_for(interaction, resource_type).ok_or_else(|| {
            let letter = if interaction == Interaction::Read { 'r' } else { 's' };
            Refusal::Scope(format!("patient/{}.{letter}", resource_type.name))
        })
    }

    /// The permits for the record as a whole: one for each type that the scopes allow. Binary is left out where the
    /// scopes do not allow everything that may name a document (see [`Bearer::documents`]): such an app reads documents
    /// one by one.
    pub fn permits(&self, interaction: Interaction) -> Permits {
        let mut permits = self.permits_for(interaction, |_| true);
        let has_contents = permits.by_type.iter().any(|permit| permit.resource_type.owner == Owner::Attachment);
        if has_contents && self.documents().is_some() {
            permits.by_type.retain(|permit| permit.resource_type.owner != Owner::Attachment);
        }
        permits
    }

    /// The permits for the types whose resources may name documents; `None` where they admit all resources of all these
    /// types. A Binary has nothing of its own that a scope could compare: it is readable where one of these permits
    /// admits a resource that names it. So a token with fewer scopes never opens more documents.
    pub fn documents(&self) -> Option<Permits> {
        let permits = self.permits_for(Interaction::Read, ResourceType::names_documents);
        let naming = TYPES.iter().filter(|resource_type| resource_type.names_documents()).count();
        let whole = permits.by_type.iter().filter(|permit| permit.admits_all()).count() == naming;
        (!whole).then_some(permits)
    }

    fn permits_for(&self, interaction: Interaction, among: impl Fn(&ResourceType) -> bool) -> Permits {
        Permits {
            owner: self.patient().into(),
            grant: self.claims.grant.as_str().into(),
            by_type: TYPES
                .iter()
                .filter(|resource_type| among(resource_type))
                .filter_map(|resource_type| self.permit_for(interaction, resource_type))
                .collect(),
        }
    }

    fn permit_for(&self, interaction: Interaction, resource_type: &'static ResourceType) -> Option<Permit> {
        let allows = |scope: &&ResourceScope| {
            let type_matches = scope.resource_type.as_deref().is_none_or(|name| name == resource_type.name);
            type_matches
                && match interaction {
                    Interaction::Read => scope.read,
                    Interaction::Search => scope.search,
                }
        };
        let scopes: Vec<&ResourceScope> = self.scopes.resources().filter(allows).collect();
        let permit = |only: Option<&str>, filters| Permit {
            resource_type,
            owner: self.patient().into(),
            grant: self.claims.grant.as_str().into(),
            only: only.map(Into::into),
            filters,
        };
        if scopes.iter().any(|scope| scope.query.is_none()) {
            return Some(permit(None, Vec::new()));
        }
        // `fhirUser` lets the app read who signed in: exactly that one resource, whatever a granular scope beside it admits.
        let user = self.user().filter(|user| {
            interaction == Interaction::Read
                && resource_type.name == user.resource_type
                && self.scopes.contains(&Scope::FhirUser)
        });
        // A granular scope that does not read as a search on this type allows nothing: fail closed.
        let filters: Vec<Vec<Filter>> =
            scopes.iter().filter_map(|scope| filters(resource_type, &scope.granular()?)).collect();
        match user {
            None if filters.is_empty() => None,
            user => Some(permit(user.as_ref().map(|user| user.id.as_str()), filters)),
        }
    }

    /// The resource that stands for the person who signed in: the member's own Patient, or in the record of a member for whom
    /// they act their `RelatedPerson`, where there is one.
    fn user(&self) -> Option<Reference> {
        match &self.claims.fhir_user {
            Some(user) => Reference::parse(user, &[]),
            None if self.claims.sub == self.claims.patient => Some(Reference::new("Patient", self.patient())),
            None => None,
        }
    }
}

impl Access {
    /// The grant.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Opens a value that was read under a permit of the same grant.
    ///
    /// # Errors
    /// [`StoreError::Fault`] where it was read under another grant: two requests were mixed up, so nothing leaves.
    pub fn open<T>(&self, sealed: Sealed<T>) -> Result<T, StoreError> {
        if *sealed.grant == *self.grant.id {
            Ok(sealed.value)
        } else {
            Err(StoreError::Fault("data read under one grant was to be opened under another".into()))
        }
    }
}
