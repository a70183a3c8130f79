//! JSON as FHIR reads it (R4, "JSON Representation"): a property stands once in its object, and text is Unicode.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;

use super::super::reason::{Reason, ReasonCode};

/// Where a property stands twice: the steps to its object, then its name.
pub(super) type Twice = Vec<String>;

/// The objects of this many properties and more find a name by its hash.
const MANY: usize = 48;

/// A JSON text, and where in it properties stand twice.
pub(super) fn parse(text: impl AsRef<[u8]>) -> Result<(Json, Vec<Twice>), Reason> {
    let text = text.as_ref();
    let wrong = |code, words: &str| Reason::new(code, words.to_owned());
    let Ok(text) = std::str::from_utf8(text) else {
        return Err(wrong(ReasonCode::Encoding, "this is no text in UTF-8, perhaps Latin-1; FHIR's JSON is in UTF-8"));
    };
    let json = serde_json::from_str::<Json>(text)
        .map_err(|error| wrong(ReasonCode::NotJson, &format!("this is no JSON: {error}")))?;
    let mut twice = Vec::new();
    let names = Names { above: None, twice: &mut twice };
    // It was parsed already, so this reads to its end.
    let _ = names.deserialize(&mut serde_json::Deserializer::from_str(text));
    Ok((json, twice))
}

/// Whether a line is a resource.
pub(super) fn is_resource(line: &[u8]) -> bool {
    serde_json::from_slice::<Json>(line).is_ok_and(|json| json["resourceType"].is_string())
}

/// The way to a value.
struct Above<'a> {
    step: Cow<'a, str>,
    above: Option<&'a Above<'a>>,
}

/// Reads a value for the names that stand twice in an object of it.
struct Names<'a> {
    above: Option<&'a Above<'a>>,
    twice: &'a mut Vec<Twice>,
}

impl<'de> DeserializeSeed<'de> for Names<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Names<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut few, mut many) = (Vec::<Name<'de>>::new(), HashSet::<Name<'de>>::new());
        while let Some(name) = map.next_key::<Name<'de>>()? {
            let is_known =
                if few.len() < MANY { few.contains(&name) } else { many.contains(&name) || few.contains(&name) };
            if is_known {
                let mut steps = vec![name.0.clone().into_owned()];
                let mut above = self.above;
                while let Some(step) = above {
                    steps.push(step.step.clone().into_owned());
                    above = step.above;
                }
                steps.reverse();
                self.twice.push(steps);
            }
            let here = Above { step: Cow::Borrowed(&name.0), above: self.above };
            map.next_value_seed(Names { above: Some(&here), twice: self.twice })?;
            if few.len() < MANY {
                few.push(name);
            } else {
                many.insert(name);
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        for position in 0usize.. {
            let here = Above { step: Cow::Owned(position.to_string()), above: self.above };
            if items.next_element_seed(Names { above: Some(&here), twice: self.twice })?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A property's name, without a copy where the text has it as it is.
#[derive(PartialEq, Eq, Hash)]
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Name<'de>, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twice(text: &str) -> Vec<String> {
        parse(text).unwrap().1.iter().map(|steps| steps.join(".")).collect()
    }

    #[test]
    fn a_property_that_stands_twice_is_found_at_any_depth_and_in_any_spelling() {
        assert_eq!(twice(r#"{"a":1,"b":{"c":[{"x":1.50,"x":2}]},"a":3}"#), ["b.c.0.x", "a"]);
        assert_eq!(twice(r#"{"a":1,"\u0061":2}"#), ["a"]);
        assert_eq!(twice(r#"{"a":{"x":1},"b":{"x":1},"c":[{"x":1},{"x":1}]}"#), [""; 0]);
        let many: Vec<String> = (0..100).map(|number| format!(r#""n{number}":0"#)).collect();
        assert_eq!(twice(&format!(r#"{{{},"n99":1}}"#, many.join(","))), ["n99"]);
    }

    #[test]
    fn text_that_is_no_unicode_is_no_json() {
        assert_eq!(parse(b"{\"a\":\"\xe9\"}").unwrap_err().code, ReasonCode::Encoding);
        let lone = parse(r#"{"a":"\ud83d"}"#).unwrap_err();
        assert_eq!(lone.code, ReasonCode::NotJson);
        assert!(lone.text.contains("surrogate") || lone.text.contains("hex escape"), "{lone}");
    }
}
