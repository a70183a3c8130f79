//! The rows that are stored: packed as the loader packs them.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value as Json;
use shared::clock::Time;
use shared::fhir::index;
use shared::fhir::index::Index;
use shared::fhir::reference::Reference;
use shared::fhir::types::ResourceType;
use shared::record::row::{Version, pack, position, unpack};
use shared::store::objects::content_hash;

/// A row.
pub type Item = HashMap<String, AttributeValue>;

/// A resource as the row of `owner` under the id `n`, at a date of its own.
pub fn row(resource: &Json, owner: &str, n: usize, now: i64) -> Item {
    const HOUR: i64 = 3_600_000;
    let kind = resource["resourceType"].as_str().expect("it is a resource");
    // As the loader leaves them: references by type and id.
    let text = resource.to_string().replace("urn:uuid:", "Encounter/");
    let mut resource: Json = serde_json::from_str(&text).expect("it was JSON");
    // An id as long as those of the world: a UUID.
    let id = format!("00000000-0000-4000-8000-{n:012}");
    resource["id"] = id.clone().into();
    let reference = Reference::new(kind, &id);
    let version = Version { key: &reference, number: 1, last_updated: Time(now) };
    resource["meta"]["versionId"] = "1".into();
    resource["meta"]["lastUpdated"] = Time(now).to_string().into();
    let resource_type = ResourceType::named(kind).expect("it is served");
    let packed = pack(&version, &Index::of(resource_type, &resource), &resource.to_string()).expect("it packs");
    let date = now - i64::try_from(n).expect("it is small") * HOUR;
    Item::from([
        ("pk".to_owned(), AttributeValue::S(format!("Patient/{owner}"))),
        ("sk".to_owned(), AttributeValue::S(reference.to_string())),
        ("v".to_owned(), AttributeValue::N("1".to_owned())),
        ("u".to_owned(), AttributeValue::N(now.to_string())),
        ("h".to_owned(), AttributeValue::B(Blob::new(&content_hash(resource.to_string().as_bytes())[..16]))),
        ("d".to_owned(), AttributeValue::S(position(&reference, Some(date)))),
        ("b".to_owned(), AttributeValue::B(Blob::new(packed))),
    ])
}

/// The same row in its next version.
pub fn changed(item: &Item, now: i64) -> Item {
    let mut item = item.clone();
    item.insert("v".to_owned(), AttributeValue::N("2".to_owned()));
    item.insert("u".to_owned(), AttributeValue::N(now.to_string()));
    // The same moment again, where an index holds only what came later than the first day.
    item.insert("n".to_owned(), AttributeValue::N(now.to_string()));
    item
}

/// A row of its own that names the owner of a resource.
pub fn home(item: &Item) -> Item {
    let name = text(item, "sk");
    Item::from([
        ("pk".to_owned(), AttributeValue::S(format!("home/{name}"))),
        ("sk".to_owned(), AttributeValue::S("-".to_owned())),
        ("o".to_owned(), item["pk"].clone()),
    ])
}

/// What one load brought to a member: a row with the moment in its key and the resources in its body, compressed.
pub fn receipt(owner: &str, now: i64, items: &[Item]) -> Item {
    let names: Vec<&str> = items.iter().map(|item| text(item, "sk")).collect();
    let index = Index { table: index::version(), entries: Vec::new() };
    let packed = pack(&of_receipt(&Reference::new("Basic", "r")), &index, &names.join(",")).expect("it packs");
    Item::from([
        ("pk".to_owned(), AttributeValue::S(format!("Patient/{owner}"))),
        ("sk".to_owned(), AttributeValue::S(format!("received/{now}"))),
        ("b".to_owned(), AttributeValue::B(Blob::new(packed))),
    ])
}

fn of_receipt(key: &Reference) -> Version<'_> {
    Version { key, number: 1, last_updated: Time(0) }
}

/// The keys of the resources that a receipt names.
pub fn received(owner: &str, item: &Item) -> Vec<Item> {
    let AttributeValue::B(packed) = &item["b"] else { return Vec::new() };
    let (_, names) = unpack(&of_receipt(&Reference::new("Basic", "r")), packed.as_ref()).expect("it unpacks");
    names.split(',').map(|name| key(owner, name)).collect()
}

/// When the first day of a member's data ended.
pub fn first_day(owner: &str) -> Item {
    let mut item = key(owner, "first");
    item.insert("u".to_owned(), AttributeValue::N("1790000000000".to_owned()));
    item
}

fn key(owner: &str, sk: &str) -> Item {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    Item::from([("pk".to_owned(), text(&format!("Patient/{owner}"))), ("sk".to_owned(), text(sk))])
}

/// A text attribute.
pub fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item[name].as_s().expect("it is text")
}

/// The mean size of the packed bodies, in bytes.
pub fn mean_body(items: &[Item]) -> f64 {
    let size = |item: &Item| item["b"].as_b().map_or(0, |body| body.as_ref().len());
    super::ratio(items.iter().map(size).sum()) / super::ratio(items.len())
}
