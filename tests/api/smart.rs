//! Conformance: the requirements that SMART App Launch 2.2 (and 1.0, where its clients still rely on it), US Core 7 and
//! CARIN Blue Button have of a server, one by one.
//!
//! | section | what | tests |
//! |---|---|---|
//! | discovery | `.well-known/smart-configuration`, the CapabilityStatement's `oauth-uris` | [`discovery`] |
//! | scopes | v1, v2, granular; the guides' minimum lists | [`scopes`] |
//! | authorize | GET and POST, `aud`, `state`, PKCE | [`authorize`]; refusals in `authorize.rs` |
//! | token | the answer and its headers, client authentication | [`token`]; refusals in `exchange.rs` |
//! | refresh | with and without `scope` | [`token`]; lifetimes and reuse in `refresh.rs` |
//! | OpenID Connect | `id_token`, `fhirUser`, provider metadata, keys | [`openid`] |
//! | introspection, revocation | who may ask, what is told, what ends | [`introspection`]; refusals in `revocation.rs` |
//! | user-access brands | the Bundle, and the identifier that leads into it | [`brands`] |
//! | resource server | 401, 403, CORS | [`resource_server`]; tokens in `access_token.rs` |

mod authorize;
mod brands;
mod discovery;
mod introspection;
mod openid;
mod resource_server;
mod scopes;
mod token;
