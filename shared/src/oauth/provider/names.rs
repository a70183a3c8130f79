//! The claims by which a provider names a person, and what they mean.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::error::ProviderError;
use crate::bounds::IDENTIFIER_BYTES;
use crate::fhir::date::Interval;
use crate::fhir::identifier::Identifier;
use crate::fhir::reference::is_id;
use crate::store::identifiers::KnownBy;

/// The meaning of the claim that names the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Names {
    /// It is the id of their Patient resource.
    Patient,
    /// It is an identifier of their Patient.
    Identifier(By),
    /// It is an identifier of their Coverage, or the subscriber's id on it.
    Coverage(By),
}

/// An identifier's system, and the further claims that tell apart who has one identifier.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// The system; empty for the subscriber's id, which has none.
    pub system: String,
    /// The claim that has the birth date.
    pub birth_date: Option<String>,
    /// The claim that has the dependent number (`Coverage.dependent`).
    pub dependent: Option<String>,
}

/// The word for the system of the subscriber's id.
const SUBSCRIBER: &str = "subscriberId";

impl Names {
    /// The claims that go with an identifier.
    pub fn by(&self) -> Option<&By> {
        match self {
            Names::Patient => None,
            Names::Identifier(by) | Names::Coverage(by) => Some(by),
        }
    }

    /// The same meaning, with further claims.
    #[must_use]
    pub fn and(self, birth_date: Option<String>, dependent: Option<String>) -> Names {
        let and = |by: By| By { birth_date: birth_date.clone(), dependent: dependent.clone(), ..by };
        match self {
            Names::Patient => Names::Patient,
            Names::Identifier(by) => Names::Identifier(and(by)),
            Names::Coverage(by) => Names::Coverage(and(by)),
        }
    }

    /// The type of the resources that have the identifier.
    pub fn resource_type(&self) -> &'static str {
        match self {
            Names::Patient | Names::Identifier(_) => "Patient",
            Names::Coverage(_) => "Coverage",
        }
    }
}

impl FromStr for Names {
    type Err = ();

    fn from_str(text: &str) -> Result<Names, ()> {
        let of = |system: &str| By { system: system.to_owned(), ..By::default() };
        match text.split_once(':') {
            None if text == "patient" => Ok(Names::Patient),
            Some(("coverage", SUBSCRIBER)) => Ok(Names::Coverage(By::default())),
            Some(("identifier", system)) if !system.is_empty() => Ok(Names::Identifier(of(system))),
            Some(("coverage", system)) if !system.is_empty() => Ok(Names::Coverage(of(system))),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Names::Patient => f.write_str("patient"),
            Names::Identifier(by) => write!(f, "identifier:{}", by.system),
            Names::Coverage(by) if by.system.is_empty() => write!(f, "coverage:{SUBSCRIBER}"),
            Names::Coverage(by) => write!(f, "coverage:{}", by.system),
        }
    }
}

/// The words by which a provider names a person.
pub(super) enum Named<'a> {
    /// A Patient id.
    Patient(&'a str),
    /// The value that the person is known by.
    KnownBy(KnownBy<'a>),
}

/// The words by which the claims name a person; `None` where one is missing or empty.
///
/// # Errors
/// [`ProviderError::Unnamed`] where a claim is no name of anybody.
pub(super) fn named<'a>(
    names: &'a Names,
    claim: &str,
    claims: &'a Map<String, Json>,
) -> Result<Option<Named<'a>>, ProviderError> {
    let Some(name) = text(claims, claim)? else { return Ok(None) };
    let Some(by) = names.by() else {
        return if is_id(name) { Ok(Some(Named::Patient(name))) } else { Err(ProviderError::Unnamed) };
    };
    let further = |claim: &'a Option<String>| match claim {
        None => Ok(Some(None)),
        Some(claim) => text(claims, claim).map(|told| told.map(Some)),
    };
    let (Some(birth_date), Some(dependent)) = (further(&by.birth_date)?, further(&by.dependent)?) else {
        return Ok(None);
    };
    if birth_date.is_some_and(|date| date.len() != "YYYY-MM-DD".len() || Interval::parse(date).is_none()) {
        return Err(ProviderError::Unnamed);
    }
    let identifier = Identifier { system: &by.system, value: name };
    let known = KnownBy { resource_type: names.resource_type(), identifier, birth_date, dependent };
    Ok(Some(Named::KnownBy(known)))
}

/// A claim that is a text. A number is none: 007 and 7 are two people.
fn text<'a>(claims: &'a Map<String, Json>, name: &str) -> Result<Option<&'a str>, ProviderError> {
    match claims.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) if text.is_empty() => Ok(None),
        Some(Json::String(text)) if text.len() <= IDENTIFIER_BYTES && !text.contains(char::is_control) => {
            Ok(Some(text))
        }
        Some(_) => Err(ProviderError::Unnamed),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(names: &Names, claims: &Json) -> Result<Option<String>, ProviderError> {
        let named = named(names, "member", claims.as_object().unwrap())?;
        Ok(named.map(|named| match named {
            Named::Patient(id) => id.to_owned(),
            Named::KnownBy(KnownBy {
                resource_type,
                identifier: Identifier { system, value },
                birth_date,
                dependent,
            }) => {
                format!("{resource_type} {system}|{value} {birth_date:?} {dependent:?}")
            }
        }))
    }

    #[test]
    fn a_claim_names_a_patient_or_nobody_and_is_never_guessed() {
        assert_eq!(read(&Names::Patient, &json!({"member": "p-1"})).unwrap().as_deref(), Some("p-1"));
        let by_card: Names = "identifier:http://plan.example/cards".parse().unwrap();
        let found = read(&by_card, &json!({"member": "A 1"})).unwrap();
        assert_eq!(found.as_deref(), Some("Patient http://plan.example/cards|A 1 None None"));
        for names in [&Names::Patient, &by_card] {
            for nobody in [json!({}), json!({"member": null}), json!({"member": ""})] {
                assert_eq!(read(names, &nobody).unwrap(), None);
            }
            for bad in [json!(["p-1"]), json!({"id": "p-1"}), json!(7), json!("x".repeat(1000)), json!("a\u{0}")] {
                let told = read(names, &json!({"member": bad}));
                assert!(matches!(told, Err(ProviderError::Unnamed)), "{bad}");
            }
        }
        for bad in ["p 1", " ", "Patient/p"] {
            assert!(matches!(read(&Names::Patient, &json!({"member": bad})), Err(ProviderError::Unnamed)), "{bad}");
        }
    }

    #[test]
    fn a_further_claim_must_be_there_and_a_birth_date_must_be_a_whole_date() {
        let names: Names = "coverage:subscriberId".parse().unwrap();
        let names = names.and(Some("birthdate".to_owned()), Some("suffix".to_owned()));
        let found = read(&names, &json!({"member": "S", "birthdate": "1980-02-03", "suffix": "01"})).unwrap();
        assert_eq!(found.as_deref(), Some("Coverage |S Some(\"1980-02-03\") Some(\"01\")"));
        for missing in [json!({"member": "S", "suffix": "01"}), json!({"member": "S", "birthdate": "1980-02-03"})] {
            assert_eq!(read(&names, &missing).unwrap(), None);
        }
        for date in [json!("1980"), json!("1980-02"), json!("02/03/1980"), json!("1980-02-30"), json!(19_800_203)] {
            let told = read(&names, &json!({"member": "S", "birthdate": date, "suffix": "01"}));
            assert!(matches!(told, Err(ProviderError::Unnamed)), "{date}");
        }
    }

    #[test]
    fn a_meaning_is_written_as_it_is_read() {
        for text in ["patient", "identifier:urn:oid:1.2", "coverage:http://plan.example", "coverage:subscriberId"] {
            assert_eq!(text.parse::<Names>().unwrap().to_string(), text);
        }
        for bad in ["", "name", "Patient", "identifier", "identifier:", "coverage:", "patient:x"] {
            assert!(bad.parse::<Names>().is_err(), "{bad}");
        }
    }
}
