//! Prior authorizations (PDex): a provider's request, and the plan's decision.

use serde_json::{Value, json};
use time::Date;

use crate::catalog::services::Service;
use crate::chart::Chart;
use crate::codes::*;
use crate::directory::{Doctor, PAYER};
use crate::values::{at, concept, day, later, money, named, period, reference};

/// The plan's decision.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The request is approved, and `used` of its units have been used.
    Approved {
        units: u32,
        used: u32,
    },
    /// The request is denied, for this reason; the text explains it to the member.
    Denied(Coding, &'static str),
    Pending,
}

/// A provider's request.
pub(crate) struct PriorAuthorizationRequest<'a> {
    pub(crate) service: &'static Service,
    pub(crate) units: u32,
    /// The X12 service type.
    pub(crate) category: Coding,
    pub(crate) diagnosis: Coding,
    pub(crate) doctor: &'static Doctor,
    pub(crate) on: Date,
    pub(crate) urgent: bool,
    /// The doctor's explanation to the plan.
    pub(crate) because: &'static str,
    /// The number of the authorization that this one continues.
    pub(crate) previous: Option<&'a str>,
}

impl PriorAuthorizationRequest<'_> {
    /// The day on which the plan decides.
    pub(crate) fn decided(&self) -> Date {
        later(self.on, if self.urgent { 1 } else { 6 })
    }

    /// The period in which an approval is valid.
    pub(crate) fn valid(&self) -> Value {
        period(self.decided(), self.decided() + time::Duration::days(180))
    }

    pub(crate) fn priority(&self) -> Value {
        concept(if self.urgent { priority("stat", "Immediate") } else { priority("normal", "Normal") })
    }
}

pub(crate) const NOT_NECESSARY: Coding =
    carc("50", "These are non-covered services because this is not deemed a 'medical necessity' by the payer.");

fn pas(name: &str, key: &'static str, value: Value) -> Value {
    let mut out = json!({"url": format!("http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-{name}")});
    out[key] = value;
    out
}

/// The review, as the extensions that PDex puts on each adjudication.
fn review(number: &str, decision: Decision, on: Date) -> Value {
    let (action, reason) = match decision {
        Decision::Approved { .. } => (x12_action("A1", "Certified in total"), None),
        Decision::Denied(..) => (x12_action("A3", "Not Certified"), Some(x12_reason("0F", "Not Medically Necessary"))),
        Decision::Pending => {
            (x12_action("A4", "Pended"), Some(x12_reason("0U", "Additional Patient Information required")))
        }
    };
    let mut parts = vec![
        json!({"url": "number", "valueString": number}),
        json!({"url": pdex("extension-reviewActionCode"), "valueCodeableConcept": concept(action)}),
    ];
    parts.extend(reason.map(|reason| json!({"url": "reasonCode", "valueCodeableConcept": concept(reason)})));
    json!([
        {"url": pdex("extension-reviewAction"), "extension": parts},
        {"url": pdex("base-ext-when-adjudicated"), "valueDateTime": at(on, 15, 0)},
    ])
}

/// The decision in amounts and units: the item's adjudication, that of the whole, and the totals.
fn outcome(r: &PriorAuthorizationRequest, decision: Decision, status: &Value) -> [Vec<Value>; 3] {
    let amount =
        |code: Coding, cents: i64| json!({"extension": status, "category": concept(code), "amount": money(cents)});
    let units = |code: Coding, n: u32| json!({"extension": status, "category": concept(code), "value": n});
    let total = |code: Coding, cents: i64, used: Option<u32>| {
        let used = used.map(|n| json!([{"url": pdex("PriorAuthorizationUtilization"), "valueQuantity": {"value": n}}]));
        json!({"extension": used, "category": concept(code), "amount": money(cents)})
    };
    let (charge, allowed) = r.service.price;
    let (asked, worth) = (charge * i64::from(r.units), allowed * i64::from(r.units));
    let submitted = amount(adjudication("submitted", "Submitted Amount"), asked);
    let (mut item, mut head) = (vec![submitted.clone()], vec![submitted]);
    let mut totals = vec![total(pdex_amount("submitted", "Submitted"), asked, None)];
    match decision {
        Decision::Approved { units: granted, used } => {
            let eligible = amount(adjudication("eligible", "Eligible Amount"), worth);
            head.push(eligible.clone());
            item.push(eligible);
            item.push(units(pdex_discriminator("allowedunits", "allowed units"), granted));
            item.push(units(pdex_discriminator("consumedunits", "consumed units"), used));
            totals.push(total(pdex_amount("eligible", "Eligible"), worth, None));
            totals.push(total(pdex_amount("utilized", "Utilized"), allowed * i64::from(used), Some(used)));
        }
        Decision::Denied(why, _) => {
            let category = concept(pdex_discriminator("denialreason", "Denial Reason"));
            let denial = json!({"extension": status, "category": category, "reason": concept(why)});
            item.push(denial.clone());
            head.push(denial);
        }
        Decision::Pending => {}
    }
    [item, head, totals]
}

/// The item's extensions: its trace number and, once it is approved, the authorization.
fn item_details(r: &PriorAuthorizationRequest, number: &str, issued: Option<(Date, &Value)>) -> Vec<Value> {
    let system = format!("https://{}.example.org/trace", r.doctor.works_at);
    let mut out = vec![
        pas("itemTraceNumber", "valueIdentifier", json!({"system": system, "value": format!("{number}-1")})),
        pas("administrationReferenceNumber", "valueString", json!(format!("REF-{number}"))),
    ];
    if let Some((on, valid)) = issued {
        let detail = json!([
            {"url": "productOrServiceCode", "valueCodeableConcept": concept(r.service.code)},
            {"url": "quantity", "valueQuantity": {"value": r.units}},
        ]);
        let provider = json!([{"url": "provider", "valueReference": r.doctor.reference()}]);
        out.push(pas("itemPreAuthIssueDate", "valueDate", json!(day(on))));
        out.push(pas("itemPreAuthPeriod", "valuePeriod", valid.clone()));
        out.push(pas("itemAuthorizedDetail", "extension", detail));
        out.push(pas("itemAuthorizedProvider", "extension", provider));
    }
    out.extend(r.previous.map(|previous| pas("authorizationNumber", "valueString", json!(previous))));
    out
}

/// Files the doctor's letter. Returns the `supportingInfo` that refers to it.
fn documents(chart: &mut Chart, r: &PriorAuthorizationRequest, number: &str) -> Value {
    let attachment = Coding {
        system: "http://terminology.hl7.org/CodeSystem/claiminformationcategory",
        code: "attachment",
        display: "Attachment",
    };
    let lines = [
        r.doctor.employer().name.to_string(),
        format!("Request for prior authorization {number}, {}", day(r.on)),
        format!("For: {}", chart.person.name()),
        format!("{} x {}", r.units, r.service.code.display),
        format!("Diagnosis: {} {}", r.diagnosis.code, r.diagnosis.display),
        r.because.to_string(),
        format!("Signed: {}", r.doctor.name()),
    ];
    let letter = crate::documents::letter(chart, r.doctor, &lines, r.on);
    json!([{
        "sequence": 1,
        "category": concept(attachment),
        "timingDate": day(r.on),
        "valueReference": named(&letter, "Request for prior authorization"),
    }])
}

/// Writes the authorization with the letter that asked for it, and returns its number. It has everything that 42 CFR
/// 422.119(b)(1)(iv) requires: the status, the dates of the decision and of its end, the items and services, the
/// specific reason of a denial, and the documents that the provider sent.
pub(crate) fn authorization(chart: &mut Chart, r: &PriorAuthorizationRequest, decision: Decision) -> String {
    let id = chart.next_id("pa");
    let number = id.to_uppercase();
    let documents = documents(chart, r, &number);
    let note = match decision {
        Decision::Denied(_, why) => json!([{"number": 1, "type": "display", "text": why}]),
        _ => Value::Null,
    };
    let decided = r.decided();
    let valid = r.valid();
    let approved = matches!(decision, Decision::Approved { .. });
    let [item, head, totals] = outcome(r, decision, &review(&number, decision, decided));
    let clinic = r.doctor.employer();
    let level = if r.urgent { x12_level("U", "Urgent") } else { x12_level("E", "Elective") };
    let words = match decision {
        Decision::Approved { .. } => "Approved",
        Decision::Denied(..) => "Denied: not medically necessary",
        Decision::Pending => "In review",
    };
    let body = json!({
        "language": "en-US",
        "extension": [{"url": pdex("extension-levelOfServiceCode"), "valueCodeableConcept": concept(level)}],
        "identifier": [{"system": format!("{PLAN_IDS}/authorization"), "value": number}],
        "status": "active",
        "type": concept(claim_type("professional", "Professional")),
        "use": "preauthorization",
        "patient": named(&chart.patient(), &chart.person.name()),
        "billablePeriod": {"start": day(r.on)},
        "created": at(r.on, 11, 0),
        "enterer": r.doctor.role(),
        "insurer": named(PAYER, "Lakeshore Health Plan"),
        "provider": named(&clinic.target(), clinic.name),
        "priority": r.priority(),
        "facility": named(&format!("Location/site-{}", clinic.id), clinic.name),
        "preAuthRef": approved.then(|| vec![number.clone()]),
        "preAuthRefPeriod": approved.then(|| vec![valid.clone()]),
        "outcome": if decision == Decision::Pending { "queued" } else { "complete" },
        "disposition": words,
        "careTeam": [{"sequence": 1, "provider": r.doctor.reference(), "responsible": true}],
        "supportingInfo": documents,
        "diagnosis": [{
            "sequence": 1,
            "diagnosisCodeableConcept": concept(r.diagnosis),
            "type": [concept(diagnosis_type("principal", "Principal Diagnosis"))],
        }],
        "insurance": [{"focal": true, "coverage": reference(&chart.coverage(r.on, false).target)}],
        "item": [{
            "extension": item_details(r, &number, approved.then_some((decided, &valid))),
            "sequence": 1,
            "diagnosisSequence": [1],
            "informationSequence": [1],
            "category": concept(r.category),
            "productOrService": concept(r.service.code),
            "servicedPeriod": valid,
            "quantity": {"value": r.units},
            "noteNumber": note.is_array().then_some([1]),
            "adjudication": item,
        }],
        "adjudication": head,
        "total": totals,
        "processNote": note,
    });
    let profiles = [pdex("pdex-priorauthorization"), pdex("pdex-priorauthorization|2.0.0")];
    chart.put_as("ExplanationOfBenefit", &id, decided, &profiles, body);
    number
}
