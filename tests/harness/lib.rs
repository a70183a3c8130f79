//! The ground of every test of the API: a stack of its own with the real function binaries, members whose data carry
//! canaries, and a client that makes every request a test of its own.
//!
//! Each response for `alice` is searched for other members' canaries, and its headers are checked. Each answer with
//! data is compared with the audit record that must precede it. At the end of each stack its logs are searched for
//! secrets and canaries, even if the test forgets to ask for that.

#![allow(clippy::missing_panics_doc, reason = "a harness panics where a test fails: that is what it is for")]

mod app;
mod audit;
mod browser;
mod callback;
mod chromium;
pub mod fixtures;
mod identity_provider;
mod inside;
mod meter;
mod mint;
mod objects;
mod operator;
pub mod pattern;
mod publisher;
mod reply;
mod rows;
pub mod snapshot;
mod template;
mod tools;
mod wire;

pub use app::{App, app_named};
pub use audit::client as dynamodb;
pub use browser::{AuthorizeOptions, Browser, Cookies, REDIRECT_URI, Tokens, VERIFIER, basic};
pub use callback::Callback;
pub use chromium::{Chromium, DESKTOP, PHONE};
pub use identity_provider::IdentityProvider;
pub use inside::with_room;
pub use meter::{Meter, Units};
pub use mint::{Mint, claims_of};
pub use operator::{Announced, operate_on};
pub use publisher::Publisher;
pub use reply::Reply;
pub use template::Templates;
pub use tools::{binaries, checkout, found, missing_tool, path_of, shared_folder};
pub use wire::{Call, Fault, Wire};
