//! The first reading: the names that resources go by, and which occurrence of an id is the last.

use std::collections::HashMap;

use anyhow::Result;
use indicatif::ProgressBar;
use serde_json::Value as Json;
use shared::fhir::reference::{Reference, is_id};
use shared::fhir::types::ResourceType;

use super::references::Names;
use super::source::Source;

/// What the first reading learns.
pub(super) struct Survey {
    /// The names that resources go by.
    pub names: Names,
    /// Where each resource comes last.
    pub last: HashMap<Reference, u64>,
}

impl Survey {
    /// Reads everything once.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) fn of(source: &Source, bar: &ProgressBar) -> Result<Survey> {
        let mut survey = Survey { names: Names::default(), last: HashMap::new() };
        let mut ordinal = 0;
        source.each(&mut |item, bytes| {
            bar.inc(bytes);
            if let Ok(resource) = &item.resource
                && let Ok((_, reference)) = identify(resource, item.full_url.as_deref())
            {
                survey.names.learn(item.full_url.as_deref(), &reference, resource);
                survey.last.insert(reference, ordinal);
            }
            ordinal += 1;
            Ok(())
        })?;
        Ok(survey)
    }
}

/// A resource's type and key, or why it has none.
pub(super) fn identify(resource: &Json, full_url: Option<&str>) -> Result<(&'static ResourceType, Reference), String> {
    let kind = resource["resourceType"].as_str().ok_or("it has no resourceType")?;
    let kind = ResourceType::named(kind).ok_or_else(|| format!("{kind} is not a type that this server keeps"))?;
    let id = match &resource["id"] {
        Json::String(id) => id.as_str(),
        // A transaction may leave ids to the server; ours keeps the one that the Bundle calls the resource by.
        Json::Null => full_url
            .and_then(|url| url.rsplit([':', '/']).next())
            .ok_or("it has no id, and no fullUrl to take one from")?,
        _ => return Err("its id is no string".into()),
    };
    if !is_id(id) {
        return Err(format!("`{id}` is no id (letters, digits, `-` and `.`, at most 64)"));
    }
    Ok((kind, Reference::new(kind.name, id)))
}
