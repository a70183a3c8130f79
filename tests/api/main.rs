//! Black-box tests: what a client does, and must get. Each file is one subject; each test is named as a fact.

mod access;
mod account;
mod clients;
mod command;
mod demo;
mod dependencies;
mod discovery;
mod documentation;
mod documents;
mod events;
mod flow;
mod keys;
mod load;
mod named_paths;
mod pages;
mod payer_feed;
mod registration;
mod revocation;
mod routes;
mod search;
mod sensitivity;
mod template;
mod watch;
