//! Bundles, put together from stored JSON without reading it again.

use serde_json::json;

use super::outcome::{Issue, outcome};
use crate::fhir::reference::Reference;

/// The role of an entry in a search set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A match.
    Match,
    /// Included.
    Include,
    /// A remark about the search.
    Outcome,
}

/// An entry.
pub struct Entry {
    /// The resource; `None` for a remark.
    pub reference: Option<Reference>,
    /// Why it is there.
    pub mode: Mode,
    /// Its JSON.
    pub json: String,
}

impl Entry {
    /// The remarks on the answer.
    pub fn outcome(issues: &[Issue]) -> Entry {
        Entry { reference: None, mode: Mode::Outcome, json: outcome(issues).to_string() }
    }

    /// How many bytes it adds to the answer, escaped.
    pub fn weight(&self) -> usize {
        escaped_length(&self.json) + 200
    }
}

/// A search set.
#[derive(Default)]
pub struct Bundle {
    /// How many matches there are, where that is known.
    pub total: Option<usize>,
    /// The search as it was understood.
    pub self_link: String,
    /// Where it goes on.
    pub next_link: Option<String>,
    /// The entries, matches first.
    pub entries: Vec<Entry>,
}

impl Bundle {
    /// The Bundle's JSON. Full URLs are built on `base`.
    pub fn to_json(&self, base: &str) -> String {
        let size: usize = self.entries.iter().map(|entry| entry.json.len() + 160).sum();
        let mut text = String::with_capacity(size + 400);
        text.push_str(r#"{"resourceType":"Bundle","type":"searchset""#);
        if let Some(total) = self.total {
            text.push_str(&format!(r#","total":{total}"#));
        }
        text.push_str(r#","link":["#);
        text.push_str(&json!({"relation": "self", "url": self.self_link}).to_string());
        if let Some(next) = &self.next_link {
            text.push(',');
            text.push_str(&json!({"relation": "next", "url": next}).to_string());
        }
        text.push(']');
        for (position, entry) in self.entries.iter().enumerate() {
            text.push_str(if position == 0 { r#","entry":[{"# } else { ",{" });
            if let Some(reference) = &entry.reference {
                text.push_str(&format!(r#""fullUrl":"{base}/{reference}","#));
            }
            let mode = match entry.mode {
                Mode::Match => "match",
                Mode::Include => "include",
                Mode::Outcome => "outcome",
            };
            text.push_str(r#""resource":"#);
            text.push_str(&entry.json);
            text.push_str(&format!(r#","search":{{"mode":"{mode}"}}}}"#));
        }
        // R4 forbids an empty `entry` array.
        text.push_str(if self.entries.is_empty() { "}" } else { "]}" });
        text
    }

    /// The resources that were given out, for the audit.
    pub fn references(&self) -> Vec<Reference> {
        self.entries.iter().filter_map(|entry| entry.reference.clone()).collect()
    }
}

/// The length of `text` inside a JSON string.
pub fn escaped_length(text: &str) -> usize {
    text.bytes()
        .map(|byte| match byte {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
            0x00..0x20 => 6,
            _ => 1,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value as Json;

    #[test]
    fn an_empty_search_set_has_no_entry_array() {
        let bundle = Bundle { total: Some(0), self_link: "https://x/fhir/Claim?a=\"b\"".into(), ..Bundle::default() };
        let json: Json = serde_json::from_str(&bundle.to_json("https://x/fhir")).unwrap();
        assert_eq!(json["total"], 0);
        assert!(json.get("entry").is_none());
    }

    #[test]
    fn the_length_in_a_json_string_is_counted_exactly() {
        for text in ["plain", "\"quoted\" \\ and\nlines\t\u{1}", "é😀"] {
            assert_eq!(escaped_length(text), serde_json::to_string(text).unwrap().len() - 2);
        }
    }
}
