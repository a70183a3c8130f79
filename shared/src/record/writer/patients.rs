//! Patients as they stand: the loader compares the person with the one who comes under the same id.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::rows::Writer;
use crate::fhir::reference::Reference;
use crate::record::resources::{Found, decode};
use crate::store::StoreError;
use crate::store::schema::Key;
use crate::store::table::Consistency;

impl Writer {
    /// The Patients with these ids that are stored, by their ids.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn patients(&self, ids: &[String]) -> Result<HashMap<String, Json>, StoreError> {
        let key = |id: &String| Key::of_member(id, &Reference::new("Patient", id));
        let mut patients = HashMap::new();
        for item in self.table.batch_get(ids.iter().map(key).collect(), None, Consistency::Strong).await? {
            let Found::Resource(row) = decode(&item, 0)? else { continue };
            let patient = self.resource(row).await?;
            let id = patient["id"].as_str().unwrap_or_default().to_owned();
            patients.insert(id, patient);
        }
        Ok(patients)
    }

    /// The outcome of a change wherever copies of the resource stand, also where no home names them: receipts have none.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn outcome_of(&self, change: &super::Change) -> Result<super::Written, StoreError> {
        let standing = self.look(&[change], true).await?.pop().unwrap_or_default();
        Ok(change.outcome(&standing))
    }
}
