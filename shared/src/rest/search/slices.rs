//! How many rows each call of a page reads.
//!
//! A page reads its history in slices, one call each. The first holds the page where nothing can leave a row out, and twice as many
//! rows where a filter may: so a page of a filter that most rows match is one call. While the page lacks matches, each further slice is
//! sized by the share of rows that matched until then, and where none did, it is several times as large as all before it.
//!
//! A page of a whole type ends where it is full. It also ends where a slice ends and the page is nearly full, or after as many calls
//! and bytes as a page may take: then the next page goes on behind the last row that was looked at, and no row is read twice. Under a
//! granular scope such an end would tell of rows that the app may not see, so that page is read on until it is full.

use crate::access::Permit;
use crate::bounds::{CALL_BYTES, READ_CALLS, SLICE_GROWTH, SLICE_ROWS, SLICES};
use crate::record::resources::Slice;
use crate::rest::query::Query;

/// The reasons to leave a row out of a page.
#[derive(Clone, Copy, PartialEq)]
enum Left {
    /// Nothing.
    None,
    /// A filter of the search.
    ByFilter,
    /// A granular scope: the app must not learn of the row.
    ByScope,
}

/// The slices of one page.
pub(super) struct Slices {
    left: Left,
    /// The matches of a full page, and one more: it tells that there is another page.
    wanted: usize,
    calls: usize,
    /// Rows that were read, and their bytes.
    read: usize,
    bytes: usize,
    /// Rows that matched.
    found: usize,
    /// Whether DynamoDB ended the last slice, because a call reads no more bytes.
    is_cut: bool,
}

impl Slices {
    /// Of a page of this search.
    pub fn new(query: &Query, permit: &Permit) -> Slices {
        let left = match query.selective().next() {
            _ if !permit.admits_all() => Left::ByScope,
            Some(_) => Left::ByFilter,
            None => Left::None,
        };
        Slices { left, wanted: query.count + 1, calls: 0, read: 0, bytes: 0, found: 0, is_cut: false }
    }

    /// The matches that the page still lacks, and one more.
    pub fn wanted(&self) -> usize {
        self.wanted - self.found
    }

    /// The rows of the next slice; `None` reads as many as one call can.
    pub fn rows(&self) -> Option<usize> {
        let wanted = self.wanted();
        let rows = match self.left {
            Left::None => return Some(wanted),
            Left::ByScope if self.calls >= SLICES => return None,
            // Such a scope shows a category, and there are several.
            Left::ByScope if self.calls == 0 => wanted * 4,
            Left::ByFilter if self.calls == 0 => wanted * 2,
            _ if self.found == 0 => self.read * SLICE_GROWTH,
            // A little fewer than are expected to fill the page: rows behind its end would be read again for the next one.
            _ => (wanted * self.read * 9 / (self.found * 10)).min(self.read * SLICE_GROWTH),
        };
        let most = if self.left == Left::ByFilter { self.most() } else { usize::MAX };
        Some(rows.min(most).max(SLICE_ROWS))
    }

    /// The rows that a page of a filter may still read: as many as make it a call of DynamoDB's in all.
    fn most(&self) -> usize {
        match self.bytes {
            0 => usize::MAX,
            bytes => self.read * CALL_BYTES.saturating_sub(bytes) / bytes,
        }
    }

    /// Takes note of a slice that was to have this many rows.
    pub fn took(&mut self, slice: &Slice, rows: Option<usize>) {
        self.calls += 1;
        self.read += slice.read;
        self.bytes += slice.bytes;
        self.found += slice.rows.len();
        self.is_cut = slice.more.is_some() && rows.is_none_or(|rows| slice.read < rows);
    }

    /// Whether the page has as many matches as it may have, and one more.
    pub fn are_full(&self) -> bool {
        self.found >= self.wanted
    }

    /// Whether the page ends behind the last slice, although the history goes on there.
    pub fn are_over(&self) -> bool {
        match self.left {
            Left::ByScope => self.calls >= SLICES + READ_CALLS,
            Left::None | Left::ByFilter => {
                let is_spent = self.is_cut || self.calls >= SLICES || self.most() < SLICE_ROWS;
                is_spent || self.found * 8 >= (self.wanted - 1) * 7
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A filter that each `every`th row of 320 bytes matches: the rows of each slice of its page, and the matches.
    fn page(count: usize, every: usize, bytes: usize) -> (Vec<usize>, usize) {
        let mut slices =
            Slices { left: Left::ByFilter, wanted: count + 1, calls: 0, read: 0, bytes: 0, found: 0, is_cut: false };
        let mut sizes = Vec::new();
        loop {
            let rows = slices.rows().expect("only a granular scope reads without a limit");
            let read = rows.min(CALL_BYTES / bytes);
            sizes.push(rows);
            slices.calls += 1;
            slices.found = ((slices.read + read) / every).min(slices.wanted);
            slices.read += read;
            slices.bytes += read * bytes;
            slices.is_cut = read < rows;
            if slices.are_full() || slices.are_over() {
                return (sizes, slices.found.min(count));
            }
        }
    }

    #[test]
    fn a_page_of_a_filter_that_half_of_the_rows_match_is_one_call_of_twice_the_page() {
        for (every, found) in [(1, 50), (2, 50)] {
            assert_eq!(page(50, every, 320), (vec![102], found));
        }
    }

    #[test]
    fn slices_grow_with_what_they_miss_to_one_call_of_dynamodb_and_are_at_most_four() {
        let (sizes, found) = page(50, 20, 320);
        assert!(sizes.len() <= 3 && sizes.iter().sum::<usize>() < 1_020 && found >= 44, "{sizes:?}: {found}");
        for (count, every, bytes) in
            [(50, 1_000_000, 320), (1, 1_000_000, 320), (50, 500, 320), (100, 90, 4_000), (1, 7, 28_000)]
        {
            let (sizes, found) = page(count, every, bytes);
            let read = sizes.iter().sum::<usize>() * bytes;
            assert!(sizes.len() <= SLICES && read <= CALL_BYTES, "{sizes:?}: {found}");
            assert!(
                found * 8 >= count * 7 || read * 10 >= CALL_BYTES * 9 || sizes.len() == SLICES,
                "{sizes:?}: {found}"
            );
        }
    }

    #[test]
    fn a_page_that_nothing_is_left_out_of_is_one_call_of_the_page() {
        let slices = Slices { left: Left::None, wanted: 51, calls: 0, read: 0, bytes: 0, found: 0, is_cut: false };
        assert_eq!(slices.rows(), Some(51));
    }

    #[test]
    fn a_page_under_a_granular_scope_is_read_on_until_it_is_full() {
        let mut slices =
            Slices { left: Left::ByScope, wanted: 51, calls: 0, read: 0, bytes: 0, found: 0, is_cut: false };
        assert_eq!(slices.rows(), Some(204));
        slices = Slices { calls: SLICES, read: 4_000, bytes: 2 * CALL_BYTES, found: 50, is_cut: true, ..slices };
        assert_eq!((slices.rows(), slices.are_over(), slices.are_full()), (None, false, false));
        slices.calls += READ_CALLS;
        assert!(slices.are_over());
    }
}
