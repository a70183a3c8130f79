//! A member's record: the resources that the plan sent of them, as rows of the `resources` table and objects of the bucket.
//!
//! [`resources`] gives them out, to a [`crate::access::Permit`] only; [`writer`] is the loader's way in. [`row`] is a resource as it is
//! kept, [`documents`] what a Binary holds, [`receipt`] the Provenance that tells what came when.

mod dictionary;
pub mod documents;
pub mod provenance;
pub mod receipt;
pub mod resources;
pub mod row;
pub mod writer;
