//! How much a request may ask at once.

use super::outcome::Error;
use crate::bounds::{PARAMETER_BYTES, PARAMETERS};

/// Refuses more than an answer's links could repeat, before any of it is looked at.
///
/// # Errors
/// [`Error::Invalid`]
pub fn bounded(pairs: &[(String, String)]) -> Result<(), Error> {
    if pairs.len() > PARAMETERS {
        return Err(Error::Invalid(format!("a request has at most {PARAMETERS} parameters")));
    }
    if pairs.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > PARAMETER_BYTES {
        let text = format!("a request's parameters have at most {PARAMETER_BYTES} characters; ask in parts");
        return Err(Error::Invalid(text));
    }
    Ok(())
}
