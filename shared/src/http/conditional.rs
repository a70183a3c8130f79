//! Conditional requests (RFC 9110 §13; R4, "conditional read"): a client that holds a version is told whether it is still the current
//! one.

use http::header;

use super::Request;
use super::date;
use crate::clock::Time;

/// Whether the client says that it holds what this tag is of. Where it names tags, its date does not count (§13.2.2), and a date that
/// is none is as if it were not there (§13.1.3).
pub fn is_held(request: &Request, etag: &str, updated: Option<Time>) -> bool {
    if request.headers.contains_key(header::IF_NONE_MATCH) {
        return has_tag(request.header(header::IF_NONE_MATCH).unwrap_or_default(), etag);
    }
    let since = request.header(header::IF_MODIFIED_SINCE).and_then(date::parse);
    since.zip(updated).is_some_and(|(since, updated)| updated.seconds() <= since.seconds())
}

/// Whether a list of entity tags, or `*`, has this one. The comparison is the weak one (§13.1.2): `W/` makes no difference.
fn has_tag(list: &str, etag: &str) -> bool {
    let opaque = etag.strip_prefix("W/").unwrap_or(etag);
    if list.trim() == "*" {
        return true;
    }
    let mut rest = list;
    // In an entity tag a comma is a character as any other, and a backslash escapes nothing (§8.8.3).
    while let Some(start) = rest.find('"') {
        let Some(length) = rest[start + 1..].find('"') else { return false };
        let end = start + length + 2;
        if &rest[start..end] == opaque {
            return true;
        }
        rest = &rest[end..];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_a_list_whatever_stands_in_the_others() {
        for list in ["*", r#""1""#, r#"W/"1""#, r#" "a,b" , W/"1" "#, r#""\","1""#, r#""0","1""#] {
            assert!(has_tag(list, r#"W/"1""#), "{list}");
        }
        for list in ["", "1", r#""11""#, r#"",1,""#, r#""1"#, r#""a\"1""#] {
            assert!(!has_tag(list, r#"W/"1""#), "{list}");
        }
    }
}
