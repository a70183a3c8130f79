//! Profiles: which of them each set of guides has, and which of them a resource meets.
//!
//! A feed may say in `meta.profile` which profiles its resources conform to, and is believed. For a resource that names none this
//! server works them out ([`met_by`]) and names them itself ([`name_in`]), so that `meta.profile` is always there, and what it
//! says is true.

mod conformance;
mod predicate;
mod rules;
mod systems;
mod table;

pub use conformance::{met_by, name_in};
pub use table::Profile;
