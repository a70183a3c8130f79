//! A search as it was asked: the query's pairs, checked against the table before anything is looked up.

use super::bounded::{LARGEST_LIST, bounded};
use super::chain::Chain;
use super::outcome::Error;
use crate::fhir::filter::{Filter, FilterError};
use crate::fhir::parameters::{SearchParamType, SearchParameter};
use crate::fhir::types::{Owner, ResourceType};
use crate::http::single;

/// The page size where the app names none, and the largest one.
pub const DEFAULT_COUNT: usize = 50;
/// See [`DEFAULT_COUNT`].
pub const LARGEST_COUNT: usize = 100;

/// More includes than this are an attack, too.
const MOST_INCLUDES: usize = 16;

/// More chains than this are an attack, too: each reads what the member reaches.
const MOST_CHAINS: usize = 4;

/// Our own parameter: where a page goes on. Apps get it in `next` and never make it.
pub const CURSOR: &str = "_cursor";

/// Parameters about the answer, not about resources. Each may be given once, apart from the includes.
const CONTROLS: &[&str] =
    &["_count", "_sort", "_total", "_summary", "_elements", "_include", "_revinclude", "_format", "_pretty", CURSOR];

/// R4 parameters that ask about resources the app may not read: oracles, refused by name.
const ORACLES: &[&str] = &["_has", "_filter", "_query", "_list", "_text", "_content", "_contained", "_containedType"];

/// One key of `_sort`.
#[derive(Clone, Debug)]
pub struct Sort {
    /// The parameter whose values order the result.
    pub parameter: &'static SearchParameter,
    /// Its position in the type's list.
    pub position: u16,
    /// Whether `-` stood before it.
    pub descending: bool,
}

/// One `_include` or `_revinclude`.
#[derive(Clone, Debug)]
pub struct Include {
    /// The type that refers.
    pub source: &'static ResourceType,
    /// The positions of the parameters that refer, in the source type's list.
    pub parameters: Vec<u16>,
    /// Only targets of this type.
    pub target: Option<String>,
}

/// How much of each resource is given out (R4 search, "Summary", "Elements").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Summary {
    /// All of it.
    Whole,
    /// No resources at all: how many there are.
    Count,
    /// Without the narrative.
    Data,
    /// The narrative, and what must be there.
    Text,
    /// What R4 calls the type's summary.
    Digest,
    /// These elements and what must be there.
    Elements(Vec<String>),
}

/// A search.
#[derive(Debug)]
pub struct Query {
    /// The type searched.
    pub resource_type: &'static ResourceType,
    /// All must hold.
    pub filters: Vec<Filter>,
    /// So must these, of what the resource refers to; they become filters before anything is looked up.
    pub chains: Vec<Chain>,
    /// The order; empty means newest first.
    pub sort: Vec<Sort>,
    /// The page size.
    pub count: usize,
    /// Whether `_total=accurate` was asked for.
    pub exact_total: bool,
    /// How much of each resource.
    pub summary: Summary,
    /// What the matches refer to.
    pub includes: Vec<Include>,
    /// What refers to the matches.
    pub reverse_includes: Vec<Include>,
    /// Where to go on.
    pub cursor: Option<String>,
    /// The pairs that were understood, for the `self` link.
    pub understood: Vec<(String, String)>,
    /// Parameters left out because the app said `Prefer: handling=lenient`.
    pub ignored: Vec<String>,
}

impl Query {
    /// Reads a search on `resource_type`. `bases` are the URLs under which our own resources may be named.
    ///
    /// # Errors
    /// [`Error::Invalid`] or [`Error::NotSupported`] that names the parameter and what would be right.
    pub fn parse(
        resource_type: &'static ResourceType,
        pairs: Vec<(String, String)>,
        lenient: bool,
        bases: &[&str],
    ) -> Result<Query, Error> {
        bounded(&pairs)?;
        let once = |name: &str| single(&pairs, name).map_err(|error| Error::Invalid(error.to_string()));
        let (summary, count) = (summary(once("_summary")?, once("_elements")?)?, count(once("_count")?)?);
        let mut query = Query {
            resource_type,
            filters: Vec::new(),
            chains: Vec::new(),
            sort: sort(resource_type, once("_sort")?)?,
            count: count.unwrap_or(DEFAULT_COUNT),
            exact_total: exact_total(once("_total")?)?,
            // R4: `_count=0` asks for the total alone.
            summary: if count == Some(0) { Summary::Count } else { summary },
            includes: Vec::new(),
            reverse_includes: Vec::new(),
            cursor: once(CURSOR)?.map(str::to_owned),
            understood: Vec::new(),
            ignored: Vec::new(),
        };
        format(once("_format")?)?;
        once("_pretty")?;
        for (name, value) in &pairs {
            let base = name.split([':', '.']).next().unwrap_or_default();
            if ORACLES.contains(&base) {
                return Err(Error::NotSupported(format!(
                    "`{base}` is not supported: it asks about more than the member's own resources"
                )));
            }
            match name.as_str() {
                "_include" => query.includes.push(include(resource_type, value, false)?),
                "_revinclude" => query.reverse_includes.push(include(resource_type, value, true)?),
                name if base == "_include" || base == "_revinclude" => {
                    return Err(Error::NotSupported(format!(
                        "`{name}` is not supported; name each step of an include by itself"
                    )));
                }
                name if CONTROLS.contains(&name) => {}
                name => match condition(&mut query, name, value, bases) {
                    Ok(()) => {}
                    Err(FilterError::Unknown { .. }) if lenient => {
                        query.ignored.push(name.to_owned());
                        continue;
                    }
                    Err(FilterError::Unsupported(text)) => return Err(Error::NotSupported(text)),
                    Err(fault) => return Err(Error::Invalid(fault.to_string())),
                },
            }
            if name != CURSOR {
                let value = if name == "_count" { query.count.to_string() } else { value.clone() };
                query.understood.push((name.clone(), value));
            }
        }
        if query.includes.len() + query.reverse_includes.len() > MOST_INCLUDES {
            return Err(Error::Invalid(format!("a search has at most {MOST_INCLUDES} includes")));
        }
        if query.chains.len() > MOST_CHAINS {
            return Err(Error::Invalid(format!("a search has at most {MOST_CHAINS} chains")));
        }
        Ok(query)
    }

    /// Makes sure that every member the search names is `owner`. It is never narrowed silently: an app that asks for
    /// another member, even among others, is told so.
    ///
    /// # Errors
    /// [`Error::OtherMember`]
    pub fn only_of(&self, owner: &str) -> Result<(), Error> {
        match self.filters.iter().find(|filter| filter.members().any(|member| member != owner)) {
            Some(filter) => Err(Error::OtherMember { parameter: filter.parameter.code.to_owned() }),
            None => Ok(()),
        }
    }

    /// The filters that can leave a resource of the owner out: `patient=<owner>` cannot.
    pub fn selective(&self) -> impl Iterator<Item = &Filter> {
        let owner_element = match self.resource_type.owner {
            Owner::Subject(element) => element,
            _ => "",
        };
        self.filters.iter().filter(move |filter| {
            let names_owner = filter.parameter.path == owner_element && filter.members().next().is_some();
            !names_owner
        })
    }

    /// Whether the order is the one that the history is kept in, and if so whether the newest come first.
    pub fn history_order(&self) -> Option<bool> {
        match &self.sort[..] {
            [] => Some(true),
            [sort] if Some(sort.parameter.code) == self.resource_type.key_date => Some(sort.descending),
            _ => None,
        }
    }
}

fn condition(query: &mut Query, name: &str, value: &str, bases: &[&str]) -> Result<(), FilterError> {
    if value.split(',').count() > LARGEST_LIST {
        return Err(FilterError::Malformed(format!("`{name}` has more than {LARGEST_LIST} values")));
    }
    if name.contains('.') {
        query.chains.push(Chain::parse(query.resource_type, name, value, bases)?);
    } else {
        query.filters.push(Filter::parse(query.resource_type, name, value, bases)?);
    }
    Ok(())
}

fn count(value: Option<&str>) -> Result<Option<usize>, Error> {
    let Some(text) = value else { return Ok(None) };
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return Err(Error::Invalid(format!("`_count={text}`: a whole number from 0 to {LARGEST_COUNT} is needed")));
    }
    // A number too large for the type is larger than the largest page.
    Ok(Some(text.parse().unwrap_or(LARGEST_COUNT).min(LARGEST_COUNT)))
}

fn sort(resource_type: &'static ResourceType, value: Option<&str>) -> Result<Vec<Sort>, Error> {
    let Some(text) = value else { return Ok(Vec::new()) };
    text.split(',')
        .map(|key| {
            let (code, descending) = key.strip_prefix('-').map_or((key, false), |code| (code, true));
            let found = resource_type.parameter(code);
            let sortable = |resource_type| {
                matches!(
                    resource_type,
                    SearchParamType::Date | SearchParamType::String | SearchParamType::Token | SearchParamType::Uri
                )
            };
            match found {
                Some((position, parameter)) if sortable(parameter.param_type) => {
                    Ok(Sort { parameter, position, descending })
                }
                _ => {
                    let known: Vec<&str> = resource_type
                        .parameters()
                        .filter(|(_, parameter)| sortable(parameter.param_type))
                        .map(|(_, parameter)| parameter.code)
                        .collect();
                    Err(Error::Invalid(format!("`_sort={key}`: {} sorts by {}", resource_type.name, known.join(", "))))
                }
            }
        })
        .collect()
}

fn exact_total(value: Option<&str>) -> Result<bool, Error> {
    match value {
        None | Some("none" | "estimate") => Ok(false),
        Some("accurate") => Ok(true),
        Some(other) => Err(Error::Invalid(format!("`_total={other}`: none, estimate or accurate is needed"))),
    }
}

fn summary(summary: Option<&str>, elements: Option<&str>) -> Result<Summary, Error> {
    match (summary, elements) {
        (None | Some("false"), None) => Ok(Summary::Whole),
        (None | Some("false"), Some(elements)) => {
            Ok(Summary::Elements(elements.split(',').map(|name| name.trim().to_owned()).collect()))
        }
        (Some(_), Some(_)) => Err(Error::Invalid("`_summary` and `_elements` exclude each other".into())),
        (Some("count"), None) => Ok(Summary::Count),
        (Some("data"), None) => Ok(Summary::Data),
        (Some("text"), None) => Ok(Summary::Text),
        (Some("true"), None) => Ok(Summary::Digest),
        (Some(other), None) => {
            Err(Error::Invalid(format!("`_summary={other}`: true, text, data, count or false is needed")))
        }
    }
}

/// Refuses every format but JSON.
///
/// # Errors
/// [`Error::NotAcceptable`]
pub fn format(value: Option<&str>) -> Result<(), Error> {
    match value {
        None | Some("json" | "application/json" | "application/fhir+json" | "application/fhir json" | "text/json") => {
            Ok(())
        }
        Some(_) => Err(Error::speaks_json()),
    }
}

/// `Type:parameter[:Target]`, or `Type:*` for all of a type's references.
fn include(resource_type: &'static ResourceType, value: &str, reverse: bool) -> Result<Include, Error> {
    let name = if reverse { "_revinclude" } else { "_include" };
    let wrong = |what: String| Error::Invalid(format!("`{name}={value}`: {what}"));
    let mut parts = value.splitn(3, ':');
    let source = parts.next().unwrap_or_default();
    let Some(code) = parts.next() else {
        return Err(wrong(format!("Type:parameter is needed, such as {}:patient", resource_type.name)));
    };
    let Some(source) = ResourceType::named(source) else {
        return Err(wrong(format!("{source} is no type of this server")));
    };
    if !reverse && source != resource_type {
        return Err(wrong(format!(
            "a search on {} includes what {} refers to",
            resource_type.name, resource_type.name
        )));
    }
    let references = || source.parameters().filter(|(_, parameter)| parameter.param_type == SearchParamType::Reference);
    let parameters: Vec<u16> = references()
        .filter(|(_, parameter)| code == "*" || parameter.code == code)
        .map(|(position, _)| position)
        .collect();
    if parameters.is_empty() || (reverse && code == "*") {
        let known: Vec<&str> = references().map(|(_, parameter)| parameter.code).collect();
        return Err(wrong(format!("{} refers by {}", source.name, known.join(", "))));
    }
    Ok(Include { source, parameters, target: parts.next().map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<Query, Error> {
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Query::parse(ResourceType::named("ExplanationOfBenefit").unwrap(), pairs, false, &[])
    }

    #[test]
    fn what_real_clients_ask_is_understood() {
        let query = parse("patient=a&_count=20&_sort=-created&type=pharmacy&created=ge2025-01-01").unwrap();
        assert_eq!((query.count, query.history_order(), query.selective().count()), (20, Some(true), 2));
    }

    #[test]
    fn a_search_for_another_member_is_noticed_wherever_it_stands() {
        for query in [
            "patient=b",
            "patient=a,b",
            "patient=a&patient=b",
            "patient=Patient/b",
            "patient:Patient=b",
            "payee=Patient/b",
        ] {
            assert!(matches!(parse(query).unwrap().only_of("a"), Err(Error::OtherMember { .. })), "{query}");
        }
        assert!(parse("patient=Patient/a&status=active").unwrap().only_of("a").is_ok());
    }

    #[test]
    fn oracles_are_refused_by_name() {
        for query in [
            "_has:Observation:patient:code=x",
            "_filter=a",
            "_list=x",
            "_text=x",
            "_content=x",
            "_query=x",
            "provider.name=x",
            "_include=*",
            "_revinclude=*",
            "_include:iterate=ExplanationOfBenefit:provider",
            "_revinclude=Provenance:*",
        ] {
            assert!(parse(query).is_err(), "{query}");
        }
        assert!(parse("_include=ExplanationOfBenefit:*").unwrap().includes[0].parameters.len() > 5);
    }

    #[test]
    fn bad_controls_are_named_with_what_would_be_right() {
        for query in [
            "_count=-1",
            "_count=1.5",
            "_count=abc",
            "_count=1&_count=2",
            "_sort=colour",
            "_sort=created&_sort=type",
            "_total=maybe",
            "_summary=half",
            "_include=ExplanationOfBenefit",
            "_include=Claim:provider",
            "_format=xml",
        ] {
            assert!(parse(query).is_err(), "{query}");
        }
        assert_eq!(parse("_count=1000000000000000000000").unwrap().count, LARGEST_COUNT);
        assert_eq!(parse("_count=0").unwrap().summary, Summary::Count);
    }
}
