//! Resources are found by their identifiers. A shared resource has a row for each, written before it; one that leads to a resource without
//! the identifier counts for nothing. A member's are in the `auth` table, see [`crate::store::identifiers`].

use std::collections::BTreeSet;

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
use crate::store::identifiers::{Claims, KnownBy, Survivor, links, replaced_by};
use crate::store::objects::content_hash;
use crate::store::schema::{Key, identified};
use crate::store::table::{Condition, Consistency, RowQuery, SortKeys, TransactionPart};

/// Whether a member is found by the identifiers of resources of the type.
fn leads_to_members(kind: &ResourceType) -> bool {
    kind.owner == Owner::Itself || kind.name == "Coverage"
}

fn type_of(resource: &Json) -> &str {
    resource["resourceType"].as_str().unwrap_or_default()
}

/// The whole date on which a Patient was born; a year or a month tells nobody apart.
fn birth_date(patient: &Json) -> Option<&str> {
    patient["birthDate"].as_str().filter(|date| date.len() == "YYYY-MM-DD".len())
}

/// The identifiers by which a member who was `born` then is known, by a resource of theirs.
fn known_by<'a>(resource: &'a Json, born: Option<&'a str>) -> impl Iterator<Item = KnownBy<'a>> {
    let dependent = resource["dependent"].as_str();
    let known = move |identifier| KnownBy { resource_type: type_of(resource), identifier, birth_date: born, dependent };
    members_identifiers(resource).into_iter().take(MEMBERS_IDENTIFIERS).map(known)
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

    /// The parts of a transaction by which a change withdraws what members are known by as its resource stands, and are no longer. A Patient's
    /// correction also changes what the member's Coverages say of them: their birth date stands there, too.
    pub(super) async fn withdrawals(
        &self,
        change: &Change,
        standing: &Standing,
    ) -> Result<Vec<TransactionPart>, StoreError> {
        if !leads_to_members(change.resource_type) {
            return Ok(Vec::new());
        }
        let (mut before, mut stood) = (Claims::new(), None);
        for partition in standing.partitions() {
            let key = partition.key(&change.reference);
            let Some(item) = self.table.get(key, Consistency::Strong).await? else { continue };
            if let Found::Resource(row) = decode(&item, 0)? {
                let resource = self.resource(row).await?;
                before.extend(self.claims_in(&resource, partition, &change.reference).await?);
                stood = Some(resource);
            }
        }
        let after = if before.is_empty() { Claims::new() } else { self.claims(change).await? };
        let mut parts = self.identifiers.changed(before, &after);
        if change.resource_type.owner == Owner::Itself {
            parts.extend(self.of_coverages(&change.reference.id, stood.as_ref(), change.only()).await?);
        }
        Ok(parts)
    }

    /// The parts of a transaction by which a member's Coverages follow their Patient: it comes, goes, or gets another birth date.
    async fn of_coverages(
        &self,
        member: &str,
        before: Option<&Json>,
        after: Option<&Json>,
    ) -> Result<Vec<TransactionPart>, StoreError> {
        if before.map(birth_date) == after.map(birth_date) {
            return Ok(Vec::new());
        }
        let (mut stood, mut stands) = (Claims::new(), Claims::new());
        for coverage in self.coverages(member).await? {
            for (patient, claims) in [(before, &mut stood), (after, &mut stands)] {
                if let Some(patient) = patient {
                    claims.extend(self.claims_of(&coverage, member, birth_date(patient)).await?);
                }
            }
        }
        let new: Vec<_> = stands.iter().filter(|(key, _)| !stood.contains_key(*key)).collect();
        let made = self.identifiers.made(new.into_iter().map(|(key, claim)| (key.clone(), claim.clone())).collect());
        Ok(self.identifiers.changed(stood, &stands).into_iter().chain(made).collect())
    }

    /// Lets a member be found by what a change's resource is known by. A row that is there already is not written.
    pub(super) async fn make_claims(&self, change: &Change) -> Result<(), StoreError> {
        if !leads_to_members(change.resource_type) {
            return Ok(());
        }
        let all = change.copies.values().flat_map(|copy| members_identifiers(&copy.resource));
        let systems = all.take(MEMBERS_IDENTIFIERS).map(|identifier| identifier.system).collect();
        self.identifiers.meet(change.resource_type.name, systems).await?;
        self.identifiers.make(self.claims(change).await?).await
    }

    async fn claims(&self, change: &Change) -> Result<Claims, StoreError> {
        let mut claims = Claims::new();
        for (partition, copy) in &change.copies {
            claims.extend(self.claims_in(&copy.resource, partition, &change.reference).await?);
        }
        Ok(claims)
    }

    /// The claims of a resource that stands in a member's partition. A Coverage leads to its member while their Patient is there.
    async fn claims_in(&self, resource: &Json, partition: &Partition, by: &Reference) -> Result<Claims, StoreError> {
        let Some(owner) = partition.owner() else { return Ok(Claims::new()) };
        if by.resource_type == "Patient" {
            let claims = self.claims_of(resource, owner, birth_date(resource)).await?;
            return Ok(claims.into_iter().chain(links(resource).take(MEMBERS_IDENTIFIERS)).collect());
        }
        if members_identifiers(resource).is_empty() {
            return Ok(Claims::new());
        }
        match self.patients(&[owner.to_owned()]).await?.remove(owner) {
            Some(patient) => self.claims_of(resource, owner, birth_date(&patient)).await,
            None => Ok(Claims::new()),
        }
    }

    async fn claims_of(&self, resource: &Json, member: &str, born: Option<&str>) -> Result<Claims, StoreError> {
        let by = Reference::new(type_of(resource), resource["id"].as_str().unwrap_or_default());
        let mut claims = Claims::new();
        for known in known_by(resource, born) {
            let (key, claim) = self.identifiers.claim(&known, member, &by).await?;
            claims.insert(key, claim);
        }
        Ok(claims)
    }

    /// The other members of whom somebody who knows this member's identifiers cannot tell them, each with the identifier's system: by the
    /// identifiers of a Patient, and by those of a Coverage for who has the same birth date and number in it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn rivals(&self, resource: &Json, member: &str) -> Result<Vec<(String, String)>, StoreError> {
        let coverages = match type_of(resource) {
            "Patient" => self.coverages(member).await?,
            _ => Vec::new(),
        };
        let patient = match type_of(resource) {
            "Patient" => Some(resource.clone()),
            _ => self.patients(&[member.to_owned()]).await?.remove(member),
        };
        let Some(patient) = patient else { return Ok(Vec::new()) };
        let mut rivals = Vec::new();
        for resource in coverages.iter().chain([resource]) {
            for known in known_by(resource, birth_date(&patient)) {
                let members = match known.resource_type {
                    "Patient" => self.identifiers.members(&KnownBy { birth_date: None, ..known }).await?,
                    _ => self.identifiers.twins(&known).await?,
                };
                for other in members.into_iter().filter(|other| other != member) {
                    // One person under two Patient ids, of whom the plan says so.
                    let (own, others) =
                        (self.identifiers.survivor(member).await?, self.identifiers.survivor(&other).await?);
                    if own != others {
                        rivals.push((known.identifier.system.to_owned(), other));
                    }
                }
            }
        }
        Ok(rivals)
    }

    /// The survivors of a Patient and of all whom it says to replace, where that leads to nobody.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn unclear_survivors(&self, patient: &Json) -> Result<Vec<(String, Survivor)>, StoreError> {
        let own = patient["id"].as_str().unwrap_or_default().to_owned();
        let mut unclear = Vec::new();
        if patient["link"].is_array() {
            for id in replaced_by(patient).take(MEMBERS_IDENTIFIERS).chain([own]) {
                let survivor = self.identifiers.survivor(&id).await?;
                if !matches!(survivor, Survivor::One(_)) {
                    unclear.push((id, survivor));
                }
            }
        }
        Ok(unclear)
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
            let known = KnownBy { resource_type, identifier, birth_date: None, dependent: None };
            let members = self.identifiers.members(&known).await?;
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
