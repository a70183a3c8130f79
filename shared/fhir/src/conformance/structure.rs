//! A resource against R4's own definition of its type.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use super::fhirpath::{Around, Truth, judge};
use super::node::Node;
use super::primitive::{Fault, Primitive};
use super::reference::{Target, target};
use super::rule::Rule;
use super::table::{Element, TABLE, TypeId, Use};
use super::values::has_code;

/// The findings at an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that it breaks.
    pub rule: Rule,
    /// The element, such as `Observation.component[1].valueQuantity`.
    pub at: String,
    /// The fault, and what would be right.
    pub text: String,
}

/// A text that means another, or nothing, at its JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mend {
    pub rule: Rule,
    pub pointer: String,
    pub text: Option<String>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Name(&'a str),
    Place(usize),
}

/// A check of one resource.
pub(super) struct Structure<'a> {
    around: Around<'a>,
    path: Vec<Step<'a>>,
    pub findings: Vec<Finding>,
    pub mends: Vec<Mend>,
    /// Whether all of it could be checked.
    pub is_known: bool,
}

impl<'a> Structure<'a> {
    /// Checks a resource of a type that the table has.
    pub fn of(resource: &'a Json) -> Structure<'a> {
        let root = Node::resource(resource);
        let around = Around { resource: root, root };
        let (findings, mends) = (Vec::new(), Vec::new());
        let mut check = Structure { around, path: Vec::with_capacity(16), findings, mends, is_known: true };
        check.resource(root);
        check
    }

    fn resource(&mut self, node: Node<'a>) {
        let (Some(kind), Some(Json::Object(properties))) = (node.kind, node.json) else {
            self.is_known = false;
            return;
        };
        self.object(kind, properties);
        self.invariants(&TABLE.of(kind).invariants, node);
        self.contained(node);
    }

    fn find(&mut self, rule: Rule, text: String) {
        let at = self.at();
        self.findings.push(Finding { rule, at, text });
    }

    /// The way to the element, as `FHIRPath` writes it.
    fn at(&self) -> String {
        let mut at = self.around.root.type_name().to_owned();
        for step in &self.path {
            let _ = match step {
                Step::Name(name) => write!(at, ".{name}"),
                Step::Place(place) => write!(at, "[{place}]"),
            };
        }
        at
    }

    fn pointer(&self) -> String {
        self.path.iter().fold(String::new(), |mut pointer, step| {
            let _ = match step {
                Step::Name(name) => write!(pointer, "/{name}"),
                Step::Place(place) => write!(pointer, "/{place}"),
            };
            pointer
        })
    }

    fn within(&mut self, step: Step<'a>, check: impl FnOnce(&mut Structure<'a>)) {
        self.path.push(step);
        check(self);
        self.path.pop();
    }

    fn object(&mut self, kind: TypeId, properties: &'a Map<String, Json>) {
        let row = TABLE.of(kind);
        // The elements that are there: a type has at most 64. Of each `value[x]`, the property that was chosen.
        let (mut seen, mut chosen) = (0_u64, Vec::<(usize, &str)>::new());
        for (name, value) in properties {
            // The version and the moment of the last change are this server's to say, whatever the source writes.
            let is_ours = row.name == "Meta" && self.path.len() == 1 && matches!(&**name, "lastUpdated" | "versionId");
            if is_ours || name == "resourceType" {
                continue;
            }
            let (half, is_twin) = name.strip_prefix('_').map_or((name.as_str(), false), |half| (half, true));
            match row.property(half) {
                Some((number, element, of)) if !is_twin || TABLE.of(of.id).primitive.is_some() => {
                    seen |= 1 << (number & 63);
                    let first = chosen.iter().find(|(of_element, _)| *of_element == number).map(|(_, first)| *first);
                    if first.is_some_and(|first| first != of.property) {
                        self.within(Step::Name(name), |check| check.second(element, row.name));
                    }
                    if first.is_none() && element.uses.len() > 1 {
                        chosen.push((number, of.property));
                    }
                    self.within(Step::Name(name), |check| check.property(element, of, value, is_twin, properties));
                }
                _ => self.within(Step::Name(name), |check| {
                    let text = format!("R4 has no such element of {}", row.name);
                    check.find(Rule::Unknown, text);
                }),
            }
        }
        for (number, element) in row.elements.iter().enumerate() {
            if element.min > 0 && seen & (1 << (number & 63)) == 0 {
                let text = format!("`{}` is missing, which each {} has", shown(element), row.name);
                self.find(Rule::Missing, text);
            }
        }
    }

    fn second(&mut self, element: &Element, of: &str) {
        let text = format!("a second value beside another one of `{}`: each {of} has one at most", shown(element));
        self.find(Rule::Choice, text);
    }

    fn property(
        &mut self,
        element: &'static Element,
        of: &'static Use,
        value: &'a Json,
        is_twin: bool,
        around: &'a Map<String, Json>,
    ) {
        if element.max == 0 {
            self.find(Rule::TooMany, "R4 allows none here".to_owned());
        }
        match (element.is_list, value) {
            (true, Json::Array(items)) => {
                let other = around.get(if is_twin { of.property } else { of.twin }).filter(|_| !of.twin.is_empty());
                for (place, item) in items.iter().enumerate() {
                    let other = other.and_then(|other| other.get(place));
                    self.within(Step::Place(place), |check| check.item(element, of, item, is_twin, other));
                }
            }
            (false, Json::Array(_)) => self.find(Rule::Shape, "a list, and R4 has one value here".to_owned()),
            (true, _) => self.find(Rule::Shape, "no list, and R4 has a list here".to_owned()),
            (false, value) => {
                let other = around.get(if is_twin { of.property } else { of.twin }).filter(|_| !of.twin.is_empty());
                self.item(element, of, value, is_twin, other);
            }
        }
    }

    /// One value of an element; `other` is the other half of a primitive one.
    fn item(
        &mut self,
        element: &'static Element,
        of: &'static Use,
        value: &'a Json,
        is_twin: bool,
        other: Option<&'a Json>,
    ) {
        let row = TABLE.of(of.id);
        let other = other.filter(|other| !other.is_null());
        if is_twin {
            return self.twin(value, other.is_some());
        }
        let node = if let Some(primitive) = row.primitive {
            if value.is_null() && other.is_some() {
                return;
            }
            self.primitive(primitive, value);
            Node { json: Some(value), twin: other, kind: Some(of.id) }
        } else {
            let Json::Object(properties) = value else {
                return self.find(Rule::Shape, format!("it is {}, and R4 has an object here", kind_of(value)));
            };
            if of.kind == "Resource" {
                let node = Node::resource(value);
                let outer = self.around;
                self.around.resource = node;
                self.resource(node);
                self.around = outer;
                return;
            }
            self.part(of, value, properties)
        };
        self.invariants(&element.invariants, node);
        if let Some(codes) = element.codes.and_then(|codes| TABLE.codes(codes))
            && !has_code(node, codes)
        {
            let name = element.codes.unwrap_or_default();
            let text = format!("{} is none of R4's `{name}`", of_code(value));
            self.find(Rule::Code, text);
        }
    }

    /// An element with elements of its own.
    fn part(&mut self, of: &'static Use, value: &'a Json, properties: &'a Map<String, Json>) -> Node<'a> {
        self.object(of.id, properties);
        if properties.len() == usize::from(properties.contains_key("id")) {
            self.find(Rule::Invariant, "it has no value and no parts (ele-1)".to_owned());
        }
        let node = Node { json: Some(value), twin: None, kind: Some(of.id) };
        self.invariants(&TABLE.of(of.id).invariants, node);
        if of.kind == "Reference" {
            self.reference(of, node);
        }
        node
    }

    /// The other half of a primitive element: an id and extensions.
    fn twin(&mut self, value: &'a Json, has_value: bool) {
        match value {
            Json::Null if has_value => {}
            Json::Object(properties) => {
                if let Some(kind) = TABLE.id("Element") {
                    self.object(kind, properties);
                }
                if !has_value && !properties.contains_key("extension") {
                    self.find(Rule::Invariant, "it has no value and no parts (ele-1)".to_owned());
                }
            }
            other => self.find(Rule::Shape, format!("it is {}, and R4 has an object here", kind_of(other))),
        }
    }

    fn primitive(&mut self, primitive: Primitive, value: &Json) {
        match primitive.check(value) {
            Ok(()) => {}
            Err(Fault::Type(right)) => {
                self.find(Rule::Shape, format!("it is {}, and R4 has {right} here", kind_of(value)));
            }
            Err(Fault::Form(right)) => self.find(Rule::Format, format!("{} is not {right}", of_code(value))),
            Err(Fault::Means(rule, text)) => {
                self.find(rule, format!("{} is written `{text}`", of_code(value)));
                let pointer = self.pointer();
                self.mends.push(Mend { rule, pointer, text: Some(text) });
            }
            Err(Fault::Nothing) => {
                self.find(Rule::Placeholder, format!("{value} says nothing"));
                let pointer = self.pointer();
                self.mends.push(Mend { rule: Rule::Placeholder, pointer, text: None });
            }
        }
    }

    fn reference(&mut self, of: &Use, node: Node<'a>) {
        let to = target(node, self.around.root);
        let name = match to {
            Target::Contained(node) => node.type_name(),
            Target::Of(name) => name,
            Target::Unknown => "",
        };
        if !(name.is_empty() || of.targets.is_empty() || of.targets.contains(&name)) {
            self.find(Rule::Target, format!("it leads to a {name}, and R4 allows: {}", of.targets.join(", ")));
        }
        let text = node.get("reference").and_then(Json::as_str).unwrap_or_default();
        if text.starts_with('#') && matches!(to, Target::Unknown) {
            self.find(Rule::Invariant, format!("`{text}` is not contained in the resource (ref-1)"));
        }
    }

    /// Each contained resource is named in the resource, or names it (dom-3).
    fn contained(&mut self, node: Node<'a>) {
        let contained = node.children("contained");
        if contained.is_empty() {
            return;
        }
        let mut all = Vec::new();
        node.descendants(&mut all);
        let names = |id: &str| all.iter().any(|one| one.text().is_some_and(|text| text.strip_prefix('#') == Some(id)));
        for (place, one) in contained.iter().enumerate() {
            let mut inside = Vec::new();
            one.descendants(&mut inside);
            let is_named = one.get("id").and_then(Json::as_str).is_some_and(names);
            if !is_named && !inside.iter().any(|one| one.text() == Some("#")) {
                self.within(Step::Name("contained"), |check| {
                    check.within(Step::Place(place), |check| {
                        check.find(Rule::Invariant, "nothing in the resource refers to it (dom-3)".to_owned());
                    });
                });
            }
        }
    }

    fn invariants(&mut self, names: &[&'static str], node: Node<'a>) {
        for name in names {
            let Some(invariant) = TABLE.invariant(name) else { continue };
            match invariant
                .expression
                .as_ref()
                .map_or(Truth::Unknown, |expression| judge(expression, node, self.around))
            {
                Truth::Holds => {}
                Truth::Fails => self.find(Rule::Invariant, format!("{name} does not hold: {}", invariant.text)),
                Truth::Unknown => self.is_known = false,
            }
        }
    }
}

/// The element as R4 names it.
fn shown(element: &Element) -> String {
    let is_choice = element.uses.iter().any(|of| of.property != element.name);
    format!("{}{}", element.name, if is_choice { "[x]" } else { "" })
}

/// A value, as a sentence begins with it.
fn of_code(value: &Json) -> String {
    value.to_string().chars().take(100).collect()
}

fn kind_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}
