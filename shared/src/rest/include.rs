//! `_include` and `_revinclude`: what the matches of a page refer to, and what refers to them, inside the same permits.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::call::Call;
use super::outcome::Error;
use super::query::{Include, Query};
use crate::access::Interaction;
use crate::bounds::{READ_CALLS, REVERSE_AT_ONCE};
use crate::fhir::index::{Index, Value};
use crate::fhir::reference::Reference;
use crate::fhir::types::{Owner, ResourceType};
use crate::record::resources::{Held, Reach, Window};
use crate::record::row::Row;

/// The targets of one match by the search's includes.
pub(super) struct Targets {
    /// All of it.
    pub all: BTreeSet<Reference>,
    /// The ways to what is shared among it.
    reaches: Vec<Reach>,
}

impl Targets {
    pub(super) fn of(call: &Call<'_>, query: &Query, row: &Row) -> Targets {
        let all: BTreeSet<Reference> =
            query.includes.iter().flat_map(|include| targets(include, row, &call.base)).collect();
        let reaches = match all.is_empty() {
            true => Vec::new(),
            false => Reach::of_references(row, &[&call.base]).filter(|reach| all.contains(reach.target())).collect(),
        };
        Targets { all, reaches }
    }
}

/// Everything that the search includes with the matches of a page.
#[derive(Default)]
pub(super) struct Included {
    /// Each once.
    rows: HashMap<Reference, Row>,
    /// By a match, what refers to it.
    referring: HashMap<Reference, Vec<Reference>>,
}

impl Included {
    /// Reads everything that the search includes with `matches`. A resource that the scopes do not reach is left out silently, or
    /// its absence would tell that it exists.
    pub(super) async fn with(
        call: &Call<'_>,
        query: &Query,
        matches: &[(Reference, Targets)],
    ) -> Result<Included, Error> {
        let keys: HashSet<&Reference> = matches.iter().map(|(key, _)| key).collect();
        let (forward, reverse) = tokio::try_join!(forward(call, matches), reverse(call, query, &keys))?;
        let mut included = Included::default();
        for row in &reverse {
            for target in referred_to(query, row, &call.base).filter(|target| keys.contains(target)) {
                included.referring.entry(target).or_default().push(row.key.clone());
            }
        }
        let rows = forward.into_iter().chain(reverse).filter(|row| !keys.contains(&row.key));
        included.rows.extend(rows.map(|row| (row.key.clone(), row)));
        Ok(included)
    }

    /// Takes out what is there because of this match and of none before it.
    pub(super) fn take(&mut self, key: &Reference, targets: &Targets) -> Vec<Row> {
        let referring = self.referring.remove(key).unwrap_or_default();
        targets.all.iter().chain(&referring).filter_map(|reference| self.rows.remove(reference)).collect()
    }
}

/// The targets of a row by the search's `_revinclude`s, if it is of one of their types.
fn referred_to<'a>(query: &'a Query, row: &'a Row, base: &'a str) -> impl Iterator<Item = Reference> + 'a {
    query.reverse_includes.iter().flat_map(move |include| targets(include, row, base))
}

/// The targets of `row` by the include's parameters.
fn targets<'a>(include: &'a Include, row: &'a Row, base: &'a str) -> impl Iterator<Item = Reference> + 'a {
    let of_source = include.source.name == row.key.resource_type;
    let positions: &[u16] = if of_source { &include.parameters } else { &[] };
    positions.iter().flat_map(move |position| references(row.index(), *position, base)).filter(move |target| {
        include.target.as_ref().is_none_or(|resource_type| *resource_type == target.resource_type)
    })
}

fn references<'a>(index: &'a Index, position: u16, base: &'a str) -> impl Iterator<Item = Reference> + 'a {
    index.values(position).iter().filter_map(move |value| match value {
        Value::Reference(text) => Reference::parse(text, &[base]),
        _ => None,
    })
}

async fn forward(call: &Call<'_>, matches: &[(Reference, Targets)]) -> Result<Vec<Row>, Error> {
    let all: BTreeSet<&Reference> = matches.iter().flat_map(|(_, targets)| &targets.all).collect();
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let reaches: BTreeSet<&Reach> = matches.iter().flat_map(|(_, targets)| &targets.reaches).collect();
    let reaches: Vec<Reach> = reaches.into_iter().cloned().collect();
    // A Device may be the member's own or shared; every other type is one or the other.
    let may_be_own = |target: &&Reference| {
        ResourceType::named(&target.resource_type).is_some_and(|resource_type| resource_type.owner != Owner::Shared)
    };
    let own: Vec<Reference> = all.into_iter().filter(may_be_own).cloned().collect();
    let permits = call.bearer.permits(Interaction::Read);
    let own = call.read(call.resources.owned(&permits, &own));
    let (own, shared) = tokio::try_join!(own, call.read(call.resources.shared(&permits, &reaches)))?;
    Ok(own.into_iter().chain(shared).collect())
}

/// The resources that refer to one of `keys` by one of the search's `_revinclude`s. Each type is read once, whatever the number of
/// parameters by which it may refer.
async fn reverse(call: &Call<'_>, query: &Query, keys: &HashSet<&Reference>) -> Result<Vec<Row>, Error> {
    let mut sources: BTreeMap<&str, &'static ResourceType> = BTreeMap::new();
    for include in &query.reverse_includes {
        sources.insert(include.source.name, include.source);
    }
    let calls = AtomicUsize::new(0);
    let refers = |row: &Row| referred_to(query, row, &call.base).any(|target| keys.contains(&target));
    let reads = sources.into_values().map(|source| referring(call, source, &refers, &calls));
    let found: Vec<Vec<Row>> = stream::iter(reads).buffered(REVERSE_AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// The resources of one type that refer to a match. `calls` counts those of all types together.
async fn referring(
    call: &Call<'_>,
    source: &'static ResourceType,
    refers: &impl Fn(&Row) -> bool,
    calls: &AtomicUsize,
) -> Result<Vec<Row>, Error> {
    // Without a scope for the referring type there is nothing to include.
    let Ok(permit) = call.bearer.permit(Interaction::Search, source) else { return Ok(Vec::new()) };
    if source.is_shared() {
        let reachable = call.read(call.resources.reachable(&permit)).await?;
        return Ok(reachable.into_iter().filter(refers).collect());
    }
    let mut window = Window::whole(true);
    let (mut rows, mut held) = (Vec::new(), Held::default());
    while calls.fetch_add(1, Ordering::Relaxed) < READ_CALLS {
        let slice = call.read(call.resources.history(&permit, &window, &mut held, refers)).await?;
        rows.extend(slice.rows);
        window.after = slice.more;
        if window.after.is_none() {
            return Ok(rows);
        }
    }
    Err(Error::too_much_to_read(source.name, "search that type itself"))
}
