//! Three members: `alice`; `bob`, a stranger; `carol`, whose Coverage alice pays. Every text in bob's and carol's
//! records carries their canary, so that a test notices one byte of theirs in an answer to alice.

use sample_members::Sample;
use serde_json::{Value as Json, json};

/// The marks that no other member may ever see.
pub const CANARIES: [(&str, &str); 2] = [("bob", "CANARY-BOB"), ("carol", "CANARY-CAROL")];

/// The password of a member.
pub fn password(name: &str) -> String {
    format!("{name}-secret-password")
}

/// The number of claims that each member has.
pub const CLAIMS: usize = 7;

/// All three records, and the directory entries that they share.
pub fn resources() -> Vec<Json> {
    let mut all = vec![
        json!({"resourceType": "Organization", "id": "payer", "active": true, "name": "Plan"}),
        json!({"resourceType": "Organization", "id": "clinic", "active": true, "name": "Clinic"}),
        json!({"resourceType": "Organization", "id": "nobodys", "active": true, "name": "Nobody goes here"}),
        json!({"resourceType": "Practitioner", "id": "doctor", "name": [{"family": "Doe"}]}),
        json!({"resourceType": "PractitionerRole", "id": "role", "practitioner": {"reference": "Practitioner/rolled"},
            "organization": {"reference": "Organization/clinic"}}),
        json!({"resourceType": "Practitioner", "id": "rolled", "name": [{"family": "Only through a role"}]}),
        json!({"resourceType": "Practitioner", "id": "bobs", "name": [{"family": "Bobs doctor"}]}),
        json!({"resourceType": "Medication", "id": "pill", "code": {"text": "Pill"}}),
    ];
    for name in ["alice", "bob", "carol"] {
        let mut record = record(name);
        if let Some((_, canary)) = CANARIES.iter().find(|(owner, _)| *owner == name) {
            for resource in &mut record {
                mark(resource, canary);
            }
        }
        all.extend(record);
    }
    all
}

/// The named sample members with their records, and everything that belongs to nobody. All sample members take a while
/// to load, and most of that is George.
pub fn household(usernames: &[&str]) -> Sample {
    let Sample { members, resources } = sample_members::household();
    let patients = resources.iter().filter(|resource| resource["resourceType"] == "Patient");
    let others: Vec<String> = patients
        .filter_map(|patient| patient["id"].as_str())
        .filter(|id| !usernames.contains(id))
        .map(str::to_owned)
        .collect();
    let is_others = |resource: &Json| {
        let id = resource["id"].as_str().unwrap_or_default();
        others
            .iter()
            .any(|other| id.strip_prefix(other.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
    };
    Sample {
        members: members.into_iter().filter(|member| usernames.contains(&member.username.as_str())).collect(),
        resources: resources.into_iter().filter(|resource| !is_others(resource)).collect(),
    }
}

fn record(name: &str) -> Vec<Json> {
    let me = json!({"reference": format!("Patient/{name}")});
    let id = |suffix: &str| format!("{name}-{suffix}");
    let mut record = vec![
        json!({"resourceType": "Patient", "id": name, "name": [{"family": "Family", "given": ["Given"]}], "gender": "female",
            "birthDate": "1980-02-03", "identifier": [{"system": "http://plan.example/members", "value": id("number")}]}),
        json!({"resourceType": "Coverage", "id": id("coverage"), "status": "active", "beneficiary": me,
            "subscriber": {"reference": if name == "carol" { "Patient/alice" } else { "Patient/nobody" }},
            "payor": [{"reference": "Organization/payer"}], "period": {"start": "2025-01-01"}}),
        json!({"resourceType": "Coverage", "id": id("coverage-old"), "status": "cancelled", "beneficiary": me,
            "payor": [{"reference": "Organization/payer"}], "period": {"start": "2020-01-01", "end": "2024-12-31"}}),
        json!({"resourceType": "MedicationRequest", "id": id("prescription"), "status": "active", "intent": "order",
            "subject": me, "authoredOn": "2025-05-01", "medicationReference": {"reference": "Medication/pill"},
            "requester": {"reference": "PractitionerRole/role"}}),
        json!({"resourceType": "Condition", "id": id("asthma"), "subject": me, "recordedDate": "2024-03-01",
            "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]},
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "195967001"}], "text": "Asthma"}}),
        json!({"resourceType": "Condition", "id": id("cold"), "subject": me, "recordedDate": "2025-01-05",
            "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "resolved"}]},
            "code": {"text": "Cold"}}),
        json!({"resourceType": "Device", "id": id("device"), "patient": me, "status": "active"}),
    ];
    for number in 0..CLAIMS {
        let (kind, year) = if number % 2 == 0 { ("pharmacy", 2025) } else { ("professional", 2024) };
        record.push(
            json!({"resourceType": "ExplanationOfBenefit", "id": id(&format!("claim-{number}")), "status": "active",
            "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": kind}]},
            "use": "claim", "patient": me, "created": format!("{year}-0{}-10", number + 1), "outcome": "complete",
            "insurer": {"reference": "Organization/payer"}, "provider": {"reference": "Practitioner/doctor"},
            "insurance": [{"focal": true, "coverage": {"reference": format!("Coverage/{}", id("coverage"))}}],
            "disposition": "Paid"}),
        );
    }
    for number in 0..30 {
        let category = if number % 3 == 0 { "laboratory" } else { "vital-signs" };
        record.push(json!({"resourceType": "Observation", "id": id(&format!("observation-{number}")), "status": "final",
            "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": category}]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": format!("{}-1", number % 5)}]},
            "subject": me, "effectiveDateTime": format!("2025-06-{:02}", number + 1),
            "valueQuantity": {"value": number, "unit": "mg"}, "note": [{"text": "as usual"}]}));
    }
    // Other members' records that name alice must not become hers, and hers that name them must not lead there.
    match name {
        "bob" => record.push(json!({"resourceType": "Observation", "id": "bob-about-alice", "status": "final", "code": {"text": "x"},
            "subject": me, "focus": [{"reference": "Patient/alice"}], "effectiveDateTime": "2025-06-01",
            "performer": [{"reference": "Practitioner/bobs"}]})),
        "alice" => record.push(json!({"resourceType": "Observation", "id": "alice-about-bob", "status": "final",
            "code": {"text": "x"}, "subject": me, "focus": [{"reference": "Patient/bob"}], "device": {"reference": "Device/bob-device"},
            "effectiveDateTime": "2025-05-01"})),
        _ => {}
    }
    record
}

/// Puts the canary into every text that is no code, id or reference.
fn mark(json: &mut Json, canary: &str) {
    const KEPT: [&str; 14] = [
        "resourceType",
        "id",
        "reference",
        "system",
        "code",
        "status",
        "use",
        "start",
        "end",
        "created",
        "birthDate",
        "gender",
        "effectiveDateTime",
        "outcome",
    ];
    match json {
        Json::Object(properties) => {
            for (name, value) in properties {
                match value {
                    Json::String(text)
                        if !KEPT.contains(&name.as_str())
                            && !name.ends_with("Date")
                            && !name.ends_with("On")
                            && name != "intent" =>
                    {
                        text.insert_str(0, &format!("{canary} "));
                    }
                    _ => mark(value, canary),
                }
            }
        }
        Json::Array(items) => {
            for item in items {
                match item {
                    Json::String(text) => text.insert_str(0, &format!("{canary} ")),
                    _ => mark(item, canary),
                }
            }
        }
        _ => {}
    }
}
