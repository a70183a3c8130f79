//! Dates of every precision and zone, and what searches make of them.

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
fn a_day_is_what_the_clock_showed_that_told_the_moment() {
    let date = |text: &str| FhirDate::parse(text).unwrap();
    let is_of = |told: &Told, asked: &FhirDate| Prefix::Eq.compares(asked.view(*told), asked.interval);
    let evening = Told::at("2023-09-30T21:15:00-07:00").unwrap();
    for (asked, is) in [
        ("2023-09-30", true),
        ("2023-10-01", false),
        ("2023-09", true),
        ("2023-10", false),
        ("2023-09-30T21:15:00-07:00", true),
        ("2023-10-01T04:15Z", true),
        ("2023-09-30T21:15Z", false),
    ] {
        assert_eq!(is_of(&evening, &date(asked)), is, "{asked}");
    }
    assert!(is_of(&Told::at("2023-09-30").unwrap(), &date("2023-09-30")));
    let night = Told::period(Some("2023-03-11T23:00:00-08:00"), Some("2023-03-12T23:30:00-07:00")).unwrap();
    assert!(Prefix::Sa.compares(date("2023-03-10").view(night), date("2023-03-10").interval));
    let days = date("2023-03-12").view(night);
    assert_eq!((days.low, days.high + 1), (interval("2023-03-11T23:00:00Z").low, interval("2023-03-12T23:30:01Z").low));
    let since = Told::period(Some("2023-03-12T23:30:00-07:00"), None).unwrap();
    assert_eq!(date("2023").view(since).high, i64::MAX);
    for told in ["2023-09-30T23:59:59-14:00", "2023-09-30T00:00:00+14:00"] {
        let (told, day, slack) = (interval(told), interval("2023-09-30"), date("2023-09-30").slack());
        assert!(day.low - slack <= told.low && told.high <= day.high + slack, "{told:?}");
    }
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
    let open = Told::period(Some("2020"), None).unwrap().interval;
    assert!(Prefix::Gt.compares(open, interval("2090")));
}

#[test]
fn only_known_prefixes_are_split() {
    assert_eq!(Prefix::split("ge2024"), Some((Prefix::Ge, "2024")));
    assert_eq!(Prefix::split("2024"), Some((Prefix::Eq, "2024")));
    assert_eq!(Prefix::split("xx2024"), None);
    assert_eq!(Prefix::split("eqge2024").and_then(|(_, rest)| Interval::parse(rest)), None);
}
