//! The layers of `shared/`: a module uses only what stands below it. `ARCHITECTURE.md` draws them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use tests::checkout;

/// The modules, from the top floor down. A module may use those of the floors below its own, and on its own floor those to its
/// right.
const FLOORS: &[&[&str]] = &[
    &["lambda", "encoding"],
    &["description"],
    &["rest", "oauth"],
    &["record", "audit"],
    &["access", "keys"],
    &["store"],
    &["config", "http", "scope", "issuer", "loopback", "clock", "secret", "bounds"],
    &["fhir"],
];

/// Modules that stand side by side and never use each other.
const APART: &[[&str; 2]] = &[["rest", "oauth"], ["record", "audit"]];

/// Modules whose files still use each other.
const TIED: &[&str] = &[];

/// A module's name, step by step: `oauth`, `token`. The library itself has none.
type Module = Vec<String>;

/// The modules that each module names, in code. Tests inside a module may look anywhere.
fn uses(source: &Path) -> BTreeMap<Module, BTreeSet<Module>> {
    let files: BTreeMap<Module, PathBuf> =
        files(source).into_iter().map(|path| (module(path.strip_prefix(source).unwrap()), path)).collect();
    let known: BTreeSet<&Module> = files.keys().collect();
    let named = |(module, path): (&Module, &PathBuf)| {
        let text = fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let code: String =
            code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        let named = paths(&code).into_iter().filter_map(|path| resolved(module, &path, &known));
        (module.clone(), named.filter(|other| other != module).collect())
    };
    files.iter().map(named).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

fn module(path: &Path) -> Module {
    let steps = path.with_extension("").iter().map(|step| step.to_str().unwrap().to_owned()).collect::<Vec<_>>();
    steps.into_iter().filter(|step| !["mod", "lib"].contains(&step.as_str())).collect()
}

/// Every path that begins with `crate` or `super`, also each of those in braces.
fn paths(code: &str) -> Vec<Vec<String>> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for root in ["crate::", "super::"] {
        for (start, _) in code.match_indices(root) {
            // The second half of `super::super::` belongs to the first.
            let before = &code[..start];
            if !before.ends_with(is_word) && !before.ends_with("::") && !before.ends_with('$') {
                tree(&code[start..], &mut Vec::new(), &mut found);
            }
        }
    }
    found
}

/// Reads one path or, in braces, several; gives back what follows.
fn tree<'a>(text: &'a str, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = tree(rest, prefix, found).trim_start();
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => return rest.strip_prefix('}').unwrap_or(rest),
            }
        }
    }
    let length = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let (word, rest) = text.split_at(length);
    prefix.push(word.to_owned());
    let rest = if let Some(deeper) = rest.strip_prefix("::") {
        tree(deeper, prefix, found)
    } else {
        found.push(prefix.clone());
        // `name as other`
        let after = rest.strip_prefix(" as ").map(str::trim_start);
        after.map_or(rest, |after| after.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_'))
    };
    prefix.pop();
    rest
}

/// The module that a path of `from` leads into, if it is one of this library.
fn resolved(from: &Module, path: &[String], known: &BTreeSet<&Module>) -> Option<Module> {
    let mut module = if path[0] == "crate" { Module::new() } else { from.clone() };
    for step in path {
        match step.as_str() {
            "crate" => {}
            "super" => drop(module.pop()),
            "fhir" if module.is_empty() => return Some(vec!["fhir".to_owned()]),
            step => {
                let deeper: Module = module.iter().cloned().chain([step.to_owned()]).collect();
                if !known.contains(&deeper) {
                    break;
                }
                module = deeper;
            }
        }
    }
    (!module.is_empty()).then_some(module)
}

/// The floor of a module, counted from the top, and its place there.
fn place(module: &str) -> (usize, usize) {
    let on = |floor: &&[&str]| floor.iter().position(|name| *name == module);
    let place = FLOORS.iter().enumerate().find_map(|(number, floor)| Some((number, on(floor)?)));
    place.unwrap_or_else(|| panic!("`{module}` stands on no floor: give it one in FLOORS"))
}

#[test]
fn a_module_uses_only_what_stands_below_it() {
    for (module, named) in uses(&checkout().join("shared/src")) {
        let Some(from) = module.first() else { continue };
        for to in named.iter().map(|other| other[0].as_str()).filter(|to| to != from) {
            assert!(place(from) < place(to), "{} uses `{to}`, which does not stand below it", module.join("::"));
            let apart = APART.iter().any(|pair| pair.contains(&from.as_str()) && pair.contains(&to));
            assert!(!apart, "{} uses `{to}`: these two never use each other", module.join("::"));
        }
    }
}

/// Calls to AWS are built, repeated and metered in one place. The operator's command may name an SDK for what no function does.
#[test]
fn only_the_store_names_the_aws_sdks() {
    let (shared, functions) = (checkout().join("shared"), checkout().join("functions/src"));
    for path in files(&shared).into_iter().chain(files(&functions)) {
        let names_aws = fs::read_to_string(&path).unwrap().contains("aws_sdk_");
        assert!(!names_aws || path.starts_with(shared.join("src/store")), "{} names an AWS SDK", path.display());
    }
}

/// A row leaves its table only through something that knows who may have it.
#[test]
fn only_the_record_and_the_store_read_and_write_tables() {
    for (module, named) in uses(&checkout().join("shared/src")) {
        let names_tables = named.iter().any(|other| other[..].starts_with(&["store".to_owned(), "table".to_owned()]));
        let may = module.first().is_some_and(|first| ["record", "store"].contains(&first.as_str()));
        assert!(!names_tables || may, "{} uses `store::table`", module.join("::"));
    }
}

/// The wall around the pure model is held by the compiler: it has no dependency by which it could reach AWS or HTTP.
#[test]
fn the_pure_model_depends_on_neither_aws_nor_http() {
    let manifest = fs::read_to_string(checkout().join("shared/fhir/Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap().split('[').next().unwrap();
    let names: Vec<&str> = dependencies.lines().filter_map(|line| line.split(['.', ' ', '=']).next()).collect();
    let names: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
    assert_eq!(names, ["icu_casemap", "serde", "serde_json", "thiserror", "time", "unicode-normalization"]);
}

#[test]
fn no_module_needs_itself() {
    for source in ["shared/src", "shared/fhir/src"] {
        let uses = uses(&checkout().join(source));
        for module in uses.keys().filter(|module| module.first().is_some_and(|first| !TIED.contains(&first.as_str()))) {
            let (mut reached, mut ahead) = (BTreeSet::new(), vec![module]);
            while let Some(next) = ahead.pop() {
                for other in uses.get(next).into_iter().flatten() {
                    assert!(other != module, "{source}: {} and {} use each other", module.join("::"), next.join("::"));
                    if reached.insert(other) {
                        ahead.push(other);
                    }
                }
            }
        }
    }
}
