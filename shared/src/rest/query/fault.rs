//! Why a parameter of a search is not taken.

use crate::fhir::filter::FilterError;
use crate::rest::outcome::Error;

/// Why a parameter of a search is not taken.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server does not know it or does not do it: a lenient search leaves it out (R4 search, "Handling Errors").
    Unsupported(Error),
    /// It is malformed, or asks for too much: an error in any case.
    Malformed(Error),
}

impl Fault {
    pub fn malformed(text: impl Into<String>) -> Fault {
        Fault::Malformed(Error::Invalid(text.into()))
    }

    /// The server does not know the name.
    pub fn unknown(text: impl Into<String>) -> Fault {
        Fault::Unsupported(Error::Invalid(text.into()))
    }

    /// The server knows it, and does not do it.
    pub fn unsupported(text: impl Into<String>) -> Fault {
        Fault::Unsupported(Error::NotSupported(text.into()))
    }
}

impl From<FilterError> for Fault {
    fn from(error: FilterError) -> Fault {
        match error {
            FilterError::Unknown { .. } => Fault::unknown(error.to_string()),
            FilterError::Unsupported(text) => Fault::unsupported(text),
            FilterError::Malformed(text) => Fault::malformed(text),
        }
    }
}
