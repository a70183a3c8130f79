//! Binaries go where the resources go that name them: to the member whose document names them first, with a document that turns
//! out to be another member's, and away with the last that named them.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value as Json;

use super::rows::stamped;
use super::{Change, Fault, Place, Writer};
use crate::clock::Time;
use crate::fhir::index::Index;
use crate::fhir::reference::Reference;
use crate::fhir::types::ResourceType;
use crate::store::StoreError;
use crate::store::resources::items::{Item, number};
use crate::store::row::{Version, pack, unpack};

impl Writer {
    /// Gives a Binary to the member whose resource names it first; tells whose it is.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn claim(&self, binary: &Reference, owner: &str) -> Result<BTreeSet<String>, StoreError> {
        let ours = BTreeSet::from([owner.to_owned()]);
        match self.put_home(binary, &BTreeSet::new(), &ours).await {
            Ok(()) => Ok(ours),
            Err(Fault::Conflict) => {
                Ok(self.homes(std::slice::from_ref(binary)).await?.remove(binary).unwrap_or_default())
            }
            Err(Fault::Store(error)) => Err(error),
        }
    }

    /// Gives a Binary that came before its document to the member whose document now names it.
    ///
    /// # Errors
    /// [`StoreError`]; the copy that waits is removed last, so the call may be repeated.
    pub async fn adopt(&self, binary: &Reference, owner: &str, now: Time) -> Result<(), StoreError> {
        self.transfer(binary, &Place::Unclaimed, owner, now).await
    }

    /// Gives a Binary of one member to another, with the only resource that names it; tells whether that is the only one.
    ///
    /// # Errors
    /// [`StoreError`]; the home names both until the first has it no more, so the call may be repeated.
    pub async fn hand_over(
        &self,
        binary: &Reference,
        named_by: &Reference,
        from: &str,
        to: &str,
        now: Time,
    ) -> Result<bool, StoreError> {
        if self.names(from, binary).await?.iter().any(|name| name != named_by) {
            return Ok(false);
        }
        let [old, new] = [from, to].map(|owner| BTreeSet::from([owner.to_owned()]));
        let both = old.union(&new).cloned().collect();
        let changed = async {
            self.put_home(binary, &old, &both).await?;
            self.transfer(binary, &Place::Member(from.to_owned()), to, now).await?;
            self.put_home(binary, &both, &new).await
        };
        match changed.await {
            Ok(()) => Ok(true),
            Err(Fault::Conflict) => Err(StoreError::Busy("a Binary is being moved by another run".into())),
            Err(Fault::Store(error)) => Err(error),
        }
    }

    /// Takes a member's resource off the Binaries that it names, before it leaves their record; a Binary that nothing of theirs
    /// names then leaves it, too: with a tombstone where the resource is deleted, without where it was another member's.
    pub(super) async fn release(
        &self,
        place: &Place,
        resource: &Reference,
        deleted: Option<Time>,
    ) -> Result<(), Fault> {
        let (Place::Member(owner), false) = (place, resource.kind == "Binary") else { return Ok(()) };
        for binary in self.named_in(place, resource).await? {
            let others = self.names(owner, &binary).await?.into_iter().any(|name| name != *resource);
            let home = self.homes(std::slice::from_ref(&binary)).await?.remove(&binary).unwrap_or_default();
            if !others && home.contains(owner) {
                let kind =
                    ResourceType::named("Binary").ok_or_else(|| StoreError::Fault("no Binary is kept".into()))?;
                let standing = self.look(&[&Change::delete(kind, &binary.id)], true).await?.pop().unwrap_or_default();
                if let Some(version) = standing.rows.get(place).filter(|version| version.hash.is_some()) {
                    self.end(place, &binary, version, deleted).await?;
                }
            }
            self.unname(owner, &binary, resource).await?;
        }
        Ok(())
    }

    /// The Binaries that the stored resource names.
    async fn named_in(&self, place: &Place, resource: &Reference) -> Result<BTreeSet<Reference>, StoreError> {
        let mut named = BTreeSet::new();
        if let Some(row) = self.resources.standing(place.key(resource)).await? {
            let json = self.resources.json(row).await.map_err(|error| error.0)?;
            collect(&serde_json::from_str(&json).unwrap_or_default(), &mut named);
        }
        Ok(named)
    }

    async fn transfer(&self, binary: &Reference, from: &Place, owner: &str, now: Time) -> Result<(), StoreError> {
        let key = from.key(binary);
        let request = self.client.get_item().table_name(&self.table).set_key(Some(key.clone()));
        let Some(item) = request.consistent_read(true).send().await?.item else { return Ok(()) };
        if item.contains_key("b") {
            let mut item = restamped(binary, item, now)?;
            item.extend(Place::Member(owner.to_owned()).key(binary));
            match self.put(item, "attribute_not_exists(h)", HashMap::new()).await {
                Ok(()) | Err(Fault::Conflict) => {}
                Err(Fault::Store(error)) => return Err(error),
            }
        }
        self.client.delete_item().table_name(&self.table).set_key(Some(key)).send().await?;
        Ok(())
    }
}

/// A row whose resource becomes visible at this moment, to another.
fn restamped(binary: &Reference, mut item: Item, now: Time) -> Result<Item, StoreError> {
    let broken = || StoreError::Fault("the row of a Binary does not read".into());
    let packed = item.get("b").and_then(|body| body.as_b().ok()).ok_or_else(broken)?;
    let before = Version { key: binary, number: number(&item, "v")?, last_updated: Time(number(&item, "u")?) };
    let (_, json) = unpack(&before, packed.as_ref())?;
    let resource: Json = serde_json::from_str(&json).map_err(|_| broken())?;
    let resource = stamped(&resource, before.number, now);
    let after = Version { last_updated: now, ..before };
    let packed = pack(&after, &Index::of(&binary.kind, &resource), &resource.to_string())?;
    item.insert("b".to_owned(), AttributeValue::B(Blob::new(packed)));
    item.insert("u".to_owned(), AttributeValue::N(now.0.to_string()));
    Ok(item)
}

/// The Binaries that a resource names: by an attachment's `url` or by a reference.
fn collect(json: &Json, named: &mut BTreeSet<Reference>) {
    match json {
        Json::Object(properties) => {
            for (name, value) in properties {
                match value {
                    Json::String(text) if name == "url" || name == "reference" => {
                        named.extend(Reference::parse(text, &[]).filter(|reference| reference.kind == "Binary"));
                    }
                    value => collect(value, named),
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| collect(item, named)),
        _ => {}
    }
}
