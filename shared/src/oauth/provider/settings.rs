//! The identity providers of the plan, and whether its own directory is a way in, too. Only the operator writes this record.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::names::{By, Names};
use crate::bounds::PROVIDER_NAME_BYTES;
use crate::clock::Time;
use crate::issuer::Issuer;
use crate::store::StoreError;
use crate::store::auth::{Auth, Record};
use crate::store::sealer::{Context, Sealed};

/// The ways in that the plan offers. They are one record, because the sign-in page needs them all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityProviders {
    /// Whether members may sign in with a name of the plan's own directory.
    pub local: bool,
    /// The providers, in the order in which members see them.
    pub providers: Vec<IdentityProvider>,
    /// Those that were removed. Persons are known by a provider's name, so another issuer must not get it.
    pub former: Vec<Former>,
}

/// A provider that was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// The plan's name for it.
    pub name: String,
    /// Its issuer.
    pub issuer: String,
}

/// One provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityProvider {
    /// The plan's name for it. It stands in addresses and in the names of persons, and never changes.
    pub name: String,
    /// Its issuer, byte for byte as its metadata and tokens have it.
    pub issuer: String,
    /// Our `client_id` there.
    pub client_id: String,
    /// How we prove there who we are.
    pub authentication: ClientAuthentication,
    /// The scopes that we ask for, `openid` among them.
    pub scope: String,
    /// The claim of the `id_token` that names the person.
    pub claim: String,
    /// The meaning of that claim.
    pub names: Names,
    /// The `acr` values of which the `id_token` must have one; any will do where the list is empty.
    pub acr: Vec<String>,
    /// The `amr` values that the `id_token` must have, all of them.
    pub amr: Vec<String>,
    /// The `acr` that apps are told for one of the provider's. They are told nothing of one that is not here.
    #[serde(default)]
    pub acr_as: BTreeMap<String, String>,
}

/// How we authenticate at a provider's token endpoint (OpenID Connect Core §9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// By a secret, in HTTP Basic.
    Basic(Sealed),
    /// By a secret, in the form.
    Post(Sealed),
    /// By an assertion that KMS signs.
    PrivateKeyJwt,
}

impl Default for IdentityProviders {
    /// A stack whose operator set nothing: the plan's own directory alone.
    fn default() -> IdentityProviders {
        IdentityProviders { local: true, providers: Vec::new(), former: Vec::new() }
    }
}

impl IdentityProviders {
    /// The key of the one record.
    pub const KEY: &'static str = "all";

    /// As the operator set them.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn read(auth: &Auth) -> Result<IdentityProviders, StoreError> {
        let stored = auth.get::<IdentityProviders>(IdentityProviders::KEY).await?;
        Ok(stored.map(|stored| stored.record).unwrap_or_default())
    }

    /// The provider of that name.
    pub fn named(&self, name: &str) -> Option<&IdentityProvider> {
        self.providers.iter().find(|provider| provider.name == name)
    }

    /// The issuer that has, or had, that name.
    pub fn issuer_of(&self, name: &str) -> Option<&str> {
        let former = || self.former.iter().find(|former| former.name == name).map(|former| former.issuer.as_str());
        self.named(name).map(|provider| provider.issuer.as_str()).or_else(former)
    }

    /// The one way in, where it is a provider: nobody has to choose then.
    pub fn only(&self) -> Option<&IdentityProvider> {
        match &self.providers[..] {
            [one] if !self.local => Some(one),
            _ => None,
        }
    }
}

impl IdentityProvider {
    /// The address to which this provider, and no other, sends the browser back. With one for all, a provider could pass its own
    /// answer off as another's (RFC 9700 §4.4).
    pub fn redirect_uri(&self, issuer: &Issuer) -> String {
        format!("{issuer}/login/{}/answer", self.name)
    }

    /// The address at which this provider tells that somebody signed out there.
    pub fn logout_uri(&self, issuer: &Issuer) -> String {
        format!("{issuer}/login/{}/logout", self.name)
    }

    /// The address of our public keys, for a provider where we sign assertions.
    pub fn jwks_uri(&self, issuer: &Issuer) -> String {
        format!("{issuer}/login/{}/jwks", self.name)
    }

    /// The context under which its secret is sealed: a ciphertext that is moved to another provider does not open.
    pub fn context(name: &str, issuer: &str) -> Context {
        let pairs = vec![("identity-provider", name.to_owned()), ("issuer", issuer.to_owned())];
        Context { purpose: "identity-provider", pairs }
    }
}

/// Whether a text may be a provider's name.
pub fn is_name(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=PROVIDER_NAME_BYTES).contains(&text.len()) && text.bytes().all(legal)
}

impl Record for IdentityProviders {
    const KIND: &'static str = "identity-providers";

    fn key(&self) -> String {
        IdentityProviders::KEY.to_owned()
    }

    fn expires_at(&self) -> Option<Time> {
        None
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn provider(name: &str) -> IdentityProvider {
        IdentityProvider {
            name: name.to_owned(),
            issuer: "https://id.plan.example".to_owned(),
            client_id: "us".to_owned(),
            authentication: ClientAuthentication::PrivateKeyJwt,
            scope: "openid".to_owned(),
            claim: "patient".to_owned(),
            names: Names::Patient,
            acr: Vec::new(),
            amr: Vec::new(),
            acr_as: BTreeMap::new(),
        }
    }

    #[test]
    fn nobody_chooses_where_there_is_one_way_in() {
        let with = |local, names: &[&str]| IdentityProviders {
            local,
            providers: names.iter().map(|name| provider(name)).collect(),
            former: Vec::new(),
        };
        assert_eq!(with(false, &["a"]).only().map(|one| one.name.as_str()), Some("a"));
        for ways in [IdentityProviders::default(), with(true, &["a"]), with(false, &["a", "b"]), with(false, &[])] {
            assert_eq!(ways.only(), None);
        }
    }

    #[test]
    fn each_provider_has_a_redirect_uri_of_its_own() {
        let issuer = Issuer::parse("https://fhir.plan.example").unwrap();
        assert_ne!(provider("a").redirect_uri(&issuer), provider("b").redirect_uri(&issuer));
        assert_eq!(provider("a").redirect_uri(&issuer), "https://fhir.plan.example/login/a/answer");
    }

    #[test]
    fn a_name_can_stand_in_an_address() {
        assert!(is_name("plan-login2") && !is_name("") && !is_name("Plan") && !is_name("a/b") && !is_name("a b"));
        assert!(is_name(&"a".repeat(PROVIDER_NAME_BYTES)) && !is_name(&"a".repeat(PROVIDER_NAME_BYTES + 1)));
    }
}
