//! The templates as a reader sees them: every resource of the root stack and of the nested stacks, with each reference
//! followed to its target. Nothing gets a value: a table's ARN reads `AuthTable.Arn` wherever it is used.

use std::collections::BTreeMap;

use local_stack::template_json;
use serde_json::{Map, Value as Json, json};

use crate::tools::checkout;

const ROOT: &str = "template.yaml";

/// The text of `template.yaml` and of the templates it nests.
#[derive(Clone, Debug)]
pub struct Templates(BTreeMap<String, String>);

/// One stack: a template, with the name and parameters that the outer stack gives it.
struct Stack<'a> {
    json: Json,
    outer: Option<(&'a Stack<'a>, String)>,
    files: &'a BTreeMap<String, String>,
}

impl Templates {
    /// The templates of this checkout.
    pub fn read() -> Templates {
        let infra = std::fs::read_dir(checkout().join("infra")).expect("there are nested templates");
        let paths = infra.map(|entry| entry.expect("it can be listed").path());
        let templates = paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
        let nested = templates.map(|path| format!("infra/{}", path.file_name().expect("it is a file").display()));
        let read = |file: String| {
            let text = std::fs::read_to_string(checkout().join(&file)).expect("it can be read");
            (file, text)
        };
        Templates(nested.chain([ROOT.to_owned()]).map(read).collect())
    }

    /// The files, as `template.yaml` or `infra/data.yaml`.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// A copy in which the first `from` of one file is `to`.
    pub fn altered(&self, file: &str, from: &str, to: &str) -> Templates {
        let mut altered = self.clone();
        let text = altered.0.get_mut(file).unwrap_or_else(|| panic!("there is no {file}"));
        assert!(text.contains(from), "{file} does not contain {from:?}");
        *text = text.replacen(from, to, 1);
        altered
    }

    /// All resources of all stacks, by logical id. A function has the properties that `Globals` gives it.
    pub fn resources(&self) -> BTreeMap<String, Json> {
        let mut all = BTreeMap::new();
        self.root().collect(&mut all);
        all
    }

    /// The target of an output of the root stack.
    pub fn output(&self, name: &str) -> Json {
        let root = self.root();
        root.follow(&root.json["Outputs"][name]["Value"])
    }

    fn root(&self) -> Stack<'_> {
        Stack { json: parse(&self.0, ROOT), outer: None, files: &self.0 }
    }
}

fn parse(files: &BTreeMap<String, String>, file: &str) -> Json {
    let text = files.get(file).unwrap_or_else(|| panic!("there is no template {file}"));
    template_json(text).unwrap_or_else(|error| panic!("{file}: {error:#}"))
}

impl Stack<'_> {
    fn nested(&self, id: &str) -> Option<Stack<'_>> {
        let file = self.json["Resources"][id]["Properties"]["TemplateURL"].as_str()?;
        Some(Stack { json: parse(self.files, file), outer: Some((self, id.to_owned())), files: self.files })
    }

    fn collect(&self, all: &mut BTreeMap<String, Json>) {
        let globals = self.follow(&self.json["Globals"]["Function"]);
        for (id, resource) in self.json["Resources"].as_object().into_iter().flatten() {
            let mut resource = self.follow(resource);
            if resource["Type"] == "AWS::Serverless::Function" {
                let mut properties = globals.clone();
                merge(&mut properties, &resource["Properties"]);
                resource["Properties"] = properties;
            }
            if let Some(nested) = self.nested(id) {
                nested.collect(all);
            }
            assert!(all.insert(id.clone(), resource).is_none(), "two resources are called {id}");
        }
    }

    /// A value with its references followed.
    fn follow(&self, value: &Json) -> Json {
        match value {
            Json::Array(items) => items.iter().map(|item| self.follow(item)).collect(),
            Json::Object(object) => {
                let call = object.iter().next().filter(|_| object.len() == 1);
                match call.map(|(name, argument)| (name.as_str(), argument)) {
                    Some(("Ref", Json::String(name))) => self.reference(name),
                    Some(("Fn::GetAtt", Json::String(path))) => self.attribute(path),
                    Some(("Fn::Sub", argument)) => self.substitute(argument),
                    _ => Json::Object(object.iter().map(|(key, value)| (key.clone(), self.follow(value))).collect()),
                }
            }
            scalar => scalar.clone(),
        }
    }

    fn reference(&self, name: &str) -> Json {
        if let Some((outer, id)) = &self.outer {
            let given = &outer.json["Resources"][id]["Properties"]["Parameters"][name];
            if !given.is_null() {
                return outer.follow(given);
            }
            if name == "AWS::StackName" {
                return json!(format!("${{AWS::StackName}}-{id}"));
            }
        }
        let is_resource = self.json["Resources"].get(name).is_some();
        json!(if is_resource { name.to_owned() } else { format!("${{{name}}}") })
    }

    fn attribute(&self, path: &str) -> Json {
        let output = path.split_once(".Outputs.").and_then(|(id, name)| Some((self.nested(id)?, name)));
        output.map_or_else(|| json!(path), |(nested, name)| nested.follow(&nested.json["Outputs"][name]["Value"]))
    }

    /// The text with each `${…}` followed to its target; one whose target is no text stays as it was written.
    fn substitute(&self, argument: &Json) -> Json {
        let none = Map::new();
        let (text, variables) = match argument {
            Json::String(text) => (text.as_str(), &none),
            list => (list[0].as_str().unwrap_or_default(), list[1].as_object().unwrap_or(&none)),
        };
        let mut parts = text.split("${");
        let mut result = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').expect("a ${ has its }");
            let value = match variables.get(name) {
                Some(value) => self.follow(value),
                None if name.contains('.') => self.attribute(name),
                None => self.reference(name),
            };
            result += value.as_str().map_or_else(|| format!("${{{name}}}"), str::to_owned).as_str();
            result += rest;
        }
        json!(result)
    }
}

/// Puts a function's own properties over those of all functions, as SAM does: maps are merged, other values are
/// replaced.
fn merge(common: &mut Json, own: &Json) {
    match (common, own) {
        (Json::Object(common), Json::Object(own)) => {
            for (key, value) in own {
                merge(common.entry(key.clone()).or_insert(Json::Null), value);
            }
        }
        (common, own) => *common = own.clone(),
    }
}
