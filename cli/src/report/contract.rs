//! The contract of a member at a moment: an element of the Coverage that was in force on that day.

use std::str::FromStr;

use serde_json::Value as Json;

use crate::call::WrongCall;

/// The element that is taken where the stack names none.
pub const DEFAULT: &str = "class[plan].value";

/// An element of a Coverage: names with dots between them. `name[x]` keeps those whose `type` has the code `x`, or whose `system` or
/// `url` is `x`: `class[plan].value`, `identifier[https://plan.example/contract].value`, `payor.identifier.value`.
#[derive(Debug, PartialEq, Eq)]
pub struct Element(Vec<Step>);

#[derive(Debug, PartialEq, Eq)]
struct Step {
    name: String,
    of: Option<String>,
}

impl FromStr for Element {
    type Err = WrongCall;

    fn from_str(text: &str) -> Result<Element, WrongCall> {
        let wrong = || {
            let right =
                "names with dots between them, such as `class[plan].value` or `identifier[SYSTEM].value`, are needed";
            WrongCall(format!("`{text}` is no element of a Coverage: {right}"))
        };
        let (mut steps, mut rest) = (Vec::new(), text);
        loop {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return Err(wrong());
            }
            let (of, after) = match after.strip_prefix('[') {
                Some(inner) => inner
                    .split_once(']')
                    .filter(|(of, _)| !of.is_empty())
                    .map(|(of, after)| (Some(of.to_owned()), after))
                    .ok_or_else(wrong)?,
                None => (None, after),
            };
            steps.push(Step { name: name.to_owned(), of });
            match after.strip_prefix('.') {
                Some(more) => rest = more,
                None if after.is_empty() => return Ok(Element(steps)),
                None => return Err(wrong()),
            }
        }
    }
}

impl Element {
    /// Its first value in a resource.
    fn value(&self, resource: &Json) -> Option<String> {
        let mut found = vec![resource];
        for step in &self.0 {
            let inner = found.into_iter().map(|json| &json[&step.name]);
            let flat =
                inner.flat_map(|json| json.as_array().map_or_else(|| vec![json], |items| items.iter().collect()));
            found = flat.filter(|json| step.of.as_deref().is_none_or(|of| is_of(json, of))).collect();
        }
        found
            .into_iter()
            .find_map(|json| json.as_str().map(str::to_owned).or_else(|| json.as_number().map(ToString::to_string)))
    }

    /// The contract among these Coverages on a day (`YYYY-MM-DD`): that of the Coverage which was in force then. Of several, the one
    /// that pays first (`order`) counts, then the one that began last.
    pub fn contract(&self, coverages: &[Json], day: &str) -> Option<String> {
        let in_force = coverages.iter().filter(|coverage| is_in_force(coverage, day));
        let mut of_day: Vec<(u64, &str, &str, String)> = in_force
            .filter_map(|coverage| {
                let order = coverage["order"].as_u64().unwrap_or(u64::MAX);
                let start = coverage["period"]["start"].as_str().unwrap_or_default();
                Some((order, start, coverage["id"].as_str().unwrap_or_default(), self.value(coverage)?))
            })
            .collect();
        of_day.sort_by(|a, b| (a.0, b.1, a.2).cmp(&(b.0, a.1, b.2)));
        of_day.into_iter().next().map(|(.., contract)| contract)
    }
}

fn is_of(json: &Json, of: &str) -> bool {
    let mut codings = json["type"]["coding"].as_array().into_iter().flatten();
    json["system"] == of || json["url"] == of || codings.any(|coding| coding["code"] == of)
}

/// Whether a Coverage was in force on a day. A date without a month or a day stands for all of them.
fn is_in_force(coverage: &Json, day: &str) -> bool {
    let compared = |name: &str| {
        let date = coverage["period"][name].as_str()?;
        let length = date.len().min(day.len());
        Some(date.get(..length)?.cmp(day.get(..length)?))
    };
    coverage["status"] != "entered-in-error"
        && compared("start").is_none_or(std::cmp::Ordering::is_le)
        && compared("end").is_none_or(std::cmp::Ordering::is_ge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn coverage(id: &str, plan: &str, start: &str, end: &str) -> Json {
        let class = |code: &str, value: &str| json!({"type": {"coding": [{"code": code}]}, "value": value});
        json!({"id": id, "status": "active", "period": {"start": start, "end": end},
            "class": [class("group", "g"), class("plan", plan)],
            "identifier": [{"system": "https://plan.example/contract", "value": format!("H-{plan}")}]})
    }

    #[test]
    fn the_contract_is_that_of_the_coverage_in_force_on_the_day() {
        let coverages =
            [coverage("1", "A", "2025-01-01", "2026-03-31"), coverage("2", "B", "2026-04", "2026-12-31T23:59:59Z")];
        let element: Element = DEFAULT.parse().unwrap();
        for (day, contract) in
            [("2026-03-31", Some("A")), ("2026-04-01", Some("B")), ("2026-12-31", Some("B")), ("2027-01-01", None)]
        {
            assert_eq!(element.contract(&coverages, day).as_deref(), contract, "{day}");
        }
        let by_identifier: Element = "identifier[https://plan.example/contract].value".parse().unwrap();
        assert_eq!(by_identifier.contract(&coverages, "2026-04-01").as_deref(), Some("H-B"));
    }

    #[test]
    fn of_two_coverages_in_force_the_one_that_pays_first_counts_then_the_later() {
        let mut coverages =
            [coverage("1", "A", "2026-01-01", "2026-12-31"), coverage("2", "B", "2026-02-01", "2026-12-31")];
        let element: Element = DEFAULT.parse().unwrap();
        assert_eq!(element.contract(&coverages, "2026-06-01").as_deref(), Some("B"));
        coverages[0]["order"] = json!(1);
        coverages[1]["order"] = json!(2);
        assert_eq!(element.contract(&coverages, "2026-06-01").as_deref(), Some("A"));
        coverages[0]["status"] = json!("entered-in-error");
        assert_eq!(element.contract(&coverages, "2026-06-01").as_deref(), Some("B"));
    }

    #[test]
    fn a_path_that_is_none_is_refused_and_says_what_is_right() {
        for text in ["", ".", "class[", "class[].value", "class[plan]value", "class..value", "a b"] {
            let error = text.parse::<Element>().unwrap_err().to_string();
            assert!(error.contains("class[plan].value"), "{text}: {error}");
        }
    }
}
