//! The facts that must hold of every row, and that a row is all that a type needs.

use serde_json::json;

use super::*;
use crate::elements::{cut_within, in_summary, is_mandatory};
use crate::filter::Filter;
use crate::index::Index;
use crate::owner::{Ownership, ownership};
use crate::parameters::{Coded, Definition, SearchParamType};

#[test]
fn the_table_is_sorted_so_that_types_are_found() {
    assert!(TYPES.is_sorted_by(|a, b| a.name < b.name));
    assert!(TYPES.iter().all(|row| ResourceType::named(row.name) == Some(row)));
}

#[test]
fn every_row_has_words_for_members_and_a_summary() {
    for row in TYPES {
        assert!(!row.words.is_empty() && !row.summary.is_empty(), "{}", row.name);
    }
}

#[test]
fn the_dates_of_a_type_are_date_parameters_that_it_has() {
    for row in TYPES {
        for code in row.key_date.into_iter().chain(row.care_date) {
            let parameter = row.parameter(code);
            assert!(parameter.is_some_and(|(_, p)| p.param_type == SearchParamType::Date), "{} {code}", row.name);
        }
    }
    let eob = ResourceType::named("ExplanationOfBenefit").unwrap();
    assert_eq!(eob.care_dates().collect::<Vec<_>>(), ["service-date", "created"]);
}

#[test]
fn only_shared_types_are_a_second_step_of_reach() {
    for row in TYPES {
        assert!(row.referred_by.is_empty() || row.owner == Owner::Shared, "{}", row.name);
        for source in row.referred_by {
            assert!(ResourceType::named(source).is_some_and(ResourceType::is_shared), "{} {source}", row.name);
        }
    }
}

#[test]
fn parts_are_of_elements_that_the_summary_has() {
    for row in TYPES {
        for (path, _) in row.parts {
            let element = path.split('.').next().unwrap();
            let kept = |property| in_summary(row, property) || is_mandatory(row, property);
            assert!(kept(element), "{} {path}", row.name);
        }
    }
}

/// A type that no table names.
static ADDED: ResourceType = ResourceType {
    name: "AdverseEvent",
    owner: Owner::Subject("subject"),
    words: "Harm done by care",
    key_date: Some("date"),
    care_date: None,
    referred_by: &[],
    summary: "actuality event subject date suspectEntity",
    parts: &[("suspectEntity", "instance")],
    mandatory: "actuality subject",
    own_parameters: &[SearchParameter {
        on: "AdverseEvent",
        code: "date",
        param_type: SearchParamType::Date,
        path: "date",
        targets: &[],
        coded: Coded::AsWritten,
        chains: &[],
        definition: Definition::R4,
    }],
};

#[test]
fn a_type_is_owned_indexed_found_ordered_and_summed_up_by_its_row_alone() {
    assert!(ResourceType::named(ADDED.name).is_none());
    let mut resource = json!({"resourceType": "AdverseEvent", "id": "e1", "actuality": "actual", "date": "2024-05-10",
        "subject": {"reference": "Patient/p1"}, "suspectEntity": [{"instance": {"display": "a"}, "causality": []}],
        "location": {"display": "b"}});
    assert_eq!(ownership(&ADDED, &resource), Ok(Ownership::Member("p1".to_owned())));
    let index = Index::of(&ADDED, &resource);
    let keeps = |name, value| Filter::parse(&ADDED, name, value, &[]).unwrap().keeps(&index);
    assert!(keeps("_id", "e1") && keeps("date", "2024-05") && !keeps("date", "2025"));
    assert_eq!(
        index.values(ADDED.parameter(ADDED.key_date.unwrap()).unwrap().0).len(),
        1,
        "its date orders the history"
    );
    assert_eq!(ADDED.care_dates().collect::<Vec<_>>(), ["date"]);
    let properties = resource.as_object_mut().unwrap();
    properties.retain(|name, _| in_summary(&ADDED, name) || is_mandatory(&ADDED, name));
    cut_within(&ADDED, properties);
    let names: Vec<&str> = properties.keys().map(String::as_str).collect();
    assert_eq!(names, ["actuality", "date", "subject", "suspectEntity"]);
    assert_eq!(resource["suspectEntity"], json!([{"instance": {"display": "a"}}]));
}
