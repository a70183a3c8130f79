//! How many resources match, on all pages.

use super::history;
use super::sorted::{all, news};
use crate::access::Permit;
use crate::bounds;
use crate::record::resources::Held;
use crate::rest::call::Call;
use crate::rest::outcome::Error;
use crate::rest::query::Query;

/// Counts the matches.
///
/// # Errors
/// [`Error::TooCostly`] where there are too many to read.
pub(super) async fn count(call: &Call<'_>, query: &Query, permit: &Permit) -> Result<usize, Error> {
    let read = match news(call, query, permit).await? {
        None if query.resource_type.is_shared() => Some(all(call, query, permit).await?),
        news => news,
    };
    if let Some(rows) = read {
        return Ok(rows.iter().filter(|row| query.keeps(row)).count());
    }
    let (mut window, mut total) = (history::window(query, true), 0);
    for _ in 0..bounds::READ_CALLS {
        // The rows of each call are only counted.
        let mut held = Held::default();
        let slice = call.read(call.resources.history(permit, &window, &mut held, |row| query.keeps(row))).await?;
        total += slice.rows.len();
        window.after = slice.more;
        if window.after.is_none() {
            return Ok(total);
        }
    }
    Err(Error::too_much_to_read(query.resource_type.name, "narrow the search by dates"))
}
