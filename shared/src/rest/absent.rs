//! Types, interactions and operations that this server lacks, in words. They are public knowledge, unlike the content of a member's
//! record: so an app is told, and need not guess from a 404.

use super::outcome::Error;
use crate::fhir::escaping::shortened;
use crate::fhir::types::ResourceType;

/// The error for a path below `/fhir`, step by step, at which nothing is.
pub(super) fn absent(steps: &[&str]) -> Error {
    let said = |text: String| Error::NotHere(text);
    match steps {
        [] | [""] => said(
            "this is the base of the FHIR API, and `/fhir/metadata` says what is below it; there are no batches, no transactions and no \
             searches over all types"
                .into(),
        ),
        steps if steps.contains(&"") => {
            let path: Vec<&str> = steps.iter().filter(|step| !step.is_empty()).copied().collect();
            said(format!("this path has a slash too many: ask for `/fhir/{}`", shortened(&path.join("/"))))
        }
        [_, "_search"] => Error::MethodNotAllowed { allow: "POST" },
        ["_history"] | [_, "_history"] | [_, _, "_history"] => {
            said("there are no histories: this server keeps the current version of a resource and no other".into())
        }
        [operation] | [_, operation] | [_, _, operation] if operation.starts_with('$') => said(format!(
            "there is no operation `{}` here; there are `Patient/{{id}}/$everything` and `DocumentReference/$docref`",
            shortened(operation)
        )),
        [resource_type, ..] if ResourceType::named(resource_type).is_none() => {
            let name = shortened(resource_type);
            said(format!("there is no resource type `{name}` here; `/fhir/metadata` lists those that there are"))
        }
        ["Patient", id, resource_type] if *resource_type == "*" || ResourceType::named(resource_type).is_some() => {
            let (id, name) = (shortened(id), if *resource_type == "*" { "{type}" } else { resource_type });
            said(format!("there are no compartments here: search `{name}?patient={id}`, or read `Patient/{id}/$everything`"))
        }
        [_] | [_, _] => Error::NotFound,
        _ => said("nothing is at this path; `/fhir/metadata` says what there is".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_and_an_id_is_not_told_from_another() {
        for (path, words) in [
            ("", "base of the FHIR API"),
            ("Patient/", "slash too many: ask for `/fhir/Patient`"),
            ("Patient//a", "slash too many: ask for `/fhir/Patient/a`"),
            ("_history", "no histories"),
            ("Patient/_history", "no histories"),
            ("Patient/a/_history", "no histories"),
            ("$export", "no operation `$export`"),
            ("Patient/$match", "no operation `$match`"),
            ("Claim/a/$submit", "no operation `$submit`"),
            ("Nonsense", "no resource type `Nonsense`"),
            ("Nonsense/a", "no resource type `Nonsense`"),
            ("Patient/a/Observation", "search `Observation?patient=a`"),
            ("Patient/a/*", "search `{type}?patient=a`"),
            ("Patient/a/b", "nothing is at this path"),
        ] {
            let text = absent(&path.split('/').collect::<Vec<_>>()).to_string();
            assert!(text.contains(words), "{path}: {text}");
        }
        assert!(matches!(absent(&["Patient", "a b"]), Error::NotFound));
    }
}
