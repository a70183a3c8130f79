//! `patient-access member change`: another record, or another name.

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;
use shared::oauth::member::Member;
use shared::oauth::sign_in::{SignIn, Way};
use shared::store::auth::Commit;

use super::named::{Named, told};
use super::{changed, committed, is_loaded, patient_id, username};
use crate::call::WrongCall;
use crate::stack::Stack;

/// The arguments of `member change`.
#[derive(Args)]
pub struct ChangeMember {
    #[command(flatten)]
    named: Named,
    /// The id of the Patient resource whose record is theirs; their apps are stopped
    #[arg(long, value_name = "PATIENT_ID", allow_hyphen_values = true)]
    patient: Option<String>,
    /// The name with which they sign in from now on
    #[arg(long, value_name = "NAME")]
    new_username: Option<String>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl ChangeMember {
    pub(super) async fn run(self, stack: &Stack) -> Result<String> {
        let auth = stack.auth();
        if self.patient.is_none() && self.new_username.is_none() {
            bail!(WrongCall("say what to change: --patient or --new-username".to_owned()));
        }
        let patient = self.patient.as_deref().map(patient_id).transpose()?;
        let name = self.new_username.as_deref().map(username).transpose()?;
        let mut found = self.named.find(&auth).await?;
        if let Some(patient) = patient {
            is_loaded(stack, patient).await?;
        }
        if let Some(name) = name.filter(|name| found.record.username.as_ref() != Some(name)) {
            let Some(old) = found.record.username.clone() else {
                bail!(
                    "{} has no name in the directory to change; they sign in with their identity provider",
                    self.named
                )
            };
            let Some(before) = auth.get::<SignIn>(&Way::Username(old).key()).await? else {
                bail!("the way in of {} is missing: add it anew", self.named)
            };
            let way = Way::Username(name.clone());
            if auth.get::<SignIn>(&way.key()).await?.is_some() {
                bail!("there is a member `{name}` already");
            }
            let renamed = Member { username: Some(name), ..found.record.clone() };
            let moved = SignIn { way, ..before.record.clone() };
            committed(&auth, Commit::default().delete(&before).create(&moved).replace(&found, &renamed)).await?;
            let Some(again) = auth.get::<Member>(&renamed.id).await? else { bail!("somebody else removed them") };
            found = again;
        }
        let mut ended = 0;
        let is_new = |patient: &&str| found.record.patient.as_deref() != Some(patient) || found.record.claimed;
        if let Some(patient) = patient.filter(is_new) {
            let tied = |member: Member| Member { patient: Some(patient.to_owned()), claimed: false, ..member };
            ended = changed(&auth, &found, tied, |commit| commit).await?;
        }
        let by_id = Named { id: Some(found.record.id.clone()), ..Named::default() };
        told(&auth, &by_id.find(&auth).await?.record, self.json, json!({"grants_ended": ended})).await
    }
}
