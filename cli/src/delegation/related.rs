//! The `RelatedPerson` in a member's record who stands for a person who acts for them: relationship, period and name, and nothing else.
//! It is loaded as a feed is, so it has a Provenance and is found like any other.

use anyhow::{Result, bail};
use indicatif::ProgressBar;
use serde_json::{Value as Json, json};
use shared::access::acting::Relation;
use shared::access::delegation::{Delegation, Standing};
use shared::clock::Clock;
use shared::fhir::reference::Reference;
use shared::secret::Secret;

use super::Ages;
use crate::load::{Settings, Source, load_with};
use crate::stack::Stack;

/// The id of the resource that we make for a person in a member's record: the same for each of their delegations, so that a command that
/// was cut short may be repeated.
pub(super) fn id_of(person: &str, patient: &str) -> String {
    let hash = Secret::from_client(&format!("related\0{person}\0{patient}")).hashed().0;
    // An underscore stands in no id of FHIR.
    format!("acts-{}", hash.replace('_', "."))
}

/// Whether the resource is one that we made.
fn is_ours(delegation: &Delegation) -> bool {
    delegation.related_person == Some(id_of(delegation.person(), &delegation.patient))
}

/// The resource. A delegation that ended before its time has its last day then.
fn resource(delegation: &Delegation, ages: &Ages) -> Json {
    let last = match (delegation.standing, delegation.end) {
        (Standing::Ended { at, .. }, end) => Some(ages.day(end.map_or(at, |end| end.at.min(at)))),
        (_, Some(end)) => Some(ages.last_day(end.at)),
        (_, None) => None,
    };
    let mut period = json!({"start": delegation.from});
    if let Some(last) = last {
        period["end"] = last.to_string().max(delegation.from.clone()).into();
    }
    let code = |code: &str, words: &str| {
        let coding =
            json!({"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": code, "display": words});
        json!([{"coding": [coding], "text": words}])
    };
    let relationship = match delegation.relation {
        Relation::Parent => code("PRN", "parent"),
        Relation::Guardian => code("GUARD", "guardian"),
        Relation::Representative => code("RESPRSN", "responsible party"),
        Relation::Proxy => json!([{"text": "chosen by the member"}]),
    };
    json!({
        "resourceType": "RelatedPerson", "id": delegation.related_person,
        "patient": {"reference": format!("Patient/{}", delegation.patient)},
        "relationship": relationship, "name": [{"text": delegation.name}], "period": period,
    })
}

/// Writes the resources of these delegations, of those that we make. One that is there already stays.
///
/// # Errors
/// The stack does not answer, or refuses one: the same again goes on.
pub(super) async fn write(stack: &Stack, delegations: &[&Delegation]) -> Result<()> {
    let resources: Vec<Json> = delegations
        .iter()
        .filter(|delegation| is_ours(delegation))
        .map(|delegation| resource(delegation, stack.ages()))
        .collect();
    if resources.is_empty() {
        return Ok(());
    }
    let source = Source::Memory(resources);
    let (report, ended) = load_with(stack, &source, Settings::default(), Clock::System, &ProgressBar::hidden()).await;
    ended?;
    if report.total().rejected > 0 {
        bail!("the person cannot be written into the member's record:\n{report}");
    }
    Ok(())
}

/// Makes sure that a `RelatedPerson` that the operator names stands in the member's record, and in no other.
///
/// # Errors
/// It does not, or the stack does not answer.
pub(super) async fn is_in_record(stack: &Stack, id: &str, patient: &str) -> Result<()> {
    let reference = Reference::new("RelatedPerson", id);
    let homes = stack.writer()?.homes(std::slice::from_ref(&reference)).await?;
    let owners = homes.get(&reference).map(|home| home.owners.iter().map(String::as_str).collect::<Vec<_>>());
    if owners.as_deref() == Some(&[patient][..]) {
        return Ok(());
    }
    bail!("--related-person: there is no {reference} in the record of Patient/{patient}; leave it out, and one is made")
}
