//! The resources that a template declares, resolved: tables, buckets, keys, functions and routes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use crate::cfn::intrinsics::Resolver;
use crate::cfn::template::TemplateResource;
use crate::dynamodb::TableDefinition;
use crate::gateway::routes::Route;
use crate::kms::KeyDefinition;
use crate::lambda::FunctionConfiguration;
use crate::lambda::streams::StreamSource;
use crate::scalar::scalar;

/// All resources that a stack has to provide.
#[derive(Debug, Default)]
pub(crate) struct StackResources {
    /// `AWS::DynamoDB::Table`.
    pub(crate) tables: Vec<TableDefinition>,
    /// The names of the `AWS::S3::Bucket`s.
    pub(crate) buckets: Vec<String>,
    /// `AWS::KMS::Key`.
    pub(crate) keys: Vec<KeyDefinition>,
    /// `AWS::KMS::Alias`: alias name and target key.
    pub(crate) aliases: Vec<(String, String)>,
    /// `AWS::Serverless::Function`.
    pub(crate) functions: Vec<FunctionConfiguration>,
    /// The routes of all functions.
    pub(crate) routes: Vec<Route>,
    /// The outputs of the root template that have a value here.
    pub(crate) outputs: BTreeMap<String, String>,
}

/// The properties of a table that `CreateTable` takes as they are.
const TABLE_PROPERTIES: [&str; 5] =
    ["AttributeDefinitions", "KeySchema", "LocalSecondaryIndexes", "GlobalSecondaryIndexes", "ProvisionedThroughput"];

impl StackResources {
    /// Resolves the template's resources, nested stacks included.
    ///
    /// # Errors
    /// A needed value cannot be resolved, or two resources have one name; the error names the place in the template.
    pub(crate) fn new(resolver: &Resolver<'_>) -> Result<Self> {
        let mut resources = Self::default();
        resources.add_all(resolver, &mut BTreeSet::new())?;
        // Some are of resources that only AWS has.
        let outputs = resolver.template.outputs.keys();
        resources.outputs = outputs.filter_map(|name| Some((name.clone(), resolver.output(name, 0).ok()?))).collect();
        Ok(resources)
    }

    fn add_all(&mut self, resolver: &Resolver<'_>, ids: &mut BTreeSet<String>) -> Result<()> {
        for (id, resource) in &resolver.template.resources {
            let stands = resource.condition.as_deref();
            if !stands.map_or(Ok(true), |name| resolver.condition(name, 0))? {
                continue;
            }
            let place = || format!("Resources.{id}");
            if let Some(nested) = resolver.nested(id).with_context(place)? {
                self.add_all(&nested, ids).with_context(place)?;
            } else {
                ensure!(ids.insert(id.clone()), "two of the nested stacks have a resource {id}");
                self.add(resolver, id, resource).with_context(place)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, resolver: &Resolver<'_>, id: &str, resource: &TemplateResource) -> Result<()> {
        let properties = Properties { resolver, map: &resource.properties };
        match resource.kind.as_str() {
            "AWS::DynamoDB::Table" => self.tables.push(properties.table(id)?),
            "AWS::S3::Bucket" => self.buckets.push(resolver.physical_id(id, 0)?),
            "AWS::KMS::Key" => {
                let spec = properties.text("KeySpec")?.unwrap_or("SYMMETRIC_DEFAULT".to_owned());
                let policy = properties.get("KeyPolicy")?.map(|policy| policy.to_string());
                let description = properties.text("Description")?.unwrap_or_default();
                self.keys.push(KeyDefinition {
                    id: resolver.physical_id(id, 0)?,
                    spec: spec.parse()?,
                    description,
                    policy,
                });
            }
            "AWS::KMS::Alias" => {
                let target = properties.text("TargetKeyId")?.context("needs a TargetKeyId")?;
                self.aliases.push((resolver.physical_id(id, 0)?, target));
            }
            "AWS::Serverless::Function" => {
                self.functions.push(properties.function(id, &resource.metadata)?);
                self.routes.extend(properties.routes(id)?);
            }
            _ => {}
        }
        Ok(())
    }
}

/// The properties of one resource. Each is resolved when it is asked for.
struct Properties<'a> {
    resolver: &'a Resolver<'a>,
    map: &'a Map<String, Value>,
}

impl Properties<'_> {
    fn get(&self, name: &str) -> Result<Option<Value>> {
        let value = self.map.get(name).map(|value| self.resolver.resolve(value, 0));
        Ok(value.transpose().with_context(|| format!("Properties.{name}"))?.flatten())
    }

    fn text(&self, name: &str) -> Result<Option<String>> {
        Ok(self.get(name)?.as_ref().and_then(scalar))
    }

    fn table(&self, id: &str) -> Result<TableDefinition> {
        let name = self.resolver.physical_id(id, 0)?;
        let mut create = Map::from_iter([("TableName".to_owned(), json!(name))]);
        for property in TABLE_PROPERTIES {
            if let Some(value) = self.get(property)? {
                create.insert(property.to_owned(), value);
            }
        }
        if let Some(mut stream) = self.get("StreamSpecification")? {
            // CloudFormation leaves out what its presence says.
            stream["StreamEnabled"] = json!(true);
            create.insert("StreamSpecification".to_owned(), stream);
        }
        let billing = self.text("BillingMode")?.unwrap_or("PROVISIONED".to_owned());
        create.insert("BillingMode".to_owned(), json!(billing));
        let time_to_live = self
            .get("TimeToLiveSpecification")?
            .filter(|ttl| ttl.get("Enabled").and_then(scalar).is_some_and(|enabled| enabled == "true"));
        let time_to_live = time_to_live.map(|ttl| {
            json!({
                "TableName": name,
                "TimeToLiveSpecification": {"AttributeName": ttl["AttributeName"], "Enabled": true},
            })
        });
        Ok(TableDefinition { create: Value::Object(create), time_to_live })
    }

    fn function(&self, id: &str, metadata: &Value) -> Result<FunctionConfiguration> {
        let globals = Properties { resolver: self.resolver, map: &self.resolver.template.globals };
        let setting = |name: &str, default: u32| -> Result<u32> {
            let own = self.text(name)?;
            let value = own.map_or_else(|| globals.text(name), |own| Ok(Some(own)))?;
            let value = value.map(|value| value.parse().with_context(|| format!("{name}: {value}")));
            Ok(value.transpose()?.unwrap_or(default))
        };
        let binary = match metadata.pointer("/BuildProperties/Binary").and_then(Value::as_str) {
            Some(binary) => binary.to_owned(),
            None => id.trim_end_matches("Function").to_ascii_lowercase(),
        };
        let logging = |name: &str| -> Result<Option<String>> {
            let own = self.member("LoggingConfig", name)?;
            own.map_or_else(|| globals.member("LoggingConfig", name), |own| Ok(Some(own)))
        };
        let mut environment = globals.variables().context("Globals.Function")?;
        environment.extend(self.variables()?);
        Ok(FunctionConfiguration {
            name: id.to_owned(),
            binary,
            environment,
            // SAM's defaults.
            timeout: Duration::from_secs(setting("Timeout", 3)?.into()),
            memory: setting("MemorySize", 128)?,
            log_format: logging("LogFormat")?.unwrap_or_else(|| "Text".to_owned()),
            log_level: logging("ApplicationLogLevel")?,
            streams: self.streams()?,
            is_scheduled: self.events("Schedule").next().is_some(),
        })
    }

    /// One member of a property. The others are not resolved.
    fn member(&self, property: &str, name: &str) -> Result<Option<String>> {
        let member = self.map.get(property).and_then(|property| property.get(name));
        let text = member.map(|member| self.resolver.text(member, 0));
        text.transpose().with_context(|| format!("Properties.{property}.{name}"))
    }

    fn variables(&self) -> Result<BTreeMap<String, String>> {
        let environment = self.map.get("Environment");
        let variables = environment.and_then(|it| it.get("Variables")).and_then(Value::as_object);
        let mut resolved = BTreeMap::new();
        for (name, value) in variables.into_iter().flatten() {
            let place = || format!("Environment.Variables.{name}");
            if let Some(value) = self.resolver.resolve(value, 0).with_context(place)? {
                resolved.insert(name.clone(), scalar(&value).context("not a scalar").with_context(place)?);
            }
        }
        Ok(resolved)
    }

    fn routes(&self, function: &str) -> Result<Vec<Route>> {
        let read = |(name, map): (&String, Map<String, Value>)| {
            let event = Properties { resolver: self.resolver, map: &map };
            event.route(function).with_context(|| format!("Events.{name}"))
        };
        self.events("HttpApi").map(read).collect()
    }

    fn streams(&self) -> Result<Vec<StreamSource>> {
        let read = |(name, map): (&String, Map<String, Value>)| {
            let event = Properties { resolver: self.resolver, map: &map };
            event.stream().with_context(|| format!("Events.{name}"))
        };
        self.events("DynamoDB").map(read).collect()
    }

    /// The function's events of a type: name and properties.
    fn events(&self, kind: &str) -> impl Iterator<Item = (&String, Map<String, Value>)> {
        let events = self.map.get("Events").and_then(Value::as_object).into_iter().flatten();
        let of_kind = events.filter(move |(_, event)| event.get("Type").and_then(Value::as_str) == Some(kind));
        let properties = |event: &Value| event.get("Properties").and_then(Value::as_object).cloned();
        of_kind.map(move |(name, event)| (name, properties(event).unwrap_or_default()))
    }

    fn stream(&self) -> Result<StreamSource> {
        let batch = self.text("BatchSize")?.map(|size| size.parse().context("BatchSize")).transpose()?.unwrap_or(100);
        let criteria = self.get("FilterCriteria")?.unwrap_or_default();
        let filters = criteria["Filters"].as_array().into_iter().flatten();
        let pattern = |filter: &Value| {
            let text = filter["Pattern"].as_str().context("a filter has no Pattern")?;
            serde_json::from_str(text).with_context(|| format!("the Pattern {text} is no JSON"))
        };
        Ok(StreamSource {
            arn: self.text("Stream")?.context("needs a Stream")?,
            batch,
            patterns: filters.map(pattern).collect::<Result<_>>()?,
        })
    }

    fn route(&self, function: &str) -> Result<Route> {
        let path = self.text("Path")?.unwrap_or("$default".to_owned());
        let method = self.text("Method")?.unwrap_or("ANY".to_owned()).to_ascii_uppercase();
        ensure!(path == "$default" || path.starts_with('/'), "the path {path:?} has no leading /");
        let method =
            if matches!(method.as_str(), "ANY" | "X-AMAZON-APIGATEWAY-ANY-METHOD") { None } else { Some(method) };
        Route::new(function, method, &path)
    }
}

#[cfg(test)]
mod tests;
