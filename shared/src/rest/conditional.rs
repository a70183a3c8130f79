//! Conditional reads (R4, "conditional read"; RFC 9110 §13): an app that holds a version is told whether it is still the current one.

use http::header;

use crate::clock::Time;
use crate::http::Request;

/// Whether the app says that it holds what this tag is of (R4, "conditional read"). Where it names tags, its date does not count
/// (RFC 9110 §13.2.2), and a date that is none is as if it were not there (§13.1.3).
pub(super) fn is_held(request: &Request, etag: &str, updated: Time) -> bool {
    if request.headers.contains_key(header::IF_NONE_MATCH) {
        let tags = request.header(header::IF_NONE_MATCH).unwrap_or_default();
        // The comparison is the weak one (§13.1.2): `W/` makes no difference.
        let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
        return tags.split(',').map(str::trim).any(|tag| tag == "*" || opaque(tag) == opaque(etag));
    }
    let since = request.header(header::IF_MODIFIED_SINCE).and_then(Time::from_http_date);
    since.is_some_and(|since| updated.seconds() <= since.seconds())
}
