//! Explanations of benefits: amounts that do not add up, and one claim under two ids.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::Value as Json;
use shared::fhir::reference::Reference;

use crate::load::scratch::Scratch;

/// The categories of what goes to somebody: C4BB's two, else R4's one.
const PAID: [&[&str]; 2] = [&["paidtoprovider", "paidtopatient"], &["benefit"]];

/// Amounts by category, in hundredths.
type Amounts = BTreeMap<String, i64>;

/// An amount in hundredths. One that is finer than that is not compared.
fn hundredths(money: &Json) -> Option<i64> {
    let text = money["value"].as_number()?.to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let part = part.trim_end_matches('0');
    if part.len() > 2 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let sum = whole.trim_start_matches('-').parse::<i64>().ok()?.checked_mul(100)?;
    let sum = sum.checked_add(format!("{part:0<2}").parse::<i64>().ok()?)?;
    Some(if whole.starts_with('-') { -sum } else { sum })
}

/// The codes of a category.
fn codes(category: &Json) -> impl Iterator<Item = &str> {
    category["coding"].as_array().into_iter().flatten().filter_map(|coding| coding["code"].as_str())
}

/// The sums of a list of amounts, by the first code of their category; none, if one of them cannot be read.
fn sums<'a>(list: impl Iterator<Item = &'a Json>) -> Option<Amounts> {
    let mut sums = Amounts::new();
    for row in list {
        let Some(code) = codes(&row["category"]).next() else { continue };
        if row.get("amount").is_some() {
            *sums.entry(code.to_owned()).or_default() += hundredths(&row["amount"])?;
        }
    }
    Some(sums)
}

/// The amounts that do not add up in an explanation of benefits, by the rule.
pub(super) fn amounts(resource: &Json) -> Vec<(&'static str, String)> {
    let list = |value: &'static str| resource[value].as_array().into_iter().flatten();
    if resource["resourceType"] != "ExplanationOfBenefit" {
        return Vec::new();
    }
    let of_items = list("item").flat_map(|item| item["adjudication"].as_array().into_iter().flatten());
    let (Some(totals), Some(items)) = (sums(list("total")), sums(of_items)) else { return Vec::new() };
    let shown =
        |amount: i64| format!("{}{}.{:02}", if amount < 0 { "-" } else { "" }, amount.abs() / 100, amount.abs() % 100);
    let mut found = Vec::new();
    for (category, total) in &totals {
        if let Some(sum) = items.get(category).filter(|sum| *sum != total) {
            let text =
                format!("`total` of {category} is {}, and the items' adjudications are {}", shown(*total), shown(*sum));
            found.push(("total-differs", text));
        }
    }
    let due = PAID.iter().find_map(|categories| {
        let paid: Vec<i64> = categories.iter().filter_map(|category| totals.get(*category).copied()).collect();
        (!paid.is_empty()).then(|| paid.iter().sum::<i64>())
    });
    if let (Some(payment), Some(due)) = (hundredths(&resource["payment"]["amount"]), due)
        && payment != due
    {
        found.push((
            "payment-differs",
            format!("`payment.amount` is {}, and the totals to be paid are {}", shown(payment), shown(due)),
        ));
    }
    found
}

/// The ids of claims, by what their payer calls them.
#[derive(Default)]
pub(super) struct Identifiers(Scratch<Reference>);

impl Identifiers {
    /// The finding about a claim that came before under another id.
    pub(super) fn again(&self, reference: &Reference, resource: &Json) -> Result<Option<String>> {
        if reference.resource_type != "ExplanationOfBenefit" {
            return Ok(None);
        }
        let mut first = None;
        for identifier in resource["identifier"].as_array().into_iter().flatten() {
            let is_unique = codes(&identifier["type"]).any(|code| code == "uc");
            let Some(value) = identifier["value"].as_str().filter(|_| is_unique) else { continue };
            let key = format!("{}|{value}", identifier["system"].as_str().unwrap_or_default());
            match self.0.get(&key)? {
                None => self.0.put(&key, reference)?,
                Some(known) if known != *reference => {
                    first.get_or_insert(format!("{reference} and {known} have the claim's identifier {key}"));
                }
                Some(_) => {}
            }
        }
        Ok(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(code: &str, value: &str) -> Json {
        let value: Json = serde_json::from_str(value).unwrap();
        json!({"category": {"coding": [{"code": code}]}, "amount": {"value": value, "currency": "USD"}})
    }

    fn claim(total: Json, payment: &str) -> Json {
        let payment: Json = serde_json::from_str(payment).unwrap();
        json!({"resourceType": "ExplanationOfBenefit", "id": "a", "total": total, "payment": {"amount": {"value": payment}},
            "item": [{"adjudication": [row("submitted", "10.10"), row("benefit", "8")]}, {"adjudication": [row("submitted", "0.90")]}]})
    }

    #[test]
    fn amounts_are_added_to_the_cent() {
        assert_eq!(amounts(&claim(json!([row("submitted", "11.00"), row("benefit", "8.00")]), "8")), []);
        let wrong = amounts(&claim(json!([row("submitted", "11.01"), row("benefit", "8")]), "7.99"));
        assert_eq!(
            wrong[0],
            ("total-differs", "`total` of submitted is 11.01, and the items' adjudications are 11.00".to_owned())
        );
        assert_eq!(wrong[1].0, "payment-differs");
        assert_eq!(hundredths(&json!({"value": -0.5})), Some(-50));
    }

    #[test]
    fn one_claim_under_two_ids_is_found() {
        let identifier = json!([{"type": {"coding": [{"code": "uc"}]}, "system": "http://p.example", "value": "1"}]);
        let claim = json!({"identifier": identifier});
        let (known, of) = (Identifiers::default(), |id| Reference::new("ExplanationOfBenefit", id));
        assert_eq!(known.again(&of("a"), &claim).unwrap(), None);
        assert_eq!(known.again(&of("a"), &claim).unwrap(), None);
        assert!(known.again(&of("b"), &claim).unwrap().unwrap().contains("http://p.example|1"));
    }
}
