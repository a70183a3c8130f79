//! Which profiles a resource claims in `meta.profile` where its feed claims none: those of the deployed set of guides whose
//! conditions it meets, each with and without its version, or else R4's own definition of its type. So `meta.profile` is
//! always there, and what it says is true.

mod condition;
mod rules;

use serde_json::{Value as Json, json};

use crate::guides::Guide;
use crate::guides::Guides;
use crate::profiles::Profile;
use rules::Rule;

/// Gives the resource its profiles. What a feed claims itself is left as it is: the feed knows what it made.
pub fn claim(guides: Guides, resource: &mut Json) {
    if resource["meta"]["profile"].as_array().is_some_and(|claimed| !claimed.is_empty()) {
        return;
    }
    let Some(resource_type) = resource["resourceType"].as_str() else { return };
    let fits = |profile: &&Profile| {
        let mut rules = Rule::of(profile.id, guides).peekable();
        rules.peek().is_some() && rules.all(|rule| condition::holds(resource, rule.condition))
    };
    let mut claimed: Vec<String> = Profile::of(resource_type, guides)
        .filter(fits)
        .flat_map(|profile| guides.canonicals(profile.guide, &format!("StructureDefinition/{}", profile.id)))
        .collect();
    if claimed.is_empty() {
        claimed
            .extend(guides.canonicals(Guide::Fhir, &format!("StructureDefinition/{resource_type}")).into_iter().next());
    }
    if !resource["meta"].is_object() {
        resource["meta"] = json!({});
    }
    resource["meta"]["profile"] = claimed.into();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimed(guides: Guides, mut resource: Json) -> Vec<String> {
        claim(guides, &mut resource);
        serde_json::from_value(resource["meta"]["profile"].take()).unwrap()
    }

    fn condition() -> Json {
        let category = "http://terminology.hl7.org/CodeSystem/condition-category";
        json!({"resourceType": "Condition", "code": {"text": "Hay fever"}, "subject": {"reference": "Patient/alice"},
            "category": [{"coding": [{"system": category, "code": "encounter-diagnosis"}]}]})
    }

    #[test]
    fn each_set_of_guides_claims_its_own_profiles_in_its_own_versions() {
        const BASE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-condition";
        assert_eq!(claimed(Guides::UsCore3, condition()), [BASE.to_owned(), format!("{BASE}|3.1.1")]);
        let since_6 = format!("{BASE}-encounter-diagnosis");
        assert_eq!(claimed(Guides::UsCore6, condition()), [since_6.clone(), format!("{since_6}|6.1.0")]);
        assert_eq!(claimed(Guides::UsCore7, condition()), [since_6.clone(), format!("{since_6}|7.0.0")]);
    }

    #[test]
    fn what_lacks_an_element_that_must_be_there_claims_its_type_alone() {
        for lacking in ["category", "code", "subject"] {
            let mut resource = condition();
            resource.as_object_mut().unwrap().remove(lacking);
            assert_eq!(
                claimed(Guides::UsCore6, resource),
                ["http://hl7.org/fhir/StructureDefinition/Condition"],
                "{lacking}"
            );
        }
    }

    #[test]
    fn what_the_feed_claims_stays_and_an_empty_list_is_no_claim() {
        let mut resource = condition();
        resource["meta"] = json!({"profile": ["http://example.org/own"], "source": "#feed"});
        assert_eq!(claimed(Guides::UsCore6, resource.clone()), ["http://example.org/own"]);
        resource["meta"]["profile"] = json!([]);
        claim(Guides::UsCore6, &mut resource);
        assert_eq!(resource["meta"]["profile"].as_array().unwrap().len(), 2);
        assert_eq!(resource["meta"]["source"], "#feed");
    }

    #[test]
    fn every_profile_that_is_advertised_can_be_claimed() {
        for guides in [Guides::UsCore3, Guides::UsCore6, Guides::UsCore7] {
            for resource_type in crate::types::TYPES {
                // What the five kinds of explanations share is an abstract profile; Questionnaires are no data of a member.
                let claimable =
                    |profile: &&Profile| profile.id != "C4BB-ExplanationOfBenefit" && profile.guide != Guide::Sdc;
                for profile in Profile::of(resource_type.name, guides).filter(claimable) {
                    assert!(Rule::of(profile.id, guides).next().is_some(), "{} has no rule", profile.id);
                }
            }
        }
    }
}
