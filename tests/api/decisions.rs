//! The papers: each decision has the same form, and each link between pages leads somewhere.

use std::fs;
use std::path::Path;

use tests::checkout;

use super::catalogue::files;

/// The parts of a decision, in order. Others may stand between them.
const PARTS: [&str; 4] = ["**Question.**", "**Decision.**", "**Why", "**What it costs"];

/// The Markdown files of a folder, by name.
fn pages(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> =
        entries.filter(|name| Path::new(name).extension().is_some_and(|end| end == "md")).collect();
    names.sort();
    names
}

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
        assert!(name.starts_with(&format!("{number:03}-")), "{name}: decision {number} is to come here");
        let page = fs::read_to_string(folder.join(name)).unwrap();
        let mut lines = page.lines();
        let heading = lines.next().unwrap_or_default();
        assert!(heading.starts_with(&format!("# {number}. ")), "{name}: {heading}");
        let status = lines.nth(1).unwrap_or_default();
        assert!(is_status(status, names.len()), "{name}: {status:?} is no status with a date");
        let places: Vec<Option<usize>> = PARTS.iter().map(|part| page.find(&format!("\n{part}"))).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{name} has not {PARTS:?} in this order");
    }
}

#[test]
fn every_link_between_pages_leads_to_a_file() {
    let mut followed = 0;
    for folder in ["", "docs", "docs/decisions"] {
        let folder = checkout().join(folder);
        for name in pages(&folder) {
            let page = fs::read_to_string(folder.join(&name)).unwrap();
            let links = page.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
            let pictures = page.split("<img src=\"").skip(1).filter_map(|rest| rest.split('"').next());
            for target in links.chain(pictures).filter(|link| !link.is_empty() && !link.contains(':')) {
                assert!(folder.join(target).exists(), "{name} leads to {target}");
                followed += 1;
            }
        }
    }
    assert!(followed > 30, "pages refer to each other: {followed}");
}

#[test]
fn every_decision_that_code_or_template_names_is_there() {
    const MARK: &str = "docs/decisions/";
    let folders = ["cli", "functions", "infra", "shared", "tests"].map(|folder| checkout().join(folder));
    let inside = folders.iter().flat_map(|folder| files(folder));
    let mut named = 0;
    for path in inside.chain([checkout().join("template.yaml")]).filter(|path| !path.ends_with(file!())) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for rest in text.split(MARK).skip(1) {
            let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-.".contains(*c)).collect();
            assert!(checkout().join(MARK).join(&name).exists(), "{} names {MARK}{name}", path.display());
            named += 1;
        }
    }
    assert!(named > 0, "the dictionary names its decision");
}
