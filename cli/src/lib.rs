//! The operator's command, `patient-access`, as a library: what each subcommand does, apart from reading its arguments.

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
