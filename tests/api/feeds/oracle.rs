//! The resources of a feed that count in the end. The oracle knows the rule of `docs/loading.md` and nothing of the loader: of two that both count, the
//! one with the newer date of the source does, else the later one; a deletion is of the day of its load; what is refused counts for nothing, and
//! so does all that one run says of a resource that it gives to two members.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::feed::{Item, RUNS, Says};

/// The state under a `Type/id`.
#[derive(Clone, Debug)]
pub(super) enum State {
    Is(Json),
    /// It was there and was deleted.
    Deleted {
        /// The members whose it was, if it was any member's, as the run before left it or as this run began to.
        owners: BTreeSet<String>,
        /// Whether the deletion has a date: a version of before that does not bring it back.
        is_dated: bool,
    },
}

pub(super) type Store = BTreeMap<String, State>;

/// The outcome of a feed.
pub(super) fn outcome(feed: &[Item]) -> Store {
    let mut store = Store::new();
    for run in 0..RUNS {
        let of_run: Vec<&Says> = feed.iter().filter(|item| item.run == run).map(|item| &item.says).collect();
        let unclear = given_to_two(&of_run);
        let of_run: Vec<&Says> = of_run.into_iter().filter(|says| !unclear.contains(&key(says))).collect();
        let is_taken =
            |says: &&&Says| key(says).starts_with("Provenance/") || !is_refused(says, &store, &BTreeSet::new());
        let coming: BTreeSet<String> = of_run.iter().filter(is_taken).map(|says| key(says)).collect();
        let (named, before) = (names_binary(&store), store.clone());
        // A Binary is judged when the documents of its run are there, a Provenance when everything else is.
        for late in ["", "Binary/", "Provenance/"] {
            for says in of_run.iter().filter(|says| phase(&key(says)) == late) {
                if !is_refused(says, &store, &coming) {
                    take(&mut store, &before, says);
                }
            }
            // A Binary goes with the last document that names it.
            if late.is_empty() && named && !names_binary(&store) && store.contains_key(BINARY) {
                store.insert(BINARY.to_owned(), State::Deleted { owners: BTreeSet::new(), is_dated: false });
            }
        }
        // Of what came and went in one run nothing is kept.
        store.retain(|key, state| matches!(state, State::Is(_)) || before.contains_key(key) || key == BINARY);
    }
    store
}

/// The resources that a run gives to two members.
fn given_to_two(of_run: &[&Says]) -> BTreeSet<String> {
    let mut owners: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for says in of_run {
        if let Says::Is(resource) = says {
            owners.entry(key(says)).or_default().extend(owner(resource));
        }
    }
    owners.into_iter().filter(|(_, owners)| owners.len() > 1).map(|(key, _)| key).collect()
}

const BINARY: &str = "Binary/b1";

fn phase(key: &str) -> &'static str {
    ["Binary/", "Provenance/"].into_iter().find(|phase| key.starts_with(phase)).unwrap_or_default()
}

fn names_binary(store: &Store) -> bool {
    let document = store.get("DocumentReference/d1");
    matches!(document, Some(State::Is(document)) if document.to_string().contains(BINARY))
}

fn key(says: &Says) -> String {
    match says {
        Says::Is(resource) => {
            format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap())
        }
        Says::Deleted(key) => key.clone(),
    }
}

fn date(resource: &Json) -> Option<&str> {
    resource["meta"]["lastUpdated"].as_str()
}

fn take(store: &mut Store, before: &Store, says: &Says) {
    let key = key(says);
    match says {
        Says::Is(resource) => {
            let is_older = match store.get(&key) {
                Some(State::Is(there)) => {
                    matches!((date(there), date(resource)), (Some(there), Some(new)) if there > new)
                }
                // Every date of a feed is before today.
                Some(State::Deleted { is_dated: true, .. }) => date(resource).is_some(),
                _ => false,
            };
            if is_older {
                return;
            }
            store.insert(key, State::Is(resource.clone()));
        }
        Says::Deleted(_) => {
            let before = match before.get(&key) {
                Some(State::Is(before)) => owner(before),
                _ => None,
            };
            let owners = match store.get(&key) {
                Some(State::Is(there)) => owner(there).into_iter().chain(before).collect(),
                Some(State::Deleted { owners, .. }) => owners.clone(),
                None => BTreeSet::new(),
            };
            let is_dated = key != BINARY;
            store.insert(key, State::Deleted { owners, is_dated });
        }
    }
}

/// The member whose a resource is, by its own word.
pub(super) fn owner(resource: &Json) -> Option<String> {
    let named = ["subject", "patient"].iter().find_map(|name| resource[*name]["reference"].as_str());
    named.and_then(|patient| patient.strip_prefix("Patient/")).map(str::to_owned)
}

fn is_refused(says: &Says, store: &Store, coming: &BTreeSet<String>) -> bool {
    let Says::Is(resource) = says else { return false };
    match resource["resourceType"].as_str().unwrap() {
        "Observation" => owner(resource).is_none(),
        "Practitioner" => resource.to_string().contains("Patient/"),
        "Provenance" => {
            let is_known = |(target, owner): (&str, Option<String>)| {
                owner.is_some()
                    || (!target.starts_with("Practitioner/") && coming.contains(target) && target != "Device/pump")
            };
            !targets(resource).zip(owners_of_targets(resource, store)).any(is_known)
        }
        _ => false,
    }
}

/// For each target the member whose it is; nobody's are those that are not there, and those that are shared.
fn owners_of_targets(provenance: &Json, store: &Store) -> Vec<Option<String>> {
    targets(provenance).map(|target| owner_of(target, store)).collect()
}

fn targets(provenance: &Json) -> impl Iterator<Item = &str> {
    provenance["target"].as_array().unwrap().iter().map(|target| target["reference"].as_str().unwrap())
}

fn owner_of(target: &str, store: &Store) -> Option<String> {
    if let Some(member) = target.strip_prefix("Patient/") {
        return Some(member.to_owned());
    }
    if target == "Binary/b1" {
        // It goes with the document that names it.
        let Some(State::Is(document)) = store.get("DocumentReference/d1") else { return None };
        let is_there = matches!(store.get(target), Some(State::Is(_)));
        return owner(document).filter(|_| is_there && document.to_string().contains(target));
    }
    match store.get(target) {
        Some(State::Is(resource)) => owner(resource),
        _ => None,
    }
}

/// Whether all that a Provenance is about is this member's: then they may read all of it.
pub(super) fn owns_all(provenance: &Json, member: &str, store: &Store) -> bool {
    let is_shared = |target: &Json| {
        let key = target["reference"].as_str().unwrap();
        key.starts_with("Practitioner/") || (key == "Device/pump" && is_shared_device(store))
    };
    let owners = owners_of_targets(provenance, store);
    let targets = provenance["target"].as_array().unwrap().iter().zip(owners);
    targets.into_iter().all(|(target, owner)| is_shared(target) || owner.as_deref() == Some(member))
}

fn is_shared_device(store: &Store) -> bool {
    matches!(store.get("Device/pump"), Some(State::Is(device)) if owner(device).is_none())
}

/// The resources that count, in the order of their names, to be sent at once.
pub(super) fn resources(store: &Store) -> Vec<Json> {
    let is = |state: &State| match state {
        State::Is(resource) => Some(resource.clone()),
        State::Deleted { .. } => None,
    };
    store.values().filter_map(is).collect()
}

/// Every `Type/id` that a feed names.
pub(super) fn keys(feed: &[Item]) -> BTreeSet<String> {
    feed.iter().map(|item| key(&item.says)).collect()
}
