//! The filter patterns of metric filters, as far as `infra/alarms.yaml` uses them: `{ $.a.b = "text" && $.c = 1 }`,
//! where `*` in a text stands for anything (AWS, "Filter pattern syntax for metric filters").

use serde_json::Value as Json;

/// Whether a log line matches. A line that is no JSON never does.
pub fn matches(pattern: &str, line: &str) -> bool {
    let Ok(line) = serde_json::from_str::<Json>(line) else { return false };
    terms(pattern).iter().all(|(path, wanted)| {
        let found = line.pointer(&path.replace('.', "/"));
        match wanted {
            Json::String(wanted) => found.and_then(Json::as_str).is_some_and(|found| like(wanted, found)),
            wanted => found == Some(wanted),
        }
    })
}

/// The fields of a pattern, as `.a.b`, each with the value that it wants.
///
/// # Panics
/// The pattern has a part that this reader does not know.
pub fn terms(pattern: &str) -> Vec<(String, Json)> {
    let inner = pattern.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let inner = inner.unwrap_or_else(|| panic!("{pattern}: no pattern for JSON"));
    let term = |term: &str| {
        let (path, wanted) = term.split_once('=')?;
        Some((path.trim().strip_prefix('$')?.to_owned(), serde_json::from_str(wanted.trim()).ok()?))
    };
    inner.split("&&").map(|text| term(text).unwrap_or_else(|| panic!("{pattern}: cannot read {text:?}"))).collect()
}

fn like(wanted: &str, found: &str) -> bool {
    match wanted.split_once('*') {
        None => wanted == found,
        Some((before, after)) => {
            let Some(rest) = found.strip_prefix(before) else { return false };
            (0..=rest.len()).any(|end| rest.is_char_boundary(end) && like(after, &rest[end..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_term_must_match() {
        let line = r#"{"level": "INFO", "fields": {"route": "POST /login", "status": 401}}"#;
        for (pattern, expected) in [
            (r#"{ $.fields.route = "POST /login" && $.fields.status = 401 }"#, true),
            (r#"{ $.fields.route = "POST /login" && $.fields.status = 429 }"#, false),
            (r#"{ $.fields.route = "POST*" }"#, true),
            (r#"{ $.fields.route = "*login" }"#, true),
            (r#"{ $.fields.route = "*logout" }"#, false),
            (r#"{ $.fields.status = "401" }"#, false),
            (r#"{ $.fields.alarm = "*" }"#, false),
        ] {
            assert_eq!(matches(pattern, line), expected, "{pattern}");
        }
        assert!(!matches(r#"{ $.a = "*" }"#, "INIT_REPORT Init Duration: 1 ms"));
    }
}
