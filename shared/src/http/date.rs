//! Dates in header fields (RFC 9110 §5.6.7).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::clock::Time;

/// A moment as HTTP writes it: `Sun, 22 Nov 2026 15:23:18 GMT`.
pub fn http_date(time: Time) -> String {
    let seconds = u64::try_from(time.seconds()).unwrap_or(0);
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds.min(END_OF_CALENDAR)))
}

/// 9999-12-31T23:59:59Z, in seconds since 1970.
const END_OF_CALENDAR: u64 = 253_402_300_799;

/// Reads a date in any of the three forms that a recipient must know: today's, that of RFC 850, and that of C's `asctime`. One before
/// 1970 is none to us: we have held nothing as long as that.
pub fn parse(text: &str) -> Option<Time> {
    let time: SystemTime = httpdate::parse_http_date(text).ok()?;
    let seconds = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    Some(Time(i64::try_from(seconds).ok()?.checked_mul(1000)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_written_in_one_form_and_read_in_three() {
        let time = Time(1_795_361_000_007);
        assert_eq!(http_date(time), "Sun, 22 Nov 2026 15:23:20 GMT");
        for text in ["Sun, 22 Nov 2026 15:23:20 GMT", "Sunday, 22-Nov-26 15:23:20 GMT", "Sun Nov 22 15:23:20 2026"] {
            assert_eq!(parse(text), Some(Time(1_795_361_000_000)), "{text}");
        }
        for text in ["", "22 Nov 2026", "Sun, 22 Nov 2026 15:23:20 +0100", "Mon, 22 Nov 2026 15:23:20 GMT"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(http_date(Time(i64::MIN)), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http_date(Time(i64::MAX)), "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
