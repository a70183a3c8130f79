//! Value sets and invariants that elements of a table name: each stands in it once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value as Json;
use shared::fhir::guides::Guides;

use super::codes::{Codes, codes_of};
use super::packages::{Packages, bare};

/// Invariants that a check makes without an expression: those of each element, of each reference, of all that is contained, of HTML.
const BY_HAND: &[&str] = &["dom-3", "ele-1", "ref-1", "txt-1", "txt-2"];

/// Expressions that are published wrong: the invariant's key, a part of the wrong expression, and what its own words say.
const CORRECTED: &[(&str, &str, &str)] = &[(
    "EOB-pharm-careTeam-practitioner",
    "resolve() is Organization",
    "role.where(coding.where(code in ('primary' | 'prescribing')).exists()).exists() implies \
     provider.all(resolve() is Practitioner)",
)];

/// The things that a table names, by their names there.
#[derive(Default)]
pub(super) struct Dictionary {
    codes: BTreeMap<String, Option<Codes>>,
    invariants: BTreeMap<String, String>,
    /// The contents of the table before this one.
    known: BTreeSet<String>,
}

impl Dictionary {
    /// A dictionary of a table that is read after this one.
    pub(super) fn next(&self) -> Dictionary {
        let names = self.codes.keys().chain(self.invariants.keys());
        let known = names.cloned().chain(self.known.iter().cloned()).collect();
        Dictionary { codes: self.codes.clone(), invariants: self.invariants.clone(), known }
    }

    /// The name of the value set that an element must have a code of, if it must.
    pub(super) fn binding(&mut self, packages: &Packages, guides: Option<Guides>, element: &Json) -> Option<String> {
        let binding = &element["binding"];
        let url = binding["valueSet"].as_str().filter(|_| binding["strength"] == "required")?;
        Some(self.value_set(packages, guides, url))
    }

    fn value_set(&mut self, packages: &Packages, guides: Option<Guides>, url: &str) -> String {
        let codes = codes_of(packages, guides, url);
        let name = bare(url).rsplit('/').next().unwrap_or_default();
        named(&mut self.codes, name, codes)
    }

    /// The names of an element's invariants, but for those of `base`.
    pub(super) fn invariants(
        &mut self,
        packages: &Packages,
        guides: Option<Guides>,
        element: &Json,
        base: Option<&Json>,
    ) -> Vec<String> {
        let of = |element: &Json| {
            let constraints = element["constraint"].as_array().into_iter().flatten();
            let errors = constraints.filter(|constraint| constraint["severity"] == "error");
            let text = |constraint: &Json, name: &str| constraint[name].as_str().unwrap_or_default().to_owned();
            errors.map(|constraint| (text(constraint, "key"), text(constraint, "expression"))).collect::<Vec<_>>()
        };
        let inherited = base.map(of).unwrap_or_default();
        let mut names = Vec::new();
        for (key, expression) in of(element) {
            if BY_HAND.contains(&&*key) || inherited.contains(&(key.clone(), expression.clone())) {
                continue;
            }
            let corrected = CORRECTED.iter().find(|(of, part, _)| *of == key && expression.contains(part));
            let expression = corrected.map_or(expression.as_str(), |(_, _, right)| right);
            let mut expression = expression.split_whitespace().collect::<Vec<_>>().join(" ");
            // A value set has its name in the table.
            while let Some((before, rest)) = expression.split_once("memberOf('http") {
                let (url, after) = rest.split_once('\'').expect("a text ends");
                let name = self.value_set(packages, guides, &format!("http{url}"));
                expression = format!("{before}memberOf('{name}'{after}");
            }
            names.push(named(&mut self.invariants, &key, expression));
        }
        names
    }

    /// The lines of what the table before does not have.
    pub(super) fn lines(&self) -> String {
        let mut text = String::new();
        for (name, expression) in self.invariants.iter().filter(|(name, _)| !self.known.contains(*name)) {
            writeln!(text, "invariant {name} {expression}").expect("text grows");
        }
        for (name, codes) in self.codes.iter().filter(|(name, _)| !self.known.contains(*name)) {
            writeln!(text, "codes {name}").expect("text grows");
            match codes {
                None => text += " ?\n",
                Some(codes) => {
                    for (system, codes) in codes {
                        let codes = codes.as_ref().map_or("*".to_owned(), |codes| {
                            assert!(codes.iter().all(|code| !code.contains(' ')), "{name} has a code with a blank");
                            codes.iter().cloned().collect::<Vec<_>>().join(" ")
                        });
                        writeln!(text, " {system} {codes}").expect("text grows");
                    }
                }
            }
        }
        text
    }
}

/// The name under which a value stands: its own, or, where another has that, its own with a number.
fn named<T: PartialEq>(all: &mut BTreeMap<String, T>, name: &str, value: T) -> String {
    for number in 1.. {
        let name = if number == 1 { name.to_owned() } else { format!("{name}.{number}") };
        match all.get(&name) {
            Some(known) if *known == value => return name,
            Some(_) => {}
            None => {
                all.insert(name.clone(), value);
                return name;
            }
        }
    }
    unreachable!("numbers do not end")
}
