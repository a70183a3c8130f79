//! The authorization server: SMART App Launch on OAuth 2.0. One file per endpoint or RFC.
//!
//! The way of a request: [`authorize`] checks what the app asks and stores an [`request::AuthorizationRequest`];
//! [`login`] binds it to the member's session; [`consent`] turns it into an [`code::AuthorizationCode`]; [`token`] turns that
//! into a [`grant::Grant`] with its tokens. Each step consumes the state before it. What lives on is the grant: [`account`] and
//! [`revoke`] end it, [`introspect`] and [`userinfo`] tell of it.
//!
//! Apps prove who they are in [`client_authentication`]; keys of their own are found by [`client_keys`], and fetched by [`fetch`]
//! from where [`address`] allows. [`discovery`] and [`brands`] say what all of this is and whose.

mod account;
mod address;
mod authorize;
pub mod brands;
pub mod client;
mod client_authentication;
pub mod client_keys;
pub mod code;
mod consent;
pub mod discovery;
mod error;
pub mod fetch;
mod introspect;
mod jwt;
mod login;
pub mod member;
mod pages;
pub mod pkce;
pub mod redirect_uri;
pub mod refresh;
pub mod request;
mod revoke;
mod server;
pub mod session;
mod throttle;
mod token;
mod userinfo;
mod words;

pub use server::{Server, TokenServer};
