//! Less than the whole resource: `_summary` and `_elements` (R4 search, "Summary", "Elements"), which hold for searches and reads.

use serde_json::{Map, Value as Json, json};

use super::outcome::Error;
use crate::bounds::VALUES;
use crate::fhir::elements::{cut_within, in_summary, is_mandatory};
use crate::fhir::types::ResourceType;

/// How much of each resource is given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subset {
    /// All of it.
    Whole,
    /// No resources at all: how many there are (`_summary=count`).
    Count,
    /// Without the narrative (`_summary=data`).
    Data,
    /// The narrative, and what must be there (`_summary=text`).
    Text,
    /// R4's summary of the type (`_summary=true`).
    Summary,
    /// These elements, and what must be there (`_elements`).
    Elements(Vec<String>),
}

impl Subset {
    /// Reads the values of `_summary` and `_elements`.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there are both, or where one is malformed.
    pub fn parse(summary: Option<&str>, elements: Option<&str>) -> Result<Subset, Error> {
        match (summary, elements) {
            (None | Some("false"), None) => Ok(Subset::Whole),
            (None | Some("false"), Some(elements)) => named(elements).map(Subset::Elements),
            (Some(_), Some(_)) => Err(Error::Invalid("`_summary` and `_elements` exclude each other".into())),
            (Some("count"), None) => Ok(Subset::Count),
            (Some("data"), None) => Ok(Subset::Data),
            (Some("text"), None) => Ok(Subset::Text),
            (Some("true"), None) => Ok(Subset::Summary),
            (Some(other), None) => {
                Err(Error::Invalid(format!("`_summary={other}`: true, text, data, count or false is needed")))
            }
        }
    }

    /// Cuts a resource down and marks it as cut (tag SUBSETTED). One that is given out whole is not even read.
    pub fn of(&self, json: String) -> String {
        if matches!(self, Subset::Whole | Subset::Count) {
            return json;
        }
        let Ok(Json::Object(mut resource)) = serde_json::from_str::<Json>(&json) else { return json };
        let resource_type = resource.get("resourceType").and_then(Json::as_str).and_then(ResourceType::named);
        let Some(resource_type) = resource_type else { return json };
        resource.retain(|property, _| self.keeps(resource_type, property));
        if *self == Subset::Summary {
            cut_within(resource_type, &mut resource);
        }
        mark(&mut resource);
        Json::Object(resource).to_string()
    }

    /// Whether a resource of this type keeps a property.
    fn keeps(&self, resource_type: &ResourceType, property: &str) -> bool {
        ALWAYS.contains(&property) || is_mandatory(resource_type, property) || self.has(resource_type, property)
    }

    /// Whether a Binary keeps what it holds.
    pub fn keeps_data(&self) -> bool {
        ResourceType::named("Binary").is_some_and(|binary| self.keeps(binary, "data"))
    }

    fn has(&self, resource_type: &ResourceType, property: &str) -> bool {
        match self {
            Subset::Data => !is_element("text", property),
            Subset::Text => is_element("text", property),
            Subset::Summary => in_summary(resource_type, property),
            Subset::Elements(names) => names.iter().any(|name| {
                let own = name.split_once('.').filter(|(start, _)| *start == resource_type.name);
                is_element(own.map_or(name, |(_, element)| element), property)
            }),
            Subset::Whole | Subset::Count => true,
        }
    }
}

/// Elements that every subset keeps, besides those that the type must have: without them a resource is not understood rightly
/// (R4 search, "Elements").
const ALWAYS: &[&str] = &["resourceType", "id", "meta", "implicitRules", "modifierExtension"];

/// The names of `_elements`.
fn named(text: &str) -> Result<Vec<String>, Error> {
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    if names.len() > VALUES {
        return Err(Error::Invalid(format!("`_elements` has at most {VALUES} values")));
    }
    if names.iter().any(String::is_empty) {
        return Err(Error::Invalid("`_elements` has no name, or a comma without one beside it".into()));
    }
    Ok(names)
}

/// Whether JSON spells the element of this base name so. The extensions of a primitive value stand under its name behind `_`, and a
/// choice of types has the type at its end: `effective` is `effectiveDateTime` or `effectivePeriod`.
fn is_element(name: &str, property: &str) -> bool {
    let property = property.strip_prefix('_').unwrap_or(property);
    let end = property.strip_prefix(name);
    end.is_some_and(|end| end.is_empty() || CHOICES.contains(&end))
}

/// The types of value that R4's choices of types end with, in the resources that are served.
const CHOICES: &[&str] = &[
    "Address",
    "Age",
    "Annotation",
    "Attachment",
    "Base64Binary",
    "Boolean",
    "Canonical",
    "Code",
    "CodeableConcept",
    "Coding",
    "ContactPoint",
    "Count",
    "Date",
    "DateTime",
    "Decimal",
    "Distance",
    "Dosage",
    "Duration",
    "HumanName",
    "Id",
    "Identifier",
    "Instant",
    "Integer",
    "Markdown",
    "Meta",
    "Money",
    "Oid",
    "Period",
    "PositiveInt",
    "Quantity",
    "Range",
    "Ratio",
    "Reference",
    "SampledData",
    "Signature",
    "String",
    "Time",
    "Timing",
    "UnsignedInt",
    "Uri",
    "Url",
    "Uuid",
];

fn mark(resource: &mut Map<String, Json>) {
    let tag = json!({"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"});
    let meta = resource.entry("meta").or_insert_with(|| json!({}));
    match meta["tag"].as_array_mut() {
        Some(tags) => tags.push(tag),
        None => meta["tag"] = json!([tag]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(elements: &str, resource: &Json) -> Json {
        let subset = Subset::parse(None, Some(elements)).unwrap();
        serde_json::from_str(&subset.of(resource.to_string())).unwrap()
    }

    #[test]
    fn a_subset_says_that_it_is_one() {
        let claim = json!({"resourceType": "Claim", "id": "1", "status": "active", "use": "claim", "payee": {}});
        let resource = cut("use", &claim);
        assert_eq!(resource["use"], "claim");
        assert!(resource.get("payee").is_none());
        assert_eq!(resource["status"], "active", "elements that a type must have stay");
        assert_eq!(resource["meta"]["tag"][0]["code"], "SUBSETTED");
    }

    #[test]
    fn an_element_is_kept_under_every_name_that_json_has_for_it() {
        let observation = json!({"resourceType": "Observation", "id": "1", "effectiveDateTime": "2026", "_effectiveDateTime": {},
            "issued": "2026-01-01T00:00:00Z", "_issued": {}, "valueQuantity": {}, "valueless": 1, "bodySite": {}});
        let kept = |elements: &str| {
            let resource = cut(elements, &observation);
            let names = resource.as_object().unwrap().keys().filter(|name| !ALWAYS.contains(&name.as_str()));
            names.cloned().collect::<Vec<_>>()
        };
        assert_eq!(kept("effective"), ["effectiveDateTime", "_effectiveDateTime"]);
        assert_eq!(kept("issued,value"), ["issued", "_issued", "valueQuantity"]);
        assert_eq!(kept("Observation.bodySite,Patient.value"), ["bodySite"]);
        assert_eq!(kept("effectiveDateTime"), ["effectiveDateTime", "_effectiveDateTime"]);
    }

    #[test]
    fn names_are_bounded_and_none_is_empty() {
        for elements in ["", "a,", &",a".repeat(VALUES)] {
            assert!(matches!(Subset::parse(None, Some(elements)), Err(Error::Invalid(_))), "{elements}");
        }
        assert!(Subset::parse(Some("true"), Some("a")).is_err() && Subset::parse(Some("half"), None).is_err());
    }
}
