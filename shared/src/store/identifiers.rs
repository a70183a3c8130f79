//! The rows that lead from an identifier to the members who have it, in the `auth` table.
//!
//! A sign-in that knows a person by the number on their card finds the record by it in one consistent read, without reading health data.
//! The identifier stands in no key: a row is found by its hash under a secret [`key`], so that nobody without that key can try numbers,
//! not even with a copy of the table. Two members may have one identifier, as a family has its subscriber's: the row also has, hashed,
//! the birth date and the dependent number that tell them apart.
//!
//! The row goes with the Patient or Coverage that has the identifier. It is written after this; a load that finds the resource unchanged
//! looks whether it is there. It is deleted, or gets another birth date, in the transaction that corrects, moves or deletes the resource
//! or the member's Patient. So no row leads to a record that does not have the identifier, unless two loads change one member at once.
//!
//! A Patient who was replaced leads to their survivor, see [`Identifiers::survivor`].

mod key;
mod links;
mod systems;

use std::collections::{BTreeSet, HashMap};

use aws_lc_rs::hmac;

pub use self::links::Survivor;
pub(crate) use self::links::{links, replaced_by};

use self::key::HashKey;
use self::systems::Met;
use super::aws::Aws;
use super::error::StoreError;
use super::schema::{self, Key, auth as attribute};
use super::table::{CommitError, Condition, Consistency, Item, RowQuery, SortKeys, Table, TransactionPart};
use crate::bounds::LED_MEMBERS;
use crate::fhir::identifier::Identifier;
use crate::fhir::reference::Reference;

/// The rows.
#[derive(Clone)]
pub struct Identifiers {
    table: Table,
    table_name: String,
    key: HashKey,
    met: Met,
}

/// The identifier that a member is known by. It names a person, so it has no `Debug`.
#[derive(Clone, Copy)]
pub struct KnownBy<'a> {
    /// The type of the resource that has the identifier: Patient or Coverage.
    pub resource_type: &'a str,
    /// The identifier.
    pub identifier: Identifier<'a>,
    /// The birth date of the member, `YYYY-MM-DD`.
    pub birth_date: Option<&'a str>,
    /// The member's number among those whom a Coverage covers (`Coverage.dependent`).
    pub dependent: Option<&'a str>,
}

/// The members to whom what somebody is known by leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Led {
    /// Nobody.
    Nobody,
    /// One member, by their Patient id.
    One(String),
    /// Several, or one of whom it is not clear who replaces them: those of whom it is clear, as far as they were looked up.
    Several(BTreeSet<String>),
}

/// The claim of a resource that its identifier is a member's: the row, with what tells members of one identifier apart.
#[derive(Clone, PartialEq)]
pub(crate) struct Claim(Item);

/// The claims of a resource, by the keys of their rows.
pub(crate) type Claims = HashMap<Key, Claim>;

impl Identifiers {
    /// The kind of these rows in the `auth` table.
    const KIND: &'static str = "identifier";

    /// In the `auth` table of that name, hashed under a key that this KMS key seals.
    pub fn new(aws: &Aws, table: &str, data_key: &str) -> Identifiers {
        Identifiers {
            table: Table::new(aws, table),
            table_name: table.to_owned(),
            key: HashKey::new(aws, table, data_key),
            met: Met::default(),
        }
    }

    /// Whether there is a key: without one, nobody was loaded who could be found.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn are_made(&self) -> Result<bool, StoreError> {
        Ok(self.key.known().await?.is_some())
    }

    /// The Patient ids of the members who are known by this, in one consistent read.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn members(&self, known: &KnownBy<'_>) -> Result<BTreeSet<String>, StoreError> {
        let Some(key) = self.key.known().await? else { return Ok(BTreeSet::new()) };
        let hash = hash(key, known);
        let facts = facts(key, &hash, known);
        let rows = self.rows(&hash).await?;
        let fits = |row: &&Item| facts.iter().all(|(name, fact)| row.text(name).is_ok_and(|own| own == fact));
        rows.iter().filter(fits).map(member_of).collect()
    }

    /// The members who are known by this and by nothing that tells them from the member who is: they have the same birth date and the
    /// same dependent number, or all of them have none.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(crate) async fn twins(&self, known: &KnownBy<'_>) -> Result<BTreeSet<String>, StoreError> {
        let key = self.key.made().await?;
        let hash = hash(key, known);
        let facts = facts(key, &hash, known);
        let fact = |name: &str| facts.iter().find(|(own, _)| *own == name).map(|(_, fact)| fact.as_str());
        let rows = self.rows(&hash).await?;
        let alike = |row: &&Item| FACTS.iter().all(|name| row.text(name).ok() == fact(name));
        rows.iter().filter(alike).map(member_of).collect()
    }

    /// The one member to whom this leads, or their survivor.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn led(&self, known: &KnownBy<'_>) -> Result<Led, StoreError> {
        let members = self.members(known).await?;
        let (mut survivors, mut is_clear) = (BTreeSet::new(), members.len() <= LED_MEMBERS);
        for member in members.into_iter().take(LED_MEMBERS) {
            match self.survivor(&member).await? {
                Survivor::One(survivor) => drop(survivors.insert(survivor)),
                Survivor::Circle(_) | Survivor::Several(_) => is_clear = false,
            }
        }
        Ok(match survivors.pop_first() {
            None if is_clear => Led::Nobody,
            Some(one) if is_clear && survivors.is_empty() => Led::One(one),
            first => Led::Several(survivors.into_iter().chain(first).collect()),
        })
    }

    async fn rows(&self, hash: &str) -> Result<Vec<Item>, StoreError> {
        let partition = schema::records(Self::KIND, hash);
        let query = RowQuery { consistency: Consistency::Strong, ..RowQuery::new(partition, SortKeys::All) };
        self.table.pages(query).all().await
    }

    /// The claim of the resource `by` that a member is known by this.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(crate) async fn claim(
        &self,
        known: &KnownBy<'_>,
        member: &str,
        by: &Reference,
    ) -> Result<(Key, Claim), StoreError> {
        let key = self.key.made().await?;
        let hash = hash(key, known);
        let row = Key::record(Self::KIND, &hash, &format!("{member}/{by}"));
        let facts = facts(key, &hash, known);
        let item = facts.into_iter().fold(Item::from(row.clone()), |item, (name, fact)| item.with(name, fact));
        Ok((row, Claim(item)))
    }

    /// The parts of a transaction that withdraw the claims of `before` that `after` does not have, and give another birth date or number
    /// to those that have another.
    pub(crate) fn changed(&self, before: Claims, after: &Claims) -> Vec<TransactionPart> {
        let table = || self.table_name.clone();
        let part = |(key, claim): (Key, Claim)| match after.get(&key) {
            None => Some(TransactionPart::DeleteIn(table(), key)),
            Some(same) if *same == claim => None,
            Some(Claim(other)) => Some(TransactionPart::PutIn(table(), other.clone())),
        };
        before.into_iter().filter_map(part).collect()
    }

    /// The parts of a transaction that make claims.
    pub(crate) fn made(&self, claims: Claims) -> Vec<TransactionPart> {
        claims.into_values().map(|Claim(item)| TransactionPart::PutIn(self.table_name.clone(), item)).collect()
    }

    /// Makes those of these claims that are not made yet.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(crate) async fn make(&self, claims: Claims) -> Result<(), StoreError> {
        let rows = self.table.batch_get(claims.keys().cloned().collect(), None, Consistency::Strong).await?;
        for Claim(item) in claims.into_values().filter(|Claim(item)| !rows.contains(item)) {
            match self.table.put(item, Condition::Always).await {
                Ok(()) | Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The attributes that tell members of one identifier apart.
const FACTS: [&str; 2] = [attribute::BORN, attribute::DEPENDENT];

/// The facts that tell a member from the others of the same identifier, each hashed together with that: equal dates look different under two of
/// them.
fn facts(key: &hmac::Key, hash: &str, known: &KnownBy<'_>) -> Vec<(&'static str, String)> {
    let told = FACTS.into_iter().zip([known.birth_date, known.dependent]);
    told.filter_map(|(name, fact)| Some((name, tag(key, &format!("{name}\n{hash}\n{}", fact?))))).collect()
}

fn hash(
    key: &hmac::Key,
    KnownBy { resource_type, identifier: Identifier { system, value }, .. }: &KnownBy<'_>,
) -> String {
    tag(key, &format!("{resource_type}\n{system}\n{value}"))
}

fn tag(key: &hmac::Key, text: &str) -> String {
    hex::encode(&hmac::sign(key, text.as_bytes()).as_ref()[..16])
}

/// The member to whom a row leads.
fn member_of(row: &Item) -> Result<String, StoreError> {
    Ok(row.key()?.sort_key().split('/').next().unwrap_or_default().to_owned())
}
