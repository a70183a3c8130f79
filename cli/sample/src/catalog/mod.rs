//! The tables that samples are made from: illnesses, drugs, laboratory tests, services, vaccines, plans and names.

pub(crate) mod drugs;
pub(crate) mod illnesses;
pub(crate) mod labs;
pub(crate) mod people;
pub(crate) mod plans;
pub(crate) mod services;
pub(crate) mod vaccines;
