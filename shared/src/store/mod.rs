//! Storage and keys: the only code that names the AWS SDKs.
//!
//! `schema` lists the keys and attributes of the three tables, and `table` makes the calls to them. The record's table is read and
//! written by [`crate::record`]; [`auth`] holds clients, grants and tokens; [`identifiers`] leads from what a member is known by to the
//! member. [`audit`] is written on requests, [`archive`] keeps its copy, and [`counts`] what is counted of it. [`objects`] is the bucket,
//! [`signer`] signs and gives out public keys, and [`meter`] counts what each request costs.

pub mod archive;
pub mod audit;
pub mod auth;
mod aws;
pub mod counts;
mod error;
pub mod identifiers;
pub mod meter;
pub mod objects;
mod outage;
pub(crate) mod schema;
pub mod sealer;
pub mod signer;
pub(crate) mod table;
mod trust;

pub use aws::{Aws, Patience};
pub use error::StoreError;
