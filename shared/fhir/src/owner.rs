//! Whose a resource is. Decided once, at load, from the resource's own subject (see [`super::types::Owner`]).

use serde_json::Value as Json;

use super::index::walk;
use super::reference::Reference;
use super::types::{Owner, ResourceType};

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// The member with this Patient id.
    Member(String),
    /// Nobody: a directory entry.
    Shared,
    /// The owners of these.
    OwnersOf(Vec<Reference>),
    /// The owner of the resource whose attachment names it.
    Attachment,
}

/// Why a resource has no owner; it is then rejected, never stored.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoOwner {
    /// The element is not there, or has no reference.
    #[error("`{0}` does not say whose it is: it needs a reference such as Patient/123")]
    Missing(&'static str),
    /// The element refers to a Patient that the resource itself contains.
    #[error(
        "`{element}` refers to `{reference}`, a Patient inside the resource itself, as whom nobody can sign in; \
         it must refer to the member's own: Patient/<id>"
    )]
    Contained {
        /// Which element.
        element: &'static str,
        /// The text that stands there.
        reference: String,
    },
    /// The element refers to something else than a patient, or to one by a name that nothing in the run goes by.
    #[error(
        "`{element}` refers to `{reference}`, which is no Patient of this feed; a member's resource refers to Patient/<id>"
    )]
    NotAPatient {
        /// Which element.
        element: &'static str,
        /// The text that stands there.
        reference: String,
    },
    /// More than one patient.
    #[error("`{0}` names more than one patient; a resource belongs to one member, so send one for each")]
    Ambiguous(&'static str),
}

/// Finds the owner of a resource of type `resource_type`.
///
/// # Errors
/// [`NoOwner`], in words for the plan's data team.
pub fn ownership(resource_type: &ResourceType, resource: &Json) -> Result<Ownership, NoOwner> {
    match resource_type.owner {
        Owner::Itself => {
            Ok(Ownership::Member(resource.get("id").and_then(Json::as_str).unwrap_or_default().to_owned()))
        }
        Owner::Shared => Ok(Ownership::Shared),
        Owner::Attachment => Ok(Ownership::Attachment),
        Owner::SubjectOrShared(element) if resource.get(element).is_none() => Ok(Ownership::Shared),
        Owner::Subject(element) | Owner::SubjectOrShared(element) => subject(resource, element).map(Ownership::Member),
        Owner::Targets(element) => {
            let targets: Vec<Reference> =
                named(resource, element).iter().filter_map(|text| Reference::parse(text, &[])).collect();
            if targets.is_empty() { Err(NoOwner::Missing(element)) } else { Ok(Ownership::OwnersOf(targets)) }
        }
    }
}

fn subject(resource: &Json, element: &'static str) -> Result<String, NoOwner> {
    match &named(resource, element)[..] {
        [] => Err(NoOwner::Missing(element)),
        [reference] => match Reference::parse(reference, &[]) {
            Some(patient) if patient.resource_type == "Patient" => Ok(patient.id),
            None if reference.starts_with('#') => {
                Err(NoOwner::Contained { element, reference: (*reference).to_owned() })
            }
            _ => Err(NoOwner::NotAPatient { element, reference: (*reference).to_owned() }),
        },
        _ => Err(NoOwner::Ambiguous(element)),
    }
}

fn named<'a>(resource: &'a Json, element: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    walk(resource, element, &mut |value| {
        found.extend(value.get("reference").and_then(Json::as_str));
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(resource: Json) -> Result<Ownership, NoOwner> {
        ownership(ResourceType::named(resource["resourceType"].as_str().unwrap()).unwrap(), &resource)
    }

    #[test]
    fn a_coverage_belongs_to_its_beneficiary_and_not_to_its_subscriber() {
        let coverage = json!({"resourceType": "Coverage", "beneficiary": {"reference": "Patient/carol"},
            "subscriber": {"reference": "Patient/alice"}});
        assert_eq!(of(coverage), Ok(Ownership::Member("carol".into())));
    }

    #[test]
    fn a_device_without_a_patient_is_shared() {
        assert_eq!(of(json!({"resourceType": "Device"})), Ok(Ownership::Shared));
        let own = json!({"resourceType": "Device", "patient": {"reference": "Patient/a"}});
        assert_eq!(of(own), Ok(Ownership::Member("a".into())));
    }

    #[test]
    fn a_subject_that_is_missing_displayed_only_double_or_no_patient_is_refused() {
        for subject in [
            json!(null),
            json!({"display": "Ann"}),
            json!([{"reference": "Patient/a"}, {"reference": "Patient/b"}]),
            json!({"reference": "Group/a"}),
            json!({"reference": "#a"}),
            json!({"reference": "https://elsewhere.example/Patient/a"}),
        ] {
            assert!(of(json!({"resourceType": "Observation", "subject": subject})).is_err());
        }
    }
}
