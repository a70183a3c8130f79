//! Adjudication: the amounts that the plan and the member pay for each line, in whole cents.
//!
//! It always holds that submitted = discount + not covered + allowed; allowed = plan's payment + member's share;
//! member's share = deductible + copay + coinsurance.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Claim, ClaimType, Line, network};
use crate::catalog::plans::Plan;
use crate::catalog::services::CostSharing;
use crate::codes::*;
use crate::values::{concept, decimal, money};

/// The amounts of a line or of a claim, in cents.
#[derive(Clone, Default)]
pub(crate) struct Amounts {
    pub(crate) submitted: i64,
    pub(crate) allowed: i64,
    pub(crate) discount: i64,
    /// Not covered: the charges of denied lines.
    pub(crate) denied: i64,
    pub(crate) deductible: i64,
    pub(crate) copay: i64,
    pub(crate) coinsurance: i64,
    pub(crate) benefit: i64,
    pub(crate) member: i64,
}

impl Amounts {
    pub(crate) fn plus(&self, other: &Amounts) -> Amounts {
        Amounts {
            submitted: self.submitted + other.submitted,
            allowed: self.allowed + other.allowed,
            discount: self.discount + other.discount,
            denied: self.denied + other.denied,
            deductible: self.deductible + other.deductible,
            copay: self.copay + other.copay,
            coinsurance: self.coinsurance + other.coinsurance,
            benefit: self.benefit + other.benefit,
            member: self.member + other.member,
        }
    }
}

/// The member's payments by plan and year: the deductible met, and the total.
#[derive(Default)]
pub(crate) struct Ledger(HashMap<(&'static str, i32), (i64, i64)>);

impl Ledger {
    /// Adjudicates one line and adds the member's share to the payments.
    pub(crate) fn decide(&mut self, plan: &Plan, claim: &Claim, line: &Line) -> Amounts {
        let mut out = Amounts { submitted: line.charge, ..Amounts::default() };
        if line.denied.is_some() {
            out.denied = line.charge;
            return out;
        }
        out.allowed = line.allowed.min(line.charge);
        out.discount = line.charge - out.allowed;
        // The member's payments on a replaced claim do not count: the plan adjudicates its replacement in full.
        let counts = !matches!(&claim.related, Some((code, _)) if *code == super::REPLACED_BY);
        let (met, paid) = self.0.entry((plan.id, line.date.year())).or_default();
        let room = (plan.limit - *paid).max(0);
        match line.share {
            CostSharing::Free => {}
            CostSharing::Copay(kind) => out.copay = plan.copay(kind).min(out.allowed).min(room),
            CostSharing::Deductible => {
                out.deductible = (plan.deductible - *met).max(0).min(out.allowed).min(room);
                let percent = plan.coinsurance + if claim.in_network { 0 } else { 20 };
                out.coinsurance = ((out.allowed - out.deductible) * percent / 100).min(room - out.deductible);
            }
        }
        out.member = out.deductible + out.copay + out.coinsurance;
        out.benefit = out.allowed - out.member;
        if counts {
            *met += out.deductible;
            *paid += out.member;
        }
        out
    }
}

fn amount(category: Coding, cents: i64) -> Value {
    json!({"category": concept(category), "amount": money(cents)})
}

/// The amounts as entries of `adjudication`. Amounts of zero are left out, except the five that every app looks for:
/// submitted, eligible, benefit, paid to provider and member liability.
pub(crate) fn amounts(a: &Amounts, pharmacy: bool) -> Vec<Value> {
    let optional = [
        (c4bb_adjudication("discount", "Discount"), a.discount),
        (c4bb_adjudication("noncovered", "Noncovered"), a.denied),
        (adjudication("deductible", "Deductible"), a.deductible),
        (adjudication("copay", "CoPay"), a.copay),
        (c4bb_adjudication("coinsurance", "Co-insurance"), a.coinsurance),
        // The member pays at the pharmacy's counter.
        (c4bb_adjudication("paidbypatient", "Paid by patient"), if pharmacy { a.member } else { 0 }),
        (c4bb_adjudication("drugcost", "Drug cost"), if pharmacy { a.allowed } else { 0 }),
    ];
    let mut out = vec![
        amount(adjudication("submitted", "Submitted Amount"), a.submitted),
        amount(adjudication("eligible", "Eligible Amount"), a.allowed),
    ];
    out.extend(optional.into_iter().filter(|(_, cents)| *cents != 0).map(|(code, cents)| amount(code, cents)));
    out.push(amount(adjudication("benefit", "Benefit Amount"), a.benefit));
    out.push(amount(c4bb_adjudication("paidtoprovider", "Paid to provider"), a.benefit));
    out.push(amount(c4bb_adjudication("memberliability", "Member liability"), a.member));
    out
}

/// The amounts as entries of the claim's `total`.
pub(crate) fn totals(a: &Amounts, pharmacy: bool) -> Vec<Value> {
    amounts(a, pharmacy)
}

/// The adjustment reason, if the allowed amount is below the charge.
pub(crate) fn adjustments(a: &Amounts) -> Vec<Value> {
    let fee = carc("45", "Charge exceeds fee schedule/maximum allowable or contracted/legislated fee arrangement.");
    if a.discount > 0 { vec![reason(fee, a.discount)] } else { Vec::new() }
}

fn reason(code: Coding, cents: i64) -> Value {
    json!({
        "category": concept(c4bb_discriminator("adjustmentreason", "Adjustment Reason")),
        "reason": concept(code),
        "amount": money(cents),
    })
}

/// The entries of one line's `adjudication`. Under a case rate the lines have none.
pub(crate) fn line(claim: &Claim, line: &Line, a: &Amounts) -> Vec<Value> {
    if claim.case_rate {
        return Vec::new();
    }
    let pharmacy = matches!(claim.kind, ClaimType::Pharmacy(_));
    let mut out = Vec::new();
    if matches!(claim.kind, ClaimType::Professional(_) | ClaimType::Oral(_)) {
        let status = if line.denied.is_some() { concept(c4bb_status("other", "Other")) } else { network(claim) };
        out.push(json!({
            "category": concept(c4bb_discriminator("benefitpaymentstatus", "Benefit Payment Status")),
            "reason": status,
        }));
    }
    if let (ClaimType::Pharmacy(fill), Some(_)) = (&claim.kind, line.denied) {
        let why = fill.rejected.expect("a refused fill has the pharmacy's reason");
        out.push(
            json!({"category": concept(c4bb_discriminator("rejectreason", "Reject Reason")), "reason": concept(why)}),
        );
    } else if let Some(why) = line.denied {
        out.push(reason(why, a.denied));
    } else if !pharmacy {
        out.extend(adjustments(a));
        out.push(json!({
            "category": concept(c4bb_discriminator("allowedunits", "allowed units")),
            "value": decimal(f64::from(line.units)),
        }));
    }
    out.extend(amounts(a, pharmacy));
    out
}
