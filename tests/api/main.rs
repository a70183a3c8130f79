//! Black-box tests: what a client does, and must get. Each file is one subject; each test is named as a fact.

mod access;
mod command;
mod dependencies;
mod discovery;
mod events;
mod flow;
mod keys;
mod load;
mod named_paths;
mod routes;
mod search;
mod template;
mod watch;
