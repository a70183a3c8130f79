//! `_include` and `_revinclude`.

use super::fault::Fault;
use crate::fhir::escaping::shortened;
use crate::fhir::parameters::SearchParamType;
use crate::fhir::types::ResourceType;

/// One `_include` or `_revinclude`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Include {
    /// The type that refers.
    pub source: &'static ResourceType,
    /// The positions of the parameters that refer, in the source type's list.
    pub parameters: Vec<u16>,
    /// Only targets of this type.
    pub target: Option<String>,
}

/// Reads `Type:parameter[:Target]`, or `Type:*` for all of a type's references.
pub(super) fn parse(resource_type: &'static ResourceType, value: &str, reverse: bool) -> Result<Include, Fault> {
    let name = if reverse { "_revinclude" } else { "_include" };
    let text = |why: String| format!("`{name}={}`: {why}", shortened(value));
    let mut parts = value.splitn(3, ':');
    let source = parts.next().unwrap_or_default();
    let Some(code) = parts.next() else {
        let text = text(format!("Type:parameter is needed, such as {}:patient", resource_type.name));
        return Err(if source == "*" { Fault::unknown(text) } else { Fault::malformed(text) });
    };
    let Some(source) = ResourceType::named(source) else {
        return Err(Fault::unknown(text(format!("{} is no type of this server", shortened(source)))));
    };
    if !reverse && source != resource_type {
        let why = format!("a search on {0} includes what {0} refers to", resource_type.name);
        return Err(Fault::unknown(text(why)));
    }
    let references = || source.parameters().filter(|(_, row)| row.param_type == SearchParamType::Reference);
    let named = references().filter(|(_, row)| code == "*" || row.code == code);
    let parameters: Vec<u16> = named.map(|(position, _)| position).collect();
    if parameters.is_empty() || (reverse && code == "*") {
        let known: Vec<&str> = references().map(|(_, row)| row.code).collect();
        return Err(Fault::unknown(text(format!("{} refers by {}", source.name, known.join(", ")))));
    }
    Ok(Include { source, parameters, target: parts.next().map(str::to_owned) })
}
