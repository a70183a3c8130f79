//! The parameters that every type has (R4 search, "Parameters for all resources").

use super::{Coded, Definition, SearchParamType, SearchParameter};

const fn common(
    param_type: SearchParamType,
    code: &'static str,
    path: &'static str,
    id: &'static str,
) -> SearchParameter {
    SearchParameter {
        on: "Resource",
        code,
        param_type,
        path,
        targets: &[],
        coded: Coded::AsWritten,
        chains: &[],
        definition: Definition::R4As(id),
    }
}

/// The rows, in the order of names.
pub(super) static ROWS: &[SearchParameter] = &[
    common(SearchParamType::Token, "_id", "id", "Resource-id"),
    common(SearchParamType::Date, "_lastUpdated", "meta.lastUpdated", "Resource-lastUpdated"),
    common(SearchParamType::Uri, "_profile", "meta.profile", "Resource-profile"),
    common(SearchParamType::Token, "_security", "meta.security", "Resource-security"),
    common(SearchParamType::Uri, "_source", "meta.source", "Resource-source"),
    common(SearchParamType::Token, "_tag", "meta.tag", "Resource-tag"),
];
