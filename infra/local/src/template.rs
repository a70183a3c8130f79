//! The parts of a SAM template that the stack reads, not yet resolved.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use serde_json::{Map, Value};

/// One entry of the template's `Resources`.
#[derive(Debug)]
pub(crate) struct Resource {
    /// Its `Type`, for example `AWS::DynamoDB::Table`.
    pub(crate) kind: String,
    /// Its `Properties`.
    pub(crate) properties: Map<String, Value>,
    /// Its `Metadata`.
    pub(crate) metadata: Value,
    /// The name of the condition it stands under.
    pub(crate) condition: Option<String>,
}

/// A SAM template as written, with every intrinsic in its long form.
#[derive(Debug)]
pub(crate) struct Template {
    /// `Parameters`, by name.
    pub(crate) parameters: Map<String, Value>,
    /// `Conditions`, by name.
    pub(crate) conditions: Map<String, Value>,
    /// `Mappings`, by name.
    pub(crate) mappings: Map<String, Value>,
    /// `Globals.Function`.
    pub(crate) globals: Map<String, Value>,
    /// `Resources`, by logical id.
    pub(crate) resources: BTreeMap<String, Resource>,
}

impl Template {
    /// Reads the template in a file.
    ///
    /// # Errors
    /// The file cannot be read, or is not a template.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let place = || format!("template {}", path.display());
        let text = std::fs::read_to_string(path).with_context(place)?;
        Self::parse(&text).with_context(place)
    }

    /// Reads the template in a text.
    ///
    /// # Errors
    /// The text is not YAML, or a section does not have its shape.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut root = object(crate::yaml::to_json(serde_yaml_ng::from_str(text)?)?, "it")?;
        let mut section = |name: &str| object(root.remove(name).unwrap_or_default(), name);
        let globals = section("Globals")?.remove("Function").unwrap_or_default();
        Ok(Self {
            parameters: section("Parameters")?,
            conditions: section("Conditions")?,
            mappings: section("Mappings")?,
            globals: object(globals, "Globals.Function")?,
            resources: section("Resources")?
                .into_iter()
                .map(|(id, value)| {
                    let resource = Resource::parse(&id, value)?;
                    Ok((id, resource))
                })
                .collect::<Result<_>>()?,
        })
    }
}

impl Resource {
    fn parse(id: &str, value: Value) -> Result<Self> {
        let place = format!("Resources.{id}");
        let mut fields = object(value, &place)?;
        let kind = fields.get("Type").and_then(Value::as_str).with_context(|| format!("{place} has no Type"))?;
        Ok(Self {
            kind: kind.to_owned(),
            condition: fields.get("Condition").and_then(Value::as_str).map(str::to_owned),
            metadata: fields.remove("Metadata").unwrap_or_default(),
            properties: object(fields.remove("Properties").unwrap_or_default(), &format!("{place}.Properties"))?,
        })
    }
}

/// An object, or an empty one for nothing.
fn object(value: Value, place: &str) -> Result<Map<String, Value>> {
    match value {
        Value::Null => Ok(Map::new()),
        Value::Object(object) => Ok(object),
        _ => Err(anyhow!("{place} is not a mapping")),
    }
}
