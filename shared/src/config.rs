//! What a deployment tells its functions, read once at start from the environment that `template.yaml` sets.

use crate::fhir::guides::Guides;
use crate::issuer::{Issuer, WrongIssuer};

/// Everything that is missing or wrong in the environment, all at once.
#[derive(Debug, thiserror::Error)]
#[error("the function's environment is not complete: {}", .0.join("; "))]
pub struct ConfigError(pub Vec<String>);

/// The names of a deployment's parts.
#[derive(Clone, Debug)]
pub struct Config {
    /// `ISSUER`; `None` where the deployment has no domain of its own.
    pub issuer: Option<Issuer>,
    /// `RESOURCES_TABLE`.
    pub resources_table: String,
    /// `AUTH_TABLE`.
    pub auth_table: String,
    /// `AUDIT_TABLE`.
    pub audit_table: String,
    /// `DOCUMENTS_BUCKET`.
    pub documents_bucket: String,
    /// Whose members it serves.
    pub plan: Plan,
    /// `GUIDES`: which versions of the guides the `CapabilityStatement` names.
    pub guides: Guides,
    /// `SIGNING_KEY`: the template's own KMS key, the first that signs. Which keys do now is said by [`crate::keys`].
    pub signing_key: String,
}

/// The health plan, as members and app directories see it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// `PLAN_NAME`; without it, pages say "Your health plan".
    pub name: String,
    /// `PLAN_WEBSITE`, an https URL.
    pub website: Option<String>,
    /// `PLAN_LOGO`, an https URL.
    pub logo: Option<String>,
    /// `BRANDS_URL`: where the plan publishes a Brand Bundle of its own, in place of the one made here.
    pub brands_url: Option<String>,
}

/// The variables a function may need; each function is given only its own (see `template.yaml`).
pub const RESOURCES_TABLE: &str = "RESOURCES_TABLE";
/// See [`RESOURCES_TABLE`].
pub const AUTH_TABLE: &str = "AUTH_TABLE";
/// See [`RESOURCES_TABLE`].
pub const AUDIT_TABLE: &str = "AUDIT_TABLE";
/// See [`RESOURCES_TABLE`].
pub const DOCUMENTS_BUCKET: &str = "DOCUMENTS_BUCKET";
/// See [`RESOURCES_TABLE`].
pub const SIGNING_KEY: &str = "SIGNING_KEY";

impl Config {
    /// Whose API this is: the configured issuer, else the API's own host name, `domain`.
    pub fn issuer(&self, domain: &str) -> Issuer {
        self.issuer.clone().unwrap_or_else(|| Issuer::of_host(domain))
    }

    /// Reads the process's environment. Variables not among `needed` may be absent.
    ///
    /// # Errors
    /// [`ConfigError`] with every variable that is missing or wrong.
    pub fn from_environment(needed: &[&str]) -> Result<Config, ConfigError> {
        Config::from_lookup(needed, |name| std::env::var(name).ok())
    }

    /// As [`Config::from_environment`], from any source of variables.
    ///
    /// # Errors
    /// [`ConfigError`] with every variable that is missing or wrong.
    pub fn from_lookup(needed: &[&str], lookup: impl Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
        let value = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let mut faults: Vec<String> =
            needed.iter().filter(|name| value(name).is_none()).map(|name| format!("{name} is not set")).collect();
        let issuer = match value("ISSUER").map(|text| Issuer::parse(&text)).transpose() {
            Ok(issuer) => issuer,
            Err(WrongIssuer(why)) => {
                faults.push(why);
                None
            }
        };
        let guides = value("GUIDES").and_then(|name| {
            let known = Guides::named(&name);
            if known.is_none() {
                faults.push(format!("GUIDES `{name}` is not 3.1.1, 6.1.0 or 7.0.0"));
            }
            known
        });
        if !faults.is_empty() {
            return Err(ConfigError(faults));
        }
        Ok(Config {
            issuer,
            resources_table: value(RESOURCES_TABLE).unwrap_or_default(),
            auth_table: value(AUTH_TABLE).unwrap_or_default(),
            audit_table: value(AUDIT_TABLE).unwrap_or_default(),
            documents_bucket: value(DOCUMENTS_BUCKET).unwrap_or_default(),
            plan: Plan {
                name: value("PLAN_NAME").unwrap_or_else(|| "Your health plan".to_owned()),
                website: value("PLAN_WEBSITE"),
                logo: value("PLAN_LOGO"),
                brands_url: value("BRANDS_URL"),
            },
            guides: guides.unwrap_or_default(),
            signing_key: value(SIGNING_KEY).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let error = Config::from_lookup(&[AUTH_TABLE, AUDIT_TABLE], |_| None).unwrap_err().to_string();
        assert!(error.contains("AUTH_TABLE") && error.contains("AUDIT_TABLE"), "{error}");
    }

    #[test]
    fn the_versions_of_the_guides_are_a_set_that_is_known() {
        let guides = |name: &str| Config::from_lookup(&[], |key| (key == "GUIDES").then(|| name.to_owned()));
        assert_eq!(guides("7.0.0").unwrap().guides, Guides::UsCore7);
        assert_eq!(guides("").unwrap().guides, Guides::UsCore6);
        assert!(guides("5.0.1").unwrap_err().to_string().contains("GUIDES `5.0.1`"));
    }
}
