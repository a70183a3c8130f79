//! Claims and their adjudication: an `ExplanationOfBenefit` for each of C4BB's five claim types.
//!
//! A `Claim` says what was done and billed. `settle` adjudicates each line in cents (`money.rs`) and writes the
//! resource. Elements that all claim types have are written here, those of one type in the file of that type.

mod institutional;
mod line;
mod money;
mod oral;
mod pharmacy;
mod professional;

use serde_json::{Value, json};
use time::Date;

use crate::catalog::drugs::Drug;
use crate::catalog::services::CostSharing;
use crate::chart::Chart;
use crate::codes::*;
use crate::directory::{self, Doctor, PAYER};
use crate::values::{at, coding, concept, day, later, named, period, reference};

pub(crate) use institutional::Stay;
pub(crate) use line::Line;
pub(crate) use money::Ledger;
pub(crate) use oral::Dental;
pub(crate) use pharmacy::Fill;
pub(crate) use professional::Ride;

/// The type of a claim, with the details that only this type has.
pub(crate) enum ClaimType {
    Inpatient(Stay),
    Outpatient(Stay),
    /// Care by a professional; an ambulance ride has details of its own.
    Professional(Option<Ride>),
    Pharmacy(Fill),
    Oral(Dental),
}

/// A claim as the provider submits it.
pub(crate) struct Claim {
    /// The plan's claim number.
    pub(crate) number: String,
    pub(crate) kind: ClaimType,
    pub(crate) start: Date,
    pub(crate) end: Date,
    /// The billing provider: an organization's id.
    pub(crate) provider: &'static str,
    /// The care team: role and doctor.
    pub(crate) team: Vec<(Coding, &'static Doctor)>,
    /// Diagnoses with their type, the principal one first.
    pub(crate) diagnoses: Vec<(Coding, Coding)>,
    pub(crate) lines: Vec<Line>,
    pub(crate) in_network: bool,
    /// The claim that this one replaces, or that replaces this one: relationship and claim number.
    pub(crate) related: Option<(Coding, String)>,
    /// Notes to the member, verbatim.
    pub(crate) notes: Vec<&'static str>,
    pub(crate) authorization: Option<String>,
    /// Paid as a whole, at a case rate: the header's adjudication has the amounts, and the lines have none.
    pub(crate) case_rate: bool,
    pub(crate) labels: Vec<Coding>,
}

pub(crate) const PRINCIPAL: Coding = diagnosis_type("principal", "Principal Diagnosis");
pub(crate) const ADMITTING: Coding = diagnosis_type("admitting", "Admitting Diagnosis");
pub(crate) const SECONDARY: Coding = c4bb_diagnosis("secondary", "Secondary");
pub(crate) const OTHER: Coding = c4bb_diagnosis("other", "Other");
pub(crate) const REASON_FOR_VISIT: Coding = c4bb_diagnosis("patientreasonforvisit", "Patient Reason for Visit");
pub(crate) const EXTERNAL_CAUSE: Coding = c4bb_diagnosis("externalcauseofinjury", "External Cause of Injury");
pub(crate) const RENDERING: Coding = c4bb_team("rendering", "Rendering provider");
pub(crate) const REFERRING: Coding = c4bb_team("referring", "Referring");
pub(crate) const ATTENDING: Coding = c4bb_team("attending", "Attending");
pub(crate) const OPERATING: Coding = c4bb_team("operating", "Operating");
pub(crate) const PRESCRIBING: Coding = c4bb_team("prescribing", "Prescribing provider");
pub(crate) const PRIOR: Coding = related_claim("prior", "Prior Claim");
pub(crate) const REPLACED_BY: Coding = c4bb_related("replacedby", "Replaced by claim number");
pub(crate) const NO_AUTHORIZATION: Coding =
    carc("197", "Precertification/authorization/notification/pre-treatment absent.");
pub(crate) const DUPLICATE: Coding = carc("18", "Exact duplicate claim/service");

impl Claim {
    /// An ordinary, in-network claim without lines.
    pub(crate) fn new(chart: &mut Chart, kind: ClaimType, start: Date, end: Date, provider: &'static str) -> Self {
        let tag = match kind {
            ClaimType::Pharmacy(_) => "rx",
            ClaimType::Oral(_) => "dn",
            _ => "cl",
        };
        let number = chart.next_id(tag).to_uppercase();
        Claim {
            number,
            kind,
            start,
            end,
            provider,
            team: Vec::new(),
            diagnoses: Vec::new(),
            lines: Vec::new(),
            in_network: true,
            related: None,
            notes: Vec::new(),
            authorization: None,
            case_rate: false,
            labels: Vec::new(),
        }
    }

    /// A claim for a visit to a doctor, billed by the doctor's employer.
    pub(crate) fn visit(
        chart: &mut Chart,
        doctor: &'static Doctor,
        date: Date,
        diagnosis: Coding,
        lines: Vec<Line>,
    ) -> Self {
        let mut claim = Claim::new(chart, ClaimType::Professional(None), date, date, doctor.works_at);
        claim.team.push((RENDERING, doctor));
        claim.diagnoses.push((diagnosis, PRINCIPAL));
        claim.lines = lines;
        claim
    }

    /// A claim for one fill at the pharmacy.
    pub(crate) fn fill(chart: &mut Chart, drug: &'static Drug, date: Date, refill: (u32, u32)) -> Self {
        let kind = ClaimType::Pharmacy(Fill {
            drug,
            number: refill.0,
            authorized: refill.1,
            parts: Vec::new(),
            rejected: None,
        });
        let mut claim = Claim::new(chart, kind, date, date, "riverside-pharmacy");
        let share = CostSharing::Copay(crate::catalog::services::Copay::Drug(drug.tier));
        let (charge, allowed) = drug.price;
        claim.team.push((PRESCRIBING, chart.doctor));
        claim.lines = vec![Line::priced(drug.ndc, date, charge, allowed, share, crate::catalog::services::OFFICE)];
        claim
    }

    /// Submits two versions of a claim: the first with a fault, which is cancelled, and the one that replaces it.
    pub(crate) fn corrected(chart: &mut Chart, note: &'static str, make: impl Fn(&mut Chart) -> Claim) {
        let (mut first, mut second) = (make(chart), make(chart));
        first.related = Some((REPLACED_BY, second.number.clone()));
        second.related = Some((PRIOR, first.number.clone()));
        if let Some(line) = first.lines.first_mut() {
            line.charge += 1000;
        }
        second.notes.push(note);
        chart.claim(first);
        chart.claim(second);
    }

    fn dental(&self) -> bool {
        matches!(self.kind, ClaimType::Oral(_))
    }
}

/// Adjudicates the claim and writes the `ExplanationOfBenefit`.
pub(crate) fn settle(chart: &mut Chart, ledger: &mut Ledger, claim: &Claim) {
    let plan = chart.coverage(claim.start, claim.dental()).plan;
    let decided: Vec<money::Amounts> = claim.lines.iter().map(|line| ledger.decide(plan, claim, line)).collect();
    let total = decided.iter().fold(money::Amounts::default(), |sum, a| sum.plus(a));
    let profile = match claim.kind {
        ClaimType::Inpatient(_) => "Inpatient-Institutional",
        ClaimType::Outpatient(_) => "Outpatient-Institutional",
        ClaimType::Professional(_) => "Professional-NonClinician",
        ClaimType::Pharmacy(_) => "Pharmacy",
        ClaimType::Oral(_) => "Oral",
    };
    let received = later(claim.end, if matches!(claim.kind, ClaimType::Pharmacy(_)) { 0 } else { 3 });
    let created = later(received, if matches!(claim.kind, ClaimType::Pharmacy(_)) { 0 } else { 4 });
    let org = directory::organization(claim.provider);
    let paid = match (total.denied, total.benefit) {
        (0, _) => c4bb_status("paid", "Paid"),
        (_, 0) => c4bb_status("denied", "Denied"),
        _ => c4bb_status("partiallypaid", "Partially Paid"),
    };
    // Another version of the claim has replaced this one, which is therefore cancelled.
    let replaced = matches!(&claim.related, Some((code, _)) if *code == REPLACED_BY);
    let mut body = json!({
        "language": "en-US",
        "identifier": [{
            "type": concept(c4bb_identifier("uc", "Unique Claim ID")),
            "system": format!("{PLAN_IDS}/claim"),
            "value": claim.number,
        }],
        "status": if replaced { "cancelled" } else { "active" },
        "type": Value::Null,
        "subType": Value::Null,
        "use": "claim",
        "patient": named(&chart.patient(), &chart.person.name()),
        "billablePeriod": period(claim.start, claim.end),
        "created": at(created, 9, 0),
        "insurer": named(PAYER, "Lakeshore Health Plan"),
        "provider": named(&org.target(), org.name),
        "priority": concept(priority("normal", "Normal")),
        "related": claim.related.as_ref().map(|(code, number)| json!([{
            "relationship": concept(*code),
            "reference": {"system": format!("{PLAN_IDS}/claim"), "value": number},
        }])),
        "payee": {"type": concept(payee_type("provider", "Provider")), "party": named(&org.target(), org.name)},
        "outcome": "complete",
        "disposition": if total.denied == total.submitted { "Denied" } else { "Processed" },
        "careTeam": team(claim),
        "supportingInfo": Value::Null,
        "diagnosis": diagnoses(claim),
        "procedure": Value::Null,
        "insurance": [{
            "focal": true,
            "coverage": reference(&chart.coverage(claim.start, claim.dental()).target),
            "preAuthRef": claim.authorization.as_ref().map(|number| vec![number]),
        }],
        "item": items(claim, &decided),
        "adjudication": head(claim, &total),
        "total": money::totals(&total, matches!(claim.kind, ClaimType::Pharmacy(_))),
        "payment": {
            "type": concept(paid),
            "date": day(later(created, 5)),
            "amount": crate::values::money(total.benefit),
        },
        "processNote": notes(claim),
    });
    match &claim.kind {
        ClaimType::Inpatient(stay) => institutional::complete(&mut body, chart, claim, stay, received, true),
        ClaimType::Outpatient(stay) => institutional::complete(&mut body, chart, claim, stay, received, false),
        ClaimType::Professional(ride) => professional::complete(&mut body, chart, claim, ride.as_ref(), received),
        ClaimType::Pharmacy(fill) => pharmacy::complete(&mut body, claim, fill, received),
        ClaimType::Oral(dental) => oral::complete(&mut body, chart, claim, dental, received),
    }
    let profiles = c4bb(&format!("ExplanationOfBenefit-{profile}"));
    let id = claim.number.to_lowercase();
    chart.put_as("ExplanationOfBenefit", &id, created, &profiles, body);
}

fn team(claim: &Claim) -> Vec<Value> {
    let one = |(i, (role, doctor)): (usize, &(Coding, &Doctor))| {
        let qualified = matches!(claim.kind, ClaimType::Professional(_) | ClaimType::Oral(_));
        json!({
            "sequence": i + 1,
            "provider": doctor.reference(),
            "role": concept(*role),
            "qualification": qualified.then(|| concept(doctor.specialty)),
        })
    };
    claim.team.iter().enumerate().map(one).collect()
}

fn diagnoses(claim: &Claim) -> Vec<Value> {
    // Present on admission is reported for inpatient stays only.
    let stay = matches!(claim.kind, ClaimType::Inpatient(_));
    let present = present_on_admission("Y", "Diagnosis was present at time of inpatient admission");
    let one = |(i, (code, kind)): (usize, &(Coding, Coding))| {
        json!({
            "sequence": i + 1,
            "diagnosisCodeableConcept": concept(*code),
            "type": [concept(*kind)],
            "onAdmission": stay.then(|| concept(present)),
        })
    };
    claim.diagnoses.iter().enumerate().map(one).collect()
}

fn notes(claim: &Claim) -> Vec<Value> {
    let one = |(i, text): (usize, &&str)| {
        json!({
            "number": i + 1,
            "type": "display",
            "text": text,
            "language": {"coding": [coding(language("en-US", "English (United States)"))]},
        })
    };
    claim.notes.iter().enumerate().map(one).collect()
}

fn items(claim: &Claim, decided: &[money::Amounts]) -> Vec<Value> {
    let pharmacy = matches!(claim.kind, ClaimType::Pharmacy(_));
    let by_professional = matches!(claim.kind, ClaimType::Professional(_) | ClaimType::Oral(_));
    let one = |(i, (line, amounts)): (usize, (&Line, &money::Amounts))| {
        let quantity = match &claim.kind {
            ClaimType::Pharmacy(fill) => json!({"value": fill.drug.fill.0, "unit": fill.drug.dose.1}),
            _ => json!({"value": line.units}),
        };
        let product = match line.code {
            NOT_APPLICABLE => json!({"coding": [coding(line.code)]}),
            code => concept(code),
        };
        json!({
            "sequence": i + 1,
            "careTeamSequence": (!claim.team.is_empty() && !pharmacy).then_some([1]),
            "diagnosisSequence": (!claim.diagnoses.is_empty()).then_some([1]),
            "revenue": line.revenue.map(concept),
            "productOrService": product,
            "modifier": line.modifiers.iter().map(|m| concept(*m)).collect::<Vec<_>>(),
            "servicedDate": day(line.date),
            "locationCodeableConcept": by_professional.then(|| concept(line.place)),
            "quantity": quantity,
            "bodySite": line.tooth.as_ref().map(|t| concept(t.0)),
            "subSite": line.tooth.as_ref().map(|t| t.1.iter().map(|s| concept(*s)).collect::<Vec<_>>()),
            "noteNumber": ((line.denied.is_some() || i == 0) && !claim.notes.is_empty()).then_some([1]),
            "adjudication": money::line(claim, line, amounts),
        })
    };
    claim.lines.iter().zip(decided).enumerate().map(one).collect()
}

/// The product or service of a line without a procedure code, such as room and board.
pub(crate) const NOT_APPLICABLE: Coding = absent("not-applicable", "Not Applicable");

fn network(claim: &Claim) -> Value {
    concept(if claim.in_network {
        c4bb_status("innetwork", "In Network")
    } else {
        c4bb_status("outofnetwork", "Out Of Network")
    })
}

fn head(claim: &Claim, total: &money::Amounts) -> Vec<Value> {
    let status = |code: Coding| json!({"category": concept(code), "reason": network(claim)});
    let billing = status(c4bb_discriminator("billingnetworkstatus", "Billing Network Status"));
    let rendering = status(c4bb_discriminator("renderingnetworkstatus", "Rendering Network Status"));
    let benefit = status(c4bb_discriminator("benefitpaymentstatus", "Benefit Payment Status"));
    let mut out = match claim.kind {
        ClaimType::Professional(_) => vec![billing, rendering],
        ClaimType::Oral(_) => vec![billing, rendering, benefit],
        _ => vec![billing, benefit],
    };
    if claim.case_rate {
        out.extend(money::amounts(total, false));
        out.extend(money::adjustments(total));
    }
    out
}
