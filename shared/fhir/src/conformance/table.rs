//! The tables of HL7's definitions, as `r4.txt` and `profiles.txt` write them.
//!
//! Each line is a row; a blank at its beginning is one level of depth.
//!
//! ```text
//! type Observation < DomainResource !obs-6       a type, the type it is made from, and its invariants
//!  status 1..1 code #observation-status          an element: how many, of which types, with codes of which value set
//!  subject 0..1 Reference(Device/Patient)        a reference and the types it may lead to
//! profile http://… 6.1.0,7.0.0 Observation !vs-2 a profile, the sets of guides that have it so, and its type
//!  category 1..* by=coding.code,coding.system    an element with slices, which its parts tell apart
//!   :VSCat 1..1                                  a slice
//!  code ~{"coding":[{"code":"85354-9"}]}         a pattern (`=` is a fixed value)
//! invariant vs-2 (component.empty() …            an invariant and its expression in `FHIRPath`
//! codes observation-status                       a value set
//!  http://… registered preliminary               a system, and its codes in the set; `*` is all
//! ```
//!
//! `tests/api/definitions.rs` makes both files from HL7's packages, and compares them.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value as Json;

use super::fhirpath::Expression;
use super::primitive::Primitive;
use crate::guides::{Guide, Guides};

/// The tables, read once.
pub(super) static TABLE: LazyLock<Table> =
    LazyLock::new(|| Table::read(&[include_str!("r4.txt"), include_str!("profiles.txt")]));

/// The place of a type in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct TypeId(u16);

/// All types, profiles, value sets and invariants.
#[derive(Default)]
pub(super) struct Table {
    types: Vec<Type>,
    names: HashMap<&'static str, TypeId>,
    profiles: HashMap<&'static str, Vec<Profile>>,
    codes: HashMap<&'static str, Codes>,
    invariants: HashMap<&'static str, Invariant>,
}

/// A resource type, a datatype or a part of one.
#[derive(Default)]
pub(super) struct Type {
    pub name: &'static str,
    parent: Option<&'static str>,
    /// Its form, if it is a primitive type.
    pub primitive: Option<Primitive>,
    /// With those of the types that it is made from.
    pub elements: Vec<Element>,
    pub invariants: Vec<&'static str>,
    /// The properties in JSON, by name: the element, and which of its types.
    properties: Vec<(&'static str, u16, u16)>,
    /// The elements and invariants with those of its parents, while the table is read.
    flat: Option<(Vec<Element>, Vec<&'static str>)>,
}

impl Type {
    /// The element that a property of JSON is, and its type.
    pub fn property(&self, name: &str) -> Option<(usize, &Element, &Use)> {
        let at = self.properties.binary_search_by(|(known, ..)| (*known).cmp(name)).ok()?;
        let (_, element, of) = self.properties[at];
        let element = usize::from(element);
        Some((element, &self.elements[element], &self.elements[element].uses[usize::from(of)]))
    }

    /// The element of a name, such as `value` of `value[x]`.
    pub fn element(&self, name: &str) -> Option<&Element> {
        self.elements.iter().find(|element| element.name == name)
    }
}

/// An element of a type.
#[derive(Clone)]
pub(super) struct Element {
    /// Without `[x]`.
    pub name: &'static str,
    pub min: u32,
    pub max: u32,
    /// Whether JSON has it as a list.
    pub is_list: bool,
    pub uses: Vec<Use>,
    pub codes: Option<&'static str>,
    pub invariants: Vec<&'static str>,
}

/// A type that an element may have.
#[derive(Clone)]
pub(super) struct Use {
    pub kind: &'static str,
    pub id: TypeId,
    /// The property of JSON, and that of its other half; empty, where the type is not a primitive one.
    pub property: &'static str,
    pub twin: &'static str,
    /// The resource types that a reference may lead to; none, if it may lead to any.
    pub targets: Vec<&'static str>,
}

/// A profile's definition, in some sets of guides.
pub(super) struct Profile {
    sets: &'static str,
    pub on: &'static str,
    pub root: Part,
}

/// The demands of a profile on an element, or on a slice.
#[derive(Default)]
pub(super) struct Part {
    /// Without `[x]` and `:`.
    pub name: &'static str,
    pub min: u32,
    pub max: Option<u32>,
    /// The types that are left, each with the targets of a reference.
    pub types: Vec<(&'static str, Vec<&'static str>)>,
    /// The definition of an extension.
    pub extension: Option<&'static str>,
    pub codes: Option<&'static str>,
    pub invariants: Vec<&'static str>,
    pub fixed: Option<Json>,
    pub pattern: Option<Json>,
    /// The elements that tell its slices apart.
    pub by: Vec<&'static str>,
    pub is_closed: bool,
    pub parts: Vec<Part>,
    pub slices: Vec<Part>,
}

/// A value set: by system, all codes or some.
#[derive(Default)]
pub(super) struct Codes(pub Vec<(&'static str, Option<Vec<&'static str>>)>);

/// An invariant; without an expression, if it is not understood.
pub(super) struct Invariant {
    pub expression: Option<Expression>,
    /// As it is published.
    pub text: &'static str,
}

impl Table {
    pub fn of(&self, id: TypeId) -> &Type {
        &self.types[usize::from(id.0)]
    }

    pub fn id(&self, name: &str) -> Option<TypeId> {
        self.names.get(name).copied()
    }

    /// The definition that a set of guides has of a profile.
    pub fn profile(&self, url: &str, guides: Guides) -> Option<&Profile> {
        let set = guides.version(Guide::UsCore)?;
        self.profiles.get(url)?.iter().find(|profile| profile.sets.split(',').any(|of| of == set))
    }

    pub fn codes(&self, name: &str) -> Option<&Codes> {
        self.codes.get(name)
    }

    pub fn invariant(&self, name: &str) -> Option<&Invariant> {
        self.invariants.get(name)
    }

    fn read(texts: &[&'static str]) -> Table {
        let mut table = Table::default();
        for name in Primitive::NAMES {
            table.add(Type { name, primitive: Primitive::named(name), ..Type::default() });
        }
        for text in texts {
            let mut lines = text.lines().peekable();
            while let Some(line) = lines.next() {
                let mut below = Vec::new();
                while let Some(line) = lines.next_if(|line| line.starts_with(' ')) {
                    below.push(line);
                }
                table.block(line, &below);
            }
        }
        table.flatten();
        table
    }

    fn add(&mut self, kind: Type) {
        let id = TypeId(u16::try_from(self.types.len()).unwrap_or(u16::MAX));
        self.names.insert(kind.name, id);
        self.types.push(kind);
    }

    fn block(&mut self, line: &'static str, below: &[&'static str]) {
        let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
        match what {
            "type" => {
                let mut kind = Type::default();
                let mut words = rest.split(' ');
                kind.name = words.next().unwrap_or_default();
                while let Some(word) = words.next() {
                    match word.strip_prefix('!') {
                        Some(invariant) => kind.invariants.push(invariant),
                        None => kind.parent = words.next(),
                    }
                }
                kind.elements = below.iter().map(|line| element(line.trim_start())).collect();
                self.add(kind);
            }
            "profile" => {
                let mut words = rest.splitn(4, ' ');
                let mut next = || words.next().unwrap_or_default();
                let (url, sets, on, invariants) = (next(), next(), next(), next());
                let named = invariants.split(' ').filter_map(|word| word.strip_prefix('!')).collect();
                let mut root = Part { invariants: named, ..Part::default() };
                parts(&mut root, below, 1);
                // The parts that tell a profile from its sisters are compared first.
                root.parts.sort_by_key(|part| part.pattern.is_none() && part.fixed.is_none());
                self.profiles.entry(url).or_default().push(Profile { sets, on, root });
            }
            "codes" => {
                let system = |line: &&'static str| {
                    let (system, codes) = line.trim_start().split_once(' ').unwrap_or_default();
                    (system, (codes != "*").then(|| codes.split(' ').collect()))
                };
                self.codes.insert(rest, Codes(below.iter().map(system).collect()));
            }
            _ => {
                let (name, text) = rest.split_once(' ').unwrap_or_default();
                self.invariants.insert(name, Invariant { expression: Expression::parse(text), text });
            }
        }
    }

    /// Gives each type what those have that it is made from, and finds the types that elements name.
    fn flatten(&mut self) {
        for at in 0..self.types.len() {
            let (mut elements, mut invariants) = (Vec::<Element>::new(), Vec::new());
            let mut line = vec![&self.types[at]];
            while let Some(parent) = line[line.len() - 1].parent.and_then(|parent| self.id(parent)) {
                line.push(self.of(parent));
            }
            for kind in line.into_iter().rev() {
                invariants.extend(kind.invariants.iter().copied());
                for element in &kind.elements {
                    match elements.iter_mut().find(|known| known.name == element.name) {
                        Some(known) => known.clone_from(element),
                        None => elements.push(element.clone()),
                    }
                }
            }
            let mut properties = Vec::new();
            for (number, element) in (0u16..).zip(&mut elements) {
                for (of, kind) in (0u16..).zip(&mut element.uses) {
                    kind.id = self.names.get(kind.kind).copied().unwrap_or(TypeId(0));
                    if self.of(kind.id).primitive.is_none() {
                        kind.twin = "";
                    }
                    properties.push((kind.property, number, of));
                }
            }
            properties.sort_unstable();
            let kind = &mut self.types[at];
            (kind.properties, kind.flat) = (properties, Some((elements, invariants)));
        }
        for kind in &mut self.types {
            (kind.elements, kind.invariants) = kind.flat.take().unwrap_or_default();
        }
    }
}

/// How many: `1..*`.
fn cardinality(word: &str) -> Option<(u32, u32)> {
    let (min, max) = word.split_once("..")?;
    Some((min.parse().ok()?, if max == "*" { u32::MAX } else { max.parse().ok()? }))
}

/// `Quantity,Reference(Patient/Group)`: each type with its targets.
fn types(word: &'static str) -> Vec<(&'static str, Vec<&'static str>)> {
    let of = |kind: &'static str| match kind.split_once('(') {
        Some((kind, targets)) => (kind, targets.trim_end_matches(')').split('/').collect()),
        None => (kind, Vec::new()),
    };
    word.split(',').map(of).collect()
}

fn element(line: &'static str) -> Element {
    let mut words = line.split(' ');
    let name = words.next().unwrap_or_default();
    let (min, max) = words.next().and_then(cardinality).unwrap_or((0, u32::MAX));
    let (stem, is_choice) = name.strip_suffix("[x]").map_or((name, false), |stem| (stem, true));
    let uses = types(words.next().unwrap_or_default()).into_iter().map(|(kind, targets)| {
        let property = if is_choice { kept(format!("{stem}{}", capitalized(kind))) } else { stem };
        Use { kind, id: TypeId(0), property, twin: kept(format!("_{property}")), targets }
    });
    let mut element =
        Element { name: stem, min, max, is_list: max > 1, uses: uses.collect(), codes: None, invariants: Vec::new() };
    for word in words {
        match word.split_at(1) {
            ("#", codes) => element.codes = Some(codes),
            (_, invariant) => element.invariants.push(invariant),
        }
    }
    element
}

/// `SimpleQuantity` is a profile: JSON names its type.
fn capitalized(kind: &str) -> String {
    let kind = if kind == "SimpleQuantity" { "Quantity" } else { kind };
    kind[..1].to_ascii_uppercase() + &kind[1..]
}

/// A text of the table, which lives as long as the program.
fn kept(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// The lines at `depth` are parts of `whole`, each with the deeper lines behind it.
fn parts(whole: &mut Part, lines: &[&'static str], depth: usize) {
    let is_deeper = |line: &&'static str| line.as_bytes().get(depth) == Some(&b' ');
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let length = lines[at + 1..].iter().take_while(|line| is_deeper(line)).count();
        let (is_slice, mut part) = part(&line[depth..]);
        parts(&mut part, &lines[at + 1..=at + length], depth + 1);
        if is_slice { &mut whole.slices } else { &mut whole.parts }.push(part);
        at += 1 + length;
    }
}

fn part(line: &'static str) -> (bool, Part) {
    let (words, value) = match line.find([' ']).and_then(|_| value_in(line)) {
        Some(at) => {
            (&line[..at - 1], Some((&line[at..=at], serde_json::from_str(&line[at + 1..]).unwrap_or_default())))
        }
        None => (line, None),
    };
    let mut words = words.split(' ');
    let name = words.next().unwrap_or_default();
    let name_alone = name.trim_start_matches(':').trim_end_matches("[x]");
    let mut part = Part { name: name_alone, ..Part::default() };
    for word in words {
        match (word.split_at(1), cardinality(word)) {
            (_, Some((min, max))) => (part.min, part.max) = (min, Some(max)),
            (("#", codes), _) => part.codes = Some(codes),
            (("!", invariant), _) => part.invariants.push(invariant),
            (("^", url), _) => part.extension = Some(url),
            _ if word == "closed" => part.is_closed = true,
            _ => match word.strip_prefix("by=") {
                Some(by) => part.by = by.split(',').collect(),
                None => part.types = types(word),
            },
        }
    }
    match value {
        Some(("=", value)) => part.fixed = Some(value),
        Some((_, value)) => part.pattern = Some(value),
        None => {}
    }
    (name.starts_with(':'), part)
}

/// Where a fixed value or a pattern begins.
fn value_in(line: &str) -> Option<usize> {
    let starts = line.match_indices(' ').map(|(at, _)| at + 1);
    starts.into_iter().find(|at| matches!(line.as_bytes().get(*at), Some(b'=' | b'~')))
}

#[cfg(test)]
mod tests;
