//! The messages of provider and plan about an authorization: the request as a Claim, the answer as a `ClaimResponse`
//! (`HRex`). Members' apps read the authorization itself, which [`crate::priorauth`] writes.

use serde_json::{Value, json};

use crate::chart::Chart;
use crate::codes::*;
use crate::directory::PAYER;
use crate::priorauth::PriorAuthorizationRequest;
use crate::values::{at, concept, day, money, named, reference};

/// An `HRex` extension of an answered item.
fn item_extension(name: &str, key: &'static str, value: Value) -> Value {
    let mut out = json!({"url": format!("http://hl7.org/fhir/us/davinci-hrex/StructureDefinition/extension-{name}")});
    out[key] = value;
    out
}

/// Writes both for an authorization that was approved under this number.
pub(crate) fn exchanged(chart: &mut Chart, r: &PriorAuthorizationRequest, number: &str, modifier: Coding) {
    let request = asked(chart, r);
    let on = r.decided();
    let (charge, allowed) = r.service.price;
    let amount = |code: Coding, cents: i64| json!({"category": concept(code), "amount": money(cents)});
    let units = i64::from(r.units);
    let body = json!({
        "identifier": [{"system": format!("{PLAN_IDS}/answer"), "value": format!("ANSWER-{number}")}],
        "status": "active",
        "type": concept(claim_type("professional", "Professional")),
        "use": "preauthorization",
        "patient": named(&chart.patient(), &chart.person.name()),
        "created": at(on, 15, 0),
        "insurer": named(PAYER, "Lakeshore Health Plan"),
        "requestor": r.doctor.role(),
        "request": reference(&request),
        "outcome": "complete",
        "disposition": "Approved",
        "preAuthRef": number,
        "preAuthPeriod": r.valid(),
        "addItem": [{
            "extension": [
                item_extension("itemTraceNumber", "valueIdentifier",
                    json!({"system": format!("https://{}.example.org/trace", r.doctor.works_at), "value": format!("{number}-1")})),
                item_extension("itemPreAuthIssueDate", "valueDate", json!(day(on))),
                item_extension("itemAuthorizedDate", "valuePeriod", r.valid()),
                item_extension("itemAuthorizedProvider", "valueReference", r.doctor.reference()),
            ],
            "itemSequence": [1],
            "productOrService": concept(r.service.code),
            "modifier": [concept(modifier)],
            "servicedPeriod": r.valid(),
            "locationCodeableConcept": concept(place("11", "Office")),
            "quantity": {"value": r.units},
            "unitPrice": money(charge),
            "adjudication": [amount(adjudication("eligible", "Eligible Amount"), allowed * units)],
        }],
        "total": [amount(adjudication("submitted", "Submitted Amount"), charge * units),
            amount(adjudication("eligible", "Eligible Amount"), allowed * units)],
        "insurance": [{"sequence": 1, "focal": true, "coverage": reference(&chart.coverage(on, false).target)}],
    });
    chart.put("ClaimResponse", "answer", on, &[hrex("claimresponse")], body);
}

/// Writes the request as it reached the plan. Returns the Claim.
fn asked(chart: &mut Chart, r: &PriorAuthorizationRequest) -> String {
    let clinic = r.doctor.employer();
    let body = json!({
        "status": "active",
        "type": concept(claim_type("professional", "Professional")),
        "use": "preauthorization",
        "patient": named(&chart.patient(), &chart.person.name()),
        "created": at(r.on, 10, 30),
        "enterer": r.doctor.role(),
        "insurer": named(PAYER, "Lakeshore Health Plan"),
        "provider": named(&clinic.target(), clinic.name),
        "priority": r.priority(),
        "careTeam": [{"sequence": 1, "provider": r.doctor.reference(), "responsible": true}],
        "diagnosis": [{"sequence": 1, "diagnosisCodeableConcept": concept(r.diagnosis)}],
        "insurance": [{"sequence": 1, "focal": true, "coverage": reference(&chart.coverage(r.on, false).target)}],
        "item": [{
            "sequence": 1,
            "careTeamSequence": [1],
            "diagnosisSequence": [1],
            "category": concept(r.category),
            "productOrService": concept(r.service.code),
            "servicedDate": day(r.on),
            "quantity": {"value": r.units},
            "unitPrice": money(r.service.price.0),
            "net": money(r.service.price.0 * i64::from(r.units)),
        }],
        "total": money(r.service.price.0 * i64::from(r.units)),
    });
    chart.put("Claim", "request", r.on, &[], body)
}
