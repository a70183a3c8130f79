//! One member's record under construction. The chart assigns ids, gives each resource its profiles and security labels,
//! and holds the claims back until the end: deductibles are met in the order of the claims' dates.

use std::collections::BTreeMap;

use serde_json::Value;
use time::Date;

use crate::catalog::plans::{DENTAL, Plan};
use crate::claims::{Claim, Ledger};
use crate::codes::Coding;
use crate::directory::{self, Doctor};
use crate::person::Person;
use crate::random::Rng;
use crate::values::{ANCHOR, day, later, resource};

/// A record under construction.
pub(crate) struct Chart {
    pub(crate) person: Person,
    pub(crate) plan: &'static Plan,
    pub(crate) doctor: &'static Doctor,
    pub(crate) rng: Rng,
    /// The person's coverages, the newest last.
    pub(crate) coverages: Vec<Coverage>,
    /// The security labels of every resource written while they are set.
    pub(crate) labels: Vec<Coding>,
    /// The claims that are not adjudicated yet.
    pub(crate) claims: Vec<Claim>,
    pub(crate) ledger: Ledger,
    pub(crate) resources: Vec<Value>,
    numbers: BTreeMap<&'static str, u32>,
}

/// One Coverage of the record.
pub(crate) struct Coverage {
    pub(crate) target: String,
    pub(crate) plan: &'static Plan,
    pub(crate) start: Date,
    pub(crate) end: Date,
}

impl Chart {
    /// An empty record.
    pub(crate) fn new(person: Person, plan: &'static Plan, doctor: &'static str, rng: Rng) -> Self {
        Chart {
            person,
            plan,
            doctor: directory::doctor(doctor),
            rng,
            coverages: Vec::new(),
            labels: Vec::new(),
            claims: Vec::new(),
            ledger: Ledger::default(),
            resources: Vec::new(),
            numbers: BTreeMap::new(),
        }
    }

    /// The next id with this tag, for example `ada-condition-2`.
    pub(crate) fn next_id(&mut self, tag: &'static str) -> String {
        let number = self.numbers.entry(tag).or_default();
        *number += 1;
        format!("{}-{tag}-{number}", self.person.id)
    }

    /// Writes a resource and returns its reference. `on` is the day it tells of; its `lastUpdated` is one or two days
    /// later.
    pub(crate) fn put(&mut self, kind: &str, tag: &'static str, on: Date, profiles: &[String], body: Value) -> String {
        let id = self.next_id(tag);
        self.put_as(kind, &id, on, profiles, body)
    }

    /// Like [`put`](Self::put), with an id that was taken from `next_id` before.
    pub(crate) fn put_as(&mut self, kind: &str, id: &str, on: Date, profiles: &[String], body: Value) -> String {
        let minute = self.resources.len() % 240;
        let updated =
            format!("{}T{:02}:{:02}:00Z", day(later(on, 1 + (minute as i64 % 2))), 2 + minute / 60, minute % 60);
        self.resources.push(resource(kind, id, profiles, &updated, &self.labels, body));
        format!("{kind}/{id}")
    }

    /// Runs `write`: every resource it adds carries these security labels.
    pub(crate) fn labelled<T>(&mut self, labels: &[Coding], write: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.labels, labels.to_vec());
        let out = write(self);
        self.labels = before;
        out
    }

    /// Submits a claim to the plan, which adjudicates it in `finish`. A claim that would end after the anchor is left
    /// out.
    pub(crate) fn claim(&mut self, mut claim: Claim) {
        if claim.end > ANCHOR {
            return;
        }
        claim.labels.clone_from(&self.labels);
        self.claims.push(claim);
    }

    /// The coverage that pays on this day, the dental plan's for dental claims; the newest one if none covers the day.
    pub(crate) fn coverage(&self, on: Date, dental: bool) -> &Coverage {
        let matches = |p: &&Coverage| (p.plan.id == DENTAL.id) == dental;
        let mut of_kind = self.coverages.iter().filter(matches);
        let covering = self.coverages.iter().filter(matches).find(|p| p.start <= on && on <= p.end);
        covering.or_else(|| of_kind.next_back()).expect("a coverage before any claim")
    }

    /// The reference to the Patient: `Patient/<id>`.
    pub(crate) fn patient(&self) -> String {
        format!("Patient/{}", self.person.id)
    }

    /// Adds a finished resource.
    pub(crate) fn push(&mut self, resource: Value) {
        self.resources.push(resource);
    }

    /// The resources written so far.
    pub(crate) fn written(&self) -> &[Value] {
        &self.resources
    }
}
