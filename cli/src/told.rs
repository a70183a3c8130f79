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
