//! What is read: files, folders of files, Bundles and NDJSON in them; or resources that are in memory already.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value as Json;

/// Where to read from.
pub enum Source {
    /// Files, in the order they are read.
    Files(Vec<PathBuf>),
    /// Resources.
    Memory(Vec<Json>),
}

/// One thing that was read.
pub struct Item {
    /// Which file, and where in it: `claims.ndjson line 7`.
    pub place: String,
    /// The Bundle entry's `fullUrl`.
    pub full_url: Option<String>,
    /// The resource, or why there is none.
    pub resource: Result<Json, String>,
}

/// Bundles whose entries are resources to load. A document or a message is a thing of its own.
const BUNDLES: &[&str] = &["transaction", "batch", "collection", "searchset"];

impl Source {
    /// The files that `paths` name: each file, and of a folder every `.json`, `.ndjson` and `.jsonl` below it, by name.
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

    /// Its size in bytes, for the progress bar.
    pub fn size(&self) -> u64 {
        match self {
            Source::Files(files) => {
                files.iter().filter_map(|file| fs::metadata(file).ok()).map(|data| data.len()).sum()
            }
            Source::Memory(resources) => resources.len() as u64,
        }
    }

    /// Reads everything in order, handing each item to `visit` with the number of bytes read since the last.
    ///
    /// # Errors
    /// A file cannot be read (what it holds is `visit`'s business), or `visit` fails.
    pub fn each(&self, visit: &mut dyn FnMut(Item, u64) -> Result<()>) -> Result<()> {
        match self {
            Source::Memory(resources) => resources.iter().enumerate().try_for_each(|(position, resource)| {
                let place = format!("resource {}", position + 1);
                visit(Item { place, full_url: None, resource: Ok(resource.clone()) }, 1)
            }),
            Source::Files(files) => files.iter().try_for_each(|file| read(file, visit)),
        }
    }
}

fn collect(path: &Path, named: bool, files: &mut Vec<PathBuf>) -> Result<()> {
    let data = fs::metadata(path).with_context(|| format!("{} cannot be read", path.display()))?;
    if data.is_dir() {
        let mut entries: Vec<PathBuf> = fs::read_dir(path)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
            .with_context(|| format!("{} cannot be listed", path.display()))?;
        entries.sort();
        return entries.iter().try_for_each(|entry| collect(entry, false, files));
    }
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase();
    if named || matches!(extension.as_str(), "json" | "ndjson" | "jsonl") {
        files.push(path.to_owned());
    }
    Ok(())
}

/// Reads a file: as NDJSON if its name says so or its first line is a whole JSON value, else as one JSON text.
fn read(path: &Path, visit: &mut dyn FnMut(Item, u64) -> Result<()>) -> Result<()> {
    let open = || fs::File::open(path).with_context(|| format!("{} cannot be read", path.display()));
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
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
    match serde_json::from_slice::<Json>(without_mark(&text)) {
        Ok(json) => unbundled(json, &name, size, visit),
        // Lines of resources under another name, the first of them broken.
        Err(_) if text.split(|byte| *byte == b'\n').any(is_resource) => lines(text.as_slice(), &name, visit),
        Err(error) => {
            let resource = Err(format!("this is no JSON: {error}"));
            visit(Item { place: name, full_url: None, resource }, size)
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

/// NDJSON: a broken line is that line's affair.
fn lines(mut reader: impl BufRead, name: &str, visit: &mut dyn FnMut(Item, u64) -> Result<()>) -> Result<()> {
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
            Ok(json) => unbundled(json, &place, size, visit)?,
            Err(error) => {
                visit(Item { place, full_url: None, resource: Err(format!("this line is no JSON: {error}")) }, size)?;
            }
        }
    }
    Ok(())
}

/// A Bundle's entries one by one; anything else as it is.
fn unbundled(json: Json, place: &str, size: u64, visit: &mut dyn FnMut(Item, u64) -> Result<()>) -> Result<()> {
    if json["resourceType"] != "Bundle" {
        return visit(Item { place: place.to_owned(), full_url: None, resource: Ok(json) }, size);
    }
    let kind = json["type"].as_str().unwrap_or_default();
    if !BUNDLES.contains(&kind) {
        let reason = format!("a Bundle of type `{kind}` is not loaded; {} are", BUNDLES.join(", "));
        return visit(Item { place: place.to_owned(), full_url: None, resource: Err(reason) }, size);
    }
    let Json::Object(mut bundle) = json else { return Ok(()) };
    let entries = match bundle.remove("entry") {
        Some(Json::Array(entries)) => entries,
        _ => Vec::new(),
    };
    let share = size / (entries.len().max(1) as u64);
    for (position, mut entry) in entries.into_iter().enumerate() {
        let place = format!("{place} entry {}", position + 1);
        let full_url = entry["fullUrl"].as_str().map(str::to_owned);
        let resource = match entry.get_mut("resource").map(Json::take) {
            Some(resource) => Ok(resource),
            None => Err("the entry has no resource".to_owned()),
        };
        visit(Item { place, full_url, resource }, share)?;
    }
    Ok(())
}
