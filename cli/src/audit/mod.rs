//! `patient-access audit …`: who saw what, and that nobody changed the record of it.

pub mod operator;
pub mod rows;
pub mod show;
pub mod verify;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::stack::Stack;

/// The commands on the audit.
#[derive(Subcommand)]
pub enum AuditCommand {
    /// Show who saw what: of a member, an app, or a name that signed in
    Show(show::ShowArguments),
    /// Compare table, archive and signed days, and name each row that was changed, removed or added
    Verify(verify::VerifyArguments),
}

impl AuditCommand {
    /// Runs the command. Returns the text to print, and the exit code: 3 where it was done and found a fault.
    ///
    /// # Errors
    /// An argument is not valid, or the stack does not answer.
    pub async fn run(self, stack: &Stack) -> Result<(String, ExitCode)> {
        match self {
            AuditCommand::Show(arguments) => Ok((arguments.run(stack).await?, ExitCode::SUCCESS)),
            AuditCommand::Verify(arguments) => arguments.run(stack).await,
        }
    }
}
