//! `patient-access app change`: changes what an app registered.

use anyhow::{Result, bail};
use clap::Args;
use shared::oauth::client::{Authentication, Client, Limits};

use super::{KeyArguments, LimitArguments, check_name, check_redirect_uris, check_scope, find, save, settings};
use crate::stack::Stack;

/// The arguments.
#[derive(Args)]
pub struct ChangeApp {
    /// The app's client id
    client_id: String,
    /// A new name. Members who connected the app before see it, too
    #[arg(long)]
    name: Option<String>,
    /// Where members are sent back to, in place of all that was registered; say it once for each
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// What the app may ask for from now on; what members granted before stays
    #[arg(long, conflicts_with = "every_scope")]
    scope: Option<String>,
    /// The app may ask for every scope that the server supports
    #[arg(long)]
    every_scope: bool,
    #[command(flatten)]
    keys: KeyArguments,
    #[command(flatten)]
    limits: LimitArguments,
    /// The app has no limits of its own any more
    #[arg(long, conflicts_with_all = ["refresh_days", "access_seconds"])]
    no_limits: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
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
            // A member's browser or phone has no key to sign with: whoever runs it as a public client would be shut out.
            bail!(
                "a public app stays one: for an app on a server that signs in with keys, register another with `app add`"
            );
        }
        let app = Client {
            name: self.name.unwrap_or(before.name),
            redirect_uris: if self.redirect_uris.is_empty() { before.redirect_uris } else { self.redirect_uris },
            scope: if self.every_scope { None } else { self.scope.or(before.scope) },
            authentication: keys.unwrap_or(before.authentication),
            limits: self.limits.over(if self.no_limits { Limits::default() } else { before.limits }),
            ..before
        };
        save(stack, &stored, &app).await?;
        let warnings = warnings.unwrap_or_default();
        let notes: Vec<settings::Note> = warnings.iter().map(|warning| settings::Note::Warning(warning)).collect();
        Ok(settings::tell(stack, &app, &notes, self.json))
    }
}
