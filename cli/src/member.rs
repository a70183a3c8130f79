//! `patient-access member add`: lets a member sign in.

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;
use shared::clock::Clock;
use shared::fhir::reference::is_id;
use shared::oauth::member::{Member, canonical};
use shared::secret::{Random, Secret};
use shared::store::auth::{Commit, CommitError};

use crate::stack::Stack;

/// The arguments.
#[derive(Args)]
pub struct Add {
    /// The name they sign in with
    #[arg(long)]
    pub username: String,
    /// Their password, at least eight characters
    #[arg(long)]
    pub password: String,
    /// The id of their Patient resource
    // Ids may begin with a hyphen: CMS's synthetic members have negative numbers.
    #[arg(long, value_name = "PATIENT_ID", allow_hyphen_values = true)]
    pub patient: String,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

impl Add {
    /// Registers the member. Their data may be loaded before or after.
    ///
    /// # Errors
    /// An argument is not acceptable, the name is taken, or the stack does not answer.
    pub async fn run(self, stack: &Stack) -> Result<String> {
        let username = canonical(&self.username);
        if username.is_empty() || username.len() > 128 {
            bail!("--username: 1 to 128 characters are needed");
        }
        if self.password.chars().count() < 8 || self.password.len() > 256 {
            bail!("--password: 8 to 256 characters are needed");
        }
        let patient = self.patient.strip_prefix("Patient/").unwrap_or(&self.patient);
        if !is_id(patient) {
            bail!("--patient: `{}` is no resource id (letters, digits, `-` and `.`, at most 64)", self.patient);
        }
        let password = Secret::from_client(&self.password);
        let member = Member::new(&username, &password, patient, &Random::system(), Clock::System.now())?;
        match stack.auth().commit(Commit::default().create(&member)).await {
            Ok(()) => {}
            Err(CommitError::Conflict) => bail!("there is a member `{username}` already"),
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
        Ok(match self.json {
            true => format!("{}\n", json!({"username": username, "patient": patient})),
            false => format!("{username} can sign in to the record of Patient/{patient}\n"),
        })
    }
}
