//! The rejected resources of a run, with reasons.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value as Json, json};

use super::reason::Reason;
use crate::stack::private_file;

/// The file of rejected resources. It holds health data, so only its owner may read it.
pub(super) struct Rejections {
    path: PathBuf,
    file: Option<fs::File>,
}

impl Rejections {
    /// Rejections that go to `path`. The file is created with the first one.
    pub(super) fn to(path: &Path) -> Rejections {
        Rejections { path: path.to_owned(), file: None }
    }

    /// The file, if anything was rejected.
    pub(super) fn written(&self) -> Option<PathBuf> {
        self.file.as_ref().map(|_| self.path.clone())
    }

    /// Adds a rejection: the place where the resource was read, the reason, and the resource.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn add(&mut self, place: &str, reason: &Reason, resource: &Json) -> Result<()> {
        let file = if let Some(file) = &mut self.file {
            file
        } else {
            let file = private_file(&self.path);
            self.file.insert(file.with_context(|| format!("cannot write {}", self.path.display()))?)
        };
        let line = json!({"place": place, "code": reason.code.as_str(), "reason": reason.text, "resource": resource});
        writeln!(file, "{line}").with_context(|| format!("cannot write {}", self.path.display()))
    }
}
