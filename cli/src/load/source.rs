//! The input of a run: files and folders of files, with Bundles and NDJSON in them; or resources in memory.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use serde_json::Value as Json;

use super::reason::{Reason, ReasonCode};

/// The input of a run.
pub enum Source {
    /// Files, in the order in which they are read.
    Files(Vec<FeedFile>),
    /// Resources in memory.
    Memory(Vec<Json>),
}

/// A file to read, as it was when the run began.
pub struct FeedFile {
    path: PathBuf,
    /// The same path with links resolved.
    real: PathBuf,
    version: FileVersion,
}

/// The version of a file: its size, and the time when it was modified.
type FileVersion = (u64, Option<SystemTime>);

impl FeedFile {
    fn of(path: &Path) -> Result<FeedFile> {
        let real = path.canonicalize().with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(FeedFile { path: path.to_owned(), real, version: version(path)? })
    }

    /// Fails if the file has changed: both readings must find the same.
    fn is_as_it_was(&self) -> Result<()> {
        if version(&self.path)? != self.version {
            bail!("{} changed while it was read; run the same load again once it is complete", self.path.display());
        }
        Ok(())
    }
}

fn version(path: &Path) -> Result<FileVersion> {
    let data = fs::metadata(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok((data.len(), data.modified().ok()))
}

/// One item that was read.
pub struct Item {
    /// The file, and the place in it: `feed/claims.ndjson line 7`.
    pub place: String,
    /// The number of that file.
    pub file: usize,
    /// The Bundle entry's `fullUrl`.
    pub full_url: Option<String>,
    /// The content.
    pub content: Content,
}

/// The content of an item.
pub enum Content {
    /// A resource.
    Resource(Json),
    /// The URL of a resource to delete, from a Bundle's entry with the method DELETE.
    Deletion(String),
    /// Something that is no resource, with the reason.
    Unusable(Reason),
    /// Nothing: an empty file, a Bundle without entries.
    Nothing,
}

impl Item {
    fn of(place: String, content: Content) -> Item {
        Item { place, file: 0, full_url: None, content }
    }
}

/// The extensions of the files that are read from a folder.
pub(super) const FEEDS: &[&str] = &["json", "jsonl", "ndjson"];

type Visit<'a> = dyn FnMut(Item, u64) -> Result<()> + 'a;

/// The types of Bundles whose entries are resources to load. A document or a message is one thing, not a list.
const BUNDLES: &[&str] = &["transaction", "batch", "collection", "searchset"];

impl Source {
    /// The files that `paths` name: each file, and in a folder every `.json`, `.ndjson` and `.jsonl` file below it,
    /// ordered by name.
    ///
    /// # Errors
    /// A path does not exist, or a folder holds no such file.
    pub fn of_paths(paths: &[PathBuf]) -> Result<Source> {
        let mut files = Vec::new();
        for path in paths {
            let before = files.len();
            collect(path, true, &mut files)?;
            if files.len() == before {
                bail!("{} holds no .json, .ndjson or .jsonl file", path.display());
            }
        }
        Ok(Source::Files(files))
    }

    /// The folder that contains the file with this number.
    pub fn folder(&self, file: usize) -> Option<&Path> {
        let Source::Files(files) = self else { return None };
        let folder = files.get(file)?.path.parent()?;
        Some(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
    }

    /// Whether this file is one of those that are read, by any path.
    pub fn reads(&self, path: &Path) -> bool {
        let Source::Files(files) = self else { return false };
        path.canonicalize().is_ok_and(|path| files.iter().any(|file| file.real == path))
    }

    /// Its size in bytes, for the progress bar.
    pub fn size(&self) -> u64 {
        match self {
            Source::Files(files) => files.iter().map(|file| file.version.0).sum(),
            Source::Memory(resources) => resources.len() as u64,
        }
    }

    /// Reads everything in order, and hands each item to `visit` with the number of bytes read since the last. Every
    /// file gives at least one item.
    ///
    /// # Errors
    /// A file cannot be read, or `visit` fails. A fault in what a file holds is no error: `visit` gets it as an item.
    pub fn each(&self, visit: &mut Visit) -> Result<()> {
        match self {
            Source::Memory(resources) => resources
                .iter()
                .enumerate()
                .try_for_each(|(position, json)| whole(json.clone(), &format!("resource {}", position + 1), 1, visit)),
            Source::Files(files) => files.iter().enumerate().try_for_each(|(number, file)| {
                let mut items = 0;
                file.is_as_it_was()?;
                read(&file.path, &mut |item, bytes| {
                    items += 1;
                    visit(Item { file: number, ..item }, bytes)
                })?;
                file.is_as_it_was()?;
                if items > 0 {
                    return Ok(());
                }
                visit(Item::of(file.path.display().to_string(), Content::Nothing), 0)
            }),
        }
    }
}

fn collect(path: &Path, named: bool, files: &mut Vec<FeedFile>) -> Result<()> {
    let data = fs::metadata(path).with_context(|| format!("{} cannot be read", path.display()))?;
    if data.is_dir() {
        let mut entries: Vec<PathBuf> = fs::read_dir(path)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
            .with_context(|| format!("{} cannot be listed", path.display()))?;
        entries.sort();
        return entries.iter().try_for_each(|entry| collect(entry, false, files));
    }
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase();
    if named || FEEDS.contains(&extension.as_str()) {
        if !named && is_rejections(path)? {
            bail!(
                "{} holds what an earlier load rejected: move it out of the folder, or load it by its own name once it is mended",
                path.display()
            );
        }
        files.push(FeedFile::of(path)?);
    }
    Ok(())
}

/// Whether a file holds the rejections of an earlier load: old versions, which must not supersede those of a later
/// feed.
fn is_rejections(path: &Path) -> Result<bool> {
    let mut first = Vec::new();
    let file = fs::File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    BufReader::new(file)
        .take(1 << 23)
        .read_until(b'\n', &mut first)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    let line = serde_json::from_slice::<Json>(&first).unwrap_or_default();
    Ok(["place", "code", "reason", "resource"].iter().all(|name| line.get(name).is_some()))
}

/// Reads a file: as NDJSON if its name says so or its first line is a whole JSON value, else as one JSON text.
fn read(path: &Path, visit: &mut Visit) -> Result<()> {
    let open = || fs::File::open(path).with_context(|| format!("{} cannot be read", path.display()));
    let name = path.display().to_string();
    let by_name = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("ndjson") || extension.eq_ignore_ascii_case("jsonl"));
    let mut first = Vec::new();
    BufReader::new(open()?).read_until(b'\n', &mut first).with_context(|| format!("{name} cannot be read"))?;
    if by_name || (first.ends_with(b"\n") && serde_json::from_slice::<Json>(&first).is_ok()) {
        return lines(BufReader::new(open()?), &name, visit);
    }
    let mut text = Vec::new();
    open()?.read_to_end(&mut text).with_context(|| format!("{name} cannot be read"))?;
    let size = text.len() as u64;
    if without_mark(&text).trim_ascii().is_empty() {
        return Ok(());
    }
    match serde_json::from_slice::<Json>(without_mark(&text)) {
        Ok(json) => whole(json, &name, size, visit),
        // NDJSON under another name, with a broken first line.
        Err(_) if text.split(|byte| *byte == b'\n').any(is_resource) => lines(text.as_slice(), &name, visit),
        Err(error) => {
            let reason = Reason::new(ReasonCode::NotJson, format!("this is no JSON: {error}"));
            visit(Item::of(name, Content::Unusable(reason)), size)
        }
    }
}

/// A text without the byte order mark that some programs put before it.
fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

fn is_resource(line: &[u8]) -> bool {
    serde_json::from_slice::<Json>(line).is_ok_and(|json| json["resourceType"].is_string())
}

/// Reads NDJSON. A broken line is unusable by itself; the others are read.
fn lines(mut reader: impl BufRead, name: &str, visit: &mut Visit) -> Result<()> {
    let mut line = Vec::new();
    for number in 1u64.. {
        line.clear();
        let size = reader.read_until(b'\n', &mut line).with_context(|| format!("{name} cannot be read"))? as u64;
        if size == 0 {
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let place = format!("{name} line {number}");
        match serde_json::from_slice::<Json>(without_mark(&line)) {
            Ok(json) => whole(json, &place, size, visit)?,
            Err(error) => {
                let reason = Reason::new(ReasonCode::NotJson, format!("this line is no JSON: {error}"));
                visit(Item::of(place, Content::Unusable(reason)), size)?;
            }
        }
    }
    Ok(())
}

/// Reads one JSON value: a resource, a Bundle, or JSON in which an API wraps resources.
fn whole(json: Json, place: &str, size: u64, visit: &mut Visit) -> Result<()> {
    match json["resourceType"].as_str() {
        Some("Bundle") => bundle(json, place, size, visit),
        Some(_) => visit(Item::of(place.to_owned(), Content::Resource(json)), size),
        None => wrapper(json, place, size, visit),
    }
}

/// Reads a Bundle's entries one by one, those of a Bundle in an entry included.
fn bundle(json: Json, place: &str, size: u64, visit: &mut Visit) -> Result<()> {
    let item = |content| Item::of(place.to_owned(), content);
    let kind = json["type"].as_str().unwrap_or_default();
    if !BUNDLES.contains(&kind) {
        let text =
            format!("a Bundle of type `{kind}` is no list of resources to load; those of {} are", BUNDLES.join(", "));
        return visit(item(Content::Unusable(Reason::new(ReasonCode::BundleType, text))), size);
    }
    let Json::Object(mut bundle) = json else { return Ok(()) };
    let entries = match bundle.remove("entry") {
        Some(Json::Array(entries)) if !entries.is_empty() => entries,
        Some(Json::Array(_) | Json::Null) | None => return visit(item(Content::Nothing), size),
        Some(_) => {
            let reason = Reason::new(ReasonCode::NoResource, "the Bundle's `entry` is no list");
            return visit(item(Content::Unusable(reason)), size);
        }
    };
    let share = size / (entries.len() as u64);
    for (position, mut entry) in entries.into_iter().enumerate() {
        let place = format!("{place} entry {}", position + 1);
        let full_url = entry["fullUrl"].as_str().map(str::to_owned);
        // The entry's method counts, even with a resource beside it: some senders add the one to be deleted.
        if entry["request"]["method"] == "DELETE" {
            let url = entry["request"]["url"].as_str().unwrap_or_default().to_owned();
            visit(Item::of(place, Content::Deletion(url)), share)?;
            continue;
        }
        match entry.get_mut("resource").map(Json::take).filter(|resource| !resource.is_null()) {
            Some(resource) if resource["resourceType"] == "Bundle" => whole(resource, &place, share, visit)?,
            Some(resource) => visit(Item { full_url, ..Item::of(place, Content::Resource(resource)) }, share)?,
            None => {
                let reason =
                    Reason::new(ReasonCode::NoResource, "the entry has no resource: send it, or leave the entry out");
                visit(Item::of(place, Content::Unusable(reason)), share)?;
            }
        }
    }
    Ok(())
}

/// Reads the resources at any depth of JSON that is no resource itself.
fn wrapper(json: Json, place: &str, size: u64, visit: &mut Visit) -> Result<()> {
    let mut found = Vec::new();
    if !inside(json, place, &mut found) {
        let text = "this is no FHIR: it has no resourceType, and nothing in it has one";
        let content = Content::Unusable(Reason::new(ReasonCode::NotFhir, text));
        return visit(Item::of(place.to_owned(), content), size);
    }
    let share = size / (found.len() as u64);
    found.into_iter().try_for_each(|(place, json)| {
        if let Some(json) = json {
            return whole(json, &place, share, visit);
        }
        let reason = Reason::new(ReasonCode::NotFhir, "this stands in a list of resources and has no resourceType");
        visit(Item::of(place, Content::Unusable(reason)), share)
    })
}

/// Collects the resources in `json` and, as `None`, the other items of a list that has resources. Returns whether there
/// was a resource.
fn inside(json: Json, place: &str, found: &mut Vec<(String, Option<Json>)>) -> bool {
    match json {
        Json::Object(_) if json["resourceType"].is_string() => {
            found.push((place.to_owned(), Some(json)));
            true
        }
        Json::Object(properties) => properties
            .into_iter()
            .fold(false, |any, (name, value)| inside(value, &format!("{place}/{name}"), found) || any),
        Json::Array(items) => {
            let mut others = Vec::new();
            let before = found.len();
            for (position, item) in items.into_iter().enumerate() {
                let place = format!("{place}/{position}");
                if !inside(item, &place, found) {
                    others.push((place, None));
                }
            }
            let any = found.len() > before;
            found.extend(others.into_iter().filter(|_| any));
            any
        }
        _ => false,
    }
}
