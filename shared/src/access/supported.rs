//! The scopes that this server knows: what it publishes, what it grants, and what a granular one means.

use crate::fhir::filter::Filter;
use crate::fhir::parameters::SearchParamType;
use crate::fhir::types::{ResourceType, TYPES};
use crate::scope::{ResourceScope, Scope};

/// Whether this server knows what a scope asks for: the resource type, and the search that a granular scope names. What it
/// does not know it does not grant, so that no scope is given out that opens nothing.
pub fn is_supported(scope: &Scope) -> bool {
    let Scope::Resource(scope) = scope else { return true };
    let named =
        |resource_type: &&ResourceType| scope.resource_type.as_deref().is_none_or(|name| name == resource_type.name);
    let reads = |resource_type: &ResourceType| {
        scope.query.as_deref().is_none_or(|query| granular(resource_type, query).is_some())
    };
    TYPES.iter().filter(named).any(reads)
}

/// The granular scopes that US Core 7.0.0 demands or recommends by name ("SMART Scopes"). Any other code of any token parameter
/// of the type works as well.
const GRANULAR: &[(&str, &str)] = &[
    ("Condition", "http://terminology.hl7.org/CodeSystem/condition-category|encounter-diagnosis"),
    ("Condition", "http://terminology.hl7.org/CodeSystem/condition-category|problem-list-item"),
    ("Condition", "http://hl7.org/fhir/us/core/CodeSystem/condition-category|health-concern"),
    ("Observation", "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"),
    ("Observation", "http://terminology.hl7.org/CodeSystem/observation-category|social-history"),
    ("Observation", "http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"),
    ("Observation", "http://terminology.hl7.org/CodeSystem/observation-category|survey"),
    ("Observation", "http://hl7.org/fhir/us/core/CodeSystem/us-core-category|sdoh"),
    ("DocumentReference", "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category|clinical-note"),
];

/// Every scope there is, for the discovery documents: in both of SMART's syntaxes, since its guides still use the first.
pub fn supported_scopes() -> Vec<String> {
    let mut scopes: Vec<String> = ["openid", "fhirUser", "launch/patient", "offline_access"].map(str::to_owned).into();
    for context in ["patient", "user"] {
        scopes.extend(
            GRANULAR
                .iter()
                .map(|(resource_type, category)| format!("{context}/{resource_type}.rs?category={category}")),
        );
        for resource_type in std::iter::once("*").chain(TYPES.iter().map(|resource_type| resource_type.name)) {
            scopes.extend([format!("{context}/{resource_type}.rs"), format!("{context}/{resource_type}.read")]);
        }
    }
    scopes
}

/// The filters of a granular scope: codes that a resource must have. A modifier could turn one into its opposite, and a date
/// into everything, while the member reads "only a part": so neither is a scope here.
pub(super) fn granular(resource_type: &ResourceType, query: &str) -> Option<Vec<Filter>> {
    let is_code =
        |name: &str| resource_type.parameter(name).is_some_and(|(_, row)| row.param_type == SearchParamType::Token);
    form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| is_code(&name).then(|| Filter::parse(resource_type, &name, &value, &[]).ok())?)
        .collect()
}

/// What a granular scope leaves of a type, in the guides' own words: only for those that they name, so that nobody can have
/// words of theirs shown to a member.
pub fn part_in_words(scope: &ResourceScope) -> Option<String> {
    let resource_type = scope.resource_type.as_deref()?;
    let query: Vec<(String, String)> =
        form_urlencoded::parse(scope.query.as_deref()?.as_bytes()).into_owned().collect();
    let [(name, value)] = query.as_slice() else { return None };
    let (_, category) = GRANULAR.iter().find(|row| name == "category" && **row == (resource_type, value.as_str()))?;
    category.rsplit('|').next().map(|code| code.replace('-', " "))
}
