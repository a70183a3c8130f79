//! The reason of a rejection: a code for scripts, and words for the data team that has to put it right.
//!
//! Every code is a row of the table in `docs/loading.md`, which says what to do about it.

use std::fmt;

use serde::{Deserialize, Serialize};
use shared::fhir::owner::NoOwner;

/// Makes the enum, its codes and the list of all codes from one table.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// The code of a reason.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum ReasonCode {
            $($(#[$doc])* $name,)*
        }

        impl ReasonCode {
            /// All codes.
            pub const ALL: &[ReasonCode] = &[$(ReasonCode::$name),*];

            /// The code as reports write it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(ReasonCode::$name => $code,)*
                }
            }
        }
    };
}

codes! {
    /// A file or a line that is not JSON.
    NotJson = "not-json",
    /// A file, or a line, that is no text in UTF-8, or is packed in a way that is not read.
    Encoding = "encoding",
    /// A property that stands twice in its object.
    DuplicateProperty = "duplicate-property",
    /// JSON without a resource in it.
    NotFhir = "not-fhir",
    /// A Bundle that is not a list of resources to load.
    BundleType = "bundle-type",
    /// An entry of a Bundle without a resource.
    NoResource = "no-resource",
    /// A DELETE that names no resource by its id.
    BadDeletion = "bad-deletion",
    /// A resource of a type that this server does not keep.
    TypeNotKept = "type-not-kept",
    /// A resource without an id, and without a `fullUrl` to take one from.
    NoId = "no-id",
    /// An id that FHIR does not allow.
    BadId = "bad-id",
    /// An id that this server gives to resources of its own.
    ReservedId = "reserved-id",
    /// An id that resources of two servers have.
    AmbiguousId = "ambiguous-id",
    /// A resource of an older release of FHIR.
    NotR4 = "not-r4",
    /// A resource that says of itself that it is a part.
    Subsetted = "subsetted",
    /// A `meta` that is not an object.
    BadMeta = "bad-meta",
    /// A resource larger than an answer can be.
    TooLarge = "too-large",
    /// A Binary whose `data` is not base64.
    BadData = "bad-data",
    /// A resource without the element that names its owner.
    NoOwner = "no-owner",
    /// A resource whose owner is a Patient contained in it.
    ContainedOwner = "contained-owner",
    /// A resource whose owner is not a Patient of this feed.
    OwnerNotAPatient = "owner-not-a-patient",
    /// A resource whose owners are several Patients.
    SeveralOwners = "several-owners",
    /// A resource that one run gives to two members.
    TwoOwners = "two-owners",
    /// A Patient id under which another person is known.
    AnotherPerson = "another-person",
    /// A shared resource that names a member.
    NamesAMember = "names-a-member",
    /// An attachment names a file that is not there.
    AttachmentMissing = "attachment-missing",
    /// An attachment that names a file outside the feed's folder.
    AttachmentOutside = "attachment-outside",
    /// An attachment whose size or hash is not that of its file.
    AttachmentDiffers = "attachment-differs",
    /// A Provenance none of whose targets is a member's resource.
    UnknownTargets = "unknown-targets",
    /// A reference by a name that two resources of the run have.
    AmbiguousReference = "ambiguous-reference",
    /// A Binary that another member's document names.
    BinaryOfAnother = "binary-of-another",
    /// A resource with a sensitivity label, for a deployed stack.
    Sensitive = "sensitive",
}

/// The reason why one item was rejected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The code.
    pub code: ReasonCode,
    /// The fault, and what would be right.
    pub text: String,
}

impl Reason {
    /// A reason with this code, in words.
    pub fn new(code: ReasonCode, text: impl Into<String>) -> Reason {
        Reason { code, text: text.into() }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<NoOwner> for Reason {
    fn from(error: NoOwner) -> Reason {
        let code = match &error {
            NoOwner::Missing(_) => ReasonCode::NoOwner,
            NoOwner::Contained { .. } => ReasonCode::ContainedOwner,
            NoOwner::NotAPatient { .. } => ReasonCode::OwnerNotAPatient,
            NoOwner::Ambiguous(_) => ReasonCode::SeveralOwners,
        };
        Reason::new(code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_a_row_for_every_reason_and_for_no_other() {
        let text = include_str!("../../../docs/loading.md");
        let (_, section) = text.split_once("## Why a resource is rejected").unwrap();
        let section = section.split("\n## ").next().unwrap();
        let codes = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let told: Vec<&str> = codes.map(|(code, _)| code).collect();
        assert_eq!(told, ReasonCode::ALL.iter().map(|code| code.as_str()).collect::<Vec<_>>());
    }
}
