//! Where a page goes on: a parameter of our own, which an app gets in the link `next` and never makes itself. It carries a place and
//! never authority: what the app may read is worked out anew for each page.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::outcome::Error;

/// The parameter's name.
pub const CURSOR: &str = "_cursor";

/// A place as a link carries it.
pub(super) fn encoded(place: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).unwrap_or_default())
}

/// Reads [`encoded`].
///
/// # Errors
/// [`Error::Invalid`] where the text is none of ours.
pub(super) fn decoded<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| foreign())?;
    serde_json::from_slice(&bytes).map_err(|_| foreign())
}

/// The error where a cursor is none of ours, or that of another request.
pub(super) fn foreign() -> Error {
    Error::Invalid(format!("`{CURSOR}` does not belong to this request: follow the `next` link as it came"))
}
