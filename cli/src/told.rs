//! The result of a command, and how it ends the program.

use std::process::ExitCode;

/// The text to print, and whether something was refused on the way.
#[derive(Debug, Default)]
pub struct Told {
    /// The text for standard output.
    pub text: String,
    /// Whether a part of the input was refused. The program then ends with code 3.
    pub refused: bool,
}

impl Told {
    /// Nothing was refused.
    pub fn done(text: String) -> Told {
        Told { text, refused: false }
    }

    /// The program's end.
    pub fn exit_code(&self) -> ExitCode {
        if self.refused { ExitCode::from(3) } else { ExitCode::SUCCESS }
    }
}

/// A command that was not called as it must be: nothing was done. The program ends with code 2, as with an unknown option.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongCall(pub String);

/// The program's end after an error.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.is::<WrongCall>() { ExitCode::from(2) } else { ExitCode::FAILURE }
}
