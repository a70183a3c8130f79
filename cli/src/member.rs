//! `patient-access member`: lets a member sign in, changes their password, stops them.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use shared::access::grant::{self, Grant, Why};
use shared::bounds::PASSWORD_BYTES;
use shared::clock::Clock;
use shared::fhir::reference::is_id;
use shared::oauth::member::{Member, canonical};
use shared::secret::{Random, Secret};
use shared::store::auth::{Auth, Commit, CommitError, Stored};

use crate::stack::Stack;

/// The commands on members.
#[derive(Subcommand)]
pub enum MemberCommand {
    /// Let a member sign in to their record
    Add(AddMember),
    /// Change a member's password; all their apps are stopped
    Password(ChangePassword),
    /// Stop a member: they cannot sign in, and their apps get nothing more
    Disable(OneMember),
    /// Let a stopped member sign in again
    Enable(OneMember),
}

impl MemberCommand {
    /// Runs the command. Returns the text to print.
    ///
    /// # Errors
    /// An argument is not valid, there is no such member, or the stack does not answer.
    pub async fn run(self, stack: &Stack) -> Result<String> {
        match self {
            MemberCommand::Add(add) => add.run(stack).await,
            MemberCommand::Password(password) => password.run(stack).await,
            MemberCommand::Disable(name) => name.disable(stack).await,
            MemberCommand::Enable(name) => name.enable(stack).await,
        }
    }
}

/// The arguments of `member add`.
#[derive(Args)]
pub struct AddMember {
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

impl AddMember {
    /// Registers the member. Their data may be loaded before or after.
    ///
    /// # Errors
    /// An argument is not valid, the name is taken, or the stack does not answer.
    pub async fn run(self, stack: &Stack) -> Result<String> {
        let username = canonical(&self.username);
        if username.is_empty() || username.len() > 128 {
            bail!("--username: 1 to 128 characters are needed");
        }
        let password = acceptable(&self.password)?;
        let patient = self.patient.strip_prefix("Patient/").unwrap_or(&self.patient);
        if !is_id(patient) {
            bail!("--patient: `{}` is no resource id (letters, digits, `-` and `.`, at most 64)", self.patient);
        }
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

/// The arguments of `member password`.
#[derive(Args)]
pub struct ChangePassword {
    /// The name they sign in with
    #[arg(long)]
    pub username: String,
    /// The new password, at least eight characters
    #[arg(long)]
    pub password: String,
}

impl ChangePassword {
    /// Changes the password. All sessions end and all apps are stopped, so that somebody who knew the old password
    /// loses everything.
    ///
    /// # Errors
    /// There is no such member, the password is not valid, or the stack does not answer.
    pub async fn run(self, stack: &Stack) -> Result<String> {
        let password = acceptable(&self.password)?;
        let change = |member: Member| Ok(member.with_password(&password, &Random::system())?);
        let stopped = changed(stack, &self.username, change).await?;
        Ok(format!("{} has a new password; apps stopped: {stopped}\n", canonical(&self.username)))
    }
}

/// The arguments of a command on one member.
#[derive(Args)]
pub struct OneMember {
    /// The name they sign in with
    #[arg(long)]
    pub username: String,
}

impl OneMember {
    /// Stops the member: they cannot sign in, and their apps get nothing from now on.
    ///
    /// # Errors
    /// There is no such member, or the stack does not answer.
    pub async fn disable(self, stack: &Stack) -> Result<String> {
        let stopped = changed(stack, &self.username, |member| Ok(member.disabled(true, &Random::system()))).await?;
        Ok(format!("{} can no longer sign in; apps stopped: {stopped}\n", canonical(&self.username)))
    }

    /// Lets the member sign in again. Their apps have to ask them again.
    ///
    /// # Errors
    /// There is no such member, or the stack does not answer.
    pub async fn enable(self, stack: &Stack) -> Result<String> {
        changed(stack, &self.username, |member| Ok(member.disabled(false, &Random::system()))).await?;
        Ok(format!("{} can sign in again\n", canonical(&self.username)))
    }
}

/// Ends those live grants that `which` chooses, and returns how many. If one cannot be ended, the others are ended all
/// the same; the command then fails, and may be run again.
pub(crate) async fn end_all(
    auth: &Auth,
    grants: Vec<Stored<Grant>>,
    which: impl Fn(&Grant) -> bool,
    why: Why,
) -> Result<usize> {
    let (now, mut ended, mut failed) = (Clock::System.now(), 0, None);
    for Stored { record: grant, .. } in grants {
        if grant.is_live(now) && which(&grant) {
            match grant::end(auth, &grant.id, now, why).await {
                Ok(true) => ended += 1,
                Ok(false) => {}
                Err(error) => failed = Some(error),
            }
        }
    }
    match failed {
        None => Ok(ended),
        Some(error) => Err(anyhow::Error::from(error).context("not every app could be stopped: run this again")),
    }
}

fn acceptable(password: &str) -> Result<Secret> {
    if password.chars().count() < 8 || password.len() > PASSWORD_BYTES {
        bail!("--password: 8 characters or more are needed, and at most {PASSWORD_BYTES} bytes");
    }
    Ok(Secret::from_client(password))
}

/// Changes a member and ends all their grants. Returns how many grants it ended. The member is changed first, so that
/// no grant can be made between the two.
async fn changed(stack: &Stack, username: &str, change: impl Fn(Member) -> Result<Member>) -> Result<usize> {
    let (auth, username) = (stack.auth(), canonical(username));
    let Some(before) = auth.get::<Member>(&username).await? else { bail!("there is no member `{username}`") };
    let after = change(before.record.clone())?;
    match auth.commit(Commit::default().replace(&before, &after)).await {
        Ok(()) => {}
        Err(CommitError::Conflict) => bail!("`{username}` was changed by somebody else at this moment: try again"),
        Err(CommitError::Store(error)) => return Err(error.into()),
    }
    end_all(&auth, auth.list::<Grant>(&after.id).await?, |_| true, Why::MemberChanged).await
}
