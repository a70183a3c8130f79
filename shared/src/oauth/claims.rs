//! Claims of a JWT that others sign, each of the type that RFC 7519 §4.1 gives it.

use serde::Deserialize;

/// RFC 7519 §4.1.3: one recipient, or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Seconds since 1970, whole or not (RFC 7519 §2). A fraction is dropped.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "serde_json::Number")]
pub(super) struct NumericDate(pub i64);

impl TryFrom<serde_json::Number> for NumericDate {
    type Error = &'static str;

    #[expect(clippy::cast_possible_truncation, reason = "a time that no machine can count to is the last one it can")]
    fn try_from(number: serde_json::Number) -> Result<NumericDate, &'static str> {
        let seconds = number.as_i64().or(number.as_f64().map(|seconds| seconds.floor() as i64));
        seconds.map(NumericDate).ok_or("no number of seconds")
    }
}

impl Audience {
    /// Whether it names somebody, and only those for whom `is_us` holds: another server that the JWT is for could use it here.
    pub fn are_all(&self, is_us: impl Fn(&str) -> bool) -> bool {
        match self {
            Audience::One(name) => is_us(name),
            Audience::Many(names) => !names.is_empty() && names.iter().all(|name| is_us(name)),
        }
    }
}
