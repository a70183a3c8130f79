//! The content of documents, in a Binary or in a file beside the feed.
//!
//! An attachment may name a file by its path from the feed's own folder. The file becomes a Binary of the resource's
//! member, which the attachment then names. A file is read in parts, to hash it and to send it, and never held whole.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value as Json, json};
use shared::bounds::{DOCUMENT_BYTES, ROW_DOCUMENT_BYTES};
use shared::fhir::owner::{Ownership, ownership};
use shared::fhir::reference::Reference;
use shared::fhir::types::ResourceType;
use shared::record::documents::{Upload, decoded};
use shared::record::partition::Partition;
use shared::record::writer::Change;
use shared::store::objects::content_hash;

use super::reason::{Reason, ReasonCode};
use super::source::{Source, is_feed_name, is_rejections};

/// The elements of type Attachment (R4) in the types that are kept. An extension has a `url` too, but is no attachment.
const ATTACHMENTS: &[&str] = &["attachment", "content", "form", "photo", "presentedForm", "valueAttachment"];

/// A file that was read once.
struct Measured {
    size: u64,
    sha256: Vec<u8>,
    /// R4's `Attachment.hash`.
    sha1: String,
    /// Its bytes, if they are few enough for a row.
    small: Vec<u8>,
}

/// Takes the `data` out of a Binary, because it does not count for the size of its JSON.
///
/// # Errors
/// It is not base64.
pub(super) fn checked_data(resource: &mut Json) -> Result<Option<Json>, Reason> {
    if resource["resourceType"] != "Binary" {
        return Ok(None);
    }
    let Some(data) = resource.as_object_mut().and_then(|binary| binary.shift_remove("data")) else { return Ok(None) };
    let wrong = |why: &str| Reason::new(ReasonCode::BadData, format!("its `data` is no base64: {why}"));
    let data = data.as_str().ok_or_else(|| wrong("it is no string"))?;
    decoded(data).map_err(|why| wrong(&why))?;
    // R4 allows white space in base64, and any amount of it.
    Ok(Some(data.split_ascii_whitespace().collect::<String>().into()))
}

/// Makes every attachment that names a file beside the source's `file` name a Binary instead. Returns the changes that
/// store these Binaries.
///
/// # Errors
/// A file does not exist, is not in the folder, or is not what the attachment says; or the resource has no member.
pub(super) fn filed(
    kind: &ResourceType,
    resource: &mut Json,
    source: &Source,
    file: usize,
    attached: &Mutex<BTreeSet<PathBuf>>,
) -> Result<Vec<Change>, Reason> {
    let mut changes = Vec::new();
    let mut named = Vec::new();
    each(resource, &mut |attachment| named.extend(file_of(attachment).map(str::to_owned)));
    let Some(first) = named.first() else { return Ok(changes) };
    let Ownership::Member(owner) = ownership(kind, resource)? else {
        let text =
            format!("its attachment names the file `{first}`, and it is no one member's: put the bytes into `data`");
        return Err(Reason::new(ReasonCode::NoOwner, text));
    };
    let mut fault = None;
    each(resource, &mut |attachment| {
        let Some(url) = file_of(attachment).map(str::to_owned).filter(|_| fault.is_none()) else { return };
        let found = found(source, file, &url).inspect(|path| {
            attached.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone());
        });
        match found.and_then(|path| binary(attachment, &url, path, &owner)) {
            Ok(change) => changes.push(change),
            Err(reason) => fault = Some(reason),
        }
    });
    fault.map_or(Ok(changes), Err)
}

/// Visits every attachment, at any depth.
fn each(json: &mut Json, visit: &mut dyn FnMut(&mut Map<String, Json>)) {
    match json {
        Json::Array(items) => items.iter_mut().for_each(|item| each(item, visit)),
        Json::Object(properties) => {
            for (name, value) in properties {
                if ATTACHMENTS.contains(&name.as_str()) {
                    match value {
                        Json::Object(attachment) => visit(attachment),
                        Json::Array(items) => items.iter_mut().filter_map(Json::as_object_mut).for_each(&mut *visit),
                        _ => {}
                    }
                }
                each(value, visit);
            }
        }
        _ => {}
    }
}

/// The file that an attachment names: a relative path (RFC 3986 §4.2) that is no reference to a resource.
fn file_of(attachment: &Map<String, Json>) -> Option<&str> {
    let url = attachment.get("url")?.as_str()?;
    let has_scheme = url.split(['/', '?', '#']).next().is_some_and(|start| start.contains(':'));
    let reference = Reference::parse(url.strip_prefix('/').unwrap_or(url), &[]);
    let is_resource = reference.is_some_and(|reference| ResourceType::named(&reference.resource_type).is_some());
    (!has_scheme && !is_resource && !url.is_empty() && !url.starts_with('#')).then_some(url)
}

/// The path of the file. With links resolved, it must be in the feed's folder. It must not be a feed itself, which may
/// hold other members' data.
fn found(source: &Source, file: usize, url: &str) -> Result<PathBuf, Reason> {
    let outside = |why: &str| {
        let text = format!("its attachment names `{url}`, {why}; name a file in the feed's own folder or below it");
        Reason::new(ReasonCode::AttachmentOutside, text)
    };
    let missing = || {
        let text = format!("its attachment names `{url}`, and there is no such file beside the feed");
        Reason::new(ReasonCode::AttachmentMissing, text)
    };
    let decoded = percent_decode_str(url).decode_utf8().map_err(|_| missing())?;
    let inward = |part: Component| matches!(part, Component::Normal(_) | Component::CurDir);
    if decoded.contains('\\') || !Path::new(&*decoded).components().all(inward) {
        return Err(outside("a path that leads elsewhere"));
    }
    let folder = source.folder(file).ok_or_else(missing)?.canonicalize().map_err(|_| missing())?;
    let path = folder.join(&*decoded).canonicalize().map_err(|_| missing())?;
    if !path.starts_with(&folder) {
        return Err(outside("a link that leads elsewhere"));
    }
    let is_hidden = |part: Component| part.as_os_str().as_encoded_bytes().starts_with(b".");
    if path.strip_prefix(&folder).is_ok_and(|path| path.components().any(is_hidden)) {
        return Err(outside("a file whose name begins with a dot, which is no document"));
    }
    if !path.is_file() {
        return Err(missing());
    }
    if is_feed_name(&path) || source.reads(&path) || is_rejections(&path).unwrap_or(true) {
        return Err(outside("which is a feed or holds rejections, and may hold other members' data"));
    }
    Ok(path)
}

/// The Binary that holds a file, and that the attachment then names. Its id is made of the member, the type and the
/// bytes: the same file is the same Binary in every run, and never that of another member.
fn binary(attachment: &mut Map<String, Json>, url: &str, path: PathBuf, owner: &str) -> Result<Change, Reason> {
    let unread = |error: std::io::Error| {
        Reason::new(
            ReasonCode::AttachmentMissing,
            format!("its attachment names `{url}`, which cannot be read: {error}"),
        )
    };
    let file = measured(&path).map_err(unread)?;
    if file.size > DOCUMENT_BYTES {
        let text = format!("its attachment names `{url}`, a file of more than {} GB; cut it", DOCUMENT_BYTES >> 30);
        return Err(Reason::new(ReasonCode::TooLarge, text));
    }
    agree(attachment, url, &file)?;
    let media_type = attachment.get("contentType").and_then(Json::as_str).unwrap_or("application/octet-stream");
    let of = [owner.as_bytes(), b"\n", media_type.as_bytes(), b"\n", &file.sha256].concat();
    let id = hex::encode(content_hash(&of));
    let mut binary = json!({"resourceType": "Binary", "id": id, "contentType": media_type});
    attachment.insert("url".to_owned(), json!(format!("Binary/{id}")));
    let kind = ResourceType::named("Binary");
    let change = if file.size <= ROW_DOCUMENT_BYTES as u64 {
        binary["data"] = json!(STANDARD.encode(&file.small));
        kind.map(|kind| Change::store(kind, &id, vec![(Partition::Member(owner.to_owned()), binary)]))
    } else {
        let upload = Upload::of_file(&binary, path, file.sha256, file.size);
        Change::hold(binary, upload, owner)
    };
    change.ok_or_else(|| Reason::new(ReasonCode::TypeNotKept, "Binary is not a type that this server keeps"))
}

/// Compares the attachment's `size` and `hash` with the file, and adds those it does not have.
fn agree(attachment: &mut Map<String, Json>, url: &str, file: &Measured) -> Result<(), Reason> {
    let differs = |what: &str, is: &dyn std::fmt::Display, says: &Json| {
        let text = format!("its attachment says {what} {says} of `{url}`, and the file has {is}: send both anew");
        Err(Reason::new(ReasonCode::AttachmentDiffers, text))
    };
    match attachment.get("size") {
        Some(size) if size.as_u64() != Some(file.size) => return differs("`size`", &file.size, size),
        // R4's `unsignedInt` has this maximum.
        None if file.size <= 2_147_483_647 => attachment.insert("size".to_owned(), json!(file.size)),
        _ => None,
    };
    match attachment.get("hash") {
        Some(hash) if *hash != file.sha1.as_str() => return differs("`hash` (SHA-1, base64)", &file.sha1, hash),
        None => attachment.insert("hash".to_owned(), json!(file.sha1)),
        _ => None,
    };
    Ok(())
}

fn measured(path: &Path) -> std::io::Result<Measured> {
    let (mut file, mut part) = (File::open(path)?, vec![0; 1 << 16]);
    let (mut size, mut sha256, mut sha1) = (0, Context::new(&SHA256), Context::new(&SHA1_FOR_LEGACY_USE_ONLY));
    let mut small = Vec::new();
    loop {
        let length = file.read(&mut part)?;
        if length == 0 {
            break;
        }
        size += length as u64;
        sha256.update(&part[..length]);
        sha1.update(&part[..length]);
        if size <= ROW_DOCUMENT_BYTES as u64 {
            small.extend_from_slice(&part[..length]);
        }
    }
    Ok(Measured { size, sha256: sha256.finish().as_ref().to_vec(), sha1: STANDARD.encode(sha1.finish()), small })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_is_a_file_and_a_reference_or_another_servers_url_is_none() {
        let file = |url: &str| file_of(json!({"url": url}).as_object().unwrap()).map(str::to_owned);
        for url in [
            "report.pdf",
            "documents/a%20b.pdf",
            "Documents/report.pdf",
            "../up.pdf",
            "/etc/passwd",
            "//host/a",
            "./c:d",
        ] {
            assert_eq!(file(url).as_deref(), Some(url));
        }
        for url in [
            "Binary/a",
            "/Binary/a",
            "https://x.example/a.pdf",
            "s3://bucket/key",
            "urn:uuid:a",
            "file:///a",
            "#a",
            "",
            "C:\\a",
        ] {
            assert_eq!(file(url), None, "{url}");
        }
    }

    #[test]
    fn attachments_are_found_wherever_they_stand_and_extensions_are_none() {
        let mut resource = json!({"photo": [{"url": "a"}], "content": [{"attachment": {"url": "b"}}],
            "item": [{"item": [{"answer": [{"valueAttachment": {"url": "c"}}]}]}], "presentedForm": [{"url": "d"}],
            "extension": [{"url": "text", "extension": [{"url": "x", "valueAttachment": {"url": "e"}}]}]});
        let mut found = Vec::new();
        each(&mut resource, &mut |attachment| found.extend(file_of(attachment).map(str::to_owned)));
        found.sort();
        assert_eq!(found, ["a", "b", "c", "d", "e"]);
    }
}
