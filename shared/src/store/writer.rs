//! The `resources` table, write side: the loader's way in. No function on a request path has it.
//!
//! Beside the rows that [`super::resources`] reads there is, for each resource of a member's, a home: pk `home/<Type>/<id>`, the
//! members in whose partitions the resource may stand. A home names a partition before anything is written there, so
//! that what was once stored can always be found again: to be moved when the plan finds that it was another member's, or to
//! be deleted by its id alone.

mod binaries;
mod homes;
mod rows;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use serde_json::Value as Json;

use super::documents::Upload;
use super::objects::Objects;
use super::resources::Resources;
use super::resources::items::{Item, key};
use super::row::content_hash;
use super::{Aws, StoreError};
use crate::clock::Time;
use crate::fhir::date::Interval;
use crate::fhir::reference::Reference;
use crate::fhir::types::{Owner, ResourceType};
use rows::Version;

/// Where a resource is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// In the partition of the member with this Patient id.
    Member(String),
    /// Under its own key, for everyone whose record points to it.
    Shared,
    /// Apart, out of everyone's reach, until a resource names it (a Binary that came before its document).
    Unclaimed,
}

/// What became of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is there now, as a new resource or a new version.
    Stored,
    /// It was there and is deleted.
    Deleted,
    /// The same content was there; or what was to be deleted was not.
    Unchanged,
    /// A newer version was there, by the source's own `meta.lastUpdated`.
    Superseded,
}

/// What is to become of one resource.
#[derive(Clone, Debug)]
pub struct Change {
    kind: &'static ResourceType,
    reference: Reference,
    copies: BTreeMap<Place, Copy>,
}

/// One copy of it: most resources have one, a Provenance may have one for each member whose resources it is about.
#[derive(Clone, Debug)]
struct Copy {
    resource: Json,
    hash: Vec<u8>,
    source_date: Option<i64>,
    /// What a Binary holds, where that is too large for its row.
    upload: Option<Upload>,
}

/// What the store has of a resource.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Whose partitions its home names.
    owners: BTreeSet<String>,
    /// The rows there are, tombstones among them.
    rows: BTreeMap<Place, Version>,
}

/// The table and the bucket, for writing.
#[derive(Clone)]
pub struct Writer {
    pub(super) client: Client,
    pub(super) table: String,
    objects: Objects,
    resources: Resources,
}

/// Why a step of a change was not made.
enum Fault {
    /// What stands there is not what was read.
    Conflict,
    Store(StoreError),
}

impl<E: Into<StoreError>> From<E> for Fault {
    fn from(error: E) -> Fault {
        Fault::Store(error.into())
    }
}

impl Place {
    fn key(&self, resource: &Reference) -> Item {
        match self {
            Place::Member(owner) => key(&format!("Patient/{owner}"), &resource.to_string()),
            Place::Shared => key(&resource.to_string(), &resource.to_string()),
            Place::Unclaimed => key(&format!("unclaimed/{resource}"), &resource.to_string()),
        }
    }
}

impl Standing {
    /// Whether it stands, or may stand, in this member's partition.
    pub fn is_of(&self, owner: &str) -> bool {
        self.owners.contains(owner)
    }
}

impl Change {
    /// The resource is to stand at these places, with this content, and nowhere else.
    pub fn store(kind: &'static ResourceType, id: &str, copies: Vec<(Place, Json)>) -> Change {
        let copies = copies.into_iter().map(|(place, resource)| (place, Copy::of(resource))).collect();
        Change { kind, reference: Reference::new(kind.name, id), copies }
    }

    /// A Binary of this member is to hold a file. Its JSON is without `data`.
    pub fn hold(binary: Json, upload: Upload, owner: &str) -> Option<Change> {
        let (kind, id) = (ResourceType::named("Binary")?, binary["id"].as_str()?.to_owned());
        let copy = Copy::with(binary, Some(upload));
        Some(Change {
            kind,
            reference: Reference::new(kind.name, &id),
            copies: BTreeMap::from([(Place::Member(owner.to_owned()), copy)]),
        })
    }

    /// The resource is to be deleted, wherever it stands.
    pub fn delete(kind: &'static ResourceType, id: &str) -> Change {
        Change { kind, reference: Reference::new(kind.name, id), copies: BTreeMap::new() }
    }

    /// Its type and id.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Where it is to stand.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.copies.keys()
    }

    /// The members in whose partitions it is to stand.
    fn owners(&self) -> BTreeSet<String> {
        let owner = |place: &Place| match place {
            Place::Member(owner) => Some(owner.clone()),
            Place::Shared | Place::Unclaimed => None,
        };
        self.copies.keys().filter_map(owner).collect()
    }

    /// What it comes to, by what the store has: the outcome, if it is made now. The source's own date decides which of two
    /// versions is newer.
    pub fn outcome(&self, standing: &Standing) -> Written {
        let mut live = standing.rows.iter().filter(|(_, version)| version.hash.is_some());
        if self.copies.is_empty() {
            return if live.next().is_some() { Written::Deleted } else { Written::Unchanged };
        }
        let ours = self.copies.values().find_map(|copy| copy.source_date);
        let stored = standing.rows.values().filter_map(|version| version.source_date).max();
        if matches!((stored, ours), (Some(stored), Some(ours)) if stored > ours) {
            return Written::Superseded;
        }
        let same = |(place, copy): (&Place, &Copy)| {
            standing.rows.get(place).is_some_and(|version| version.hash.as_ref() == Some(&copy.hash))
        };
        if self.copies.iter().all(same) && live.all(|(place, _)| self.copies.contains_key(place)) {
            return Written::Unchanged;
        }
        Written::Stored
    }
}

impl Copy {
    /// `meta.versionId` and `meta.lastUpdated` are ours: a client that asks "since my last sync" must not miss a claim that came
    /// late.
    fn of(mut resource: Json) -> Copy {
        let upload = Upload::taken_from(&mut resource);
        Copy::with(resource, upload)
    }

    fn with(mut resource: Json, upload: Option<Upload>) -> Copy {
        let source_date = source_date(&resource);
        if let Some(meta) = resource["meta"].as_object_mut() {
            meta.remove("versionId");
            meta.remove("lastUpdated");
        }
        let mut content = resource.to_string().into_bytes();
        content.extend(upload.iter().flat_map(Upload::sha256));
        Copy { source_date, hash: content_hash(&content)[..16].to_vec(), resource, upload }
    }
}

impl Writer {
    /// Over the table and the bucket of those names.
    pub fn new(aws: &Aws, table: &str, bucket: &str) -> Writer {
        Writer {
            client: aws.dynamodb(),
            table: table.to_owned(),
            objects: Objects::for_uploads(aws, bucket),
            resources: Resources::new(aws, table, bucket),
        }
    }

    /// What the store has of each of these, in their order, by their homes.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn standings(&self, changes: &[&Change]) -> Result<Vec<Standing>, StoreError> {
        self.look(changes, false).await
    }

    /// Looks where the homes say, and `everywhere` also where the changes lead: nothing should stand there without a home.
    async fn look(&self, changes: &[&Change], everywhere: bool) -> Result<Vec<Standing>, StoreError> {
        let with_home: Vec<Reference> =
            changes.iter().filter(|change| change.kind.has_home()).map(|change| change.reference.clone()).collect();
        let homes = self.homes(&with_home).await?;
        let mut standings = Vec::with_capacity(changes.len());
        let mut wanted = Vec::new();
        for change in changes {
            let owners = homes.get(&change.reference).cloned().unwrap_or_default();
            let mut places: BTreeSet<Place> = change.copies.keys().cloned().collect();
            places.extend(owners.iter().cloned().map(Place::Member));
            if change.kind.is_shared() {
                places.insert(Place::Shared);
            }
            if change.kind.owner == Owner::Attachment {
                places.insert(Place::Unclaimed);
            }
            // A resource stands in no member's partition that its home does not name: a first load has nothing to read.
            places.retain(|place| everywhere || !matches!(place, Place::Member(owner) if !owners.contains(owner)));
            wanted.extend(places.into_iter().map(|place| (place, change.reference.clone())));
            standings.push(Standing { owners, rows: BTreeMap::new() });
        }
        let mut versions = self.versions(wanted).await?;
        for (change, standing) in changes.iter().zip(&mut standings) {
            standing.rows = versions.remove(&change.reference).unwrap_or_default();
        }
        Ok(standings)
    }

    /// Sends what a change's Binary holds to the bucket, where nothing leads to it yet. It may take long, so it comes before
    /// everything that others see.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn send(&self, change: &Change) -> Result<(), StoreError> {
        for upload in change.copies.values().filter_map(|copy| copy.upload.as_ref()) {
            self.objects.upload(upload).await?;
        }
        Ok(())
    }

    /// Makes a change whose bytes were sent. Every step may be repeated, and at none of them is a copy out of reach of a later run: the home names
    /// old and new partitions, then the new rows are written, then the old ones removed, then the home names the new alone.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn settle(&self, change: &Change, standing: Standing, now: Time) -> Result<Written, StoreError> {
        let mut standing = standing;
        for _ in 0..5 {
            let outcome = change.outcome(&standing);
            if matches!(outcome, Written::Superseded | Written::Unchanged) {
                return Ok(outcome);
            }
            match self.attempt(change, &standing, now).await {
                Ok(()) => return Ok(outcome),
                // Another run wrote the same resource at the same moment: look again.
                Err(Fault::Conflict) => standing = self.look(&[change], true).await?.pop().unwrap_or_default(),
                Err(Fault::Store(error)) => return Err(error),
            }
        }
        Err(StoreError::Busy("a resource is being written by others again and again".into()))
    }

    async fn attempt(&self, change: &Change, standing: &Standing, now: Time) -> Result<(), Fault> {
        let owners = change.owners();
        if change.copies.is_empty() {
            for (place, version) in standing.rows.iter().filter(|(_, version)| version.hash.is_some()) {
                self.release(place, &change.reference, Some(now)).await?;
                self.end(place, &change.reference, version, Some(now)).await?;
            }
            return Ok(());
        }
        let both: BTreeSet<String> = owners.union(&standing.owners).cloned().collect();
        if both != standing.owners {
            self.put_home(&change.reference, &standing.owners, &both).await?;
        }
        for (place, copy) in &change.copies {
            let there = standing.rows.get(place);
            if there.is_none_or(|version| version.hash.as_ref() != Some(&copy.hash)) {
                self.put_row(change, place, copy, there, now).await?;
            }
        }
        for (place, version) in standing.rows.iter().filter(|(place, _)| !change.copies.contains_key(place)) {
            self.release(place, &change.reference, None).await?;
            self.end(place, &change.reference, version, None).await?;
        }
        if both != owners {
            self.put_home(&change.reference, &both, &owners).await?;
        }
        Ok(())
    }

    /// Lets the member reach a shared resource, whether or not it is there yet; `steps` says how far it is from the member's
    /// own: 1 where one of theirs refers to it, 2 where one that is referred to does. Tells whether that is new.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn point(&self, owner: &str, target: &Reference, steps: u8) -> Result<bool, StoreError> {
        let mut item = Place::Member(owner.to_owned()).key(target);
        // A nearer pointer takes the place of a farther one; the member's own Device that of neither.
        let condition = if steps == 1 {
            "attribute_not_exists(pk) OR attribute_exists(n)"
        } else {
            item.insert("n".to_owned(), AttributeValue::N(steps.to_string()));
            "attribute_not_exists(pk)"
        };
        match self.put(item, condition, HashMap::new()).await {
            Ok(()) => Ok(true),
            Err(Fault::Conflict) => Ok(false),
            Err(Fault::Store(error)) => Err(error),
        }
    }

    /// The shared resources that a shared resource refers to.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn shared_references(&self, target: &Reference) -> Result<Vec<Reference>, StoreError> {
        let shared = |reference: &Reference| ResourceType::named(&reference.kind).is_some_and(ResourceType::is_shared);
        let row = self.resources.shared_row(target).await?;
        Ok(row.iter().flat_map(super::row::Row::references).filter(shared).collect())
    }

    /// Notes that something shared changed at this moment, so that whoever asks for news looks.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn announce(&self, now: Time) -> Result<(), StoreError> {
        let item = key(super::resources::SHARED_NEWS, &super::resources::moment(now));
        match self.put(item, "attribute_not_exists(pk)", HashMap::new()).await {
            Ok(()) | Err(Fault::Conflict) => Ok(()),
            Err(Fault::Store(error)) => Err(error),
        }
    }

    /// Writes a receipt into the member's record: a Provenance of ours, which has no home because no feed can name it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn receive(&self, owner: &str, receipt: Change, now: Time) -> Result<(), StoreError> {
        debug_assert!(receipt.places().all(|place| *place == Place::Member(owner.to_owned())));
        for (place, copy) in &receipt.copies {
            match self.put_row(&receipt, place, copy, None, now).await {
                // The answer to an earlier try was lost.
                Ok(()) | Err(Fault::Conflict) => {}
                Err(Fault::Store(error)) => return Err(error),
            }
        }
        Ok(())
    }

    async fn put(&self, item: Item, condition: &str, values: HashMap<String, AttributeValue>) -> Result<(), Fault> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(condition)
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::None);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                Err(Fault::Conflict)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// When the source last changed a resource, by its own `meta.lastUpdated`. Text that is no date tells nothing, as none does.
pub fn source_date(resource: &Json) -> Option<i64> {
    resource["meta"]["lastUpdated"].as_str().and_then(Interval::parse).map(|date| date.low)
}
