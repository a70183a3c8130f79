//! Why something was not taken: a code for scripts, and words for the data team that has to put it right.
//!
//! Every code is a row of the table in `docs/loading.md`, which says what to do about it.

use std::fmt;

use shared::fhir::owner::NoOwner;

/// Makes the enum, its codes and the list of all of them out of one table.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// The kinds of reasons.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ReasonCode {
            $($(#[$doc])* $name,)*
        }

        impl ReasonCode {
            /// All of them.
            pub const ALL: &[ReasonCode] = &[$(ReasonCode::$name),*];

            /// Its code in reports.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(ReasonCode::$name => $code,)*
                }
            }
        }
    };
}

codes! {
    /// A file or a line is no JSON.
    NotJson = "not-json",
    /// JSON without a resource in it.
    NotFhir = "not-fhir",
    /// A Bundle that is not a list of resources to load.
    BundleType = "bundle-type",
    /// An entry of a Bundle without a resource.
    NoResource = "no-resource",
    /// A DELETE that names no resource by its id.
    BadDeletion = "bad-deletion",
    /// A type that is not kept.
    TypeNotKept = "type-not-kept",
    /// No id, and nothing to take one from.
    NoId = "no-id",
    /// An id that FHIR does not allow.
    BadId = "bad-id",
    /// An id that resources of two servers have.
    AmbiguousId = "ambiguous-id",
    /// A resource of an older release of FHIR.
    NotR4 = "not-r4",
    /// A `meta` that is no object.
    BadMeta = "bad-meta",
    /// Larger than an answer can be.
    TooLarge = "too-large",
    /// A Binary whose `data` is no base64.
    BadData = "bad-data",
    /// The element that tells whose it is is not there.
    NoOwner = "no-owner",
    /// That element leads to a Patient inside the resource.
    ContainedOwner = "contained-owner",
    /// That element leads to no Patient of this feed.
    OwnerNotAPatient = "owner-not-a-patient",
    /// That element names several patients.
    SeveralOwners = "several-owners",
    /// A shared resource that names a member.
    NamesAMember = "names-a-member",
    /// An attachment names a file that is not there.
    AttachmentMissing = "attachment-missing",
    /// An attachment names a file that is not in the feed's folder.
    AttachmentOutside = "attachment-outside",
    /// An attachment says of its file what is not so.
    AttachmentDiffers = "attachment-differs",
    /// A Provenance of nothing that is in this run.
    UnknownTargets = "unknown-targets",
    /// A reference that two resources of the run answer to.
    AmbiguousReference = "ambiguous-reference",
    /// A Binary that another member's document names.
    BinaryOfAnother = "binary-of-another",
    /// A sensitivity label, on a deployed stack.
    Sensitive = "sensitive",
}

/// Why one thing was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Of which kind the reason is.
    pub code: ReasonCode,
    /// What is wrong, and what would be right.
    pub text: String,
}

impl Reason {
    /// Of a kind, in words.
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
