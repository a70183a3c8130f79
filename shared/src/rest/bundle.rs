//! Bundles, put together from stored JSON without reading it again.

use memchr::memchr_iter;
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
    /// Whether it is the member's own, and not shared.
    pub is_own: bool,
    /// Why it is there.
    pub mode: Mode,
    /// Its JSON.
    pub json: String,
    /// The bytes that it adds to the answer inside Lambda's JSON.
    pub weight: usize,
}

impl Entry {
    /// A resource, as its JSON text.
    pub fn new(reference: Reference, is_own: bool, mode: Mode, json: String) -> Entry {
        Entry { reference: Some(reference), is_own, mode, weight: weight(&json), json }
    }

    /// The remarks on the answer.
    pub fn outcome(issues: &[Issue]) -> Entry {
        let json = outcome(issues).to_string();
        Entry { reference: None, is_own: false, mode: Mode::Outcome, weight: weight(&json), json }
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
    /// How many of its resources are the member's own.
    pub fn own(&self) -> usize {
        self.entries.iter().filter(|entry| entry.is_own).count()
    }

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

/// The bytes that an entry with this JSON adds to the answer inside Lambda's JSON, where each quote and each backslash takes two. A JSON
/// text without line breaks holds nothing else that is escaped.
pub fn weight(json: &str) -> usize {
    let escaped = [b'"', b'\\'].map(|byte| memchr_iter(byte, json.as_bytes()).count());
    json.len() + escaped.iter().sum::<usize>() + ENTRY_BYTES
}

/// The bytes of an entry around its resource, about.
const ENTRY_BYTES: usize = 200;

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
    fn an_entry_weighs_what_its_json_takes_inside_lambdas() {
        for text in ["plain", "\"quoted\" \\ and\nlines\t\u{1}", "é😀"] {
            let json = json!({"text": text, "texts": [text]}).to_string();
            assert_eq!(weight(&json), serde_json::to_string(&json).unwrap().len() - 2 + ENTRY_BYTES);
        }
    }
}
