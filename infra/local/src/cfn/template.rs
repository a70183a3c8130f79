//! A SAM template and those of its nested stacks: the sections that the stack reads, not yet resolved.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Map, Value};

/// One entry of the template's `Resources`.
#[derive(Debug)]
pub(crate) struct TemplateResource {
    /// Its `Type`, for example `AWS::DynamoDB::Table`.
    pub(crate) kind: String,
    /// Its `Properties`.
    pub(crate) properties: Map<String, Value>,
    /// Its `Metadata`.
    pub(crate) metadata: Value,
    /// The name of its `Condition`.
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
    pub(crate) resources: BTreeMap<String, TemplateResource>,
    /// `Outputs`, by name.
    pub(crate) outputs: Map<String, Value>,
    /// The templates of nested stacks that are files on this machine, by the stack's logical id.
    pub(crate) nested: BTreeMap<String, Template>,
}

/// The most levels of nested stacks. Only a template that contains itself has more.
const MAX_NESTING: usize = 10;

impl Template {
    /// Reads the template in a file, and those of its nested stacks. A location is relative to the file that names it,
    /// as for `sam deploy`.
    ///
    /// # Errors
    /// A file cannot be read, is not a template, or contains itself.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        Self::read_at(path, 0)
    }

    fn read_at(path: &Path, depth: usize) -> Result<Self> {
        let place = || format!("template {}", path.display());
        ensure!(depth < MAX_NESTING, "{}: the templates contain each other", place());
        let text = std::fs::read_to_string(path).with_context(place)?;
        let mut template = Self::parse(&text).with_context(place)?;
        for (id, resource) in &template.resources {
            if let Some(location) = resource.location() {
                let nested = Self::read_at(&path.with_file_name(location), depth + 1)?;
                template.nested.insert(id.clone(), nested);
            }
        }
        Ok(template)
    }

    /// Reads a template from text, without its nested stacks.
    ///
    /// # Errors
    /// The text is not YAML, or a section does not have the shape of that section.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut root = object(crate::cfn::yaml::template_json(text)?, "it")?;
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
                    let resource = TemplateResource::parse(&id, value)?;
                    Ok((id, resource))
                })
                .collect::<Result<_>>()?,
            outputs: section("Outputs")?,
            nested: BTreeMap::new(),
        })
    }
}

impl TemplateResource {
    /// The path of the template of a nested stack, if it is on this machine.
    fn location(&self) -> Option<&str> {
        let property = match self.kind.as_str() {
            "AWS::CloudFormation::Stack" => "TemplateURL",
            "AWS::Serverless::Application" => "Location",
            _ => return None,
        };
        let location = self.properties.get(property).and_then(Value::as_str);
        location.filter(|location| !location.contains("://"))
    }

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

/// The value as an object; null is an empty one.
fn object(value: Value, place: &str) -> Result<Map<String, Value>> {
    match value {
        Value::Null => Ok(Map::new()),
        Value::Object(object) => Ok(object),
        _ => Err(anyhow!("{place} is not a mapping")),
    }
}
