//! The input of a run: files and folders of files, with Bundles and NDJSON in them; or resources in memory.

mod bundle;
mod files;
mod json;
mod outline;
mod text;

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::Value as Json;

use super::reason::Reason;
pub use files::{FeedFile, LeftOut};
pub(super) use files::{is_feed_name, is_rejections};
use text::{Lines, Text};

/// The input of a run.
pub enum Source {
    /// Files, in the order in which they are read.
    Files {
        /// Those that are read.
        files: Vec<FeedFile>,
        /// Those of the folders that are not.
        left_out: Vec<LeftOut>,
    },
    /// Resources in memory.
    Memory(Vec<Json>),
}

/// One item that was read.
pub struct Item {
    /// The file, and the place in it: `feed/claims.ndjson line 7`.
    pub place: String,
    /// The number of that file.
    pub file: usize,
    /// The number of the Bundle that it is an entry of, in the order of reading.
    pub bundle: Option<u32>,
    /// The Bundle entry's `fullUrl`.
    pub full_url: Option<String>,
    /// The search by which the resource is only created if there is none (R4, "Conditional Create").
    pub if_none_exist: Option<String>,
    /// The content.
    pub content: Content,
}

/// The content of an item.
pub enum Content {
    /// A resource.
    Resource(Json),
    /// A resource to delete, from a Bundle's entry with the method DELETE.
    Deletion {
        /// Its URL.
        url: String,
        /// When the source deleted it, in milliseconds since 1970, where the Bundle tells.
        date: Option<i64>,
    },
    /// Something that cannot be taken, with the reason, and as much of it as there is.
    Unusable(Reason, Json),
    /// The manifest of a Bulk Data export, which is about files and has no resource.
    Manifest(Json),
    /// Nothing: an empty file, a Bundle without entries.
    Nothing,
}

impl Item {
    fn of(place: &str, content: Content) -> Item {
        Item { place: place.to_owned(), file: 0, bundle: None, full_url: None, if_none_exist: None, content }
    }
}

/// The form of a file that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileForm {
    /// `ndjson` or `json`, with `+gzip` where it is packed; or `unreadable`.
    pub format: String,
    /// The lines of NDJSON with something on them. One JSON text counts as one.
    pub lines: u64,
}

type Visit<'a> = dyn FnMut(Item, u64) -> Result<()> + 'a;

/// The way through one reading.
struct Reader<'a, 'b> {
    visit: &'a mut Visit<'b>,
    /// The number of the file.
    file: usize,
    /// The Bundles so far.
    bundles: u32,
    /// The items so far.
    items: u64,
}

impl Reader<'_, '_> {
    fn give(&mut self, item: Item, bytes: u64) -> Result<()> {
        self.items += 1;
        (self.visit)(Item { file: self.file, ..item }, bytes)
    }
}

impl Source {
    /// The files that `paths` name: each file, and in a folder every file below it that is a feed by its name or its
    /// content, ordered by name.
    ///
    /// # Errors
    /// A path does not exist, or a folder holds no such file.
    pub fn of_paths(paths: &[PathBuf]) -> Result<Source> {
        files::of_paths(paths)
    }

    /// The folder that contains the file with this number.
    pub fn folder(&self, file: usize) -> Option<&Path> {
        let folder = self.files().get(file)?.path.parent()?;
        Some(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
    }

    /// The files that are read.
    pub fn files(&self) -> &[FeedFile] {
        match self {
            Source::Files { files, .. } => files,
            Source::Memory(_) => &[],
        }
    }

    /// The files of the folders that are not read.
    pub fn left_out(&self) -> &[LeftOut] {
        match self {
            Source::Files { left_out, .. } => left_out,
            Source::Memory(_) => &[],
        }
    }

    /// Whether this file is one of those that are read, by any path.
    pub fn reads(&self, path: &Path) -> bool {
        path.canonicalize().is_ok_and(|path| self.files().iter().any(|file| file.real == path))
    }

    /// Its size in bytes, for the progress bar.
    pub fn size(&self) -> u64 {
        match self {
            Source::Files { files, .. } => files.iter().map(FeedFile::size).sum(),
            Source::Memory(resources) => resources.len() as u64,
        }
    }

    /// The bytes of text that so many bytes of a file are: more, where it is packed.
    pub(super) fn text(&self, file: usize, bytes: u64) -> u64 {
        let (in_file, in_all) = self.files().get(file).map_or((1, 1), |file| file.lengths);
        u64::try_from(u128::from(bytes) * u128::from(in_all) / u128::from(in_file.max(1))).unwrap_or(u64::MAX)
    }

    /// Reads everything in order, and hands each item to `visit` with the number of bytes read since the last. Every
    /// file gives at least one item. Returns the form of each file.
    ///
    /// # Errors
    /// A file cannot be read, or `visit` fails. A fault in what a file holds is no error: `visit` gets it as an item.
    pub fn each(&self, visit: &mut Visit) -> Result<Vec<FileForm>> {
        let mut reader = Reader { visit, file: 0, bundles: 0, items: 0 };
        match self {
            Source::Memory(resources) => {
                for (position, json) in resources.iter().enumerate() {
                    bundle::whole((json.clone(), &[]), &format!("resource {}", position + 1), 1, &mut reader)?;
                }
                Ok(Vec::new())
            }
            Source::Files { files, .. } => {
                let mut forms = Vec::with_capacity(files.len());
                for (number, file) in files.iter().enumerate() {
                    (reader.file, reader.items) = (number, 0);
                    file.is_as_it_was()?;
                    forms.push(read(file, &mut reader)?);
                    file.is_as_it_was()?;
                    if reader.items == 0 {
                        reader.give(Item::of(&file.name(), Content::Nothing), 0)?;
                    }
                }
                Ok(forms)
            }
        }
    }
}

/// Reads a file: as NDJSON if its name says so or its first line is a whole JSON value, else as one Bundle or another JSON text.
fn read(file: &FeedFile, reader: &mut Reader<'_, '_>) -> Result<FileForm> {
    let name = file.name();
    if let Some(reason) = &file.damage {
        reader.give(Item::of(&name, Content::Unusable(reason.clone(), Json::Null)), file.size())?;
        return Ok(FileForm { format: "unreadable".to_owned(), lines: 0 });
    }
    let form = |format: &str, lines| {
        let packed = if file.is_packed { "+gzip" } else { "" };
        FileForm { format: format!("{format}{packed}"), lines }
    };
    match Text::of(file)? {
        Text::Lines(lines) => Ok(form("ndjson", read_lines(lines, &name, reader)?)),
        Text::Blank => Ok(form("json", 0)),
        Text::Faulty(reason) => {
            reader.give(Item::of(&name, Content::Unusable(reason, Json::Null)), file.size())?;
            Ok(form("json", 1))
        }
        Text::Bundle(outline) => {
            bundle::streamed(file, &outline, reader)?;
            Ok(form("json", 1))
        }
        Text::Whole(text, size) => {
            match json::parse(&text) {
                Ok((json, twice)) => bundle::whole((json, &twice), &name, size, reader)?,
                Err(reason) => reader.give(Item::of(&name, Content::Unusable(reason, Json::Null)), size)?,
            }
            Ok(form("json", 1))
        }
    }
}

/// Reads NDJSON. A broken line is unusable by itself; the others are read. Returns how many lines have something on them.
fn read_lines(mut lines: Lines, name: &str, reader: &mut Reader<'_, '_>) -> Result<u64> {
    let mut count = 0;
    while let Some((number, line, size)) = lines.next()? {
        count += 1;
        let place = format!("{name} line {number}");
        match line.and_then(json::parse) {
            Ok((json, twice)) => bundle::whole((json, &twice), &place, size, reader)?,
            Err(reason) => reader.give(Item::of(&place, Content::Unusable(reason, Json::Null)), size)?,
        }
    }
    Ok(count)
}
