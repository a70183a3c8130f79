//! Conditional references, and the identifiers by which they name a resource.

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use shared::fhir::identifier::Identifier;
use shared::fhir::reference::Reference;
use shared::fhir::types::ResourceType;

/// A conditional reference: a search for a resource by its identifier (R4, "Conditional References").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// The type that is searched.
    pub resource_type: String,
    /// The identifier's system; `None` where the search names none, and any will do.
    pub system: Option<String>,
    /// The identifier's value.
    pub value: String,
}

impl Condition {
    /// Reads `Type?identifier=system|value`, percent-encoded or not. Any other search is `None`.
    pub fn of(text: &str) -> Option<Condition> {
        let (resource_type, query) = text.split_once('?')?;
        ResourceType::named(resource_type)?;
        Condition::of_query(resource_type, query)
    }

    /// Reads the query of such a search, as `ifNoneExist` has it.
    pub fn of_query(resource_type: &str, query: &str) -> Option<Condition> {
        let mut pairs = query.split('&').filter(|pair| !pair.is_empty());
        let (name, token) = pairs.next()?.split_once('=')?;
        if name != "identifier" || pairs.next().is_some() {
            return None;
        }
        let token = percent_decode_str(token).decode_utf8().ok()?.into_owned();
        let (system, value) = match token.split_once('|') {
            Some((system, value)) => (Some(system.to_owned()), value.to_owned()),
            None => (None, token),
        };
        (!value.is_empty()).then(|| Condition { resource_type: resource_type.to_owned(), system, value })
    }

    /// The spelling that names are kept in.
    pub fn name(&self) -> String {
        let system = self.system.as_ref().map(|system| format!("{system}|")).unwrap_or_default();
        format!("{}?identifier={system}{}", self.resource_type, self.value)
    }

    /// The logical reference that it means.
    pub fn identifier(&self) -> Json {
        let mut identifier = serde_json::Map::new();
        identifier.extend(
            self.system.clone().filter(|system| !system.is_empty()).map(|system| ("system".to_owned(), system.into())),
        );
        identifier.insert("value".to_owned(), self.value.clone().into());
        identifier.into()
    }
}

/// A resource's identifiers, as conditional references name it by them.
pub fn identifiers(reference: &Reference, resource: &Json) -> Vec<String> {
    // Others are many, and are named with their system.
    let is_named_without = reference.resource_type == "Patient"
        || ResourceType::named(&reference.resource_type).is_some_and(ResourceType::is_shared);
    let mut names = Vec::new();
    for Identifier { system, value } in shared::fhir::identifier::identifiers(resource) {
        for system in [Some(system.to_owned())].into_iter().chain(is_named_without.then_some(None)) {
            let condition =
                Condition { resource_type: reference.resource_type.clone(), system, value: value.to_owned() };
            names.push(condition.name());
        }
    }
    names
}
