//! The copies of a Provenance. Its targets may be resources of several members, and of members who are not known yet.
//!
//! A member who owns all targets owns the Provenance as it came. In every other case each member gets a copy with nothing in it but
//! what may be told to them. The Provenance as it came is then kept out of everyone's reach, so that the copies can be made again when
//! a target comes, moves or goes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value as Json, json};

use super::partition::Partition;
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;

/// The members who own each target, and none for a target that is there and shared. A target that is not there is left out.
pub type Owners = HashMap<Reference, BTreeSet<String>>;

/// The copies of a Provenance, and its targets that are not there.
#[derive(Debug)]
pub struct Copies {
    /// Each partition with what stands there.
    pub copies: Vec<(Partition, Json)>,
    /// Targets that are not there, and may become a member's.
    pub absent: BTreeSet<Reference>,
    /// Targets that are shared now, and may become a member's.
    pub shared: BTreeSet<Reference>,
}

/// The local references of a Provenance's targets; `None` for each target that is no local reference.
pub fn targets(provenance: &Json) -> Vec<Option<Reference>> {
    let targets = provenance["target"].as_array().into_iter().flatten();
    targets.map(|target| target["reference"].as_str().and_then(|text| Reference::parse(text, &[]))).collect()
}

/// Makes the copies of a Provenance, by the owners of its targets.
pub fn copies(provenance: &Json, owners: &Owners) -> Copies {
    let (mut members, mut absent, mut shared, mut foreign) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), false);
    for target in targets(provenance) {
        match target.as_ref().map(|target| (target, owners_of(target, owners))) {
            Some((target, Some(of))) if of.is_empty() && !is_never_owned(target) => drop(shared.insert(target.clone())),
            Some((_, Some(of))) => members.extend(of),
            Some((target, None)) if is_never_owned(target) => {}
            // A target that is not there counts as another member's: it may become one's.
            Some((target, None)) => drop(absent.insert(target.clone())),
            None => foreign = true,
        }
    }
    let is_whole = members.len() == 1 && absent.is_empty() && !foreign;
    let mut copies = BTreeMap::new();
    for member in members {
        let copy = if is_whole { provenance.clone() } else { copy_for(provenance, &member, owners) };
        copies.insert(Partition::Member(member), copy);
    }
    if !is_whole {
        copies.insert(Partition::Unclaimed, provenance.clone());
    }
    Copies { copies: copies.into_iter().collect(), absent, shared }
}

fn owners_of(target: &Reference, owners: &Owners) -> Option<BTreeSet<String>> {
    match target.resource_type.as_str() {
        "Patient" => Some(BTreeSet::from([target.id.clone()])),
        _ => owners.get(target).cloned(),
    }
}

/// Whether no resource of the target's type is ever a member's own.
pub fn is_never_owned(target: &Reference) -> bool {
    ResourceType::named(&target.resource_type).is_some_and(|row| !row.is_owned())
}

/// The copy for one of several members. It has the targets that are theirs, the times, the codes of the activity and of the agents'
/// parts, and the practitioners, organizations and devices among the agents. Words and everything else may tell of another member.
fn copy_for(provenance: &Json, member: &str, owners: &Owners) -> Json {
    let mut copy = Map::new();
    for name in ["resourceType", "id", "recorded", "occurredDateTime"] {
        if let Some(value) = provenance.get(name).filter(|value| value.is_string()) {
            copy.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(period) = provenance.get("occurredPeriod") {
        copy.insert("occurredPeriod".to_owned(), only(period, &["start", "end"]));
    }
    let is_theirs = |target: &Reference| owners_of(target, owners).is_some_and(|of| of.contains(member));
    let theirs = targets(provenance).into_iter().flatten().filter(is_theirs);
    copy.insert("target".to_owned(), theirs.map(|target| json!({"reference": target.to_string()})).collect());
    let labels: Vec<Json> = codings(&provenance["meta"]["security"]);
    let mut meta = Map::new();
    // The date decides which of two versions is newer, the labels whether a member is asked before it is shown.
    if let Some(updated) = provenance["meta"].get("lastUpdated") {
        meta.insert("lastUpdated".to_owned(), updated.clone());
    }
    if !labels.is_empty() {
        meta.insert("security".to_owned(), labels.into());
    }
    if !meta.is_empty() {
        copy.insert("meta".to_owned(), meta.into());
    }
    let activity = codings(&provenance["activity"]["coding"]);
    if !activity.is_empty() {
        copy.insert("activity".to_owned(), json!({"coding": activity}));
    }
    let agents = provenance["agent"].as_array().into_iter().flatten().map(agent);
    copy.insert("agent".to_owned(), agents.collect());
    copy.into()
}

/// An agent: who it is, if that is a shared resource and so no member; else only that there was one (R4, "Data Absent Reason": masked).
fn agent(agent: &Json) -> Json {
    let mut told = Map::new();
    let types = codings(&agent["type"]["coding"]);
    if !types.is_empty() {
        told.insert("type".to_owned(), json!({"coding": types}));
    }
    let who = agent["who"]["reference"].as_str().and_then(|text| Reference::parse(text, &[]));
    let shared = who.filter(|who| ResourceType::named(&who.resource_type).is_some_and(ResourceType::is_shared));
    let who = match shared {
        Some(who) => json!({"reference": who.to_string()}),
        None => json!({"extension": [{
            "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
            "valueCode": "masked",
        }]}),
    };
    told.insert("who".to_owned(), who);
    told.into()
}

/// The codes of codings, without words.
fn codings(codings: &Json) -> Vec<Json> {
    let codings = codings.as_array().into_iter().flatten().map(|coding| only(coding, &["system", "version", "code"]));
    codings.filter(|coding| coding.as_object().is_some_and(|coding| !coding.is_empty())).collect()
}

/// The properties of these names whose values are plain text.
fn only(json: &Json, names: &[&str]) -> Json {
    let named = names.iter().filter_map(|name| Some(((*name).to_owned(), json.get(*name)?.as_str()?.into())));
    Json::Object(named.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provenance(targets: &[&str]) -> Json {
        let more = json!([{"text": "MORE"}]);
        let targets: Vec<Json> = targets.iter().map(|target| json!({"reference": target, "display": "MORE"})).collect();
        json!({"resourceType": "Provenance", "id": "p", "recorded": "2026-01-01T00:00:00Z", "target": targets,
            "_recorded": {"extension": [{"url": "x", "valueString": "MORE"}]}, "reason": more, "text": {"div": "MORE"},
            "meta": {"extension": more, "security": [{"system": "s", "code": "ETH", "display": "MORE"}]},
            "activity": {"text": "MORE", "coding": [{"system": "s", "code": "c", "display": "MORE"}]},
            "occurredPeriod": {"start": "2026", "extension": more}, "location": {"display": "MORE"},
            "agent": [{"who": {"reference": "Practitioner/d", "display": "MORE"}, "onBehalfOf": {"display": "MORE"}},
                {"who": {"reference": "Patient/b", "display": "MORE"}}]})
    }

    fn owners() -> Owners {
        let own = [("a", "ann"), ("b", "bert")];
        let own = own.map(|(id, owner)| (Reference::new("Observation", id), BTreeSet::from([owner.to_owned()])));
        own.into_iter().chain([(Reference::new("Device", "shared"), BTreeSet::new())]).collect()
    }

    fn copy_of(copies: &Copies, member: &str) -> Json {
        let of_member = |(partition, _): &&(Partition, Json)| *partition == Partition::Member(member.to_owned());
        copies.copies.iter().find(of_member).unwrap().1.clone()
    }

    #[test]
    fn who_owns_all_targets_owns_it_as_it_came() {
        for targets in [&["Observation/a"][..], &["Observation/a", "Patient/ann", "Practitioner/d", "Device/shared"]] {
            let whole = copies(&provenance(targets), &owners());
            assert_eq!(whole.copies, [(Partition::Member("ann".into()), provenance(targets))]);
        }
    }

    #[test]
    fn one_of_several_members_gets_what_may_be_told_and_nothing_else() {
        for others in [
            "Observation/b",
            "Observation/not-there",
            "https://elsewhere.example/Observation/b",
            "#contained",
            "Device/not-there",
        ] {
            let several = copies(&provenance(&["Observation/a", others]), &owners());
            let copy = copy_of(&several, "ann");
            assert!(!copy.to_string().contains("MORE") && !copy.to_string().contains("Patient/b"), "{copy}");
            assert_eq!(copy["target"], json!([{"reference": "Observation/a"}]));
            assert_eq!(copy["agent"][0], json!({"who": {"reference": "Practitioner/d"}}));
            assert_eq!(copy["activity"], json!({"coding": [{"system": "s", "code": "c"}]}));
            assert_eq!(copy["meta"], json!({"security": [{"system": "s", "code": "ETH"}]}));
            assert!(
                several.copies.iter().any(|(partition, _)| *partition == Partition::Unclaimed),
                "it is kept as it came"
            );
        }
    }

    #[test]
    fn a_target_that_is_not_there_is_awaited() {
        let awaited = copies(&provenance(&["Observation/late", "Practitioner/d"]), &owners());
        assert_eq!(awaited.absent, [Reference::new("Observation", "late")].into());
        assert_eq!(awaited.copies, [(Partition::Unclaimed, provenance(&["Observation/late", "Practitioner/d"]))]);
    }
}
