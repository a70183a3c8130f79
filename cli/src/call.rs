//! A wrong call: nothing was done, and the same call never succeeds. The command then ends with 2, as for arguments that do not
//! parse.

use std::fmt;

/// The fault in the call, and what would be right.
#[derive(Debug)]
pub struct WrongCall(pub String);

impl fmt::Display for WrongCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongCall {}
