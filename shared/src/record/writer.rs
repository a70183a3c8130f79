//! The write side of a member's record: the loader's way in. No function on a request path has it.
//!
//! A [`Change`] says what is to become of one resource, a [`Standing`] what the store has of it, and `settle` makes the change. Beside the rows that [`super::resources`] reads there is, for each resource of a member's, a home (see `homes`): it names a
//! partition before anything is written there. So what was once stored can always be found again, to be moved when the plan finds
//! that it is another member's, or to be deleted by its id alone. `derived` derives again the pointers and
//! receipts that follow from a member's resources.

mod binaries;
mod change;
mod coverages;
mod derived;
mod homes;
mod identified;
mod ledger;
mod names;
mod news;
mod patients;
mod pointers;
mod provenances;
mod removal;
mod rows;
mod settle;
mod standing;
mod to_do;
mod whole;

pub use binaries::PlannedNames;
pub use change::{Change, Written, source_date};
pub use news::Receipts;
pub use pointers::second_step;
pub use rows::Writer;
pub use standing::{Home, Standing};
pub use to_do::ToDo;
