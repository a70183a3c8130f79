//! The choices of the operator for a run.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::{Rules, Stop, Totals};

/// The settings of a run.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The file for rejected resources and their reasons.
    pub rejected: PathBuf,
    /// The control totals to compare with.
    pub expect: Option<Totals>,
    /// The base URLs that the plan calls its own, besides that of the stack.
    pub bases: Vec<String>,
    /// Stops the run before its end.
    pub stop: Stop,
    /// The ids of Patients who are the same person, though birth date and family name differ.
    pub same_person: BTreeSet<String>,
    /// The classes of rules; none, if they are the stack's.
    pub rules: Option<Rules>,
    /// Whether a Patient who says who replaces them is merged, where both are surely one person.
    pub merges: bool,
}
