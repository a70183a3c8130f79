//! The configuration of a function in the template.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::lambda::streams::StreamSource;

/// A function to run.
#[derive(Debug, Clone)]
pub(crate) struct FunctionConfiguration {
    /// Its logical id.
    pub(crate) name: String,
    /// The name of its binary.
    pub(crate) binary: String,
    /// Its environment variables.
    pub(crate) environment: BTreeMap<String, String>,
    /// `Timeout`: the most time that one invocation may take.
    pub(crate) timeout: Duration,
    /// `MemorySize` in MB. The function is told of it, but it is not enforced.
    pub(crate) memory: u32,
    /// `LoggingConfig.LogFormat`, which the runtime's logger follows.
    pub(crate) log_format: String,
    /// `LoggingConfig.ApplicationLogLevel`.
    pub(crate) log_level: Option<String>,
    /// Its events of the type `DynamoDB`.
    pub(crate) streams: Vec<StreamSource>,
    /// Whether it has an event of the type `Schedule`.
    pub(crate) is_scheduled: bool,
}
