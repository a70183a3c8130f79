//! CloudFormation and SAM: what a template asks for.
//!
//! `yaml` reads the text, `template` its sections, `intrinsics` resolves values with the names that `physical` gives, and
//! `resources` lists what there is to provide, in the terms of the services that provide it.

pub(crate) mod intrinsics;
mod physical;
pub(crate) mod resources;
pub(crate) mod template;
pub(crate) mod yaml;
