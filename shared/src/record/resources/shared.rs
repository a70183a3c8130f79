//! Shared resources that a member reaches: those that a pointer leads to, and those that only such a resource refers to.

use std::collections::{BTreeSet, HashMap};

use futures_util::future::try_join_all;

use super::reach::Reach;
use super::rows::{Found, Resources};
use crate::access::{Permit, Permits, Sealed};
use crate::bounds::REACH_STEPS;
use crate::fhir::reference::Reference;
use crate::fhir::types::TYPES;
use crate::record::row::Row;
use crate::store::StoreError;
use crate::store::schema::{self, Key};
use crate::store::table::{RowQuery, SortKeys};

impl Resources {
    /// Reads shared resources in reach. Those that no permit admits are left out.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn shared(&self, permits: &Permits, reaches: &[Reach]) -> Result<Sealed<Vec<Row>>, StoreError> {
        let permitted: Vec<Reach> =
            reaches.iter().filter(|reach| permits.include(&reach.target().resource_type)).cloned().collect();
        let rows = self.fetch(&permitted).await?;
        Ok(permits.seal(rows.into_iter().filter(|row| row.is_admitted_among(permits)).collect()))
    }

    /// Every resource of a shared type that the member reaches, and those that are their own.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn reachable(&self, permit: &Permit) -> Result<Sealed<Vec<Row>>, StoreError> {
        let partition = permit.partition();
        let (direct, second) =
            tokio::try_join!(self.of_type(&partition, permit.resource_type().name), self.second_step(permit))?;
        let (mut rows, mut reaches) = (Vec::new(), second);
        for found in direct {
            match found {
                Found::Resource(row) => rows.push(row),
                Found::Pointer(reach) => reaches.push(reach),
                Found::Tombstone => {}
            }
        }
        reaches.sort();
        reaches.dedup_by(|later, earlier| later.target() == earlier.target());
        rows.extend(self.fetch(&reaches).await?);
        Ok(permit.seal(rows.into_iter().filter(|row| row.is_admitted_by(permit)).collect()))
    }

    /// The resources of the permit's type to which shared resources with a pointer refer.
    pub(super) async fn second_step(&self, permit: &Permit) -> Result<Vec<Reach>, StoreError> {
        let pointers = self.pointers(&permit.partition(), permit.resource_type().referred_by).await?;
        let mut second = BTreeSet::new();
        for row in self.fetch(&pointers).await? {
            let of_type = |reach: &Reach| reach.target().resource_type == permit.resource_type().name;
            second.extend(Reach::of_references(&row, &[]).filter(of_type));
        }
        Ok(second.into_iter().collect())
    }

    /// The resources of the permits' types to which only shared resources refer.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn second_steps(&self, permits: &Permits) -> Result<Sealed<Vec<Reach>>, StoreError> {
        let pointers = self.pointers(&permits.partition(), &shared_types()).await?;
        let direct: BTreeSet<&Reference> = pointers.iter().map(Reach::target).collect();
        let mut second = BTreeSet::new();
        for row in self.fetch(&pointers).await? {
            let is_new =
                |reach: &Reach| permits.include(&reach.target().resource_type) && !direct.contains(reach.target());
            second.extend(Reach::of_references(&row, &[]).filter(is_new));
        }
        Ok(permits.seal(second.into_iter().collect()))
    }

    /// The pointers to shared resources of these types in a partition.
    async fn pointers(&self, partition: &str, resource_types: &[&str]) -> Result<Vec<Reach>, StoreError> {
        let found =
            try_join_all(resource_types.iter().map(|resource_type| self.of_type(partition, resource_type))).await?;
        let pointer = |found| match found {
            Found::Pointer(reach) => Some(reach),
            Found::Resource(_) | Found::Tombstone => None,
        };
        Ok(found.into_iter().flatten().filter_map(pointer).collect())
    }

    /// The rows of one type in a partition.
    async fn of_type(&self, partition: &str, resource_type: &str) -> Result<Vec<Found>, StoreError> {
        let items =
            self.table.pages(RowQuery::new(partition, SortKeys::Under(schema::of_type(resource_type)))).all().await?;
        let mut rows = Vec::with_capacity(items.len());
        for item in &items {
            rows.push(self.found(item, 0).await?);
        }
        Ok(rows)
    }

    /// Every shared resource of the permits' types that the member reaches: first those that pointers lead to, then those that only
    /// these refer to.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn all_shared(&self, permits: &Permits) -> Result<Sealed<(Vec<Row>, Vec<Row>)>, StoreError> {
        let pointers = self.pointers(&permits.partition(), &shared_types()).await?;
        let pointed = self.fetch(&pointers).await?;
        let direct: BTreeSet<&Reference> = pointers.iter().map(Reach::target).collect();
        let second: BTreeSet<Reach> = pointed
            .iter()
            .flat_map(|row| Reach::of_references(row, &[]))
            .filter(|reach| !direct.contains(reach.target()))
            .collect();
        let referred = self.fetch(&second.into_iter().collect::<Vec<_>>()).await?;
        let admitted = |rows: Vec<Row>| rows.into_iter().filter(|row| row.is_admitted_among(permits)).collect();
        Ok(permits.seal((admitted(pointed), admitted(referred))))
    }

    /// The resources in reach, in the order of type and id.
    async fn fetch(&self, reaches: &[Reach]) -> Result<Vec<Row>, StoreError> {
        let steps: HashMap<&Reference, u8> = reaches.iter().map(|reach| (reach.target(), reach.steps())).collect();
        let keys = steps.keys().map(|target| Key::shared(target)).collect();
        let mut rows = self.resources(keys, 1).await?;
        for row in &mut rows {
            row.steps = steps.get(&row.key).copied().unwrap_or(REACH_STEPS);
        }
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(rows)
    }
}

/// The types whose resources may be shared.
fn shared_types() -> Vec<&'static str> {
    TYPES.iter().filter(|resource_type| resource_type.is_shared()).map(|resource_type| resource_type.name).collect()
}
