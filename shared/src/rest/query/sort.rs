//! `_sort`.

use super::fault::Fault;
use crate::bounds::SORT_KEYS;
use crate::fhir::escaping::shortened;
use crate::fhir::parameters::{SearchParamType, SearchParameter};
use crate::fhir::types::ResourceType;

/// One key of `_sort`.
#[derive(Clone, Debug)]
pub struct Sort {
    /// The parameter whose values order the result.
    pub parameter: &'static SearchParameter,
    /// Its position in the type's list.
    pub position: u16,
    /// Whether `-` stood before it.
    pub descending: bool,
}

/// Adds a key, unless its parameter is a key already: then it orders nothing any more.
pub(super) fn add(keys: &mut Vec<Sort>, resource_type: &ResourceType, text: &str) -> Result<(), Fault> {
    let key = parse(resource_type, text)?;
    if keys.iter().any(|known| known.position == key.position) {
        return Ok(());
    }
    if keys.len() == SORT_KEYS {
        return Err(Fault::malformed(format!("`_sort` has at most {SORT_KEYS} keys")));
    }
    keys.push(key);
    Ok(())
}

fn parse(resource_type: &ResourceType, text: &str) -> Result<Sort, Fault> {
    let (code, descending) = text.strip_prefix('-').map_or((text, false), |code| (code, true));
    if code.is_empty() {
        return Err(Fault::malformed("`_sort` has no key, or a comma without one beside it"));
    }
    let found = sortable(resource_type).find(|(_, parameter)| parameter.code == code);
    let (position, parameter) = found.ok_or_else(|| {
        let known: Vec<&str> = sortable(resource_type).map(|(_, parameter)| parameter.code).collect();
        let key = shortened(text);
        Fault::unknown(format!("`_sort={key}`: {} sorts by {}", resource_type.name, known.join(", ")))
    })?;
    Ok(Sort { parameter, position, descending })
}

/// The parameters that a type sorts by.
fn sortable(resource_type: &ResourceType) -> impl Iterator<Item = (u16, &'static SearchParameter)> {
    use SearchParamType::{Date, String, Token, Uri};
    resource_type.parameters().filter(|(_, row)| matches!(row.param_type, Date | String | Token | Uri))
}
