//! Shared resources and who reaches them: pointed to from a member's partition, or referred to by one that is.

use std::collections::{BTreeSet, HashMap};

use futures_util::future::try_join_all;

use super::{Found, Resources};
use crate::access::{Permit, Permits, Sealed};
use crate::fhir::reference::Reference;
use crate::fhir::types::{ResourceType, TYPES};
use crate::record::row::Row;
use crate::store::StoreError;
use crate::store::table::{Item, Query, Range};

/// How far a shared resource may be from the member's own: pointed to, or referred to by one that is.
const STEPS: u8 = 2;

/// Permission to fetch one shared resource. Only this module makes one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reach {
    target: Reference,
    steps: u8,
}

impl Reach {
    /// Of what a pointer names, so many steps from the member's own.
    pub(super) fn pointed_to(target: Reference, steps: u8) -> Reach {
        Reach { target, steps }
    }

    /// How far it is from the member's own.
    pub(in crate::record) fn steps(&self) -> u8 {
        self.steps
    }

    /// What is in reach.
    pub fn target(&self) -> &Reference {
        &self.target
    }
}

impl Resources {
    /// Reads shared resources in reach; what is not admitted is left out.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn shared(&self, permits: &Permits, reaches: &[Reach]) -> Result<Sealed<Vec<Row>>, StoreError> {
        let permitted: Vec<Reach> =
            reaches.iter().filter(|reach| permits.include(&reach.target.resource_type)).cloned().collect();
        let rows = self.fetch(&permitted).await?;
        Ok(permits.seal(rows.into_iter().filter(|row| row.is_admitted_among(permits)).collect()))
    }

    /// Everything of a shared type that the member reaches, and their own of it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn reachable(&self, permit: &Permit) -> Result<Sealed<Vec<Row>>, StoreError> {
        let partition = permit.partition();
        let (direct, second) =
            tokio::try_join!(self.of_kind(&partition, permit.resource_type().name), self.second_step(permit))?;
        let (mut rows, mut reaches) = (Vec::new(), second);
        for found in direct {
            match found {
                Found::Resource(row) => rows.push(row),
                Found::Pointer(reach) => reaches.push(reach),
                Found::Tombstone => {}
            }
        }
        reaches.sort();
        reaches.dedup_by(|later, earlier| later.target == earlier.target);
        rows.extend(self.fetch(&reaches).await?);
        Ok(permit.seal(rows.into_iter().filter(|row| row.is_admitted_by(permit)).collect()))
    }

    /// The way from a resource that was read to one it refers to, if that is of a shared type.
    pub fn reach(row: &Row, target: &Reference) -> Option<Reach> {
        let shared = ResourceType::named(&target.resource_type)?.is_shared();
        let refers = row.references().any(|reference| reference == *target);
        (shared && refers && row.steps < STEPS).then(|| Reach { target: target.clone(), steps: row.steps + 1 })
    }

    /// What the pointed-to resources of other shared types refer to, of the permit's type.
    pub(super) async fn second_step(&self, permit: &Permit) -> Result<Vec<Reach>, StoreError> {
        let pointers = self.pointers(&permit.partition(), permit.resource_type().referred_by).await?;
        let mut second = BTreeSet::new();
        for row in self.fetch(&pointers).await? {
            second.extend(
                row.references()
                    .filter(|t| t.resource_type == permit.resource_type().name)
                    .filter_map(|t| Resources::reach(&row, &t)),
            );
        }
        Ok(second.into_iter().collect())
    }

    /// Everything of the permits' types that only shared resources refer to.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn second_steps(&self, permits: &Permits) -> Result<Sealed<Vec<Reach>>, StoreError> {
        let resource_types: Vec<&str> = TYPES
            .iter()
            .filter(|resource_type| resource_type.is_shared())
            .map(|resource_type| resource_type.name)
            .collect();
        let pointers = self.pointers(&permits.partition(), &resource_types).await?;
        let direct: BTreeSet<&Reference> = pointers.iter().map(|reach| &reach.target).collect();
        let mut second = BTreeSet::new();
        for row in self.fetch(&pointers).await? {
            let targets =
                row.references().filter(|target| permits.include(&target.resource_type) && !direct.contains(target));
            second.extend(targets.filter_map(|target| Resources::reach(&row, &target)));
        }
        Ok(permits.seal(second.into_iter().collect()))
    }

    /// The pointers to shared resources of these types in a partition.
    async fn pointers(&self, partition: &str, resource_types: &[&str]) -> Result<Vec<Reach>, StoreError> {
        let found =
            try_join_all(resource_types.iter().map(|resource_type| self.of_kind(partition, resource_type))).await?;
        let pointer = |found| match found {
            Found::Pointer(reach) => Some(reach),
            Found::Resource(_) | Found::Tombstone => None,
        };
        Ok(found.into_iter().flatten().filter_map(pointer).collect())
    }

    /// The rows of one type in a partition.
    async fn of_kind(&self, partition: &str, resource_type: &str) -> Result<Vec<Found>, StoreError> {
        let items = self.table.pages(Query::new(partition, Range::Under(format!("{resource_type}/")))).await?;
        let mut rows = Vec::with_capacity(items.len());
        for item in &items {
            rows.push(self.found(item, 0).await?);
        }
        Ok(rows)
    }

    /// A shared resource or its tombstone.
    pub(super) async fn pointed_to(&self, reach: &Reach) -> Result<Option<Found>, StoreError> {
        let target = reach.target.to_string();
        let items = self.batch(vec![Item::key(&*target, &*target)]).await?;
        match items.first() {
            Some(item) => Ok(Some(self.found(item, reach.steps).await?)),
            None => Ok(None),
        }
    }

    /// Every shared resource of the permits' types that the member reaches: those that pointers lead to, and those that only
    /// these refer to.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn all_shared(&self, permits: &Permits) -> Result<Sealed<(Vec<Row>, Vec<Row>)>, StoreError> {
        let resource_types: Vec<&str> = TYPES
            .iter()
            .filter(|resource_type| resource_type.is_shared())
            .map(|resource_type| resource_type.name)
            .collect();
        let pointers = self.pointers(&permits.partition(), &resource_types).await?;
        let pointed = self.fetch(&pointers).await?;
        let direct: BTreeSet<&Reference> = pointers.iter().map(|reach| &reach.target).collect();
        let second: BTreeSet<Reach> = pointed
            .iter()
            .flat_map(|row| row.references().filter_map(|target| Resources::reach(row, &target)))
            .filter(|reach| !direct.contains(&reach.target))
            .collect();
        let referred = self.fetch(&second.into_iter().collect::<Vec<_>>()).await?;
        let admitted = |rows: Vec<Row>| rows.into_iter().filter(|row| row.is_admitted_among(permits)).collect();
        Ok(permits.seal((admitted(pointed), admitted(referred))))
    }

    pub(super) async fn fetch(&self, reaches: &[Reach]) -> Result<Vec<Row>, StoreError> {
        let steps: HashMap<String, u8> = reaches.iter().map(|reach| (reach.target.to_string(), reach.steps)).collect();
        let keys = steps.keys().map(|target| Item::key(&**target, &**target)).collect();
        let mut rows = self.resources(&self.batch(keys).await?, 1).await?;
        for row in &mut rows {
            row.steps = steps.get(&row.key.to_string()).copied().unwrap_or(STEPS);
        }
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(rows)
    }
}
