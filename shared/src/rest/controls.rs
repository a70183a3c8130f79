//! The parameters about an answer, and those of the operations: one row each. Together with a type's search parameters they are all
//! that a request may carry, so what reads a request and what describes the API ([`crate::description`]) look here.

use crate::bounds::LARGEST_PAGE;

/// The interactions and operations that have parameters of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// `GET /fhir/metadata`
    Metadata,
    /// A read by id, of the current version or by its number.
    Read,
    /// A search.
    Search,
    /// `Patient/$everything`
    Everything,
    /// `DocumentReference/$docref`
    Docref,
}

/// The values of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// One of these words.
    Words(&'static [&'static str]),
    /// A whole number, and the smallest and the largest that makes a difference.
    Whole(usize, usize),
    /// A date or a moment of FHIR.
    Date,
    /// The id of a Patient, or a reference to one.
    Patient,
    /// `code` or `system|code`.
    Token,
    /// A text of the form that the row describes.
    Text,
}

/// One parameter.
#[derive(Debug)]
pub struct Control {
    /// Its name.
    pub name: &'static str,
    /// The interactions that take it.
    pub on: &'static [On],
    /// Its values.
    pub values: Values,
    /// Whether a request must have it.
    pub is_required: bool,
    /// Whether it may be there several times.
    pub repeats: bool,
    /// Its meaning, for an app's developer.
    pub text: &'static str,
}

const fn once(name: &'static str, on: &'static [On], values: Values, text: &'static str) -> Control {
    Control { name, on, values, is_required: false, repeats: false, text }
}

const fn repeated(name: &'static str, on: &'static [On], values: Values, text: &'static str) -> Control {
    Control { repeats: true, ..once(name, on, values, text) }
}

use On::{Docref, Everything, Metadata, Read, Search};

/// All of them, those of one interaction in the order in which errors list them.
#[rustfmt::skip] // a row stays on one line where it fits
pub const CONTROLS: &[Control] = &[
    once("_count", &[Search], Values::Whole(0, LARGEST_PAGE),
        "At most so many matches on a page. 0 asks for the number of matches alone; a larger number than the largest is as good as it."),
    once("_sort", &[Search], Values::Text,
        "The order: names of date, string or token parameters with commas between them; `-` before a name turns its order round. \
         Without it the newest come first."),
    once("_total", &[Search], Values::Words(&["none", "estimate", "accurate"]),
        "`accurate` makes sure that the first page has `total`."),
    once("_summary", &[Search], Values::Words(&["true", "text", "data", "count", "false"]),
        "`true`: R4's summary of the type; `data`: without the narrative; `text`: the narrative alone; `count`: the number of matches."),
    once("_summary", &[Read], Values::Words(&["true", "text", "data", "false"]),
        "`true`: R4's summary of the type; `data`: without the narrative; `text`: the narrative alone."),
    once("_elements", &[Search, Read], Values::Text,
        "Names of elements with commas between them: these, and what is mandatory, are given out. Not together with `_summary`."),
    repeated("_include", &[Search], Values::Text,
        "Resources that the matches refer to come along: `Type:parameter`, `Type:parameter:Target` or `Type:*`."),
    repeated("_revinclude", &[Search], Values::Text,
        "Resources that refer to the matches come along: `Type:parameter`."),
    repeated("_type", &[Everything], Values::Text, "Resources of these types alone, with commas between them."),
    once("_since", &[Everything], Values::Date, "What became visible here at this moment or later."),
    once("_count", &[Everything], Values::Whole(1, usize::MAX), "At most so many resources on a page."),
    Control { is_required: true, ..once("patient", &[Docref], Values::Patient, "The member.") },
    once("start", &[Everything, Docref], Values::Date, "Care that ended at this date or later."),
    once("end", &[Everything, Docref], Values::Date, "Care that began at this date or earlier."),
    repeated("type", &[Docref], Values::Token, "Documents of this type."),
    once("on-demand", &[Docref], Values::Words(&["true", "false"]),
        "`true` asks for documents that would be generated. There are none, so the answer is empty."),
    repeated("profile", &[Docref], Values::Text, "Documents that claim this profile."),
    once("_format", &[Metadata, Read, Search, Everything, Docref], Values::Text,
        "The format, instead of `Accept`: `json`, `application/fhir+json`, `application/json` or `text/json`."),
    once("_pretty", &[Read, Search, Everything], Values::Text, "Accepted, and without effect."),
    once(super::cursor::CURSOR, &[Search, Everything], Values::Text,
        "The place where a page goes on. It comes in the link `next`; never make it yourself."),
];

/// The rows of an interaction.
pub fn of(on: On) -> impl Iterator<Item = &'static Control> {
    CONTROLS.iter().filter(move |row| row.on.contains(&on))
}

/// Whether an interaction takes a parameter of this name.
pub(super) fn takes(on: On, name: &str) -> bool {
    of(on).any(|row| row.name == name)
}

/// The names of an interaction's own parameters, and of those that many interactions have.
pub(super) fn names(on: On) -> (Vec<&'static str>, Vec<&'static str>) {
    let is_general = |name: &&str| ["_format", "_pretty", super::cursor::CURSOR].contains(name);
    let (general, own) = of(on).map(|row| row.name).partition(is_general);
    (own, general)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_interaction_has_each_parameter_once_and_each_says_what_it_is_for() {
        for on in [Metadata, Read, Search, Everything, Docref] {
            let names: Vec<&str> = of(on).map(|row| row.name).collect();
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{on:?}");
        }
        assert!(CONTROLS.iter().all(|row| row.text.ends_with('.') && !row.on.is_empty()));
    }
}
