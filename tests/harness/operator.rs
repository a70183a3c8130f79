//! The operator's command, run on a test's own stack.

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use patient_access::stack::{Descriptor, Stack, private_file};
use patient_access::{app, audit, delegation, identity_provider, keys, member, prove, record, report};

use crate::App;
use crate::tools::checkout;

/// The command line as `patient-access` reads it.
#[derive(Parser)]
enum Line {
    /// `patient-access app …`
    #[command(subcommand)]
    App(app::AppCommand),
    /// `patient-access audit …`
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// `patient-access delegation …`
    #[command(subcommand)]
    Delegation(delegation::DelegationCommand),
    /// `patient-access identity-provider …`
    #[command(subcommand)]
    IdentityProvider(identity_provider::IdentityProviderCommand),
    /// `patient-access keys …`
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// `patient-access record …`
    #[command(subcommand)]
    Record(record::RecordCommand),
    /// `patient-access member …`
    #[command(subcommand)]
    Member(member::MemberCommand),
    /// `patient-access prove`
    Prove(prove::ProveArguments),
    /// `patient-access report …`
    #[command(subcommand)]
    Report(report::ReportCommand),
}

impl App {
    /// Runs `patient-access` with these arguments, and returns what it prints.
    ///
    /// # Errors
    /// The error that it prints.
    pub async fn operate(&self, arguments: &[&str]) -> Result<String> {
        operate_on(&self.stack_to_work_on().await, arguments).await
    }
}

/// The descriptor by which the program itself finds a test's stack. It goes when this is dropped.
pub struct Announced(PathBuf);

impl App {
    /// The stack, as the program finds it.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor { url: self.url().to_owned(), environment: self.environment().clone() }
    }

    /// Announces the stack to the program. Each stack has a file of its own, because tests run side by side in one process.
    pub fn announced(&self) -> Announced {
        let folder = checkout().join(".local/stacks");
        std::fs::create_dir_all(&folder).expect("there is room");
        let port = self.url().rsplit(':').next().unwrap_or_default();
        let file = folder.join(format!("{}-{port}.json", std::process::id()));
        let open = private_file(&file).expect("the file can be written");
        serde_json::to_writer(open, &self.descriptor()).expect("the file can be written");
        Announced(file)
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Runs `patient-access` with these arguments on a stack, and returns what it prints.
///
/// # Errors
/// The error that it prints.
pub async fn operate_on(stack: &Stack, arguments: &[&str]) -> Result<String> {
    match Line::try_parse_from(std::iter::once(&"patient-access").chain(arguments))? {
        Line::App(command) => command.run(stack).await,
        Line::Audit(command) => command.run(stack).await.map(|(text, _)| text),
        Line::Delegation(command) => command.run(stack).await.map(|told| told.text),
        Line::IdentityProvider(command) => command.run(stack).await,
        Line::Keys(command) => command.run(stack).await,
        Line::Member(command) => command.run(stack).await.map(|told| told.text),
        Line::Prove(command) => command.run(stack).await.map(|(text, _)| text),
        Line::Record(command) => command.run(stack).await,
        Line::Report(command) => command.run(stack).await.map(|(text, _)| text),
    }
}
