//! The operator's command, `patient-access`, as a library with a module for each subcommand, so that tests can call
//! them.

pub mod app;
pub mod cloudformation;
pub mod demo;
pub mod keys;
pub mod load;
pub mod local;
pub mod member;
pub mod sample;
pub mod samples;
pub mod stack;
pub mod target;
pub mod told;
