//! The functions that expressions of the tables call.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::evaluation::{Here, Result, Unknown, Value, Values, distinct, equal, is_of, number, text};
use super::syntax::Expression;
use crate::conformance::node::Node;
use crate::conformance::reference::{Target, target};
use crate::conformance::table::TABLE;
use crate::conformance::values::has_code;

/// The values that a function gives; `None` if it is none of those that are tried.
type Tried<'a> = Result<Option<Values<'a>>>;

fn truth<'a>(value: bool) -> Values<'a> {
    vec![Value::Bool(value)]
}

/// The name of a type that stands as an argument.
fn type_name(argument: &Expression) -> Result<&str> {
    match argument {
        Expression::Name(_, name) => Ok(name),
        _ => Err(Unknown),
    }
}

impl<'a> Here<'a, '_> {
    /// The value of a function, of what stands before it.
    pub fn call(self, before: Values<'a>, name: &str, arguments: &[Expression]) -> Result<Values<'a>> {
        let found = match (name, arguments) {
            ("trace", _) => return Ok(before),
            ("iif", [criterion, then, rest @ ..]) => return self.either(&before, criterion, then, rest),
            (_, []) => self.alone(&before, name)?,
            (_, [argument]) => match self.by_each(&before, name, argument)? {
                None => self.with(&before, name, argument)?,
                found => found,
            },
            _ => None,
        };
        found.map_or_else(|| self.of_text(&before, name, arguments), Ok)
    }

    /// One expression or another. Both are about the values before it.
    fn either(
        self,
        before: &Values<'a>,
        criterion: &Expression,
        then: &Expression,
        rest: &[Expression],
    ) -> Result<Values<'a>> {
        let asks_for_nothing = matches!(criterion, Expression::Call(None, name, _) if name == "empty");
        let here = match &before[..] {
            [value] => self.at(value),
            [] if asks_for_nothing => return self.evaluate(then),
            _ => return Err(Unknown),
        };
        match (here.truth(criterion)?, rest) {
            (Some(true), _) => here.evaluate(then),
            (_, [otherwise]) => here.evaluate(otherwise),
            _ => Ok(Vec::new()),
        }
    }

    /// Functions without an argument.
    fn alone(self, before: &Values<'a>, name: &str) -> Tried<'a> {
        Ok(Some(match name {
            "exists" => truth(!before.is_empty()),
            "empty" => truth(before.is_empty()),
            "not" => match &before[..] {
                [] => Vec::new(),
                [Value::Bool(value) | Value::Node(Node { json: Some(Json::Bool(value)), .. })] => truth(!value),
                [_] => truth(false),
                _ => return Err(Unknown),
            },
            "count" => vec![Value::Number(f64::from(u32::try_from(before.len()).map_err(|_| Unknown)?))],
            "hasValue" => {
                let has = |value: &Value| match value {
                    Value::Node(node) => node.json.is_some_and(|json| !json.is_object() && !json.is_array()),
                    _ => true,
                };
                truth(before.len() == 1 && before.iter().all(has))
            }
            "allTrue" => truth(before.iter().all(|value| matches!(value, Value::Bool(true)))),
            "isDistinct" => truth(distinct(before.iter().cloned()).len() == before.len()),
            "descendants" => {
                let mut found = Vec::new();
                nodes(before).for_each(|node| node.descendants(&mut found));
                found.into_iter().map(Value::Node).collect()
            }
            "resolve" => {
                let to = |node: Node<'a>| match target(node, self.around.root) {
                    Target::Contained(node) => Some(Value::Node(node)),
                    Target::Of(name) => Some(Value::Elsewhere(name)),
                    Target::Unknown => None,
                };
                nodes(before).filter_map(to).collect()
            }
            _ => return Ok(None),
        }))
    }

    /// Functions whose argument is evaluated for each value.
    fn by_each(self, before: &Values<'a>, name: &str, argument: &Expression) -> Tried<'a> {
        let holds = |value: &Value<'a>| self.at(value).truth(argument).map(|is| is == Some(true));
        match name {
            "exists" | "all" => {
                for value in before {
                    if holds(value)? == (name == "exists") {
                        return Ok(Some(truth(name == "exists")));
                    }
                }
                Ok(Some(truth(name == "all")))
            }
            "where" => {
                let mut found = Values::new();
                for value in before {
                    if holds(value)? {
                        found.push(value.clone());
                    }
                }
                Ok(Some(found))
            }
            "select" => self.each(before, argument).map(Some),
            "repeat" => {
                let (mut found, mut next) = (Values::new(), self.each(before, argument)?);
                while !next.is_empty() {
                    let more = self.each(&next, argument)?;
                    found.append(&mut next);
                    next = more;
                }
                Ok(Some(found))
            }
            _ => Ok(None),
        }
    }

    /// The values that an expression gives for each value.
    fn each(self, values: &Values<'a>, projection: &Expression) -> Result<Values<'a>> {
        let mut found = Values::new();
        for value in values {
            found.extend(self.at(value).evaluate(projection)?);
        }
        Ok(found)
    }

    /// Functions of one argument.
    fn with(self, before: &Values<'a>, name: &str, argument: &Expression) -> Tried<'a> {
        let before = || before.iter().cloned();
        Ok(Some(match name {
            "ofType" | "as" => {
                let wanted = type_name(argument)?;
                before().filter(|value| is_of(value, wanted)).collect()
            }
            "is" => {
                let wanted = type_name(argument)?;
                before().map(|value| Value::Bool(is_of(&value, wanted))).collect()
            }
            "extension" => {
                let url = self.one_text(argument)?;
                let of_url = |node: &Node| node.get("url").and_then(Json::as_str) == Some(&*url);
                let mut found = Values::new();
                for value in before() {
                    if let Value::Node(node) = value {
                        found.extend(node.children("extension").into_iter().filter(of_url).map(Value::Node));
                    }
                }
                found
            }
            "memberOf" => {
                let codes = TABLE.codes(&self.one_text(argument)?).ok_or(Unknown)?;
                let is_member = |value: &Value| matches!(value, Value::Node(node) if has_code(*node, codes));
                before().map(|value| Value::Bool(is_member(&value))).collect()
            }
            "subsetOf" => {
                let of = self.evaluate(argument)?;
                truth(before().all(|value| of.iter().any(|other| equal(&value, other))))
            }
            "combine" => before().chain(self.evaluate(argument)?).collect(),
            "intersect" => {
                let with = self.evaluate(argument)?;
                distinct(before().filter(|value| with.iter().any(|other| equal(value, other))))
            }
            _ => return Ok(None),
        }))
    }

    fn one_text(self, argument: &Expression) -> Result<String> {
        let values = self.evaluate(argument)?;
        values.first().and_then(text).map(Cow::into_owned).ok_or(Unknown)
    }

    /// Functions of one text or number.
    fn of_text(self, before: &Values<'a>, name: &str, arguments: &[Expression]) -> Result<Values<'a>> {
        let [value] = &before[..] else { return if before.is_empty() { Ok(Vec::new()) } else { Err(Unknown) } };
        if (name, arguments) == ("toString", &[]) {
            let written = number(value).map(|number| Cow::Owned(number.to_string()));
            return text(value).or(written).map(|text| vec![Value::Text(Cow::Owned(text.into_owned()))]).ok_or(Unknown);
        }
        let own = text(value).ok_or(Unknown)?;
        let count = |argument: &Expression| {
            let values = self.evaluate(argument)?;
            let number = values.first().and_then(number).ok_or(Unknown)?;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a text")]
            let place = number as usize;
            Ok::<usize, Unknown>(place)
        };
        let truth = |value: bool| Ok(vec![Value::Bool(value)]);
        match (name, arguments) {
            ("length", []) => {
                Ok(vec![Value::Number(f64::from(u32::try_from(own.chars().count()).map_err(|_| Unknown)?))])
            }
            ("startsWith", [start]) => truth(own.starts_with(&self.one_text(start)?)),
            ("contains", [part]) => truth(own.contains(&self.one_text(part)?)),
            ("matches", [form]) => truth(has_form(&own, &self.one_text(form)?).ok_or(Unknown)?),
            ("toInteger", []) => {
                Ok(own.parse::<i32>().ok().map(|number| Value::Number(f64::from(number))).into_iter().collect())
            }
            ("substring", [start, rest @ ..]) => {
                let start = count(start)?;
                let length = rest.first().map_or(Ok(usize::MAX), count)?;
                let part: String = own.chars().skip(start).take(length).collect();
                Ok(if start < own.chars().count() { vec![Value::Text(Cow::Owned(part))] } else { Vec::new() })
            }
            _ => Err(Unknown),
        }
    }
}

fn nodes<'a, 'v>(values: &'v Values<'a>) -> impl Iterator<Item = Node<'a>> + 'v {
    values.iter().filter_map(|value| match value {
        Value::Node(node) => Some(*node),
        _ => None,
    })
}

/// Whether a text has the form of an expression of digits and letters, such as `^[0-9]{2}D[0-9]{7}$`; none, if the expression has
/// anything else.
fn has_form(text: &str, expression: &str) -> Option<bool> {
    let mut rest = expression.strip_prefix('^')?.strip_suffix('$')?;
    let mut letters = text.chars();
    while !rest.is_empty() {
        let (digit, after) = match rest.strip_prefix("[0-9]") {
            Some(after) => (true, after),
            None => (false, &rest[1..]),
        };
        let letter = rest.chars().next().filter(|c| digit || c.is_ascii_alphanumeric())?;
        let (times, after) = match after.strip_prefix('{') {
            Some(counted) => {
                let (times, after) = counted.split_once('}')?;
                (times.parse::<usize>().ok()?, after)
            }
            None => (1, after),
        };
        for _ in 0..times {
            let is_it = letters.next().is_some_and(|c| if digit { c.is_ascii_digit() } else { c == letter });
            if !is_it {
                return Some(false);
            }
        }
        rest = after;
    }
    Some(letters.next().is_none())
}
