//! JSON scalars as text.

use serde_json::Value;

/// A scalar as text; `None` for any other value. CloudFormation treats scalars as text, and so does API Gateway in
/// headers.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}
