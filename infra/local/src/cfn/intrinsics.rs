//! CloudFormation's intrinsic functions: `Ref`, `Fn::GetAtt`, `Fn::Sub`, `Fn::Join`, `Fn::Split`, `Fn::Select`,
//! `Fn::FindInMap`, `Fn::If` and the condition functions.
//!
//! The name of a resource is known before it exists (see `physical`), so one pass over the template resolves
//! everything.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use crate::cfn::template::Template;
use crate::scalar::scalar;
use crate::{ACCOUNT, REGION};

/// The most steps of one resolution. Only a template that refers to itself takes more.
const MAX_DEPTH: usize = 100;

/// Resolves the values of one template with given parameters.
#[derive(Debug)]
pub(crate) struct Resolver<'a> {
    /// The template.
    pub(crate) template: &'a Template,
    parameters: BTreeMap<String, String>,
    /// The stack that this one is nested in.
    outer: Option<Outer<'a>>,
}

/// The outer stack of a nested stack.
#[derive(Debug)]
struct Outer<'a> {
    resolver: &'a Resolver<'a>,
    /// The nested stack's logical id.
    id: &'a str,
    /// The parameters it is given. Each is resolved when it is asked for, since others may name what this stack does
    /// not provide.
    parameters: Option<&'a Map<String, Value>>,
}

impl<'a> Resolver<'a> {
    /// A resolver of the root template, with the given parameters and the defaults of the others.
    ///
    /// # Errors
    /// A given parameter that the template does not have.
    pub(crate) fn new(template: &'a Template, given: &BTreeMap<String, String>) -> Result<Self> {
        let mut parameters = BTreeMap::new();
        for (name, declaration) in &template.parameters {
            if let Some(default) = declaration.get("Default").and_then(scalar) {
                parameters.insert(name.clone(), default);
            }
        }
        for (name, value) in given {
            ensure!(template.parameters.contains_key(name), "the template has no parameter {name}");
            parameters.insert(name.clone(), value.clone());
        }
        Ok(Self { template, parameters, outer: None })
    }

    /// The resolver of the nested stack with this logical id; `None` if its template is not on this machine.
    ///
    /// # Errors
    /// It is given a parameter that its template does not have.
    pub(crate) fn nested(&'a self, id: &str) -> Result<Option<Self>> {
        let Some((id, template)) = self.template.nested.get_key_value(id) else { return Ok(None) };
        let resource = self.template.resources.get(id);
        let parameters = resource.and_then(|resource| resource.properties.get("Parameters")).and_then(Value::as_object);
        for name in parameters.into_iter().flatten().map(|(name, _)| name) {
            ensure!(template.parameters.contains_key(name), "the template of {id} has no parameter {name}");
        }
        let mut nested = Self::new(template, &BTreeMap::new())?;
        nested.outer = Some(Outer { resolver: self, id, parameters });
        Ok(Some(nested))
    }

    /// An output of this stack.
    ///
    /// # Errors
    /// There is no such output, or it cannot be resolved.
    pub(crate) fn output(&self, name: &str, depth: usize) -> Result<String> {
        let value = self.template.outputs.get(name).and_then(|output| output.get("Value"));
        let value = value.with_context(|| format!("there is no output {name}"))?;
        self.text(value, depth).with_context(|| format!("Outputs.{name}"))
    }

    /// `AWS::StackName`. A nested stack is named after its outer stack.
    fn stack_name(&self) -> String {
        self.outer.as_ref().map_or("local".to_owned(), |outer| format!("{}-{}", outer.resolver.stack_name(), outer.id))
    }

    /// A parameter's value: the one that the outer stack gives, else the given one, else the default.
    fn parameter(&self, name: &str, depth: usize) -> Result<String> {
        if let Some(outer) = &self.outer
            && let Some(value) = outer.parameters.and_then(|parameters| parameters.get(name))
        {
            return outer
                .resolver
                .text(value, depth)
                .with_context(|| format!("parameter {name} of the nested stack {}", outer.id));
        }
        self.parameters.get(name).cloned().with_context(|| format!("parameter {name} needs a value"))
    }

    /// Resolves a value; `None` is `AWS::NoValue`, the absence of the property.
    ///
    /// # Errors
    /// An intrinsic that is malformed or unknown, or names something that does not exist.
    pub(crate) fn resolve(&self, value: &Value, depth: usize) -> Result<Option<Value>> {
        ensure!(depth < MAX_DEPTH, "the template refers to itself");
        let depth = depth + 1;
        Ok(Some(match value {
            Value::Object(object) => {
                if let Some((name, argument)) = intrinsic(object) {
                    return self
                        .call(name, argument, depth)
                        .with_context(|| format!("cannot resolve {name} {argument}"));
                }
                let mut resolved = Map::new();
                for (key, value) in object {
                    if let Some(value) = self.resolve(value, depth)? {
                        resolved.insert(key.clone(), value);
                    }
                }
                Value::Object(resolved)
            }
            Value::Array(items) => Value::Array(self.list(items, depth)?),
            scalar => scalar.clone(),
        }))
    }

    /// Resolves a value that must exist and be a scalar.
    ///
    /// # Errors
    /// As [`Resolver::resolve`], or the value is not a scalar.
    pub(crate) fn text(&self, value: &Value, depth: usize) -> Result<String> {
        let resolved = self.resolve(value, depth)?;
        resolved.as_ref().and_then(scalar).with_context(|| format!("{value} is not a scalar"))
    }

    /// Whether a named condition holds.
    ///
    /// # Errors
    /// The condition does not exist or cannot be resolved.
    pub(crate) fn condition(&self, name: &str, depth: usize) -> Result<bool> {
        let condition = self.template.conditions.get(name);
        self.test(condition.with_context(|| format!("there is no condition {name}"))?, depth)
            .with_context(|| format!("Conditions.{name}"))
    }

    fn call(&self, name: &str, argument: &Value, depth: usize) -> Result<Option<Value>> {
        let text = match name {
            "Ref" if argument == "AWS::NoValue" => return Ok(None),
            "Ref" => return self.reference(argument, depth).map(Some),
            "Fn::If" => return self.choose(argument, depth),
            "Fn::Select" => return self.select(argument, depth).map(Some),
            "Fn::FindInMap" => return self.find_in_map(argument, depth).map(Some),
            "Fn::Split" => {
                let [separator, text] = arguments(argument)?;
                let (separator, text) = (self.text(separator, depth)?, self.text(text, depth)?);
                let parts = text.split(&separator).map(Value::from).collect();
                return Ok(Some(Value::Array(parts)));
            }
            "Fn::GetAtt" => self.attribute(argument, depth)?,
            "Fn::Sub" => self.substitute(argument, depth)?,
            "Fn::Join" => {
                let [separator, items] = arguments(argument)?;
                let items = self.resolve(items, depth)?;
                let items = items.as_ref().and_then(Value::as_array).context("no list to join")?;
                let items: Option<Vec<String>> = items.iter().map(scalar).collect();
                items.context("an item is not a scalar")?.join(&self.text(separator, depth)?)
            }
            _ => bail!("this stack does not know that function"),
        };
        Ok(Some(Value::String(text)))
    }

    fn reference(&self, argument: &Value, depth: usize) -> Result<Value> {
        let name = argument.as_str().context("a Ref takes one name")?;
        if let Some(declaration) = self.template.parameters.get(name) {
            let value = self.parameter(name, depth)?;
            let kind = declaration.get("Type").and_then(Value::as_str).unwrap_or_default();
            let list = kind == "CommaDelimitedList" || kind.starts_with("List<");
            return Ok(match list {
                true => value.split(',').map(|item| Value::from(item.trim())).collect(),
                false => Value::from(value),
            });
        }
        Ok(Value::from(match name {
            "AWS::Region" => REGION.to_owned(),
            "AWS::AccountId" => ACCOUNT.to_owned(),
            "AWS::Partition" => "aws".to_owned(),
            "AWS::StackName" => self.stack_name(),
            "AWS::URLSuffix" => "amazonaws.com".to_owned(),
            "AWS::StackId" => {
                format!("arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{}/local", self.stack_name())
            }
            _ => self.physical_id(name, depth)?,
        }))
    }

    fn attribute(&self, argument: &Value, depth: usize) -> Result<String> {
        let (id, attribute) = match argument {
            Value::String(path) => {
                let (id, attribute) = path.split_once('.').context("needs Resource.Attribute")?;
                (id.to_owned(), attribute.to_owned())
            }
            list => {
                let [id, attribute] = arguments(list)?;
                (self.text(id, depth)?, self.text(attribute, depth)?)
            }
        };
        self.physical_attribute(&id, &attribute, depth)
    }

    fn substitute(&self, argument: &Value, depth: usize) -> Result<String> {
        let none = Map::new();
        let (text, variables) = match argument {
            Value::String(text) => (text.as_str(), &none),
            list => {
                let [text, variables] = arguments(list)?;
                (
                    text.as_str().context("the first argument must be the text")?,
                    variables.as_object().context("the second argument must hold the variables")?,
                )
            }
        };
        let mut result = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').context("a ${ without its }")?;
            result.push_str(before);
            rest = after;
            let value = match (name.strip_prefix('!'), variables.get(name.trim())) {
                // `${!Literal}` stands for `${Literal}`, unresolved.
                (Some(literal), _) => format!("${{{literal}}}"),
                (None, Some(value)) => self.text(value, depth)?,
                (None, None) if name.contains('.') => self.attribute(&name.trim().into(), depth)?,
                (None, None) => {
                    scalar(&self.reference(&name.trim().into(), depth)?).with_context(|| format!("{name} is a list"))?
                }
            };
            result.push_str(&value);
        }
        result.push_str(rest);
        Ok(result)
    }

    fn choose(&self, argument: &Value, depth: usize) -> Result<Option<Value>> {
        let [condition, yes, no] = arguments(argument)?;
        let name = condition.as_str().context("the first argument must name a condition")?;
        self.resolve(if self.condition(name, depth)? { yes } else { no }, depth)
    }

    fn select(&self, argument: &Value, depth: usize) -> Result<Value> {
        let [index, items] = arguments(argument)?;
        let index: usize = self.text(index, depth)?.parse().context("the index is not a number")?;
        let items = self.resolve(items, depth)?;
        let items = items.as_ref().and_then(Value::as_array).context("no list to select from")?;
        items.get(index).cloned().with_context(|| format!("the list has no item {index}"))
    }

    fn find_in_map(&self, argument: &Value, depth: usize) -> Result<Value> {
        let [map, key, second] = arguments(argument)?;
        let [map, key, second] = [self.text(map, depth)?, self.text(key, depth)?, self.text(second, depth)?];
        let found = self.template.mappings.get(&map).and_then(|map| map.get(&key)?.get(&second));
        found.cloned().with_context(|| format!("there is no Mappings.{map}.{key}.{second}"))
    }

    fn test(&self, condition: &Value, depth: usize) -> Result<bool> {
        ensure!(depth < MAX_DEPTH, "the conditions refer to each other");
        let depth = depth + 1;
        let single = condition.as_object().filter(|object| object.len() == 1);
        let (name, argument) = single
            .and_then(|object| object.iter().next())
            .with_context(|| format!("{condition} is not a condition"))?;
        let all = || -> Result<Vec<bool>> {
            let tests = argument.as_array().context("needs a list of conditions")?;
            tests.iter().map(|test| self.test(test, depth)).collect()
        };
        match name.as_str() {
            "Condition" => self.condition(argument.as_str().unwrap_or_default(), depth),
            "Fn::Equals" => {
                let [left, right] = arguments(argument)?;
                Ok(self.text(left, depth)? == self.text(right, depth)?)
            }
            "Fn::Not" => Ok(!*all()?.first().context("needs a condition")?),
            "Fn::And" => Ok(all()?.into_iter().all(|holds| holds)),
            "Fn::Or" => Ok(all()?.into_iter().any(|holds| holds)),
            _ => bail!("this stack does not know the condition function {name}"),
        }
    }

    fn list(&self, items: &[Value], depth: usize) -> Result<Vec<Value>> {
        items.iter().filter_map(|item| self.resolve(item, depth).transpose()).collect()
    }
}

/// The function and argument of an object that is an intrinsic.
fn intrinsic(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = object.iter().next()?;
    let is_function = name == "Ref" || name.starts_with("Fn::");
    (object.len() == 1 && is_function).then_some((name.as_str(), argument))
}

/// The arguments of a function that takes exactly `N`.
fn arguments<const N: usize>(value: &Value) -> Result<&[Value; N]> {
    let list = value.as_array().and_then(|list| list.as_slice().try_into().ok());
    list.with_context(|| format!("needs a list of {N}"))
}

#[cfg(test)]
mod tests;
