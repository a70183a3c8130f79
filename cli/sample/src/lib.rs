//! Made-up members of a made-up health plan: conformant FHIR R4, made from tables and a seed.
//!
//! - [`household()`]: the named members of the demo, each with a story;
//! - [`population()`]: any number of further members, one member at a time;
//! - [`history()`]: one member with any number of resources, a part at a time.
//!
//! `catalog/` holds the tables, and `chart` is one record under construction. `patient`, `coverage`, `encounters`,
//! `clinical`, `observations`, `medications`, `claims/` and their like each write one group of resource types. `life`
//! combines them to illnesses and visits, from which `household/`, `population` and `history` compose whole records.
//! `settlement` ends a record: it adjudicates the claims and adds the Provenances. `shared_resources` adds the
//! resources that belong to no member.
//!
//! Nobody in the samples exists, no phone number can be called, and no identifier is anybody's.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "ages, prices and dice are small numbers"
)]
#![allow(clippy::wildcard_imports, reason = "`codes` is the vocabulary of every file here")]

mod care;
mod catalog;
mod chart;
mod claims;
mod clinical;
mod codes;
mod coverage;
mod directory;
mod documents;
mod encounters;
mod history;
mod household;
mod life;
mod medications;
mod observations;
mod patient;
mod person;
mod population;
mod priorauth;
mod provenance;
mod questionnaires;
mod random;
mod request;
mod settlement;
mod shared_resources;
mod surveys;
mod values;
mod vitals;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::shared_resources::with_shared;

/// A person who can sign in.
pub struct SampleMember {
    /// The first name in lower case.
    pub username: String,
    /// `<username>-demo-2026`
    pub password: String,
    /// The full name.
    pub name: String,
    /// The Patient's id; `None` for a delegate, who has no record of their own.
    pub patient: Option<String>,
    /// The record in one line, for people who choose a member.
    pub story: &'static str,
}

/// Members with their records.
pub struct Sample {
    /// The people who can sign in.
    pub members: Vec<SampleMember>,
    /// Every resource of their records, and the shared resources that these refer to.
    pub resources: Vec<Value>,
}

/// The named members of the demo, the same on every machine.
pub fn household() -> Sample {
    let mut sample = Sample { members: Vec::new(), resources: Vec::new() };
    let mut shared = BTreeSet::new();
    for (member, record) in household::stories() {
        sample.members.extend(member);
        sample.resources.extend(with_shared(record, &mut shared));
    }
    sample
}

/// The records of `members` realistic members, the same for the same seed. Each record comes with all shared resources
/// that it refers to. Records are made one at a time, so that memory holds one, and member n is the same for any number
/// of members.
pub fn population(members: usize, seed: u64) -> impl Iterator<Item = Vec<Value>> {
    (0..members).map(move |number| with_shared(population::member(number, seed), &mut BTreeSet::new()))
}

/// The same records, with each shared resource only in the first record that refers to it.
pub fn everyone(members: usize, seed: u64) -> impl Iterator<Item = Vec<Value>> {
    let mut shared = BTreeSet::new();
    (0..members).map(move |number| with_shared(population::member(number, seed), &mut shared))
}

/// One member, `long-<seed>`, with exactly `resources` resources of their own, the oldest first, the same for the same
/// seed. The history comes in parts, with each shared resource in the first part that refers to it.
pub fn history(resources: usize, seed: u64) -> impl Iterator<Item = Vec<Value>> {
    let mut shared = BTreeSet::new();
    history::history(resources, seed).map(move |part| with_shared(part, &mut shared))
}
