//! `patient-access app change`: changes what an app registered.

use anyhow::{Result, bail};
use clap::Args;
use shared::oauth::client::{Authentication, Client, Limits};

use super::{KeyArguments, LimitArguments, check_name, check_redirect_uris, check_scope, find, save, settings};
use crate::stack::Stack;

/// The arguments of `app change`.
#[derive(Args)]
pub struct ChangeApp {
    /// The app's client id
    client_id: String,
    /// A new name. Members who connected the app before see it, too
    #[arg(long)]
    name: Option<String>,
    /// A redirect URI, to which members are sent back, in place of all that were registered; repeat for each
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// The scopes that the app may ask for from now on, with spaces between them; earlier grants stay as they are
    #[arg(long, conflicts_with = "every_scope")]
    scope: Option<String>,
    /// The app may ask for every scope that the server supports
    #[arg(long)]
    every_scope: bool,
    #[command(flatten)]
    keys: KeyArguments,
    #[command(flatten)]
    limits: LimitArguments,
    /// The app has no limits of its own from now on
    #[arg(long, conflicts_with_all = ["refresh_days", "access_seconds"])]
    no_limits: bool,
    #[command(flatten)]
    purpose: Purpose,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Whether the app is for members.
#[derive(Args)]
#[group(multiple = false)]
struct Purpose {
    /// The app only tries the API, as a canary does: `report cms` leaves it out, for every year
    #[arg(long)]
    test: bool,
    /// The app is for members, and `report cms` counts it
    #[arg(long)]
    no_test: bool,
}

impl Purpose {
    fn over(&self, is_test: bool) -> bool {
        self.test || is_test && !self.no_test
    }
}

impl ChangeApp {
    pub(super) async fn run(self, stack: &Stack) -> Result<String> {
        self.name.as_deref().map(check_name).transpose()?;
        check_redirect_uris(&self.redirect_uris)?;
        self.scope.as_deref().map(check_scope).transpose()?;
        let stored = find(stack, &self.client_id).await?;
        let before = stored.record.clone();
        let (keys, warnings) = self.keys.read(stack).await?.unzip();
        if keys.is_some() && matches!(before.authentication, Authentication::None) {
            // A public app runs on members' browsers and phones, which have no key to sign with: they would be shut
            // out.
            bail!(
                "a public app stays public: for an app on a server with keys of its own, register another with `app add`"
            );
        }
        let app = Client {
            name: self.name.unwrap_or(before.name),
            redirect_uris: if self.redirect_uris.is_empty() { before.redirect_uris } else { self.redirect_uris },
            scope: if self.every_scope { None } else { self.scope.or(before.scope) },
            authentication: keys.unwrap_or(before.authentication),
            is_test: self.purpose.over(before.is_test),
            limits: self.limits.over(if self.no_limits { Limits::default() } else { before.limits }),
            ..before
        };
        save(stack, &stored, &app).await?;
        let warnings = warnings.unwrap_or_default();
        let notes: Vec<settings::Note> = warnings.iter().map(|warning| settings::Note::Warning(warning)).collect();
        Ok(settings::tell(stack, &app, &notes, self.json))
    }
}
