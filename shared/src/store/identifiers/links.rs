//! Patients who were replaced (R4 patient.html, "Linking Patients"). Both must say it: the replaced one, who is inactive, and the
//! survivor. Each word is a row that goes with the Patient who says it, so one read tells whether there are both.

use std::collections::BTreeSet;

use super::{Claim, Identifiers};
use crate::bounds::REPLACEMENTS;
use crate::fhir::reference::Reference;
use crate::store::StoreError;
use crate::store::schema::{self, Key};
use crate::store::table::{Consistency, Item, RowQuery, SortKeys};
use serde_json::Value as Json;

/// The Patient who remains of one who may have been replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Survivor {
    /// This one: at the end of the chain, or the Patient themself.
    One(String),
    /// Nobody: these replace each other, or their chain is too long to be followed.
    Circle(Vec<String>),
    /// Nobody: each of these says that they replace the one Patient.
    Several(BTreeSet<String>),
}

/// The kind of the rows in the `auth` table.
const KIND: &str = "replaced";

/// The beginning of the place of what the replaced Patient says.
const BY: &str = "by/";

/// The beginning of the place of what the survivor says.
const REPLACES: &str = "replaces/";

impl Identifiers {
    /// The Patient who remains of this one.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn survivor(&self, patient: &str) -> Result<Survivor, StoreError> {
        let mut chain = vec![patient.to_owned()];
        while let Some(last) = chain.last().filter(|_| chain.len() <= REPLACEMENTS + 1) {
            let mut survivors = self.survivors(last).await?;
            let next = survivors.pop_first();
            match next {
                None => return Ok(Survivor::One(last.clone())),
                Some(next) if !survivors.is_empty() => {
                    survivors.insert(next);
                    return Ok(Survivor::Several(survivors));
                }
                Some(next) if chain.contains(&next) => break,
                Some(next) => chain.push(next),
            }
        }
        Ok(Survivor::Circle(chain))
    }

    /// The Patients who replace this one, by their own word and by its.
    async fn survivors(&self, patient: &str) -> Result<BTreeSet<String>, StoreError> {
        let query = RowQuery::new(schema::records(KIND, patient), SortKeys::All);
        let rows = self.table.pages(RowQuery { consistency: Consistency::Strong, ..query }).all().await?;
        let places = rows.iter().map(|row| Ok(row.key()?.sort_key().to_owned()));
        let places = places.collect::<Result<Vec<String>, StoreError>>()?;
        let said = |word: &str| places.iter().filter_map(|place| place.strip_prefix(word)).collect::<BTreeSet<_>>();
        Ok(said(BY).intersection(&said(REPLACES)).map(|id| (*id).to_owned()).collect())
    }
}

/// The words of a Patient about who replaces whom.
pub(crate) fn links(patient: &Json) -> impl Iterator<Item = (Key, Claim)> {
    let own = patient["id"].as_str().unwrap_or_default();
    let word = move |link: &Json| {
        let other = Reference::parse(link["other"]["reference"].as_str()?, &[])?;
        let other = Some(other.id).filter(|id| other.resource_type == "Patient" && id != own)?;
        let key = match link["type"].as_str()? {
            "replaced-by" if patient["active"] == false => Key::record(KIND, own, &format!("{BY}{other}")),
            "replaces" => Key::record(KIND, &other, &format!("{REPLACES}{own}")),
            _ => return None,
        };
        Some((key.clone(), Claim(Item::from(key))))
    };
    patient["link"].as_array().into_iter().flatten().filter_map(word)
}

/// The Patients whom a Patient says to replace.
pub(crate) fn replaced_by(patient: &Json) -> impl Iterator<Item = String> {
    let links = patient["link"].as_array().into_iter().flatten().filter(|link| link["type"] == "replaces");
    let others = links.filter_map(|link| Reference::parse(link["other"]["reference"].as_str()?, &[]));
    others.filter(|other| other.resource_type == "Patient").map(|other| other.id)
}
