//! Black-box tests: what a client does, and must get. Each file is one subject; each test is named as a fact.

mod access;
mod command;
mod discovery;
mod flow;
mod keys;
mod load;
mod payer_feed;
mod routes;
mod search;
mod sensitivity;
mod template;
