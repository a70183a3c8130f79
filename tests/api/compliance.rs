//! `docs/compliance.md` says which test shows each duty: here its table is held to the tests of this run.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use tests::checkout;

/// The rows of the page's tables: duty, where it is met, tests, the plan's part.
fn rows(page: &str) -> Vec<[&str; 4]> {
    let mut rows = Vec::new();
    for line in page.lines().filter(|line| line.starts_with('|')) {
        let line = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')).expect("a row ends with a bar");
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let cells: [&str; 4] = cells.try_into().unwrap_or_else(|_| panic!("a row has four cells: {line}"));
        if cells[0] != "duty" && !cells[0].starts_with("---") {
            rows.push(cells);
        }
    }
    rows
}

/// The names in backticks.
fn named(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The tests that this program runs, by its own word; those that it would pass over are not among them.
fn tests_of_this_run() -> BTreeSet<String> {
    let list = |more: &[&str]| -> BTreeSet<String> {
        let output = Command::new(std::env::current_exe().unwrap()).arg("--list").args(more).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
    };
    list(&[]).difference(&list(&["--ignored"])).cloned().collect()
}

#[test]
fn every_duty_names_tests_of_this_run_or_says_why_it_has_none() {
    let page = fs::read_to_string(checkout().join("docs/compliance.md")).unwrap();
    let (rows, tests) = (rows(&page), tests_of_this_run());
    assert!(rows.len() > 30 && !tests.is_empty(), "{} rows, {} tests", rows.len(), tests.len());
    for [duty, place, shown, _] in rows {
        let unknown: Vec<&str> = named(shown).filter(|name| !tests.contains(*name)).collect();
        assert!(unknown.is_empty(), "{duty}: this run has no test {unknown:?}");
        let reason = shown.strip_prefix("no test: ").filter(|reason| !reason.is_empty());
        assert!(named(shown).next().is_some() != reason.is_some(), "{duty}: name a test, or say `no test: …`");
        for file in named(place).filter(|name| name.contains('/')) {
            assert!(checkout().join(file).exists(), "{duty}: there is no {file}");
        }
    }
}
