//! `Range`: a part of what a Binary holds (RFC 9110 §14).

use http::header;

use crate::http::Request;
use crate::http::fields::list;

/// The part that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// All of it.
    Whole,
    /// The bytes from `first` to `last`, both included; both are there.
    Part {
        /// The first byte's place.
        first: u64,
        /// The last byte's place.
        last: u64,
    },
    /// Bytes that are not there.
    Unsatisfiable,
}

impl Range {
    /// The part of `size` bytes, whose strong validator is `etag`, that the request asks for. Several ranges, other units and text that
    /// does not read are all answered with the whole, as a server may (§14.2). With `If-Range` a part is asked for only if it is of
    /// this version; a date is never a validator as strong as that demands (§13.1.5, §8.8.2.2).
    pub(super) fn wanted(request: &Request, etag: &str, size: u64) -> Range {
        let is_current =
            !request.headers.contains_key(header::IF_RANGE) || request.header(header::IF_RANGE) == Some(etag);
        let asked = request.header(header::RANGE).filter(|_| is_current);
        asked.and_then(|text| Range::parse(text, size)).unwrap_or(Range::Whole)
    }

    fn parse(text: &str, size: u64) -> Option<Range> {
        let (unit, set) = text.split_once('=')?;
        let mut ranges = list(set);
        let (Some(range), None) = (ranges.next(), ranges.next()) else { return None };
        let (first, last) = range.split_once('-')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        let end = size.checked_sub(1);
        let part = |first, last| match end {
            Some(end) if first <= end => Range::Part { first, last: u64::min(last, end) },
            _ => Range::Unsatisfiable,
        };
        match (first, last) {
            ("", suffix) => match number(suffix)? {
                0 => Some(Range::Unsatisfiable),
                length => Some(part(size.saturating_sub(length), u64::MAX)),
            },
            (first, "") => Some(part(number(first)?, u64::MAX)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then(|| part(first, last))
            }
        }
    }
}

/// Digits alone; a number too large for us is beyond every end.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_of_bytes_is_a_part_and_what_is_not_there_is_unsatisfiable() {
        let part = |first, last| Some(Range::Part { first, last });
        for (text, expected) in [
            ("bytes=0-0", part(0, 0)),
            ("bytes=0-99", part(0, 9)),
            ("Bytes=2-5", part(2, 5)),
            ("bytes=9-", part(9, 9)),
            ("bytes=-3", part(7, 9)),
            ("bytes= , 2-5 ,", part(2, 5)),
            ("bytes=-100", part(0, 9)),
            ("bytes=0-99999999999999999999999", part(0, 9)),
            ("bytes=10-", Some(Range::Unsatisfiable)),
            ("bytes=99999999999999999999999-", Some(Range::Unsatisfiable)),
            ("bytes=-0", Some(Range::Unsatisfiable)),
            ("bytes=5-2", None),
            ("bytes=0-1,4-5", None),
            ("bytes=-", None),
            ("bytes=+1-2", None),
            ("bytes", None),
            ("items=0-1", None),
        ] {
            assert_eq!(Range::parse(text, 10), expected, "{text}");
        }
        assert_eq!(Range::parse("bytes=0-", 0), Some(Range::Unsatisfiable));
        assert_eq!(Range::parse("bytes=-1", 0), Some(Range::Unsatisfiable));
    }
}
