//! A row of `member import`: CSV with a header, or NDJSON with the same names.

use serde_json::{Map, Value as Json};
use shared::bounds::{SUBJECT_BYTES, USERNAME_BYTES};
use shared::fhir::reference::is_id;
use shared::oauth::member::Subject;
use shared::oauth::provider::settings::is_name;
use shared::oauth::sign_in::{Way, canonical};

/// The columns, by their names.
pub(super) const COLUMNS: [&str; 5] = ["username", "provider", "subject", "patient", "state"];

/// A row that ties a way in to a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub way: Way,
    pub patient: Option<String>,
    pub disabled: bool,
}

/// The reason why a row is refused: its code, and a text for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The code, by which the report counts.
    pub code: &'static str,
    /// The text.
    pub text: String,
}

fn reason<T>(code: &'static str, text: impl Into<String>) -> Result<T, Reason> {
    Err(Reason { code, text: text.into() })
}

/// The form of a file, which its first line tells.
pub(super) enum Form {
    Ndjson,
    /// The place of each of [`COLUMNS`], where the header has it.
    Csv([Option<usize>; 5], usize),
}

impl Form {
    /// Reads the first line. Tells whether that line is a row, too.
    pub fn of(first: &str) -> Result<(Form, bool), String> {
        let first = first.trim_start_matches('\u{feff}');
        if first.trim_start().starts_with('{') {
            return Ok((Form::Ndjson, true));
        }
        let header = fields(first).ok_or("the header is no CSV")?;
        let mut places = [None; 5];
        for (at, name) in header.iter().enumerate() {
            let column = COLUMNS.iter().position(|column| *column == name.trim());
            let column =
                column.ok_or_else(|| format!("the header names `{name}`; the columns are {}", COLUMNS.join(",")))?;
            if places[column].replace(at).is_some() {
                return Err(format!("the header names `{name}` twice"));
            }
        }
        if places[3].is_none() || (places[0].is_none() && places[2].is_none()) {
            return Err(format!(
                "the header must name patient, and username or provider,subject: {}",
                COLUMNS.join(",")
            ));
        }
        Ok((Form::Csv(places, header.len()), false))
    }

    /// Reads a line.
    pub fn row(&self, line: &str) -> Result<Row, Reason> {
        let values = match self {
            Form::Ndjson => json_values(line)?,
            Form::Csv(places, count) => {
                let fields = fields(line).filter(|fields| fields.len() == *count);
                let Some(fields) = fields else { return reason("malformed", format!("a row has {count} fields")) };
                places.map(|place| place.map(|at| fields[at].clone()).unwrap_or_default())
            }
        };
        row(values)
    }
}

fn json_values(line: &str) -> Result<[String; 5], Reason> {
    let Ok(object) = serde_json::from_str::<Map<String, Json>>(line) else {
        return reason("malformed", "a row is one JSON object");
    };
    let mut values = <[String; 5]>::default();
    for (name, value) in object {
        let Some(column) = COLUMNS.iter().position(|column| *column == name) else {
            return reason("malformed", format!("`{name}` is no property of a row; they are {}", COLUMNS.join(", ")));
        };
        values[column] = match value {
            Json::Null => String::new(),
            Json::String(text) => text,
            _ => return reason("malformed", format!("`{name}` must be text")),
        };
    }
    Ok(values)
}

fn row([username, provider, subject, patient, state]: [String; 5]) -> Result<Row, Reason> {
    let way = match (username.trim().is_empty(), provider.is_empty() && subject.is_empty()) {
        (true, true) => return reason("no-sign-in", "a row needs a username, or a provider and a subject"),
        (false, false) => return reason("two-sign-ins", "a row has either a username, or a provider and a subject"),
        (false, true) => {
            let name = canonical(&username);
            if name.len() > USERNAME_BYTES || name.contains(char::is_control) {
                return reason(
                    "username",
                    format!("a username has at most {USERNAME_BYTES} bytes, none of them control characters"),
                );
            }
            Way::Username(name)
        }
        (true, false) => {
            if !is_name(&provider) {
                return reason("provider", "a provider's name has 1 to 64 lower-case letters, digits and hyphens");
            }
            let is_subject =
                !subject.is_empty() && subject.len() <= SUBJECT_BYTES && !subject.contains(char::is_control);
            if !is_subject {
                return reason(
                    "subject",
                    format!("a subject has 1 to {SUBJECT_BYTES} bytes, none of them control characters"),
                );
            }
            Way::Subject(Subject { provider, subject })
        }
    };
    let patient = patient.strip_prefix("Patient/").unwrap_or(&patient).trim().to_owned();
    if !patient.is_empty() && !is_id(&patient) {
        return reason("patient", format!("`{patient}` is no resource id (letters, digits, `-` and `.`, at most 64)"));
    }
    let disabled = match state.trim() {
        "" | "active" => false,
        "disabled" => true,
        other => return reason("state", format!("`{other}` is no state: active or disabled")),
    };
    Ok(Row { way, patient: (!patient.is_empty()).then_some(patient), disabled })
}

/// The fields of a line of CSV (RFC 4180); `None` where its quotation marks do not match. A field never has a line break here: no
/// name, subject or id has one.
pub(crate) fn fields(line: &str) -> Option<Vec<String>> {
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

    #[test]
    fn a_row_that_breaks_a_rule_is_refused_by_a_code() {
        let (form, is_row) = Form::of("\u{feff}username,provider,subject,patient,state").unwrap();
        assert!(!is_row);
        for (line, code) in [
            ("ada,,,p1", "malformed"),
            (",,,p1,active", "no-sign-in"),
            ("ada,plan,s1,p1,active", "two-sign-ins"),
            (",Plan,s1,p1,active", "provider"),
            (",plan,,p1,active", "subject"),
            (&format!(",plan,{},p1,active", "s".repeat(SUBJECT_BYTES + 1)), "subject"),
            ("ada,,,p 1,active", "patient"),
            ("ada,,,p1,gone", "state"),
        ] {
            assert_eq!(form.row(line).unwrap_err().code, code, "{line}");
        }
        let ada = form.row("Ada,,,Patient/p1,").unwrap();
        assert_eq!(ada, Row { way: Way::Username("ada".into()), patient: Some("p1".into()), disabled: false });
        let (form, is_row) = Form::of(r#"{"username":"ada"}"#).unwrap();
        assert!(is_row && form.row(r#"{"username":"ADA","patient":"p1","state":null}"#).unwrap() == ada);
        for line in ["[]", "{", r#"{"username":1}"#, r#"{"user":"ada"}"#] {
            assert_eq!(form.row(line).unwrap_err().code, "malformed", "{line}");
        }
        assert!(
            Form::of("name,patient").is_err()
                && Form::of("username").is_err()
                && Form::of("username,username,patient").is_err()
        );
    }
}
