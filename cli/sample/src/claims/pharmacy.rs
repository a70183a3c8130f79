//! Pharmacy claims, of one fill each.

use serde_json::{Value, json};
use time::Date;

use super::Claim;
use super::institutional::{info, numbered};
use crate::catalog::drugs::Drug;
use crate::codes::*;
use crate::values::{concept, day};

/// Details that only pharmacy claims have.
pub(crate) struct Fill {
    pub(crate) drug: &'static Drug,
    /// The refill number: 0 for the first fill of a prescription.
    pub(crate) number: u32,
    pub(crate) authorized: u32,
    /// The ingredients of a compound: code, amount and unit. Empty for a product that is no compound.
    pub(crate) parts: Vec<(Coding, f64, &'static str)>,
    /// The NCPDP reject code, if the fill was refused at the counter.
    pub(crate) rejected: Option<Coding>,
}

/// Adds the elements of pharmacy claims.
pub(crate) fn complete(body: &mut Value, claim: &Claim, fill: &Fill, received: Date) {
    body["type"] = concept(claim_type("pharmacy", "Pharmacy"));
    let mixture = if fill.parts.is_empty() { compound("1", "Not a compound") } else { compound("2", "Compound") };
    let brand = fill.drug.tier > 1;
    body["supportingInfo"] = numbered(vec![
        info("clmrecvddate", "Claim Received Date", json!({"timingDate": day(received)})),
        info("dayssupply", "Days Supply", json!({"valueQuantity": {"value": fill.drug.fill.1}})),
        info(
            "dawcode",
            "DAW (Dispense As Written) Code",
            json!({"code": concept(daw("0", "No product selection indicated"))}),
        ),
        info("refillnum", "Refill Number", json!({"valueQuantity": {"value": fill.number}})),
        info("refillsauthorized", "Refills Authorized", json!({"valueQuantity": {"value": fill.authorized}})),
        info(
            "brandgenericindicator",
            "Brand Generic Indicator",
            json!({"code": concept(if brand { brand_generic("1", "Brand") } else { brand_generic("2", "Generic") })}),
        ),
        info("rxorigincode", "Rx Origin Code", json!({"code": concept(rx_origin("3", "Electronic"))})),
        info(
            "compoundcode",
            "Compound Code",
            json!({
                "code": concept(mixture),
            }),
        ),
    ]);
    debug_assert_eq!(claim.lines.len(), 1);
    if !fill.parts.is_empty() {
        let part = |(i, (code, amount, unit)): (usize, &(Coding, f64, &str))| {
            json!({
                "sequence": i + 1,
                "productOrService": concept(*code),
                "quantity": {"value": amount, "unit": unit},
            })
        };
        body["item"][0]["detail"] = fill.parts.iter().enumerate().map(part).collect();
    }
}
