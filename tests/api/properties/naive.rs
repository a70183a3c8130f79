//! R4's search rules, written a second time and as plainly as they read (hl7.org/fhir/R4/search.html): slow, and on
//! plain JSON. It shares nothing with the server, or both would be wrong together.

use proptest::option;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any};
use proptest::prop_oneof;
use proptest::sample::select;
use serde_json::Value as Json;

use super::exact::{dates_fit, half_of_last_digit, moments, span, ten_thousandths};
use super::fields::{Field, Kind, fields};
use super::record::{CODES, DATES, IDS, NUMBERS, QUERY_DATES, SYSTEMS, URIS, WORDS};

/// One parameter of a query.
#[derive(Clone, Debug)]
pub struct Ask {
    field: Field,
    modifier: String,
    values: Vec<Wanted>,
}

/// One of the values of a parameter.
#[derive(Clone, Debug)]
enum Wanted {
    Missing(bool),
    Token { system: Option<String>, code: Option<String> },
    Date { prefix: &'static str, text: String },
    Text(String),
    Uri(&'static str),
    Reference { text: String, kind: Option<String>, id: String },
    Quantity { prefix: &'static str, number: &'static str, unit: Option<&'static str> },
}

/// Values that only the server knows and a query may name.
#[derive(Clone)]
pub struct Known {
    /// The base URL, which may precede a reference.
    pub base: String,
    /// The moments at which versions became visible, as the server writes them.
    pub instants: Vec<String>,
}

/// Any condition on a parameter of `kind`.
pub fn asks(kind: &'static str, known: &Known) -> BoxedStrategy<Ask> {
    let known = known.clone();
    select(fields(kind)).prop_flat_map(move |field| ask(field, &known)).boxed()
}

fn ask(field: Field, known: &Known) -> BoxedStrategy<Ask> {
    let some = |wanted: BoxedStrategy<Wanted>| proptest::collection::vec(wanted, 1..=3);
    let plain = |modifiers: &[&'static str], wanted: BoxedStrategy<Wanted>| {
        (select(modifiers.to_vec()), some(wanted)).prop_map(|(modifier, values)| (modifier.to_owned(), values)).boxed()
    };
    let asked = match field.1 {
        Kind::Plain(system) => plain(&["", "", ":not"], plain_code(system)),
        Kind::Token => plain(&["", "", ":not"], token()),
        Kind::Date => plain(&[""], date(prop_oneof![select(DATES), select(QUERY_DATES)].prop_map(str::to_owned).boxed())),
        Kind::Instant => plain(&[""], date(instant(&known.instants))),
        Kind::Uri | Kind::Canonical => plain(&[""], select(URIS).prop_map(Wanted::Uri).boxed()),
        Kind::Text => plain(&["", ":contains", ":exact"], text()),
        Kind::Quantity => plain(&[""], quantity()),
        Kind::Reference => prop_oneof![
            4 => plain(&[""], reference(&known.base)),
            2 => plain(&[":identifier"], token()),
            1 => select(IDS).prop_map(|id| {
                let wanted = Wanted::Reference { text: id.to_owned(), kind: Some("Organization".to_owned()), id: id.to_owned() };
                (":Organization".to_owned(), vec![wanted])
            }),
        ]
        .boxed(),
    };
    let missing = any::<bool>().prop_map(|flag| (":missing".to_owned(), vec![Wanted::Missing(flag)]));
    prop_oneof![9 => asked, 1 => missing].prop_map(move |(modifier, values)| Ask { field, modifier, values }).boxed()
}

fn plain_code(system: &'static str) -> BoxedStrategy<Wanted> {
    let codes =
        ["final", "amended", "female", "unknown", "true", "false", "claim", "preauthorization", "quinn-observation-3"];
    let systems =
        [None, None, Some(system), Some("http://hl7.org/fhir/claim-use"), Some("http://example.org/one"), Some("")];
    let code = prop_oneof![9 => select(codes.to_vec()).prop_map(Some), 1 => Just(None)];
    (select(systems.to_vec()), code)
        .prop_map(|(system, code)| match (system, code) {
            (None | Some(""), None) => Wanted::Token { system: None, code: Some("final".to_owned()) },
            (system, code) => Wanted::Token { system: system.map(str::to_owned), code: code.map(str::to_owned) },
        })
        .boxed()
}

fn token() -> BoxedStrategy<Wanted> {
    let owned = |text: &str| Some(text.to_owned());
    prop_oneof![
        3 => select(CODES).prop_map(move |code| Wanted::Token { system: None, code: owned(code) }),
        4 => (select(SYSTEMS), select(CODES)).prop_map(move |(system, code)| Wanted::Token { system: owned(system), code: owned(code) }),
        1 => select(CODES).prop_map(move |code| Wanted::Token { system: owned(""), code: owned(code) }),
        1 => select(SYSTEMS).prop_map(move |system| Wanted::Token { system: owned(system), code: None }),
    ]
    .boxed()
}

fn date(text: BoxedStrategy<String>) -> BoxedStrategy<Wanted> {
    let prefixes = ["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"];
    (select(prefixes.to_vec()), text).prop_map(|(prefix, text)| Wanted::Date { prefix, text }).boxed()
}

/// An instant as it is; or cut to its second, minute, day, month or year; or long ago.
fn instant(instants: &[String]) -> BoxedStrategy<String> {
    let cut = |(instant, length): (String, usize)| {
        let zone = if length > 10 && length < instant.len() { "Z" } else { "" };
        format!("{}{zone}", &instant[..length.min(instant.len())])
    };
    let lengths = select(vec![usize::MAX, usize::MAX, 19, 16, 10, 7, 4]);
    prop_oneof![9 => (select(instants.to_vec()), lengths).prop_map(cut), 1 => Just("2024-03-01".to_owned())].boxed()
}

fn text() -> BoxedStrategy<Wanted> {
    // A whole word, its beginning, or its end; in either case.
    (select(WORDS), 0..6_usize, 0..3_usize)
        .prop_map(|(word, cut, case)| {
            let letters: Vec<char> = word.chars().collect();
            let cut = cut.min(letters.len() - 1);
            let part: String = if case == 2 {
                letters[cut..].iter().collect()
            } else {
                letters[..letters.len() - cut].iter().collect()
            };
            Wanted::Text(if case == 1 { part.to_uppercase() } else { part })
        })
        .boxed()
}

fn reference(base: &str) -> BoxedStrategy<Wanted> {
    let base = base.to_owned();
    let kinds = select(vec!["Organization", "Practitioner", "RelatedPerson"]);
    (kinds, select(IDS), 0..4_usize)
        .prop_map(move |(kind, id, form)| {
            let named = |text: String| Wanted::Reference { text, kind: Some(kind.to_owned()), id: id.to_owned() };
            match form {
                0 => Wanted::Reference { text: id.to_owned(), kind: None, id: id.to_owned() },
                1 => named(format!("{base}/{kind}/{id}")),
                2 => {
                    let url = format!("https://elsewhere.example/{kind}/{id}");
                    Wanted::Reference { text: url.clone(), kind: None, id: url }
                }
                _ => named(format!("{kind}/{id}")),
            }
        })
        .boxed()
}

fn quantity() -> BoxedStrategy<Wanted> {
    let prefixes = ["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"];
    let unit = option::of(select(vec!["mg", "mmol/L"]));
    (select(prefixes.to_vec()), prop_oneof![select(NUMBERS), Just("1"), Just("1e1")], unit)
        .prop_map(|(prefix, number, unit)| Wanted::Quantity { prefix, number, unit })
        .boxed()
}

/// A backslash precedes `,`, `|`, `$` and `\` that are part of the value.
fn escaped(text: &str) -> String {
    text.chars().flat_map(|c| if ",|$\\".contains(c) { vec!['\\', c] } else { vec![c] }).collect()
}

impl Ask {
    /// The parameter's name and value in a query.
    pub fn pair(&self) -> (String, String) {
        let values: Vec<String> = self.values.iter().map(Wanted::written).collect();
        (format!("{}{}", self.field.0, self.modifier), values.join(","))
    }

    /// Whether R4 says that the resource matches.
    pub fn holds(&self, resource: &Json) -> bool {
        let mut found = Vec::new();
        for path in self.field.2 {
            elements(resource, path, &mut found);
        }
        if let [Wanted::Missing(missing)] = self.values[..] {
            return found.is_empty() == missing;
        }
        let some = self
            .values
            .iter()
            .any(|wanted| found.iter().any(|element| wanted.fits(element, self.field.1, &self.modifier)));
        if self.modifier == ":not" { !some } else { some }
    }
}

fn elements<'a>(element: &'a Json, path: &str, found: &mut Vec<&'a Json>) {
    match (element, path.split_once('.').unwrap_or((path, ""))) {
        (Json::Array(items), _) => items.iter().for_each(|item| elements(item, path, found)),
        (_, ("", _)) => found.push(element),
        (_, (name, rest)) => {
            if let Some(child) = element.get(name) {
                elements(child, rest, found);
            }
        }
    }
}

impl Wanted {
    fn written(&self) -> String {
        match self {
            Wanted::Missing(missing) => missing.to_string(),
            Wanted::Token { system: None, code } => escaped(code.as_deref().unwrap_or_default()),
            Wanted::Token { system: Some(system), code } => {
                format!("{}|{}", escaped(system), escaped(code.as_deref().unwrap_or_default()))
            }
            Wanted::Date { prefix, text } => format!("{prefix}{text}"),
            Wanted::Text(text) => escaped(text),
            Wanted::Uri(text) => escaped(text),
            Wanted::Reference { text, .. } => text.clone(),
            Wanted::Quantity { prefix, number, unit: None } => format!("{prefix}{number}"),
            Wanted::Quantity { prefix, number, unit: Some(unit) } => {
                format!("{prefix}{number}|http://unitsofmeasure.org|{unit}")
            }
        }
    }

    fn fits(&self, element: &Json, kind: Kind, modifier: &str) -> bool {
        match self {
            Wanted::Missing(_) => false,
            Wanted::Token { system, code } => {
                let element = if modifier == ":identifier" { &element["identifier"] } else { element };
                codings(element).iter().any(|(has_system, has_code)| {
                    let has_system = if let Kind::Plain(implied) = kind { implied } else { has_system };
                    system.as_ref().is_none_or(|system| system == has_system)
                        && code.as_ref().is_none_or(|code| code == has_code)
                })
            }
            Wanted::Date { prefix, text } => dates_fit(prefix, span(element, text), moments(text)),
            Wanted::Uri(wanted) => {
                let version = element.as_str().and_then(|has| has.strip_prefix(wanted)?.strip_prefix('|'));
                element == wanted || (kind == Kind::Canonical && version.is_some())
            }
            Wanted::Text(wanted) => strings(element).iter().any(|has| match modifier {
                ":exact" => has == wanted,
                ":contains" => plain(has).contains(&plain(wanted)),
                _ => plain(has).starts_with(&plain(wanted)),
            }),
            Wanted::Reference { kind, id, .. } => {
                let Some(has) = element["reference"].as_str() else { return false };
                let has = has.split("/_history/").next().unwrap_or(has);
                match kind {
                    Some(kind) => has == format!("{kind}/{id}"),
                    // A bare id means a resource of this server; a URL means itself.
                    None => has == id || (!has.contains(':') && has.ends_with(&format!("/{id}"))),
                }
            }
            Wanted::Quantity { prefix, number, unit } => {
                let has = ten_thousandths(&element["value"].to_string());
                let (wanted, half) = (ten_thousandths(number), half_of_last_digit(number));
                let right_unit =
                    unit.is_none_or(|unit| element["code"] == unit && element["system"] == "http://unitsofmeasure.org");
                let near = wanted - half <= has && has < wanted + half;
                right_unit
                    && match *prefix {
                        "ne" => !near,
                        // After these prefixes the precision is ignored (R4), so that a number ends where it starts.
                        "gt" | "sa" => has > wanted,
                        "lt" | "eb" => has < wanted,
                        "ge" => has >= wanted,
                        "le" => has <= wanted,
                        // R4 recommends 10 % of the stated value.
                        "ap" => (has - wanted).abs() * 10 <= wanted.abs(),
                        _ => near,
                    }
            }
        }
    }
}

/// `(system, code)` of each value that a token parameter may search.
fn codings(element: &Json) -> Vec<(String, String)> {
    let text = |name: &str| element[name].as_str().unwrap_or_default().to_owned();
    match element {
        Json::String(code) => vec![(String::new(), code.clone())],
        Json::Bool(flag) => vec![(String::new(), flag.to_string())],
        Json::Object(parts) if parts.contains_key("coding") => {
            element["coding"].as_array().unwrap().iter().flat_map(codings).collect()
        }
        Json::Object(parts) if parts.contains_key("value") => vec![(text("system"), text("value"))],
        Json::Object(parts) if parts.contains_key("code") => vec![(text("system"), text("code"))],
        _ => vec![],
    }
}

/// Every string in a name, an address, or the element itself, except the codes for its use.
fn strings(element: &Json) -> Vec<String> {
    match element {
        Json::String(text) => vec![text.clone()],
        Json::Array(items) => items.iter().flat_map(strings).collect(),
        Json::Object(parts) => {
            parts.iter().filter(|(name, _)| *name != "use").flat_map(|(_, part)| strings(part)).collect()
        }
        _ => vec![],
    }
}

/// The text without case, and without the accents that the records have.
fn plain(text: &str) -> String {
    let letter = |c: char| match c {
        'é' | 'è' => 'e',
        'ü' => 'u',
        'ñ' => 'n',
        'ö' => 'o',
        c => c,
    };
    text.to_lowercase().chars().filter(|c| *c != '\u{301}').map(letter).collect()
}
