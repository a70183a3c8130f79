//! `patient-access app add`: registers an app.

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;
use shared::clock::Clock;
use shared::oauth::client::Client;
use shared::oauth::redirect_uri::registrable;
use shared::scope::Scopes;
use shared::secret::Random;
use shared::store::auth::Commit;

use crate::jwks;
use crate::stack::Stack;

/// The arguments.
#[derive(Args)]
pub struct Add {
    /// The app's name, as members see it
    #[arg(long)]
    name: String,
    /// Where members are sent back to; say it once for each, exactly as the app will
    #[arg(long = "redirect-uri", value_name = "URI", required = true)]
    redirect_uris: Vec<String>,
    /// What the app may ask for, as a scope string [default: every scope the server supports]
    #[arg(long)]
    scope: Option<String>,
    /// The app runs on a server and can keep a secret: make one
    #[arg(long)]
    confidential: bool,
    /// The app signs in with a key of its own (`private_key_jwt`): its public keys, as a JWK set. They are read now
    #[arg(long, value_name = "FILE|URL", conflicts_with = "confidential")]
    jwks: Option<String>,
    /// Print what the app's developer needs as JSON
    #[arg(long)]
    json: bool,
}

/// The longest name that fits the pages.
const LONGEST_NAME: usize = 60;

impl Add {
    /// Registers the app and tells what its developer needs. The secret is told here and never again.
    ///
    /// # Errors
    /// An argument is not acceptable, or the stack does not answer.
    pub async fn run(self, stack: &Stack) -> Result<String> {
        self.check()?;
        let keys = match &self.jwks {
            Some(place) => Some(jwks::read(place).await?),
            None => None,
        };
        let random = Random::system();
        let secret = self.confidential.then(|| random.secret());
        let client = Client {
            id: random.identifier(),
            name: self.name.clone(),
            redirect_uris: self.redirect_uris.clone(),
            scope: self.scope.clone(),
            secrets: secret.iter().map(shared::secret::Secret::hashed).collect(),
            keys,
            created_at: Clock::System.now(),
            disabled: false,
        };
        stack.auth().commit(Commit::default().create(&client)).await?;
        let base = stack.issuer().fhir_base();
        let mut told = json!({"client_id": client.id, "name": client.name, "fhir_base": base,
            "issuer": stack.issuer().as_str(), "aud": base, "client_secret": null});
        if let Some(secret) = &secret {
            told["client_secret"] = secret.reveal().into();
        }
        if self.json {
            return Ok(format!("{told}\n"));
        }
        let secret =
            secret.map(|secret| format!("client secret  {}  (shown once)\n", secret.reveal())).unwrap_or_default();
        Ok(format!(
            "client name    {}\nclient id      {}\n{secret}API endpoint   {base}\nissuer         {}\naud            {base}\n",
            client.name,
            client.id,
            stack.issuer()
        ))
    }

    fn check(&self) -> Result<()> {
        // What could make the name look like something else on the consent page: controls and direction marks.
        let deceptive = |c: char| {
            c.is_control() || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        if self.name.trim().is_empty() || self.name.chars().count() > LONGEST_NAME || self.name.contains(deceptive) {
            bail!("--name: 1 to {LONGEST_NAME} visible characters are needed; members see it on the consent page");
        }
        for uri in &self.redirect_uris {
            registrable(uri)?;
        }
        if let Some(scope) = &self.scope {
            let known: Scopes = scope.parse()?;
            if known.iter().count() != scope.split(' ').count() {
                bail!("--scope: this server knows only `{known}` of `{scope}`");
            }
        }
        Ok(())
    }
}
