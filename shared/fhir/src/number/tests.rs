//! Comparisons that a binary number gets wrong, and elements that stand for more than one number.

use super::*;

const PREFIXES: [&str; 9] = ["eq", "ne", "gt", "ge", "lt", "le", "sa", "eb", "ap"];

/// The prefixes under which a search for `number` finds the extent.
fn found(has: &Extent, number: &str) -> Vec<&'static str> {
    PREFIXES.into_iter().filter(|prefix| Criterion::parse(&format!("{prefix}{number}")).unwrap().holds(has)).collect()
}

fn number(text: &str) -> Extent {
    Extent::of(text).unwrap()
}

fn keeps(search: &str, has: &str) -> bool {
    Criterion::parse(search).unwrap().holds(&number(has))
}

#[test]
fn a_number_stands_for_all_that_round_to_it_the_lower_end_included() {
    // Neither 0.1, nor half of it, nor most of their multiples are binary numbers.
    for tenths in 0..1000_u32 {
        let written = |hundredths: u32| format!("{}.{:02}", hundredths / 100, hundredths % 100);
        let search = format!("{}.{}", tenths / 10, tenths % 10);
        let (low, high) = (tenths * 10, tenths * 10 + 5);
        assert!(!keeps(&search, &written(high)) && keeps(&format!("ne{search}"), &written(high)), "{search}");
        assert!(keeps(&search, &format!("{}999", written(high - 1))), "{search}");
        if let Some(low) = low.checked_sub(5) {
            assert!(keeps(&search, &written(low)) && !keeps(&format!("ne{search}"), &written(low)), "{search}");
            assert!(keeps(&format!("-{search}"), &format!("-{}", written(high))), "-{search}");
            assert!(!keeps(&format!("-{search}"), &format!("-{}", written(low))), "-{search}");
        }
    }
}

#[test]
fn trailing_zeros_and_exponents_tell_the_precision() {
    for (search, inside, outside) in [
        ("100", "99.5", "100.5"),
        ("100.00", "99.995", "100.005"),
        ("1e2", "50", "150"),
        ("1.0e2", "95", "105"),
        ("1.00E+2", "99.5", "100.5"),
        ("5e-3", "0.0045", "0.0055"),
        ("0", "-0.5", "0.5"),
        ("-0.0", "-0.05", "0.05"),
        ("1000", "999.5", "1000.5"),
        ("0.10", "0.095", "0.105"),
        ("-7", "-7.5", "-6.5"),
    ] {
        assert!(keeps(search, inside) && !keeps(search, outside), "{search}");
    }
}

#[test]
fn numbers_are_equal_however_they_are_written() {
    for one in ["120", "120.0", "1.2e2", "0.012E+4", "12e1", "0120"] {
        assert_eq!(found(&number(one), "120"), ["eq", "ge", "le", "ap"], "{one}");
    }
    assert_eq!(found(&number("-0"), "0.00"), found(&number("0e7"), "0.00"));
}

#[test]
fn every_digit_counts() {
    let (a, b) = ("0.1000000000000000000000000000000000000001", "0.1000000000000000000000000000000000000002");
    assert_eq!(found(&number(a), b), ["ne", "lt", "le", "eb", "ap"]);
    assert!(keeps("gt9007199254740992", "9007199254740993") && !keeps("9007199254740992", "9007199254740993"));
    // Written out, these would not fit any memory.
    assert!(keeps("lt1e999999999", "9e999999998") && keeps("gt1e-999999999", "1e-999999998"));
    assert!(keeps("gt-1e999999999", "-1e999999998") && keeps("lt0", "-1e-999999999"));
}

#[test]
fn above_and_below_take_the_value_as_it_is_written() {
    assert_eq!(found(&number("5.4"), "5"), ["eq", "gt", "ge", "sa", "ap"]);
    assert_eq!(found(&number("4.4"), "5"), ["ne", "lt", "le", "eb"]);
    assert_eq!(found(&number("-5"), "-6"), ["ne", "gt", "ge", "sa"]);
}

#[test]
fn a_tenth_off_is_approximately_the_same() {
    for (search, last_inside, outside) in
        [("1.0", "1.1", "1.1001"), ("1.0", "0.9", "0.8999"), ("-3", "-3.3", "-3.31"), ("0.7", "0.63", "0.629")]
    {
        assert!(keeps(&format!("ap{search}"), last_inside) && !keeps(&format!("ap{search}"), outside), "{search}");
    }
    assert!(keeps("ap0", "0.0") && !keeps("ap0", "0.01"));
}

#[test]
fn an_end_that_is_not_included_lies_on_its_side_of_the_number() {
    let open = |low, high| Extent::between(low, high).unwrap();
    for (has, search, prefixes) in [
        (open(None, Some("<7.0")), "6", &["ne", "gt", "ge", "lt", "le", "ap"][..]),
        (open(None, Some("<7.0")), "7", &["ne", "lt", "le", "eb", "ap"]),
        (open(None, Some("<7.0")), "8", &["ne", "lt", "le", "eb"]),
        (open(None, Some("7.0")), "7", &["ne", "ge", "lt", "le", "ap"]),
        (open(Some(">7.0"), None), "6", &["ne", "gt", "ge", "sa"]),
        (open(Some(">7.0"), None), "7", &["ne", "gt", "ge", "sa", "ap"]),
        (open(Some(">7.0"), None), "8", &["ne", "gt", "ge", "lt", "le", "ap"]),
        (open(Some("7.0"), None), "7", &["ne", "gt", "ge", "le", "ap"]),
        (open(None, None), "7", &["ne", "gt", "ge", "lt", "le", "ap"]),
    ] {
        assert_eq!(found(&has, search), prefixes, "{has:?} and {search}");
    }
}

#[test]
fn a_range_lies_where_its_ends_lie() {
    let range = Extent::between(Some("10"), Some("12.5")).unwrap();
    assert_eq!(found(&range, "10"), ["ne", "gt", "ge", "le", "ap"]);
    assert_eq!(found(&range, "12.5"), ["ne", "ge", "lt", "le", "ap"]);
    assert_eq!(found(&range, "1e1"), ["eq", "gt", "ge", "le", "ap"]);
    assert_eq!(found(&range, "9"), ["ne", "gt", "ge", "sa"]);
    assert_eq!(found(&range, "13"), ["ne", "lt", "le", "eb", "ap"]);
    assert_eq!(found(&Extent::between(Some("10"), None).unwrap(), "99"), ["ne", "gt", "ge", "lt", "le", "ap"]);
}

#[test]
fn text_that_is_no_number_is_none() {
    for text in
        ["", "-", ".", "x", "inf", "NaN", "1e", "1e1.5", "1.2.3", "--1", "1e99999999999", "１", "0x1", "1_0", "1 "]
    {
        assert!(Criterion::parse(text).is_none() && Extent::of(text).is_none(), "{text}");
    }
    assert!(Criterion::parse("xx5").is_none() && Criterion::parse("eqge5").is_none());
}
