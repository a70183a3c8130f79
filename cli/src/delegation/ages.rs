//! The plan's days, and the ages at which what a parent may do ends: template parameters that the command reads.
//!
//! A day begins at midnight in the plan's time zone. A person has an age from the day on which they have it by the calendar; one who was
//! born on February 29 has it on March 1 of a year without that day. A birth date that names only a year or a month counts as its first
//! day: nobody acts for longer than they surely may.

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use shared::access::acting::Relation;
use shared::access::delegation::End;
use shared::clock::Time;

use crate::call::WrongCall;

/// The variable that tells the plan's time zone.
pub const TIME_ZONE: &str = "PLAN_TIME_ZONE";

/// The variable that tells the age at which a parent's delegation ends.
pub const ADULT_AGE: &str = "ADULT_AGE";

/// The variable that tells the age from which a minor decides alone about sensitive kinds of data.
pub const OWN_CHOICES_AGE: &str = "OWN_CHOICES_AGE";

/// The plan's settings.
#[derive(Clone, Debug)]
pub struct Ages {
    zone: TimeZone,
    adult: i16,
    own_choices: i16,
}

/// The first day of a delegation, and the last one, if there is one.
pub(super) type Days = (Date, Option<Date>);

/// The moments of a delegation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Moments {
    pub begins_at: Time,
    pub end: Option<End>,
    pub own_choices_at: Option<Time>,
}

impl Ages {
    /// Reads the settings; a stack from before they existed has the defaults.
    ///
    /// # Errors
    /// One is no time zone, or no age.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Ages> {
        let value = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let age = |name: &str, default: i16| match value(name) {
            None => Ok(default),
            Some(text) => {
                let age = text.parse().ok().filter(|age| (1..=26).contains(age));
                age.with_context(|| format!("{name}: `{text}` is no age from 1 to 26"))
            }
        };
        let zone = value(TIME_ZONE).unwrap_or_else(|| "America/New_York".to_owned());
        let known = TimeZone::get(&zone);
        let zone = known.map_err(|_| {
            anyhow::anyhow!("the stack's parameter PlanTimeZone: `{zone}` is no time zone, such as America/Chicago")
        })?;
        Ok(Ages { zone, adult: age(ADULT_AGE, 18)?, own_choices: age(OWN_CHOICES_AGE, 12)? })
    }

    /// The day of a moment.
    pub fn day(&self, time: Time) -> Date {
        let at = Timestamp::from_millisecond(time.0).unwrap_or(Timestamp::UNIX_EPOCH);
        at.to_zoned(self.zone.clone()).date()
    }

    /// The first moment of a day.
    pub fn midnight(&self, day: Date) -> Time {
        let zoned = day.to_zoned(self.zone.clone());
        Time(zoned.map_or(i64::MAX, |zoned| zoned.timestamp().as_millisecond()))
    }

    /// The moments of a delegation with these days for a member who was born on that day. Its last day is a day of it.
    pub(super) fn moments(&self, relation: Relation, birth_date: Option<&str>, (from, until): Days) -> Moments {
        let is_parent = relation == Relation::Parent;
        let birthday = |age| birth_date.and_then(|born| birthday(born, age)).filter(|_| is_parent);
        let by_date = until.map(|until| End { at: self.midnight(until.tomorrow().unwrap_or(until)), by_age: false });
        let by_age = birthday(self.adult).map(|day| End { at: self.midnight(day), by_age: true });
        Moments {
            begins_at: self.midnight(from),
            end: [by_date, by_age].into_iter().flatten().min_by_key(|end| end.at),
            own_choices_at: birthday(self.own_choices).map(|day| self.midnight(day)),
        }
    }

    /// The moments of a new delegation.
    ///
    /// # Errors
    /// [`WrongCall`] where the days are in the wrong order; or a parent would act for somebody who is an adult, or for nobody knows how
    /// long.
    pub(super) fn new_moments(
        &self,
        relation: Relation,
        birth_date: Option<&str>,
        (from, until): Days,
    ) -> Result<Moments> {
        if let Some(until) = until.filter(|until| *until < from) {
            let text = format!("--until {until} is before the first day, {from}: name that day or a later one");
            return Err(WrongCall(text).into());
        }
        let moments = self.moments(relation, birth_date, (from, until));
        if relation == Relation::Parent && moments.end.is_none() {
            bail!(
                "the member's birth date is not known, nor when a parent no longer acts: name the last day by --until"
            );
        }
        match moments.end {
            Some(End { at, by_age: true }) if at <= moments.begins_at => bail!(
                "the member is {} on {}, and a parent acts no longer from that day: --as representative or proxy, if they may",
                self.adult,
                self.day(at)
            ),
            _ => Ok(moments),
        }
    }

    /// The last day before a moment at which a delegation ends.
    pub fn last_day(&self, end: Time) -> Date {
        self.day(Time(end.0.saturating_sub(1)))
    }
}

/// The day on which somebody who was born on that day, month or year is `age` years old.
fn birthday(born: &str, age: i16) -> Option<Date> {
    let mut parts = born.split('-').map(str::parse::<i16>);
    let year = parts.next()?.ok()?.checked_add(age)?;
    let mut part = || parts.next().map_or(Some(1), |part| i8::try_from(part.ok()?).ok());
    let (month, day) = (part()?, part()?);
    match Date::new(year, month, day) {
        Ok(date) => Some(date),
        Err(_) if (month, day) == (2, 29) => Date::new(year, 3, 1).ok(),
        Err(_) => None,
    }
}

/// A day as a command is told it.
///
/// # Errors
/// [`WrongCall`] where it is no day.
pub(super) fn day(option: &str, text: &str) -> Result<Date, WrongCall> {
    let day = text.parse::<Date>().ok().filter(|day| day.to_string() == text);
    day.ok_or_else(|| WrongCall(format!("{option}: `{text}` is no day: write YYYY-MM-DD, such as 2026-11-29")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ages(zone: &str) -> Ages {
        Ages::read(|name| (name == TIME_ZONE).then(|| zone.to_owned())).unwrap()
    }

    fn date(text: &str) -> Date {
        day("--from", text).unwrap()
    }

    #[test]
    fn a_day_begins_at_midnight_where_the_plan_is() {
        for (zone, day, midnight) in [
            ("America/New_York", "2026-11-29", "2026-11-29T05:00:00.000Z"),
            ("America/New_York", "2026-07-01", "2026-07-01T04:00:00.000Z"),
            ("America/Phoenix", "2026-07-01", "2026-07-01T07:00:00.000Z"),
            ("Pacific/Honolulu", "2026-07-01", "2026-07-01T10:00:00.000Z"),
            // Cuba's clocks go forward at midnight: that day begins at one.
            ("America/Havana", "2026-03-08", "2026-03-08T05:00:00.000Z"),
        ] {
            let ages = ages(zone);
            let at = ages.midnight(date(day));
            assert_eq!(at.to_string(), midnight, "{zone} {day}");
            assert_eq!((ages.day(at), ages.last_day(at)), (date(day), date(day).yesterday().unwrap()));
        }
    }

    #[test]
    fn somebody_born_on_february_29_has_their_birthday_on_march_1_and_a_vague_date_counts_early() {
        for (born, eighteen) in [
            ("2008-02-29", "2026-03-01"),
            ("2008-02-28", "2026-02-28"),
            ("2006-02-29", "2024-02-29"),
            ("2019-05-20", "2037-05-20"),
            ("2019-05", "2037-05-01"),
            ("2019", "2037-01-01"),
        ] {
            assert_eq!(birthday(born, 18), Some(date(eighteen)), "{born}");
        }
        assert_eq!((birthday("", 18), birthday("20xx", 18), birthday("2019-13-01", 18)), (None, None, None));
    }

    #[test]
    fn a_parent_acts_until_the_birthday_and_the_last_day_is_a_day_of_it() {
        let ages = ages("America/Chicago");
        let from = date("2026-11-29");
        let moments =
            |relation, until: Option<&str>| ages.new_moments(relation, Some("2019-05-20"), (from, until.map(date)));
        let parent = moments(Relation::Parent, None).unwrap();
        assert_eq!(parent.end, Some(End { at: ages.midnight(date("2037-05-20")), by_age: true }));
        assert_eq!(parent.own_choices_at, Some(ages.midnight(date("2031-05-20"))));
        let sooner = moments(Relation::Parent, Some("2026-12-24")).unwrap();
        assert_eq!(sooner.end, Some(End { at: ages.midnight(date("2026-12-25")), by_age: false }));
        assert!(moments(Relation::Parent, Some("2050-01-01")).unwrap().end.unwrap().by_age);
        let proxy = moments(Relation::Proxy, None).unwrap();
        assert_eq!((proxy.end, proxy.own_choices_at), (None, None));
        assert!(moments(Relation::Proxy, Some("2026-11-28")).unwrap_err().is::<WrongCall>());
        let grown = ages.new_moments(Relation::Parent, Some("2008-11-29"), (from, None)).unwrap_err();
        assert!(grown.to_string().contains("18 on 2026-11-29"), "{grown}");
        assert!(ages.new_moments(Relation::Parent, None, (from, None)).unwrap_err().to_string().contains("--until"));
    }

    #[test]
    fn settings_that_are_no_zone_or_age_are_named() {
        for (name, value) in [(TIME_ZONE, "Mars/Olympus"), (ADULT_AGE, "x"), (OWN_CHOICES_AGE, "0")] {
            let error = Ages::read(|asked| (asked == name).then(|| value.to_owned())).unwrap_err();
            assert!(format!("{error:#}").contains(&format!("`{value}`")), "{error:#}");
        }
        for text in ["20261129", "2026-11-29T00:00", "2026-02-30", "29.11.2026", "today"] {
            assert!(day("--until", text).unwrap_err().to_string().contains("--until"), "{text}");
        }
    }
}
