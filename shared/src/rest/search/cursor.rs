//! Where a search goes on.

use serde::{Deserialize, Serialize};

use super::order::SortKeys;
use crate::fhir::reference::is_id;
use crate::rest::cursor::{decoded, foreign};
use crate::rest::outcome::Error;
use crate::rest::query::Query;

/// The place of one row in a result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SearchCursor {
    /// The type and the order of the search: a cursor of another search is no cursor of this one.
    search: String,
    /// The row's sort keys.
    pub at: SortKeys,
}

impl SearchCursor {
    /// The place of a row with these sort keys.
    pub fn new(query: &Query, at: SortKeys) -> SearchCursor {
        SearchCursor { search: order_of(query), at }
    }

    /// Reads the cursor of a search.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it is that of another search, or none of ours.
    pub fn parse(text: &str, query: &Query) -> Result<SearchCursor, Error> {
        let cursor: SearchCursor = decoded(text)?;
        let history = query.history_order().is_some();
        let length = if history { 1 } else { query.sort.len() + 1 };
        let sound = cursor.search == order_of(query)
            && cursor.at.len() == length
            && (!history || cursor.at[0].as_deref().is_some_and(|position| is_position(query, position)));
        if sound { Ok(cursor) } else { Err(foreign()) }
    }
}

/// Whether the text is the position of a row in the history that the search reads.
fn is_position(query: &Query, text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let is_moment = |text: &str| text.len() == 13 && text.bytes().all(|b| b.is_ascii_hexdigit());
    match (query.resource_type.key_date, &parts[..]) {
        (Some(_), [resource_type, moment, id]) => {
            *resource_type == query.resource_type.name && is_moment(moment) && is_id(id)
        }
        (None, [resource_type, id]) => *resource_type == query.resource_type.name && is_id(id),
        _ => false,
    }
}

/// The type and the order of a search, as text.
fn order_of(query: &Query) -> String {
    let keys =
        query.sort.iter().map(|sort| format!("{}{}", if sort.descending { "-" } else { "" }, sort.parameter.code));
    format!("{}:{}", query.resource_type.name, keys.collect::<Vec<_>>().join(","))
}
