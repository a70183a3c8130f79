//! The stack that a command works on: a running local stack of this checkout, or a named one in an AWS account.

use anyhow::{Result, bail};

use crate::cloudformation;
use crate::stack::{Stack, checkout, live_descriptors};

/// A stack as it is named on the command line.
#[derive(Debug, Default)]
pub struct Target {
    /// Its URL.
    pub url: Option<String>,
    /// Its CloudFormation name, in AWS.
    pub stack_name: Option<String>,
    /// The operator's AWS profile.
    pub profile: Option<String>,
}

impl Target {
    /// Finds the stack.
    ///
    /// # Errors
    /// No such stack is running or exists; the message says what to do.
    pub async fn find(&self) -> Result<Stack> {
        if self.stack_name.is_some() || self.profile.is_some() {
            let name = self.stack_name.as_deref().unwrap_or("patient-access");
            return cloudformation::stack(name, self.profile.as_deref()).await;
        }
        let root = checkout()?;
        let live = live_descriptors(&root);
        let found = match &self.url {
            Some(url) => live.into_iter().find(|stack| stack.url == url.trim_end_matches('/')),
            None => live.into_iter().next(),
        };
        match (found, &self.url) {
            (Some(descriptor), _) => Stack::local(&descriptor).await,
            (None, Some(url)) => {
                bail!("no local stack of this checkout answers at {url}; name a stack in AWS with --stack-name")
            }
            (None, None) => bail!(
                "no local stack of this checkout is running; start one with `cargo run`, or name one in AWS with --stack-name"
            ),
        }
    }
}
