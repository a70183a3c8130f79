//! The type that a reference leads to, as far as it says.

use serde_json::Value as Json;

use super::node::Node;

/// The target of a reference.
pub(super) enum Target<'a> {
    Contained(Node<'a>),
    /// A resource of this type.
    Of(&'a str),
    /// It does not say: a URN, a URL of another form, an identifier.
    Unknown,
}

/// The target of a Reference, or of a canonical or URI; `root` contains what it may contain.
pub(super) fn target<'a>(node: Node<'a>, root: Node<'a>) -> Target<'a> {
    let Some(text) = node.text().or_else(|| node.get("reference").and_then(Json::as_str)) else {
        return node.get("type").and_then(Json::as_str).map_or(Target::Unknown, Target::Of);
    };
    if let Some(id) = text.strip_prefix('#') {
        let contained = root.children("contained");
        let named = |contained: &Node| contained.get("id").and_then(Json::as_str) == Some(id);
        return match contained.into_iter().find(named) {
            Some(contained) => Target::Contained(contained),
            None if id.is_empty() => Target::Contained(root),
            None => Target::Unknown,
        };
    }
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let path = path.split("/_history/").next().unwrap_or_default();
    let is_type = |name: &&str| name.starts_with(|c: char| c.is_ascii_uppercase());
    let name = if text.contains('?') { path.rsplit('/').next() } else { path.rsplit('/').nth(1) };
    name.filter(is_type).map_or(Target::Unknown, Target::Of)
}
