//! The forms of R4's primitive types (R4, "Data Types", with their regular expressions; "JSON Representation").

use serde_json::Value as Json;

use super::rule::Rule;

/// A form of text, number or truth value. Types of one form are one here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Primitive {
    Boolean,
    Integer,
    UnsignedInt,
    PositiveInt,
    Decimal,
    Text,
    Code,
    Id,
    Uri,
    Oid,
    Uuid,
    Base64,
    Date,
    DateTime,
    Instant,
    Time,
    Xhtml,
}

/// Why a value is none of its type.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// JSON has another kind of value: what it should be.
    Type(&'static str),
    /// The text, or the number, has not the form: what it should be.
    Form(&'static str),
    /// The text means one thing only, and that is written so.
    Means(Rule, String),
    /// The text says nothing.
    Nothing,
}

/// The text that CMS writes in place of a date that it leaves out in its tests.
const PLACEHOLDER: &str = "IGNORED_FIELD";

impl Primitive {
    /// The names of all primitive types.
    pub const NAMES: [&'static str; 20] = [
        "base64Binary",
        "boolean",
        "canonical",
        "code",
        "date",
        "dateTime",
        "decimal",
        "id",
        "instant",
        "integer",
        "markdown",
        "oid",
        "positiveInt",
        "string",
        "time",
        "unsignedInt",
        "uri",
        "url",
        "uuid",
        "xhtml",
    ];

    pub fn named(name: &str) -> Option<Primitive> {
        Some(match name {
            "base64Binary" => Primitive::Base64,
            "boolean" => Primitive::Boolean,
            "canonical" | "uri" | "url" => Primitive::Uri,
            "code" => Primitive::Code,
            "date" => Primitive::Date,
            "dateTime" => Primitive::DateTime,
            "decimal" => Primitive::Decimal,
            "id" => Primitive::Id,
            "instant" => Primitive::Instant,
            "integer" => Primitive::Integer,
            "markdown" | "string" => Primitive::Text,
            "oid" => Primitive::Oid,
            "positiveInt" => Primitive::PositiveInt,
            "time" => Primitive::Time,
            "unsignedInt" => Primitive::UnsignedInt,
            "uuid" => Primitive::Uuid,
            "xhtml" => Primitive::Xhtml,
            _ => return None,
        })
    }

    /// Whether a value is of this form.
    pub fn check(self, json: &Json) -> Result<(), Fault> {
        match (self, json) {
            (Primitive::Boolean, Json::Bool(_)) | (Primitive::Decimal, Json::Number(_)) => Ok(()),
            (Primitive::Boolean, _) => Err(Fault::Type("true or false")),
            (Primitive::Integer | Primitive::UnsignedInt | Primitive::PositiveInt, Json::Number(number)) => {
                self.whole(&number.to_string())
            }
            (Primitive::Decimal | Primitive::Integer | Primitive::UnsignedInt | Primitive::PositiveInt, _) => {
                Err(Fault::Type("a number"))
            }
            (_, Json::String(text)) => match self.text(text) {
                Err(Fault::Form(words)) => Err(self.meant(text).unwrap_or(Fault::Form(words))),
                found => found,
            },
            _ => Err(Fault::Type("a string")),
        }
    }

    /// The one thing that a text means which has not the form.
    fn meant(self, text: &str) -> Option<Fault> {
        if text == PLACEHOLDER {
            return Some(Fault::Nothing);
        }
        let trimmed = text.trim();
        if trimmed.len() == text.len() || self == Primitive::Text {
            return None;
        }
        self.text(trimmed).is_ok().then(|| Fault::Means(Rule::Blank, trimmed.to_owned()))
    }

    fn whole(self, text: &str) -> Result<(), Fault> {
        let number = text.parse::<i32>().ok();
        match self {
            Primitive::Integer if number.is_none() => Err(Fault::Form("a whole number of 32 bits")),
            Primitive::UnsignedInt if number.is_none_or(|number| number < 0) => {
                Err(Fault::Form("a whole number of 0 or more"))
            }
            Primitive::PositiveInt if number.is_none_or(|number| number < 1) => {
                Err(Fault::Form("a whole number of 1 or more"))
            }
            _ => Ok(()),
        }
    }

    fn text(self, text: &str) -> Result<(), Fault> {
        let bytes = text.as_bytes();
        let form = |holds: bool, words: &'static str| if holds { Ok(()) } else { Err(Fault::Form(words)) };
        match self {
            Primitive::Text => form(is_text(bytes), "text without control characters"),
            Primitive::Code => form(is_code(bytes), "a code, without blanks at its ends and with single ones in it"),
            Primitive::Id => form(crate::reference::is_id(text), "an id: letters, digits, `-` and `.`, at most 64"),
            Primitive::Uri => {
                form(!bytes.is_empty() && !text.chars().any(char::is_whitespace), "a URI, without blanks")
            }
            Primitive::Oid => form(is_oid(text), "an OID: `urn:oid:` and numbers with dots between them"),
            Primitive::Uuid => form(is_uuid(text), "a UUID: `urn:uuid:` and 32 hexadecimal digits in small letters"),
            Primitive::Base64 => form(is_base64(bytes), "base64"),
            Primitive::Date => form(day(bytes) == Some(bytes.len()), "a date: YYYY, YYYY-MM or YYYY-MM-DD"),
            Primitive::Time => form(clock(bytes) == Some(bytes.len()), "a time: hh:mm:ss"),
            Primitive::DateTime => moment(text, false),
            Primitive::Instant => moment(text, true),
            Primitive::Xhtml => form(text.trim_start().starts_with("<div"), "XHTML in a `<div>`"),
            Primitive::Boolean
            | Primitive::Integer
            | Primitive::UnsignedInt
            | Primitive::PositiveInt
            | Primitive::Decimal => Ok(()),
        }
    }
}

fn is_text(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| *byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r'))
}

fn is_code(bytes: &[u8]) -> bool {
    let is_blank = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_whitespace);
    !is_blank(bytes.first())
        && !is_blank(bytes.last())
        && !bytes.windows(2).any(|two| two.iter().all(u8::is_ascii_whitespace))
}

fn is_oid(text: &str) -> bool {
    let arc = |arc: &str| arc.bytes().all(|byte| byte.is_ascii_digit()) && (arc == "0" || !arc.starts_with('0'));
    let Some(arcs) = text.strip_prefix("urn:oid:") else { return false };
    arcs.starts_with(['0', '1', '2']) && arcs.contains('.') && arcs.split('.').all(|one| !one.is_empty() && arc(one))
}

fn is_uuid(text: &str) -> bool {
    let Some(digits) = text.strip_prefix("urn:uuid:") else { return false };
    let groups: Vec<usize> = digits.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

fn is_base64(bytes: &[u8]) -> bool {
    let mut digits = 0;
    let of_form = bytes.iter().all(|byte| {
        digits += usize::from(!byte.is_ascii_whitespace());
        byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=') || byte.is_ascii_whitespace()
    });
    of_form && digits > 0 && digits.is_multiple_of(4)
}

fn two(bytes: &[u8], at: usize) -> Option<u32> {
    let digit = |at: usize| bytes.get(at).filter(|byte| byte.is_ascii_digit()).map(|byte| u32::from(byte - b'0'));
    Some(digit(at)? * 10 + digit(at + 1)?)
}

/// The length of the date at the beginning: 4, 7 or 10.
fn day(bytes: &[u8]) -> Option<usize> {
    let year = two(bytes, 0)? * 100 + two(bytes, 2)?;
    if year == 0 {
        return None;
    }
    if bytes.get(4) != Some(&b'-') {
        return Some(4);
    }
    let month = two(bytes, 5).filter(|month| (1..=12).contains(month))?;
    if bytes.get(7) != Some(&b'-') {
        return Some(7);
    }
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        2 => 28 + u32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    two(bytes, 8).filter(|day| (1..=last).contains(day)).map(|_| 10)
}

/// The length of the time at the beginning, with its fraction. A minute may have a leap second.
fn clock(bytes: &[u8]) -> Option<usize> {
    let part = |at: usize, most: u32| two(bytes, at).filter(|number| *number <= most);
    let is_colon = |at: usize| bytes.get(at) == Some(&b':');
    let (_, _, _) = (part(0, 23)?, part(3, 59)?, part(6, 60)?);
    if !(is_colon(2) && is_colon(5)) {
        return None;
    }
    if bytes.get(8) != Some(&b'.') {
        return Some(8);
    }
    let fraction = bytes[9..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    (fraction > 0).then_some(9 + fraction)
}

/// A `dateTime`, or an `instant`, which goes to the second.
fn moment(text: &str, is_instant: bool) -> Result<(), Fault> {
    const WORDS: &str = "a date, or a date and time with a zone: YYYY-MM-DDThh:mm:ss+zz:zz";
    let bytes = text.as_bytes();
    let wrong = || Fault::Form(WORDS);
    let length = day(bytes).ok_or_else(wrong)?;
    if length == bytes.len() {
        return if is_instant { Err(wrong()) } else { Ok(()) };
    }
    let rest =
        bytes.get(length + 1..).filter(|_| length == 10 && matches!(bytes[10], b'T' | b't')).ok_or_else(wrong)?;
    let zone = clock(rest).map(|end| &rest[end..]).ok_or_else(wrong)?;
    let is_offset = |hours: u32, minutes: u32| (hours < 14 && minutes < 60) || (hours == 14 && minutes == 0);
    let offset = |minutes_at| Some((two(zone, 1)?, two(zone, minutes_at)?)).filter(|of| is_offset(of.0, of.1));
    let (is_zone, is_short) = match zone {
        [b'Z'] => (true, false),
        [b'z'] => (true, true),
        [b'+' | b'-', _, _, b':', _, _] => (offset(4).is_some(), false),
        [b'+' | b'-', _, _, _, _] => (offset(3).is_some(), true),
        _ => (false, false),
    };
    match (is_zone, is_short || bytes[10] == b't') {
        (false, _) => Err(wrong()),
        (true, false) => Ok(()),
        (true, true) => {
            let mut mended = text.replace('t', "T").replace('z', "Z");
            if zone.len() == 5 {
                mended.insert(mended.len() - 2, ':');
            }
            Err(Fault::Means(Rule::Zone, mended))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(kind: &str, json: &Json) -> bool {
        Primitive::named(kind).unwrap().check(json).is_ok()
    }

    #[test]
    fn every_name_is_a_form() {
        for name in Primitive::NAMES {
            assert!(Primitive::named(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_value_has_the_form_of_its_type() {
        for (kind, right, wrong) in [
            ("boolean", json!([true]), json!(["true", 1, null])),
            ("integer", json!([0, -5, 2_147_483_647]), json!(["0", 1.5, 2_147_483_648_u64])),
            ("unsignedInt", json!([0, 3]), json!([-1, "3"])),
            ("positiveInt", json!([1]), json!([0, -1])),
            ("decimal", json!([12.5, 0, -3]), json!(["12.5", "12,50"])),
            ("string", json!(["a b", "a\nb", "é"]), json!(["", "a\u{0}b", 5])),
            ("code", json!(["final", "a b"]), json!(["", " final", "final ", "a  b"])),
            ("uri", json!(["http://a.example/b", "urn:oid:1.2"]), json!(["http://a.example/b c", ""])),
            ("oid", json!(["urn:oid:2.16.840.1"]), json!(["2.16.840.1", "urn:oid:3.1", "urn:oid:1.02"])),
            (
                "uuid",
                json!(["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"]),
                json!(["c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:C757873D-ec9a-4326-a141-556f43239520"]),
            ),
            ("base64Binary", json!(["YWJj", "YW Jj\n"]), json!(["YWJ", "YW-j", ""])),
            ("date", json!(["2024", "2024-02", "2024-02-29"]), json!(["2023-02-29", "13/45/2026", "2024-13", "24"])),
            ("time", json!(["08:30:00", "08:30:00.5"]), json!(["08:30", "24:00:00", "8:30:00"])),
            (
                "dateTime",
                json!(["2024", "2024-01-02T10:00:00Z", "2024-01-02T10:00:00.123-05:00"]),
                json!(["2024-01-02T10:00:00", "2024-01-02 10:00:00Z", "20240102", "2024-01-02T10:00Z"]),
            ),
            ("instant", json!(["2024-01-02T10:00:00Z"]), json!(["2024-01-02", "2024-01-02T10:00:00+15:00"])),
        ] {
            for value in right.as_array().unwrap() {
                assert!(holds(kind, value), "{kind} {value}");
            }
            for value in wrong.as_array().unwrap() {
                assert!(!holds(kind, value), "{kind} {value}");
            }
        }
    }

    #[test]
    fn a_moment_that_means_one_thing_only_is_read_as_that() {
        for (sent, meant) in [
            ("2024-01-02T10:00:00.000+0000", "2024-01-02T10:00:00.000+00:00"),
            ("2024-01-02T10:00:00z", "2024-01-02T10:00:00Z"),
            ("2024-01-02t10:00:00-0530", "2024-01-02T10:00:00-05:30"),
        ] {
            assert_eq!(Primitive::DateTime.check(&json!(sent)), Err(Fault::Means(Rule::Zone, meant.to_owned())));
        }
        let blank = Primitive::Code.check(&json!(" final"));
        assert_eq!(blank, Err(Fault::Means(Rule::Blank, "final".to_owned())));
        assert_eq!(Primitive::DateTime.check(&json!("IGNORED_FIELD")), Err(Fault::Nothing));
        assert_eq!(Primitive::Text.check(&json!("IGNORED_FIELD")), Ok(()));
    }
}
