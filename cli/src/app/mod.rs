//! `patient-access app …`: registers apps and changes what was registered.

mod add;
mod change;
mod secret;
mod settings;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use shared::access::grant::{Grant, Why};
use shared::access::is_supported;
use shared::oauth::client::{Authentication, Client, Limits};
use shared::oauth::client_keys;
use shared::oauth::fetch::fetchable;
use shared::oauth::redirect_uri::registrable;
use shared::oauth::visible;
use shared::scope::{Scope, Scopes};
use shared::store::auth::{Commit, CommitError, Stored};

use self::settings::Note;
use crate::member::end_all;
use crate::stack::Stack;

/// What to do with apps.
#[derive(Subcommand)]
pub enum Command {
    /// Register an app and print what its developer needs
    Add(add::Add),
    /// List the registered apps
    List {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what an app registered and what its developer needs
    Show(One),
    /// Change what an app registered; what is not named stays
    Change(change::Change),
    /// Add or remove a client secret: two side by side let an app change from one to the next
    #[command(subcommand)]
    Secret(secret::Command),
    /// Stop an app: nobody can connect it, and its tokens open nothing any more
    Disable(One),
    /// Let members connect a stopped app again
    Enable(One),
}

/// One app.
#[derive(Args)]
pub struct One {
    /// The app's client id
    client_id: String,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Command {
    /// Does it, and tells what there is to tell.
    ///
    /// # Errors
    /// An argument is not acceptable, there is no such app, or the stack does not answer.
    pub async fn run(self, stack: &Stack) -> Result<String> {
        match self {
            Command::Add(add) => add.run(stack).await,
            Command::List { json } => {
                let mut apps: Vec<Client> =
                    stack.auth().scan::<Client>().await?.into_iter().map(|stored| stored.record).collect();
                apps.sort_by(|a, b| (a.name.to_lowercase(), &a.id).cmp(&(b.name.to_lowercase(), &b.id)));
                Ok(settings::list(&apps, json))
            }
            Command::Show(One { client_id, json }) => {
                let app = find(stack, &client_id).await?.record;
                Ok(settings::tell(stack, &app, &[], json))
            }
            Command::Change(change) => change.run(stack).await,
            Command::Secret(secret) => secret.run(stack).await,
            Command::Disable(one) => one.switch(stack, true).await,
            Command::Enable(one) => one.switch(stack, false).await,
        }
    }
}

impl One {
    async fn switch(self, stack: &Stack, disabled: bool) -> Result<String> {
        let stored = find(stack, &self.client_id).await?;
        let app = Client { disabled, ..stored.record.clone() };
        save(stack, &stored, &app).await?;
        let mut said = Vec::new();
        if disabled {
            said.push(Note::Ended(end_grants(stack, &app.id).await?));
        }
        Ok(settings::tell(stack, &app, &said, self.json))
    }
}

/// Ends every grant of an app, after the app was stopped and can get no new ones; tells how many. A token's grant is read on
/// every request, its app is not: so this is what its tokens feel.
async fn end_grants(stack: &Stack, client_id: &str) -> Result<usize> {
    let auth = stack.auth();
    end_all(&auth, auth.scan::<Grant>().await?, |grant| grant.client == client_id, Why::AppStopped).await
}

/// The app of that client id.
async fn find(stack: &Stack, client_id: &str) -> Result<Stored<Client>> {
    match stack.auth().get::<Client>(client_id).await? {
        Some(stored) => Ok(stored),
        None => bail!("there is no app with the client id `{client_id}`; `patient-access app list` shows all"),
    }
}

async fn save(stack: &Stack, before: &Stored<Client>, after: &Client) -> Result<()> {
    match stack.auth().commit(Commit::default().replace(before, after)).await {
        Ok(()) => Ok(()),
        Err(CommitError::Conflict) => bail!("somebody else changed this app just now; look at it and try again"),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

/// The longest name that fits the pages.
const LONGEST_NAME: usize = 60;

fn check_name(name: &str) -> Result<()> {
    let needed = format!("1 to {LONGEST_NAME} visible characters are needed; members see it on the consent page");
    if name.chars().count() > LONGEST_NAME {
        bail!("--name: it is too long: {needed}");
    }
    visible::check(name).map_err(|error| anyhow::anyhow!("--name: {error}: {needed}"))
}

fn check_redirect_uris(uris: &[String]) -> Result<()> {
    for uri in uris {
        registrable(uri)?;
    }
    Ok(())
}

fn check_scope(scope: &str) -> Result<()> {
    // The grammar of the list; each scope by itself tells which one is wrong.
    scope.parse::<Scopes>()?;
    let unknown: Vec<&str> =
        scope.split(' ').filter(|scope| !Scope::parse(scope).is_some_and(|scope| is_supported(&scope))).collect();
    if !unknown.is_empty() {
        let discovery = "`scopes_supported` in the server's discovery document lists them";
        bail!("--scope: this server does not know `{}`; {discovery}", unknown.join("` and `"));
    }
    Ok(())
}

/// What an app signs its assertions with.
#[derive(Args)]
#[group(multiple = false)]
struct Keys {
    /// The app signs in with a key of its own (`private_key_jwt`): a file with its public keys, as a JWK set
    #[arg(long, value_name = "FILE")]
    jwks: Option<String>,
    /// The same, with the https URL where the app publishes its public keys. It may then change them by itself
    #[arg(long, value_name = "URL")]
    jwks_url: Option<String>,
}

impl Keys {
    /// What is registered, and what the operator should know; `None` where the command line names no keys.
    async fn read(&self, stack: &Stack) -> Result<Option<(Authentication, Vec<String>)>> {
        if let Some(file) = &self.jwks {
            if file.contains("://") {
                bail!("--jwks takes a file; for the URL where the app publishes its keys there is --jwks-url");
            }
            let text = match std::fs::read(file) {
                Ok(text) => text,
                Err(error) => bail!("--jwks: {file} cannot be read: {error}"),
            };
            let keys = client_keys::registrable(&text).map_err(|error| anyhow::anyhow!("--jwks: {file}: {error}"))?;
            return Ok(Some((Authentication::Keys(keys), Vec::new())));
        }
        let Some(url) = &self.jwks_url else { return Ok(None) };
        let loopback = stack.issuer().is_loopback();
        fetchable(url, loopback).map_err(|error| anyhow::anyhow!("--jwks-url: {error}"))?;
        // The operator may sit where the URL is out of reach, so this is no refusal.
        let warning = match client_keys::try_url(url, loopback).await {
            Ok(0) => Some(format!("{url} holds no key that can be used: RSA of at least 2048 bits, or EC on P-384")),
            Ok(_) => None,
            Err(error) => {
                Some(format!("{url} gives no keys to this machine: {error}. The app cannot sign in before it does"))
            }
        };
        Ok(Some((Authentication::KeysAt(url.clone()), warning.into_iter().collect())))
    }
}

/// What an app gets less of than others.
#[derive(Args)]
struct LimitArguments {
    /// The app must connect anew after so many days without a refresh [default: 93]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=93))]
    refresh_days: Option<u16>,
    /// An access token is good for so many seconds [default: 3600]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(60..=3600))]
    access_seconds: Option<u16>,
}

impl LimitArguments {
    fn over(&self, limits: Limits) -> Limits {
        Limits {
            refresh_days: self.refresh_days.or(limits.refresh_days),
            access_seconds: self.access_seconds.or(limits.access_seconds),
        }
    }
}
