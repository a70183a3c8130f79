//! One page of matches, before it is written out.

use super::order::SortKeys;
use crate::record::row::Row;

/// One page of matches.
pub(super) struct Matches {
    /// The matches, in order.
    pub rows: Vec<Row>,
    /// The sort keys of the last row that was looked at, if there may be more.
    pub more: Option<SortKeys>,
    /// How many match on all pages, where that is known.
    pub total: Option<usize>,
}
