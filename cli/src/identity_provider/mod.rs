//! `patient-access identity-provider …`: the identity providers with which members sign in.

mod check;
mod set;

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value as Json, json};
use shared::oauth::provider::settings::{By, ClientAuthentication, Former, IdentityProvider, IdentityProviders};
use shared::store::auth::{Auth, Commit, CommitError, Stored};

use crate::stack::Stack;

/// The commands on identity providers.
#[expect(clippy::large_enum_variant, reason = "there is one of them in a run of the command")]
#[derive(Subcommand)]
pub enum IdentityProviderCommand {
    /// Let members sign in with an identity provider, or change what was told of it
    Set(set::SetProvider),
    /// Show one provider, or all and whether the plan's own directory is a way in
    Show {
        /// The provider's name
        name: Option<String>,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Read what a provider publishes of itself, and say whether it fits
    Check(OneProvider),
    /// Let nobody sign in with a provider any more; whom it signed in stays known, and their apps stay connected
    Remove(OneProvider),
    /// Let members sign in with names of the plan's own directory, or not
    Local {
        /// Whether they may
        state: Switch,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
}

/// The arguments of a command on one provider.
#[derive(Args)]
pub struct OneProvider {
    /// The provider's name
    name: String,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// On or off.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// They may.
    On,
    /// They may not.
    Off,
}

impl IdentityProviderCommand {
    /// Runs the command. Returns the text to print.
    ///
    /// # Errors
    /// [`crate::call::WrongCall`] where an argument is not valid; there is no such provider, or the stack does not answer.
    pub async fn run(self, stack: &Stack) -> Result<String> {
        let auth = stack.auth();
        match self {
            IdentityProviderCommand::Set(set) => set.run(stack).await,
            IdentityProviderCommand::Show { name: Some(name), json } => {
                Ok(told(stack, find(&read(&auth).await?.0, &name)?, json))
            }
            IdentityProviderCommand::Show { name: None, json } => Ok(all(stack, &read(&auth).await?.0, json)),
            IdentityProviderCommand::Check(one) => {
                check::run(stack, find(&read(&auth).await?.0, &one.name)?, one.json).await
            }
            IdentityProviderCommand::Remove(one) => {
                let (mut ways, before) = read(&auth).await?;
                let removed = find(&ways, &one.name)?.clone();
                ways.providers.retain(|provider| provider.name != one.name);
                ways.former.push(Former { name: removed.name, issuer: removed.issuer });
                save(&auth, before.as_ref(), &ways).await?;
                Ok(all(stack, &ways, one.json))
            }
            IdentityProviderCommand::Local { state, json } => {
                let (ways, before) = read(&auth).await?;
                let ways = IdentityProviders { local: state == Switch::On, ..ways };
                save(&auth, before.as_ref(), &ways).await?;
                Ok(all(stack, &ways, json))
            }
        }
    }
}

/// The providers as they are set, and the record to replace.
async fn read(auth: &Auth) -> Result<(IdentityProviders, Option<Stored<IdentityProviders>>)> {
    let before = auth.get::<IdentityProviders>(IdentityProviders::KEY).await?;
    Ok((before.as_ref().map(|stored| stored.record.clone()).unwrap_or_default(), before))
}

fn find<'a>(ways: &'a IdentityProviders, name: &str) -> Result<&'a IdentityProvider> {
    match ways.named(name) {
        Some(provider) => Ok(provider),
        None => bail!("there is no identity provider `{name}`; `patient-access identity-provider show` shows all"),
    }
}

async fn save(auth: &Auth, before: Option<&Stored<IdentityProviders>>, after: &IdentityProviders) -> Result<()> {
    let commit = match before {
        Some(before) => Commit::default().replace(before, after),
        None => Commit::default().create(after),
    };
    match auth.commit(commit).await {
        Ok(()) => Ok(()),
        Err(CommitError::Conflict) => {
            bail!("somebody else changed the identity providers just now; look and try again")
        }
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

/// A provider as JSON. Its secret is never told.
fn to_json(stack: &Stack, provider: &IdentityProvider) -> Json {
    let authentication = match &provider.authentication {
        ClientAuthentication::Basic(_) => "basic",
        ClientAuthentication::Post(_) => "post",
        ClientAuthentication::PrivateKeyJwt => "private_key_jwt",
    };
    let By { birth_date, dependent, .. } = provider.names.by().cloned().unwrap_or_default();
    let mut told = json!({
        "name": provider.name, "issuer": provider.issuer, "client_id": provider.client_id,
        "authentication": authentication, "scope": provider.scope, "claim": provider.claim, "names": provider.names.to_string(),
        "acr": provider.acr, "amr": provider.amr, "acr_as": provider.acr_as, "redirect_uri": provider.redirect_uri(stack.issuer()),
        "backchannel_logout_uri": provider.logout_uri(stack.issuer()),
    });
    if provider.authentication == ClientAuthentication::PrivateKeyJwt {
        told["jwks_uri"] = provider.jwks_uri(stack.issuer()).into();
    }
    for (name, claim) in [("and_birth_date", birth_date), ("and_dependent", dependent)] {
        if let Some(claim) = claim {
            told[name] = claim.into();
        }
    }
    told
}

/// A provider as JSON, or as lines for people.
fn told(stack: &Stack, provider: &IdentityProvider, json: bool) -> String {
    let told = to_json(stack, provider);
    if json {
        return format!("{told}\n");
    }
    let text = |value: &Json| match value {
        Json::String(text) => text.clone(),
        Json::Object(pairs) => {
            let pair = |(theirs, ours): (&String, &Json)| format!("{theirs}={}", ours.as_str().unwrap_or_default());
            pairs.iter().map(pair).collect::<Vec<_>>().join(" ")
        }
        Json::Array(list) => list.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    let lines = told.as_object().into_iter().flatten().map(|(name, value)| (name.replace('_', " "), text(value)));
    let line = |(name, text): (String, String)| format!("{name:<23} {text}\n");
    lines.filter(|(_, text)| !text.is_empty()).map(line).collect()
}

fn all(stack: &Stack, ways: &IdentityProviders, json: bool) -> String {
    if json {
        let providers: Vec<Json> = ways.providers.iter().map(|provider| to_json(stack, provider)).collect();
        return format!("{}\n", json!({"local": ways.local, "providers": providers}));
    }
    let local = format!("the plan's own directory: {}\n", if ways.local { "on" } else { "off" });
    let provider = |provider: &IdentityProvider| format!("{:<20} {}\n", provider.name, provider.issuer);
    let nobody = ways.providers.is_empty() && !ways.local;
    let nobody = if nobody { "nobody can sign in: set a provider, or switch the directory on\n" } else { "" };
    local + &ways.providers.iter().map(provider).collect::<String>() + nobody
}
