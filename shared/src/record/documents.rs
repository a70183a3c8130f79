//! The content of a Binary, and which resources name a Binary.
//!
//! A Binary holds a document's bytes. Content that is too large for a row lies in the bucket as it is, so that a part of it can be
//! read and a link can lead to it. The Binary's row then has the JSON without `data`, and says where the object is and which bytes it
//! must have. Each resource that names a Binary has a row that says so (`store::schema`, "a name").

use std::collections::BTreeSet;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use crate::bounds::ROW_DOCUMENT_BYTES;
use crate::fhir::reference::Reference;
use crate::http::media_type::MediaType;
use crate::store::StoreError;
use crate::store::objects::{Object, ObjectBytes, content_hash};
use crate::store::schema;
use crate::store::table::{RowQuery, SortKeys, Table};

/// The content of a Binary, in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub(super) object: Object,
    /// How many bytes.
    pub size: u64,
}

/// The resources in a member's partition that name a Binary, or once did.
pub(super) async fn names(table: &Table, partition: &str, binary: &Reference) -> Result<Vec<Reference>, StoreError> {
    let rows = table.pages(RowQuery::new(partition, SortKeys::Under(schema::names(binary)))).all().await?;
    let mut names = Vec::with_capacity(rows.len());
    for row in rows {
        names.extend(row.key()?.names(binary));
    }
    Ok(names)
}

/// Calls `visit` with each text by which a resource may name a Binary: the `url` of an attachment, or a reference. Both may stand
/// anywhere in it, in contained resources and extensions, too. A reference that begins with `#` stays inside the resource.
pub fn each_name<'a>(resource: &'a Json, visit: &mut impl FnMut(&'a str)) {
    names_in(resource, ("", ""), visit);
}

/// As [`each_name`], of the value of the property `name` in the element `of`.
fn names_in<'a>(value: &'a Json, (of, name): (&'a str, &'a str), visit: &mut impl FnMut(&'a str)) {
    match value {
        Json::String(text) if is_name(of, name) && !(name == "reference" && text.starts_with('#')) => visit(text),
        Json::Array(items) => items.iter().for_each(|item| names_in(item, (of, name), visit)),
        Json::Object(properties) => properties.iter().for_each(|(inner, value)| names_in(value, (name, inner), visit)),
        _ => {}
    }
}

/// Whether the text of the property `name` in the element `of` names a resource: a Reference, or an attachment's `url`. The `url` of
/// an extension says what the extension means, and that of a resource itself, or of one that it contains, is its canonical.
pub fn is_name(of: &str, name: &str) -> bool {
    name == "reference" || (name == "url" && !["", "contained", "extension", "modifierExtension"].contains(&of))
}

/// The ids of the Binaries that a resource names.
pub fn named_binaries(resource: &Json) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    each_name(resource, &mut |name| {
        let binary = Reference::parse(name, &[]).filter(|reference| reference.resource_type == "Binary");
        named.extend(binary.map(|binary| binary.id));
    });
    named
}

/// The bytes of a Binary's `data`: base64, in which R4 allows white space.
///
/// # Errors
/// Why `data` is no base64, in words for the plan's data team.
pub fn decoded(data: &str) -> Result<Vec<u8>, String> {
    let compact: Vec<u8> = data.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(compact).map_err(|error| error.to_string())
}

/// A Binary's content on its way to the bucket.
#[derive(Clone, Debug)]
pub struct Upload {
    content: Content,
    media_type: &'static str,
    bytes: ObjectBytes,
}

impl Upload {
    /// Takes `data` out of a Binary's JSON, if its bytes are too many for the row.
    pub(super) fn taken_from(binary: &mut Json) -> Option<Upload> {
        let data = binary["data"].as_str().filter(|data| data.len() / 4 * 3 > ROW_DOCUMENT_BYTES)?;
        let is_large = |bytes: &Vec<u8>| bytes.len() > ROW_DOCUMENT_BYTES && binary["resourceType"] == "Binary";
        let bytes = decoded(data).ok().filter(is_large)?;
        binary.as_object_mut()?.shift_remove("data");
        let (sha256, size) = (content_hash(&bytes), bytes.len() as u64);
        Some(Upload::new(binary, sha256, size, ObjectBytes::Memory(bytes.into())))
    }

    /// A file of that SHA-256 and size, for a Binary whose JSON is without `data`. The file is read while it is sent.
    pub fn of_file(binary: &Json, path: PathBuf, sha256: Vec<u8>, size: u64) -> Upload {
        Upload::new(binary, sha256, size, ObjectBytes::File(path))
    }

    fn new(binary: &Json, sha256: Vec<u8>, size: u64, bytes: ObjectBytes) -> Upload {
        let object = Object::named(&format!("Binary/{}", binary["id"].as_str().unwrap_or_default()), sha256);
        let media_type = inert(binary["contentType"].as_str().unwrap_or_default());
        Upload { content: Content { object, size }, media_type, bytes }
    }

    /// The object that it becomes.
    pub(super) fn object(&self) -> &Object {
        &self.content.object
    }

    /// The SHA-256 of its bytes.
    pub(super) fn sha256(&self) -> &[u8] {
        &self.content.object.sha256
    }

    /// How many bytes it has.
    pub(super) fn size(&self) -> u64 {
        self.content.size
    }

    /// The media type under which the bucket gives it out.
    pub(super) fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> &ObjectBytes {
        &self.bytes
    }
}

/// Media types in which no script can run, whichever program shows them. Everything else leaves the bucket as mere bytes, because no
/// `Content-Security-Policy` of ours goes with an answer of S3.
const INERT: &[&str] = &[
    "application/dicom",
    "application/pdf",
    "application/rtf",
    "audio/mpeg",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/tiff",
    "text/csv",
    "text/plain",
    "text/rtf",
    "video/mp4",
];

/// The media type under which an object leaves the bucket.
pub fn inert(media_type: &str) -> &'static str {
    let known = MediaType::parse(media_type).and_then(|held| INERT.iter().find(|known| held.essence() == **known));
    known.copied().unwrap_or("application/octet-stream")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_could_run_leaves_the_bucket_as_mere_bytes() {
        for active in
            ["text/html", "image/svg+xml", "application/xml", "text/javascript", "application/hl7-cda+xml", "x", ""]
        {
            assert_eq!(inert(active), "application/octet-stream", "{active}");
        }
        assert_eq!(inert("Application/PDF; version=1"), "application/pdf");
    }

    #[test]
    fn large_data_are_taken_out_of_a_binary_and_small_ones_stay() {
        let mut small =
            json!({"resourceType": "Binary", "id": "b", "data": STANDARD.encode(vec![7; ROW_DOCUMENT_BYTES])});
        assert!(Upload::taken_from(&mut small).is_none() && small["data"].is_string());
        let mut large =
            json!({"resourceType": "Binary", "id": "b", "data": STANDARD.encode(vec![7; ROW_DOCUMENT_BYTES + 3])});
        let taken = Upload::taken_from(&mut large).unwrap();
        assert_eq!((taken.content.size, large.get("data")), (ROW_DOCUMENT_BYTES as u64 + 3, None));
        assert!(!taken.content.object.key.contains("b/") && taken.content.object.key.len() == "documents/".len() + 43);
    }

    #[test]
    fn a_binary_is_named_by_an_attachment_or_a_reference_wherever_it_stands() {
        let named = |resource: Json| named_binaries(&resource).into_iter().collect::<Vec<_>>();
        for resource in [
            json!({"photo": [{"url": "Binary/b"}]}),
            json!({"content": [{"attachment": {"url": "Binary/b/_history/2"}}]}),
            json!({"supportingInfo": [{"valueReference": {"reference": "Binary/b"}}]}),
            json!({"contained": [{"resourceType": "Media", "content": {"url": "Binary/b"}}]}),
            json!({"extension": [{"url": "https://x.example/card", "valueAttachment": {"url": "Binary/b"}}]}),
            json!({"extension": [{"url": "a", "extension": [{"url": "b", "valueReference": {"reference": "Binary/b"}}]}]}),
        ] {
            assert_eq!(named(resource.clone()), ["b"], "{resource}");
        }
        for resource in [
            json!({"photo": [{"url": "https://elsewhere.example/Binary/b"}, {"url": "binary/b"}, {"title": "Binary/b"}]}),
            json!({"subject": {"reference": "Patient/b"}, "basedOn": [{"reference": "#Binary/b"}]}),
            json!({"extension": [{"url": "Binary/b", "valueString": "x"}]}),
        ] {
            assert_eq!(named(resource.clone()), Vec::<String>::new(), "{resource}");
        }
    }

    #[test]
    fn base64_may_have_white_space_and_nothing_else() {
        assert_eq!(decoded("aG\n k= ").as_deref(), Ok(&b"hi"[..]));
        assert!(decoded("aG-=").is_err() && decoded("aGk").is_err());
    }
}
