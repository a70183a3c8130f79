//! The scopes that this server knows: which it publishes, which it grants, and which resources a granular one admits.

use crate::fhir::filter::Filter;
use crate::fhir::parameters::SearchParamType;
use crate::fhir::types::{ResourceType, TYPES};
use crate::scope::Scope;

/// Whether this server knows the resource type of a scope, and the search that a granular scope names. It grants no
/// other scope, so that no scope is given out that opens nothing.
pub fn is_supported(scope: &Scope) -> bool {
    let Scope::Resource(scope) = scope else { return true };
    let named =
        |resource_type: &&ResourceType| scope.resource_type.as_deref().is_none_or(|name| name == resource_type.name);
    let granular = scope.granular();
    let reads = |resource_type| granular.as_ref().is_none_or(|pairs| filters(resource_type, pairs).is_some());
    TYPES.iter().filter(named).any(reads)
}

/// The granular scopes that US Core 7.0.0 demands or recommends by name ("SMART Scopes"): a type, and a value of its
/// parameter `category`. Any other code of any token parameter of a type works as well.
pub const NAMED_PARTS: &[(&str, &str)] = &[
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

/// Every scope there is, for the discovery documents: in both of SMART's syntaxes, since its guides still use the
/// first.
pub fn supported_scopes() -> Vec<String> {
    let mut scopes: Vec<String> = ["openid", "fhirUser", "launch/patient", "offline_access"].map(str::to_owned).into();
    for context in ["patient", "user"] {
        scopes.extend(
            NAMED_PARTS
                .iter()
                .map(|(resource_type, category)| format!("{context}/{resource_type}.rs?category={category}")),
        );
        for resource_type in std::iter::once("*").chain(TYPES.iter().map(|resource_type| resource_type.name)) {
            scopes.extend([format!("{context}/{resource_type}.rs"), format!("{context}/{resource_type}.read")]);
        }
    }
    scopes
}

/// The filters of a granular scope: codes that a resource must have. `None` where it is anything else: a modifier could
/// turn a code into its opposite, and a date could cover everything, while the member reads "only a part".
pub(super) fn filters(resource_type: &ResourceType, granular: &[(String, String)]) -> Option<Vec<Filter>> {
    let is_code =
        |name: &str| resource_type.parameter(name).is_some_and(|(_, row)| row.param_type == SearchParamType::Token);
    let filter = |(name, value): &(String, String)| {
        is_code(name).then(|| Filter::parse(resource_type, name, value, &[]).ok())?
    };
    granular.iter().map(filter).collect()
}
