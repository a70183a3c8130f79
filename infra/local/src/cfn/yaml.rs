//! CloudFormation's YAML as plain JSON.
//!
//! CloudFormation's intrinsic functions have a long form, `{"Fn::Sub": "x"}`, and most have a short one, `!Sub x`. [`to_json`]
//! writes the long one, so that the rest of the crate reads one form.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Number, Value};
use serde_yaml_ng::Value as Yaml;

/// A template's text as JSON, with every intrinsic in its long form and nothing resolved. This is for reading a
/// template without running it.
///
/// # Errors
/// The text is not YAML, or it has a key or a number that JSON cannot hold.
pub fn template_json(text: &str) -> Result<Value> {
    to_json(serde_yaml_ng::from_str(text)?)
}

/// Turns a YAML document into JSON, with short-form intrinsics written out.
///
/// # Errors
/// A key is no text, number or boolean, or JSON cannot hold a number.
pub(crate) fn to_json(yaml: Yaml) -> Result<Value> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => Value::Bool(flag),
        Yaml::Number(number) => Value::Number(to_number(&number)?),
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(to_json).collect::<Result<_>>()?),
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                object.insert(to_key(key)?, to_json(value)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => {
            let name = long_form(&tagged.tag.to_string());
            Value::Object(Map::from_iter([(name, to_json(tagged.value)?)]))
        }
    })
}

/// `!Ref` → `Ref`, `!Condition` → `Condition`, any other `!Name` → `Fn::Name`.
fn long_form(tag: &str) -> String {
    match tag.trim_start_matches('!') {
        name @ ("Ref" | "Condition") => name.to_owned(),
        name => format!("Fn::{name}"),
    }
}

fn to_key(key: Yaml) -> Result<String> {
    Ok(match key {
        Yaml::String(text) => text,
        Yaml::Number(number) => number.to_string(),
        Yaml::Bool(flag) => flag.to_string(),
        other => bail!("a key of the template is no text, number or boolean: {other:?}"),
    })
}

fn to_number(number: &serde_yaml_ng::Number) -> Result<Number> {
    if let Some(whole) = number.as_i64() {
        return Ok(whole.into());
    }
    if let Some(whole) = number.as_u64() {
        return Ok(whole.into());
    }
    let value = number.as_f64().context("a number without a value")?;
    Number::from_f64(value).with_context(|| format!("{value} is not a number JSON can hold"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn short_and_long_forms_become_the_same() {
        let short = "a: !Sub '${X}-y'\nb: !GetAtt T.Arn\nc: !Ref X\nd: !If [C, !Ref X, 1]";
        let long = "a: {'Fn::Sub': '${X}-y'}\nb: {'Fn::GetAtt': T.Arn}\nc: {Ref: X}\nd: {'Fn::If': [C, {Ref: X}, 1]}";
        let [short, long] =
            [short, long].map(|text| to_json(serde_yaml_ng::from_str(text).expect("YAML")).expect("JSON"));
        assert_eq!(short, long);
        assert_eq!(short["c"], json!({"Ref": "X"}));
    }

    #[test]
    fn dates_stay_text() {
        let yaml = serde_yaml_ng::from_str("Version: 2012-10-17").expect("YAML");
        assert_eq!(to_json(yaml).expect("JSON")["Version"], "2012-10-17");
    }
}
