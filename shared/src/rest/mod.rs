//! The FHIR server (R4, "`RESTful` API"): a member's app reads the member's record here. Each interaction has a file ([`read`],
//! [`search`], [`everything`], [`capability`], [`fallback`]). The other files read queries, build Bundles and outcomes, and
//! shape answers. The tables of [`crate::fhir`] drive them all.

mod absent;
mod binary;
pub mod bundle;
mod call;
pub mod capability;
pub mod chain;
pub mod controls;
mod cursor;
mod docref;
pub mod everything;
pub mod fallback;
mod format;
pub mod include;
mod input;
pub mod outcome;
pub mod query;
pub mod read;
pub mod search;
mod server;
pub mod subset;
mod unknown;

pub use server::Server;
