//! `patient-access report …`: what apps were given, for CMS and for the plan.

pub mod cms;
pub mod contract;
mod synthetic;
pub mod usage;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::stack::Stack;

/// The reports.
#[derive(Subcommand)]
pub enum ReportCommand {
    /// CMS's yearly report (42 CFR 422.119(f)): how many members' data apps were given, by contract
    Cms(cms::CmsArguments),
    /// Requests by month and app: members, refusals, failures
    Usage(usage::UsageArguments),
    /// Mark a member whom the plan made up, so that no report to CMS counts them; without arguments, list them
    Synthetic(synthetic::SyntheticArguments),
}

impl ReportCommand {
    /// Runs the command. Returns the text to print, and the exit code: 3 where it was done and found something.
    ///
    /// # Errors
    /// An argument is not valid, or the stack does not answer.
    pub async fn run(self, stack: &Stack) -> Result<(String, ExitCode)> {
        match self {
            ReportCommand::Cms(arguments) => arguments.run(stack).await,
            ReportCommand::Usage(arguments) => Ok((arguments.run(stack).await?, ExitCode::SUCCESS)),
            ReportCommand::Synthetic(arguments) => Ok((arguments.run(stack).await?, ExitCode::SUCCESS)),
        }
    }
}
