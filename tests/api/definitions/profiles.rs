//! The table of the guides' profiles: what each of them adds to R4's own definition of its type.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;

use serde_json::Value as Json;
use shared::fhir::guides::{Guide, Guides};
use shared::fhir::profiles::Profile;
use shared::fhir::types::TYPES;

use super::dictionary::Dictionary;
use super::packages::{Packages, bare};
use super::types::type_names;

const SETS: [Guides; 3] = [Guides::UsCore3, Guides::UsCore6, Guides::UsCore7];

/// A step of an element's id, such as `identifier` and `:NPI` of `Patient.identifier:NPI`.
#[derive(Default)]
struct Node {
    name: String,
    /// Its line behind the name, if the profile says something of it.
    says: String,
    parts: Vec<Node>,
}

impl Node {
    fn part(&mut self, name: &str) -> &mut Node {
        let at = self.parts.iter().position(|part| part.name == name).unwrap_or_else(|| {
            self.parts.push(Node { name: name.to_owned(), ..Node::default() });
            self.parts.len() - 1
        });
        &mut self.parts[at]
    }

    fn write(&self, depth: usize, text: &mut String) {
        writeln!(text, "{}{}{}", " ".repeat(depth), self.name, self.says).expect("text grows");
        self.parts.iter().filter(|part| part.says_anything()).for_each(|part| part.write(depth + 1, text));
    }

    fn says_anything(&self) -> bool {
        // Slicing that no slice follows says nothing.
        !matches!(&*self.says, "" | " by=url") || self.parts.iter().any(Node::says_anything)
    }
}

/// A profile of the table: its URL, its type, and all else that its lines say. The same lines may hold in several sets.
type Bodies = BTreeMap<(String, String, String), BTreeSet<Guides>>;

/// The table of all profiles, and of the extensions that they name.
pub(super) fn table(packages: &Packages, mut dictionary: Dictionary) -> String {
    let mut bodies = Bodies::new();
    for guides in SETS {
        let rows = TYPES.iter().flat_map(|row| Profile::of(row.name, guides));
        let url = |row: &Profile| guides.canonicals(row.guide, &format!("StructureDefinition/{}", row.id)).remove(0);
        let mut wanted: VecDeque<String> = rows.filter(|row| row.guide != Guide::Sdc).map(url).collect();
        let mut done = BTreeSet::new();
        while let Some(url) = wanted.pop_front() {
            let Some(defined) = packages.structure(Some(guides), &url).filter(|_| done.insert(url.clone())) else {
                continue;
            };
            let Some(elements) = defined["snapshot"]["element"].as_array() else { continue };
            let kind = defined["type"].as_str().unwrap_or_default().to_owned();
            let mut of = Profiled { packages, guides, dictionary: &mut dictionary, wanted: &mut wanted };
            let mut root = Node { name: String::new(), ..Node::default() };
            for element in elements {
                of.add(&mut root, element);
            }
            let mut body = String::new();
            root.parts[0].write(0, &mut body);
            let body = body.split_once(' ').map(|(_, rest)| rest.to_owned()).filter(|_| body.contains(' '));
            bodies.entry((url, kind, body.unwrap_or_default())).or_default().insert(guides);
        }
    }
    let mut text = String::new();
    for ((url, kind, body), sets) in bodies {
        let sets: Vec<&str> = sets.iter().filter_map(|set| set.version(Guide::UsCore)).collect();
        let (head, rest) = body.split_once('\n').unwrap_or((&body, ""));
        let head = head.trim();
        let rest = if head.starts_with('!') || head.is_empty() { rest.to_owned() } else { format!(" {head}\n{rest}") };
        let head = if head.starts_with('!') { format!(" {head}") } else { String::new() };
        writeln!(text, "profile {url} {} {kind}{head}", sets.join(",")).expect("text grows");
        text += &rest;
    }
    text + &dictionary.lines()
}

struct Profiled<'a> {
    packages: &'a Packages,
    guides: Guides,
    dictionary: &'a mut Dictionary,
    /// The profiles and extensions that are still to be read.
    wanted: &'a mut VecDeque<String>,
}

impl Profiled<'_> {
    /// Adds an element of the snapshot to the tree.
    fn add(&mut self, root: &mut Node, element: &Json) {
        let id = element["id"].as_str().unwrap_or_default();
        let (mut node, mut path, mut is_slice) = (root, Vec::new(), false);
        for step in id.split('.') {
            let (name, slice) = step.split_once(':').map_or((step, None), |(name, slice)| (name, Some(slice)));
            path.push(name);
            node = node.part(name);
            is_slice = false;
            if let Some(slice) = slice {
                node = node.part(&format!(":{slice}"));
                is_slice = true;
            }
        }
        // Each resource has an id here.
        if path[1..] == ["id"] {
            return;
        }
        let base = self.base(&path);
        let root = path.len() == 1;
        node.says = self.says(element, base.as_ref(), is_slice, root);
    }

    /// R4's own definition of the element at a path, which may lead into datatypes.
    fn base(&self, path: &[&str]) -> Option<Json> {
        let mut at = path[0].to_owned();
        let mut elements = self.elements(path[0])?;
        let mut found = elements.first()?.clone();
        for name in &path[1..] {
            let one = format!("{at}.{name}");
            let named = |path: &str| elements.iter().find(|element| element["path"] == path);
            let inside = named(&one).cloned();
            let element = if let Some(element) = inside {
                element
            } else {
                let kind = found["type"][0]["code"].as_str()?.to_owned();
                elements = self.elements(&kind)?;
                let one = format!("{kind}.{name}");
                at = kind;
                elements.iter().find(|element| element["path"] == *one)?.clone()
            };
            at = match element["contentReference"].as_str() {
                Some(other) => other.trim_start_matches('#').to_owned(),
                None => format!("{at}.{name}"),
            };
            found = element;
        }
        Some(found)
    }

    fn elements(&self, kind: &str) -> Option<Vec<Json>> {
        self.packages.base(kind)?["snapshot"]["element"].as_array().cloned()
    }

    /// The profile's demands on the element beyond R4.
    fn says(&mut self, element: &Json, base: Option<&Json>, is_slice: bool, is_root: bool) -> String {
        let mut text = String::new();
        let cardinality = |element: &Json| {
            format!("{}..{}", element["min"].as_u64().unwrap_or(0), element["max"].as_str().unwrap_or("*"))
        };
        let own = cardinality(element);
        if !is_root && (is_slice || base.is_none_or(|base| cardinality(base) != own)) {
            text += &format!(" {own}");
        }
        let (packages, guides) = (self.packages, self.guides);
        let target = |url: &str| {
            let defined = packages.structure(Some(guides), url).and_then(|defined| defined["type"].as_str());
            let named = bare(url).rsplit('/').next().unwrap_or_default();
            defined.unwrap_or(named).to_owned()
        };
        let types = type_names(element, &target);
        if !is_root && !types.is_empty() && base.is_none_or(|base| type_names(base, &target) != types) {
            text += &format!(" {types}");
        }
        for url in element["type"].as_array().into_iter().flatten().filter_map(|kind| kind["profile"][0].as_str()) {
            if !url.contains("SimpleQuantity") {
                text += &format!(" ^{}", bare(url));
                self.wanted.push_back(bare(url).to_owned());
            }
        }
        if let Some(codes) = self.dictionary.binding(packages, Some(guides), element) {
            let of_base = base.and_then(|base| self.dictionary.binding(packages, None, base));
            if of_base.as_ref() != Some(&codes) {
                text += &format!(" #{codes}");
            }
        }
        let inherited = self.inherited(element, base);
        for invariant in self.dictionary.invariants(packages, Some(guides), element, Some(&inherited)) {
            text += &format!(" !{invariant}");
        }
        if !is_slice && let Some(paths) = element["slicing"]["discriminator"].as_array() {
            let of = |way: &Json| {
                if way["type"] == "type" { "$type" } else { way["path"].as_str().unwrap_or_default() }.to_owned()
            };
            let paths: Vec<String> = paths.iter().map(of).collect();
            text += &format!(" by={}", paths.join(","));
            text += if element["slicing"]["rules"] == "closed" { " closed" } else { "" };
        }
        let property = |start: &str| {
            let object = element.as_object().into_iter().flatten();
            object.into_iter().find(|(name, _)| name.starts_with(start)).map(|(_, value)| value)
        };
        for (mark, start) in [('=', "fixed"), ('~', "pattern")] {
            if let Some(value) = property(start) {
                text += &format!(" {mark}{value}");
            }
        }
        text
    }

    /// The invariants that R4 has for the element already: its own, and those of its types.
    fn inherited(&self, element: &Json, base: Option<&Json>) -> Json {
        let mut constraints = Vec::new();
        constraints.extend(base.and_then(|base| base["constraint"].as_array().cloned()).into_iter().flatten());
        for kind in element["type"].as_array().into_iter().flatten().filter_map(|kind| kind["code"].as_str()) {
            let root = self.elements(kind).and_then(|elements| elements[0]["constraint"].as_array().cloned());
            constraints.extend(root.into_iter().flatten());
        }
        serde_json::json!({ "constraint": constraints })
    }
}
