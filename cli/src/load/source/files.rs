//! The files of a run: those that are read, and those of the folders that are not, with the reason.

use std::collections::BTreeSet;
use std::fs::{self, File, FileType};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use flate2::read::MultiGzDecoder;
use serde_json::Value as Json;

use super::super::reason::{Reason, ReasonCode};
use super::Source;
use super::outline::Outline;
use super::text::{MAGIC_OF_GZIP, foreign};
use crate::call::WrongCall;

/// The endings of names of feeds. `claims.ndjson.gz` has one, too.
const FEEDS: &[&str] = &["json", "jsonl", "ndjson"];

/// The number of bytes from which a file's form is told.
const HEAD: u64 = 1 << 16;

/// A file to read, as it was when the run began.
pub struct FeedFile {
    pub(super) path: PathBuf,
    /// The same path with links resolved.
    pub(super) real: PathBuf,
    version: FileVersion,
    /// The length of the file, and that of its text, in bytes.
    pub(super) lengths: (u64, u64),
    /// Whether it is packed by gzip.
    pub(super) is_packed: bool,
    /// Why nothing of it can be read.
    pub(super) damage: Option<Reason>,
}

/// A file of a folder that is not read.
#[derive(Clone, Debug)]
pub struct LeftOut {
    /// Its path.
    pub path: PathBuf,
    /// The reason.
    pub why: String,
    /// Whether its name is that of a feed, so that something may be missing.
    pub is_feed: bool,
}

/// The version of a file: its size, and the time when it was modified.
type FileVersion = (u64, Option<SystemTime>);

impl FeedFile {
    fn of(path: &Path) -> Result<FeedFile> {
        let unread = || format!("{} cannot be read", path.display());
        let real = path.canonicalize().with_context(unread)?;
        let head = head(path).with_context(unread)?;
        let is_packed = head.starts_with(MAGIC_OF_GZIP);
        let version = version(path)?;
        let (length, damage) = match is_packed.then(|| unpacked(path)) {
            None => (version.0, foreign(&head)),
            Some(Ok(length)) => (length, None),
            Some(Err(why)) => (version.0, Some(why)),
        };
        let damage = damage.map(|text| Reason::new(ReasonCode::Encoding, text));
        Ok(FeedFile { path: path.to_owned(), real, lengths: (version.0, length.max(1)), version, is_packed, damage })
    }

    /// Fails if the file has changed: both readings must find the same.
    pub(super) fn is_as_it_was(&self) -> Result<()> {
        if version(&self.path)? != self.version {
            bail!("{} changed while it was read; run the same load again once it is complete", self.path.display());
        }
        Ok(())
    }

    /// Its path in words.
    pub fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// The mark that tells the file from every other, and from itself before and after a change.
    pub(in super::super) fn identity(&self) -> String {
        let (size, modified) = self.version;
        let since_1970 = modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        format!("{} {size} {}", self.name(), since_1970.unwrap_or_default().as_nanos())
    }

    /// Its size in bytes.
    pub(super) fn size(&self) -> u64 {
        self.version.0
    }

    /// Whether its name says that it is NDJSON.
    pub(super) fn is_ndjson_by_name(&self) -> bool {
        endings(&self.path).iter().any(|ending| ending == "ndjson" || ending == "jsonl")
    }

    /// The outline of its text; `None` where it is blank.
    ///
    /// # Errors
    /// It cannot be opened. A fault in the text is no error.
    pub(super) fn outline(&self) -> Result<Option<Result<Outline, Reason>>> {
        Ok(Outline::of(self.open()?).transpose())
    }

    /// Its text, unpacked.
    pub(super) fn open(&self) -> Result<Box<dyn BufRead>> {
        let file = File::open(&self.path).with_context(|| format!("{} cannot be read", self.path.display()))?;
        let file = BufReader::with_capacity(1 << 17, file);
        Ok(if self.is_packed { Box::new(BufReader::new(MultiGzDecoder::new(file))) } else { Box::new(file) })
    }
}

fn version(path: &Path) -> Result<FileVersion> {
    let data = fs::metadata(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok((data.len(), data.modified().ok()))
}

/// The length of a gzip file's text; or why it does not unpack to its end. All of it is unpacked once before anything of it is
/// taken: its checksums come last.
fn unpacked(path: &Path) -> Result<u64, String> {
    let unpack = |file| io::copy(&mut MultiGzDecoder::new(BufReader::new(file)), &mut io::sink());
    File::open(path).and_then(unpack).map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::UnexpectedEof => "it is cut off".to_owned(),
            _ => error.to_string(),
        };
        format!("the gzip file is damaged: {why}; nothing of it is taken, send it again")
    })
}

/// The first bytes of a file, unpacked.
fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD).read_to_end(&mut head)?;
    Ok(head)
}

fn endings(path: &Path) -> Vec<String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    name.split('.').skip(1).map(str::to_owned).collect()
}

/// Whether a file is a feed by its name. An attachment beside a feed is none.
pub(in super::super) fn is_feed_name(path: &Path) -> bool {
    endings(path).iter().any(|ending| FEEDS.contains(&ending.as_str()))
}

/// Whether the beginning of a file is that of a feed: exports of some programs are called `part-00000`.
fn is_feed_by_content(path: &Path) -> bool {
    let Ok(head) = head(path) else { return false };
    let mut text = Vec::new();
    if head.starts_with(MAGIC_OF_GZIP) {
        // A text that the limit cuts off still tells its form.
        let _ = MultiGzDecoder::new(head.as_slice()).take(HEAD).read_to_end(&mut text);
    } else {
        text = head;
    }
    let text = text.trim_ascii_start();
    text.starts_with(b"{") && text.windows(14).any(|part| part == b"\"resourceType\"")
}

/// The kind of a file that is no regular file, in words.
fn kind(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "a pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_block_device() || kind.is_char_device() {
            return "a device";
        }
    }
    if kind.is_dir() { "a folder" } else { "no regular file" }
}

/// A walk through the folders that were named.
#[derive(Default)]
struct Walk {
    files: Vec<FeedFile>,
    left_out: Vec<LeftOut>,
    /// Files and folders that were met, with links resolved.
    met: BTreeSet<PathBuf>,
}

/// The files that `paths` name.
pub(super) fn of_paths(paths: &[PathBuf]) -> Result<Source> {
    let mut walk = Walk::default();
    for path in paths {
        let wrong = |why: &str| WrongCall(format!("{} {why}", path.display()));
        let data = fs::metadata(path).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
        if data.is_dir() {
            let before = walk.files.len();
            let real = path.canonicalize().map_err(|error| wrong(&format!("cannot be read: {error}")))?;
            walk.folder(path, &real)?;
            if walk.files.len() == before {
                bail!(wrong("holds no .json, .ndjson or .jsonl file, plain or packed by gzip"));
            }
        } else if data.is_file() {
            let file = FeedFile::of(path)?;
            if walk.met.insert(file.real.clone()) {
                walk.files.push(file);
            } else {
                walk.leave_out(path, "it is read under another name already");
            }
        } else {
            let kind = kind(data.file_type());
            bail!(wrong(&format!("is {kind}, and a load reads its input twice: write it to a file first")));
        }
    }
    Ok(Source::Files { files: walk.files, left_out: walk.left_out })
}

impl Walk {
    /// Takes the files of a folder, below the folder that was named, which is `root` with links resolved.
    fn folder(&mut self, folder: &Path, root: &Path) -> Result<()> {
        let unlisted = || format!("{} cannot be listed", folder.display());
        if !self.met.insert(folder.canonicalize().with_context(unlisted)?) {
            self.leave_out(folder, "it is read under another name already");
            return Ok(());
        }
        let entries = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
        let mut entries: Vec<PathBuf> = entries.with_context(unlisted)?;
        entries.sort();
        entries.iter().try_for_each(|entry| self.entry(entry, root))
    }

    fn entry(&mut self, path: &Path, root: &Path) -> Result<()> {
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            self.leave_out(path, "its name begins with a dot");
            return Ok(());
        }
        let (Ok(real), Ok(data)) = (path.canonicalize(), fs::metadata(path)) else {
            self.leave_out(path, "it is a link that leads nowhere");
            return Ok(());
        };
        if !real.starts_with(root) {
            self.leave_out(path, "it is a link that leads out of the folder; name the file itself");
        } else if data.is_dir() {
            self.folder(path, root)?;
        } else if !data.is_file() {
            self.leave_out(path, &format!("it is {}", kind(data.file_type())));
        } else if !is_feed_name(path) && !is_feed_by_content(path) {
            self.leave_out(path, "neither its name nor its beginning is that of a feed, and no attachment names it");
        } else if self.met.contains(&real) {
            self.leave_out(path, "it is read under another name already");
        } else if !is_feed_name(path) && is_rejections(path)? {
            self.leave_out(path, "it holds what an earlier load rejected");
        } else if is_rejections(path)? {
            bail!(WrongCall(format!(
                "{} holds what an earlier load rejected: move it out of the folder, or load it by its own name once it is mended",
                path.display()
            )));
        } else {
            self.met.insert(real);
            self.files.push(FeedFile::of(path)?);
        }
        Ok(())
    }

    fn leave_out(&mut self, path: &Path, why: &str) {
        self.left_out.push(LeftOut { path: path.to_owned(), why: why.to_owned(), is_feed: is_feed_name(path) });
    }
}

/// Whether a file holds the rejections of an earlier load: old versions, which must not supersede those of a later
/// feed, and which may be other members' data.
pub(in super::super) fn is_rejections(path: &Path) -> Result<bool> {
    let mut first = Vec::new();
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    BufReader::new(file)
        .take(1 << 23)
        .read_until(b'\n', &mut first)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    let line = serde_json::from_slice::<Json>(&first).unwrap_or_default();
    Ok(["place", "code", "reason", "resource"].iter().all(|name| line.get(name).is_some()))
}
