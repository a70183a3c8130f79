//! The route selection of HTTP APIs: from a request to the function that answers it.
//!
//! API Gateway prefers a full match to a greedy one (`{proxy+}`) and a route for the method to one for `ANY`;
//! `$default` comes last. Among full matches, a static segment is preferred to a parameter. Routes are sorted in this
//! order: the first match is selected.
//!
//! Source: Amazon API Gateway Developer Guide, "Create routes for HTTP APIs".

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

/// One route of the API.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    /// The logical id of its function.
    pub(crate) function: String,
    /// The route key: `GET /fhir/{type}`, or `$default`.
    pub(crate) key: String,
    /// The method; `None` is `ANY`.
    method: Option<String>,
    /// The path; `None` is `$default`.
    path: Option<Vec<Segment>>,
}

/// One segment of a route's path.
#[derive(Debug, Clone)]
enum Segment {
    Static(String),
    Parameter(String),
    /// `{name+}`: this segment and all that follow it.
    Greedy(String),
}

impl Route {
    /// A route to a function, for a method (`None` is `ANY`) and a path or `$default`.
    ///
    /// # Errors
    /// A greedy segment that is not the last one.
    pub(crate) fn new(function: &str, method: Option<String>, path: &str) -> Result<Self> {
        let is_default = path == "$default";
        let key = match is_default {
            true => path.to_owned(),
            false => format!("{} {path}", method.as_deref().unwrap_or("ANY")),
        };
        let segments: Vec<Segment> = split(path).map(Segment::parse).collect();
        let greedy = segments.iter().position(|segment| matches!(segment, Segment::Greedy(_)));
        ensure!(greedy.is_none_or(|index| index + 1 == segments.len()), "{path}: only the last segment can be greedy");
        let path = (!is_default).then_some(segments);
        Ok(Self { function: function.to_owned(), key, method, path })
    }

    /// The path as the template has it; `None` for `$default`.
    pub(crate) fn path(&self) -> Option<&str> {
        self.key.split_once(' ').map(|(_, path)| path)
    }

    /// The path parameters if this route matches.
    fn matches<'a>(&self, method: &str, path: &'a str) -> Option<BTreeMap<&str, &'a str>> {
        if self.method.as_deref().is_some_and(|own| own != method) {
            return None;
        }
        let mut parameters = BTreeMap::new();
        let Some(segments) = &self.path else {
            return Some(parameters);
        };
        let mut rest = path.strip_prefix('/');
        for segment in segments {
            let remaining = rest?;
            let (first, after) = match remaining.split_once('/') {
                Some((first, after)) => (first, Some(after)),
                None => (remaining, None),
            };
            rest = after;
            match segment {
                Segment::Static(text) if text == first => {}
                Segment::Parameter(name) if !first.is_empty() => {
                    parameters.insert(name.as_str(), first);
                }
                Segment::Greedy(name) if !remaining.is_empty() => {
                    parameters.insert(name.as_str(), remaining);
                    rest = None;
                }
                _ => return None,
            }
        }
        rest.is_none().then_some(parameters)
    }

    /// The place in the order of selection: a smaller one is preferred.
    fn rank(&self) -> impl Ord + '_ {
        let last = self.path.as_ref().and_then(|path| path.last());
        let greedy = matches!(last, Some(Segment::Greedy(_)));
        let kinds: Option<Vec<u8>> = self.path.as_ref().map(|path| path.iter().map(Segment::rank).collect());
        (self.path.is_none(), greedy, self.method.is_none(), kinds.map(std::cmp::Reverse))
    }
}

impl Segment {
    fn parse(text: &str) -> Self {
        let Some(name) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else {
            return Self::Static(text.to_owned());
        };
        match name.strip_suffix('+') {
            Some(name) => Self::Greedy(name.to_owned()),
            None => Self::Parameter(name.to_owned()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Static(_) => 2,
            Self::Parameter(_) => 1,
            Self::Greedy(_) => 0,
        }
    }
}

/// The segments of a path with a leading slash.
fn split(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

/// All routes of the API.
#[derive(Debug)]
pub(crate) struct Routes(Vec<Route>);

impl Routes {
    /// Sorts routes into the order of selection.
    ///
    /// # Errors
    /// Two routes with the same key.
    pub(crate) fn new(mut routes: Vec<Route>) -> Result<Self> {
        let mut keys = BTreeMap::new();
        for route in &routes {
            if let Some(other) = keys.insert(&route.key, &route.function) {
                anyhow::bail!("both {other} and {} have the route {}", route.function, route.key);
            }
        }
        routes.sort_by(|a, b| a.rank().cmp(&b.rank()));
        Ok(Self(routes))
    }

    /// The routes in the order of selection.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }

    /// The route that is selected for a request, with its path parameters.
    pub(crate) fn select<'a>(&'a self, method: &str, path: &'a str) -> Option<(&'a Route, BTreeMap<&'a str, &'a str>)> {
        self.0.iter().find_map(|route| Some((route, route.matches(method, path)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(keys: &[&str]) -> Routes {
        let parse = |key: &&str| {
            let (method, path) = key.split_once(' ').unwrap_or(("ANY", key));
            let method = (method != "ANY").then(|| method.to_owned());
            Route::new(key, method, path).expect("a route")
        };
        Routes::new(keys.iter().map(parse).collect()).expect("routes")
    }

    fn selected(routes: &Routes, method: &str, path: &str) -> String {
        routes.select(method, path).map_or("none", |(route, _)| &route.key).to_owned()
    }

    #[test]
    fn routes_prefer_static_over_parameter_over_greedy() {
        let api = routes(&[
            "$default",
            "ANY /fhir/{proxy+}",
            "GET /fhir/{proxy+}",
            "GET /fhir/{type}",
            "GET /fhir/metadata",
            "ANY /fhir/{type}",
            "GET /fhir/{type}/{id}",
            "GET /fhir/Patient/{id}",
            "GET /fhir/{type}/_search",
        ]);
        for (method, path, expected) in [
            ("GET", "/fhir/metadata", "GET /fhir/metadata"),
            ("GET", "/fhir/Patient", "GET /fhir/{type}"),
            ("PUT", "/fhir/Patient", "ANY /fhir/{type}"),
            ("GET", "/fhir/Patient/1", "GET /fhir/Patient/{id}"),
            ("GET", "/fhir/Coverage/1", "GET /fhir/{type}/{id}"),
            ("GET", "/fhir/Coverage/_search", "GET /fhir/{type}/_search"),
            ("GET", "/fhir/Patient/1/_history/2", "GET /fhir/{proxy+}"),
            ("POST", "/fhir/Patient/1", "ANY /fhir/{proxy+}"),
            ("GET", "/fhir", "$default"),
            ("GET", "/fhir/", "$default"),
            ("GET", "/fhir/Patient/", "GET /fhir/{proxy+}"),
            ("GET", "/", "$default"),
        ] {
            assert_eq!(selected(&api, method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn without_default_an_unknown_path_has_no_route() {
        let api = routes(&["GET /a", "GET /"]);
        assert_eq!(selected(&api, "GET", "/b"), "none");
        assert_eq!(selected(&api, "POST", "/a"), "none");
        assert_eq!(selected(&api, "GET", "/"), "GET /");
    }

    #[test]
    fn parameters_carry_their_route_names() {
        let api = routes(&["GET /{a}/x/{b+}", "GET /{other}"]);
        let (_, parameters) = api.select("GET", "/1/x/2/3").expect("a match");
        assert_eq!(parameters, BTreeMap::from([("a", "1"), ("b", "2/3")]));
    }

    #[test]
    fn the_same_route_twice_is_an_error() {
        let twice = ["One", "Two"].map(|f| Route::new(f, None, "/x").expect("a route"));
        let error = Routes::new(twice.to_vec()).expect_err("refused").to_string();
        assert!(error.contains("One") && error.contains("Two") && error.contains("ANY /x"));
    }

    #[test]
    fn only_the_last_segment_can_be_greedy() {
        assert!(Route::new("F", None, "/{a+}/b").is_err());
    }
}
