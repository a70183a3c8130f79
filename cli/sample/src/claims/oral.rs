//! Oral claims, those of dentists.

use serde_json::{Value, json};
use time::Date;

use super::Claim;
use super::institutional::{accounts, info, numbered};
use crate::chart::Chart;
use crate::codes::{Coding, claim_type};
use crate::directory::organization;
use crate::values::{concept, day, named, quantity};

/// Details that only oral claims have.
#[derive(Default)]
pub(crate) struct Dental {
    /// Months of orthodontic treatment.
    pub(crate) braces: Option<u32>,
    /// Whether the prosthesis is an initial placement.
    pub(crate) first_prosthesis: Option<bool>,
    pub(crate) missing: Vec<Coding>,
    /// Further teeth that the first line is about.
    pub(crate) also: Vec<Coding>,
}

/// Adds the elements of oral claims.
pub(crate) fn complete(body: &mut Value, chart: &Chart, claim: &Claim, dental: &Dental, received: Date) {
    body["type"] = concept(claim_type("oral", "Oral"));
    let place = organization(claim.provider);
    let mut rows = vec![
        info("clmrecvddate", "Claim Received Date", json!({"timingDate": day(received)})),
        info("servicefacility", "Service Facility", json!({"valueReference": named(&place.target(), place.name)})),
    ];
    rows.extend(accounts(chart, claim));
    rows.extend(dental.braces.map(|m| {
        info("orthodontics", "Orthodontics", json!({"valueQuantity": quantity(f64::from(m), "months", "mo")}))
    }));
    rows.extend(dental.first_prosthesis.map(|p| info("prosthesis", "Prosthesis", json!({"valueBoolean": p}))));
    rows.extend(
        dental.missing.iter().map(|t| info("missingtoothnumber", "Missing Tooth Number", json!({"code": concept(*t)}))),
    );
    let first = rows.len() + 1;
    rows.extend(
        dental.also.iter().map(|t| info("additionalbodysite", "Additional Body Site", json!({"code": concept(*t)}))),
    );
    if first <= rows.len() {
        body["item"][0]["informationSequence"] = (first..=rows.len()).collect::<Vec<_>>().into();
    }
    body["supportingInfo"] = numbered(rows);
}
