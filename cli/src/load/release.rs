//! Resources of an older release than R4: such a resource looks much like one of R4, and half of it would be
//! understood.
//!
//! A resource does not say of which release it is. Its marks are elements that STU3 (3.0) has and R4 does not, or that
//! R4 writes in another shape of JSON. Both lists are the differences between the two releases' definitions of the
//! types that are kept (hl7.org/fhir/STU3 and hl7.org/fhir/R4, "Resource List"), first level only. A resource with none
//! of them reads the same in both, as most Patients and Organizations do, and is taken. None of HL7's R4 examples has
//! one of them.

use serde_json::Value as Json;

/// Elements of STU3 that R4 does not have.
const GONE: &[(&str, &[&str])] = &[
    ("AllergyIntolerance", &["assertedDate"]),
    ("Binary", &["content"]),
    ("CarePlan", &["context", "definition"]),
    ("CareTeam", &["context"]),
    ("Claim", &["employmentImpacted", "hospitalization", "information", "organization"]),
    (
        "ClaimResponse",
        &["requestOrganization", "requestProvider", "reserved", "totalBenefit", "totalCost", "unallocDeductable"],
    ),
    ("Condition", &["abatementBoolean", "assertedDate", "context"]),
    ("Coverage", &["grouping", "sequence"]),
    ("Device", &["model", "udi"]),
    ("DiagnosticReport", &["codedDiagnosis", "context", "image"]),
    ("DocumentReference", &["class", "created", "indexed"]),
    ("Encounter", &["incomingReferral", "reason"]),
    (
        "ExplanationOfBenefit",
        &[
            "employmentImpacted",
            "hospitalization",
            "information",
            "organization",
            "totalBenefit",
            "totalCost",
            "unallocDeductable",
        ],
    ),
    ("Goal", &["status"]),
    ("ImagingStudy", &["accession", "availability", "context", "modalityList", "patient", "reason", "uid"]),
    ("Immunization", &["date", "explanation", "notGiven", "practitioner", "vaccinationProtocol"]),
    ("Media", &["context", "occurrenceDateTime", "occurrencePeriod", "subtype"]),
    ("Medication", &["image", "isBrand", "isOverTheCounter", "package"]),
    ("MedicationDispense", &["notDone", "notDoneReasonCodeableConcept", "notDoneReasonReference"]),
    ("MedicationRequest", &["context", "definition"]),
    ("MedicationStatement", &["reasonNotTaken", "taken"]),
    ("Observation", &["comment", "context", "related", "valueAttachment"]),
    ("Patient", &["animal"]),
    ("Procedure", &["context", "definition", "notDone", "notDoneReason"]),
    ("Provenance", &["period"]),
    ("QuestionnaireResponse", &["context", "parent"]),
];

/// Elements whose JSON has another shape in STU3: that shape, and R4's.
const RESHAPED: &[(&str, &str, Shape, Shape)] = &[
    ("AllergyIntolerance", "clinicalStatus", Shape::Text, Shape::Object),
    ("AllergyIntolerance", "verificationStatus", Shape::Text, Shape::Object),
    ("CarePlan", "author", Shape::List, Shape::Object),
    ("Claim", "subType", Shape::List, Shape::Object),
    ("ClaimResponse", "outcome", Shape::Object, Shape::Text),
    ("Condition", "clinicalStatus", Shape::Text, Shape::Object),
    ("Condition", "stage", Shape::Object, Shape::List),
    ("Condition", "verificationStatus", Shape::Text, Shape::Object),
    ("Device", "version", Shape::Text, Shape::List),
    ("DiagnosticReport", "category", Shape::Object, Shape::List),
    ("Encounter", "appointment", Shape::Object, Shape::List),
    ("ExplanationOfBenefit", "insurance", Shape::Object, Shape::List),
    ("ExplanationOfBenefit", "outcome", Shape::Object, Shape::Text),
    ("ExplanationOfBenefit", "subType", Shape::List, Shape::Object),
    ("Goal", "target", Shape::Object, Shape::List),
    ("ImagingStudy", "procedureReference", Shape::List, Shape::Object),
    ("Location", "type", Shape::Object, Shape::List),
    ("Media", "type", Shape::Text, Shape::Object),
    ("MedicationRequest", "category", Shape::Object, Shape::List),
    ("Observation", "interpretation", Shape::Object, Shape::List),
    ("QuestionnaireResponse", "questionnaire", Shape::Object, Shape::Text),
    ("RelatedPerson", "relationship", Shape::Object, Shape::List),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Text,
    Object,
    List,
}

impl Shape {
    fn of(json: &Json) -> Option<Shape> {
        match json {
            Json::String(_) => Some(Shape::Text),
            Json::Object(_) => Some(Shape::Object),
            Json::Array(_) => Some(Shape::List),
            _ => None,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Shape::Text => "a string",
            Shape::Object => "an object",
            Shape::List => "a list",
        }
    }
}

/// The marks of STU3 in a resource, in words; `None` if it has none.
pub(super) fn older(kind: &str, resource: &Json) -> Option<String> {
    let gone = GONE.iter().filter(|(of, _)| *of == kind).flat_map(|(_, names)| *names);
    let mut marks: Vec<String> = gone
        .filter(|name| resource.get(**name).is_some())
        .map(|name| format!("`{name}`, which R4 does not have"))
        .collect();
    marks.extend(
        RESHAPED
            .iter()
            .filter(|(of, name, old, _)| *of == kind && Shape::of(&resource[*name]) == Some(*old))
            .map(|(_, name, old, new)| format!("`{name}` as {}, which is {} in R4", old.words(), new.words())),
    );
    (!marks.is_empty()).then(|| {
        format!(
            "it is a resource of FHIR STU3 (3.0) and not of R4 (4.0): it has {}; send its R4 version",
            marks.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use shared::fhir::types::ResourceType;

    #[test]
    fn an_element_of_stu3_or_its_shape_tells() {
        let claim = json!({"information": [], "insurance": {"coverage": {}}, "status": "active"});
        let told = older("ExplanationOfBenefit", &claim).unwrap();
        assert!(told.contains("`information`, which R4 does not have"), "{told}");
        assert!(told.contains("`insurance` as an object, which is a list in R4"), "{told}");
        assert!(older("Condition", &json!({"clinicalStatus": "active"})).is_some());
        assert!(older("Coverage", &json!({"grouping": {}})).is_some());
    }

    #[test]
    fn what_reads_the_same_in_both_releases_is_taken() {
        assert_eq!(
            older("ExplanationOfBenefit", &json!({"outcome": "complete", "insurance": [{}], "supportingInfo": []})),
            None
        );
        assert_eq!(older("Patient", &json!({"name": [{"family": "Doe"}], "birthDate": "2014-06-01"})), None);
        assert_eq!(older("Condition", &json!({"clinicalStatus": {"coding": []}})), None);
    }

    #[test]
    fn every_row_is_of_a_type_that_is_kept() {
        for kind in GONE.iter().map(|row| row.0).chain(RESHAPED.iter().map(|row| row.0)) {
            assert!(ResourceType::named(kind).is_some(), "{kind}");
        }
    }
}
