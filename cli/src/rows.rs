//! A file of rows that the plan sends to a command: CSV with a header, or NDJSON with the same names. Each row is settled or refused by
//! itself; the refused ones go to a file of their own, with their reasons.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value as Json, json};

use crate::call::WrongCall;
use crate::stack::private_file;
use crate::told::Told;

/// No row is longer, in bytes.
const LONGEST: u64 = 64 * 1024;

/// The reason why a row is refused: its code, and a text for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    /// The code, by which the report counts.
    pub code: &'static str,
    /// The text.
    pub text: String,
}

/// The texts of a row, column by column, or why it is refused.
type Values<const N: usize> = Result<[String; N], Reason>;

/// A refusal.
pub(crate) fn reason<T>(code: &'static str, text: impl Into<String>) -> Result<T, Reason> {
    Err(Reason { code, text: text.into() })
}

/// The form of a file, which its first line tells.
pub(crate) struct Form<const N: usize> {
    columns: &'static [&'static str; N],
    /// The place of each column in the header, and the number of fields; `None` for NDJSON.
    header: Option<([Option<usize>; N], usize)>,
}

impl<const N: usize> Form<N> {
    /// Reads the first line.
    pub fn of(columns: &'static [&'static str; N], first: &str) -> Result<Form<N>, String> {
        let first = first.trim_start_matches('\u{feff}');
        if first.trim_start().starts_with('{') {
            return Ok(Form { columns, header: None });
        }
        let header = fields(first).ok_or("the header is no CSV")?;
        let mut places = [None; N];
        for (at, name) in header.iter().enumerate() {
            let column = columns.iter().position(|column| *column == name.trim());
            let column =
                column.ok_or_else(|| format!("the header names `{name}`; the columns are {}", columns.join(",")))?;
            if places[column].replace(at).is_some() {
                return Err(format!("the header names `{name}` twice"));
            }
        }
        Ok(Form { columns, header: Some((places, header.len())) })
    }

    /// Whether the first line is a row, too.
    pub fn begins_with_a_row(&self) -> bool {
        self.header.is_none()
    }

    /// Whether a row may have this column.
    pub fn has(&self, column: &str) -> bool {
        let place = self.columns.iter().position(|known| *known == column);
        self.header.is_none_or(|(places, _)| place.is_some_and(|place| places[place].is_some()))
    }

    /// Reads a line: the text of each column, empty where the row has none.
    pub fn values(&self, line: &str) -> Values<N> {
        let Some((places, count)) = &self.header else { return self.json_values(line) };
        match fields(line).filter(|fields| fields.len() == *count) {
            Some(fields) => Ok(places.map(|place| place.map(|at| fields[at].clone()).unwrap_or_default())),
            None => reason("malformed", format!("a row has {count} fields")),
        }
    }

    fn json_values(&self, line: &str) -> Values<N> {
        let Ok(object) = serde_json::from_str::<Map<String, Json>>(line) else {
            return reason("malformed", "a row is one JSON object");
        };
        let mut values = [const { String::new() }; N];
        for (name, value) in object {
            let Some(column) = self.columns.iter().position(|column| *column == name) else {
                let known = self.columns.join(", ");
                return reason("malformed", format!("`{name}` is no property of a row; they are {known}"));
            };
            values[column] = match value {
                Json::Null => String::new(),
                Json::String(text) => text,
                _ => return reason("malformed", format!("`{name}` must be text")),
            };
        }
        Ok(values)
    }
}

/// The rows of a file, read one by one.
pub(crate) struct Rows<const N: usize> {
    lines: Lines,
    form: Form<N>,
    /// The first line, where it is a row.
    first: Option<(String, u64)>,
}

impl<const N: usize> Rows<N> {
    /// Opens a file whose form must be `complete`: it says what a header lacks.
    ///
    /// # Errors
    /// [`WrongCall`]: the file cannot be read, or has no such header.
    pub fn open(
        path: &Path,
        columns: &'static [&'static str; N],
        complete: impl Fn(&Form<N>) -> Result<(), String>,
    ) -> Result<Rows<N>> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| WrongCall(format!("{name} cannot be read: {error}")))?;
        let mut lines = Lines { reader: BufReader::new(file), name, number: 0 };
        let Some(first) = lines.next()? else { bail!(WrongCall(format!("{} is empty", lines.name))) };
        let form = Form::of(columns, &first.0).and_then(|form| complete(&form).map(|()| form));
        let form = form.map_err(|error| WrongCall(format!("{}: {error}", lines.name)))?;
        let first = Some(first).filter(|_| form.begins_with_a_row());
        Ok(Rows { lines, form, first })
    }

    /// The next row with the number of its line, or the reason why it is none; `None` at the end.
    pub fn next(&mut self) -> Result<Option<(u64, Values<N>)>> {
        loop {
            let Some((line, number)) = self.first.take().map_or_else(|| self.lines.next(), |first| Ok(Some(first)))?
            else {
                return Ok(None);
            };
            if !line.trim().is_empty() {
                return Ok(Some((number, self.form.values(&line))));
            }
        }
    }
}

/// The lines of a file, with their numbers.
struct Lines {
    reader: BufReader<File>,
    name: String,
    number: u64,
}

impl Lines {
    fn next(&mut self) -> Result<Option<(String, u64)>> {
        let mut text = Vec::new();
        let mut limited = Read::take(&mut self.reader, LONGEST);
        let count = limited.read_until(b'\n', &mut text).with_context(|| format!("{} cannot be read", self.name))?;
        self.number += 1;
        if count == 0 {
            return Ok(None);
        }
        if count as u64 == LONGEST {
            bail!("{}: line {} has more than {LONGEST} bytes", self.name, self.number);
        }
        // A row that is no UTF-8 is refused as a whole: the sign that stands for bad bytes is in no name.
        let text = String::from_utf8(text).unwrap_or_else(|_| "\u{0}".to_owned());
        Ok(Some((text.trim_end_matches(['\r', '\n']).to_owned(), self.number)))
    }
}

/// The outcome of a run: `read` is the sum of the others and of the refused rows.
pub(crate) struct Outcome {
    pub read: u64,
    pub created: u64,
    pub changed: u64,
    pub unchanged: u64,
    reasons: BTreeMap<&'static str, u64>,
    /// The file for refused rows, and its path. They name people, so only their owner may read it.
    rejected: (PathBuf, Option<File>),
}

impl Outcome {
    /// Of a run that begins, and whose refused rows go to a file at this path.
    pub fn new(rejected: PathBuf) -> Outcome {
        Outcome { read: 0, created: 0, changed: 0, unchanged: 0, reasons: BTreeMap::new(), rejected: (rejected, None) }
    }

    /// Refuses the row at a line.
    ///
    /// # Errors
    /// The file for refused rows cannot be written.
    pub fn refuse(&mut self, line: u64, reason: &Reason) -> Result<()> {
        *self.reasons.entry(reason.code).or_default() += 1;
        let (path, file) = &mut self.rejected;
        let file = match file {
            Some(file) => file,
            None => file.insert(private_file(path).with_context(|| format!("cannot write {}", path.display()))?),
        };
        let told = json!({"line": line, "code": reason.code, "reason": reason.text});
        writeln!(file, "{told}").with_context(|| format!("cannot write {}", path.display()))
    }

    /// As a command tells it.
    pub fn told(self, as_json: bool) -> Told {
        let Outcome { read, created, changed, unchanged, reasons, rejected: (path, file) } = self;
        let rejected: u64 = reasons.values().sum();
        let file = file.map(|_| path);
        let text = if as_json {
            let told = json!({"read": read, "created": created, "changed": changed, "unchanged": unchanged,
                "rejected": rejected, "reasons": reasons, "rejected_file": file});
            format!("{told}\n")
        } else {
            let counts = format!(
                "read {read}: created {created}, changed {changed}, unchanged {unchanged}, rejected {rejected}\n"
            );
            counts + &file.map(|file| format!("the rejected rows: {}\n", file.display())).unwrap_or_default()
        };
        Told { text, refused: rejected > 0 }
    }
}

/// The fields of a line of CSV (RFC 4180); `None` where its quotation marks do not match. A field never has a line break here: no
/// name, subject or id has one.
fn fields(line: &str) -> Option<Vec<String>> {
    let (mut fields, mut chars) = (vec![String::new()], line.chars().peekable());
    loop {
        let field = fields.last_mut()?;
        if chars.next_if_eq(&'"').is_some() {
            loop {
                match chars.next()? {
                    '"' if chars.next_if_eq(&'"').is_some() => field.push('"'),
                    '"' => break,
                    c => field.push(c),
                }
            }
        } else {
            while let Some(c) = chars.next_if(|c| *c != ',') {
                if c == '"' {
                    return None;
                }
                field.push(c);
            }
        }
        match chars.next() {
            None => return Some(fields),
            Some(',') => fields.push(String::new()),
            Some(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_csv_is_read_as_rfc_4180_says() {
        let read = |line: &str| fields(line).map(|fields| fields.join("|"));
        assert_eq!(read("a,b,,d").as_deref(), Some("a|b||d"));
        assert_eq!(read(r#""a,b","say ""x""","#).as_deref(), Some(r#"a,b|say "x"|"#));
        for broken in [r#""a"#, r#""a"b"#, r#"a"b"#] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }
}
