//! What the template says of a function.

use std::collections::BTreeMap;
use std::time::Duration;

/// A function to run.
#[derive(Debug, Clone)]
pub(crate) struct FunctionConfiguration {
    /// Its logical id.
    pub(crate) name: String,
    /// The name of its binary.
    pub(crate) binary: String,
    /// Its environment variables.
    pub(crate) environment: BTreeMap<String, String>,
    /// `Timeout`: how long one invocation may take.
    pub(crate) timeout: Duration,
    /// `MemorySize`, in MB: told to the function, not enforced.
    pub(crate) memory: u32,
    /// `LoggingConfig.LogFormat`, which the runtime's logger follows.
    pub(crate) log_format: String,
    /// `LoggingConfig.ApplicationLogLevel`.
    pub(crate) log_level: Option<String>,
}
