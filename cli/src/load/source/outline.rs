//! A JSON file that is read piece by piece: a Bundle of any length is never held whole.
//!
//! The file is gone through once for its outline: whether it is complete, and what stands beside the entries, because the type of a Bundle
//! may come after them. Then the entries are read one by one. Nothing but the ends of values is looked for here; a piece that is no JSON
//! is found where it is parsed.

use std::collections::HashSet;
use std::fmt;
use std::io::{self, BufRead};

use anyhow::Result;
use serde_json::{Map, Value as Json};

use super::super::reason::{Reason, ReasonCode};
use super::json::{self, Twice};
use super::text::LONGEST_LINE;

/// The outline of a file's first JSON value.
#[derive(Default)]
pub(super) struct Outline {
    /// The properties of the object, without its entries.
    pub head: Map<String, Json>,
    /// Where properties stand twice in it, outside of entries.
    pub twice: Vec<Twice>,
    /// The number of entries, where `entry` is a list.
    pub entries: Option<u64>,
    /// Whether the value stands on one line, and ends with it.
    pub is_line: bool,
    /// Whether something follows it.
    pub goes_on: bool,
    /// The bytes of the value.
    pub length: u64,
}

/// The reason why a text ends, or cannot be gone through.
#[derive(Debug)]
enum Fault {
    Unread(io::Error),
    CutOff,
    TooLong,
    NotJson { at: u64 },
    Piece(Reason),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Unread(error) => write!(f, "it cannot be read to its end: {error}"),
            Fault::CutOff => f.write_str("this is no JSON: it is cut off"),
            Fault::TooLong => write!(
                f,
                "a value in it is longer than {} MB; send each resource on a line of its own, or as an entry of a Bundle",
                LONGEST_LINE >> 20
            ),
            Fault::NotJson { at } => write!(f, "this is no JSON: byte {at} is not one that may stand there"),
            Fault::Piece(reason) => f.write_str(&reason.text),
        }
    }
}

impl std::error::Error for Fault {}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::Unread(error)
    }
}

impl From<Fault> for Reason {
    fn from(fault: Fault) -> Reason {
        let code = match fault {
            Fault::Piece(reason) => return reason,
            Fault::Unread(_) => ReasonCode::Encoding,
            Fault::TooLong => ReasonCode::TooLarge,
            Fault::CutOff | Fault::NotJson { .. } => ReasonCode::NotJson,
        };
        Reason::new(code, fault.to_string())
    }
}

impl Outline {
    /// Goes through a text. `None` for one that is blank.
    pub(super) fn of(text: Box<dyn BufRead>) -> Result<Option<Outline>, Reason> {
        let mut outline = Outline::default();
        let mut pieces = Pieces { text, at: 0, lines: 0 };
        match pieces.top(&mut outline, &mut |_, _| Ok(())) {
            Ok(false) => return Ok(None),
            Ok(true) => {}
            Err(error) => return Err(fault_of(error).into()),
        }
        outline.length = pieces.at;
        let before = pieces.lines;
        outline.goes_on = pieces.skip_blank().map_err(Reason::from)?.is_some();
        outline.is_line = before == 0 && pieces.lines > 0;
        Ok(Some(outline))
    }

    /// Whether the file is one Bundle, whose entries are read one by one.
    pub(super) fn is_bundle(&self) -> bool {
        self.head.get("resourceType").is_some_and(|kind| kind == "Bundle")
            && self.entries.is_some_and(|entries| entries > 0)
    }
}

/// Reads the entries of a Bundle that has an outline, each with its position.
///
/// # Errors
/// The file cannot be read, or `each` fails.
pub(super) fn each_entry(text: Box<dyn BufRead>, each: &mut dyn FnMut(u64, &[u8]) -> Result<()>) -> Result<()> {
    let mut pieces = Pieces { text, at: 0, lines: 0 };
    pieces.top(&mut Outline::default(), each).map(|_| ())
}

/// The fault that ended the reading of an outline, in which nothing else fails.
fn fault_of(error: anyhow::Error) -> Fault {
    error.downcast().unwrap_or_else(|error| Fault::Unread(io::Error::other(error.to_string())))
}

/// A text, taken apart at the ends of values.
struct Pieces {
    text: Box<dyn BufRead>,
    /// The bytes so far.
    at: u64,
    /// The ends of lines so far.
    lines: u64,
}

/// The place in a value.
#[derive(Default)]
struct Place {
    depth: u32,
    in_string: bool,
    is_escaped: bool,
}

impl Pieces {
    /// Goes through the first value; entries of an object are given to `each`. Returns whether there is a value.
    fn top(&mut self, outline: &mut Outline, each: &mut dyn FnMut(u64, &[u8]) -> Result<()>) -> Result<bool> {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        // Some programs put a byte order mark before the text.
        if self.text.fill_buf().map_err(Fault::from)?.starts_with(MARK) {
            self.take(MARK.len());
        }
        match self.skip_blank()? {
            None => return Ok(false),
            Some(b'{') => {}
            Some(_) => {
                self.value(None)?;
                return Ok(true);
            }
        }
        self.take(1);
        let (mut names, mut piece) = (HashSet::new(), Vec::new());
        if self.skip_blank()? == Some(b'}') {
            self.take(1);
            return Ok(true);
        }
        loop {
            self.skip_blank()?;
            self.value(Some(&mut piece))?;
            let name: String = serde_json::from_slice(&piece).map_err(|_| self.no_json())?;
            if self.skip_blank()? != Some(b':') {
                return Err(self.no_json().into());
            }
            self.take(1);
            let is_list = self.skip_blank()? == Some(b'[');
            if !names.insert(name.clone()) {
                outline.twice.push(vec![name.clone()]);
            }
            if name == "entry" && is_list {
                self.entries(outline, each)?;
            } else {
                self.value(Some(&mut piece))?;
                let (value, twice) = json::parse(&piece).map_err(Fault::Piece)?;
                outline.twice.extend(twice.into_iter().map(|way| [vec![name.clone()], way].concat()));
                outline.head.insert(name, value);
            }
            if self.ends(b'}')? {
                return Ok(true);
            }
        }
    }

    fn entries(&mut self, outline: &mut Outline, each: &mut dyn FnMut(u64, &[u8]) -> Result<()>) -> Result<()> {
        self.take(1);
        let mut count = outline.entries.unwrap_or_default();
        if self.skip_blank()? == Some(b']') {
            self.take(1);
        } else {
            let mut piece = Vec::new();
            loop {
                self.skip_blank()?;
                self.value(Some(&mut piece))?;
                each(count, &piece)?;
                count += 1;
                if self.ends(b']')? {
                    break;
                }
            }
        }
        outline.entries = Some(count);
        Ok(())
    }

    /// Whether this byte ends a list or an object here; else another value follows.
    fn ends(&mut self, end: u8) -> Result<bool, Fault> {
        match self.skip_blank()? {
            Some(b',') => {
                self.take(1);
                Ok(false)
            }
            Some(byte) if byte == end => {
                self.take(1);
                Ok(true)
            }
            Some(_) => Err(self.no_json()),
            None => Err(Fault::CutOff),
        }
    }

    fn no_json(&self) -> Fault {
        Fault::NotJson { at: self.at + 1 }
    }

    fn take(&mut self, count: usize) {
        self.text.consume(count);
        self.at += count as u64;
    }

    /// Goes to the first byte that is no space, and tells it.
    fn skip_blank(&mut self) -> Result<Option<u8>, Fault> {
        loop {
            let bytes = self.text.fill_buf()?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let blank = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let (lines, first) = (ends_of_lines(&bytes[..blank]), bytes.get(blank).copied());
            self.lines += lines;
            self.take(blank);
            if first.is_some() {
                return Ok(first);
            }
        }
    }

    /// Goes past a value, which begins here, and keeps it in `piece`.
    fn value(&mut self, mut piece: Option<&mut Vec<u8>>) -> Result<(), Fault> {
        let (mut place, mut length) = (Place::default(), 0);
        if let Some(piece) = &mut piece {
            piece.clear();
        }
        loop {
            let bytes = self.text.fill_buf()?;
            if bytes.is_empty() {
                // Only a number or a word may end with the text.
                let is_scalar = length > 0 && place.depth == 0 && !place.in_string;
                return if is_scalar { Ok(()) } else { Err(Fault::CutOff) };
            }
            let end = place.end(bytes, length == 0);
            let part = &bytes[..end.unwrap_or(bytes.len())];
            self.lines += ends_of_lines(part);
            if let Some(piece) = &mut piece {
                piece.extend_from_slice(part);
            }
            let count = part.len();
            length += count as u64;
            self.take(count);
            if length > LONGEST_LINE {
                return Err(Fault::TooLong);
            }
            match end {
                Some(_) if length == 0 => return Err(self.no_json()),
                Some(_) => return Ok(()),
                None => {}
            }
        }
    }
}

impl Place {
    /// How many of these bytes belong to the value, where it ends among them. `is_first` says that it begins with them.
    fn end(&mut self, bytes: &[u8], is_first: bool) -> Option<usize> {
        for (at, byte) in bytes.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => {
                        self.in_string = false;
                        if self.depth == 0 {
                            return Some(at + 1);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            // A word that another value follows at once is no JSON, and ends here.
            let is_inside = self.depth > 0 || (is_first && at == 0);
            match byte {
                b'"' | b'{' | b'[' if !is_inside => return Some(at),
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' | b',' | b':' if self.depth == 0 => return Some(at),
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                byte if self.depth == 0 && byte.is_ascii_whitespace() => return Some(at),
                _ => {}
            }
        }
        None
    }
}

fn ends_of_lines(bytes: &[u8]) -> u64 {
    bytes.split(|byte| *byte == b'\n').count().saturating_sub(1) as u64
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor};

    use super::*;

    /// A text that comes a few bytes at a time.
    fn text(text: &str, at_once: usize) -> Box<dyn BufRead> {
        Box::new(BufReader::with_capacity(at_once, Cursor::new(text.to_owned())))
    }

    fn outline(of: &str) -> Result<Option<Outline>, Reason> {
        let [one, all] = [3, 4096].map(|at_once| Outline::of(text(of, at_once)));
        let told = |of: &Result<Option<Outline>, Reason>| match of {
            Ok(Some(of)) => {
                format!("{:?} {:?} {:?} {} {} {}", of.head, of.twice, of.entries, of.is_line, of.goes_on, of.length)
            }
            Ok(None) => "blank".to_owned(),
            Err(reason) => reason.text.clone(),
        };
        assert_eq!(told(&one), told(&all), "{of}");
        all
    }

    #[test]
    fn an_outline_tells_what_stands_beside_the_entries_wherever_that_is() {
        let bundle =
            r#" {"entry" : [ {"a":"]}\"{"} , 1,[2],"x" ], "type":"batch", "resourceType":"Bundle","type":"b"} "#;
        let of = outline(bundle).unwrap().unwrap();
        assert_eq!((of.entries, of.is_bundle(), of.twice), (Some(4), true, vec![vec!["type".to_owned()]]));
        let mut found = Vec::new();
        for at_once in [1, 5, 4096] {
            each_entry(text(bundle, at_once), &mut |position, entry| {
                found.push(format!("{position} {}", String::from_utf8_lossy(entry)));
                Ok(())
            })
            .unwrap();
            assert_eq!(found, [r#"0 {"a":"]}\"{"}"#, "1 1", "2 [2]", r#"3 "x""#], "{at_once}");
            found.clear();
        }
    }

    #[test]
    fn lines_are_told_from_one_text() {
        let is = |text: &str| outline(text).unwrap().map(|of| (of.is_line, of.goes_on));
        assert_eq!(is("{\"a\":1}\n{\"b\":2}"), Some((true, true)));
        assert_eq!(is("{\"a\":1}\n"), Some((true, false)));
        assert_eq!(is("{\"a\":1}"), Some((false, false)));
        assert_eq!(is("{\n\"a\":1}\n"), Some((false, false)));
        assert_eq!(is(" \n"), None);
        assert_eq!(is("\u{feff}[1]\n[2]"), Some((true, true)));
    }

    #[test]
    fn what_is_no_json_is_told() {
        for (text, told) in [
            ("{\"a\":", "cut off"),
            ("{\"entry\":[{},", "cut off"),
            ("{\"a\" 1}", "byte 6"),
            ("{\"entry\":[{} {}]}", "byte 14"),
            ("{\"a\":1]", "byte 7"),
            ("{,}", "byte 2"),
            ("{\"a\":tru}", "no JSON"),
        ] {
            let Err(reason) = outline(text) else { panic!("{text}") };
            assert!(reason.code == ReasonCode::NotJson && reason.text.contains(told), "{text}: {reason}");
        }
    }
}
