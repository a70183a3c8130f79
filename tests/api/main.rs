//! Black-box tests: what a client does, and must get. Each file is one subject; each test is named as a fact.

mod access;
mod access_token;
mod authorize;
mod catalogue;
mod command;
mod discovery;
mod exchange;
mod faults;
mod flow;
mod keys;
mod load;
mod permissions;
mod refresh;
mod routes;
mod scopes;
mod search;
mod signing_in;
mod smart;
mod template;
