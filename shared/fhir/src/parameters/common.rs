//! The parameters that every type has (R4 search, "Parameters for all resources").

use super::Definition::R4As;
use super::{SearchParameter, date, token, uri};

/// The rows, by code.
pub(crate) static COMMON: &[SearchParameter] = &[
    token("Resource", "_id", "id", R4As("Resource-id")),
    date("Resource", "_lastUpdated", "meta.lastUpdated", R4As("Resource-lastUpdated")),
    uri("Resource", "_profile", "meta.profile", R4As("Resource-profile")),
    token("Resource", "_security", "meta.security", R4As("Resource-security")),
    uri("Resource", "_source", "meta.source", R4As("Resource-source")),
    token("Resource", "_tag", "meta.tag", R4As("Resource-tag")),
];
