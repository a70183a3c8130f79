//! `FHIRPath`, as far as the invariants of the tables ask for it (hl7.org/fhirpath/N1).
//!
//! An expression that uses anything else is not understood ([`Expression::parse`] gives none), and a resource that would have to
//! be judged by it is given no claim. A test names each invariant of which that is so.

mod evaluation;
mod functions;
mod syntax;

pub(super) use evaluation::{Around, Truth, judge};
pub(super) use syntax::Expression;
