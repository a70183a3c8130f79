//! An element of a resource: its JSON, the other half of a primitive one, and its type.

use serde_json::Value as Json;

use super::table::{TABLE, Type, TypeId};

/// An element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'a> {
    /// Its value; none, where only the other half is there.
    pub json: Option<&'a Json>,
    /// The id and the extensions of a primitive element (`_birthDate`).
    pub twin: Option<&'a Json>,
    /// Its type; none, where R4 does not know the element.
    pub kind: Option<TypeId>,
}

impl<'a> Node<'a> {
    /// A resource, of the type that it names.
    pub fn resource(json: &'a Json) -> Node<'a> {
        Node { json: Some(json), twin: None, kind: json["resourceType"].as_str().and_then(|name| TABLE.id(name)) }
    }

    /// Its type's row.
    pub fn row(&self) -> Option<&'static Type> {
        self.kind.map(|kind| TABLE.of(kind))
    }

    /// Its type's name.
    pub fn type_name(&self) -> &'static str {
        self.row().map_or("", |row| row.name)
    }

    pub fn text(&self) -> Option<&'a str> {
        self.json?.as_str()
    }

    /// A property of its JSON.
    pub fn get(&self, name: &str) -> Option<&'a Json> {
        self.json?.as_object()?.get(name)
    }

    /// The elements of a name; `value` is one of any type, `valueString` a string.
    pub fn children(&self, name: &str) -> Vec<Node<'a>> {
        let mut found = Vec::new();
        self.each(name, &mut |node| found.push(node));
        found
    }

    /// Passes each element of a name on.
    pub fn each(&self, name: &str, to: &mut impl FnMut(Node<'a>)) {
        if self.json.is_none_or(|json| !json.is_object()) {
            // A primitive element has an id and extensions only.
            if let Some(twin) = self.twin {
                let element = TABLE.id("Element");
                Node { json: Some(twin), twin: None, kind: element }.each(name, to);
            }
            return;
        }
        let Some(row) = self.row() else {
            return each_of(self.get(name), None, None, to);
        };
        if let Some(element) = row.element(name) {
            for kind in &element.uses {
                let twin = if kind.twin.is_empty() { None } else { self.get(kind.twin) };
                let json = self.get(kind.property);
                if json.is_some() || twin.is_some() {
                    each_of(json, twin, Some(kind.id), to);
                }
            }
        } else if let Some((_, _, kind)) = row.property(name) {
            let twin = if kind.twin.is_empty() { None } else { self.get(kind.twin) };
            each_of(self.get(kind.property), twin, Some(kind.id), to);
        } else {
            each_of(self.get(name), None, None, to);
        }
    }

    /// All elements in it, at any depth.
    pub fn descendants(&self, found: &mut Vec<Node<'a>>) {
        let Some(row) = self.row() else { return };
        let before = found.len();
        for element in &row.elements {
            self.each(element.name, &mut |node| found.push(node));
        }
        for at in before..found.len() {
            let node = found[at];
            node.descendants(found);
        }
    }
}

fn each_of<'a>(json: Option<&'a Json>, twin: Option<&'a Json>, kind: Option<TypeId>, to: &mut impl FnMut(Node<'a>)) {
    // A contained resource is of the type that it names.
    let resource = TABLE.id("Resource");
    let kind_of = |json: Option<&'a Json>| match json {
        Some(json) if kind == resource => json["resourceType"].as_str().and_then(|name| TABLE.id(name)),
        _ => kind,
    };
    let lists = (json.and_then(Json::as_array), twin.and_then(Json::as_array));
    if let (None, None) = lists {
        if json.is_some() || twin.is_some() {
            to(Node { json, twin, kind: kind_of(json) });
        }
        return;
    }
    let length = lists.0.map_or(0, Vec::len).max(lists.1.map_or(0, Vec::len));
    for at in 0..length {
        let of = |list: Option<&'a Vec<Json>>| list.and_then(|list| list.get(at)).filter(|item| !item.is_null());
        let (json, twin) = (of(lists.0), of(lists.1));
        if json.is_some() || twin.is_some() {
            to(Node { json, twin, kind: kind_of(json) });
        }
    }
}
