//! A page in the order of the history.

use super::cursor::SearchCursor;
use super::matches::Matches;
use crate::access::Permit;
use crate::bounds;
use crate::fhir::filter::Filter;
use crate::record::resources::Window;
use crate::record::row::{Row, moment};
use crate::rest::call::Call;
use crate::rest::cursor::foreign;
use crate::rest::outcome::Error;
use crate::rest::query::Query;

/// Reads the page and no more where no filter can leave a row out. Where scopes leave some out, it
/// reads on until the page is full, and goes on after what it gave out: neither the page nor its cursor tells of the others.
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
    let mut read = Scan { rows: Vec::new(), more: None };
    let mut unread = windows.len();
    for window in windows {
        read.go_on(call, query, permit, window).await?;
        unread -= 1;
        if read.more.is_some() || read.rows.len() > query.count {
            break;
        }
    }
    let Scan { mut rows, more } = read;
    let total = (cursor.is_none() && more.is_none() && unread == 0).then_some(rows.len());
    let last = |rows: &[Row]| rows.last().map(|row| row.position.clone());
    let more = if rows.len() > query.count {
        rows.truncate(query.count);
        last(&rows)
    } else if more.is_some() && !permit.admits_all() {
        let found = last(&rows).ok_or_else(|| Error::TooCostly("too little is found here; narrow the dates".into()))?;
        Some(found)
    } else {
        more
    };
    Ok(Matches { rows, more: more.map(|position| vec![Some(position)]), total })
}

/// The part of a history that was read.
struct Scan {
    rows: Vec<Row>,
    /// The place up to which it was read, if there is more.
    more: Option<String>,
}

impl Scan {
    /// Reads on in a window: one call, or, where scopes leave some rows out, as many as it takes.
    async fn go_on(
        &mut self,
        call: &Call<'_>,
        query: &Query,
        permit: &Permit,
        mut window: Window,
    ) -> Result<(), Error> {
        let selective = query.selective().next().is_some();
        let keep = |row: &Row| query.selective().all(|filter| filter.keeps(row.index()));
        for calls in 0..bounds::READ_CALLS {
            let wanted = query.count + 1 - self.rows.len();
            window.limit = match permit.admits_all() {
                true => (!selective).then_some(wanted),
                false => (calls == 0 && !selective).then_some(wanted * 4),
            };
            let slice = call.read(call.resources.history(permit, &window, keep)).await?;
            self.rows.extend(slice.rows);
            self.more = slice.more;
            if permit.admits_all() || self.more.is_none() || self.rows.len() > query.count {
                break;
            }
            window.after.clone_from(&self.more);
        }
        Ok(())
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
    Window { moments: (low, high.max(low)), newest_first, after: None, limit: None }
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
