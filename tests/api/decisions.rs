//! The decisions: each has a number, a status with a date, and the same parts.

use std::fs;

use tests::checkout;

use super::named_paths::pages;

/// The parts of a decision, in order. Others may be between them.
const PARTS: [&str; 4] = ["**Question.**", "**Decision.**", "**Why", "**What it costs"];

/// Whether a line is a decision's status and date: `Accepted, 2026-11-22.` or `Replaced by 012, 2026-11-22.`
fn is_status(line: &str, count: usize) -> bool {
    let Some((status, day)) = line.strip_suffix('.').and_then(|line| line.split_once(", ")) else { return false };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = day.split('-').collect();
    let is_day = parts.iter().map(|part| part.len()).eq([4, 2, 2]) && parts.iter().all(|part| digits(part));
    let replaced = status.strip_prefix("Replaced by ").and_then(|number| number.parse::<usize>().ok());
    is_day && (status == "Accepted" || replaced.is_some_and(|number| (1..=count).contains(&number)))
}

#[test]
fn every_decision_has_its_number_its_status_and_its_parts() {
    let folder = checkout().join("docs/decisions");
    let names = pages(&folder);
    for (number, name) in (1..).zip(&names) {
        assert!(name.starts_with(&format!("{number:03}-")), "{name}: decision {number} is expected here");
        let page = fs::read_to_string(folder.join(name)).unwrap();
        let mut lines = page.lines();
        let heading = lines.next().unwrap_or_default();
        assert!(heading.starts_with(&format!("# {number}. ")), "{name}: {heading}");
        let status = lines.nth(1).unwrap_or_default();
        assert!(is_status(status, names.len()), "{name}: {status:?} is not a status with a date");
        let places: Vec<Option<usize>> = PARTS.iter().map(|part| page.find(&format!("\n{part}"))).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{name} lacks {PARTS:?} in this order");
    }
}
