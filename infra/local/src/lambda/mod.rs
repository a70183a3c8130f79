//! AWS Lambda: runs the functions of a template, each with its environment, over the Runtime API.

mod configuration;
pub(crate) mod function;
mod instance;
pub(crate) mod logs;
pub(crate) mod process;
pub(crate) mod runtime_api;
pub(crate) mod streams;

use std::collections::BTreeMap;
use std::env;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};

pub(crate) use self::configuration::FunctionConfiguration;
use self::function::Function;
use self::logs::Logs;
use self::process::{Launch, Spawner};

/// The variables of our own environment that a function sees.
const INHERITED: [&str; 5] = ["PATH", "HOME", "TMPDIR", "RUST_BACKTRACE", "LLVM_PROFILE_FILE"];

/// The settings that all functions have in common.
pub(crate) struct Lambda<'a> {
    /// The folder with the binaries.
    pub(crate) binaries: &'a Path,
    /// The variables by which an AWS SDK finds the services.
    pub(crate) environment: &'a BTreeMap<String, String>,
    /// The URL of the Runtime API.
    pub(crate) runtime_api: String,
    /// The thread that starts their processes.
    pub(crate) spawner: Spawner,
    /// The logs that keep their output.
    pub(crate) logs: &'a Arc<Logs>,
}

impl Lambda<'_> {
    /// The functions with these configurations, by logical id, without instances.
    ///
    /// # Errors
    /// A binary is missing.
    pub(crate) fn functions(
        &self,
        configurations: &[FunctionConfiguration],
    ) -> Result<BTreeMap<String, Arc<Function>>> {
        configurations
            .iter()
            .map(|function| {
                let launch = self.launch(function)?;
                Ok((function.name.clone(), Function::new(function.clone(), launch)))
            })
            .collect()
    }

    fn launch(&self, function: &FunctionConfiguration) -> Result<Launch> {
        let file = format!("{}{}", function.binary, env::consts::EXE_SUFFIX);
        let binary = self.binaries.join(file);
        if !binary.is_file() {
            bail!(
                "the binary of {}, {}, is missing; build it with `cargo build --workspace`",
                function.name,
                binary.display()
            );
        }
        let mut environment = function.environment.clone();
        environment.extend(self.environment.clone());
        environment.extend(INHERITED.iter().filter_map(|name| Some(((*name).to_owned(), env::var(name).ok()?))));
        let name = &function.name;
        environment.extend(
            [
                ("_HANDLER", "bootstrap".to_owned()),
                ("AWS_LAMBDA_FUNCTION_NAME", name.clone()),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory.to_string()),
                ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}")),
                ("AWS_LAMBDA_LOG_STREAM_NAME", "local".to_owned()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        environment.insert("AWS_LAMBDA_LOG_FORMAT".to_owned(), function.log_format.clone());
        if let Some(level) = &function.log_level {
            environment.insert("AWS_LAMBDA_LOG_LEVEL".to_owned(), level.clone());
        }
        Ok(Launch {
            binary: std::path::absolute(binary)?,
            environment: Arc::new(environment),
            runtime_api: self.runtime_api.clone(),
            spawner: self.spawner.clone(),
            logs: Arc::clone(self.logs),
        })
    }
}
