//! Which profiles a resource meets. In doubt it meets none: what is named must be true.

use serde_json::{Value as Json, json};

use super::table::Profile;
use crate::conformance::{check, lacks, meets};
use crate::guides::{Guide, Guides};

/// The profiles of the set that the resource meets: each by its canonical URL, with its version and without; or else R4's own
/// definition of the resource's type. Nothing, if it is not R4, or if that cannot be told.
///
/// It is judged as this server gives it out: with a moment of its last change, and with its claims.
pub fn met_by(guides: Guides, resource: &Json) -> Vec<String> {
    let Some(resource_type) = resource["resourceType"].as_str() else { return Vec::new() };
    if !check(resource).is_r4() {
        return Vec::new();
    }
    let canonicals = |profile: &Profile| guides.canonicals(profile.guide, &path(profile.id));
    let candidates: Vec<Vec<String>> = Profile::of(resource_type, guides).map(canonicals).collect();
    let served = served(resource, candidates.concat());
    let is_met = |canonicals: &Vec<String>| canonicals.first().is_some_and(|url| meets(guides, &served, url));
    let met = candidates.into_iter().filter(is_met).collect::<Vec<_>>().concat();
    if met.is_empty() {
        return guides.canonicals(Guide::Fhir, &path(resource_type)).into_iter().take(1).collect();
    }
    met
}

/// The claims of a resource that it does not meet, as far as the set has the profile in the version that is claimed: each with what
/// is lacking.
pub fn not_met(guides: Guides, resource: &Json) -> Vec<(String, String)> {
    let own = resource["meta"]["profile"].as_array().cloned().unwrap_or_default();
    let claims: Vec<String> = own.iter().filter_map(Json::as_str).map(str::to_owned).collect();
    let known = |claim: &String| {
        let profiles = Profile::of(resource["resourceType"].as_str().unwrap_or_default(), guides);
        profiles.into_iter().any(|profile| guides.canonicals(profile.guide, &path(profile.id)).contains(claim))
    };
    let served = served(resource, claims.clone());
    let lacking = |claim: String| {
        let url = claim.split('|').next().unwrap_or_default();
        let lack = lacks(guides, &served, url)?;
        Some((claim, lack))
    };
    claims.into_iter().filter(known).filter_map(lacking).collect()
}

/// A resource as this server gives it out.
fn served(resource: &Json, claims: Vec<String>) -> Json {
    let mut served = resource.clone();
    let meta = object(&mut served["meta"]);
    meta.entry("lastUpdated").or_insert_with(|| json!("2000-01-01T00:00:00Z"));
    meta.insert("profile".to_owned(), claims.into());
    served
}

fn path(id: &str) -> String {
    format!("StructureDefinition/{id}")
}

fn object(json: &mut Json) -> &mut serde_json::Map<String, Json> {
    if !json.is_object() {
        *json = json!({});
    }
    json.as_object_mut().unwrap_or_else(|| unreachable!("it was made an object"))
}

/// Names in `meta.profile` what the resource meets. A feed that names profiles itself is left alone: it knows what it made.
pub fn name_in(guides: Guides, resource: &mut Json) {
    if resource["meta"]["profile"].as_array().is_some_and(|named| !named.is_empty()) {
        return;
    }
    let met = met_by(guides, resource);
    if !met.is_empty() {
        object(&mut resource["meta"]).insert("profile".to_owned(), met.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition() -> Json {
        let category = "http://terminology.hl7.org/CodeSystem/condition-category";
        json!({"resourceType": "Condition", "code": {"text": "Hay fever"}, "subject": {"reference": "Patient/alice"},
            "category": [{"coding": [{"system": category, "code": "encounter-diagnosis"}]}]})
    }

    #[test]
    fn each_set_of_guides_has_its_own_profiles_in_its_own_versions() {
        const BASE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-condition";
        assert_eq!(met_by(Guides::UsCore3, &condition()), [BASE.to_owned(), format!("{BASE}|3.1.1")]);
        let since_6 = format!("{BASE}-encounter-diagnosis");
        assert_eq!(met_by(Guides::UsCore6, &condition()), [since_6.clone(), format!("{since_6}|6.1.0")]);
        assert_eq!(met_by(Guides::UsCore7, &condition()), [since_6.clone(), format!("{since_6}|7.0.0")]);
    }

    #[test]
    fn what_is_not_r4_meets_nothing() {
        let mut resource = condition();
        resource.as_object_mut().unwrap().remove("subject");
        assert!(met_by(Guides::UsCore6, &resource).is_empty());
        let mut resource = condition();
        resource["onsetDateTime"] = json!("01/02/2024");
        assert!(met_by(Guides::UsCore6, &resource).is_empty());
    }

    #[test]
    fn what_lacks_an_element_that_a_profile_asks_for_meets_its_type_alone() {
        for lacking in ["category", "code"] {
            let mut resource = condition();
            resource.as_object_mut().unwrap().remove(lacking);
            let met = met_by(Guides::UsCore6, &resource);
            assert_eq!(met, ["http://hl7.org/fhir/StructureDefinition/Condition"], "{lacking}");
        }
        assert!(met_by(Guides::UsCore6, &json!({"code": {"text": "of no type"}})).is_empty());
    }

    #[test]
    fn profiles_that_a_feed_names_stay_and_an_empty_list_names_none() {
        let mut resource = condition();
        resource["meta"] = json!({"profile": ["http://example.org/own"], "source": "#feed"});
        name_in(Guides::UsCore6, &mut resource);
        assert_eq!(resource["meta"]["profile"], json!(["http://example.org/own"]));
        resource["meta"]["profile"] = json!([]);
        name_in(Guides::UsCore6, &mut resource);
        assert_eq!(resource["meta"]["profile"].as_array().unwrap().len(), 2);
        assert_eq!(resource["meta"]["source"], "#feed");
    }
}
