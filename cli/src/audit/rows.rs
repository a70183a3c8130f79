//! The rows of the audit, wherever they are kept: in the table, or, where they have left it, in the archive.

use std::collections::{BTreeSet, HashSet};

use anyhow::Result;
use shared::store::archive::Part;
use shared::store::audit::AuditRow;

use crate::stack::Stack;

/// Where a row is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// In the table.
    Table,
    /// In the archive alone.
    Archive,
}

impl Kept {
    /// Its name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Kept::Table => "table",
            Kept::Archive => "archive",
        }
    }
}

/// Hands every row of the chosen days to `take`, each once and in no order. It reads the whole table.
///
/// # Errors
/// The stack does not answer.
pub async fn every(
    stack: &Stack,
    is_chosen: impl Fn(&str) -> bool,
    mut take: impl FnMut(AuditRow, Kept),
) -> Result<()> {
    let left = days_that_leave(stack, &is_chosen).await?;
    let mut seen = HashSet::new();
    let in_table = |row: AuditRow| {
        if is_chosen(row.day()) {
            if left.contains(row.day()) {
                seen.insert(row.name());
            }
            take(row, Kept::Table);
        }
    };
    stack.audit().every(in_table).await?;
    archived(stack, &left, |row| {
        if !seen.contains(&row.name()) {
            take(row, Kept::Archive);
        }
    })
    .await
}

/// Hands the rows about a subject to `take`, each once.
///
/// # Errors
/// The stack does not answer.
pub async fn about(
    stack: &Stack,
    subject: &str,
    is_chosen: impl Fn(&str) -> bool,
    mut take: impl FnMut(AuditRow, Kept),
) -> Result<()> {
    let mut seen = HashSet::new();
    for row in stack.audit().of(subject).await? {
        seen.insert(row.name());
        if is_chosen(row.day()) {
            take(row, Kept::Table);
        }
    }
    let left = days_that_leave(stack, &is_chosen).await?;
    archived(stack, &left, |row| {
        if row.subject() == subject && !seen.contains(&row.name()) {
            take(row, Kept::Archive);
        }
    })
    .await
}

/// The days whose rows may have left the table.
async fn days_that_leave(stack: &Stack, is_chosen: &impl Fn(&str) -> bool) -> Result<BTreeSet<String>> {
    let days = stack.archive()?.days_with(Part::Leaving).await?;
    Ok(days.into_iter().filter(|day| is_chosen(day)).collect())
}

async fn archived(stack: &Stack, days: &BTreeSet<String>, mut take: impl FnMut(AuditRow)) -> Result<()> {
    let archive = stack.archive()?;
    for day in days {
        archive.day(day).await?.rows.into_iter().for_each(&mut take);
    }
    Ok(())
}
