//! A row, and the values of its attributes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::str::FromStr;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::store::error::StoreError;
use crate::store::schema::{Key, PK, SK};

/// A row as DynamoDB has it: attributes by name. It may hold health data, so it has no `Debug`.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Item(pub(super) HashMap<String, AttributeValue>);

/// The value of one attribute.
#[derive(Clone, PartialEq)]
pub(crate) struct Attribute(pub(super) AttributeValue);

impl Item {
    /// The row's key.
    ///
    /// # Errors
    /// [`StoreError::Fault`] where the row was read without it.
    pub fn key(&self) -> Result<Key, StoreError> {
        Ok(Key::read(self.text(PK)?, self.text(SK)?))
    }

    /// This item with one attribute more, or with another value of it.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Attribute>) -> Item {
        self.set(name, value);
        self
    }

    /// Gives an attribute a value.
    pub fn set(&mut self, name: &str, value: impl Into<Attribute>) {
        self.0.insert(name.to_owned(), value.into().0);
    }

    /// Gives this item the attributes of another.
    pub fn extend(&mut self, other: Item) {
        self.0.extend(other.0);
    }

    /// How many bytes DynamoDB counts for it ("DynamoDB item sizes and formats"), with the name of an attribute that is still to come.
    pub fn size(&self) -> usize {
        let value = |value: &AttributeValue| match value {
            AttributeValue::S(text) => text.len(),
            AttributeValue::N(number) => number.len() / 2 + 1,
            AttributeValue::B(bytes) => bytes.as_ref().len(),
            AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
            _ => 0,
        };
        1 + self.0.iter().map(|(name, attribute)| name.len() + value(attribute)).sum::<usize>()
    }

    /// Whether the item has the attribute.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A text.
    ///
    /// # Errors
    /// [`StoreError::Fault`] where the attribute is absent or has another type.
    pub fn text(&self, name: &str) -> Result<&str, StoreError> {
        self.0.get(name).and_then(|value| value.as_s().ok()).map(String::as_str).ok_or_else(|| unreadable(name))
    }

    /// A number.
    ///
    /// # Errors
    /// As [`Item::text`].
    pub fn number<N: FromStr>(&self, name: &str) -> Result<N, StoreError> {
        self.0.get(name).and_then(|value| value.as_n().ok()?.parse().ok()).ok_or_else(|| unreadable(name))
    }

    /// Bytes.
    ///
    /// # Errors
    /// As [`Item::text`].
    pub fn bytes(&self, name: &str) -> Result<&[u8], StoreError> {
        self.0.get(name).and_then(|value| value.as_b().ok()).map(Blob::as_ref).ok_or_else(|| unreadable(name))
    }

    /// Each text and number by its attribute's name, and `other` for a value of another type.
    pub fn told(&self, other: &str) -> BTreeMap<String, String> {
        let text = |value: &AttributeValue| value.as_s().or(value.as_n()).map_or(other, String::as_str).to_owned();
        self.0.iter().map(|(name, value)| (name.clone(), text(value))).collect()
    }

    /// A set of texts. DynamoDB keeps no empty set: an absent attribute is one.
    pub fn texts(&self, name: &str) -> BTreeSet<String> {
        self.0.get(name).and_then(|value| value.as_ss().ok()).into_iter().flatten().cloned().collect()
    }
}

/// A row that has nothing but its key.
impl From<Key> for Item {
    fn from(key: Key) -> Item {
        Item::default().with(PK, key.partition()).with(SK, key.sort_key())
    }
}

fn unreadable(name: &str) -> StoreError {
    StoreError::Fault(format!("a row has no good attribute `{name}`"))
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Attribute {
        Attribute(AttributeValue::S(text.to_owned()))
    }
}

impl From<String> for Attribute {
    fn from(text: String) -> Attribute {
        Attribute(AttributeValue::S(text))
    }
}

impl From<u64> for Attribute {
    fn from(number: u64) -> Attribute {
        Attribute(AttributeValue::N(number.to_string()))
    }
}

impl From<i64> for Attribute {
    fn from(number: i64) -> Attribute {
        Attribute(AttributeValue::N(number.to_string()))
    }
}

impl From<&[u8]> for Attribute {
    fn from(bytes: &[u8]) -> Attribute {
        Attribute(AttributeValue::B(Blob::new(bytes)))
    }
}

impl From<Vec<u8>> for Attribute {
    fn from(bytes: Vec<u8>) -> Attribute {
        Attribute(AttributeValue::B(Blob::new(bytes)))
    }
}

/// A set, which must not be empty: DynamoDB refuses an empty one.
impl From<&BTreeSet<String>> for Attribute {
    fn from(texts: &BTreeSet<String>) -> Attribute {
        Attribute(AttributeValue::Ss(texts.iter().cloned().collect()))
    }
}
