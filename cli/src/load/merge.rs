//! Two Patients who are one person become one, and a record is removed. Both are loads like any other: of the first Patient's resources
//! under the second's id, or of a deletion of each. So what follows from an owner follows, and a try that was cut short is ended by the
//! same command.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use indicatif::ProgressBar;
use serde_json::{Value as Json, json};
use shared::access::delegation;
use shared::access::grant::{self, Grant, Why};
use shared::clock::Clock;
use shared::secret::Random;
use shared::store::audit::AuditRecord;

use super::people::Person;
use super::{Report, Settings, Source, is_dependent, load_with};
use crate::stack::Stack;

/// A record was merged into another, or removed.
#[derive(Debug)]
pub struct Ended {
    /// The report of the load that did it.
    pub report: Report,
    /// The grants on the records that ended with it.
    pub grants_ended: usize,
}

/// The Patients with these ids, in their order.
///
/// # Errors
/// One is not stored, or the stack does not answer.
pub async fn patients<const N: usize>(stack: &Stack, ids: [&str; N]) -> Result<[Json; N]> {
    let mut known = stack.writer()?.patients(&ids.map(str::to_owned)).await?;
    if let Some(missing) = ids.iter().find(|id| !known.contains_key(**id)) {
        bail!("there is no Patient/{missing} here");
    }
    Ok(ids.map(|id| known.remove(id).unwrap_or_default()))
}

/// Gives all of a Patient's record to another Patient. The first stays, inactive, and says who replaces it. All that either member had
/// allowed to apps ends.
///
/// # Errors
/// A Patient is not stored, or the stack does not answer: the same again goes on.
pub async fn merge(stack: &Stack, from: &str, into: &str, mut settings: Settings) -> Result<Ended> {
    let [_, survivor] = patients(stack, [from, into]).await?;
    let record = stack.writer()?.record(from).await?;
    let (old, new) = (format!("Patient/{from}"), format!("Patient/{into}"));
    let mut resources = Vec::with_capacity(record.len() + 1);
    for mut resource in record {
        let kind = resource["resourceType"].as_str().unwrap_or_default();
        if kind == "Patient" {
            resource["active"] = false.into();
            resources.push(linked(resource, &new, "replaced-by"));
        } else if !is_dependent(kind) {
            // A Provenance and a Binary follow what they are about.
            redirect(&mut resource, &old, &new);
            resources.push(resource);
        }
    }
    resources.push(undated(linked(survivor, &old, "replaces")));
    settings.same_person.extend([from.to_owned(), into.to_owned()]);
    let ended = load(stack, resources, settings).await?;
    finish(stack, ended, &[from, into], "merge").await
}

/// Deletes all of a Patient's record, and ends what the member had allowed to apps.
///
/// # Errors
/// The Patient is not stored, or the stack does not answer: the same again goes on.
pub async fn remove(stack: &Stack, patient: &str, settings: Settings) -> Result<Ended> {
    let writer = stack.writer()?;
    let record = writer.record(patient).await?;
    if record.is_empty() {
        bail!("there is nothing of Patient/{patient} here");
    }
    let mut entries = Vec::with_capacity(record.len());
    for resource in &record {
        let (kind, id) = (resource["resourceType"].as_str(), resource["id"].as_str());
        let (kind, id) = (kind.unwrap_or_default(), id.unwrap_or_default());
        let reference = shared::fhir::reference::Reference::new(kind, id);
        let is_copy = is_dependent(kind) && {
            let homes = writer.homes(std::slice::from_ref(&reference)).await?;
            homes.values().any(|home| home.owners.iter().any(|owner| owner != patient))
        };
        // A Binary goes with the documents that name it.
        if kind != "Binary" && !is_copy {
            entries.push(json!({"request": {"method": "DELETE", "url": reference.to_string()}}));
        }
    }
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
    let ended = load(stack, vec![bundle], settings).await?;
    finish(stack, ended, &[patient], "remove").await
}

/// Merges the Patients of whom a run said who replaces them, where birth date and family name are there and agree.
pub(super) async fn act(stack: &Stack, report: &mut Report) -> Result<()> {
    for (from, into) in std::mem::take(&mut report.replaced) {
        let known = stack.writer()?.patients(&[from.clone(), into.clone()]).await?;
        let place = format!("Patient/{from}");
        match (known.get(&from), known.get(&into)) {
            (Some(one), Some(other)) if Person::of(one).is_surely(&Person::of(other)) => {
                let ended = merge(stack, &from, &into, Settings::default()).await?;
                let text = format!(
                    "Patient/{from} is merged into Patient/{into}: {} resources moved, apps stopped: {}",
                    ended.report.moved, ended.grants_ended
                );
                report.find("merged", &place, text);
            }
            _ => {
                let text =
                    format!("Patient/{from} and Patient/{into} do not agree in birth date and family name: not merged");
                report.warn("not-merged", &place, text);
            }
        }
    }
    Ok(())
}

async fn load(stack: &Stack, resources: Vec<Json>, settings: Settings) -> Result<Report> {
    let (report, ended) =
        load_with(stack, &Source::Memory(resources), settings, Clock::System, &ProgressBar::hidden()).await;
    ended?;
    Ok(report)
}

/// Ends the grants on these records, and notes in the audit of each what was done.
async fn finish(stack: &Stack, report: Report, patients: &[&str], action: &'static str) -> Result<Ended> {
    let (auth, now, mut grants_ended) = (stack.auth(), Clock::System.now(), 0);
    for patient in patients {
        grants_ended += delegation::end_all(&auth, patient, now).await?;
    }
    for grant in auth.scan::<Grant>().await? {
        let grant = grant.record;
        if patients.contains(&grant.patient.as_str()) && grant.is_live(now) {
            grants_ended += usize::from(grant::end(&auth, &grant.id, now, Why::MemberChanged).await?);
        }
    }
    let request_id = Random::system().identifier();
    for patient in patients {
        let record = AuditRecord {
            subject: format!("Patient/{patient}"),
            time: now.to_string(),
            request_id: request_id.clone(),
            action,
            outcome: "ok",
            query: patients.join(" into "),
            ..AuditRecord::default()
        };
        stack.audit().append(&record).await?;
    }
    Ok(Ended { report, grants_ended })
}

/// A Patient that says how another is linked to it (R4 patient.html, "Linking Patients").
fn linked(mut patient: Json, other: &str, how: &str) -> Json {
    let link = json!({"other": {"reference": other}, "type": how});
    match patient["link"].as_array_mut() {
        Some(links) if links.contains(&link) => {}
        Some(links) => links.push(link),
        None => patient["link"] = json!([link]),
    }
    patient
}

/// A stored Patient without this server's version and time: what has no date counts when it comes.
fn undated(mut patient: Json) -> Json {
    if let Some(meta) = patient["meta"].as_object_mut() {
        meta.remove("versionId");
        meta.remove("lastUpdated");
    }
    patient
}

/// Lets every reference to one resource lead to another.
fn redirect(json: &mut Json, from: &str, to: &str) {
    match json {
        Json::Object(properties) => {
            if let Some(Json::String(text)) = properties.get_mut("reference") {
                let rest = text.strip_prefix(from).filter(|rest| rest.is_empty() || rest.starts_with("/_history/"));
                if rest.is_some() {
                    to.clone_into(text);
                }
            }
            properties.values_mut().for_each(|value| redirect(value, from, to));
        }
        Json::Array(items) => items.iter_mut().for_each(|item| redirect(item, from, to)),
        _ => {}
    }
}

/// The resources of a record by type.
pub fn counts(record: &[Json]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for resource in record {
        *counts.entry(resource["resourceType"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    counts
}
