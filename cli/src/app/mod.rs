//! `patient-access app …`: registers apps and changes what was registered.

mod add;
mod change;
mod secret;
mod settings;
mod stop;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use shared::access::is_supported;
use shared::oauth::client::{Authentication, Client, Limits};
use shared::oauth::client_keys;
use shared::oauth::fetch::fetchable;
use shared::oauth::redirect_uri::registrable;
use shared::oauth::visible;
use shared::scope::{Scope, Scopes};
use shared::store::auth::{Commit, CommitError, Stored};

use crate::stack::Stack;

/// The commands on apps.
#[derive(Subcommand)]
pub enum AppCommand {
    /// Register an app and print what its developer needs
    Add(add::AddApp),
    /// List the registered apps
    List {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show an app's registration, and what its developer needs
    Show(OneApp),
    /// Change an app's registration; settings that are not named stay
    Change(change::ChangeApp),
    /// Add or remove a client secret; with two at a time, an app can change from one to the next
    #[command(subcommand)]
    Secret(secret::SecretCommand),
    /// Stop an app: nobody can connect it from this moment on, its tokens open nothing after 30 seconds, and its grants are ended
    Disable(OneApp),
    /// Let members connect a stopped app again
    Enable(OneApp),
}

/// The arguments of a command on one app.
#[derive(Args)]
pub struct OneApp {
    /// The app's client id
    client_id: String,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl AppCommand {
    /// Runs the command. Returns the text to print.
    ///
    /// # Errors
    /// An argument is not valid, there is no such app, or the stack does not answer.
    pub async fn run(self, stack: &Stack) -> Result<String> {
        match self {
            AppCommand::Add(add) => add.run(stack).await,
            AppCommand::List { json } => {
                let (auth, mut apps) = (stack.auth(), Vec::<Client>::new());
                let mut listed = auth.listed::<Client>(Client::LIST);
                while let Some(page) = listed.next().await? {
                    apps.extend(page.into_iter().map(|stored| stored.record));
                }
                apps.sort_by(|a, b| (a.name.to_lowercase(), &a.id).cmp(&(b.name.to_lowercase(), &b.id)));
                Ok(settings::list(&apps, json))
            }
            AppCommand::Show(OneApp { client_id, json }) => {
                let app = find(stack, &client_id).await?.record;
                Ok(settings::tell(stack, &app, &[], json))
            }
            AppCommand::Change(change) => change.run(stack).await,
            AppCommand::Secret(secret) => secret.run(stack).await,
            AppCommand::Disable(one) => one.stop(stack).await,
            AppCommand::Enable(one) => one.enable(stack).await,
        }
    }
}

/// The app with this client id.
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

/// The longest name that fits the pages, in characters.
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

/// The public keys of an app that signs assertions.
#[derive(Args)]
#[group(multiple = false)]
struct KeyArguments {
    /// The app signs in with a key of its own (`private_key_jwt`): the file with its public keys, a JWK set
    #[arg(long, value_name = "FILE")]
    jwks: Option<String>,
    /// The same, with the https URL where the app publishes its public keys. The app may then change them by itself
    #[arg(long, value_name = "URL")]
    jwks_url: Option<String>,
}

impl KeyArguments {
    /// The authentication to register, with warnings for the operator; `None` if the command line names no keys.
    async fn read(&self, stack: &Stack) -> Result<Option<(Authentication, Vec<String>)>> {
        if let Some(file) = &self.jwks {
            if file.contains("://") {
                bail!("--jwks takes a file; use --jwks-url for the URL where the app publishes its keys");
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
        // The URL may be out of reach for the operator only, so this is a warning and no refusal.
        let warning = match client_keys::try_url(url, loopback).await {
            Ok(0) => Some(format!("{url} holds no key that can be used: RSA of at least 2048 bits, or EC on P-384")),
            Ok(_) => None,
            Err(error) => {
                Some(format!("{url} gives no keys to this machine: {error}. The app cannot sign in until it does"))
            }
        };
        Ok(Some((Authentication::KeysAt(url.clone()), warning.into_iter().collect())))
    }
}

/// Limits of an app that are stricter than the usual ones.
#[derive(Args)]
struct LimitArguments {
    /// The app must be connected again after this many days without a refresh [default: 93]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=93))]
    refresh_days: Option<u16>,
    /// An access token is valid for this many seconds [default: 3600]
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
