//! Resources are found by their identifiers. A shared resource has a row for each, written before it; one that leads to a resource without
//! the identifier counts for nothing. A member's are in the `auth` table, see [`crate::store::identifiers`].

use std::collections::{BTreeSet, HashSet};

use serde_json::Value as Json;

use super::change::Change;
use super::rows::Writer;
use super::standing::Standing;
use crate::bounds::MEMBERS_IDENTIFIERS;
use crate::fhir::identifier::{Identifier, identifiers, members_identifiers};
use crate::fhir::reference::{Reference, is_id};
use crate::fhir::types::{Owner, ResourceType};
use crate::record::partition::Partition;
use crate::record::resources::{Found, decode};
use crate::store::StoreError;
use crate::store::identifiers::Claim;
use crate::store::objects::content_hash;
use crate::store::schema::{Key, identified};
use crate::store::table::{Condition, Consistency, RowQuery, SortKeys, TransactionPart};

/// Whether a member is found by the identifiers of resources of the type.
fn leads_to_members(kind: &ResourceType) -> bool {
    kind.owner == Owner::Itself || kind.name == "Coverage"
}

/// The hash by which the row of a shared resource's identifier is found.
fn hash_of(identifier: Identifier) -> String {
    let Identifier { system, value } = identifier;
    hex::encode(&content_hash(format!("{system}|{value}").as_bytes())[..16])
}

impl Writer {
    /// Lets a shared resource be found by its identifiers.
    pub(super) async fn identify(&self, change: &Change) -> Result<(), StoreError> {
        let shared = change.copies.get(&Partition::Shared);
        let all = shared.iter().flat_map(|copy| identifiers(&copy.resource));
        // Where the value is the id, the resource is found by that.
        for identifier in all.filter(|identifier| identifier.value != change.reference.id) {
            self.put_if(Condition::Always, Key::identified(&change.reference, &hash_of(identifier)).into()).await?;
        }
        Ok(())
    }

    /// The parts of a transaction by which a change withdraws what its resource was known by as it stands, and is no longer.
    pub(super) async fn withdrawals(
        &self,
        change: &Change,
        standing: &Standing,
    ) -> Result<Vec<TransactionPart>, StoreError> {
        if !leads_to_members(change.resource_type) {
            return Ok(Vec::new());
        }
        let mut withdrawn = HashSet::new();
        for partition in standing.partitions() {
            let key = partition.key(&change.reference);
            let Some(item) = self.table.get(key, Consistency::Strong).await? else { continue };
            if let Found::Resource(row) = decode(&item, 0)? {
                withdrawn.extend(self.claims_in(&self.resource(row).await?, partition, &change.reference).await?);
            }
        }
        for claim in self.claims(change).await? {
            withdrawn.remove(&claim);
        }
        Ok(withdrawn.into_iter().map(|claim| self.identifiers.withdrawal(claim)).collect())
    }

    /// Lets a member be found by what a change's resource is known by. A row that is there already is not written.
    pub(super) async fn make_claims(&self, change: &Change) -> Result<(), StoreError> {
        if leads_to_members(change.resource_type) {
            self.identifiers.make(self.claims(change).await?).await
        } else {
            Ok(())
        }
    }

    async fn claims(&self, change: &Change) -> Result<Vec<Claim>, StoreError> {
        let mut claims = Vec::new();
        for (partition, copy) in &change.copies {
            claims.extend(self.claims_in(&copy.resource, partition, &change.reference).await?);
        }
        Ok(claims)
    }

    /// The claims of a resource that stands in a member's partition.
    async fn claims_in(
        &self,
        resource: &Json,
        partition: &Partition,
        by: &Reference,
    ) -> Result<Vec<Claim>, StoreError> {
        let Some(owner) = partition.owner() else { return Ok(Vec::new()) };
        let mut claims = Vec::new();
        let all = members_identifiers(resource).into_iter().take(MEMBERS_IDENTIFIERS);
        // A Patient whose identifier has the id as its value is found by that.
        for identifier in all.filter(|identifier| identifier.value != owner) {
            claims.push(self.identifiers.claim(identifier, owner, by).await?);
        }
        Ok(claims)
    }

    /// The members who have an identifier of this Patient, with the other members who have it, too; nothing where none has.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn rivals(&self, patient: &Json) -> Result<Vec<(String, String)>, StoreError> {
        let own = patient["id"].as_str().unwrap_or_default();
        let mut rivals = Vec::new();
        for identifier in members_identifiers(patient).into_iter().take(MEMBERS_IDENTIFIERS) {
            let members = self.identifiers.members("Patient", identifier).await?;
            let others = members.into_iter().filter(|member| member != own);
            rivals.extend(others.map(|other| (identifier.system.to_owned(), other)));
        }
        Ok(rivals)
    }

    /// The Patients or shared resources that have this identifier.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn identified(
        &self,
        resource_type: &str,
        system: &str,
        value: &str,
    ) -> Result<Vec<Reference>, StoreError> {
        let identifier = Identifier { system, value };
        let is_member = ResourceType::named(resource_type).is_some_and(|kind| kind.owner == Owner::Itself);
        let mut led: BTreeSet<Reference> = if is_member {
            let members = self.identifiers.members(resource_type, identifier).await?;
            members.iter().map(|id| Reference::new(resource_type, id)).collect()
        } else {
            let partition = identified(resource_type, &hash_of(identifier));
            let query = RowQuery { consistency: Consistency::Strong, ..RowQuery::new(partition, SortKeys::All) };
            let rows = self.table.pages(query).all().await?;
            rows.iter()
                .map(|row| Ok(row.key()?.resource()))
                .filter_map(Result::transpose)
                .collect::<Result<_, StoreError>>()?
        };
        if is_id(value) {
            led.insert(Reference::new(resource_type, value));
        }
        let mut found = Vec::new();
        for reference in led {
            let partition = if is_member { Partition::Member(reference.id.clone()) } else { Partition::Shared };
            let Some(item) = self.table.get(partition.key(&reference), Consistency::Strong).await? else { continue };
            let Found::Resource(row) = decode(&item, 0)? else { continue };
            if identifiers(&self.resource(row).await?).contains(&identifier) {
                found.push(reference);
            }
        }
        Ok(found)
    }
}
