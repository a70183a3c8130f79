//! A parameter whose name is not known: the error says the nearest name that is, and all of them.

use crate::fhir::escaping::shortened;

/// The error for `of`, a type or an operation, which has the parameters `known`. `also` are names that come near without being listed.
pub(super) fn unknown(of: &str, name: &str, known: &[&str], also: &[&str]) -> String {
    let name = shortened(name);
    let nearest = known.iter().chain(also).min_by_key(|known| strsim::damerau_levenshtein(known, &name));
    let nearest = nearest.map(|nearest| format!("the nearest is `{nearest}`. ")).unwrap_or_default();
    format!("{of} has no parameter `{name}`; {nearest}It has: {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_nearest_name_and_all() {
        let text = unknown("Observation", "categroy", &["code", "category", "date"], &["_count"]);
        assert_eq!(
            text,
            "Observation has no parameter `categroy`; the nearest is `category`. It has: code, category, date"
        );
        assert!(unknown("Observation", "_conut", &["code"], &["_count"]).contains("nearest is `_count`"));
    }
}
