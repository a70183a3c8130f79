//! The authorization server: SMART App Launch on OAuth 2.0. One file per endpoint, grant type or RFC.
//!
//! The way of a request: [`authorize`] checks what the app asks and stores a [`request::AuthorizationRequest`];
//! [`login`] binds it to the member's session; [`consent`] turns it into a [`code::AuthorizationCode`]; [`token`] leads
//! to [`exchange`], which turns the code into a [`Grant`](crate::access::grant::Grant) with its tokens, or to
//! [`refresh`], which renews them. Each step consumes the state before it. The grant lives on: [`account`] and
//! [`revoke`] end it, [`introspect`] and [`userinfo`] tell of it.
//!
//! A person is a [`member::Member`]; each of their ways in is a [`sign_in::SignIn`], with a [`password`] where the plan keeps a
//! directory of its own. [`provider`] is sign-in by an identity provider of the plan; [`purpose`] opens the session, whatever the way.
//!
//! [`whose`] says whose record an app shall see, where a person acts for others.
//!
//! Apps prove who they are in [`client_authentication`]; [`client_keys`] finds keys of their own, and [`fetch`] fetches
//! them from where [`address`] allows, and [`published`] keeps them. [`discovery`] and [`brands`] describe the server and its plan. [`routes`] leads
//! requests to the endpoints, and [`state`] says which parts of the deployment each of them has.

mod account;
mod address;
mod authorization_response;
mod authorize;
pub mod brands;
mod choice;
mod claims;
pub mod client;
mod client_authentication;
pub mod client_keys;
pub mod code;
mod connected;
mod consent;
mod delegates;
pub mod discovery;
mod error;
mod events;
mod exchange;
pub mod fetch;
mod introspect;
mod issue;
mod jwt;
mod login;
pub mod member;
mod pages;
mod parameters;
pub mod password;
pub mod pkce;
pub mod provider;
mod published;
mod purpose;
pub mod redirect_uri;
mod refresh;
pub mod refresh_token;
pub mod request;
mod reuse;
mod revoke;
mod routes;
pub mod session;
pub mod sign_in;
mod state;
mod tally;
pub mod throttle;
mod token;
mod userinfo;
pub mod visible;
mod waiting;
mod whole;
mod whose;
mod words;

pub use state::{IntrospectionEndpoint, Pages, RevocationEndpoint, SignInEndpoint, TokenEndpoint, UserinfoEndpoint};
