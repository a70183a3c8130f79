//! The facts that must hold of every row, whatever R4 and the guides say.

use super::*;
use crate::types::{Owner, ResourceType, TYPES};

/// The tables: one of each type that is served, and those of the public directory and formulary.
fn tables() -> impl Iterator<Item = &'static [SearchParameter]> {
    let served = TYPES.iter().map(|resource_type| resource_type.own_parameters);
    served.chain([public::HEALTHCARE_SERVICE, public::INSURANCE_PLAN, public::ORGANIZATION_AFFILIATION])
}

fn rows() -> impl Iterator<Item = &'static SearchParameter> {
    tables().flatten()
}

fn find(on: &str, code: &str) -> Option<&'static SearchParameter> {
    rows().find(|row| row.on == on && row.code == code)
}

#[test]
fn rows_are_sorted_and_no_name_has_two_meanings() {
    for table in tables() {
        assert!(table.is_sorted_by(|a, b| a.code < b.code), "{}", table[0].on);
    }
}

#[test]
fn every_row_is_of_the_type_that_names_it() {
    for resource_type in TYPES {
        for row in resource_type.own_parameters {
            assert_eq!(row.on, resource_type.name, "{}", row.code);
        }
        assert_eq!(resource_type.own_parameters.is_empty(), resource_type.owner == Owner::Attachment);
    }
}

/// A row of a type that nobody's record has would be read at each start and found by nobody.
#[test]
fn rows_of_types_that_are_not_served_stand_apart() {
    for row in
        [public::HEALTHCARE_SERVICE, public::INSURANCE_PLAN, public::ORGANIZATION_AFFILIATION].into_iter().flatten()
    {
        assert!(ResourceType::named(row.on).is_none(), "{} is served: its rows belong to its type", row.on);
    }
}

#[test]
fn references_and_only_references_have_targets() {
    for row in rows() {
        let reference = matches!(row.param_type, SearchParamType::Reference);
        assert_eq!(reference, !row.targets.is_empty(), "{}.{}", row.on, row.code);
        assert!(row.targets == ANY || row.targets.is_sorted_by(|a, b| a < b), "{}.{}", row.on, row.code);
        assert!(row.code != "patient" || row.targets == ["Patient"], "{}.{}", row.on, row.code);
    }
}

/// A chain into anything else would tell an app what it may not see.
#[test]
fn a_chain_leads_to_one_shared_type_or_to_the_member() {
    let chains: Vec<_> = rows().flat_map(|row| row.chains.iter().map(move |chain| (row, *chain))).collect();
    assert_eq!(chains.len(), 6);
    for (row, chain) in chains {
        let resource_types = row.targets.iter().filter_map(|name| ResourceType::named(name));
        let shared: Vec<_> = resource_types
            .filter(|resource_type| resource_type.owner == Owner::Shared)
            .map(|resource_type| resource_type.name)
            .collect();
        let target = match shared[..] {
            [shared] => shared,
            _ => row.targets[0],
        };
        assert!(shared.len() == 1 || row.targets == ["Patient"], "{}.{}", row.on, row.code);
        assert!(find(target, chain).is_some(), "{}.{}.{chain}", row.on, row.code);
    }
}

#[test]
fn only_tokens_have_an_implied_system_or_a_type() {
    for row in rows().filter(|row| row.param_type != SearchParamType::Token) {
        assert_eq!(row.coded, Coded::AsWritten, "{}.{}", row.on, row.code);
    }
}

#[test]
fn paths_keep_to_the_grammar() {
    for path in rows().flat_map(|row| row.path.split(" | ")) {
        let (mut name, mut condition) = (String::new(), None::<String>);
        let mut steps = Vec::new();
        for c in path.chars().chain(['.']) {
            match (c, &mut condition) {
                (')', Some(_)) => steps.push((std::mem::take(&mut name), condition.take())),
                (c, Some(condition)) => condition.push(c),
                ('(', None) => condition = Some(String::new()),
                ('.', None) if name.is_empty() => assert!(!steps.is_empty(), "{path}"),
                ('.', None) => steps.push((std::mem::take(&mut name), None)),
                (c, None) => name.push(c),
            }
        }
        assert!(condition.is_none(), "{path}");
        for (name, condition) in steps {
            assert!(!name.is_empty() && name.chars().all(|c| c.is_ascii_alphabetic()), "{path}");
            assert!(condition.is_none_or(|condition| condition.split_once('=').is_some()), "{path}");
        }
    }
}

#[test]
fn definitions_have_the_publishers_urls() {
    let url = |on, code| find(on, code).unwrap().url("https://example.org/fhir");
    assert_eq!(url("Observation", "category"), "http://hl7.org/fhir/SearchParameter/Observation-category");
    assert_eq!(url("Observation", "code"), "http://hl7.org/fhir/SearchParameter/clinical-code");
    assert_eq!(
        url("Condition", "asserted-date"),
        "http://hl7.org/fhir/us/core/SearchParameter/us-core-condition-asserted-date"
    );
    assert_eq!(url("Coverage", "period"), "https://example.org/fhir/SearchParameter/Coverage-period");
}
