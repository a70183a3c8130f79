//! The parts of a SAM template that the stack reads, not yet resolved, with the templates of its nested stacks.

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
    pub(crate) resources: BTreeMap<String, TemplateResource>,
    /// `Outputs`, by name.
    pub(crate) outputs: Map<String, Value>,
    /// The templates of nested stacks that lie beside this one, by the stack's logical id.
    pub(crate) nested: BTreeMap<String, Template>,
}

/// Deeper than stacks are nested; only a template that holds itself gets here.
const MAX_NESTING: usize = 10;

impl Template {
    /// Reads the template in a file, and those of its nested stacks: a location is relative to the file that names it, as
    /// for `sam deploy`.
    ///
    /// # Errors
    /// A file cannot be read, is not a template, or holds itself.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        Self::read_at(path, 0)
    }

    fn read_at(path: &Path, depth: usize) -> Result<Self> {
        let place = || format!("template {}", path.display());
        ensure!(depth < MAX_NESTING, "{}: the templates hold each other", place());
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

    /// Reads the template in a text, without its nested stacks.
    ///
    /// # Errors
    /// The text is not YAML, or a section does not have its shape.
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
    /// Where the template of a nested stack lies on this machine.
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

/// An object, or an empty one for nothing.
fn object(value: Value, place: &str) -> Result<Map<String, Value>> {
    match value {
        Value::Null => Ok(Map::new()),
        Value::Object(object) => Ok(object),
        _ => Err(anyhow!("{place} is not a mapping")),
    }
}
