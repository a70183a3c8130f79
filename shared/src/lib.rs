//! All logic of Patient Access, for the thin functions in `functions/` and the operator's command in `cli/`.
//!
//! # A map
//! - [`access`] is the security kernel: who may read what. Read it first.
//! - [`scope`] reads what apps ask for; [`audit`] records what they saw, and closes its days.
//! - [`oauth`] is the authorization server: one file per endpoint or RFC. [`fhir`] is the resource server: one file per
//!   interaction, driven by tables. The two never import each other; they meet in `access`.
//! - [`description`] describes the whole API for the public, from the tables that answer.
//! - [`keys`] says which keys sign our tokens, which verify them, and from when until when.
//! - [`store`] is the only code that names the AWS SDKs.
//! - [`bounds`] is the table of all limits.
//! - [`http`], [`lambda`], [`encoding`], [`config`], [`clock`] and [`secret`] are the ground that all stand on: requests, the
//!   runtime, compressed answers, the environment, time and randomness come in as values.
//!
//! # Promises
//! 1. A response to a token for one member holds no byte of another member's data, and tells nothing about its existence.
//! 2. The reach of a token never grows when its scopes shrink, and is never more than the member granted.
//! 3. An authorization code yields at most one live token family; a refresh chain has at most one live end.
//! 4. After a grant ends, by the member, the app or the plan, the next request fails.
//! 5. Every response that carries health data has an audit record first. No record, no response.
//! 6. No token, code, password, secret or health data is ever logged.
//! 7. "Not yours" and "does not exist" are the same bytes, and cost the same number of reads.
//! 8. Any single fault of DynamoDB, S3 or KMS leaves a state from which a retry succeeds or the member can start again.
//! 9. Any request bytes get a well-formed answer.

pub use fhir;

pub mod access;
pub mod audit;
pub mod bounds;
pub mod clock;
pub mod config;
pub mod description;
pub mod encoding;
pub mod http;
pub mod issuer;
pub mod keys;
pub mod lambda;
pub(crate) mod loopback;
pub mod oauth;
pub mod record;
pub mod rest;
pub mod scope;
pub mod secret;
pub mod store;
