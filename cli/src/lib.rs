//! The operator's command, `patient-access`, as a library with a module for each subcommand, so that tests can call
//! them.

#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod app;
pub mod audit;
pub mod call;
pub mod cloudformation;
pub mod delegation;
pub mod demo;
pub mod demo_provider;
pub mod identity_provider;
pub mod keys;
pub mod load;
pub mod local;
pub mod member;
pub mod prove;
pub mod record;
pub mod report;
mod rows;
pub mod sample;
pub mod samples;
pub mod stack;
pub mod target;
pub mod terminal;
pub mod told;
