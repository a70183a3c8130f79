//! The documents at the root name no path that does not exist.

use tests::checkout;

const DOCUMENTS: [&str; 6] =
    ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "README.md", "SECURITY.md", "events/README.md"];

/// The folders and files with which a path of ours begins.
const FOLDERS: [&str; 9] = [".ci", "cli", "docs", "events", "functions", "infra", "shared", "tests", "template.yaml"];

#[test]
fn every_path_that_a_document_names_is_there() {
    let mut missing = Vec::new();
    for document in DOCUMENTS {
        let text = std::fs::read_to_string(checkout().join(document)).unwrap();
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
