//! The source of the data: each resource is a target of one Provenance, which covers the resources of one batch from a
//! source.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::chart::Chart;
use crate::codes::*;
use crate::directory::{self, PAYER};
use crate::values::{ANCHOR, coding, concept, named, reference};

/// The most targets of one Provenance: a source sends at most this many resources at once.
const BATCH: usize = 40;

/// The `lastUpdated` of the first and of the last resource of a batch.
type Span = (String, String);

/// The author, the format and the security labels of a batch.
type BatchKey = (&'static str, &'static str, String);

/// The author of a resource, and the format in which it reached the plan. The author is an organization's id, `doctor`
/// for the chart's doctor, or empty for the plan itself.
fn source(resource: &Value) -> Option<(&'static str, Coding)> {
    let format = |code, display| Coding {
        system: "http://hl7.org/fhir/us/davinci-pdex/CodeSystem/ProvenancePayerDataSource",
        code,
        display,
    };
    match resource["resourceType"].as_str()? {
        "Binary" | "Provenance" => None,
        "Patient" | "Coverage" | "RelatedPerson" => Some(("", format("other", "Other"))),
        "ExplanationOfBenefit" if resource["use"] == "preauthorization" => Some(("", format("x12278", "278"))),
        "ExplanationOfBenefit" if resource["type"]["coding"][0]["code"] == "pharmacy" => {
            Some(("riverside-pharmacy", format("ncpdp", "NCPDP Telecommunication")))
        }
        "ExplanationOfBenefit" => {
            let provider = resource["provider"]["reference"].as_str()?.strip_prefix("Organization/")?;
            Some((directory::organization(provider).id, format("x12837", "837 claim")))
        }
        "MedicationDispense" => Some(("riverside-pharmacy", format("script", "NCPDP SCRIPT"))),
        "Immunization" => Some(("doctor", format("hl7v2vxu", "HL7 v2 VXU"))),
        "DocumentReference" => Some(("doctor", format("hl7ccda", "HL7 C-CDA"))),
        _ => Some(("doctor", format("hl7fhirr4", "FHIR R4"))),
    }
}

/// Writes the Provenances of all resources written so far. Each carries the security labels of its targets.
pub(crate) fn provenances(chart: &mut Chart) {
    let mut batches: BTreeMap<BatchKey, (Coding, Vec<String>, Span)> = BTreeMap::new();
    let mut done = Vec::new();
    for resource in chart.written() {
        let Some((author, format)) = source(resource) else { continue };
        let labels = resource["meta"]["security"].to_string();
        let text = |v: &Value| v.as_str().unwrap_or_default().to_string();
        let target = format!("{}/{}", text(&resource["resourceType"]), text(&resource["id"]));
        let key = (author, format.code, labels);
        let batch = batches.entry(key.clone()).or_insert_with(|| (format, Vec::new(), Span::default()));
        batch.1.push(target);
        let updated = text(&resource["meta"]["lastUpdated"]);
        let (first, last) = &mut batch.2;
        if first.is_empty() || *first > updated {
            first.clone_from(&updated);
        }
        if *last < updated {
            *last = updated;
        }
        if batch.1.len() == BATCH
            && let Some(full) = batches.remove(&key)
        {
            done.push((key, full));
        }
    }
    done.extend(batches);
    for ((author, _, labels), (format, targets, span)) in done {
        let body = provenance(chart, author, format, &targets, &span);
        let profiles = [us_core("provenance"), pdex("pdex-provenance"), hrex("provenance")];
        let id = chart.next_id("source");
        let body = crate::values::resource("Provenance", &id, &profiles, &span.1, &[], body);
        chart.push(relabel(body, &labels));
    }
}

fn relabel(mut resource: Value, labels: &str) -> Value {
    if let Ok(Value::Array(list)) = serde_json::from_str(labels) {
        resource["meta"]["security"] = Value::Array(list);
    }
    resource
}

fn provenance(chart: &Chart, author: &str, format: Coding, targets: &[String], (first, recorded): &Span) -> Value {
    let plan = named(PAYER, "Lakeshore Health Plan");
    let writer = agent_type("author", "Author");
    let wrote = match author {
        "" => json!({"type": concept(writer), "who": plan}),
        "doctor" => {
            let clinic = chart.doctor.employer();
            json!({
                "type": concept(writer),
                "who": chart.doctor.reference(),
                "onBehalfOf": named(&clinic.target(), clinic.name),
            })
        }
        id => {
            let org = directory::organization(id);
            json!({"type": concept(writer), "who": named(&org.target(), org.name)})
        }
    };
    let transmitter = Coding {
        system: "http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type",
        code: "transmitter",
        display: "Transmitter",
    };
    debug_assert!(*recorded < format!("{}T99", crate::values::day(ANCHOR)));
    json!({
        "target": targets.iter().map(|t| reference(t)).collect::<Vec<_>>(),
        "occurredPeriod": {"start": first, "end": recorded},
        "recorded": recorded,
        "activity": {
            "coding": [
                coding(Coding {
                    system: "http://terminology.hl7.org/CodeSystem/v3-DataOperation",
                    code: "CREATE",
                    display: "create",
                }),
            ],
        },
        "agent": [wrote, {"type": concept(transmitter), "who": plan}],
        "entity": [{
            "extension": [{"url": pdex("ProvenanceSourceFrom"), "valueCodeableConcept": concept(format)}],
            "role": "source",
            "what": {"display": format!("{} message", format.display)},
        }],
    })
}
