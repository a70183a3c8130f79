//! FHIR dates as intervals (R4 search, "Date"): a date of less than full precision stands for all moments in it.

use time::{Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// All moments from `low` to `high`, both included, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// The first moment.
    pub low: i64,
    /// The last moment.
    pub high: i64,
}

/// 9999-12-31T23:59:59.999Z
const END_OF_CALENDAR: i64 = 253_402_300_799_999;

impl Interval {
    /// All of time.
    pub const ALWAYS: Interval = Interval { low: i64::MIN, high: i64::MAX };

    /// Reads a FHIR `date`, `dateTime` or `instant`; a time without a zone is taken as UTC. `None` where the text is none.
    pub fn parse(text: &str) -> Option<Interval> {
        let (date, clock) = match text.split_once('T') {
            Some((date, clock)) => (date, Some(clock)),
            None => (text, None),
        };
        let mut parts = date.splitn(3, '-');
        let year = digits(parts.next()?, 4).filter(|year| *year > 0)?;
        let month = parts.next().map(|part| digits(part, 2)).map_or(Some(None), |month| month.map(Some))?;
        let day = parts.next().map(|part| digits(part, 2)).map_or(Some(None), |day| day.map(Some))?;
        let first = Date::from_calendar_date(
            i32::try_from(year).ok()?,
            Month::try_from(u8::try_from(month.unwrap_or(1)).ok()?).ok()?,
            u8::try_from(day.unwrap_or(1)).ok()?,
        )
        .ok()?;
        if let Some(clock) = clock {
            return day.and_then(|_| moment(first, clock));
        }
        let next = match (month, day) {
            (_, Some(_)) => first.next_day(),
            (Some(12) | None, None) if first.year() == 9999 => None,
            (Some(12) | None, None) => Date::from_calendar_date(first.year() + 1, Month::January, 1).ok(),
            (Some(_), None) => first.replace_month(first.month().next()).ok(),
        };
        let low = millis(PrimitiveDateTime::new(first, Time::MIDNIGHT).assume_utc());
        // After 9999 the calendar ends.
        let high = next.map_or(END_OF_CALENDAR, |next| millis(next.midnight().assume_utc()) - 1);
        Some(Interval { low, high })
    }

    /// A FHIR Period: an end that is absent is open.
    pub fn period(start: Option<&str>, end: Option<&str>) -> Option<Interval> {
        let low = start.map_or(Some(i64::MIN), |text| Interval::parse(text).map(|date| date.low))?;
        let high = end.map_or(Some(i64::MAX), |text| Interval::parse(text).map(|date| date.high))?;
        (start.is_some() || end.is_some()).then_some(Interval { low, high })
    }
}

fn digits(text: &str, length: usize) -> Option<u32> {
    (text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn millis(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).unwrap_or(i64::MAX)
}

/// `hh:mm[:ss[.fff]][zone]` on a day.
fn moment(day: Date, text: &str) -> Option<Interval> {
    // A `+` that was not percent-encoded in a query arrives as a space.
    let zone_at = text.find(['Z', '+', '-', ' ']).unwrap_or(text.len());
    let (clock, zone) = text.split_at(zone_at);
    let (clock, fraction) = match clock.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (clock, None),
    };
    let mut parts = clock.splitn(3, ':');
    let hour = digits(parts.next()?, 2)?;
    let minute = digits(parts.next()?, 2)?;
    let second = parts.next().map(|part| digits(part, 2)).map_or(Some(None), |second| second.map(Some))?;
    let is_fraction = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if fraction.is_some_and(|text| second.is_none() || !is_fraction(text)) {
        return None;
    }
    // A leap second is a time (R4 data types, "dateTime"). There is none in this calendar, so it is the last moment of its minute: it
    // lies on its own day, whatever the zone.
    let (second, fraction) = if second == Some(60) { (Some(59), Some("999")) } else { (second, fraction) };
    let time = Time::from_hms(
        u8::try_from(hour).ok()?,
        u8::try_from(minute).ok()?,
        u8::try_from(second.unwrap_or_default()).ok()?,
    );
    let whole = PrimitiveDateTime::new(day, time.ok()?).assume_offset(offset(zone)?);
    let (part, length) = match (second, fraction) {
        (None, _) => (0, 60_000),
        (Some(_), None) => (0, 1_000),
        (Some(_), Some(fraction)) => {
            let step = match fraction.len() {
                1 => 100,
                2 => 10,
                _ => 1,
            };
            (format!("{fraction:0<3}").get(..3)?.parse().ok()?, step)
        }
    };
    let start = whole.checked_add(Duration::milliseconds(part))?;
    let low = millis(start);
    Some(Interval { low, high: low + length - 1 })
}

fn offset(zone: &str) -> Option<UtcOffset> {
    if zone.is_empty() || zone == "Z" {
        return Some(UtcOffset::UTC);
    }
    let (sign, rest) = zone.split_at_checked(1)?;
    let (hours, minutes) = rest.split_once(':')?;
    let total = digits(hours, 2)? * 60 + digits(minutes, 2).filter(|minutes| *minutes < 60)?;
    let seconds = i32::try_from(total).ok().filter(|total| *total <= 14 * 60)? * 60;
    UtcOffset::from_whole_seconds(if sign == "-" { -seconds } else { seconds }).ok()
}

/// How a search compares a date (R4 search, "Prefixes").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// Equal: the search value contains the resource's.
    Eq,
    /// Not equal.
    Ne,
    /// Greater.
    Gt,
    /// Less.
    Lt,
    /// Greater or equal.
    Ge,
    /// Less or equal.
    Le,
    /// Starts after.
    Sa,
    /// Ends before.
    Eb,
    /// Approximately.
    Ap,
}

impl Prefix {
    /// Splits a leading prefix off a value. Two letters that are no prefix are an error, none is `eq`.
    pub fn split(value: &str) -> Option<(Prefix, &str)> {
        if !value.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Some((Prefix::Eq, value));
        }
        let (letters, rest) = value.split_at_checked(2)?;
        let prefix = match letters {
            "eq" => Prefix::Eq,
            "ne" => Prefix::Ne,
            "gt" => Prefix::Gt,
            "lt" => Prefix::Lt,
            "ge" => Prefix::Ge,
            "le" => Prefix::Le,
            "sa" => Prefix::Sa,
            "eb" => Prefix::Eb,
            "ap" => Prefix::Ap,
            _ => return None,
        };
        Some((prefix, rest))
    }

    /// Whether the resource's `target` matches the search's `value` under this prefix.
    pub fn compares(self, target: Interval, value: Interval) -> bool {
        let contained = value.low <= target.low && target.high <= value.high;
        match self {
            Prefix::Eq => contained,
            Prefix::Ne => !contained,
            Prefix::Gt => target.high > value.high,
            Prefix::Lt => target.low < value.low,
            Prefix::Ge => target.high > value.high || contained,
            Prefix::Le => target.low < value.low || contained,
            Prefix::Sa => target.low > value.high,
            Prefix::Eb => target.high < value.low,
            // "Approximately" is ours to choose (R4 suggests 10 % of the gap to now): a day on either side.
            Prefix::Ap => target.low <= value.high + 86_400_000 && target.high >= value.low - 86_400_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(text: &str) -> Interval {
        Interval::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn a_partial_date_stands_for_all_its_moments() {
        assert_eq!(interval("2024-02").low, interval("2024-02-01T00:00:00.000Z").low);
        assert_eq!(interval("2024-02").high, interval("2024-02-29T23:59:59.999Z").high);
        assert_eq!(interval("2024").high + 1, interval("2025").low);
        assert_eq!(interval("2024-02-29T10:30-05:00").low, interval("2024-02-29T15:30:00Z").low);
        assert_eq!(interval("9999").high, interval("9999-12-31T23:59:59.999Z").high);
        assert_eq!(interval("9999-12-31").high, interval("9999-12").high);
    }

    #[test]
    fn a_leap_second_is_the_last_moment_of_its_minute() {
        let leap = interval("2015-06-30T23:59:60Z");
        assert_eq!(leap.high, interval("2015-06-30").high);
        assert!(leap.low > interval("2015-06-30T23:59:59.99Z").low && leap.high < interval("2015-07-01").low);
        for same in
            ["2015-06-30T23:59:60.25Z", "2015-06-30T16:59:60-07:00", "2015-07-01T08:59:60+09:00", "2015-06-30T23:59:60"]
        {
            assert_eq!(interval(same), leap, "{same}");
        }
    }

    #[test]
    fn text_that_is_no_date_is_refused() {
        for text in [
            "",
            "2024-13",
            "2024-02-30",
            "2024-01-01T25:00",
            "0000",
            "2024-1-1",
            "2024-01-01T10:00:00+14:01",
            "20240101",
            "2024-01T10:00",
            "2024-01-01T10",
            "2024-01-01T10:00:00.Z",
            "2024-01-01T10:00:61Z",
            "2024-01-01T10:00:60.Z",
            "2024-01-01T10:00:60.5.5Z",
            "2024-01-01T10:60:00Z",
            "x",
            "２024",
        ] {
            assert!(Interval::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn prefixes_follow_the_interval_rules() {
        let (year, day) = (interval("2024"), interval("2024-06-01"));
        assert!(Prefix::Eq.compares(day, year) && !Prefix::Eq.compares(year, day));
        assert!(Prefix::Gt.compares(year, day) && Prefix::Lt.compares(year, day));
        assert!(Prefix::Ge.compares(day, day) && !Prefix::Gt.compares(day, day));
        assert!(Prefix::Sa.compares(interval("2025"), year) && Prefix::Eb.compares(interval("2023"), year));
        let open = Interval::period(Some("2020"), None).unwrap();
        assert!(Prefix::Gt.compares(open, interval("2090")));
    }

    #[test]
    fn only_known_prefixes_are_split() {
        assert_eq!(Prefix::split("ge2024"), Some((Prefix::Ge, "2024")));
        assert_eq!(Prefix::split("2024"), Some((Prefix::Eq, "2024")));
        assert_eq!(Prefix::split("xx2024"), None);
        assert_eq!(Prefix::split("eqge2024").and_then(|(_, rest)| Interval::parse(rest)), None);
    }
}
