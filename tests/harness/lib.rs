//! What every test of the API stands on: a stack of its own with the real function binaries, members whose data carry
//! canaries, and a client that makes every request a test of its own.
//!
//! Each response for `alice` is searched for the canaries of everybody else, each answer with data is compared with the audit
//! record that must precede it, each answer's headers are checked, and at the end so is everything the functions logged.

#![allow(clippy::missing_panics_doc, reason = "a harness panics where a test fails: that is what it is for")]

mod app;
mod audit;
pub mod fixtures;
mod operator;
mod publisher;
mod reply;
mod tools;

pub use app::{App, AuthorizeOptions, Browser, Cookies, REDIRECT_URI, Tokens, VERIFIER, basic};
pub use publisher::Publisher;
pub use reply::Reply;
pub use tools::{binaries, checkout, found, missing_tool, shared_folder};
