//! `patient-access member add`: lets a person sign in with a name of the plan's own directory.

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;
use shared::clock::Clock;
use shared::oauth::member::Member;
use shared::oauth::sign_in::{SignIn, Way};
use shared::secret::{Random, Secret};
use shared::store::auth::{Commit, CommitError};

use super::password::{PasswordArguments, with_either};
use super::{is_loaded, line, patient_id, username};
use crate::stack::Stack;

/// The arguments of `member add`.
#[derive(Args)]
pub struct AddMember {
    /// The name they sign in with
    #[arg(long)]
    username: String,
    /// The id of their Patient resource, which is loaded already
    // Ids may begin with a hyphen: CMS's synthetic members have negative numbers.
    #[arg(long, value_name = "PATIENT_ID", allow_hyphen_values = true, required_unless_present = "not_yet")]
    patient: Option<String>,
    /// They are tied to a record later, with `member change`; until then they can open nothing
    #[arg(long, conflicts_with = "patient")]
    not_yet: bool,
    #[command(flatten)]
    password: PasswordArguments,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl AddMember {
    pub(super) async fn run(self, stack: &Stack) -> Result<String> {
        let (auth, random, now) = (stack.auth(), Random::system(), Clock::System.now());
        let username = username(&self.username)?;
        let patient = self.patient.as_deref().map(patient_id).transpose()?;
        let password = self.password.read(stack)?;
        if let Some(patient) = patient {
            is_loaded(stack, patient).await?;
        }
        let member = Member { username: Some(username.clone()), ..Member::new(patient, &random, now) };
        let way = SignIn::new(Way::Username(username.clone()), &member);
        let (way, code) = with_either(way, password.as_ref(), &random, now)?;
        match auth.commit(Commit::default().create(&member).create(&way)).await {
            Ok(()) => {}
            Err(CommitError::Conflict) => bail!("there is a member `{username}` already"),
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
        let code = code.as_ref().map(Secret::reveal);
        if self.json {
            let mut told = json!({"id": member.id, "username": username, "patient": patient});
            if let Some(code) = code {
                told["code"] = code.into();
            }
            return Ok(line(&told));
        }
        let to = patient.map_or("no record yet".to_owned(), |patient| format!("the record of Patient/{patient}"));
        let code = code.map(|code| format!("their code, with which they set a password within 7 days: {code}\n"));
        Ok(format!("{username} can sign in to {to}\n{}", code.unwrap_or_default()))
    }
}
