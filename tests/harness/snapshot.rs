//! Texts that are kept beside the tests, so that a person sees each change and agrees to it.

use crate::tools::checkout;

/// If this variable is set, the files are written anew instead of compared.
const BLESS: &str = "PATIENT_ACCESS_BLESS";

/// Compares `text` with `tests/snapshots/<name>`.
///
/// # Panics
/// The texts differ. The message shows where, and how to agree to the change.
pub fn is_as_agreed(name: &str, text: &str) {
    let path = checkout().join("tests/snapshots").join(name);
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, text).expect("the file can be written");
    }
    let agreed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        agreed == text,
        "tests/snapshots/{name} says otherwise (- agreed, + now):\n\n{}\nIf that is meant, run this test with {BLESS}=1 and commit \
         the file.",
        difference(&agreed, text)
    );
}

/// The lines that differ, each under the heading (a line without indentation) that it belongs to.
fn difference(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    // common[i][j] is the number of lines that old[i..] and new[j..] have in common, in order.
    let mut common = vec![vec![0; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = match old[i] == new[j] {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j, mut heading, mut result) = (0, 0, "", String::new());
    let mut tell = |mark: char, line: &str, heading: &mut &str| {
        if !heading.is_empty() {
            result += &format!("  {heading}\n");
            *heading = "";
        }
        result += &format!("{mark} {line}\n");
    };
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            if !old[i].starts_with(' ') {
                heading = old[i];
            }
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            tell('-', old[i], &mut heading);
            i += 1;
        } else {
            tell('+', new[j], &mut heading);
            j += 1;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_the_heading_and_both_sides() {
        let old = "read\n  table get\nwrite\n  table put\n";
        let new = "read\n  table get\nwrite\n  table put delete\n  bucket put\n";
        assert_eq!(difference(old, new), "  write\n-   table put\n+   table put delete\n+   bucket put\n");
        assert_eq!(difference(old, old), "");
    }
}
