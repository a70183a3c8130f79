//! Whether a resource is R4, and which profiles it meets: by tables of HL7's own definitions.
//!
//! - `table` reads `r4.txt` (our resource types and all datatypes) and `profiles.txt` (what the guides' profiles add to them).
//! - `structure` holds a resource against R4: names, shapes, forms, how many, codes, targets, invariants. Each thing found breaks a
//!   [`Rule`].
//! - `profile` holds it against a profile: slices, patterns, nested elements, invariants, codes that a table may know.
//! - `fhirpath` reads and evaluates the invariants.
//!
//! Only what loads data uses it. It is fast enough for every resource: about ten microseconds for one of 3 KB.

mod fhirpath;
mod node;
mod primitive;
mod profile;
mod reference;
mod rule;
mod structure;
mod table;
mod values;

use serde_json::Value as Json;

pub use self::rule::{Class, Rule};
pub use self::structure::Finding;

use self::fhirpath::Around;
use self::node::Node;
use self::profile::{Miss, Profiles, Why};
use self::structure::{Mend, Structure};
use crate::guides::Guides;

/// What a check against R4 found.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// What breaks a rule, in the order of the resource.
    pub findings: Vec<Finding>,
    mends: Vec<Mend>,
    /// Whether all of it could be checked.
    is_known: bool,
}

/// Checks a resource against R4's definition of its type. Nothing is found of a type that this server does not have.
pub fn check(resource: &Json) -> Checked {
    let Structure { findings, mends, is_known, .. } = Structure::of(resource);
    Checked { findings, mends, is_known }
}

impl Checked {
    /// Whether the resource is known to be R4: nothing was found, and nothing could not be checked.
    pub fn is_r4(&self) -> bool {
        self.is_known && self.findings.is_empty()
    }

    /// Writes as R4 does what means one thing only, and makes null what says nothing, by the rules for which that is wanted. Returns
    /// these rules, each once.
    pub fn mend(&self, resource: &mut Json, is_wanted: impl Fn(Rule) -> bool) -> Vec<Rule> {
        let mut rules = Vec::new();
        for Mend { rule, pointer, text } in self.mends.iter().filter(|mend| is_wanted(mend.rule)) {
            if let Some(value) = resource.pointer_mut(pointer) {
                *value = text.clone().map_or(Json::Null, Json::String);
                rules.push(*rule);
            }
        }
        rules.sort_unstable();
        rules.dedup();
        rules
    }
}

/// Whether a resource that is R4 meets a profile of the set, by its canonical URL.
pub(crate) fn meets(guides: Guides, resource: &Json, url: &str) -> bool {
    met(guides, resource, url).is_ok()
}

/// What a resource lacks of a profile of the set, in words; none, if it meets it or that cannot be told.
pub(crate) fn lacks(guides: Guides, resource: &Json, url: &str) -> Option<String> {
    let miss = met(guides, resource, url).err().filter(|miss| miss.why != Why::Unknown)?;
    let path: Vec<&str> = miss.path.iter().rev().copied().collect();
    Some(format!("`{}` {}", path.join("."), miss.why))
}

fn met(guides: Guides, resource: &Json, url: &str) -> Result<(), Miss> {
    let root = Node::resource(resource);
    Profiles { guides, around: Around { resource: root, root } }.meets(url)
}
