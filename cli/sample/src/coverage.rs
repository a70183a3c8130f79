//! Coverages: one for each plan and period.

use serde_json::json;
use time::Date;

use crate::catalog::plans::{DENTAL, Plan};
use crate::chart::{Chart, Coverage};
use crate::codes::*;
use crate::directory::PAYER;
use crate::person::Person;
use crate::values::{ANCHOR, coding, concept, named, period};

/// The person who holds the policy.
pub(crate) enum PolicyHolder<'a> {
    /// The member.
    Own,
    /// Another person, by reference; `dependent` is the member's dependent number. The subscriber may be referred to as
    /// a Patient, whose record the dependent may not read.
    Other { person: &'a Person, holder: String, subscriber: String, relation: Coding, dependent: &'static str },
}

/// Writes a Coverage of the plan for this period, both days included.
pub(crate) fn coverage(
    chart: &mut Chart,
    plan: &'static Plan,
    start: Date,
    end: Date,
    holder: &PolicyHolder,
) -> String {
    let patient = chart.patient();
    let own = named(&patient, &chart.person.name());
    let number = format!("{}{}", plan.prefix, chart.person.number);
    let (holder, subscriber, subscriber_id, relation, dependent) = match holder {
        PolicyHolder::Own => (own.clone(), own.clone(), number.clone(), relationship("self", "Self"), "00"),
        PolicyHolder::Other { person, holder, subscriber, relation, dependent } => {
            let name = person.name();
            let id = format!("{}{}", plan.prefix, person.number);
            (named(holder, &name), named(subscriber, &name), id, *relation, *dependent)
        }
    };
    let class = |code: Coding, value: &str, name: &str| json!({"type": concept(code), "value": value, "name": name});
    let dental = plan.id == DENTAL.id;
    let mut classes = vec![
        class(coverage_class("group", "Group"), plan.group.0, plan.group.1),
        class(coverage_class("plan", "Plan"), plan.id, plan.name),
    ];
    if !dental {
        classes.push(class(coverage_class("rxbin", "RX BIN"), "610999", "Lakeshore Rx"));
        classes.push(class(coverage_class("rxpcn", "RX PCN"), "LKSRX", "Lakeshore Rx"));
        classes.push(class(coverage_class("rxgroup", "RX Group"), plan.group.0, plan.group.1));
    }
    let mut profiles = vec![us_core("coverage"), hrex("coverage")];
    profiles.extend(c4bb("Coverage"));
    let ended = end < ANCHOR;
    let changed = if ended { end } else { start };
    let copay = |code: &'static str, display: &'static str, cents: i64| {
        let kind = Coding { system: "http://terminology.hl7.org/CodeSystem/coverage-copay-type", code, display };
        json!({"type": concept(kind), "valueMoney": crate::values::money(cents)})
    };
    let costs = (!dental).then(|| {
        vec![
            copay("gpvisit", "GP Office Visit", plan.copays[0]),
            copay("spvisit", "Specialist Office Visit", plan.copays[1]),
            copay("emergency", "Emergency", plan.copays[2]),
        ]
    });
    let target = chart.put(
        "Coverage",
        "coverage",
        changed,
        &profiles,
        json!({
            "identifier": [{
                "type": {"coding": [coding(v2_identifier("MB", "Member Number"))], "text": "Member number"},
                "system": format!("{PLAN_IDS}/member"),
                "value": number,
                "assigner": named(PAYER, "Lakeshore Health Plan"),
            }],
            "status": if ended { "cancelled" } else { "active" },
            "type": concept(plan.kind),
            "policyHolder": holder,
            "subscriber": subscriber,
            "subscriberId": subscriber_id,
            "beneficiary": own,
            "dependent": dependent,
            "relationship": concept(relation),
            "period": period(start, end),
            "payor": [named(PAYER, "Lakeshore Health Plan")],
            "class": classes,
            "order": if dental { 2 } else { 1 },
            "network": plan.network,
            "costToBeneficiary": costs,
        }),
    );
    chart.coverages.push(Coverage { target: target.clone(), plan, start, end });
    target
}
