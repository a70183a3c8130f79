//! The read side of a member's record: data given out to a [`crate::access::Permit`] only.
//!
//! The partition key of every read comes from the permit. A shared resource is read through a [`Reach`] only, and a reach is made
//! from a pointer or a reference that was itself read under the permit. The result of a read is [`crate::access::Sealed`]: an
//! [`crate::access::Access`] opens it, and that exists only where the grant was found alive.
//!
//! `rows` reads rows and decodes them. On it stand `history` (one type in order, or the whole record), `shared` (shared
//! resources in reach), `news` (what is new since a moment) and `documents` (content of Binaries); `read` reads one resource.

mod documents;
mod history;
mod news;
mod reach;
mod read;
mod rows;
mod shared;

pub use history::{Part, Slice, Window};
pub use news::News;
pub use reach::Reach;
pub use read::Lookup;
pub use rows::{Found, Held, Resources};

pub(super) use rows::decode;
