//! The ratchet of the test catalogue: every row about authorization, tokens, scopes and what a fault may do to them is named by
//! a test, in its doc comment or in a column of its table.

use std::fs;
use std::path::{Path, PathBuf};

use tests::checkout;

/// The rows, as ranges of their numbers and single ones.
const ROWS: &[&str] = &[
    "T001-T025",
    "T029",
    "T030b",
    "T030c",
    "T030d",
    "T031-T047",
    "T047b",
    "T047c",
    "T047d",
    "T047e",
    "T048-T059",
    "T060-T099",
    "T103-T111",
    "T113-T120",
    "T122",
    "T123",
    "T128",
];

fn rows() -> Vec<String> {
    let number = |row: &str| row[1..4].parse::<usize>().unwrap();
    let range = |text: &&str| match text.split_once('-') {
        Some((first, last)) => (number(first)..=number(last)).map(|row| format!("T{row:03}")).collect(),
        None => vec![(*text).to_owned()],
    };
    ROWS.iter().flat_map(range).collect()
}

/// Every file under a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The words of all doc comments and texts of the tests: where a row is named. What a whole file says (`//!`) does not count.
fn named() -> Vec<String> {
    let mut words = Vec::new();
    for path in files(&checkout().join("tests/api")) {
        if path.ends_with("catalogue.rs") {
            continue;
        }
        let text = fs::read_to_string(path).unwrap();
        let lines = text.lines().map(str::trim_start).filter(|line| line.starts_with("///") || line.contains('"'));
        words.extend(lines.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric())).map(str::to_owned));
    }
    words
}

#[test]
fn every_row_of_the_catalogue_is_named_by_a_test() {
    let named = named();
    for row in rows() {
        assert!(named.contains(&row), "{row} is named by no test");
    }
}
