//! What documents hold: in a Binary, or in a file beside the feed.

use serde_json::Value as Json;
use shared::store::documents::decoded;

use super::reason::{Kind, Reason};

/// Takes the `data` out of a Binary: how large they are is the bucket's business.
///
/// # Errors
/// They are no base64.
pub(super) fn checked_data(resource: &mut Json) -> Result<Option<Json>, Reason> {
    if resource["resourceType"] != "Binary" {
        return Ok(None);
    }
    let Some(data) = resource.as_object_mut().and_then(|binary| binary.shift_remove("data")) else { return Ok(None) };
    let wrong = |why: &str| Reason::new(Kind::BadData, format!("its `data` is no base64: {why}"));
    decoded(data.as_str().ok_or_else(|| wrong("it is no string"))?).map_err(|why| wrong(&why))?;
    Ok(Some(data))
}
