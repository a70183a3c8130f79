//! Media types (RFC 9110 §8.3.1), and which of them a client takes (§12.5.1).

use super::fields::{is_token, list, parts, weight};

/// A media type or, where a part of it is `*`, a range of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    /// `type/subtype` in lower case.
    essence: String,
    /// In thousandths.
    weight: u16,
}

impl MediaType {
    /// Reads `type/subtype`, with parameters or without; `None` where the text is none.
    pub fn parse(text: &str) -> Option<MediaType> {
        let (essence, parameters) = parts(text);
        let (kind, subtype) = essence.split_once('/')?;
        let essence = essence.to_ascii_lowercase();
        (is_token(kind) && is_token(subtype)).then(|| MediaType { essence, weight: weight(&parameters) })
    }

    /// `type/subtype` in lower case, without parameters.
    pub fn essence(&self) -> &str {
        &self.essence
    }

    /// `type` in lower case.
    fn family(&self) -> &str {
        self.essence.split('/').next().unwrap_or_default()
    }
}

/// Which media types a client takes.
pub struct Accept(Vec<MediaType>);

impl Accept {
    /// Reads the field `Accept`; `None` where it names nothing, and so takes everything. An element that is no media type takes none.
    pub fn parse(text: &str) -> Option<Accept> {
        let mut elements = list(text).peekable();
        elements.peek()?;
        Some(Accept(elements.filter_map(MediaType::parse).collect()))
    }

    /// Takes this one and no other.
    pub fn only(media_type: MediaType) -> Accept {
        Accept(vec![MediaType { weight: 1000, ..media_type }])
    }

    /// How much the client wants this type, in thousandths; 0 where it does not take it. Of the ranges that hold the type the most
    /// exact one decides.
    pub fn weight(&self, media_type: &MediaType) -> u16 {
        let family = format!("{}/*", media_type.family());
        let ranges = [media_type.essence(), &family, "*/*"];
        ranges.iter().find_map(|range| self.of(range)).unwrap_or(0)
    }

    /// The same, where the type is asked for by its own name.
    pub fn named(&self, essence: &str) -> u16 {
        self.of(essence).unwrap_or(0)
    }

    fn of(&self, range: &str) -> Option<u16> {
        self.0.iter().filter(|known| known.essence == range).map(|known| known.weight).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_any_case_and_may_have_parameters() {
        for text in ["application/fhir+json", "Application/FHIR+JSON", "application/fhir+json ; charset=\"utf-8\""] {
            assert_eq!(MediaType::parse(text).unwrap().essence(), "application/fhir+json", "{text}");
        }
        for text in ["", "json", "/", "a/", "a/b/c", "a b/c", "text/é"] {
            assert_eq!(MediaType::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_most_exact_range_decides() {
        let weight = |accept: &str| Accept::parse(accept).unwrap().weight(&MediaType::parse("text/plain").unwrap());
        assert_eq!(weight("*/*;q=0.1, text/*;q=0.2, Text/Plain;q=0.3"), 300);
        assert_eq!(weight("text/plain;q=0, */*"), 0);
        assert_eq!(weight("text/*;q=0, */*"), 0);
        assert_eq!((weight("application/json"), weight("plain")), (0, 0));
        assert!(Accept::parse(" , ").is_none());
    }
}
