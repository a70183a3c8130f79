//! Rows that tell of changes: receipts in members' records, and the moments at which shared resources changed.

use super::change::Change;
use super::rows::{Writer, unless_it_conflicts};
use crate::bounds::RECEIPT_TARGETS;
use crate::clock::Time;
use crate::fhir::guides::Guides;
use crate::fhir::profiles;
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::record::partition::Partition;
use crate::record::receipt::{organization, receipt};
use crate::store::StoreError;
use crate::store::objects::content_hash;
use crate::store::schema::{Key, PK};
use crate::store::table::Condition;

/// The receipts of one plan.
#[derive(Clone, Copy, Debug)]
pub struct Receipts<'a> {
    /// The plan's name.
    pub plan: &'a str,
    /// The versions of the guides whose profiles they claim.
    pub guides: Guides,
}

impl Receipts<'_> {
    /// A member's receipts for `targets`: none for none, and several for more than one receipt names.
    pub fn of(&self, member: &str, targets: &[Reference], now: Time) -> Vec<Change> {
        let Some(resource_type) = ResourceType::named("Provenance") else { return Vec::new() };
        let of = |targets: &[Reference]| {
            let mut receipt = receipt(self.plan, now, &salt(member, targets), targets);
            profiles::name_in(self.guides, &mut receipt);
            let id = receipt["id"].as_str().unwrap_or_default().to_owned();
            Change::store(resource_type, &id, vec![(Partition::Member(member.to_owned()), receipt)])
        };
        targets.chunks(RECEIPT_TARGETS).map(of).collect()
    }

    /// The Organization that is their author.
    pub fn author(&self) -> Option<Change> {
        let mut organization = organization(self.plan);
        profiles::name_in(self.guides, &mut organization);
        let (resource_type, id) = (ResourceType::named("Organization")?, organization["id"].as_str()?.to_owned());
        Some(Change::store(resource_type, &id, vec![(Partition::Shared, organization)]))
    }
}

/// Text that differs for receipts of one moment.
fn salt(member: &str, targets: &[Reference]) -> String {
    let text = targets.iter().fold(member.to_owned(), |text, target| format!("{text} {target}"));
    hex::encode(&content_hash(text.as_bytes())[..10])
}

impl Writer {
    /// Notes that shared resources changed at this moment, so that a search for news looks at them.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn announce(&self, now: Time) -> Result<(), StoreError> {
        self.put_if(Condition::Lacks(PK), Key::shared_news(now).into()).await
    }

    /// Writes a receipt into the member's record. It has no home, because no feed can name it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn receive(&self, owner: &str, receipt: Change, now: Time) -> Result<(), StoreError> {
        debug_assert!(receipt.partitions().all(|partition| partition.owner() == Some(owner)));
        for copy in &receipt.copies {
            // If it is there, an earlier try wrote it and its answer was lost.
            unless_it_conflicts(self.put_copy(&receipt, copy, None, (1, now), Vec::new()).await)?;
        }
        Ok(())
    }
}
