//! References that lead out of the run: searches by an identifier, which the store answers, and resources that must be there, or are
//! another member's.

use std::collections::BTreeSet;

use anyhow::Result;
use futures_util::{StreamExt, stream};
use serde_json::Value as Json;
use shared::fhir::reference::{Reference, references_in};
use shared::fhir::types::{Owner, ResourceType};
use shared::record::partition::Partition;
use shared::store::StoreError;

use super::batch::CONCURRENCY;
use super::ready::Ready;
use super::references::{Condition, names_of};
use super::{Pending, Run, is_dependent};

/// A reference of a member's resource: the place where that was read, the resource, its member, and what it refers to.
pub(super) struct Lead {
    place: String,
    from: Reference,
    owner: String,
    to: Reference,
}

impl Ready {
    /// The references of a member's resource. A Provenance and a Binary follow what they are about.
    pub(super) fn leads(&self) -> Vec<Lead> {
        let mut leads = Vec::new();
        for partition in self.change.partitions().filter(|_| !is_dependent(self.pending.kind.name)) {
            let (Partition::Member(owner), Some(resource)) = (partition, self.change.resource(partition)) else {
                continue;
            };
            let is_own = |to: &Reference| to.resource_type == "Patient" && to.id == *owner;
            for to in references_in(resource).into_iter().filter(|to| !is_own(to)) {
                let from = self.change.reference().clone();
                leads.push(Lead { place: self.pending.place.clone(), from, owner: owner.clone(), to });
            }
        }
        leads
    }
}

impl Run<'_> {
    /// Finds in the store what must be known before anything is written, and decides.
    pub(super) async fn identify(&mut self) -> Result<()> {
        let mut searches = self.survey.searches()?;
        while let Some(part) = searches.next()? {
            self.ask_store(part.iter().filter_map(|(name, ())| Condition::of(name)).collect()).await?;
        }
        for conditions in self.survey.creations()? {
            self.ask_store(conditions?).await?;
        }
        self.survey.decide()
    }

    /// Finds in the store what resources name by an identifier, and the run has not.
    pub(super) async fn look_up(&self, resources: impl Iterator<Item = &Json>) -> Result<()> {
        self.ask_store(resources.flat_map(names_of).filter_map(Condition::of).collect()).await
    }

    /// Asks the store for those of which the run has nothing. Only Patients and shared resources are found by their identifiers.
    async fn ask_store(&self, conditions: Vec<Condition>) -> Result<()> {
        let is_kept =
            |name: &str| ResourceType::named(name).is_some_and(|kind| kind.owner == Owner::Itself || kind.is_shared());
        let mut asked = Vec::new();
        for condition in conditions.into_iter().filter(|condition| is_kept(&condition.resource_type)) {
            let name = condition.name();
            if condition.system.is_some()
                && self.survey.names.is_unknown(&name)?
                && self.looked_up.insert(&name, &())?
            {
                asked.push(condition);
            }
        }
        let writer = &self.writer;
        let mut answers = stream::iter(asked)
            .map(async |condition| {
                let system = condition.system.as_deref().unwrap_or_default();
                let found = writer.identified(&condition.resource_type, system, &condition.value).await?;
                Ok::<_, StoreError>((condition, found))
            })
            .buffer_unordered(CONCURRENCY);
        while let Some(answer) = answers.next().await {
            let (condition, found) = answer?;
            self.survey.names.found(&condition, &found)?;
        }
        Ok(())
    }

    /// Counts and lists the references that were made logical ones.
    pub(super) fn tell_logical(&mut self, pending: &Pending, names: &[String]) {
        if !names.is_empty() {
            self.report.mended(LOGICAL);
        }
        for name in names {
            let text = format!(
                "{} refers to `{name}`, which is nothing outside its Bundle: kept as a logical reference",
                pending.reference
            );
            self.report.find(LOGICAL, &pending.place, text);
        }
    }

    /// Counts and lists the references that lead nowhere, or to another member.
    pub(super) async fn follow_references(&mut self, leads: Vec<Lead>) -> Result<()> {
        let targets: BTreeSet<&Reference> = leads.iter().map(|lead| &lead.to).collect();
        let mut unknown = Vec::new();
        for to in targets {
            if to.resource_type != "Patient" && !self.survey.brings(to)? && !self.owners.has(&to.to_string())? {
                unknown.push(to.clone());
            }
        }
        let mut there = self.writer.owners(&unknown).await?;
        for reference in unknown {
            self.owners.put(&reference.to_string(), &there.remove(&reference))?;
        }
        for Lead { place, from, owner, to } in leads {
            let owners: Option<BTreeSet<String>> = if to.resource_type == "Patient" {
                Some(BTreeSet::from([to.id.clone()]))
            } else if self.survey.brings(&to)? {
                Some(self.survey.owner(&to)?.map(|owner| owner.id).into_iter().collect())
            } else {
                self.owners.get(&to.to_string())?.flatten()
            };
            match owners {
                None => {
                    self.report.references.nowhere += 1;
                    self.report.find("reference-nowhere", &place, format!("{from} refers to {to}, which is not here"));
                }
                Some(owners) if !owners.is_empty() && !owners.contains(&owner) => {
                    self.report.references.other_member += 1;
                    let text = format!("{from} of Patient/{owner} refers to {to}, which is another member's");
                    self.report.find("reference-other-member", &place, text);
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// The rule that makes a name that means nothing outside its Bundle a logical reference.
const LOGICAL: &str = "logical-reference";
