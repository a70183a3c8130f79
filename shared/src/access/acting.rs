//! Acting for a member: what a code and a grant carry of the delegation under which they were allowed.

use serde::{Deserialize, Serialize};

use crate::clock::Time;

/// The relation in which somebody acts for a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// A parent of a minor.
    Parent,
    /// A guardian whom a court or a law appointed.
    Guardian,
    /// A personal representative (45 CFR 164.502(g)).
    Representative,
    /// Somebody whom the member chose.
    Proxy,
}

/// The part of a delegation that codes and grants carry: under which it is, and how long that lasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acting {
    /// The delegation's id.
    pub delegation: String,
    /// The relation in which the person acts.
    pub relation: Relation,
    /// The `RelatedPerson` in the member's record who stands for the person.
    pub related_person: Option<String>,
    /// The first moment at which the delegation is over. Refreshing never moves it.
    pub ends_at: Option<Time>,
}

impl Relation {
    /// All of them.
    pub const ALL: [Relation; 4] = [Relation::Parent, Relation::Guardian, Relation::Representative, Relation::Proxy];

    /// Its name in commands and in the audit.
    pub fn name(self) -> &'static str {
        match self {
            Relation::Parent => "parent",
            Relation::Guardian => "guardian",
            Relation::Representative => "representative",
            Relation::Proxy => "proxy",
        }
    }

    /// The relation of that name.
    pub fn named(name: &str) -> Option<Relation> {
        Relation::ALL.into_iter().find(|relation| relation.name() == name)
    }
}
