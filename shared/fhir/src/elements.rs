//! Which elements of a type its summary has, and which are always there: the facts of R4's definitions (`isSummary`, `min`).

use serde_json::{Map, Value as Json};

/// A type with the names of its elements, a space between them, apart from those that every resource has. `[x]` stands for any
/// type of value.
struct Row {
    resource_type: &'static str,
    summary: &'static str,
    mandatory: &'static str,
}

/// Whether the type's summary has this property (R4 search, "Summary": `true`).
pub fn in_summary(resource_type: &str, property: &str) -> bool {
    row(resource_type).is_some_and(|row| row.summary.split(' ').any(|element| is(element, property)))
}

/// Cuts what a summary has of a resource inside: of some elements only parts are summary.
pub fn cut_within(resource_type: &str, resource: &mut Map<String, Json>) {
    for (_, path, parts) in WITHIN.iter().filter(|(on, ..)| *on == resource_type) {
        cut(resource, path, parts);
    }
}

fn cut(element: &mut Map<String, Json>, path: &str, parts: &str) {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let children: Vec<&mut Json> = match element.get_mut(name) {
        Some(Json::Array(items)) => items.iter_mut().collect(),
        Some(child) => vec![child],
        None => return,
    };
    for child in children.into_iter().filter_map(Json::as_object_mut) {
        match rest {
            Some(rest) => cut(child, rest, parts),
            // An extension that changes the meaning belongs to every summary.
            None => {
                child.retain(|name, _| name == "modifierExtension" || parts.split(' ').any(|part| is(part, name)));
            }
        }
    }
}

/// Whether the type must have this property.
pub fn is_mandatory(resource_type: &str, property: &str) -> bool {
    row(resource_type).is_some_and(|row| row.mandatory.split(' ').any(|element| is(element, property)))
}

fn row(resource_type: &str) -> Option<&'static Row> {
    ROWS.binary_search_by(|row| row.resource_type.cmp(resource_type)).ok().map(|position| &ROWS[position])
}

/// Whether JSON spells the element so: a choice of types ends with the type's name, and the extensions of a primitive value
/// stand under its name behind `_`.
fn is(element: &str, property: &str) -> bool {
    let property = property.strip_prefix('_').unwrap_or(property);
    match element.strip_suffix("[x]") {
        Some(start) => {
            property.strip_prefix(start).is_some_and(|end| end.starts_with(|c: char| c.is_ascii_uppercase()))
        }
        None => property == element,
    }
}

/// What of an `Attachment` is summary: all but the data.
const ATTACHMENT: &str = "contentType language url size hash title creation";

/// What of a `SampledData` is summary: all but the data.
const SAMPLED_DATA: &str = "origin period factor lowerLimit upperLimit dimensions";

/// Elements that a summary has and of which only parts are summary: type, path, the parts. `Provenance.agent` is there
/// because it must be, and not as summary.
const WITHIN: &[(&str, &str, &str)] = &[
    ("Claim", "insurance", "sequence focal coverage"),
    ("Device", "udiCarrier", "deviceIdentifier carrierAIDC carrierHRF"),
    ("DiagnosticReport", "media", "link"),
    ("DocumentReference", "content.attachment", ATTACHMENT),
    ("DocumentReference", "context", "period"),
    ("Encounter", "diagnosis", "condition"),
    ("Encounter", "participant", "type individual"),
    ("ExplanationOfBenefit", "insurance", "focal coverage"),
    (
        "ImagingStudy",
        "series",
        "uid number modality description numberOfInstances endpoint bodySite laterality specimen started performer",
    ),
    ("Media", "content", ATTACHMENT),
    ("Observation", "component", "code value[x]"),
    ("Observation", "component.valueSampledData", SAMPLED_DATA),
    ("Observation", "valueSampledData", SAMPLED_DATA),
    ("Procedure", "performer", "function actor"),
    ("Provenance", "agent", "type who"),
];

static ROWS: &[Row] = &[
    Row {
        resource_type: "AllergyIntolerance",
        summary: "identifier clinicalStatus verificationStatus type category criticality code patient asserter",
        mandatory: "patient",
    },
    Row { resource_type: "Binary", summary: "contentType securityContext", mandatory: "contentType" },
    Row {
        resource_type: "CarePlan",
        summary: "identifier instantiatesCanonical instantiatesUri basedOn replaces partOf status intent category \
         title description subject encounter period created author addresses",
        mandatory: "status intent subject",
    },
    Row {
        resource_type: "CareTeam",
        summary: "identifier status category name subject encounter period managingOrganization",
        mandatory: "",
    },
    Row {
        resource_type: "Claim",
        summary: "status type use patient billablePeriod created insurer provider priority insurance",
        mandatory: "status type use patient created provider priority insurance",
    },
    Row {
        resource_type: "ClaimResponse",
        summary: "status type use patient created insurer request outcome total",
        mandatory: "status type use patient created insurer outcome",
    },
    Row {
        resource_type: "Condition",
        summary: "identifier clinicalStatus verificationStatus code bodySite subject encounter onset[x] recordedDate \
         recorder asserter",
        mandatory: "subject",
    },
    Row {
        resource_type: "Coverage",
        summary: "identifier status type policyHolder subscriber subscriberId beneficiary dependent period payor order \
         network",
        mandatory: "status beneficiary payor",
    },
    Row { resource_type: "Device", summary: "udiCarrier status safety", mandatory: "" },
    Row {
        resource_type: "DiagnosticReport",
        summary: "identifier status category code subject encounter effective[x] issued performer resultsInterpreter \
         media",
        mandatory: "status code",
    },
    Row {
        resource_type: "DocumentReference",
        summary: "masterIdentifier identifier status docStatus type category subject date author relatesTo description \
         securityLabel content context",
        mandatory: "status content",
    },
    Row {
        resource_type: "Encounter",
        summary: "identifier status class type serviceType subject episodeOfCare participant appointment reasonCode \
         reasonReference diagnosis",
        mandatory: "status class",
    },
    Row {
        resource_type: "Endpoint",
        summary: "identifier status connectionType name managingOrganization period payloadType payloadMimeType \
         address",
        mandatory: "status connectionType payloadType address",
    },
    Row {
        resource_type: "ExplanationOfBenefit",
        summary: "status type use patient billablePeriod created insurer provider outcome insurance total",
        mandatory: "status type use patient created insurer provider outcome insurance",
    },
    Row {
        resource_type: "Goal",
        summary: "lifecycleStatus achievementStatus category priority description subject start[x] statusDate \
         expressedBy",
        mandatory: "lifecycleStatus description subject",
    },
    Row {
        resource_type: "ImagingStudy",
        summary: "identifier status modality subject encounter started basedOn referrer interpreter endpoint \
         numberOfSeries numberOfInstances procedureReference procedureCode location reasonCode \
         reasonReference note description series",
        mandatory: "status subject",
    },
    Row {
        resource_type: "Immunization",
        summary: "status vaccineCode patient occurrence[x] primarySource performer note isSubpotent",
        mandatory: "status vaccineCode patient",
    },
    Row {
        resource_type: "Location",
        summary: "identifier status operationalStatus name description mode type physicalType managingOrganization",
        mandatory: "",
    },
    Row {
        resource_type: "Media",
        summary: "identifier basedOn partOf status type modality view subject encounter created[x] issued operator \
         reasonCode bodySite deviceName device height width frames duration content",
        mandatory: "status content",
    },
    Row { resource_type: "Medication", summary: "identifier code status manufacturer amount", mandatory: "" },
    Row {
        resource_type: "MedicationDispense",
        summary: "status medication[x] subject whenPrepared",
        mandatory: "status",
    },
    Row {
        resource_type: "MedicationRequest",
        summary: "status intent priority doNotPerform reported[x] medication[x] subject authoredOn requester \
         performerType instantiatesCanonical instantiatesUri basedOn groupIdentifier",
        mandatory: "status intent",
    },
    Row {
        resource_type: "MedicationStatement",
        summary: "identifier basedOn partOf status category medication[x] subject context effective[x] dateAsserted",
        mandatory: "status",
    },
    Row {
        resource_type: "Observation",
        summary: "identifier basedOn partOf status code subject focus encounter effective[x] issued performer value[x] \
         hasMember derivedFrom component",
        mandatory: "status code",
    },
    Row { resource_type: "Organization", summary: "identifier active type name partOf", mandatory: "" },
    Row {
        resource_type: "Patient",
        summary: "identifier active name telecom gender birthDate deceased[x] address managingOrganization link",
        mandatory: "",
    },
    Row {
        resource_type: "Practitioner",
        summary: "identifier active name telecom address gender birthDate",
        mandatory: "",
    },
    Row {
        resource_type: "PractitionerRole",
        summary: "identifier active period practitioner organization code specialty location telecom",
        mandatory: "",
    },
    Row {
        resource_type: "Procedure",
        summary: "identifier instantiatesCanonical instantiatesUri basedOn partOf status statusReason category code \
         subject encounter performed[x] recorder asserter performer location reasonCode reasonReference \
         bodySite outcome",
        mandatory: "status subject",
    },
    Row { resource_type: "Provenance", summary: "target recorded", mandatory: "target recorded agent" },
    Row {
        resource_type: "Questionnaire",
        summary: "url identifier version name title status experimental subjectType date publisher contact useContext \
         jurisdiction effectivePeriod code",
        mandatory: "status",
    },
    Row {
        resource_type: "QuestionnaireResponse",
        summary: "identifier basedOn partOf questionnaire status subject encounter authored author source",
        mandatory: "status",
    },
    Row {
        resource_type: "RelatedPerson",
        summary: "identifier active patient relationship name telecom gender birthDate address",
        mandatory: "patient",
    },
    Row {
        resource_type: "ServiceRequest",
        summary: "identifier instantiatesCanonical instantiatesUri basedOn replaces requisition status intent category \
         priority doNotPerform code orderDetail quantity[x] subject encounter occurrence[x] asNeeded[x] \
         authoredOn requester performerType performer locationCode locationReference reasonCode \
         reasonReference specimen bodySite patientInstruction",
        mandatory: "status intent subject",
    },
    Row {
        resource_type: "Specimen",
        summary: "identifier accessionIdentifier status type subject receivedTime condition",
        mandatory: "",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::TYPES;

    #[test]
    fn every_type_has_a_row_and_is_found() {
        assert!(TYPES.iter().map(|resource_type| resource_type.name).eq(ROWS.iter().map(|row| row.resource_type)));
        assert!(TYPES.iter().all(|resource_type| row(resource_type.name).is_some()));
    }

    #[test]
    fn choices_and_extensions_of_values_belong_to_their_element() {
        for property in ["valueQuantity", "valueString", "_valueString", "status", "_status"] {
            assert!(in_summary("Observation", property), "{property}");
        }
        for property in ["value", "values", "note", "text", "contained", "referenceRange"] {
            assert!(!in_summary("Observation", property), "{property}");
        }
        assert!(is_mandatory("Observation", "status") && !is_mandatory("Observation", "valueQuantity"));
    }
}
