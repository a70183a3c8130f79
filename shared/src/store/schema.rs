//! The three tables, as the AWS console shows them: every form of key and every attribute.
//!
//! `<…>` stands for a value without `/` or `#`. The types of attributes are DynamoDB's: S text, N number, B bytes, SS a set of texts.
//!
//! # `resources`
//!
//! | pk | sk | row |
//! |---|---|---|
//! | `Patient/<owner>` | `<Type>/<id>` | a resource of the member's; its tombstone; or a pointer to a shared resource |
//! | `Patient/<owner>` | `~Binary/<id>/<Type>/<id>` | a name: the second resource names the Binary. `~` sorts after every type |
//! | `<Type>/<id>` | `<Type>/<id>` | a shared resource, or its tombstone |
//! | `unclaimed/<Type>/<id>` | `<Type>/<id>` | out of everyone's reach: a Binary that no resource names yet, a Provenance as it came |
//! | `home/<Type>/<id>` | `<Type>/<id>` | a home: the members in whose partitions copies of the resource may stand |
//! | `reached/<Type>/<id>` | `<owner>` | a member whose pointer leads to the shared resource |
//! | `identified/<Type>/<hash>` | `<Type>/<id>` | the shared resource has an identifier, which is hashed: SHA-256 of its system and value, the first 16 bytes |
//! | `to-do` | `<Type>/<id>` | a note: a Provenance whose copies, or a Patient whose pointers and receipts, are to be derived again |
//! | `load/<run>` | `<place>` | an entry of the ledger of a run that is not over, by a hash of what it loads: its beginning, and the fates of a batch |
//! | `shared` | `<moment>` | a moment at which shared resources changed: 11 hexadecimal digits, milliseconds since 1970 |
//!
//! In a member's partition a row with `b` is a resource, one with `v` and no `b` a tombstone, one with neither a pointer.
//!
//! | attribute | type | means | stands on |
//! |---|---|---|---|
//! | `v` | N | `meta.versionId`; of a home, the version that its `su` is of | resources, tombstones, homes |
//! | `u` | N | `meta.lastUpdated`, in milliseconds since 1970 | resources, tombstones |
//! | `b` | B | JSON and search index in one frame, see [`crate::record::packing`]; of a ledger, packed JSON | resources, ledgers |
//! | `h` | B | the first 16 bytes of the SHA-256 of the content without `v` and `u`: the same content makes no new version | resources |
//! | `su` | N | the `lastUpdated` that the source gave, in milliseconds since 1970; of a tombstone, the date of the deletion; of a home, the date that moved after its version was written | resources of a source that gives one, tombstones, homes |
//! | `d` | S | [`position`] in the history: `<Type>/<moment>/<id>`; the sort key of the local index `by-date` | members' own resources of types with a date |
//! | `f` | SS | ids of the Binaries that the resource names, or named until they were dropped | resources that name Binaries |
//! | `o` | S | key of an object in the bucket | Binaries and resources too large for a row |
//! | `s` | B | SHA-256 of that object | the same |
//! | `l` | N | length of that object, which then is the content of a Binary; without it the object is the resource | Binaries |
//! | `n` | N | 2 where only a shared resource refers to the target | pointers of the second step |
//! | `w` | SS | Patient ids of members | homes |
//! | `p` | SS | ids of the Provenances that are about the resource and came while it was not there, or shared | homes |
//!
//! # `auth`
//!
//! | pk | sk | row |
//! |---|---|---|
//! | `client#<client id>` | `-` | an app |
//! | `member#<id>` | `-` | a person who may sign in |
//! | `identity-providers#all` | `-` | the identity providers of the plan, and whether its own directory is a way in |
//! | `authentication-request#<hash>` | `-` | a browser that is at an identity provider, by the `state` of our request |
//! | `last-sign-in#<id>` | `-` | the last sign-in of that person |
//! | `sign-in#<hash>` | `-` | a way in: a user name or a subject of an identity provider, and the person to whom it leads |
//! | `request#<hash>` | `-` | an authorization request |
//! | `session#<hash>` | `-` | a member's session |
//! | `provider-session#<hash>` | `-` | a member's session, by the name that an identity provider has for its own |
//! | `code#<hash>` | `-` | an authorization code |
//! | `grant#<member>` | `<id>` | a grant, under an id that stands for the member |
//! | `refresh#<hash>` | `-` | a refresh token |
//! | `delegation#<person>` | `<id>` | a delegation: the person may act for a member |
//! | `acted-for#<owner>` | `<delegation>` | a note at the member that leads to a delegation |
//! | `demographics#<owner>` | `-` | a member's name and birth date, for the pages of those who act for them |
//! | `assertion#<hash>` | `-` | a client's assertion that was used |
//! | `identifier#<hash>` | `<member>/<Type>/<id>` | the member's Patient or Coverage has an identifier, by its hash under a key (see [`crate::store::identifiers`]) |
//! | `stopped-apps#all` | `-` | the apps that the plan stopped |
//! | `identifier-key#all` | `-` | the key of these hashes, sealed |
//! | `identifier-system#<Type>` | `<hash>` | a Patient or Coverage was loaded that has an identifier of a system, by the system's hash |
//! | `replaced#<member>` | `by/<member>` | the first member's Patient, who is inactive, says that the second's replaces it |
//! | `replaced#<member>` | `replaces/<member>` | the second member's Patient says that it replaces the first's |
//! | `signing-keys#all` | `-` | the signing keys, and from when until when each is used |
//! | `count#user/<user name>/<window>` | `-` | a counter: sign-ins that failed as this user in a window of time |
//! | `count#address/<address>/<window>` | `-` | the same, from this address |
//! | `synthetic#all` | `<owner>` | a mark: the plan made this member up, and does not report answers with their data |
//! | `counted#<year>/<part>` | `<owner>#<client id>` | answers with data of the member's that the app got in the year, of which two are counted. `<part>` is the first hexadecimal digit of the SHA-256 of `<owner>` |
//!
//! | attribute | type | means | stands on |
//! |---|---|---|---|
//! | `v` | S | the record, as JSON | records |
//! | `rev` | N | its revision: a change commits only against the one that it was made from | records |
//! | `commit` | S | the commit that wrote it, so that a repeated write knows its own row | records |
//! | `ttl` | N | the moment at which it ends, in seconds since 1970; DynamoDB deletes it some days later | all that end |
//! | `app` | S | the sort of list that the index `by-app` has the row in: of a grant the client id of its app, of an app `all` | grants, apps |
//! | `born` | S | the member's birth date, hashed like the identifier | identifiers of members whose Patient has one |
//! | `dependent` | S | the member's number in the Coverage, hashed like the identifier | identifiers of Coverages that have one |
//! | `system` | S | the system; empty for a subscriber's id, which has none | systems of identifiers |
//! | `n` | N | the count | counters |
//! | `once` | S | the sort key of the first answer's audit record | counted answers |
//! | `again` | S | the same of a second one | counted answers of which there was a second |
//!
//! # `audit`
//!
//! | pk | sk | row |
//! |---|---|---|
//! | `Patient/<owner>` | `<instant>#<request>` | an access to a member's record |
//! | `user/<user name>` | `<instant>#<request>` | an attempt to sign in where no member is known yet; with an identity provider, under its name, or `<provider>:<subject>` |
//! | `operator/<name>` | `<instant>#<request>` | a command of the operator's on the stack |
//!
//! | attribute | type | means | stands on |
//! |---|---|---|---|
//! | `action` | S | `read`, `search`, `everything`, `sign-in` … | all |
//! | `outcome` | S | `ok`, or an error's name | all |
//! | `ip` | S | the caller's address | all |
//! | `client` | S | the app | acts of an app |
//! | `grant` | S | the grant | acts under a grant |
//! | `query` | S | path and query | data requests |
//! | `ids` | S | the resources that were given out, packed (see [`crate::audit`]) | answers with resources |
//! | `person` | S | the id of the person who acted for the member | acts of somebody who acts for a member |
//! | `as` | S | the relation in which they act: `parent`, `guardian`, `representative`, `proxy` | the same |
//! | `given` | N | how many of them are the member's own and not shared | answers with resources of the member's own |
//! | `ms` | N | the milliseconds from the gateway to this record | requests to the FHIR server |
//! | `ttl` | N | the moment at which it leaves the table, in seconds since 1970; DynamoDB deletes it some days later | rows of closed days |

use super::objects::content_hash;
use crate::clock::Time;
use crate::fhir::reference::Reference;

/// The partition key's attribute, in every table.
pub(crate) const PK: &str = "pk";

/// The sort key's attribute, in every table.
pub(crate) const SK: &str = "sk";

/// The attributes of `resources`; the table above says what each means.
pub(crate) mod resources {
    pub const VERSION: &str = "v";
    pub const LAST_UPDATED: &str = "u";
    pub const BODY: &str = "b";
    pub const HASH: &str = "h";
    pub const SOURCE_DATE: &str = "su";
    pub const POSITION: &str = "d";
    pub const BINARIES: &str = "f";
    pub const OBJECT: &str = "o";
    pub const OBJECT_HASH: &str = "s";
    pub const OBJECT_SIZE: &str = "l";
    pub const STEPS: &str = "n";
    pub const OWNERS: &str = "w";
    pub const PROVENANCES: &str = "p";

    /// The attributes of a pointer.
    pub const POINTER: &[&str] = &[super::PK, super::SK, STEPS];

    /// The small attributes. A loader reads them before it changes a row.
    pub const STANDING: &[&str] =
        &[super::PK, super::SK, VERSION, LAST_UPDATED, HASH, SOURCE_DATE, BINARIES, OBJECT, OWNERS, PROVENANCES];
}

/// The attributes of `auth`; the table above says what each means.
pub(crate) mod auth {
    pub const RECORD: &str = "v";
    pub const REVISION: &str = "rev";
    pub const COMMIT: &str = "commit";
    pub const ENDS: &str = "ttl";
    pub const APP: &str = "app";
    pub const BORN: &str = "born";
    pub const DEPENDENT: &str = "dependent";
    pub const SYSTEM: &str = "system";
    pub const COUNT: &str = "n";
    pub const ONCE: &str = "once";
    pub const AGAIN: &str = "again";
}

/// The attributes of `audit`; the table above says what each means.
pub(crate) mod audit {
    pub const ACTION: &str = "action";
    pub const OUTCOME: &str = "outcome";
    pub const IP: &str = "ip";
    pub const CLIENT: &str = "client";
    pub const GRANT: &str = "grant";
    pub const QUERY: &str = "query";
    pub const IDS: &str = "ids";
    pub const GIVEN: &str = "given";
    pub const PERSON: &str = "person";
    pub const ACTS_AS: &str = "as";
    pub const MILLISECONDS: &str = "ms";
    pub const ENDS: &str = "ttl";
}

/// An index: its name, and the attributes that it parts and sorts rows by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Index {
    pub name: &'static str,
    pub partition_key: &'static str,
    pub sort_key: &'static str,
}

/// Orders each type of a member's resources by date.
pub(crate) const BY_DATE: Index = Index { name: "by-date", partition_key: PK, sort_key: resources::POSITION };

/// Lists the grants of an app, and all apps, by their keys. It is the operator's: no function may read it.
pub(crate) const BY_APP: Index = Index { name: "by-app", partition_key: auth::APP, sort_key: PK };

/// The partition of the moments at which shared resources changed.
pub(crate) const SHARED_NEWS: &str = "shared";

/// The partition of the notes of what is to be derived again.
pub(crate) const TO_DO: &str = "to-do";

/// Sorts after every character of a type or an id.
pub(crate) const AFTER_ALL: &str = "~";

/// The sort key of a record that is alone in its partition.
pub(crate) const ALONE: &str = "-";

/// The key of a row.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pk: String,
    sk: String,
}

impl Key {
    /// Of a member's copy of a resource, or their pointer to it.
    pub fn of_member(owner: &str, resource: &Reference) -> Key {
        Key { pk: member(owner), sk: resource.to_string() }
    }

    /// Of the row with that sort key in a member's partition.
    pub fn in_partition(partition: &str, sort_key: &str) -> Key {
        Key { pk: partition.to_owned(), sk: sort_key.to_owned() }
    }

    /// Of a shared resource.
    pub fn shared(resource: &Reference) -> Key {
        Key { pk: resource.to_string(), sk: resource.to_string() }
    }

    /// Of a resource that has no owner yet.
    pub fn unclaimed(resource: &Reference) -> Key {
        Key { pk: format!("unclaimed/{resource}"), sk: resource.to_string() }
    }

    /// Of a resource's home.
    pub fn home(resource: &Reference) -> Key {
        Key { pk: format!("home/{resource}"), sk: resource.to_string() }
    }

    /// Of the note that a member's pointer leads to a shared resource.
    pub fn reached(target: &Reference, owner: &str) -> Key {
        Key { pk: reached(target), sk: owner.to_owned() }
    }

    /// Of the note that a resource has an identifier, by the identifier's hash.
    pub fn identified(resource: &Reference, hash: &str) -> Key {
        Key { pk: identified(&resource.resource_type, hash), sk: resource.to_string() }
    }

    /// Of a note of what is to be derived again.
    pub fn to_do(of: &Reference) -> Key {
        Key { pk: TO_DO.to_owned(), sk: of.to_string() }
    }

    /// Of the name that a member's resource `by` gives to a Binary.
    pub fn name(owner: &str, binary: &Reference, by: &Reference) -> Key {
        Key { pk: member(owner), sk: format!("{}{by}", names(binary)) }
    }

    /// Of a moment at which shared resources changed.
    pub fn shared_news(moment: Time) -> Key {
        Key { pk: SHARED_NEWS.to_owned(), sk: sortable(moment) }
    }

    /// Of a record of the `auth` table.
    pub fn record(kind: &str, partition: &str, place: &str) -> Key {
        Key { pk: records(kind, partition), sk: place.to_owned() }
    }

    /// Of a counter.
    pub fn counter(subject: &str) -> Key {
        Key { pk: counters(subject), sk: ALONE.to_owned() }
    }

    /// Of the answers to an app with a member's data in a year.
    pub fn counted(year: &str, owner: &str, client: &str) -> Key {
        let part = hex::encode(content_hash(owner.as_bytes()));
        Key { pk: counted(year, &part[..1]), sk: format!("{owner}#{client}") }
    }

    /// Of an audit record.
    pub fn audit(subject: &str, instant: &str, request: &str) -> Key {
        Key { pk: subject.to_owned(), sk: format!("{instant}#{request}") }
    }

    /// Of a row that was read.
    pub(super) fn read(pk: &str, sk: &str) -> Key {
        Key { pk: pk.to_owned(), sk: sk.to_owned() }
    }

    /// The partition key.
    pub fn partition(&self) -> &str {
        &self.pk
    }

    /// The sort key.
    pub fn sort_key(&self) -> &str {
        &self.sk
    }

    /// The resource that the row is about; `None` for a row that is about none.
    pub fn resource(&self) -> Option<Reference> {
        Reference::parse(&self.sk, &[])
    }

    /// In a name of this Binary: the resource that names the Binary.
    pub fn names(&self, binary: &Reference) -> Option<Reference> {
        Reference::parse(self.sk.strip_prefix(&names(binary))?, &[])
    }
}

/// The partition of a member's record.
pub(crate) fn member(owner: &str) -> String {
    format!("Patient/{owner}")
}

/// The partition of the members whose pointers lead to a shared resource.
pub(crate) fn reached(target: &Reference) -> String {
    format!("reached/{target}")
}

/// The partition of the resources of a type that have an identifier, by its hash.
pub(crate) fn identified(resource_type: &str, hash: &str) -> String {
    format!("identified/{resource_type}/{hash}")
}

/// The partition of the ledger of a run.
pub(crate) fn ledger(run: &str) -> String {
    format!("load/{run}")
}

/// The beginning of the sort keys of a Binary's names.
pub(crate) fn names(binary: &Reference) -> String {
    format!("{AFTER_ALL}{binary}/")
}

/// The beginning of the sort keys of a type's resources.
pub(crate) fn of_type(resource_type: &str) -> String {
    format!("{resource_type}/")
}

/// A partition of the `auth` table.
pub(crate) fn records(kind: &str, partition: &str) -> String {
    format!("{kind}#{partition}")
}

/// A partition of a counter.
pub(crate) fn counters(subject: &str) -> String {
    records("count", subject)
}

/// Where a resource stands in its member's history: `<Type>/<moment>/<id>`, so that one index orders each type by date. The moment is
/// 13 hexadecimal digits (see [`moment`]).
pub fn position(resource: &Reference, date: Option<i64>) -> String {
    format!("{}/{:013x}/{}", resource.resource_type, moment(date), resource.id)
}

/// The moment of a [`position`], in milliseconds since the year 1; 0 for a resource without a date, and for no other.
pub fn moment(date: Option<i64>) -> i64 {
    const YEAR_ONE: i64 = 62_135_596_800_000;
    date.map_or(0, |date| date.saturating_add(YEAR_ONE).clamp(1, 0xf_ffff_ffff_ffff))
}

/// The first and the last [`position`] of a type in a span of moments, both included.
pub(crate) fn positions(resource_type: &str, (low, high): (i64, i64)) -> (String, String) {
    (format!("{resource_type}/{low:013x}/"), format!("{resource_type}/{high:013x}/{AFTER_ALL}"))
}

/// The parts into which the counted answers of a year are divided, so that no partition is large or busy.
pub(crate) const PARTS: [&str; 16] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f"];

/// A part of the counted answers of a year.
pub(crate) fn counted(year: &str, part: &str) -> String {
    records("counted", &format!("{year}/{part}"))
}

/// A moment as text that sorts as time does: 11 hexadecimal digits, milliseconds since 1970. An earlier moment counts as 1970.
pub(crate) fn sortable(time: Time) -> String {
    format!("{:011x}", time.0.max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_sort_by_date_then_id() {
        let at = |date, id: &str| position(&Reference::new("Claim", id), date);
        assert!(at(None, "z") < at(Some(i64::MIN), "a"));
        assert!(at(Some(-1), "b") < at(Some(0), "a") && at(Some(0), "a") < at(Some(0), "b"));
    }

    #[test]
    fn a_binarys_names_sort_after_every_resource_and_tell_who_names_it() {
        let (binary, by) = (Reference::new("Binary", "b"), Reference::new("Media", "m"));
        let key = Key::name("alice", &binary, &by);
        assert!(key.sk > Key::of_member("alice", &Reference::new("ZZZ", "zzz")).sk && key.resource().is_none());
        assert_eq!(key.names(&binary), Some(by));
        assert_eq!(key.names(&Reference::new("Binary", "other")), None);
    }
}
