//! `patient-access app secret`: an app changes from one secret to the next while both are valid.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use shared::clock::{Clock, Time};
use shared::oauth::client::{Authentication, Client, ClientSecret};
use shared::secret::Random;

use super::{find, save, settings};
use crate::stack::Stack;

/// The most secrets that an app has at a time.
const MOST: usize = 2;

/// The commands on an app's secrets.
#[derive(Subcommand)]
pub enum SecretCommand {
    /// Make a second secret; the first one stays valid beside it
    Add(AddSecret),
    /// End a secret
    Remove(RemoveSecret),
}

/// The arguments of `app secret add`.
#[derive(Args)]
pub struct AddSecret {
    /// The app's client id
    client_id: String,
    /// A name for the secret [default: a short random one]
    #[arg(long)]
    label: Option<String>,
    /// The existing secret ends by itself after this many days
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=365))]
    old_ends_in: Option<u16>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// The arguments of `app secret remove`.
#[derive(Args)]
pub struct RemoveSecret {
    /// The app's client id
    client_id: String,
    /// The name of the secret; `app show` lists the names
    label: String,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// A random name for a secret.
pub(super) fn label(random: &Random) -> String {
    random.identifier().chars().take(6).collect()
}

impl SecretCommand {
    pub(super) async fn run(self, stack: &Stack) -> Result<String> {
        match self {
            SecretCommand::Add(add) => add.run(stack).await,
            SecretCommand::Remove(remove) => remove.run(stack).await,
        }
    }
}

impl AddSecret {
    async fn run(self, stack: &Stack) -> Result<String> {
        let stored = find(stack, &self.client_id).await?;
        let (random, now) = (Random::system(), Clock::System.now());
        let label = self.label.unwrap_or_else(|| label(&random));
        if label.is_empty()
            || label.len() > 32
            || !label.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        {
            bail!("--label: 1 to 32 letters, digits, `-`, `_` and `.` are needed");
        }
        let mut secrets = secrets_of(&stored.record)?.to_vec();
        secrets.retain(|secret| secret.expires_at.is_none_or(|end| now < end));
        if secrets.len() >= MOST {
            let labels: Vec<&str> = secrets.iter().map(|secret| secret.label.as_str()).collect();
            bail!("the app has two secrets, {}: remove the one it no longer uses first", labels.join(" and "));
        }
        if secrets.iter().any(|secret| secret.label == label) {
            bail!("--label: a secret is called `{label}` already; each needs a name of its own");
        }
        if let Some(days) = self.old_ends_in {
            let end = now.plus_seconds(i64::from(days) * 86_400);
            for secret in &mut secrets {
                secret.expires_at = Some(secret.expires_at.map_or(end, |before: Time| before.min(end)));
            }
        }
        let secret = random.secret();
        secrets.push(ClientSecret::new(&label, &secret, now));
        let app = Client { authentication: Authentication::Secret(secrets), ..stored.record.clone() };
        save(stack, &stored, &app).await?;
        Ok(settings::tell(stack, &app, &[settings::Note::Secret(&secret)], self.json))
    }
}

impl RemoveSecret {
    async fn run(self, stack: &Stack) -> Result<String> {
        let stored = find(stack, &self.client_id).await?;
        let now = Clock::System.now();
        let secrets = secrets_of(&stored.record)?;
        if secrets.iter().all(|secret| secret.label != self.label) {
            let labels: Vec<&str> = secrets.iter().map(|secret| secret.label.as_str()).collect();
            bail!("no secret of this app is called `{}`; it has {}", self.label, labels.join(" and "));
        }
        let left: Vec<ClientSecret> = secrets.iter().filter(|secret| secret.label != self.label).cloned().collect();
        if !left.iter().any(|secret| secret.expires_at.is_none_or(|end| now < end)) {
            bail!("this is the app's last secret: add the next one first, or stop the app with `app disable`");
        }
        let app = Client { authentication: Authentication::Secret(left), ..stored.record.clone() };
        save(stack, &stored, &app).await?;
        Ok(settings::tell(stack, &app, &[], self.json))
    }
}

fn secrets_of(app: &Client) -> Result<&[ClientSecret]> {
    match &app.authentication {
        Authentication::Secret(secrets) => Ok(secrets),
        Authentication::None => {
            bail!("this app is public and has no secrets: register another with `app add --confidential`")
        }
        Authentication::Keys(_) | Authentication::KeysAt(_) => {
            bail!("this app signs in with keys of its own and has no secrets: change them with `app change --jwks…`")
        }
    }
}
