//! JSON as items: a resource, the entries of a Bundle, the resources that an API wraps.

use anyhow::Result;
use serde_json::{Map, Value as Json, json};
use shared::fhir::date::Interval;

use super::super::reason::{Reason, ReasonCode};
use super::files::FeedFile;
use super::json::{self, Twice};
use super::outline::{Outline, each_entry};
use super::text::LONGEST_LINE;
use super::{Content, Item, Reader};

/// The types of Bundles whose entries are resources to load. A document or a message is one thing, not a list.
const BUNDLES: &[&str] = &["transaction", "batch", "collection", "searchset", "history"];

/// The properties that stand twice inside the value at these steps, by their steps from there.
fn inside_of(twice: &[Twice], steps: &[String]) -> Vec<Twice> {
    twice.iter().filter_map(|way| way.strip_prefix(steps).map(<[String]>::to_vec)).collect()
}

/// Reads one JSON value: a resource, a Bundle, or JSON in which an API wraps resources. `twice` says where properties of it
/// stand twice.
pub(super) fn whole(
    (json, twice): (Json, &[Twice]),
    place: &str,
    size: u64,
    reader: &mut Reader<'_, '_>,
) -> Result<()> {
    match json["resourceType"].as_str() {
        Some("Bundle") => bundle((json, twice), place, size, reader),
        Some(_) => reader.give(Item::of(place, resource(json, twice)), size),
        None => wrapper((json, twice), place, size, reader),
    }
}

/// A resource, unless a property of it stands twice: either value may be the one that was meant.
fn resource(json: Json, twice: &[Twice]) -> Content {
    match twice.first() {
        None => Content::Resource(json),
        Some(way) => Content::Unusable(duplicate(way), json),
    }
}

fn duplicate(way: &Twice) -> Reason {
    let text = format!("its property `{}` stands twice; send it once", way.join("."));
    Reason::new(ReasonCode::DuplicateProperty, text)
}

/// The facts that a Bundle tells of all its entries.
struct Head {
    kind: String,
    /// A property that stands twice outside of entries: it may be the type of the Bundle, or the list of entries.
    outside: Option<Twice>,
    /// When it was made.
    date: Option<i64>,
    number: u32,
}

impl Head {
    /// `twice` says where properties of the Bundle stand twice.
    fn of(bundle: &Map<String, Json>, twice: &[Twice], reader: &mut Reader<'_, '_>) -> Head {
        let text = |name: &str| bundle.get(name).and_then(Json::as_str);
        let outside = twice.iter().find(|way| way.len() < 3 || way[0] != "entry").cloned();
        let date = text("timestamp").and_then(Interval::parse).map(|date| date.low);
        reader.bundles += 1;
        Head { kind: text("type").unwrap_or_default().to_owned(), outside, date, number: reader.bundles }
    }

    fn is_list(&self) -> bool {
        BUNDLES.contains(&self.kind.as_str())
    }

    fn refusal(&self) -> Reason {
        let text = format!(
            "a Bundle of type `{}` is no list of resources to load; those of {} are",
            self.kind,
            BUNDLES.join(", ")
        );
        Reason::new(ReasonCode::BundleType, text)
    }
}

/// Reads the Bundle of a file entry by entry, however long it is.
pub(super) fn streamed(file: &FeedFile, outline: &Outline, reader: &mut Reader<'_, '_>) -> Result<()> {
    let head = Head::of(&outline.head, &outline.twice, reader);
    let (place, share) = (file.name(), file.size() / outline.entries.unwrap_or(1).max(1));
    if head.kind == "history" {
        // The newest version comes first in it (R4, "history"), and the last counts here. So their texts are held.
        if outline.length > LONGEST_LINE {
            let text = format!("a history Bundle may have {} MB; send it in pages", LONGEST_LINE >> 20);
            let reason = Reason::new(ReasonCode::TooLarge, text);
            return reader.give(Item::of(&place, Content::Unusable(reason, Json::Null)), file.size());
        }
        let mut texts = Vec::new();
        each_entry(file.open()?, &mut |position, text| {
            texts.push((position, text.to_owned()));
            Ok(())
        })?;
        return texts
            .iter()
            .rev()
            .try_for_each(|(position, text)| parsed(&head, *position, text, (&place, share), reader));
    }
    each_entry(file.open()?, &mut |position, text| parsed(&head, position, text, (&place, share), reader))
}

fn parsed(head: &Head, position: u64, text: &[u8], place: (&str, u64), reader: &mut Reader<'_, '_>) -> Result<()> {
    match json::parse(text) {
        Ok((json, twice)) => entry(head, (position, json, &twice), place, reader),
        Err(reason) => {
            let place_of_entry = format!("{} entry {}", place.0, position + 1);
            reader.give(Item::of(&place_of_entry, Content::Unusable(reason, Json::Null)), place.1)
        }
    }
}

/// Reads a Bundle's entries one by one, those of a Bundle in an entry included.
fn bundle((json, twice): (Json, &[Twice]), place: &str, size: u64, reader: &mut Reader<'_, '_>) -> Result<()> {
    let Json::Object(mut bundle) = json else { return Ok(()) };
    let entries = match bundle.remove("entry") {
        Some(Json::Array(entries)) if !entries.is_empty() => entries,
        other => return empty((bundle, other), place, size, reader),
    };
    let head = Head::of(&bundle, twice, reader);
    let share = size / (entries.len() as u64);
    let mut entries: Vec<(u64, Json)> = (0..).zip(entries).collect();
    if head.kind == "history" {
        entries.reverse();
    }
    for (position, json) in entries {
        let twice = inside_of(twice, &["entry".to_owned(), position.to_string()]);
        entry(&head, (position, json, &twice), (place, share), reader)?;
    }
    Ok(())
}

/// Reads a Bundle without entries.
fn empty(
    (bundle, entry): (Map<String, Json>, Option<Json>),
    place: &str,
    size: u64,
    reader: &mut Reader<'_, '_>,
) -> Result<()> {
    let kind = bundle.get("type").and_then(Json::as_str).unwrap_or_default().to_owned();
    let head = Head { kind, outside: None, date: None, number: reader.bundles };
    let content = match entry {
        _ if !head.is_list() => Content::Unusable(head.refusal(), bundle.into()),
        Some(Json::Array(_) | Json::Null) | None => Content::Nothing,
        Some(_) => {
            let reason = Reason::new(ReasonCode::NoResource, "the Bundle's `entry` is no list");
            Content::Unusable(reason, bundle.into())
        }
    };
    reader.give(Item::of(place, content), size)
}

/// Reads one entry of a Bundle. `twice` says where properties of the entry stand twice.
fn entry(
    head: &Head,
    (position, mut entry, twice): (u64, Json, &[Twice]),
    (place, share): (&str, u64),
    reader: &mut Reader<'_, '_>,
) -> Result<()> {
    let place = format!("{place} entry {}", position + 1);
    let full_url = entry["fullUrl"].as_str().map(str::to_owned);
    let of_resource = inside_of(twice, &["resource".to_owned()]);
    let beside = twice.iter().find(|way| way.len() == 1 || way[0] != "resource");
    let item = |content| Item { full_url: full_url.clone(), bundle: Some(head.number), ..Item::of(&place, content) };
    let resource_of = |entry: &mut Json| entry.get_mut("resource").map(Json::take).unwrap_or_default();
    if let Some(way) = head.outside.as_ref().or(beside) {
        return reader.give(item(Content::Unusable(duplicate(way), resource_of(&mut entry))), share);
    }
    if !head.is_list() {
        return reader.give(item(Content::Unusable(head.refusal(), resource_of(&mut entry))), share);
    }
    let method = entry["request"]["method"].as_str().unwrap_or_default().to_owned();
    let method = method.as_str();
    // The entry's method counts, even with a resource beside it: some senders add the one to be deleted.
    if method == "DELETE" {
        let url = entry["request"]["url"].as_str().unwrap_or_default().to_owned();
        let told = entry["response"]["lastModified"].as_str().and_then(Interval::parse);
        let date = told.map(|date| date.low).or(head.date);
        return reader.give(item(Content::Deletion { url, date }), share);
    }
    if method == "PATCH" {
        let text = "the entry's method is PATCH, which says only what changes: send the whole resource";
        let reason = Reason::new(ReasonCode::NoResource, text);
        return reader.give(item(Content::Unusable(reason, resource_of(&mut entry))), share);
    }
    let if_none_exist = match method {
        "POST" => entry["request"]["ifNoneExist"].as_str().map(str::to_owned),
        _ => None,
    };
    match resource_of(&mut entry) {
        Json::Null => {
            let reason =
                Reason::new(ReasonCode::NoResource, "the entry has no resource: send it, or leave the entry out");
            reader.give(item(Content::Unusable(reason, json!({"entry": entry}))), share)
        }
        json if json["resourceType"] == "Bundle" => whole((json, &of_resource), &place, share, reader),
        json => reader.give(Item { if_none_exist, ..item(resource(json, &of_resource)) }, share),
    }
}

/// Whether JSON is the manifest of a Bulk Data export (Bulk Data Access IG, "Response - Complete Status").
fn is_manifest(json: &Json) -> bool {
    json["transactionTime"].is_string() && json["output"].is_array() && json.get("resourceType").is_none()
}

/// Reads the resources at any depth of JSON that is no resource itself.
fn wrapper((json, twice): (Json, &[Twice]), place: &str, size: u64, reader: &mut Reader<'_, '_>) -> Result<()> {
    if is_manifest(&json) {
        return reader.give(Item::of(place, Content::Manifest(json)), size);
    }
    let mut found = Vec::new();
    if !inside(json, &mut Vec::new(), &mut found) {
        let text = "this is no FHIR: it has no resourceType, and nothing in it has one";
        let content = Content::Unusable(Reason::new(ReasonCode::NotFhir, text), Json::Null);
        return reader.give(Item::of(place, content), size);
    }
    let share = size / (found.len() as u64);
    for (steps, json) in found {
        let place = format!("{place}/{}", steps.join("/"));
        if let Some(json) = json {
            whole((json, &inside_of(twice, &steps)), &place, share, reader)?;
            continue;
        }
        let reason = Reason::new(ReasonCode::NotFhir, "this stands in a list of resources and has no resourceType");
        reader.give(Item::of(&place, Content::Unusable(reason, Json::Null)), share)?;
    }
    Ok(())
}

fn deeper(step: String, json: Json, steps: &mut Vec<String>, found: &mut Vec<(Vec<String>, Option<Json>)>) -> bool {
    steps.push(step);
    let any = inside(json, steps, found);
    steps.pop();
    any
}

/// Collects the resources in `json` and, as `None`, the other items of a list that has resources, each with the steps to it.
/// Returns whether there was a resource.
fn inside(json: Json, steps: &mut Vec<String>, found: &mut Vec<(Vec<String>, Option<Json>)>) -> bool {
    match json {
        Json::Object(_) if json["resourceType"].is_string() => {
            found.push((steps.clone(), Some(json)));
            true
        }
        Json::Object(properties) => {
            properties.into_iter().fold(false, |any, (name, value)| deeper(name, value, steps, found) || any)
        }
        Json::Array(items) => {
            let mut others = Vec::new();
            let before = found.len();
            for (position, item) in items.into_iter().enumerate() {
                if !deeper(position.to_string(), item, steps, found) {
                    let steps: Vec<String> = steps.iter().cloned().chain([position.to_string()]).collect();
                    others.push((steps, None));
                }
            }
            let any = found.len() > before;
            found.extend(others.into_iter().filter(|_| any));
            any
        }
        _ => false,
    }
}
