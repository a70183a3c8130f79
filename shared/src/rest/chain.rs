//! Chains: a condition on what a resource refers to (`practitioner.name`). There are those that the table lists and no others,
//! each into a shared type or to the member; what they look at is what the member reaches, as a search of that type would find
//! it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::call::Call;
use super::outcome::Error;
use crate::access::Interaction;
use crate::fhir::filter::{Filter, FilterError};
use crate::fhir::parameters::SearchParameter;
use crate::fhir::types::{Owner, ResourceType};
use crate::record::row::Row;

/// One chain of a search.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The parameter that refers.
    pub parameter: &'static SearchParameter,
    /// The type that it leads to.
    pub target: &'static ResourceType,
    /// The condition on the resource at the end of the chain.
    condition: Filter,
}

impl Chain {
    /// Reads `parameter.name` or `parameter:Type.name`, each with a modifier behind it if need be.
    ///
    /// # Errors
    /// [`FilterError::Unsupported`] where the table does not list it; else as [`Filter::parse`].
    pub fn parse(resource_type: &ResourceType, name: &str, value: &str, bases: &[&str]) -> Result<Chain, FilterError> {
        let unsupported = || {
            let known: Vec<String> =
                chains(resource_type).map(|(parameter, code)| format!("{}.{code}", parameter.code)).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let resource_type = resource_type.name;
            FilterError::Unsupported(format!("the chain `{name}` is not supported here; {resource_type} has: {known}"))
        };
        let (start, end) = name.split_once('.').ok_or_else(unsupported)?;
        let (code, wanted) = start.split_once(':').map_or((start, None), |(code, wanted)| (code, Some(wanted)));
        let step = end.split(':').next().unwrap_or_default();
        let (parameter, _) = chains(resource_type)
            .find(|(row, chained)| row.code == code && *chained == step)
            .ok_or_else(unsupported)?;
        // A reference to a Patient alone names the member; among other types it may name anybody.
        let leads_to_member = parameter.targets == ["Patient"];
        let target = parameter
            .targets
            .iter()
            .filter(|name| wanted.is_none_or(|wanted| wanted == **name))
            .filter_map(|name| ResourceType::named(name))
            .find(|target| target.owner == Owner::Shared || (target.owner == Owner::Itself && leads_to_member))
            .ok_or_else(unsupported)?;
        Ok(Chain { parameter, target, condition: Filter::parse(target, end, value, bases)? })
    }
}

/// The chains of a type, as the table lists them.
pub fn chains(resource_type: &ResourceType) -> impl Iterator<Item = (&'static SearchParameter, &'static str)> {
    resource_type.parameters().flat_map(|(_, row)| row.chains.iter().map(move |code| (row, *code)))
}

/// The chains of a search on `resource_type` as plain conditions: on references to the resources in reach for which the chains hold.
/// Those of a type that the scopes do not let the app search are refused, as a search of that type is.
pub(super) async fn resolved(
    call: &Call<'_>,
    resource_type: &ResourceType,
    chains: Vec<Chain>,
) -> Result<Vec<Filter>, Error> {
    let (mut filters, mut read) = (Vec::new(), BTreeMap::new());
    for chain in chains {
        let permit = call.bearer.permit(Interaction::Search, chain.target)?;
        // Several chains may lead to one type.
        let reachable: &Vec<Row> = match read.entry(chain.target.name) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(call.read(call.resources.reachable(&permit)).await?),
        };
        let found = reachable.iter().filter(|row| chain.condition.keeps(row.index()));
        let targets = found.map(|row| row.key.to_string()).collect();
        filters.extend(Filter::naming(resource_type, chain.parameter, targets, &[&call.base]));
    }
    Ok(filters)
}
