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

/// The result of a check against R4.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// The breaches of rules, in the order of the resource.
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

/// The first requirement of a profile of the set that a resource does not meet, in words; `None` if it meets all, or that cannot be
/// told.
pub(crate) fn lacks(guides: Guides, resource: &Json, url: &str) -> Option<String> {
    let miss = met(guides, resource, url).err().filter(|miss| miss.why != Why::Unknown)?;
    let path: Vec<&str> = miss.path.iter().rev().copied().collect();
    Some(format!("`{}` {}", path.join("."), miss.why))
}

fn met(guides: Guides, resource: &Json, url: &str) -> Result<(), Miss> {
    let root = Node::resource(resource);
    Profiles { guides, around: Around { resource: root, root } }.meets(url)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The rules that a resource breaks, each with the element.
    fn broken(resource: &Json) -> Vec<(&'static str, String)> {
        check(resource).findings.into_iter().map(|finding| (finding.rule.name(), finding.at)).collect()
    }

    fn observation() -> Json {
        json!({"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "x"}, "valueString": "heavy"})
    }

    fn with(name: &str, value: Json) -> Json {
        let mut resource = observation();
        resource[name] = value;
        resource
    }

    #[test]
    fn what_breaks_a_rule_is_found_at_its_element() {
        assert!(check(&observation()).is_r4());
        let at = |element: &str| format!("Observation.{element}");
        for (resource, rule, element) in [
            (with("valueInteger", json!(5)), "choice", at("valueInteger")),
            (with("note", json!({"text": "x"})), "shape", at("note")),
            (with("note", json!(["x"])), "shape", at("note[0]")),
            (with("note", json!([{"text": 5}])), "shape", at("note[0].text")),
            (with("note", json!([{"time": "2024-01-01"}])), "missing", at("note[0]")),
            (with("subject", json!({"reference": "Practitioner/p"})), "target", at("subject")),
            (with("subject", json!({"reference": "#p"})), "invariant", at("subject")),
            (with("referenceRange", json!([{"type": {"text": "x"}}])), "invariant", at("referenceRange[0]")),
            (
                with("effectivePeriod", json!({"start": "2024-02-01", "end": "2024-01-01"})),
                "invariant",
                at("effectivePeriod"),
            ),
            (with("effectivePeriod", json!({"stop": "2024-02-01"})), "unknown-element", at("effectivePeriod.stop")),
            (with("status", json!("done")), "code", at("status")),
            (with("issued", json!("2024-01-01T10:00:00z")), "zone", at("issued")),
        ] {
            assert_eq!(broken(&resource), [(rule, element)], "{resource}");
        }
    }

    #[test]
    fn the_other_half_of_a_primitive_element_counts_for_it() {
        let absent = json!({"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]});
        let mut resource = with("_status", absent.clone());
        resource.as_object_mut().unwrap().shift_remove("status");
        assert!(check(&resource).is_r4());
        // A second value is one too many, whatever its other half is.
        let mut two = with("_valueInteger", absent);
        two["valueInteger"] = json!(5);
        let found = broken(&two);
        assert!(!found.is_empty() && found.iter().all(|(rule, _)| *rule == "choice"), "{found:?}");
    }

    #[test]
    fn what_is_contained_is_checked_and_is_named_in_the_resource() {
        let device = json!({"resourceType": "Device", "id": "d", "status": "on"});
        let mut resource = with("contained", json!([device]));
        resource["device"] = json!({"reference": "#d"});
        assert_eq!(broken(&resource), [("code", "Observation.contained[0].status".to_owned())]);
        let resource = with("contained", json!([{"resourceType": "Device", "id": "d"}]));
        assert_eq!(broken(&resource), [("invariant", "Observation.contained[0]".to_owned())]);
        // Of a type that the tables do not have nothing is known.
        let mut resource = with("contained", json!([{"resourceType": "Bundle", "id": "d"}]));
        resource["device"] = json!({"reference": "#d"});
        let checked = check(&resource);
        assert!(!checked.is_r4());
    }
}
