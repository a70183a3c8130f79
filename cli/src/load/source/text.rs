//! The text of a file: its encoding, and its lines.

use std::io::{BufRead, Read};

use anyhow::{Context, Result};

use super::super::reason::{Reason, ReasonCode};
use super::FeedFile;
use super::json;
use super::outline::Outline;

/// The first bytes of a gzip file (RFC 1952).
pub(super) const MAGIC_OF_GZIP: &[u8] = b"\x1f\x8b";

/// The longest line, in bytes: memory holds one. No resource comes near it.
pub(super) const LONGEST_LINE: u64 = 64 << 20;

/// The first bytes of files that are no JSON in UTF-8, with what they are.
const FOREIGN: &[(&[u8], &str)] = &[
    (b"\xff\xfe\0\0", "text in UTF-32"),
    (b"\0\0\xfe\xff", "text in UTF-32"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
    (b"{\0", "text in UTF-16"),
    (b"[\0", "text in UTF-16"),
    (b"\0{", "text in UTF-16"),
    (b"\0[", "text in UTF-16"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\0", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"PAR1", "a Parquet file"),
    (b"ORC", "an ORC file"),
    (b"Obj\x01", "an Avro file"),
    (b"\xff\x06\0\0sNaPpY", "a snappy file"),
    (b"%PDF", "a PDF"),
    (b"<", "XML or HTML"),
];

/// The form of a file that is no JSON in UTF-8, told by its first bytes, and the form that would be right.
pub(super) fn foreign(head: &[u8]) -> Option<String> {
    let (_, what) = FOREIGN.iter().find(|(magic, _)| head.trim_ascii_start().starts_with(magic))?;
    Some(format!("this is {what}; FHIR's JSON is text in UTF-8, plain or packed by gzip"))
}

/// A file's text: NDJSON, a Bundle, or another JSON text.
pub(super) enum Text {
    /// Lines.
    Lines(Lines),
    /// One Bundle that has entries.
    Bundle(Outline),
    /// One text, and the bytes of the file.
    Whole(Vec<u8>, u64),
    /// Nothing but spaces.
    Blank,
    /// A text that cannot be read.
    Faulty(Reason),
}

impl Text {
    /// NDJSON if the file's name says so or its first line is a whole JSON value, else one JSON text.
    pub(super) fn of(file: &FeedFile) -> Result<Text> {
        let unread = || format!("{} cannot be read", file.name());
        let lines =
            || Ok(Text::Lines(Lines { text: file.open()?, name: file.name(), number: 0, lengths: file.lengths }));
        if file.is_ndjson_by_name() {
            return lines();
        }
        match file.outline()? {
            None => Ok(Text::Blank),
            Some(Ok(outline)) if outline.goes_on || (outline.is_line && outline.length <= LONGEST_LINE) => lines(),
            Some(Ok(outline)) if outline.is_bundle() => Ok(Text::Bundle(outline)),
            Some(Ok(_)) => {
                let mut whole = Vec::new();
                file.open()?.read_to_end(&mut whole).with_context(unread)?;
                Ok(Text::Whole(without_mark(&whole).to_vec(), file.size()))
            }
            // NDJSON under another name, with a broken first line.
            Some(Err(_)) if has_resource(file)? => lines(),
            Some(Err(reason)) => Ok(Text::Faulty(reason)),
        }
    }
}

/// Whether one of the lines of a file is a resource.
fn has_resource(file: &FeedFile) -> Result<bool> {
    let mut lines = Lines { text: file.open()?, name: file.name(), number: 0, lengths: file.lengths };
    while let Some((_, line, _)) = lines.next()? {
        if line.is_ok_and(|line| json::is_resource(&line)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A line: its number, its text or the fault in it, and its size in the file.
type Line = (u64, Result<Vec<u8>, Reason>, u64);

/// The lines of NDJSON.
pub(super) struct Lines {
    text: Box<dyn BufRead>,
    name: String,
    number: u64,
    /// The length of the file, and that of its text, in bytes.
    lengths: (u64, u64),
}

impl Lines {
    /// The next line with something on it.
    pub(super) fn next(&mut self) -> Result<Option<Line>> {
        loop {
            let unread = || format!("{} cannot be read", self.name);
            let mut line = Vec::new();
            let mut size = self.text.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).with_context(unread)?;
            if size == 0 {
                return Ok(None);
            }
            self.number += 1;
            let is_too_long = size as u64 == LONGEST_LINE && !line.ends_with(b"\n");
            if is_too_long {
                line = Vec::new();
                size += self.text.skip_until(b'\n').with_context(unread)?;
            }
            let (in_file, in_all) = (u128::from(self.lengths.0), u128::from(self.lengths.1));
            let share = u64::try_from(size as u128 * in_file / in_all).unwrap_or(u64::MAX);
            if is_too_long {
                let text = format!(
                    "this line is longer than {} MB; send each resource on a line of its own",
                    LONGEST_LINE >> 20
                );
                return Ok(Some((self.number, Err(Reason::new(ReasonCode::TooLarge, text)), share)));
            }
            if !line.trim_ascii().is_empty() {
                return Ok(Some((self.number, Ok(without_mark(&line).to_vec()), share)));
            }
        }
    }
}

/// A text without the byte order mark that some programs put before it.
fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}
