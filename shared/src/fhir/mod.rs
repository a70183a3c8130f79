//! The FHIR API: what a member's app reads. One file per interaction ([`read`], [`search`], [`everything`],
//! [`capability`]); the tables that drive them are [`types`] and [`parameters`].

mod binary;
mod bounded;
pub mod bundle;
pub mod capability;
pub mod chain;
pub mod claim;
pub mod date;
mod docref;
mod elements;
mod escaping;
pub mod everything;
pub mod fallback;
pub mod filter;
pub mod include;
pub mod index;
mod number;
pub mod outcome;
pub mod owner;
pub mod parameters;
pub mod query;
pub mod read;
pub mod receipt;
pub mod reference;
pub mod search;
pub mod sensitivity;
mod server;
pub mod types;

use std::sync::OnceLock;

pub use parameters::SearchParameter;
pub use server::Server;

use parameters::{Coded, Definition};
use types::TYPES;

/// What kind of values a search parameter has (R4 search, "Search Parameter Types").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Coded values, identifiers, booleans.
    Token,
    /// Dates and periods.
    Date,
    /// References to other resources.
    Reference,
    /// Strings (`string` in FHIR).
    Text,
    /// Amounts with a unit.
    Quantity,
    /// URIs.
    Uri,
    /// Numbers.
    Number,
}

impl Kind {
    /// FHIR's name for it (R4 value set "search-param-type").
    pub fn name(self) -> &'static str {
        match self {
            Kind::Token => "token",
            Kind::Date => "date",
            Kind::Reference => "reference",
            Kind::Text => "string",
            Kind::Quantity => "quantity",
            Kind::Uri => "uri",
            Kind::Number => "number",
        }
    }
}

const fn common(kind: Kind, code: &'static str, path: &'static str, id: &'static str) -> SearchParameter {
    SearchParameter {
        on: "Resource",
        code,
        kind,
        path,
        targets: &[],
        coded: Coded::AsWritten,
        chains: &[],
        definition: Definition::R4As(id),
    }
}

/// The parameters of every type (R4 search, "Parameters for all resources").
pub static COMMON: &[SearchParameter] = &[
    common(Kind::Token, "_id", "id", "Resource-id"),
    common(Kind::Date, "_lastUpdated", "meta.lastUpdated", "Resource-lastUpdated"),
    common(Kind::Uri, "_profile", "meta.profile", "Resource-profile"),
    common(Kind::Token, "_security", "meta.security", "Resource-security"),
    common(Kind::Uri, "_source", "meta.source", "Resource-source"),
    common(Kind::Token, "_tag", "meta.tag", "Resource-tag"),
];

/// The parameters of one type with their positions, by which an index knows them: the common ones, then the type's own.
pub fn parameters_of(kind: &str) -> impl Iterator<Item = (u16, &'static SearchParameter)> {
    (0u16..).zip(COMMON.iter().chain(parameters::of(kind)))
}

/// A number that changes with the table: an index that was made by another table is made anew.
pub fn table_version() -> u32 {
    static VERSION: OnceLock<u32> = OnceLock::new();
    *VERSION.get_or_init(|| {
        let rows = TYPES.iter().flat_map(|kind| parameters_of(kind.name));
        let text = rows.flat_map(|(_, row)| {
            [row.on, row.code, row.kind.name(), row.path].into_iter().chain(row.targets.iter().copied())
        });
        // What an element means is part of the table, too: this changes with `index`.
        let text = text.chain(["ranges are quantities, words are uncoded, identifiers have types"]);
        // FNV-1a: any small stable hash will do, it protects nothing.
        text.flat_map(str::bytes).fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    })
}
