//! Sign-in by the plan's identity providers (OpenID Connect Core 1.0, authorization code flow). Here we are the client.
//!
//! ```text
//! /login ──> start ──> the provider's page ──> answer ──> /consent or /account
//!             │                                  │
//!             └── stores an AuthenticationRequest ┘ which is good for one answer
//! ```
//!
//! [`settings`] is what the operator told of a provider. [`start`] sends the browser there, with a state, a nonce and a PKCE
//! challenge that only this browser's cookie can match. [`answer`] checks what comes back, in order; [`token_endpoint`] exchanges the
//! code, [`id_token`] verifies who signed in, [`names`] reads the claims that name them, and [`person`] finds their record. [`metadata`] and [`keys`] are what a provider
//! publishes of itself. [`logout`] hears that somebody signed out there.

mod answer;
mod error;
mod id_token;
pub mod keys;
mod logout;
pub mod metadata;
mod names;
mod person;
mod request;
pub mod settings;
mod start;
mod token_endpoint;

pub(super) use answer::answer;
pub use error::ProviderError;
pub(super) use logout::logout;
pub(super) use start::{keys_of_ours, start};
