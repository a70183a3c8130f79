//! The operator's command, run on a test's own stack.

use anyhow::Result;
use clap::Parser;
use patient_access::{app, keys};

use crate::App;

/// As `patient-access` reads it.
#[derive(Parser)]
enum Line {
    /// `patient-access app …`
    #[command(subcommand)]
    App(app::Command),
    /// `patient-access keys …`
    #[command(subcommand)]
    Keys(keys::Command),
}

impl App {
    /// What `patient-access` prints for these arguments.
    ///
    /// # Errors
    /// What it prints as an error.
    pub async fn operate(&self, arguments: &[&str]) -> Result<String> {
        let line = Line::try_parse_from(std::iter::once(&"patient-access").chain(arguments))?;
        let stack = self.stack_to_work_on().await;
        match line {
            Line::App(command) => command.run(&stack).await,
            Line::Keys(command) => command.run(&stack).await,
        }
    }
}
