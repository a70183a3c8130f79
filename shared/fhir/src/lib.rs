//! The pure model of FHIR R4: what a resource is, whose it is, how it is found and shown. It knows neither AWS nor HTTP, does no
//! input or output, and takes time and servers' addresses as values.
//!
//! # A map
//! - [`types`] and [`parameters`] are the tables that drive everything: a resource type or a search parameter is a row.
//! - [`reference`](mod@reference), [`date`], `number` and [`escaping`] read FHIR's own notations.
//! - [`index`] takes the values of a resource's search parameters out of it; [`filter`] compares them with a query. The same filter
//!   judges searches, granular scopes and includes.
//! - [`owner`] finds whose a resource is, [`identifier`] what it is known by; [`sensitivity`] labels it; [`elements`] cuts it to a summary.
//! - [`conformance`] holds a resource against R4 and against profiles, by tables made from HL7's definitions.
//! - [`guides`] says which versions of the guides belong together; [`profiles`] which profiles they have, and which of these a
//!   resource meets.
//! - [`value_sets`] lists the codes of elements where the list is closed.

pub mod conformance;
pub mod date;
pub mod elements;
pub mod escaping;
pub mod filter;
pub mod guides;
pub mod identifier;
pub mod index;
mod number;
pub mod owner;
pub mod parameters;
pub mod profiles;
pub mod reference;
pub mod sensitivity;
pub mod types;
pub mod value_sets;
