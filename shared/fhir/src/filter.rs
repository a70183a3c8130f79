//! One condition of a search: it tests the values of one parameter against a resource's index. Searches, chains and granular scopes
//! use the same code. It does no I/O.

mod matching;

use std::collections::HashSet;

pub use matching::folded;

use super::date::{Interval, Prefix};
use super::escaping::split_escaped;
use super::index::{Index, Value};
use super::reference::Reference;
use crate::parameters::{SearchParamType, SearchParameter};
use crate::types::ResourceType;
use matching::{Candidate, Match};

/// A condition on one parameter. Without a modifier, some value of the resource must match some value of the search.
#[derive(Clone, Debug)]
pub struct Filter {
    /// The parameter.
    pub parameter: &'static SearchParameter,
    /// Its position in the type's list, by which the index knows it.
    position: u16,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    /// `:missing=true` or `false`.
    Missing(bool),
    /// Any of these; `:not` turns it round.
    Any { matches: Vec<Match>, negated: bool },
    /// A reference to one of these resources, written as `Type/id` or as a URL under one of the bases.
    Names { targets: HashSet<String>, bases: Vec<String> },
}

/// The reason why a search parameter is refused: its name, modifier or value is wrong or not supported. Where something would be
/// accepted in its place, the text says so.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum FilterError {
    /// The type has no such parameter.
    #[error("{resource_type} has no search parameter `{name}`. It has: {known}")]
    Unknown {
        /// The type.
        resource_type: String,
        /// The name that was asked for.
        name: String,
        /// The parameters that there are.
        known: String,
    },
    /// The value or the modifier is malformed.
    #[error("{0}")]
    Malformed(String),
    /// Well formed, but not supported by this server.
    #[error("{0}")]
    Unsupported(String),
}

impl Filter {
    /// Reads one pair of a query on type `resource_type`: `name` may carry a modifier, `value` a list of alternatives.
    /// `bases` are this server's own base URLs, under which a reference may be written.
    ///
    /// # Errors
    /// [`FilterError`]
    pub fn parse(resource_type: &ResourceType, name: &str, value: &str, bases: &[&str]) -> Result<Filter, FilterError> {
        let (code, modifier) = match name.split_once(':') {
            Some((code, modifier)) => (code, Some(modifier)),
            None => (name, None),
        };
        if code.contains('.') {
            return Err(FilterError::Unsupported(format!("the chain `{code}` is not supported here")));
        }
        let Some((position, parameter)) = resource_type.parameter(code) else {
            let known: Vec<&str> = resource_type.parameters().map(|(_, parameter)| parameter.code).collect();
            return Err(FilterError::Unknown {
                resource_type: resource_type.name.to_owned(),
                name: code.to_owned(),
                known: known.join(", "),
            });
        };
        let filter = |test| Ok(Filter { parameter, position, test });
        if modifier == Some("missing") {
            return match value {
                "true" => filter(Test::Missing(true)),
                "false" => filter(Test::Missing(false)),
                _ => Err(FilterError::Malformed(format!("`{name}` takes true or false, not `{value}`"))),
            };
        }
        if split_escaped(value, ',').iter().any(String::is_empty) {
            return Err(FilterError::Malformed(format!("`{name}` has no value, or an empty one beside a comma")));
        }
        let negated = modifier == Some("not") && parameter.param_type == SearchParamType::Token;
        let modifier = if negated { None } else { modifier };
        let matches = split_escaped(value, ',')
            .iter()
            .map(|value| Match::parse(parameter, name, modifier, value, bases))
            .collect::<Result<_, FilterError>>()?;
        filter(Test::Any { matches, negated })
    }

    /// A filter that keeps a resource if one of its references under `parameter` is to one of `targets` (`Type/id`, or a URL under one
    /// of `bases`). Without targets it keeps nothing. `None` where the type has no such parameter.
    pub fn naming(
        resource_type: &ResourceType,
        parameter: &'static SearchParameter,
        targets: HashSet<String>,
        bases: &[&str],
    ) -> Option<Filter> {
        let (position, _) = resource_type.parameters().find(|(_, row)| *row == parameter)?;
        let bases = bases.iter().map(|base| (*base).to_owned()).collect();
        Some(Filter { parameter, position, test: Test::Names { targets, bases } })
    }

    /// Whether a resource with this index is kept.
    pub fn keeps(&self, index: &Index) -> bool {
        let values = index.values(self.position);
        match &self.test {
            Test::Missing(missing) => values.is_empty() == *missing,
            Test::Any { matches, negated } => {
                // Each value is prepared once, however many values of the search it is compared with.
                let found = values
                    .iter()
                    .map(Candidate::new)
                    .any(|value| matches.iter().any(|wanted| wanted.accepts(&value, self.parameter.coded)));
                found != *negated
            }
            Test::Names { targets, bases } => {
                let bases: Vec<&str> = bases.iter().map(String::as_str).collect();
                values.iter().any(|value| match value {
                    Value::Reference(text) => {
                        Reference::parse(text, &bases).is_some_and(|named| targets.contains(&named.to_string()))
                    }
                    _ => false,
                })
            }
        }
    }

    /// The members whom this filter names: `Patient/<id>` under any reference parameter; under `patient`, `subject` and
    /// `beneficiary` a bare id and a URL, too.
    pub fn members(&self) -> impl Iterator<Item = &str> {
        let of_member = self.parameter.param_type == SearchParamType::Reference;
        let matches: &[Match] = match &self.test {
            Test::Any { matches, .. } if of_member => matches,
            _ => &[],
        };
        // Under any other parameter a bare id may be that of another type.
        let only_member = matches!(self.parameter.code, "patient" | "subject" | "beneficiary");
        // A URL or a URN may name any member, so it is returned unchanged.
        let may_be_member = move |text: &str| only_member && text.contains(':');
        matches.iter().filter_map(move |wanted| match wanted {
            Match::Reference(text) => text.strip_prefix("Patient/").or(may_be_member(text).then_some(text.as_str())),
            Match::Id(id) if only_member => Some(id),
            _ => None,
        })
    }

    /// A range in which the date of every matching resource begins. A query is narrowed to it first; then the filter tests each exactly. `None`
    /// where this is not a single date, or where its prefix (`ne`, `ap`) gives no range.
    pub fn bounds(&self) -> Option<Interval> {
        let Test::Any { matches, negated: false } = &self.test else { return None };
        let [Match::Date(prefix, date)] = matches[..] else { return None };
        let (Interval { low, high }, slack) = (date.interval, date.slack());
        // For `gt` and `ge`: a value that matches may begin before the date that is searched for. A dateTime begins at most a year
        // before it, where only a year is stored; a Period or a Timing may begin at any time before it.
        let long = ["period", "Period", "Timing"].iter().any(|end| self.parameter.path.contains(end));
        let year_before = if long { i64::MIN } else { low - slack - 366 * 86_400_000 };
        Some(match prefix {
            Prefix::Eq => Interval { low: low - slack, high: high + slack },
            Prefix::Lt | Prefix::Le | Prefix::Eb => Interval { low: i64::MIN, high: high + slack },
            Prefix::Sa => Interval { low: high - slack, high: i64::MAX },
            Prefix::Gt | Prefix::Ge => Interval { low: year_before, high: i64::MAX },
            Prefix::Ne | Prefix::Ap => return None,
        })
    }

    /// The earliest moment that this filter lets pass, in milliseconds since 1970. It is exact only for values that are instants of
    /// UTC: it allows for no other time zone. `None` unless this is a single date with the prefix `eq`, `ge`, `gt` or `sa`.
    pub fn since(&self) -> Option<i64> {
        let Test::Any { matches, negated: false } = &self.test else { return None };
        match matches[..] {
            [Match::Date(Prefix::Eq | Prefix::Ge, date)] => Some(date.interval.low),
            [Match::Date(Prefix::Gt | Prefix::Sa, date)] => Some(date.interval.high),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn condition(name: &str, value: &str) -> Result<Filter, FilterError> {
        Filter::parse(ResourceType::named("Condition").unwrap(), name, value, &[])
    }

    fn keeps(name: &str, value: &str) -> bool {
        let resource = json!({
            "resourceType": "Condition", "id": "c1",
            "subject": {"reference": "Patient/a"},
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "44054006"}, {"code": "local,1"}]},
            "recordedDate": "2024-05-10",
        });
        condition(name, value).unwrap().keeps(&Index::of(ResourceType::named("Condition").unwrap(), &resource))
    }

    #[test]
    fn tokens_match_by_system_and_code() {
        assert!(keeps("code", "44054006") && keeps("code", "http://snomed.info/sct|44054006"));
        assert!(keeps("code", "http://snomed.info/sct|") && keeps("code", "|local\\,1") && keeps("code", "x,44054006"));
        assert!(
            !keeps("code", "|44054006")
                && !keeps("code", "http://loinc.org|44054006")
                && !keeps("code:not", "44054006")
        );
    }

    #[test]
    fn references_match_with_or_without_type() {
        assert!(keeps("patient", "a") && keeps("patient", "Patient/a") && keeps("subject:Patient", "a"));
        assert!(!keeps("patient", "b") && !keeps("subject", "Group/a"));
    }

    #[test]
    fn missing_asks_whether_there_is_a_value() {
        assert!(keeps("recorded-date:missing", "false") && keeps("encounter:missing", "true"));
    }

    #[test]
    fn a_filter_tells_which_members_it_names() {
        let members = |name: &str, value: &str| -> Vec<String> {
            condition(name, value).unwrap().members().map(str::to_owned).collect()
        };
        assert_eq!(members("patient", "a,Patient/b"), ["a", "b"]);
        assert_eq!(members("subject", "Patient/b"), ["b"]);
        assert!(members("subject", "Group/b").is_empty(), "a group is no member");
        assert_eq!(
            members("subject", "https://elsewhere.example/Patient/a").len(),
            1,
            "a URL counts as naming a member, who is possibly not the owner"
        );
        assert_eq!(members("asserter", "Patient/b"), ["b"]);
        assert!(members("asserter", "b").is_empty() && members("code", "b").is_empty());
    }

    #[test]
    fn a_fault_names_the_parameter_and_what_would_be_right() {
        let fault = |name: &str, value: &str| condition(name, value).unwrap_err().to_string();
        assert!(fault("colour", "x").contains("It has: _id"));
        assert!(fault("recorded-date", "yesterday").contains("YYYY-MM-DD"));
        assert!(fault("code", "a|b|c").contains("system|code"));
        assert!(fault("code:above", "a").contains(":above"));
        assert!(fault("patient", "").contains("no value") && fault("clinical-status", "active,").contains("comma"));
    }
}
