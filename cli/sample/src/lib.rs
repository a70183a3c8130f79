//! Made-up members of a made-up health plan: conformant FHIR R4 from tables and a seed.
//!
//! - `household`: the named members of the demo, each with a story;
//! - `population`: as many more as wanted, one member at a time;
//! - `history`: one member with as many resources as wanted, a part at a time.
//!
//! How it is built: `catalog/` holds the tables; `chart` is one record under construction; `patient`, `coverage`,
//! `encounters`, `clinical`, `observations`, `medications`, `claims/` … write one kind of resource each; `life` puts
//! them together to illnesses, visits and years; `shared_resources` adds those that belong to nobody, from `directory` and
//! others.
//! Nobody in it exists, no number can be called, and no identifier is anybody's.

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

/// One person who can sign in.
pub struct SampleMember {
    /// The first name in lower case.
    pub username: String,
    /// `<username>-demo-2026`
    pub password: String,
    /// The full name.
    pub name: String,
    /// The Patient's id. None: a delegate without a record of their own.
    pub patient: Option<String>,
    /// One line: what there is to see.
    pub story: &'static str,
}

/// People with their records.
pub struct Sample {
    /// Who can sign in.
    pub members: Vec<SampleMember>,
    /// Every resource of theirs, and the shared ones these refer to.
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

/// `members` more, realistic, the same for the same seed, one member's resources at a time with the shared ones they
/// refer to, so that a million members need no memory. Member n is the same whatever `members` is.
pub fn population(members: usize, seed: u64) -> impl Iterator<Item = Vec<Value>> {
    (0..members).map(move |number| with_shared(population::member(number, seed), &mut BTreeSet::new()))
}

/// The same, with each shared resource only where it is first referred to.
pub fn everyone(members: usize, seed: u64) -> impl Iterator<Item = Vec<Value>> {
    let mut shared = BTreeSet::new();
    (0..members).map(move |number| with_shared(population::member(number, seed), &mut shared))
}

/// One member, `long-<seed>`, with exactly so many resources of their own, the oldest first: a part at a time, each shared
/// resource where it is first referred to. The same for the same seed.
pub fn history(resources: usize, seed: u64) -> impl Iterator<Item = Vec<Value>> {
    let mut shared = BTreeSet::new();
    history::history(resources, seed).map(move |part| with_shared(part, &mut shared))
}
