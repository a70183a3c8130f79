//! The order of a result.

use std::cmp::Ordering;

use crate::fhir::filter::folded;
use crate::fhir::index::Value;
use crate::fhir::types::ResourceType;
use crate::record::row::{Row, moment};
use crate::rest::query::{Query, Sort};

/// The order of a row: its position, where the result has the order of the history; else the values of the sort keys and, last, the id,
/// which makes the order total.
pub(super) type SortKeys = Vec<Option<String>>;

/// The sort keys of a row.
pub(super) fn sort_keys(query: &Query, row: &Row) -> SortKeys {
    if query.history_order().is_some() {
        return vec![Some(row.position.clone())];
    }
    let key = |sort: &Sort| {
        let values = row.index().values(sort.position).iter().filter_map(sortable);
        if sort.descending { values.max() } else { values.min() }
    };
    query.sort.iter().map(key).chain([Some(row.key.id.clone())]).collect()
}

/// A value as text that sorts as the value does; words without a code sort as no value.
fn sortable(value: &Value) -> Option<String> {
    Some(match value {
        Value::Date { low, .. } | Value::ZonedDate { low, .. } => format!("{:013x}", moment(Some(*low))),
        Value::Token { code, .. } | Value::Code(code) => code.clone(),
        Value::Text(text) => folded(text),
        Value::Uri(text) | Value::Number(text) | Value::Reference(text) => text.clone(),
        Value::Quantity { number, .. } => number.clone(),
        Value::Range { low, high, .. } => low.as_ref().or(high.as_ref()).cloned().unwrap_or_default(),
        Value::Uncoded => return None,
    })
}

/// Compares the sort keys of two rows: a row without a value comes last, whichever way the others are ordered.
pub(super) fn compare(query: &Query, a: &[Option<String>], b: &[Option<String>]) -> Ordering {
    if let (Some(newest_first), [Some(a)], [Some(b)]) = (query.history_order(), a, b) {
        return in_history(query.resource_type, newest_first, a, b);
    }
    for (position, (a, b)) in a.iter().zip(b).enumerate() {
        let descending = query.sort.get(position).is_some_and(|sort| sort.descending);
        let order = match (a, b) {
            (Some(a), Some(b)) if descending => b.cmp(a),
            (Some(a), Some(b)) => a.cmp(b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

/// Compares two positions as the history is read: by date, those without one last; by id where no date orders the type.
fn in_history(resource_type: &ResourceType, newest_first: bool, a: &str, b: &str) -> Ordering {
    if resource_type.key_date.is_none() {
        return a.cmp(b);
    }
    let first = format!("{}/{:013x}/", resource_type.name, moment(None) + 1);
    let undated = |position: &str| *position < *first;
    let order = if newest_first { b.cmp(a) } else { a.cmp(b) };
    undated(a).cmp(&undated(b)).then(order)
}
