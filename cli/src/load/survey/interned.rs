//! Texts by number: a member's name stands in each of their resources, and is held once.

use std::collections::HashMap;

/// Texts that come again and again, by number.
#[derive(Default)]
pub(super) struct Interned {
    pub numbers: HashMap<String, u32>,
    pub texts: Vec<String>,
}

impl Interned {
    pub(super) fn number(&mut self, text: String) -> u32 {
        let next = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(text).or_insert_with_key(|text| {
            self.texts.push(text.clone());
            next
        })
    }
}
