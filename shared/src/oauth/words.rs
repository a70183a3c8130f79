//! Scopes in a member's words. The words for a type stand in its row, in [`crate::fhir::types`].

use super::whole::is_whole;
use crate::access::NAMED_PARTS;
use crate::access::acting::Relation;
use crate::fhir::types::ResourceType;
use crate::scope::{ResourceScope, Scope, Scopes};

/// The words for the relation in which the reader acts for a member.
pub(super) fn acts_for(relation: Relation) -> &'static str {
    match relation {
        Relation::Parent => "you are the parent",
        Relation::Guardian => "you are the guardian",
        Relation::Representative => "you are the personal representative",
        Relation::Proxy => "chose you to help",
    }
}

/// The words for the relation in which somebody acts for the reader.
pub(super) fn acts_for_you(relation: Relation) -> &'static str {
    match relation {
        Relation::Parent => "your parent",
        Relation::Guardian => "your guardian",
        Relation::Representative => "your personal representative",
        Relation::Proxy => "whom you chose to help",
    }
}

/// One thing that a member may leave out.
pub(super) struct Choice {
    /// The scopes, as the form sends them back.
    pub scope: String,
    /// The data that it lets the app see.
    pub title: String,
    /// A remark below the title.
    pub note: Option<String>,
}

/// The choices that the member has. `openid` and `launch/patient` show nothing of the record and are no choices.
pub(super) fn choices(scopes: &Scopes) -> Vec<Choice> {
    let mut choices: Vec<Choice> = Vec::new();
    for scope in scopes.iter() {
        let (title, note) = match scope {
            Scope::OpenId | Scope::LaunchPatient => continue,
            Scope::FhirUser => ("Who you are", Some("your name and contact details, as the plan has them".to_owned())),
            Scope::OfflineAccess => {
                ("Access while you are not using the app", Some("for three months after its last visit".to_owned()))
            }
            Scope::Resource(scope) => resource(scope, scopes),
        };
        // Two scopes that mean the same to a person are one choice.
        match choices.iter_mut().find(|choice| choice.title == title && choice.note == note) {
            Some(choice) => choice.scope = format!("{} {scope}", choice.scope),
            None => choices.push(Choice { scope: scope.to_string(), title: title.to_owned(), note }),
        }
    }
    choices
}

/// The words for a scope among `all` that are asked for.
fn resource<'a>(scope: &'a ResourceScope, all: &Scopes) -> (&'a str, Option<String>) {
    let Some(name) = &scope.resource_type else {
        return ("Everything in your health record", Some("also kinds of data that are added later".to_owned()));
    };
    let words = ResourceType::named(name).map_or(name.as_str(), |resource_type| resource_type.words);
    let note = match (&scope.query, part(scope)) {
        (None, _) => None,
        (Some(_), Some(part)) => Some(format!("only a part: {part}")),
        // Parts that have no words are looked at together: they may come to the whole, and then the member reads that.
        (Some(_), None) => {
            let without_words = |other: &&ResourceScope| {
                other.resource_type == scope.resource_type && other.query.is_some() && part(other).is_none()
            };
            let parts: Vec<&ResourceScope> = all.resources().filter(without_words).collect();
            (!is_whole(name, &parts)).then(|| "only a part, as the app asks".to_owned())
        }
    };
    (words, note)
}

/// The part of a type that a granular scope admits, in the guides' own words. Only the parts that the guides name have
/// words, so that no app can have words of its own shown to a member.
fn part(scope: &ResourceScope) -> Option<String> {
    let (resource_type, granular) = (scope.resource_type.as_deref()?, scope.granular()?);
    let [(name, value)] = granular.as_slice() else { return None };
    let (_, category) =
        NAMED_PARTS.iter().find(|row| name == "category" && **row == (resource_type, value.as_str()))?;
    category.rsplit('|').next().map(|code| code.replace('-', " "))
}

/// The scopes that the member kept: every ticked one of those that were asked, and those that are no choice.
pub(super) fn kept(asked: &Scopes, ticked: &[&str]) -> Scopes {
    let ticked: Vec<&str> = ticked.iter().flat_map(|choice| choice.split(' ')).collect();
    asked
        .iter()
        .filter(|scope| {
            matches!(scope, Scope::OpenId | Scope::LaunchPatient) || ticked.contains(&scope.to_string().as_str())
        })
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_keeps_what_was_ticked_and_never_more_than_was_asked() {
        let asked: Scopes = "openid patient/Claim.rs patient/Coverage.read offline_access".parse().unwrap();
        let kept = kept(&asked, &["patient/Claim.rs", "patient/*.rs"]);
        assert_eq!(kept.to_string(), "openid patient/Claim.rs");
        assert_eq!(choices(&asked).len(), 3);
        let twice: Scopes = "patient/Claim.rs patient/Claim.read user/Claim.rs".parse().unwrap();
        assert_eq!(choices(&twice).len(), 1, "a person sees one choice");
        let part: Scopes =
            "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|social-history"
                .parse()
                .unwrap();
        assert_eq!(choices(&part)[0].note.as_deref(), Some("only a part: social history"));
    }

    #[test]
    fn parts_that_come_to_the_whole_are_shown_as_the_whole() {
        let statuses = "registered,preliminary,final,amended,corrected,cancelled";
        let (some, others) = ("registered,preliminary,final", "amended,corrected,cancelled,entered-in-error");
        let loinc = "http://loinc.org|";
        for scopes in [
            format!("patient/Observation.rs?status={statuses}"),
            format!("patient/Observation.rs?status={some} patient/Observation.rs?status={others}"),
            format!("patient/Observation.rs?status={some} user/Observation.rs?status={others} patient/Observation.rs"),
            format!("patient/Observation.r?status={some} patient/Observation.s?status={others}"),
            format!("patient/Observation.rs?code={loinc}"),
            format!("patient/Observation.rs?code={loinc}&status={statuses}"),
            "patient/Observation.rs?status=http://hl7.org/fhir/observation-status|".to_owned(),
        ] {
            let choices = choices(&scopes.parse().unwrap());
            assert!(choices.len() == 1 && choices[0].note.is_none(), "{scopes}");
            assert_eq!(choices[0].scope, scopes, "one tick is for all of them");
        }
        for scopes in [
            format!("patient/Observation.rs?status={some}"),
            format!("patient/Observation.rs?status={some} patient/DiagnosticReport.rs?status={others}"),
            format!("patient/Observation.rs?status={some}&code={loinc}718-7"),
            format!("patient/Observation.rs?status={some}&code=a patient/Observation.rs?status={others}&code=b"),
        ] {
            let choices = choices(&scopes.parse().unwrap());
            assert!(choices.iter().all(|choice| choice.note.is_some()), "{scopes}");
        }
        let categories = ["encounter-diagnosis", "problem-list-item"].map(|code| {
            format!(
                "patient/Condition.rs?category={}condition-category|{code}",
                "http://terminology.hl7.org/CodeSystem/"
            )
        });
        assert_eq!(choices(&categories.join(" ").parse().unwrap()).len(), 2, "parts that have words stay choices");
    }
}
