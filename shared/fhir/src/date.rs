//! FHIR dates as intervals (R4 search, "Date"): a date of less than full precision stands for all moments in it.
//!
//! A date with a time is a moment, wherever the clock stood that told it. A date without one is a day on a calendar, and a search for it
//! asks for what a resource itself says happened on that day: 18:30 at −07:00 is of the day that it names, though it is the next in UTC.

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

    /// As [`FhirDate::parse`], its moments alone.
    pub fn parse(text: &str) -> Option<Interval> {
        FhirDate::parse(text).map(|date| date.interval)
    }
}

/// A `date`, `dateTime` or `instant` as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FhirDate {
    /// Its moments; those of a date without a time are of UTC.
    pub interval: Interval,
    /// How many minutes its clock is ahead of UTC; `None` for a date without a time.
    offset: Option<i16>,
}

/// How many minutes the clocks that tell the ends of an interval are ahead of UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offsets {
    /// The clock of the first moment.
    pub low: i16,
    /// The clock of the last moment.
    pub high: i16,
}

/// The most minutes that a clock is off UTC (R4 data types, "dateTime").
const MOST_OFFSET: i16 = 14 * 60;

impl FhirDate {
    /// Reads a FHIR `date`, `dateTime` or `instant`; a time without a zone is taken as UTC. `None` where the text is none.
    pub fn parse(text: &str) -> Option<FhirDate> {
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
        Some(FhirDate { interval: Interval { low, high }, offset: None })
    }

    /// The moments of a resource as they are compared with this date: by what the clocks showed that told them, where this date has no
    /// time.
    pub fn view(&self, Told { interval: moments, offsets }: Told) -> Interval {
        if self.offset.is_some() {
            return moments;
        }
        // An end that is open stays so.
        let shown = |moment: i64, offset: i16| match moment {
            i64::MIN | i64::MAX => moment,
            _ => moment + i64::from(offset) * 60_000,
        };
        Interval { low: shown(moments.low, offsets.low), high: shown(moments.high, offsets.high) }
    }

    /// The most by which moments that match this date may lie outside its own, in milliseconds.
    pub(super) fn slack(&self) -> i64 {
        if self.offset.is_some() { 0 } else { i64::from(MOST_OFFSET) * 60_000 }
    }
}

/// An interval as a resource tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its moments.
    pub interval: Interval,
    /// The clocks of its ends.
    pub offsets: Offsets,
}

impl Told {
    /// From the beginning of one date to the end of another.
    pub(super) fn between(first: &Told, last: &Told) -> Told {
        Told {
            interval: Interval { low: first.interval.low, high: last.interval.high },
            offsets: Offsets { low: first.offsets.low, high: last.offsets.high },
        }
    }

    /// A date, dateTime or instant.
    pub(super) fn at(text: &str) -> Option<Told> {
        let FhirDate { interval, offset } = FhirDate::parse(text)?;
        let offset = offset.unwrap_or_default();
        Some(Told { interval, offsets: Offsets { low: offset, high: offset } })
    }

    /// A FHIR Period: an end that is absent is open.
    pub(super) fn period(start: Option<&str>, end: Option<&str>) -> Option<Told> {
        let open = Told { interval: Interval::ALWAYS, offsets: Offsets::default() };
        let of = |text: Option<&str>| text.map_or(Some(open), Told::at);
        (start.is_some() || end.is_some()).then_some(Told::between(&of(start)?, &of(end)?))
    }
}

fn digits(text: &str, length: usize) -> Option<u32> {
    (text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn millis(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).unwrap_or(i64::MAX)
}

/// `hh:mm[:ss[.fff]][zone]` on a day.
fn moment(day: Date, text: &str) -> Option<FhirDate> {
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
    let offset = offset(zone)?;
    let whole = PrimitiveDateTime::new(day, time.ok()?).assume_offset(offset);
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
    Some(FhirDate { interval: Interval { low, high: low + length - 1 }, offset: Some(offset.whole_minutes()) })
}

fn offset(zone: &str) -> Option<UtcOffset> {
    if zone.is_empty() || zone == "Z" {
        return Some(UtcOffset::UTC);
    }
    let (sign, rest) = zone.split_at_checked(1)?;
    let (hours, minutes) = rest.split_once(':')?;
    let total = digits(hours, 2)? * 60 + digits(minutes, 2).filter(|minutes| *minutes < 60)?;
    let total = i16::try_from(total).ok().filter(|total| *total <= MOST_OFFSET)?;
    let seconds = i32::from(if sign == "-" { -total } else { total }) * 60;
    UtcOffset::from_whole_seconds(seconds).ok()
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
mod tests;
