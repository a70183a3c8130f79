//! The resource types, one row each: who owns a resource of the type, and which date orders a member's history.

/// How the owner of a resource is found. It is decided once, at load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A Patient owns itself.
    Itself,
    /// The member whom this element names. Narrower than R4's patient compartment on purpose: a subscriber does not own a
    /// dependent's Coverage.
    Subject(&'static str),
    /// As [`Owner::Subject`], and shared where the element is absent (a Device of a practice).
    SubjectOrShared(&'static str),
    /// The owner of the resources that this element names; stored once per member with only that member's targets.
    Targets(&'static str),
    /// Nobody: a directory entry that holds no member data, reached through the resources that refer to it.
    Shared,
    /// The member of the resource whose attachment names it.
    Attachment,
}

/// One resource type.
#[derive(Debug, PartialEq, Eq)]
pub struct ResourceType {
    /// Its name.
    pub name: &'static str,
    /// Whose its resources are.
    pub owner: Owner,
    /// The search parameter that orders a member's history of this type: `created` for claims, the guides' `date`
    /// parameter elsewhere.
    pub key_date: Option<&'static str>,
    /// Shared types whose resources refer to this one: the second step of reach.
    pub referred_by: &'static [&'static str],
}

const fn of(name: &'static str, element: &'static str, key_date: &'static str) -> ResourceType {
    ResourceType { name, owner: Owner::Subject(element), key_date: Some(key_date), referred_by: &[] }
}

const fn shared(name: &'static str, referred_by: &'static [&'static str]) -> ResourceType {
    ResourceType { name, owner: Owner::Shared, key_date: None, referred_by }
}

const fn row(name: &'static str, owner: Owner, key_date: Option<&'static str>) -> ResourceType {
    ResourceType { name, owner, key_date, referred_by: &[] }
}

/// Every type that is stored and served, by name.
pub static TYPES: &[ResourceType] = &[
    of("AllergyIntolerance", "patient", "date"),
    row("Binary", Owner::Attachment, None),
    of("CarePlan", "subject", "date"),
    of("CareTeam", "subject", "date"),
    of("Claim", "patient", "created"),
    of("ClaimResponse", "patient", "created"),
    of("Condition", "subject", "recorded-date"),
    of("Coverage", "beneficiary", "period"),
    row("Device", Owner::SubjectOrShared("patient"), None),
    of("DiagnosticReport", "subject", "date"),
    of("DocumentReference", "subject", "date"),
    of("Encounter", "subject", "date"),
    shared("Endpoint", &["Location", "Organization", "PractitionerRole"]),
    of("ExplanationOfBenefit", "patient", "created"),
    of("Goal", "subject", "start-date"),
    of("ImagingStudy", "subject", "started"),
    of("Immunization", "patient", "date"),
    shared("Location", &["Device", "Location", "PractitionerRole"]),
    of("Media", "subject", "created"),
    shared("Medication", &["Medication"]),
    of("MedicationDispense", "subject", "whenhandedover"),
    of("MedicationRequest", "subject", "authoredon"),
    of("MedicationStatement", "subject", "effective"),
    of("Observation", "subject", "date"),
    shared("Organization", &["Device", "Endpoint", "Location", "Medication", "Organization", "PractitionerRole"]),
    row("Patient", Owner::Itself, None),
    shared("Practitioner", &["PractitionerRole"]),
    shared("PractitionerRole", &[]),
    of("Procedure", "subject", "date"),
    row("Provenance", Owner::Targets("target"), None),
    shared("Questionnaire", &[]),
    of("QuestionnaireResponse", "subject", "authored"),
    row("RelatedPerson", Owner::Subject("patient"), None),
    of("ServiceRequest", "subject", "authored"),
    of("Specimen", "subject", "collected"),
];

/// Where the date that orders a type's history is not that of the care.
const CARE_DATES: &[(&str, &str)] = &[
    ("Condition", "onset-date"),
    ("DocumentReference", "period"),
    ("ExplanationOfBenefit", "service-date"),
    ("ServiceRequest", "occurrence"),
];

impl ResourceType {
    /// The type of that name.
    pub fn named(name: &str) -> Option<&'static ResourceType> {
        TYPES.binary_search_by(|row| row.name.cmp(name)).ok().map(|position| &TYPES[position])
    }

    /// Whether resources of the type may be shared between members.
    pub fn is_shared(&self) -> bool {
        matches!(self.owner, Owner::Shared | Owner::SubjectOrShared(_))
    }

    /// Whether resources of the type may be a member's own.
    pub fn is_owned(&self) -> bool {
        self.owner != Owner::Shared
    }

    /// Whether it must be noted somewhere whose a resource of the type is: a Patient's id says it.
    pub fn has_home(&self) -> bool {
        self.is_owned() && self.owner != Owner::Itself
    }

    /// Whether a resource of the type may stand where no member reaches it: its owners are those of other resources.
    pub fn may_be_unclaimed(&self) -> bool {
        matches!(self.owner, Owner::Attachment | Owner::Targets(_))
    }

    /// Whether a Binary that a resource of the type names is its member's. R4 has an Attachment in many types, and by an extension it may
    /// stand in any. A Provenance is about resources whose member is known, and gives nothing.
    pub fn names_documents(&self) -> bool {
        matches!(self.owner, Owner::Itself | Owner::Subject(_) | Owner::SubjectOrShared(_))
    }

    /// The search parameters that say which care a resource is about, the first that has a value: not when it was written down or sent
    /// (R4, `$everything`: "care dates, not record currency dates"), where the table knows better.
    pub fn care_dates(&self) -> impl Iterator<Item = &'static str> {
        let care = CARE_DATES.iter().filter(|(resource_type, _)| *resource_type == self.name).map(|(_, code)| *code);
        care.chain(self.key_date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters;

    #[test]
    fn the_table_is_sorted_so_that_types_are_found() {
        assert!(TYPES.is_sorted_by_key(|row| row.name));
    }

    #[test]
    fn every_key_date_is_a_date_parameter_of_its_type() {
        for row in TYPES {
            let Some(code) = row.key_date else { continue };
            let parameter = parameters::of(row.name).find(|(_, parameter)| parameter.code == code);
            assert!(
                parameter.is_some_and(|(_, p)| p.param_type == crate::parameters::SearchParamType::Date),
                "{} {code}",
                row.name
            );
        }
    }

    #[test]
    fn every_care_date_is_a_date_parameter_of_its_type() {
        for (resource_type, code) in CARE_DATES {
            let parameter = parameters::of(resource_type).find(|(_, parameter)| parameter.code == *code);
            assert!(
                parameter.is_some_and(|(_, p)| p.param_type == crate::parameters::SearchParamType::Date),
                "{resource_type} {code}"
            );
        }
        let eob = ResourceType::named("ExplanationOfBenefit").unwrap();
        assert_eq!(eob.care_dates().collect::<Vec<_>>(), ["service-date", "created"]);
    }
}
