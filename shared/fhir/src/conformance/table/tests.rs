use super::*;
use crate::guides::Guides::{UsCore3, UsCore6, UsCore7};
use crate::types::TYPES;

#[test]
fn every_invariant_is_understood() {
    let unread = TABLE.invariants.iter().filter(|(_, invariant)| invariant.expression.is_none());
    assert_eq!(unread.map(|(name, _)| *name).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn every_name_in_the_tables_leads_somewhere() {
    let known = |invariants: &[&str]| invariants.iter().all(|name| TABLE.invariants.contains_key(name));
    for kind in &TABLE.types {
        assert!(known(&kind.invariants), "{}", kind.name);
        for element in &kind.elements {
            assert!(known(&element.invariants) && element.codes.is_none_or(|codes| TABLE.codes(codes).is_some()));
            assert!(element.uses.iter().all(|of| TABLE.names.contains_key(of.kind)), "{} {}", kind.name, element.name);
        }
        assert!(kind.elements.len() <= 64, "{} has more elements than a check can count", kind.name);
    }
    for (url, profile) in TABLE.profiles.iter().flat_map(|(url, all)| all.iter().map(move |one| (url, one))) {
        let mut parts = vec![&profile.root];
        while let Some(part) = parts.pop() {
            assert!(known(&part.invariants), "{url} {}", part.name);
            assert!(part.codes.is_none_or(|codes| TABLE.codes(codes).is_some()), "{url} {}", part.name);
            parts.extend(part.parts.iter().chain(&part.slices));
        }
    }
}

#[test]
fn every_type_that_is_served_is_in_the_table_and_every_profile_but_those_of_forms() {
    for row in TYPES {
        assert!(TABLE.id(row.name).is_some(), "{}", row.name);
        for guides in [UsCore3, UsCore6, UsCore7] {
            for profile in crate::profiles::Profile::of(row.name, guides) {
                let url = guides.canonicals(profile.guide, &format!("StructureDefinition/{}", profile.id)).remove(0);
                let is_known = TABLE.profile(&url, guides).is_some();
                assert_eq!(is_known, profile.guide != Guide::Sdc, "{url}");
            }
        }
    }
}
