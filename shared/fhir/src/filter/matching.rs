//! One value of a search: how it is written, and which values of a resource are it.

use std::cell::OnceCell;

use icu_casemap::CaseMapper;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::FilterError;
use crate::date::{FhirDate, Prefix};
use crate::escaping::shortened;
use crate::escaping::{split_escaped, unescape};
use crate::index::Value;
use crate::number::{Criterion, Extent};
use crate::parameters::Coded;
use crate::parameters::{SearchParamType, SearchParameter};
use crate::reference::{Reference, is_id};

/// One of the values that a parameter is asked for.
#[derive(Clone, Debug)]
pub(super) enum Match {
    /// `system|code`; `None` is a part that was left out, an empty system means "without one".
    Token {
        system: Option<String>,
        code: Option<String>,
    },
    /// `system|code|value` of `:of-type`: an Identifier of that type with that value.
    OfType {
        resource_type: (String, String),
        value: String,
    },
    Date(Prefix, FhirDate),
    /// A reference with its type, or a URL as it stands.
    Reference(String),
    /// A bare id: of any type.
    Id(String),
    /// Folded text, and how it must lie in the resource's.
    Text(String, Lies),
    Exactly(String),
    Number(Criterion),
    Quantity {
        number: Criterion,
        unit: Unit,
    },
    Uri(String),
    /// A canonical URL; without a version it is that of every version.
    Canonical(String),
}

/// The unit of a search; `None` is a part that was left out. A code without a system may also be the unit as people write it (R4
/// search, "Quantity").
#[derive(Clone, Debug)]
pub(super) struct Unit {
    system: Option<String>,
    code: Option<String>,
}

/// How the text of a search lies in the resource's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Lies {
    AtStart,
    Anywhere,
}

/// A value of a resource, which may be compared with many of a search.
pub(super) struct Candidate<'a> {
    value: &'a Value,
    folded: OnceCell<String>,
}

impl<'a> Candidate<'a> {
    pub(super) fn new(value: &'a Value) -> Candidate<'a> {
        Candidate { value, folded: OnceCell::new() }
    }

    fn folded(&self, text: &str) -> &str {
        self.folded.get_or_init(|| folded(text))
    }
}

impl Match {
    /// Reads one value; `name` is the parameter with its modifier, as a fault names it.
    pub(super) fn parse(
        parameter: &SearchParameter,
        name: &str,
        modifier: Option<&str>,
        value: &str,
        bases: &[&str],
    ) -> Result<Match, FilterError> {
        let shown = shortened(value);
        let wrong = |what: &str| FilterError::Malformed(format!("`{name}={shown}`: {what}"));
        let unescaped = || unescape(value);
        match (parameter.param_type, modifier) {
            (SearchParamType::Token, None) | (SearchParamType::Reference, Some("identifier")) => {
                token(value).ok_or_else(|| wrong("a token is `code`, `system|code`, `|code` or `system|`"))
            }
            (SearchParamType::Token, Some("of-type")) if parameter.coded == Coded::Identifier => {
                of_type(value).ok_or_else(|| wrong("a type and a value are `system|code|value`, all three of them"))
            }
            (SearchParamType::Date, None) => {
                let date = Prefix::split(value).and_then(|(prefix, text)| Some((prefix, FhirDate::parse(text)?)));
                date.map(|(prefix, date)| Match::Date(prefix, date))
                    .ok_or_else(|| wrong("a date is YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm[:ss][Z|+hh:mm], after eq, ne, gt, lt, ge, le, sa, eb, ap or nothing"))
            }
            (SearchParamType::Reference, None) => match Reference::parse(value, bases) {
                Some(reference) => Ok(Match::Reference(reference.to_string())),
                None if is_id(value) => Ok(Match::Id(value.to_owned())),
                None if value.contains(':') => Ok(Match::Reference(unescaped())),
                None => Err(wrong("a reference is `Type/id`, `id` or a URL")),
            },
            (SearchParamType::Reference, Some(resource_type))
                if parameter.targets.contains(&resource_type) || parameter.targets == ["*"] =>
            {
                let id = value.strip_prefix(resource_type).and_then(|rest| rest.strip_prefix('/')).unwrap_or(value);
                if !is_id(id) {
                    return Err(wrong("after a type in the modifier comes an id"));
                }
                Ok(Match::Reference(Reference::new(resource_type, id).to_string()))
            }
            (SearchParamType::String, None | Some("contains")) if folded(&unescaped()).is_empty() => {
                Err(wrong("there is no letter in it"))
            }
            (SearchParamType::String, None) => Ok(Match::Text(folded(&unescaped()), Lies::AtStart)),
            (SearchParamType::String, Some("contains")) => Ok(Match::Text(folded(&unescaped()), Lies::Anywhere)),
            (SearchParamType::String, Some("exact")) => Ok(Match::Exactly(unescaped())),
            (SearchParamType::Uri, None) if parameter.path == "meta.profile" => Ok(Match::Canonical(unescaped())),
            (SearchParamType::Uri, None) => Ok(Match::Uri(unescaped())),
            (SearchParamType::Number, None) => {
                Criterion::parse(value).map(Match::Number).ok_or_else(|| wrong("a number is needed"))
            }
            (SearchParamType::Quantity, None) => {
                amount(value).ok_or_else(|| wrong("a quantity is `number` or `number|system|code`"))
            }
            (_, Some(modifier)) => Err(FilterError::Unsupported(format!(
                "the modifier `:{modifier}` is not supported on `{}`",
                parameter.code
            ))),
        }
    }

    /// Whether this is the value, of a parameter whose elements are `coded` so.
    pub(super) fn accepts(&self, candidate: &Candidate, coded: Coded) -> bool {
        match (self, candidate.value) {
            (Match::Token { system, code }, Value::Token { system: has_system, code: has_code, .. }) => {
                system.as_ref().is_none_or(|system| system == has_system)
                    && code.as_ref().is_none_or(|code| code == has_code)
            }
            // R4 search, "Token": the system of a `code` is the one that its value set takes its codes from. So it has a system,
            // and `|code`, which asks for a code without one, does not match it; it matches a string, which has none.
            (Match::Token { system, code }, Value::Code(has)) => {
                let implied = if let Coded::Implied(system) = coded { system } else { "" };
                system.as_ref().is_none_or(|system| system == implied) && code.as_ref().is_none_or(|code| code == has)
            }
            (Match::OfType { resource_type, value }, Value::Token { code, types, .. }) => {
                value == code && types.contains(resource_type)
            }
            (Match::Date(prefix, wanted), has) => {
                has.told().is_some_and(|has| prefix.compares(wanted.view(has), wanted.interval))
            }
            (Match::Reference(wanted), Value::Reference(has)) => unversioned(has) == wanted || is_version(has, wanted),
            (Match::Id(wanted), Value::Reference(has)) => {
                unversioned(has).split_once('/').is_some_and(|(_, id)| id == wanted)
            }
            (Match::Text(wanted, Lies::AtStart), Value::Text(has)) => {
                candidate.folded(has).starts_with(wanted.as_str())
            }
            (Match::Text(wanted, Lies::Anywhere), Value::Text(has)) => candidate.folded(has).contains(wanted.as_str()),
            (Match::Exactly(wanted), Value::Text(has)) | (Match::Uri(wanted), Value::Uri(has)) => wanted == has,
            (Match::Canonical(wanted), Value::Uri(has)) => wanted == has || is_version(has, wanted),
            (Match::Number(wanted), Value::Number(has)) => Extent::of(has).is_some_and(|has| wanted.holds(&has)),
            (Match::Quantity { number: wanted, unit: of }, Value::Quantity { number, system, code, unit }) => {
                of.is(system, code, unit) && Extent::of(number).is_some_and(|has| wanted.holds(&has))
            }
            (Match::Quantity { number: wanted, unit: of }, Value::Range { low, high, system, code, unit }) => {
                let has = Extent::between(low.as_deref(), high.as_deref());
                of.is(system, code, unit) && has.is_some_and(|has| wanted.holds(&has))
            }
            _ => false,
        }
    }
}

/// `code`, `system|code`, `|code`, `system|`.
fn token(value: &str) -> Option<Match> {
    let some = |text: &str| (!text.is_empty()).then(|| unescape(text));
    let parts = split_escaped(value, '|');
    match &parts[..] {
        [code] => Some(Match::Token { system: None, code: some(code) }),
        [system, code] if !(system.is_empty() && code.is_empty()) => {
            Some(Match::Token { system: Some(unescape(system)), code: some(code) })
        }
        _ => None,
    }
}

/// `system|code|value`, none of them empty.
fn of_type(value: &str) -> Option<Match> {
    let parts = split_escaped(value, '|');
    let [system, code, value] = &parts[..] else { return None };
    let whole = parts.iter().all(|part| !part.is_empty());
    whole.then(|| Match::OfType { resource_type: (unescape(system), unescape(code)), value: unescape(value) })
}

/// `[prefix]number[|system|code]`.
fn amount(value: &str) -> Option<Match> {
    let parts = split_escaped(value, '|');
    let (number, system, code) = match &parts[..] {
        [number] => (number, "", ""),
        [number, system, code] => (number, system.as_str(), code.as_str()),
        _ => return None,
    };
    let number = Criterion::parse(number)?;
    let some = |text: &str| (!text.is_empty()).then(|| unescape(text));
    Some(Match::Quantity { number, unit: Unit { system: some(system), code: some(code) } })
}

impl Unit {
    /// Whether an amount of this system, code and unit is of it.
    fn is(&self, system: &str, code: &str, unit: &str) -> bool {
        self.system.as_ref().is_none_or(|wanted| wanted == system)
            && self.code.as_ref().is_none_or(|wanted| wanted == code || (self.system.is_none() && wanted == unit))
    }
}

/// A reference without `/_history/…`.
fn unversioned(reference: &str) -> &str {
    reference.split_once("/_history/").map_or(reference, |(reference, _)| reference)
}

/// Whether a canonical is a version of `url`. One that is asked for without a version means any (R4 references, "Canonical URLs").
fn is_version(canonical: &str, url: &str) -> bool {
    canonical.strip_prefix(url).is_some_and(|rest| rest.starts_with('|')) && url.contains(':')
}

/// Text as string searches compare it: without case and accents (R4 search, "String"). Case goes by Unicode's full folding, as
/// canonical caseless matching asks for it (Unicode Standard, D145): `ß` is `ss`, `ς` is `σ`; `ı` is not `i`. Then the marks go.
pub fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let decomposed: String = text.nfd().collect();
    CaseMapper::new().fold_string(&decomposed).nfd().filter(|c| !is_combining_mark(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_folded_without_case_and_accents_by_all_of_unicode() {
        for (one, other) in [
            ("Weiß", "WEISS"),
            ("weiẞ", "weiss"),
            ("ΝΙΚΟΣ", "Νίκος"),
            ("ΝΊΚΟς", "νικοσ"),
            ("Ǳamonja", "ǳamonja"),
            ("ﬁeld", "FIELD"),
            ("ŉ", "ʼN"),
            ("Ꭰ", "ꭰ"),
            ("İzmir", "izmir"),
            ("IZMIR", "izmir"),
            ("José", "jose\u{301}"),
            ("Ångström", "angstrom"),
            ("\u{1f80}", "\u{1f08}Ι"),
            ("Nguyễn", "NGUYEN"),
            ("e\u{323}\u{302}", "ệ"),
        ] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
        }
        for (one, other) in [("ı", "i"), ("ı", "I"), ("ø", "o"), ("ss", "s"), ("æ", "ae")] {
            assert_ne!(folded(one), folded(other), "{one} {other}");
        }
        for text in ["Weiß", "ΐ", "İ", "ﬃ", "ᾳ", "Ǆ", "\u{345}"] {
            assert_eq!(folded(&folded(text)), folded(text), "{text}");
        }
    }
}
