//! Black-box tests: what a client does, and must get. Each file is one subject; each test is named as a fact.

mod access;
mod clients;
mod command;
mod discovery;
mod flow;
mod keys;
mod load;
mod registration;
mod routes;
mod search;
mod template;
