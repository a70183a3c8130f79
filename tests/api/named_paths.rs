//! Pages and code name no path that does not exist.

use std::fs;
use std::path::Path;

use tests::checkout;

use super::catalogue::files;

const DOCUMENTS: [&str; 6] =
    ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "README.md", "SECURITY.md", "events/README.md"];

/// The folders and files with which a path of ours begins.
const FOLDERS: [&str; 9] = [".ci", "cli", "docs", "events", "functions", "infra", "shared", "tests", "template.yaml"];

/// The Markdown files of a folder, by name.
pub fn pages(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> =
        entries.filter(|name| Path::new(name).extension().is_some_and(|end| end == "md")).collect();
    names.sort();
    names
}

#[test]
fn every_path_that_a_document_names_is_there() {
    let mut missing = Vec::new();
    for document in DOCUMENTS {
        let text = fs::read_to_string(checkout().join(document)).unwrap();
        // The texts between backticks. A placeholder is no path.
        for name in text.split('`').skip(1).step_by(2).filter(|name| !name.contains(['<', ' ', '*', '\n'])) {
            let ours = name.split('/').next().is_some_and(|first| FOLDERS.contains(&first));
            if ours && name.contains('/') && !checkout().join(name).exists() {
                missing.push(format!("{document}: {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
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
