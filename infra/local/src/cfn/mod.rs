//! CloudFormation and SAM: from a template to the resources it declares.
//!
//! `yaml` reads the text and `template` its sections. `intrinsics` resolves values, with the names that `physical`
//! gives to resources. `resources` lists the resources to provide, as definitions of the services that provide them.

pub(crate) mod intrinsics;
mod physical;
pub(crate) mod resources;
pub(crate) mod template;
pub(crate) mod yaml;
