//! A page in the order of the history.

use super::cursor::SearchCursor;
use super::matches::Matches;
use super::slices::Slices;
use crate::access::Permit;
use crate::fhir::filter::Filter;
use crate::record::resources::{Held, Window};
use crate::record::row::{Row, moment};
use crate::rest::call::Call;
use crate::rest::cursor::foreign;
use crate::rest::outcome::Error;
use crate::rest::query::Query;

/// Reads the page in [`Slices`].
///
/// # Errors
/// [`Error::TooCostly`] where a granular scope shows nothing of as much as a request reads.
pub(super) async fn page(
    call: &Call<'_>,
    query: &Query,
    permit: &Permit,
    newest_first: bool,
    cursor: Option<&SearchCursor>,
) -> Result<Matches, Error> {
    let mut windows = windows(query, newest_first);
    if let Some([Some(position)]) = cursor.map(|cursor| &cursor.at[..]) {
        let start =
            windows.iter().position(|window| window.holds(query.resource_type, position)).ok_or_else(foreign)?;
        windows.drain(..start);
        windows[0].after = Some(position.clone());
    }
    let mut scan = Scan { slices: Slices::new(query, permit), held: Held::default(), rows: Vec::new(), more: None };
    let mut unread = windows.len();
    for window in windows {
        scan.go_on(call, query, permit, window).await?;
        unread -= 1;
        if scan.more.is_some() || scan.slices.are_full() {
            break;
        }
    }
    let Scan { mut rows, more, .. } = scan;
    let total = (cursor.is_none() && more.is_none() && unread == 0).then_some(rows.len());
    let last = |rows: &[Row]| rows.last().map(|row| row.position.clone());
    let more = if rows.len() > query.count {
        rows.truncate(query.count);
        last(&rows)
    } else if more.is_some() && !permit.admits_all() {
        // Neither the page nor its cursor tells of rows that the scope leaves out.
        let found = last(&rows).ok_or_else(|| Error::TooCostly("too little is found here; narrow the dates".into()))?;
        Some(found)
    } else {
        more
    };
    Ok(Matches { rows, more: more.map(|position| vec![Some(position)]), total })
}

/// The part of a history that was read.
struct Scan {
    slices: Slices,
    held: Held,
    /// The matches.
    rows: Vec<Row>,
    /// The place up to which it was read, if there is more.
    more: Option<String>,
}

impl Scan {
    /// Reads on in a window, to its end or the page's.
    async fn go_on(
        &mut self,
        call: &Call<'_>,
        query: &Query,
        permit: &Permit,
        mut window: Window,
    ) -> Result<(), Error> {
        let keep = |row: &Row| query.selective().all(|filter| filter.keeps(row.index()));
        loop {
            (window.limit, window.most) = (self.slices.rows(), Some(self.slices.wanted()));
            let slice = call.read(call.resources.history(permit, &window, &mut self.held, keep)).await?;
            self.slices.took(&slice, window.limit);
            self.rows.extend(slice.rows);
            self.more = slice.more;
            if self.more.is_none() || self.slices.are_full() || self.slices.are_over() {
                return Ok(());
            }
            window.after.clone_from(&self.more);
        }
    }
}

/// The part of the history in which matches can lie.
pub(super) fn window(query: &Query, newest_first: bool) -> Window {
    let (mut low, mut high) = (moment(None), moment(Some(i64::MAX)));
    let key_date = query.filters.iter().filter(|filter| Some(filter.parameter.code) == query.resource_type.key_date);
    for bounds in key_date.filter_map(Filter::bounds) {
        low = low.max(moment(Some(bounds.low)));
        high = high.min(moment(Some(bounds.high)));
    }
    Window { moments: (low, high.max(low)), newest_first, after: None, limit: None, most: None }
}

/// The same in the order in which it is read. A row without the key date stands before all others in the history, and last in
/// every order.
fn windows(query: &Query, newest_first: bool) -> Vec<Window> {
    let whole = window(query, newest_first);
    let (low, high) = whole.moments;
    if newest_first || low > moment(None) || query.resource_type.key_date.is_none() {
        return vec![whole];
    }
    let dated = Window { moments: (low + 1, high.max(low + 1)), ..whole.clone() };
    vec![dated, Window { moments: (low, low), ..whole }]
}
