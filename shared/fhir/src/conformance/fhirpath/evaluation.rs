//! The value of an expression for an element.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::syntax::{Expression, Operator};
use crate::conformance::node::Node;
use crate::date::Interval;

/// A value in a collection.
#[derive(Clone, Debug)]
pub(in crate::conformance) enum Value<'a> {
    Node(Node<'a>),
    /// A resource that a reference leads to, and of which only the type is known.
    Elsewhere(&'a str),
    Text(Cow<'a, str>),
    Number(f64),
    Bool(bool),
}

/// The resources around an element.
#[derive(Clone, Copy, Debug)]
pub(in crate::conformance) struct Around<'a> {
    /// The resource it is in, which may be a contained one.
    pub resource: Node<'a>,
    /// The resource that nothing contains.
    pub root: Node<'a>,
}

/// Whether an invariant holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::conformance) enum Truth {
    Holds,
    Fails,
    /// Its expression gives nothing, or is not understood.
    Unknown,
}

pub(super) type Values<'a> = Vec<Value<'a>>;

/// Something that `FHIRPath` calls an error, or that is not understood.
#[derive(Debug)]
pub(super) struct Unknown;

pub(super) type Result<T> = std::result::Result<T, Unknown>;

/// Whether an invariant holds for an element.
pub(in crate::conformance) fn judge<'a>(expression: &Expression, node: Node<'a>, around: Around<'a>) -> Truth {
    let this = Value::Node(node);
    let here = Here { this: &this, context: node, around };
    if let Some(wanted) = asks_of_a_type(expression)
        && !is_of(&this, wanted)
    {
        return Truth::Holds;
    }
    match here.truth(expression) {
        Ok(Some(true)) => Truth::Holds,
        Ok(Some(false)) => Truth::Fails,
        Ok(None) | Err(Unknown) => Truth::Unknown,
    }
}

/// `($this as dateTime).…` asks nothing of an element that has another type.
fn asks_of_a_type(expression: &Expression) -> Option<&str> {
    match expression {
        Expression::As(of, wanted) => (**of == Expression::This).then_some(wanted),
        Expression::Binary(left, ..) => asks_of_a_type(left),
        Expression::Call(Some(before), ..) => asks_of_a_type(before),
        _ => None,
    }
}

/// Where an expression is evaluated.
#[derive(Clone, Copy)]
pub(super) struct Here<'a, 'h> {
    pub this: &'h Value<'a>,
    pub context: Node<'a>,
    pub around: Around<'a>,
}

impl<'a, 'h> Here<'a, 'h> {
    pub fn at(self, this: &'h Value<'a>) -> Here<'a, 'h> {
        Here { this, ..self }
    }

    /// The truth value of an expression; none, if it has none.
    pub fn truth(self, expression: &Expression) -> Result<Option<bool>> {
        Ok(match &self.evaluate(expression)?[..] {
            [] => None,
            [Value::Bool(value) | Value::Node(Node { json: Some(Json::Bool(value)), .. })] => Some(*value),
            // Elements in place of a truth value: they are there.
            _ => Some(true),
        })
    }

    pub fn evaluate(self, expression: &Expression) -> Result<Values<'a>> {
        Ok(match expression {
            Expression::Text(text) => vec![Value::Text(Cow::Owned(text.clone()))],
            Expression::Number(number) => vec![Value::Number(*number)],
            Expression::Bool(value) => vec![Value::Bool(*value)],
            Expression::Empty => Vec::new(),
            Expression::This => vec![self.this.clone()],
            Expression::External(name) => vec![match &**name {
                "resource" => Value::Node(self.around.resource),
                "rootResource" => Value::Node(self.around.root),
                "context" => Value::Node(self.context),
                "ucum" => Value::Text(Cow::Borrowed("http://unitsofmeasure.org")),
                _ => return Err(Unknown),
            }],
            Expression::Name(before, name) => self.name(before.as_deref(), name)?,
            Expression::Call(before, name, arguments) => {
                let before = match before {
                    Some(before) => self.evaluate(before)?,
                    None => vec![self.this.clone()],
                };
                self.call(before, name, arguments)?
            }
            Expression::Is(of, wanted) => {
                let of = self.evaluate(of)?;
                of.iter().map(|value| Value::Bool(is_of(value, wanted))).collect()
            }
            Expression::As(of, wanted) => self.evaluate(of)?.into_iter().filter(|value| is_of(value, wanted)).collect(),
            Expression::Binary(left, operator, right) => self.binary(left, *operator, right)?,
        })
    }

    fn name(self, before: Option<&Expression>, name: &str) -> Result<Values<'a>> {
        let mut found = Vec::new();
        let mut child = |value: &Value<'a>| {
            if let Value::Node(node) = value {
                node.each(name, &mut |node| found.push(Value::Node(node)));
            }
        };
        match before {
            Some(before) => self.evaluate(before)?.iter().for_each(&mut child),
            // A path may begin with the type of what it is about.
            None if matches!(self.this, Value::Node(node) if node.type_name() == name) => {
                return Ok(vec![self.this.clone()]);
            }
            None => {
                if name.starts_with(|c: char| c.is_ascii_uppercase()) && self.around.resource.type_name() == name {
                    return Ok(vec![Value::Node(self.around.resource)]);
                }
                child(self.this);
            }
        }
        Ok(found)
    }

    fn binary(self, left: &Expression, operator: Operator, right: &Expression) -> Result<Values<'a>> {
        let truth = |value: Option<bool>| value.map(Value::Bool).into_iter().collect();
        match operator {
            Operator::And => {
                let left = self.truth(left)?;
                return Ok(truth(match left {
                    Some(false) => Some(false),
                    _ => match (left, self.truth(right)?) {
                        (_, Some(false)) => Some(false),
                        (Some(true), Some(true)) => Some(true),
                        _ => None,
                    },
                }));
            }
            Operator::Or | Operator::Implies => {
                let left = self.truth(left)?.map(|value| value == (operator == Operator::Or));
                return Ok(truth(match left {
                    Some(true) => Some(true),
                    _ => match (left, self.truth(right)?) {
                        (_, Some(true)) => Some(true),
                        (Some(false), Some(false)) => Some(false),
                        _ => None,
                    },
                }));
            }
            Operator::Xor => {
                let (left, right) = (self.truth(left)?, self.truth(right)?);
                return Ok(truth(left.zip(right).map(|(left, right)| left != right)));
            }
            _ => {}
        }
        let (left, right) = (self.evaluate(left)?, self.evaluate(right)?);
        match operator {
            Operator::Union => return Ok(distinct(left.into_iter().chain(right))),
            Operator::In => {
                let [value] = &left[..] else { return if left.is_empty() { Ok(left) } else { Err(Unknown) } };
                return Ok(vec![Value::Bool(right.iter().any(|other| equal(value, other)))]);
            }
            Operator::Equal | Operator::Unequal if left.is_empty() || right.is_empty() => return Ok(Vec::new()),
            Operator::Equal | Operator::Unequal => {
                let are = left.len() == right.len() && left.iter().zip(&right).all(|(left, right)| equal(left, right));
                return Ok(vec![Value::Bool(are == (operator == Operator::Equal))]);
            }
            _ => {}
        }
        let ([left], [right]) = (&left[..], &right[..]) else {
            return if left.is_empty() || right.is_empty() { Ok(Vec::new()) } else { Err(Unknown) };
        };
        if let (Some(left), Some(right)) = (number(left), number(right)) {
            return Ok(vec![match operator {
                Operator::Add => Value::Number(left + right),
                Operator::Subtract => Value::Number(left - right),
                Operator::Multiply => Value::Number(left * right),
                Operator::Modulo => Value::Number(left % right),
                Operator::Less => Value::Bool(left < right),
                Operator::LessOrEqual => Value::Bool(left <= right),
                Operator::Greater => Value::Bool(left > right),
                _ => Value::Bool(left >= right),
            }]);
        }
        match operator {
            Operator::Less => ordered(right, left).map(|is_before| vec![Value::Bool(!is_before)]),
            Operator::LessOrEqual => ordered(left, right).map(|is_before| vec![Value::Bool(is_before)]),
            Operator::Greater => ordered(left, right).map(|is_before| vec![Value::Bool(!is_before)]),
            Operator::GreaterOrEqual => ordered(right, left).map(|is_before| vec![Value::Bool(is_before)]),
            _ => Err(Unknown),
        }
    }
}

/// Whether the first of two dates or quantities is not after the second.
fn ordered(left: &Value, right: &Value) -> Result<bool> {
    if let (Some(left), Some(right)) = (text(left), text(right)) {
        let (left, right) = (Interval::parse(&left).ok_or(Unknown)?, Interval::parse(&right).ok_or(Unknown)?);
        return match (left.high <= right.low || left == right, left.low > right.high) {
            (true, _) => Ok(true),
            (_, true) => Ok(false),
            // One of them is too coarse to tell.
            _ => Err(Unknown),
        };
    }
    let (Value::Node(left), Value::Node(right)) = (left, right) else { return Err(Unknown) };
    let value = |node: &Node| node.get("value").and_then(|value| value.to_string().parse::<f64>().ok()).ok_or(Unknown);
    if left.get("code") != right.get("code") || left.get("unit") != right.get("unit") {
        return Err(Unknown);
    }
    Ok(value(left)? <= value(right)?)
}

/// The text of a value.
pub(super) fn text<'v>(value: &'v Value) -> Option<Cow<'v, str>> {
    match value {
        Value::Text(text) => Some(Cow::Borrowed(text)),
        Value::Node(node) => node.text().map(Cow::Borrowed),
        _ => None,
    }
}

pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Node(Node { json: Some(Json::Number(number)), .. }) => number.to_string().parse().ok(),
        _ => None,
    }
}

/// Whether two values are equal.
pub(super) fn equal(left: &Value, right: &Value) -> bool {
    if let (Some(left), Some(right)) = (text(left), text(right)) {
        return left == right;
    }
    if let (Some(left), Some(right)) = (number(left), number(right)) {
        return (left - right).abs() < f64::EPSILON;
    }
    let truth = |value: &Value| match value {
        Value::Bool(value) => Some(*value),
        Value::Node(node) => node.json.and_then(Json::as_bool),
        _ => None,
    };
    if let (Some(left), Some(right)) = (truth(left), truth(right)) {
        return left == right;
    }
    matches!((left, right), (Value::Node(left), Value::Node(right)) if left.json.is_some() && left.json == right.json)
}

pub(super) fn distinct<'a>(values: impl Iterator<Item = Value<'a>>) -> Values<'a> {
    let mut found = Values::new();
    for value in values {
        if !found.iter().any(|known| equal(known, &value)) {
            found.push(value);
        }
    }
    found
}

/// Whether a value is of a type. `FHIRPath`'s own types begin with a capital: `DateTime` is R4's `dateTime`.
pub(super) fn is_of(value: &Value, wanted: &str) -> bool {
    let name = match value {
        Value::Node(node) => node.type_name(),
        Value::Elsewhere(name) => name,
        Value::Text(_) => "string",
        Value::Number(_) => "decimal",
        Value::Bool(_) => "boolean",
    };
    let name = if name == "SimpleQuantity" { "Quantity" } else { name };
    name == wanted
        || (name.len() == wanted.len()
            && !name.is_empty()
            && name[1..] == wanted[1..]
            && name.eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_expression_says_of_an_element_what_it_means() {
        let resource = json!({"resourceType": "Observation", "status": "final", "effectiveDateTime": "2024-05-01",
            "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}], "text": "systolic"},
            "performer": [{"reference": "Practitioner/p"}, {"reference": "#o"}], "valueQuantity": {"value": 72.5},
            "contained": [{"resourceType": "Organization", "id": "o", "name": "Lab"}], "_issued": {"id": "x"}});
        let node = Node::resource(&resource);
        let around = Around { resource: node, root: node };
        for (expression, truth) in [
            ("status = 'final'", Truth::Holds),
            ("status != 'final'", Truth::Fails),
            ("nothing = 'final'", Truth::Unknown),
            ("nothing.empty() and status.exists()", Truth::Holds),
            ("nothing.exists() implies status = 'no'", Truth::Holds),
            ("(status = 'final') xor code.exists()", Truth::Fails),
            ("status in ('draft' | 'final')", Truth::Holds),
            ("code.coding.where(system = 'http://loinc.org' and code = '8480-6').exists()", Truth::Holds),
            ("code.coding.exists(code = '8462-4')", Truth::Fails),
            ("performer.count() = 2", Truth::Holds),
            ("performer.all(resolve() is Practitioner)", Truth::Fails),
            ("performer.where(resolve() is Organization).exists()", Truth::Holds),
            ("performer.resolve().name = 'Lab'", Truth::Holds),
            ("value is Quantity", Truth::Holds),
            ("value.ofType(Quantity).value > 72", Truth::Holds),
            ("effective is DateTime and effective.toString().length() >= 10", Truth::Holds),
            ("effective <= '2024'", Truth::Unknown),
            ("effective <= '2025'", Truth::Holds),
            ("status.matches('^[0-9]{5}$')", Truth::Fails),
            ("issued.exists() and issued.hasValue().not()", Truth::Holds),
            ("status.substring(0, 3) = 'fin'", Truth::Holds),
            ("code.memberOf('observation-status')", Truth::Fails),
            ("status.memberOf('observation-status')", Truth::Holds),
            ("status.memberOf('no-such-set')", Truth::Unknown),
            ("status.soundex() = 'x'", Truth::Unknown),
        ] {
            let parsed = Expression::parse(expression).unwrap();
            assert_eq!(judge(&parsed, node, around), truth, "{expression}");
        }
    }

    #[test]
    fn what_is_asked_of_one_type_holds_for_another() {
        let resource = json!({"resourceType": "Observation", "effectivePeriod": {"start": "2024"}});
        let node = Node::resource(&resource);
        let period = node.children("effective")[0];
        let expression = Expression::parse("($this as dateTime).toString().length() >= 8").unwrap();
        assert_eq!(judge(&expression, period, Around { resource: node, root: node }), Truth::Holds);
    }
}
