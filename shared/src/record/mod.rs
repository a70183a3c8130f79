//! A member's record: the resources that the plan sent about them, as rows of the `resources` table and objects of the bucket.
//!
//! [`resources`] is the read side, and gives a resource to a [`crate::access::Permit`] only. [`writer`] is the write side, for the
//! loader alone. Both stand on the same few facts: in which [`partition`] a resource is kept, what a [`row`] is once it is read, the
//! [`packing`] of a row, [`documents`] and their content, each [`receipt`] that says what came when, and the copies of a [`provenance`].
//! `store::schema` lists keys and attributes.

mod dictionary;
pub mod documents;
pub mod packing;
pub mod partition;
pub mod provenance;
pub mod receipt;
pub mod resources;
pub mod row;
pub mod writer;
