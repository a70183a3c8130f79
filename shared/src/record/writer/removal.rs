//! A resource leaves a partition: deleted, with a tombstone; or as if it had never been there.

use std::collections::BTreeMap;

use super::rows::Writer;
use super::standing::StandingRow;
use crate::clock::Time;
use crate::fhir::reference::Reference;
use crate::record::partition::Partition;
use crate::store::schema::resources as attribute;
use crate::store::table::{CommitError, Condition, Item, TransactionPart};

impl Writer {
    /// Puts a tombstone in the place of a deleted resource, so that apps can tell it from one that never was. Its object in the bucket
    /// goes with it. The tombstone keeps the date of the source's deletion, which a later version must not be older than. The `withdrawn` go in the same step.
    pub(super) async fn bury(
        &self,
        partition: &Partition,
        reference: &Reference,
        row: &StandingRow,
        (now, date): (Time, Option<i64>),
        withdrawn: Vec<TransactionPart>,
    ) -> Result<(), CommitError> {
        if *partition == Partition::Unclaimed && date.is_none() {
            return self.remove(partition, reference, row).await;
        }
        let mut tombstone = Item::from(partition.key(reference))
            .with(attribute::VERSION, row.version + 1)
            .with(attribute::LAST_UPDATED, now.0);
        if let Some(date) = date {
            tombstone.set(attribute::SOURCE_DATE, date);
        }
        self.put_over(Some(row), tombstone, withdrawn).await?;
        self.forget(reference, row).await
    }

    /// Removes a row that was never this member's, without a trace.
    pub(super) async fn remove(
        &self,
        partition: &Partition,
        reference: &Reference,
        row: &StandingRow,
    ) -> Result<(), CommitError> {
        self.table.delete(partition.key(reference), Condition::Is(attribute::VERSION, row.version.into())).await?;
        self.forget(reference, row).await
    }

    /// Puts a pointer in the place of a resource that is shared now.
    pub(super) async fn leave_pointer(
        &self,
        partition: &Partition,
        reference: &Reference,
        row: &StandingRow,
    ) -> Result<(), CommitError> {
        self.put_over(Some(row), partition.key(reference).into(), Vec::new()).await?;
        self.forget(reference, row).await
    }

    /// Removes a row's object from the bucket, unless another row of the same resource has it: a Binary that moved.
    async fn forget(&self, reference: &Reference, row: &StandingRow) -> Result<(), CommitError> {
        let Some(object) = &row.object else { return Ok(()) };
        let owners = self.home(reference).await?.owners;
        let partitions = owners.into_iter().map(Partition::Member).chain([Partition::Shared, Partition::Unclaimed]);
        let rows = self.standing_rows(partitions.map(|partition| (partition, reference.clone())).collect()).await?;
        if !rows.values().flat_map(BTreeMap::values).any(|row| row.object.as_ref() == Some(object)) {
            self.objects.remove(object).await?;
        }
        Ok(())
    }
}
