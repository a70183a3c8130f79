//! A DynamoDB table: the one place that builds requests to DynamoDB, and counts what each call consumes.
//!
//! [`read`] reads rows by their keys, [`query`] the rows of a partition, and [`write`] writes. [`crate::record`], [`super::auth`] and
//! [`super::audit`] stand on it: they know what a row means.

mod item;
mod query;
mod read;
mod write;

pub(crate) use item::{Attribute, Item};
pub(crate) use query::{Pages, RowQuery, SortKeys};
pub(crate) use read::{Consistency, Table};
pub use write::CommitError;
pub(crate) use write::{Condition, TransactionPart};
