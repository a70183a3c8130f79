//! What a Binary holds, where it is too large for a row: bytes in the bucket, as they are, so that a part can be read and a
//! link can lead to them; and which resources name a Binary.
//!
//! - The row of such a Binary has its JSON without `data`, and the object's key `o`, SHA-256 `s` and length `l`.
//! - A name: pk `Patient/<owner>`, sk `~Binary/<id>/<Type>/<id>`, without a body. `~` sorts after every type.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::resources::Resources;
use super::row::Row;
use super::writer::Writer;
use crate::access::{Permits, Sealed};
use crate::clock::Time;
use crate::fhir::reference::Reference;
use crate::store::StoreError;
use crate::store::objects::{Object, ObjectBytes, ObjectError, content_hash};
use crate::store::table::{CommitError, Condition, Item, Query, Range, Table};

/// The most bytes that stay in the row: what DynamoDB asks for writing and reading them, and S3 for an object, is then about
/// the same (decision 13).
pub const LARGEST_IN_ROW: usize = 16 << 10;

/// The most bytes that one `PutObject` takes.
pub const LARGEST: u64 = 5 << 30;

/// What a Binary holds, in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub(super) object: Object,
    /// How many bytes.
    pub size: u64,
}

impl Row {
    /// What this Binary holds, where that lies in the bucket and not in its JSON.
    pub fn content(&self) -> Option<Content> {
        self.content.clone()
    }
}

impl Resources {
    /// Reads all that a Binary holds.
    ///
    /// # Errors
    /// [`ObjectError`]
    pub async fn content(&self, content: &Content) -> Result<Vec<u8>, ObjectError> {
        self.objects.get(&content.object).await
    }

    /// Reads a part of it, the `last` byte included.
    ///
    /// # Errors
    /// [`ObjectError`]
    pub async fn part(&self, content: &Content, first: u64, last: u64) -> Result<Vec<u8>, ObjectError> {
        self.objects.part(&content.object, content.size, first, last).await
    }

    /// A link to it (see [`crate::store::objects::Objects::link`]).
    ///
    /// # Errors
    /// [`ObjectError`]
    pub async fn link(
        &self,
        content: &Content,
        media_type: &str,
        file: &str,
        now: Time,
    ) -> Result<String, ObjectError> {
        self.objects.link(&content.object, content.size, media_type, file, now).await
    }

    /// The resources of the permits' types that name a Binary, or once did.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn naming(&self, permits: &Permits, id: &str) -> Result<Sealed<Vec<Reference>>, StoreError> {
        let mut names = names(&self.table, permits.partition(), id).await?;
        names.retain(|name| permits.include(&name.resource_type));
        Ok(permits.seal(names))
    }
}

impl Writer {
    /// Notes that a member's resource names a Binary: whoever may see the one may then see the other, and nothing has to be
    /// searched to know it. What no longer names it opens nothing.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn name(&self, owner: &str, binary: &Reference, by: &Reference) -> Result<(), CommitError> {
        let item = Item::key(format!("Patient/{owner}"), format!("{}{by}", prefix(&binary.id)));
        self.table.put(item, Condition::Always).await
    }

    /// Whether a resource of the member's names a Binary.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn is_named(&self, owner: &str, binary: &Reference) -> Result<bool, StoreError> {
        Ok(!self.names(owner, binary).await?.is_empty())
    }

    /// The member's resources that name a Binary, or once did.
    pub(super) async fn names(&self, owner: &str, binary: &Reference) -> Result<Vec<Reference>, StoreError> {
        names(&self.table, format!("Patient/{owner}"), &binary.id).await
    }

    /// Notes that it does no more.
    ///
    /// # Errors
    /// [`CommitError::Store`]
    pub(super) async fn unname(&self, owner: &str, binary: &Reference, by: &Reference) -> Result<(), CommitError> {
        let key = Item::key(format!("Patient/{owner}"), format!("{}{by}", prefix(&binary.id)));
        self.table.delete(key, Condition::Always).await
    }
}

async fn names(table: &Table, partition: String, binary: &str) -> Result<Vec<Reference>, StoreError> {
    let prefix = prefix(binary);
    let rows = table.pages(Query::new(partition, Range::Under(prefix.clone()))).await?;
    let mut names = Vec::with_capacity(rows.len());
    for row in rows {
        names.extend(row.text("sk")?.strip_prefix(&prefix).and_then(|name| Reference::parse(name, &[])));
    }
    Ok(names)
}

fn prefix(id: &str) -> String {
    format!("~Binary/{id}/")
}

/// The bytes of a Binary's `data`: base64, in which R4 allows white space.
///
/// # Errors
/// Why it is no base64, in words for the plan's data team.
pub fn decoded(data: &str) -> Result<Vec<u8>, String> {
    let compact: Vec<u8> = data.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(compact).map_err(|error| error.to_string())
}

/// Bytes on their way to the bucket.
#[derive(Clone, Debug)]
pub struct Upload {
    content: Content,
    media_type: &'static str,
    bytes: ObjectBytes,
}

impl Upload {
    /// Of what a Binary's JSON holds, if that is too large for the row: then `data` is taken out of it.
    pub(super) fn taken_from(binary: &mut Json) -> Option<Upload> {
        let data = binary["data"].as_str().filter(|data| data.len() / 4 * 3 > LARGEST_IN_ROW)?;
        let is_large = |bytes: &Vec<u8>| bytes.len() > LARGEST_IN_ROW && binary["resourceType"] == "Binary";
        let bytes = decoded(data).ok().filter(is_large)?;
        binary.as_object_mut()?.shift_remove("data");
        let (sha256, size) = (content_hash(&bytes), bytes.len() as u64);
        Some(Upload::new(binary, sha256, size, ObjectBytes::Memory(bytes.into())))
    }

    /// Of a file of that SHA-256 and size, for a Binary whose JSON is without `data`. It is read while it is sent.
    pub fn of_file(binary: &Json, path: PathBuf, sha256: Vec<u8>, size: u64) -> Upload {
        Upload::new(binary, sha256, size, ObjectBytes::File(path))
    }

    fn new(binary: &Json, sha256: Vec<u8>, size: u64, bytes: ObjectBytes) -> Upload {
        let object = Object::named(&format!("Binary/{}", binary["id"].as_str().unwrap_or_default()), sha256);
        let media_type = inert(binary["contentType"].as_str().unwrap_or_default());
        Upload { content: Content { object, size }, media_type, bytes }
    }

    /// The object that they become.
    pub(super) fn object(&self) -> &Object {
        &self.content.object
    }

    /// Their SHA-256.
    pub(super) fn sha256(&self) -> &[u8] {
        &self.content.object.sha256
    }

    /// How many they are.
    pub(super) fn size(&self) -> u64 {
        self.content.size
    }

    /// Under which media type the bucket gives them out.
    pub(super) fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// The bytes themselves.
    pub(super) fn bytes(&self) -> &ObjectBytes {
        &self.bytes
    }
}

/// The types that nothing runs in, whoever shows them. What is none of these leaves the bucket as mere bytes: there no
/// `Content-Security-Policy` of ours goes with it.
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
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    INERT.iter().find(|known| known.eq_ignore_ascii_case(essence)).copied().unwrap_or("application/octet-stream")
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
        let mut small = json!({"resourceType": "Binary", "id": "b", "data": STANDARD.encode(vec![7; LARGEST_IN_ROW])});
        assert!(Upload::taken_from(&mut small).is_none() && small["data"].is_string());
        let mut large =
            json!({"resourceType": "Binary", "id": "b", "data": STANDARD.encode(vec![7; LARGEST_IN_ROW + 3])});
        let taken = Upload::taken_from(&mut large).unwrap();
        assert_eq!((taken.content.size, large.get("data")), (LARGEST_IN_ROW as u64 + 3, None));
        assert!(!taken.content.object.key.contains("b/") && taken.content.object.key.len() == "documents/".len() + 43);
    }

    #[test]
    fn base64_may_have_white_space_and_nothing_else() {
        assert_eq!(decoded("aG\n k= ").as_deref(), Ok(&b"hi"[..]));
        assert!(decoded("aG-=").is_err() && decoded("aGk").is_err());
    }
}
