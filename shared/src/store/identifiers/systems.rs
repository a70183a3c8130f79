//! The systems of identifiers by which members can be found here, for the operator who sets up a sign-in. They are no secret, unlike the
//! values.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::Identifiers;
use crate::bounds::IDENTIFIER_SYSTEMS;
use crate::store::StoreError;
use crate::store::objects::content_hash;
use crate::store::schema::{self, Key, auth as attribute};
use crate::store::table::{CommitError, Condition, Consistency, Item, RowQuery, SortKeys};

/// The kind of the rows in the `auth` table.
const KIND: &str = "identifier-system";

/// The systems that one load met, each with the type of the resource.
pub(super) type Met = Arc<Mutex<HashSet<(String, String)>>>;

impl Identifiers {
    /// Notes that resources of this type have identifiers of these systems, once in a load.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(crate) async fn meet(&self, resource_type: &str, systems: BTreeSet<&str>) -> Result<(), StoreError> {
        for system in systems {
            let is_new = {
                let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
                met.len() < IDENTIFIER_SYSTEMS && met.insert((resource_type.to_owned(), system.to_owned()))
            };
            let key = Key::record(KIND, resource_type, &hex::encode(&content_hash(system.as_bytes())[..16]));
            if is_new && self.table.get(key.clone(), Consistency::Strong).await?.is_none() {
                match self.table.put(Item::from(key).with(attribute::SYSTEM, system), Condition::Always).await {
                    Ok(()) | Err(CommitError::Conflict) => {}
                    Err(CommitError::Store(error)) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// The systems of which a resource of this type was loaded; the empty one is that of subscribers' ids.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn systems(&self, resource_type: &str) -> Result<BTreeSet<String>, StoreError> {
        let query = RowQuery::new(schema::records(KIND, resource_type), SortKeys::All);
        let rows = self.table.pages(query).all().await?;
        rows.iter().map(|row| Ok(row.text(attribute::SYSTEM)?.to_owned())).collect()
    }
}
