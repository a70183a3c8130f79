//! A search as it was asked: its parameters, checked against the table before anything is looked up.

mod fault;
mod include;
mod sort;

use std::collections::BTreeSet;

pub use self::include::Include;
pub use self::sort::Sort;

use self::fault::Fault;
use super::chain::Chain;
use super::controls::{self, On};
use super::cursor::CURSOR;
use super::outcome::Error;
use super::subset::Subset;
use super::unknown::unknown;
use crate::bounds::{ALL_VALUES, CHAINS, DEFAULT_PAGE, INCLUDES, LARGEST_PAGE, VALUES};
use crate::fhir::escaping::{shortened, split_escaped};
use crate::fhir::filter::{Filter, FilterError};
use crate::fhir::types::{Owner, ResourceType};
use crate::http::single;
use crate::record::row::Row;

/// R4 parameters that ask about resources the app may not read: oracles, refused by name.
const ORACLES: &[&str] = &["_has", "_filter", "_query", "_list", "_text", "_content", "_contained", "_containedType"];

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
    pub subset: Subset,
    /// Resources that the matches refer to.
    pub includes: Vec<Include>,
    /// Resources that refer to the matches.
    pub reverse_includes: Vec<Include>,
    /// Where to go on.
    pub cursor: Option<String>,
    /// The pairs that were understood, for the `self` link.
    pub understood: Vec<(String, String)>,
    /// Why parameters were left out of a lenient search.
    pub left_out: Vec<String>,
    /// How many values its filters have in all.
    values: usize,
}

impl Query {
    /// Reads a search on `resource_type`. Equal parameters count once, and so do equal values of one. A `lenient` search leaves out what
    /// this server does not support. `bases` are the URLs under which our own resources may be named.
    ///
    /// # Errors
    /// [`Error::Invalid`] or [`Error::NotSupported`] that names the parameter and what would be right.
    pub fn parse(
        resource_type: &'static ResourceType,
        pairs: &[(String, String)],
        lenient: bool,
        bases: &[&str],
    ) -> Result<Query, Error> {
        let once = |name: &str| single(pairs, name).map_err(|error| Error::Invalid(error.to_string()));
        let (subset, count) = (Subset::parse(once("_summary")?, once("_elements")?)?, count(once("_count")?)?);
        once("_sort")?;
        once("_pretty")?;
        let mut query = Query {
            resource_type,
            filters: Vec::new(),
            chains: Vec::new(),
            sort: Vec::new(),
            count: count.unwrap_or(DEFAULT_PAGE),
            exact_total: exact_total(once("_total")?)?,
            // R4: `_count=0` asks for the total alone.
            subset: if count == Some(0) { Subset::Count } else { subset },
            includes: Vec::new(),
            reverse_includes: Vec::new(),
            cursor: once(CURSOR)?.map(str::to_owned),
            understood: Vec::new(),
            left_out: Vec::new(),
            values: 0,
        };
        let mut seen = BTreeSet::new();
        for pair in pairs.iter().filter(|pair| seen.insert(*pair)) {
            // Of `_sort` a lenient search leaves out single keys, of the others all.
            let keys = if pair.0 == "_sort" { pair.1.split(',').collect() } else { vec![pair.1.as_str()] };
            for value in keys {
                match query.take(&pair.0, value, bases) {
                    Ok(()) => {}
                    Err(Fault::Unsupported(error)) if lenient => query.left_out.push(error.to_string()),
                    Err(Fault::Unsupported(error) | Fault::Malformed(error)) => return Err(error),
                }
            }
        }
        Ok(query)
    }

    /// Takes one parameter in, and notes it as understood.
    fn take(&mut self, name: &str, value: &str, bases: &[&str]) -> Result<(), Fault> {
        let base = name.split([':', '.']).next().unwrap_or_default();
        if ORACLES.contains(&base) {
            let text = format!("`{base}` is not supported: it asks about more than the member's own resources");
            return Err(Fault::unsupported(text));
        }
        match name {
            "_sort" => {
                sort::add(&mut self.sort, self.resource_type, value)?;
                // One parameter with the keys that were understood.
                if let Some((_, keys)) = self.understood.iter_mut().find(|(name, _)| name == "_sort") {
                    keys.push(',');
                    keys.push_str(value);
                    return Ok(());
                }
            }
            "_include" | "_revinclude" => self.include(value, name == "_revinclude")?,
            name if base == "_include" || base == "_revinclude" => {
                let name = shortened(name);
                let text = format!("`{name}` is not supported; name each step of an include by itself");
                return Err(Fault::unsupported(text));
            }
            CURSOR => return Ok(()),
            "_count" => {
                self.understood.push((name.to_owned(), self.count.to_string()));
                return Ok(());
            }
            name if controls::takes(On::Search, name) => {}
            name => self.condition(name, value, bases)?,
        }
        self.understood.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    fn include(&mut self, value: &str, reverse: bool) -> Result<(), Fault> {
        let include = include::parse(self.resource_type, value, reverse)?;
        let includes = if reverse { &mut self.reverse_includes } else { &mut self.includes };
        if !includes.contains(&include) {
            includes.push(include);
        }
        if self.includes.len() + self.reverse_includes.len() > INCLUDES {
            return Err(Fault::malformed(format!("a search has at most {INCLUDES} includes")));
        }
        Ok(())
    }

    fn fault(&self, error: FilterError) -> Fault {
        let FilterError::Unknown { name, .. } = &error else { return error.into() };
        let known: Vec<&str> = self.resource_type.parameters().map(|(_, parameter)| parameter.code).collect();
        let also: Vec<&str> = controls::of(On::Search).map(|row| row.name).collect();
        Fault::unknown(unknown(self.resource_type.name, name, &known, &also))
    }

    fn condition(&mut self, name: &str, value: &str, bases: &[&str]) -> Result<(), Fault> {
        let mut values = split_escaped(value, ',');
        let mut seen = BTreeSet::new();
        values.retain(|value| seen.insert(value.clone()));
        if values.len() > VALUES {
            return Err(Fault::malformed(format!("`{}` has more than {VALUES} values", shortened(name))));
        }
        self.values += values.len();
        if self.values > ALL_VALUES {
            let text = format!("the parameters of a search have at most {ALL_VALUES} values in all; ask in parts");
            return Err(Fault::malformed(text));
        }
        let value = values.join(",");
        if name.contains('.') {
            self.chains.push(Chain::parse(self.resource_type, name, &value, bases)?);
        } else {
            let filter = Filter::parse(self.resource_type, name, &value, bases);
            self.filters.push(filter.map_err(|error| self.fault(error))?);
        }
        if self.chains.len() > CHAINS {
            return Err(Fault::malformed(format!("a search has at most {CHAINS} chains")));
        }
        Ok(())
    }

    /// Makes sure that the search is about `owner`. It is never narrowed silently: an app that asks about another member, even among
    /// others, is told so. A condition on another element, such as the subscriber of a Coverage, is about the member's own resources,
    /// whoever stands there.
    ///
    /// # Errors
    /// [`Error::OtherMember`]
    pub fn only_of(&self, owner: &str) -> Result<(), Error> {
        match self
            .filters
            .iter()
            .filter(|filter| self.names_subject(filter))
            .find(|filter| filter.members().any(|member| member != owner))
        {
            Some(filter) => Err(Error::OtherMember { parameter: filter.parameter.code.to_owned() }),
            None => Ok(()),
        }
    }

    /// Whether the filter says whom the resources are about: its parameter stands at the element that names a resource's owner, or is one
    /// of R4's for a subject.
    fn names_subject(&self, filter: &Filter) -> bool {
        let owner_element = match self.resource_type.owner {
            Owner::Subject(element) | Owner::SubjectOrShared(element) => element,
            _ => "",
        };
        filter.parameter.path == owner_element || matches!(filter.parameter.code, "patient" | "subject" | "focus")
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

    /// Whether all filters keep this resource.
    pub fn keeps(&self, row: &Row) -> bool {
        self.filters.iter().all(|filter| filter.keeps(row.index()))
    }

    /// Whether the newest come first, where the order is the one that the history is kept in. Shared resources have no history.
    pub fn history_order(&self) -> Option<bool> {
        match &self.sort[..] {
            _ if self.resource_type.is_shared() => None,
            [] => Some(true),
            [sort] if Some(sort.parameter.code) == self.resource_type.key_date => Some(sort.descending),
            _ => None,
        }
    }
}

fn count(value: Option<&str>) -> Result<Option<usize>, Error> {
    let Some(text) = value else { return Ok(None) };
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return Err(Error::Invalid(format!("`_count={text}`: a whole number from 0 to {LARGEST_PAGE} is needed")));
    }
    // A number too large for the type is larger than the largest page.
    Ok(Some(text.parse().unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE)))
}

fn exact_total(value: Option<&str>) -> Result<bool, Error> {
    match value {
        None | Some("none" | "estimate") => Ok(false),
        Some("accurate") => Ok(true),
        Some(other) => Err(Error::Invalid(format!("`_total={other}`: none, estimate or accurate is needed"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_as(query: &str, lenient: bool) -> Result<Query, Error> {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Query::parse(ResourceType::named("ExplanationOfBenefit").unwrap(), &pairs, lenient, &[])
    }

    fn parse(query: &str) -> Result<Query, Error> {
        parse_as(query, false)
    }

    #[test]
    fn what_real_clients_ask_is_understood() {
        let query = parse("patient=a&_count=20&_sort=-created&type=pharmacy&created=ge2025-01-01").unwrap();
        assert_eq!((query.count, query.history_order(), query.selective().count()), (20, Some(true), 2));
    }

    #[test]
    fn a_search_for_another_members_record_is_noticed_in_every_spelling() {
        for query in ["patient=b", "patient=a,b", "patient=a&patient=b", "patient=Patient/b", "patient:Patient=b"] {
            assert!(matches!(parse(query).unwrap().only_of("a"), Err(Error::OtherMember { .. })), "{query}");
        }
        for query in ["patient=Patient/a&status=active", "payee=Patient/b", "enterer=Patient/b&patient=a"] {
            assert!(parse(query).unwrap().only_of("a").is_ok(), "{query}: a condition on the member's own resources");
        }
    }

    #[test]
    fn a_lenient_search_leaves_out_what_is_unsupported_and_nothing_that_is_malformed() {
        for (query, understood) in [
            ("colour=red&status=active", "status=active"),
            ("_sort=colour,-created,shape&_count=7", "_sort=-created&_count=7"),
            ("_sort=colour", ""),
            (
                "_include=ExplanationOfBenefit:colour&_include=ExplanationOfBenefit:provider",
                "_include=ExplanationOfBenefit:provider",
            ),
            ("_include=*&_revinclude=Nonsense:x&_include=Claim:provider", ""),
            ("_include:iterate=ExplanationOfBenefit:provider", ""),
            ("type:text=a&provider.name=a&_has:Claim:patient:use=a&_filter=x&_list=y", ""),
        ] {
            assert!(parse(query).is_err(), "{query}");
            let lenient = parse_as(query, true).unwrap();
            let told = form_urlencoded::parse(understood.as_bytes()).into_owned().collect::<Vec<_>>();
            assert_eq!(lenient.understood, told, "{query}");
            assert!(!lenient.left_out.is_empty(), "{query}");
        }
        for query in [
            "created=soon",
            "_count=x",
            "_include=Claim",
            "_sort=",
            "type=a|b|c",
            "status=",
            "_summary=half",
            "_elements=",
        ] {
            assert!(parse_as(query, true).is_err(), "{query}");
        }
    }

    #[test]
    fn equal_parameters_and_equal_values_count_once() {
        let repeated = |text: &str, times: usize| vec![text; times].join("&");
        let query = parse(&repeated("_revinclude=Provenance:target", INCLUDES + 1)).unwrap();
        assert_eq!((query.reverse_includes.len(), query.understood.len()), (1, 1));
        assert_eq!(parse(&repeated("status=active", 90)).unwrap().filters.len(), 1);
        assert!(parse(&format!("status={}", vec!["active"; 2 * VALUES].join(","))).is_ok());
        let sort = parse("_sort=-created,created,type,-type").unwrap().sort;
        assert_eq!(
            sort.iter().map(|sort| (sort.parameter.code, sort.descending)).collect::<Vec<_>>(),
            [("created", true), ("type", false)]
        );
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
        ] {
            assert!(parse(query).is_err(), "{query}");
        }
        assert_eq!(parse("_count=1000000000000000000000").unwrap().count, LARGEST_PAGE);
        assert_eq!(parse("_count=0").unwrap().subset, Subset::Count);
    }
}
