//! `patient-access member …`: the persons who may sign in.

mod add;
mod change;
mod import;
mod list;
mod named;
mod password;
mod row;

use anyhow::{Result, bail};
use clap::Subcommand;
use serde_json::Value as Json;
use shared::access::delegation;
use shared::access::grant::{self, Grant, Why};
use shared::bounds::USERNAME_BYTES;
use shared::clock::Clock;
use shared::fhir::reference::is_id;
use shared::oauth::member::Member;
use shared::oauth::sign_in::canonical;
use shared::secret::Random;
use shared::store::auth::{Auth, Commit, CommitError, Stored};

pub use import::Import;
pub use named::{Named, OneMember};

use crate::call::WrongCall;
use crate::stack::Stack;
use crate::told::Told;

/// The commands on members.
#[derive(Subcommand)]
pub enum MemberCommand {
    /// Let a person sign in with a name of the plan's own directory
    Add(add::AddMember),
    /// Tie many sign-ins to records, from a CSV or NDJSON file
    Import(import::Import),
    /// List the persons who may sign in
    List(list::ListMembers),
    /// Show a person: what a help desk needs, and nothing of the record
    Show(OneMember),
    /// Tie a person to another record, or give them another name
    Change(change::ChangeMember),
    /// Change a person's password; all their apps are stopped
    Password(password::ChangePassword),
    /// Stop a person: they cannot sign in, and their apps get nothing more
    Disable(OneMember),
    /// Let a stopped person sign in again
    Enable(OneMember),
    /// Let a person try again whose sign-in is locked after wrong passwords
    Unlock(OneMember),
    /// Remove a person and their ways in; all their apps are stopped
    Remove(OneMember),
}

impl MemberCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`WrongCall`] where an argument is not valid; there is no such person, or the stack does not answer.
    pub async fn run(self, stack: &Stack) -> Result<Told> {
        if let MemberCommand::Import(import) = self {
            return import.run(stack).await;
        }
        Ok(Told::done(match self {
            MemberCommand::Add(add) => add.run(stack).await?,
            MemberCommand::List(list) => list.run(stack).await?,
            MemberCommand::Show(one) => one.show(stack).await?,
            MemberCommand::Change(change) => change.run(stack).await?,
            MemberCommand::Password(password) => password.run(stack).await?,
            MemberCommand::Disable(one) => one.switch(stack, true).await?,
            MemberCommand::Enable(one) => one.switch(stack, false).await?,
            MemberCommand::Unlock(one) => one.unlock(stack).await?,
            MemberCommand::Remove(one) => one.remove(stack).await?,
            MemberCommand::Import(_) => unreachable!("it was run above"),
        }))
    }
}

/// A name of the directory, as it is compared.
fn username(text: &str) -> Result<String, WrongCall> {
    let name = canonical(text);
    match name.is_empty() || name.len() > USERNAME_BYTES || name.contains(char::is_control) {
        true => Err(WrongCall(format!("a user name has 1 to {USERNAME_BYTES} bytes, without control characters"))),
        false => Ok(name),
    }
}

/// A Patient id, with or without its type.
fn patient_id(text: &str) -> Result<&str, WrongCall> {
    let patient = text.strip_prefix("Patient/").unwrap_or(text);
    match is_id(patient) {
        true => Ok(patient),
        false => {
            Err(WrongCall(format!("--patient: `{text}` is no resource id (letters, digits, `-` and `.`, at most 64)")))
        }
    }
}

/// Refuses a Patient that was never loaded: a mistyped id would give somebody the record of whoever gets that id later.
async fn is_loaded(stack: &Stack, patient: &str) -> Result<()> {
    if stack.writer()?.patients(&[patient.to_owned()]).await?.is_empty() {
        bail!(
            "--patient: there is no Patient/{patient} here. Load it first; or add the person with --not-yet, and tie them \
             with `member change --patient` when it is there"
        );
    }
    Ok(())
}

/// Commits, and says what to do where somebody else was faster.
async fn committed(auth: &Auth, commit: Commit) -> Result<()> {
    match auth.commit(commit).await {
        Ok(()) => Ok(()),
        Err(CommitError::Conflict) => bail!("this person was changed by somebody else at this moment: try again"),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

/// Ends the grants of a person who was given a new stamp, and takes the mark away. The person is changed first, so that no grant can
/// be made between the two. Returns how many it ended.
async fn end_earlier(auth: &Auth, id: &str) -> Result<usize> {
    let mut ended = end_all(auth, auth.list::<Grant>(id).await?, |_| true, Why::MemberChanged).await?;
    if let Some(patient) =
        auth.get::<Member>(id).await?.filter(|member| member.record.disabled).and_then(|member| member.record.patient)
    {
        // The end of a member's own record ends what others were granted on it.
        ended += delegation::end_all(auth, &patient, Clock::System.now()).await?;
    }
    if let Some(member) = auth.get::<Member>(id).await?.filter(|member| member.record.ending) {
        let settled = Member { ending: false, ..member.record.clone() };
        match auth.commit(Commit::default().replace(&member, &settled)).await {
            // Somebody else changed the person: their command ends the grants again.
            Ok(()) | Err(CommitError::Conflict) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
    }
    Ok(ended)
}

/// Changes a person, with what `more` adds to the commit, and ends all their grants. Returns how many grants it ended.
async fn changed(
    auth: &Auth,
    before: &Stored<Member>,
    change: impl FnOnce(Member) -> Member,
    more: impl FnOnce(Commit) -> Commit,
) -> Result<usize> {
    let after = change(before.record.clone()).restamped(&Random::system());
    committed(auth, more(Commit::default()).replace(before, &after)).await?;
    end_earlier(auth, &after.id).await
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

/// One line of JSON.
fn line(json: &Json) -> String {
    format!("{json}\n")
}
