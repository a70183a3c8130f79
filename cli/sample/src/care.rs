//! Care plans, care teams and goals.

use serde_json::{Value, json};
use time::Date;

use crate::chart::Chart;
use crate::codes::*;
use crate::directory::Doctor;
use crate::values::{concept, day, later, named, quantity, reference};

fn subject(chart: &Chart) -> Value {
    named(&chart.patient(), &chart.person.name())
}

/// Writes a dietary Goal. Its target is a value and its unit.
pub(crate) fn goal(
    chart: &mut Chart,
    words: &str,
    measure: Coding,
    target: (f64, &str),
    start: Date,
    about: Option<&str>,
) -> String {
    let due = start + time::Duration::days(365);
    let body = json!({
        "lifecycleStatus": "active",
        "achievementStatus": concept(goal_progress("in-progress", "In Progress")),
        "category": [concept(goal_category("dietary", "Dietary"))],
        "description": {"text": words},
        "subject": subject(chart),
        "startDate": day(start),
        "target": [{
            "measure": concept(measure),
            "detailQuantity": quantity(target.0, target.1, target.1),
            "dueDate": day(due),
        }],
        "expressedBy": chart.doctor.reference(),
        "addresses": about.map(|a| vec![reference(a)]),
    });
    chart.put("Goal", "goal", start, &[us_core("goal")], body)
}

/// Writes a `CareTeam` of doctors, the member and, if given, a relative.
pub(crate) fn team(
    chart: &mut Chart,
    doctors: &[&'static Doctor],
    relative: Option<(&str, &str)>,
    start: Date,
) -> String {
    let mut participants: Vec<Value> =
        doctors.iter().map(|d| json!({"role": [concept(d.role)], "member": d.role()})).collect();
    participants.push(json!({"role": [concept(sct("116154003", "Patient"))], "member": subject(chart)}));
    if let Some((target, name)) = relative {
        participants.push(json!({"role": [concept(sct("133932002", "Caregiver"))], "member": named(target, name)}));
    }
    let body = json!({
        "status": "active",
        "name": format!("Care team of {}", chart.person.name()),
        "subject": subject(chart),
        "period": {"start": day(start)},
        "participant": participants,
        "managingOrganization": [named(&chart.doctor.employer().target(), chart.doctor.employer().name)],
    });
    chart.put("CareTeam", "team", later(start, 1), &[us_core("careteam")], body)
}

/// Writes a `CarePlan`: its steps in words, its goals, and the conditions it addresses.
pub(crate) fn plan(
    chart: &mut Chart,
    title: &str,
    steps: &[&str],
    goals: &[String],
    team: &str,
    about: &[String],
    start: Date,
) -> String {
    let list = steps.iter().map(|s| format!("<li>{s}</li>")).collect::<Vec<_>>().concat();
    let steps: Vec<Value> = steps
        .iter()
        .map(|s| json!({"detail": {"status": "in-progress", "description": s, "doNotPerform": false}}))
        .collect();
    let body = json!({
        "text": {
            "status": "additional",
            "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>{title}</p><ul>{list}</ul></div>"),
        },
        "status": "active",
        "intent": "plan",
        "category": [
            concept(Coding {
                system: "http://hl7.org/fhir/us/core/CodeSystem/careplan-category",
                code: "assess-plan",
                display: "Assessment and Plan of Treatment",
            }),
        ],
        "title": title,
        "subject": subject(chart),
        "period": {"start": day(start)},
        "created": day(start),
        "author": chart.doctor.reference(),
        "careTeam": [reference(team)],
        "addresses": about.iter().map(|a| reference(a)).collect::<Vec<_>>(),
        "goal": goals.iter().map(|g| reference(g)).collect::<Vec<_>>(),
        "activity": steps,
    });
    chart.put("CarePlan", "plan", start, &[us_core("careplan")], body)
}
