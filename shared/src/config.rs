//! A deployment's settings, read once at start from the environment that `template.yaml` sets.
//!
//! A function asks for settings by their types, several as a tuple, and gets either all of them or an error that names
//! everything that is missing or wrong. So no function starts with an empty name:
//!
//! ```
//! # use shared::config::{AuthTableName, ConfigError, SigningKeyId, from_lookup};
//! let settings: Result<(AuthTableName, SigningKeyId), ConfigError> = from_lookup(|_| None);
//! assert_eq!(settings.unwrap_err().0, ["AUTH_TABLE is not set", "SIGNING_KEY is not set"]);
//! ```

use std::ops::Deref;

use crate::fhir::guides::Guides;
use crate::issuer::{Issuer, WrongIssuer};

/// Why a function cannot start: something is missing or wrong in its environment, or KMS or the table does not answer.
pub type StartError = Box<dyn std::error::Error + Send + Sync>;

/// Everything that is missing or wrong in the environment, all at once.
#[derive(Debug, thiserror::Error)]
#[error("the function's environment is not complete: {}", .0.join("; "))]
pub struct ConfigError(pub Vec<String>);

/// Where settings are read from, and what is missing or wrong there.
pub struct Environment<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    faults: Vec<String>,
}

/// Something that a deployment tells its functions.
pub trait Setting: Sized {
    /// Reads it; `None` where it is missing or wrong, which the environment then knows.
    fn read(environment: &mut Environment<'_>) -> Option<Self>;
}

/// Reads settings from the process's environment.
///
/// # Errors
/// [`ConfigError`] with every variable that is missing or wrong.
pub fn from_environment<S: Setting>() -> Result<S, ConfigError> {
    from_lookup(|name| std::env::var(name).ok())
}

/// As [`from_environment`], from any source of variables.
///
/// # Errors
/// [`ConfigError`] with every variable that is missing or wrong.
pub fn from_lookup<S: Setting>(lookup: impl Fn(&str) -> Option<String>) -> Result<S, ConfigError> {
    let mut environment = Environment { lookup: &lookup, faults: Vec::new() };
    let settings = S::read(&mut environment);
    match settings {
        Some(settings) if environment.faults.is_empty() => Ok(settings),
        _ => Err(ConfigError(environment.faults)),
    }
}

impl Environment<'_> {
    /// A variable. An empty one is as good as none: CloudFormation cannot leave a variable out.
    fn value(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    fn required(&mut self, name: &str) -> Option<String> {
        let value = self.value(name);
        if value.is_none() {
            self.fault(format!("{name} is not set"));
        }
        value
    }

    fn issuer(&mut self, text: &str) -> Option<Issuer> {
        Issuer::parse(text).map_err(|WrongIssuer(why)| self.fault(why)).ok()
    }

    fn fault(&mut self, fault: String) {
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }
}

/// Makes each name a type of its own, so that one cannot stand in another's place.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $variable:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(String);

        impl $name {
            /// The environment variable that tells it.
            pub const VARIABLE: &'static str = $variable;
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl Setting for $name {
            fn read(environment: &mut Environment<'_>) -> Option<$name> {
                environment.required($variable).map($name)
            }
        }
    )*};
}

names! {
    /// The table of members' health data.
    ResourcesTableName, "RESOURCES_TABLE";
    /// The table of apps, members, grants and tokens.
    AuthTableName, "AUTH_TABLE";
    /// The table of who saw what, and when.
    AuditTableName, "AUDIT_TABLE";
    /// The bucket that keeps a copy of the audit.
    AuditArchiveName, "AUDIT_ARCHIVE";
    /// The KMS key that signs the days of the audit, and nothing else.
    AuditKeyId, "AUDIT_KEY";
    /// The bucket of documents and large resources.
    DocumentsBucketName, "DOCUMENTS_BUCKET";
    /// The template's own KMS key, the first that signs. [`crate::keys`] says which keys sign now.
    SigningKeyId, "SIGNING_KEY";
    /// The KMS key of all data at rest. It also seals what only sign-in and the operator may open, under a context that says for what.
    DataKeyId, "DATA_KEY";
    /// The KMS key that signs our assertions at identity providers. It signs no token.
    AssertionKeyId, "ASSERTION_KEY";
}

/// A stack that proves itself at identity providers by secrets has no such key.
impl Setting for Option<AssertionKeyId> {
    fn read(environment: &mut Environment<'_>) -> Option<Option<AssertionKeyId>> {
        Some(environment.value(AssertionKeyId::VARIABLE).map(AssertionKeyId))
    }
}

/// How many days the rows of a closed day stay in the audit table (`AUDIT_TABLE_DAYS`).
#[derive(Clone, Copy, Debug)]
pub struct AuditTableDays(pub i64);

impl Setting for AuditTableDays {
    fn read(environment: &mut Environment<'_>) -> Option<AuditTableDays> {
        let text = environment.required("AUDIT_TABLE_DAYS")?;
        let days = text.parse().ok().filter(|days| *days > 0);
        if days.is_none() {
            environment.fault(format!("AUDIT_TABLE_DAYS `{text}` is no number of days"));
        }
        days.map(AuditTableDays)
    }
}

macro_rules! tuples {
    ($(($($setting:ident),*))*) => {$(
        impl<$($setting: Setting),*> Setting for ($($setting,)*) {
            #[allow(non_snake_case, reason = "each value is called after its type")]
            fn read(environment: &mut Environment<'_>) -> Option<Self> {
                // All are read before any is missed, so that the error names all that are missing.
                $(let $setting = $setting::read(environment);)*
                Some(($($setting?,)*))
            }
        }
    )*};
}

tuples! { (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) (A, B, C, D, E, F) }

/// Settings that have a default, and that every function may be told.
#[derive(Clone, Debug)]
pub struct Config {
    /// `ISSUER`; `None` where the deployment has no domain of its own.
    pub issuer: Option<Issuer>,
    /// Whose members it serves.
    pub plan: Plan,
    /// `GUIDES`: which versions of the guides the `CapabilityStatement` names.
    pub guides: Guides,
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

impl Config {
    /// Whose API this is: the configured issuer, else the API's own host name, `domain`.
    pub fn issuer(&self, domain: &str) -> Issuer {
        self.issuer.clone().unwrap_or_else(|| Issuer::of_host(domain))
    }
}

impl Setting for Config {
    fn read(environment: &mut Environment<'_>) -> Option<Config> {
        let issuer = environment.value(ISSUER).and_then(|text| environment.issuer(&text));
        let guides = environment.value("GUIDES").and_then(|name| {
            let known = Guides::named(&name);
            if known.is_none() {
                environment.fault(format!("GUIDES `{name}` is not 3.1.1, 6.1.0 or 7.0.0"));
            }
            known
        });
        Some(Config {
            issuer,
            plan: Plan {
                name: environment.value("PLAN_NAME").unwrap_or_else(|| "Your health plan".to_owned()),
                website: environment.value("PLAN_WEBSITE"),
                logo: environment.value("PLAN_LOGO"),
                brands_url: environment.value("BRANDS_URL"),
            },
            guides: guides.unwrap_or_default(),
        })
    }
}

/// The variable that tells the issuer.
pub const ISSUER: &str = "ISSUER";

/// An issuer that must be there: the operator's command has no request that would tell the API's host name.
impl Setting for Issuer {
    fn read(environment: &mut Environment<'_>) -> Option<Issuer> {
        environment.required(ISSUER).and_then(|text| environment.issuer(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let settings = from_lookup::<(Config, AuthTableName, AuditTableName)>(|_| None);
        let error = settings.unwrap_err().to_string();
        assert!(error.contains("AUTH_TABLE") && error.contains("AUDIT_TABLE"), "{error}");
    }

    #[test]
    fn an_empty_name_is_a_missing_one() {
        let settings = from_lookup::<(AuthTableName, SigningKeyId)>(|name| {
            Some(if name == "SIGNING_KEY" { "" } else { "table" }.to_owned())
        });
        assert_eq!(settings.unwrap_err().0, ["SIGNING_KEY is not set"]);
    }

    #[test]
    fn a_wrong_issuer_is_named_once_beside_what_is_missing() {
        let settings = from_lookup::<(Config, Issuer, SigningKeyId)>(|name| {
            (name == "ISSUER").then(|| "http://plan.example".to_owned())
        });
        let faults = settings.unwrap_err().0;
        assert!(faults.len() == 2 && faults[0].contains("must be https"), "{faults:?}");
        assert_eq!(faults[1], "SIGNING_KEY is not set");
    }

    #[test]
    fn the_versions_of_the_guides_are_a_set_that_is_known() {
        let guides = |name: &str| from_lookup::<Config>(|key| (key == "GUIDES").then(|| name.to_owned()));
        assert_eq!(guides("7.0.0").unwrap().guides, Guides::UsCore7);
        assert_eq!(guides("").unwrap().guides, Guides::UsCore6);
        assert!(guides("5.0.1").unwrap_err().to_string().contains("GUIDES `5.0.1`"));
    }
}
