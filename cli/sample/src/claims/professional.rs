//! Professional claims: of doctors, laboratories, ambulances and opticians.

use serde_json::{Value, json};
use time::Date;

use super::Claim;
use super::institutional::{accounts, info, numbered};
use crate::chart::Chart;
use crate::codes::{Coding, claim_type};
use crate::directory::organization;
use crate::values::{coding, concept, day, named, quantity};

/// An ambulance transport.
pub(crate) struct Ride {
    pub(crate) miles: u32,
    /// The patient's weight in pounds.
    pub(crate) weight: u32,
    /// The X12 ambulance transport reason.
    pub(crate) reason: Coding,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    /// The reason for the stretcher.
    pub(crate) stretcher: &'static str,
    /// The purpose of a round trip.
    pub(crate) round_trip: &'static str,
}

/// Adds the elements of professional claims.
pub(crate) fn complete(body: &mut Value, chart: &Chart, claim: &Claim, ride: Option<&Ride>, received: Date) {
    // Claims for glasses have the type `vision` and the same profile.
    let vision = claim.lines.iter().any(|l| l.code.code.starts_with("V2"));
    body["type"] =
        concept(if vision { claim_type("vision", "Vision") } else { claim_type("professional", "Professional") });
    let place = organization(claim.provider);
    let mut rows = vec![
        info("clmrecvddate", "Claim Received Date", json!({"timingDate": day(received)})),
        info("servicefacility", "Service Facility", json!({"valueReference": named(&place.target(), place.name)})),
    ];
    rows.extend(accounts(chart, claim));
    if let Some(ride) = ride {
        let first = rows.len() + 1;
        rows.extend([
            info(
                "patientweight",
                "Patient Weight",
                json!({"valueQuantity": quantity(f64::from(ride.weight), "[lb_av]", "[lb_av]")}),
            ),
            info(
                "transportationdistance",
                "Transportation Distance",
                json!({"valueQuantity": quantity(f64::from(ride.miles), "[mi_i]", "[mi_i]")}),
            ),
            info("ambulancetransportreason", "Ambulance Transport Reason", json!({"reason": coding(ride.reason)})),
            info("roudtrippurpose", "Round trip purpose", json!({"valueString": ride.round_trip})),
            info("stretcherpurpose", "Stretcher Purpose", json!({"valueString": ride.stretcher})),
            info("pickuplocation", "Pick up Location", json!({"valueString": ride.from})),
            info("dropofflocation", "Drop off Location", json!({"valueString": ride.to})),
        ]);
        let linked: Vec<usize> = (first..=rows.len()).collect();
        if let Value::Array(items) = &mut body["item"] {
            for item in items {
                item["informationSequence"] = json!(linked);
            }
        }
    }
    body["supportingInfo"] = numbered(rows);
}
