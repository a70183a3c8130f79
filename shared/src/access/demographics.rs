//! The few facts about a member by which those who act for them know them again. The pages may read these, and nothing of the
//! record itself.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::bounds::NAME_CHARACTERS;
use crate::clock::Time;
use crate::store::auth::Record;

/// A member's name and birth date, as their Patient has them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demographics {
    /// The Patient id.
    pub patient: String,
    /// The full name; empty where the Patient has none.
    pub name: String,
    /// The birth date, of whatever precision.
    pub birth_date: Option<String>,
}

impl Demographics {
    /// As a Patient tells them.
    pub fn of(patient: &Json) -> Demographics {
        Demographics {
            patient: patient["id"].as_str().unwrap_or_default().to_owned(),
            name: full_name(patient),
            birth_date: patient["birthDate"].as_str().map(str::to_owned),
        }
    }

    /// The year of birth.
    pub fn birth_year(&self) -> Option<&str> {
        self.birth_date.as_deref().and_then(|date| date.get(..4))
    }
}

/// The name that a person has in a Patient, the usual or official one first.
fn full_name(person: &Json) -> String {
    let names = || person["name"].as_array().into_iter().flatten();
    let of_use = |wanted: &str| names().find(|name| name["use"] == wanted);
    let Some(name) = of_use("official").or_else(|| of_use("usual")).or_else(|| names().next()) else {
        return String::new();
    };
    let given = name["given"].as_array().into_iter().flatten().filter_map(Json::as_str);
    let parts: Vec<&str> = given.chain(name["family"].as_str()).collect();
    let text = if parts.is_empty() { name["text"].as_str().unwrap_or_default().to_owned() } else { parts.join(" ") };
    text.trim().chars().take(NAME_CHARACTERS).collect()
}

impl Record for Demographics {
    const KIND: &'static str = "demographics";

    fn key(&self) -> String {
        self.patient.clone()
    }

    fn expires_at(&self) -> Option<Time> {
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_is_the_official_one_and_is_never_endless() {
        let of = |name: Json| Demographics::of(&json!({"id": "leo", "name": name, "birthDate": "2019-05-20"}));
        let two = json!([{"use": "old", "family": "Was"}, {"use": "official", "given": ["Leo", "R."], "family": "Is"}]);
        assert_eq!((of(two.clone()).name.as_str(), of(two).birth_year()), ("Leo R. Is", Some("2019")));
        assert_eq!(of(json!([{"text": "Leo"}])).name, "Leo");
        assert_eq!(of(json!(null)).name, "");
        assert_eq!(of(json!([{"family": "é".repeat(1000)}])).name.chars().count(), NAME_CHARACTERS);
    }
}
