//! Receipts: for each file that was received, each of its members gets a Provenance that says which plan sent what, and when
//! (`PDex`, "Provenance").
//!
//! A receipt is written before the resources that it names, and its id begins with the moment. So a member's receipts are also the
//! journal of their record: to know what is new since a moment, it is enough to read the receipts from then on.

use serde_json::{Value as Json, json};

use crate::bounds::RECEIPT_LEAD;
use crate::clock::Time;
use crate::fhir::reference::Reference;
use crate::store::schema::{AFTER_ALL, sortable};

/// The beginning of a receipt's id.
const PREFIX: &str = "received-";

/// The id of the Organization that receipts name as their author.
const AUTHOR: &str = "this-plan";

/// Whether a Provenance is a receipt.
pub fn is_receipt(key: &Reference) -> bool {
    key.resource_type == "Provenance" && key.id.starts_with(PREFIX)
}

/// The author of receipts: the plan, as a shared resource that each member with a record reaches.
pub fn author() -> Reference {
    Reference::new("Organization", AUTHOR)
}

/// The plan of this name, as the Organization that receipts refer to.
pub fn organization(plan: &str) -> Json {
    json!({
        "resourceType": "Organization",
        "id": AUTHOR,
        "active": true,
        "type": [{"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/organization-type",
            "code": "pay",
            "display": "Payer",
        }]}],
        "name": plan,
    })
}

/// A receipt for `targets`, which `plan` sent. `salt` tells it from other receipts of the same moment; it is at most 40 letters, digits
/// and `-`.
pub fn receipt(plan: &str, now: Time, salt: &str, targets: &[Reference]) -> Json {
    let targets: Vec<Json> = targets.iter().map(|target| json!({"reference": target.to_string()})).collect();
    let coding = |system: &str, code: &str, display: &str| json!({"coding": [{"system": system, "code": code, "display": display}]});
    json!({
        "resourceType": "Provenance",
        "id": format!("{PREFIX}{}-{salt}", sortable(now)),
        "target": targets,
        "recorded": now.to_string(),
        "activity": coding("http://terminology.hl7.org/CodeSystem/v3-DataOperation", "UPDATE", "revise"),
        "agent": [{
            "type": coding(
                "http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type",
                "transmitter",
                "Transmitter",
            ),
            "who": {"reference": author().to_string(), "display": plan},
        }],
    })
}

/// The first and the last key of receipts that may name a resource that became visible at `since` or later.
pub fn since(since: Time) -> (String, String) {
    let first = sortable(Time(since.0.saturating_sub(RECEIPT_LEAD)));
    (format!("Provenance/{PREFIX}{first}"), format!("Provenance/{PREFIX}{AFTER_ALL}"))
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
        assert!(key(1_800_000_000_000 - RECEIPT_LEAD) >= first && key(1_800_000_000_000 - RECEIPT_LEAD - 1) < first);
        assert!(key(i64::from(u32::MAX) * 1000) < last);
    }
}
