//! Receipts: for each file that was received, each member has a Provenance that says which plan sent what, and when (`PDex`,
//! "Provenance").
//!
//! A receipt is written before the resources that it names, and its id begins with the moment. So the receipts of a member are
//! also the journal of their record: whoever asks what is new since a moment reads the receipts from then on, and nothing else.

use serde_json::{Value as Json, json};

use super::writer::{Change, Partition};
use crate::clock::Time;
use crate::fhir::guides::Guides;
use crate::fhir::profiles;
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::store::objects::content_hash;

/// What a receipt's id begins with.
const PREFIX: &str = "received-";

/// A receipt may be so much older than the resources that it names, in milliseconds: a batch is written after it.
pub const LEAD: i64 = 10 * 60_000;

/// A receipt names at most so many resources, so that a page can carry it.
pub const MOST_TARGETS: usize = 500;

/// Whether a Provenance is a receipt.
pub fn is_receipt(key: &Reference) -> bool {
    key.resource_type == "Provenance" && key.id.starts_with(PREFIX)
}

/// Whose receipts are written, and for which versions of the guides.
#[derive(Clone, Copy, Debug)]
pub struct Receipts<'a> {
    /// The plan's name.
    pub plan: &'a str,
    /// The versions.
    pub guides: Guides,
}

impl Receipts<'_> {
    /// The receipts of a member for `targets`: none for none, several for more than one receipt names.
    pub fn of(&self, member: &str, targets: &[Reference], now: Time) -> Vec<Change> {
        let Some(resource_type) = ResourceType::named("Provenance") else { return Vec::new() };
        let of = |targets: &[Reference]| {
            let mut receipt = receipt(self.plan, now, &salt(member, targets), targets);
            profiles::name_in(self.guides, &mut receipt);
            let id = receipt["id"].as_str().unwrap_or_default().to_owned();
            Change::store(resource_type, &id, vec![(Partition::Member(member.to_owned()), receipt)])
        };
        targets.chunks(MOST_TARGETS).map(of).collect()
    }
}

/// What tells receipts of one moment apart.
fn salt(member: &str, targets: &[Reference]) -> String {
    let text = targets.iter().fold(member.to_owned(), |text, target| format!("{text} {target}"));
    hex::encode(&content_hash(text.as_bytes())[..10])
}

/// A receipt for `targets`, sent by `plan`. `salt` tells it from others of the same moment: letters, digits and `-`, at most 40.
fn receipt(plan: &str, now: Time, salt: &str, targets: &[Reference]) -> Json {
    let targets: Vec<Json> = targets.iter().map(|target| json!({"reference": target.to_string()})).collect();
    let coding = |system: &str, code: &str, display: &str| json!({"coding": [{"system": system, "code": code, "display": display}]});
    json!({
        "resourceType": "Provenance",
        "id": format!("{PREFIX}{}-{salt}", moment(now)),
        "target": targets,
        "recorded": now.to_string(),
        "activity": coding("http://terminology.hl7.org/CodeSystem/v3-DataOperation", "UPDATE", "revise"),
        "agent": [{
            "type": coding(
                "http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type",
                "transmitter",
                "Transmitter",
            ),
            "who": {"display": plan},
        }],
    })
}

/// The first and the last key of receipts that may name a resource that became visible at `since` or later.
pub fn since(since: Time) -> (String, String) {
    let first = moment(Time(since.0.saturating_sub(LEAD)));
    (format!("Provenance/{PREFIX}{first}"), format!("Provenance/{PREFIX}~"))
}

/// A moment as text that sorts as time does; what was before 1970 is 1970.
pub fn moment(time: Time) -> String {
    format!("{:011x}", time.0.max(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::reference::is_id;

    #[test]
    fn receipts_lie_in_the_order_of_time_and_their_ids_are_ids() {
        let key = |time: i64| {
            let id = receipt("A plan", Time(time), &"f".repeat(40), &[])["id"].as_str().unwrap().to_owned();
            assert!(is_id(&id), "{id}");
            format!("Provenance/{id}")
        };
        let (first, last) = since(Time(1_800_000_000_000));
        assert!(key(1_800_000_000_000 - LEAD) >= first && key(1_800_000_000_000 - LEAD - 1) < first);
        assert!(key(i64::from(u32::MAX) * 1000) < last);
    }
}
