//! `patient-access app add`: registers an app.

use anyhow::Result;
use clap::Args;
use shared::clock::Clock;
use shared::oauth::client::{Authentication, Client, ClientSecret, Limits};
use shared::secret::Random;
use shared::store::auth::Commit;

use super::{KeyArguments, LimitArguments, check_name, check_redirect_uris, check_scope, secret, settings};
use crate::stack::Stack;

/// The arguments of `app add`.
#[derive(Args)]
pub struct AddApp {
    /// The app's name, as members see it
    #[arg(long)]
    name: String,
    /// A redirect URI, to which members are sent back, exactly as the app will name it; repeat for each
    #[arg(long = "redirect-uri", value_name = "URI", required = true)]
    redirect_uris: Vec<String>,
    /// The scopes that the app may ask for, with spaces between them [default: every scope the server supports]
    #[arg(long)]
    scope: Option<String>,
    /// The app runs on a server and can keep a secret: make a client secret
    #[arg(long, conflicts_with = "KeyArguments")]
    confidential: bool,
    #[command(flatten)]
    keys: KeyArguments,
    #[command(flatten)]
    limits: LimitArguments,
    /// The app only tries the API, as a canary does: `report cms` leaves it out
    #[arg(long)]
    test: bool,
    /// Print what the app's developer needs as JSON
    #[arg(long)]
    json: bool,
}

impl AddApp {
    /// Registers the app. Returns what its developer needs, with the secret, which is shown only this once.
    pub(super) async fn run(self, stack: &Stack) -> Result<String> {
        check_name(&self.name)?;
        check_redirect_uris(&self.redirect_uris)?;
        self.scope.as_deref().map(check_scope).transpose()?;
        let (random, now) = (Random::system(), Clock::System.now());
        let secret = self.confidential.then(|| random.secret());
        let (keys, warnings) = self.keys.read(stack).await?.unzip();
        let authentication = match (&secret, keys) {
            (Some(secret), _) => Authentication::Secret(vec![ClientSecret::new(&secret::label(&random), secret, now)]),
            (None, Some(keys)) => keys,
            (None, None) => Authentication::None,
        };
        let app = Client {
            redirect_uris: self.redirect_uris,
            scope: self.scope,
            authentication,
            limits: self.limits.over(Limits::default()),
            is_test: self.test,
            ..Client::new(&random.identifier(), &self.name, &[], now)
        };
        stack.auth().commit(Commit::default().create(&app)).await?;
        let mut notes: Vec<settings::Note> = secret.iter().map(settings::Note::Secret).collect();
        let warnings = warnings.unwrap_or_default();
        notes.extend(warnings.iter().map(|warning| settings::Note::Warning(warning)));
        Ok(settings::hand_out(stack, &app, &notes, self.json))
    }
}
