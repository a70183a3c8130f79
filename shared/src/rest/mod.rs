//! The FHIR server (R4, "`RESTful` API"): what a member's app reads. One file per interaction ([`read`], [`search`], [`everything`],
//! [`capability`]), driven by the tables of [`crate::fhir`].

mod absent;
mod binary;
pub mod bundle;
mod call;
pub mod capability;
pub mod chain;
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
