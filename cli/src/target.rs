//! Which stack a command works on: a running local one of this checkout, or one in an AWS account that was named.

use anyhow::{Result, bail};

use crate::cloudformation;
use crate::stack::{Stack, checkout, live_descriptors};

/// How a stack was named on the command line.
#[derive(Debug, Default)]
pub struct Target {
    /// By its URL.
    pub url: Option<String>,
    /// By its CloudFormation name, in AWS.
    pub stack_name: Option<String>,
    /// By the operator's AWS profile.
    pub profile: Option<String>,
}

impl Target {
    /// Finds the stack.
    ///
    /// # Errors
    /// None is running, or none of that name; the message says what to do.
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
