//! A resource against a profile: what the profile's whole snapshot adds to R4's own definition of the type.

use std::fmt;

use serde_json::Value as Json;

use super::fhirpath::{Around, Truth, judge};
use super::node::Node;
use super::reference::{Target, target};
use super::table::{Part, TABLE};
use super::values::{has_code, has_pattern, is_equal};
use crate::guides::Guides;

/// Why a resource does not meet a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Miss {
    /// The names of the elements, the innermost first.
    pub path: Vec<&'static str>,
    pub why: Why,
}

/// A requirement of a profile that an element does not meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    TooFew,
    TooMany,
    Type,
    Value,
    Code,
    Invariant(&'static str),
    /// No slice has it, and the slices are all there may be.
    NoSlice,
    /// It cannot be checked.
    Unknown,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::TooFew => f.write_str("is missing, or is there too seldom"),
            Why::TooMany => f.write_str("is there too often"),
            Why::Type => f.write_str("has another type, or leads to another type of resource, than the profile allows"),
            Why::Value => f.write_str("has another value than the profile fixes"),
            Why::Code => f.write_str("has no code of the value set that the profile demands"),
            Why::Invariant(name) => write!(f, "breaks the profile's invariant {name}"),
            Why::NoSlice => f.write_str("is none of what the profile allows there"),
            Why::Unknown => f.write_str("cannot be checked"),
        }
    }
}

type Met = Result<(), Miss>;

fn miss(why: Why) -> Met {
    Err(Miss { path: Vec::new(), why })
}

/// A check of a resource against profiles of a set of guides.
#[derive(Clone, Copy)]
pub(super) struct Profiles<'a> {
    pub guides: Guides,
    pub around: Around<'a>,
}

impl<'a> Profiles<'a> {
    /// Whether the resource meets a profile of its type.
    pub fn meets(self, url: &str) -> Met {
        match TABLE.profile(url, self.guides) {
            Some(profile) if profile.on == self.around.root.type_name() => self.holds(&profile.root, self.around.root),
            Some(_) => miss(Why::Type),
            None => miss(Why::Unknown),
        }
    }

    /// Whether an element has what the profile says of it.
    fn holds(self, part: &Part, node: Node<'a>) -> Met {
        self.types(part, node)?;
        if let Some(json) = node.json {
            if part.fixed.as_ref().is_some_and(|fixed| !is_equal(json, fixed)) {
                return miss(Why::Value);
            }
            if part.pattern.as_ref().is_some_and(|pattern| !has_pattern(json, pattern)) {
                return miss(Why::Value);
            }
        } else if part.fixed.is_some() || part.pattern.is_some() {
            return miss(Why::Value);
        }
        if let Some(codes) = part.codes {
            match TABLE.codes(codes) {
                Some(codes) if has_code(node, codes) => {}
                Some(_) => return miss(Why::Code),
                None => return miss(Why::Unknown),
            }
        }
        for inner in &part.parts {
            self.part(inner, node).map_err(|mut miss| {
                miss.path.push(inner.name);
                miss
            })?;
        }
        if let Some(url) = part.extension {
            match TABLE.profile(url, self.guides) {
                Some(definition) => self.holds(&definition.root, node)?,
                None => return miss(Why::Unknown),
            }
        }
        for name in &part.invariants {
            let expression = TABLE.invariant(name).and_then(|invariant| invariant.expression.as_ref());
            match expression.map_or(Truth::Unknown, |expression| judge(expression, node, self.around)) {
                Truth::Holds => {}
                Truth::Fails => return miss(Why::Invariant(name)),
                Truth::Unknown => return miss(Why::Unknown),
            }
        }
        Ok(())
    }

    /// Whether the types of an element, and the target of a reference, are left by the profile.
    fn types(self, part: &Part, node: Node<'a>) -> Met {
        if part.types.is_empty() {
            return Ok(());
        }
        let name = node.type_name();
        let quantity = |name: &str| name.ends_with("Quantity");
        let is_it = |kind: &str| kind == name || (quantity(kind) && quantity(name));
        let Some((_, targets)) = part.types.iter().find(|(kind, _)| is_it(kind)) else {
            // A part of a type has no name of its own in a profile.
            return if name.is_empty() || name.contains('.') { Ok(()) } else { miss(Why::Type) };
        };
        if targets.is_empty() {
            return Ok(());
        }
        let of = match target(node, self.around.root) {
            Target::Contained(node) => node.type_name(),
            Target::Of(name) => name,
            Target::Unknown => return Ok(()),
        };
        if targets.contains(&of) { Ok(()) } else { miss(Why::Type) }
    }

    /// Whether the elements of a name are as many as they may be, each as it should be, and each slice has its own.
    fn part(self, part: &Part, whole: Node<'a>) -> Met {
        let nodes = whole.children(part.name);
        counted(nodes.len(), part)?;
        for node in &nodes {
            self.holds(part, *node)?;
        }
        if part.slices.is_empty() {
            return Ok(());
        }
        let mut counts = vec![0; part.slices.len()];
        for node in nodes {
            let mut sliced = false;
            for (slice, count) in part.slices.iter().zip(&mut counts) {
                if is_in(slice, &part.by, node) {
                    (*count, sliced) = (*count + 1, true);
                    self.holds(slice, node).map_err(|mut miss| {
                        miss.path.push(slice.name);
                        miss
                    })?;
                    break;
                }
            }
            if !sliced && part.is_closed {
                return miss(Why::NoSlice);
            }
        }
        for (slice, count) in part.slices.iter().zip(counts) {
            counted(count, slice).map_err(|mut miss| {
                miss.path.push(slice.name);
                miss
            })?;
        }
        Ok(())
    }
}

/// Whether what tells slices apart says that the element is of this one.
fn is_in(slice: &Part, by: &[&str], node: Node) -> bool {
    by.iter().all(|way| match *way {
        "$type" => slice.types.iter().any(|(kind, _)| *kind == node.type_name()),
        "url" if slice.extension.is_some() => node.get("url").and_then(Json::as_str) == slice.extension,
        "$this" => tells(slice, &[], node),
        path => tells(slice, &path.split('.').collect::<Vec<_>>(), node),
    })
}

/// Whether an element at a path in `node` has the value by which the slice is known.
fn tells(slice: &Part, path: &[&str], node: Node) -> bool {
    let has = |slice: &Part| {
        let is_known = slice.fixed.is_some() || slice.pattern.is_some() || slice.codes.is_some();
        let value = |json: &Json| {
            slice.fixed.as_ref().is_none_or(|fixed| is_equal(json, fixed))
                && slice.pattern.as_ref().is_none_or(|pattern| has_pattern(json, pattern))
        };
        let codes = slice.codes.and_then(|codes| TABLE.codes(codes));
        is_known && node.json.is_some_and(value) && codes.is_none_or(|codes| has_code(node, codes))
    };
    let Some((name, rest)) = path.split_first() else { return has(slice) };
    let Some(inner) = slice.parts.iter().find(|part| part.name == *name) else { return has(slice) };
    node.children(name).into_iter().any(|node| tells(inner, rest, node))
}

fn counted(count: usize, part: &Part) -> Met {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    if count < part.min {
        return miss(Why::TooFew);
    }
    if part.max.is_some_and(|max| count > max) { miss(Why::TooMany) } else { Ok(()) }
}
