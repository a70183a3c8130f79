//! `docs/compliance.md` says which test shows each duty: here its table is held to the tests of this run. While they run nobody knows
//! which of them pass; so `.ci/run` keeps what they print, and asks again with it (`PATIENT_ACCESS_TESTS_RAN`).

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

/// The file with what a whole run printed.
const RAN: &str = "PATIENT_ACCESS_TESTS_RAN";

/// The tests of this program that passed, by what `cargo test --workspace` printed.
fn passed(printed: &str) -> BTreeSet<String> {
    let sections = printed.split("     Running ").filter(|section| section.starts_with("api/main.rs"));
    let results = sections.flat_map(str::lines).filter_map(|line| line.trim_start().strip_prefix("test "));
    results.filter_map(|line| line.strip_suffix(" ... ok")).map(str::to_owned).collect()
}

#[test]
fn a_test_passed_only_if_its_run_says_ok() {
    let printed = "     Running unittests src/lib.rs (target/a)\ntest a::elsewhere ... ok\n     Running api/main.rs (target/b)\n\
        running 4 tests\ntest a::good ... ok\ntest a::bad ... FAILED\ntest a::passed_over ... ignored\ntest a::slow has been running \
        for over 60 seconds\n\ntest result: ok. 1 passed\n     Running tests/c.rs (target/c)\ntest a::later ... ok\n";
    assert_eq!(passed(printed), BTreeSet::from(["a::good".to_owned()]));
}

/// T220
#[test]
fn every_duty_names_tests_of_this_run_or_says_why_it_has_none() {
    let page = fs::read_to_string(checkout().join("docs/compliance.md")).unwrap();
    let (rows, mut tests) = (rows(&page), tests_of_this_run());
    if let Some(file) = std::env::var_os(RAN) {
        // Where a tool is missing, a test says so and passes: then it showed nothing.
        assert!(
            std::env::var_os("PATIENT_ACCESS_NO_SKIP").is_some(),
            "{RAN} is for runs in which nothing may be missing"
        );
        let passed = passed(&fs::read_to_string(file).unwrap());
        tests.retain(|test| passed.contains(test));
    }
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
