//! How much a request may ask at once.

use super::outcome::Error;

/// More pairs or alternatives than this are no search but an attack.
pub const LARGEST_LIST: usize = 100;

/// The longest request, in bytes: the links of its answer repeat it, and must fit API Gateway's 10 KB when they are followed.
const LARGEST_SEARCH: usize = 6 * 1024;

/// Refuses more than an answer's links could repeat, before any of it is looked at.
///
/// # Errors
/// [`Error::Invalid`]
pub fn bounded(pairs: &[(String, String)]) -> Result<(), Error> {
    if pairs.len() > LARGEST_LIST {
        return Err(Error::Invalid(format!("a request has at most {LARGEST_LIST} parameters")));
    }
    if pairs.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > LARGEST_SEARCH {
        let text = format!("a request's parameters have at most {LARGEST_SEARCH} characters; ask in parts");
        return Err(Error::Invalid(text));
    }
    Ok(())
}
