//! The routes of the template as `cargo lambda watch` reads them, in `CargoLambda.toml`.
//!
//! Its router has no `ANY` and no greedy parameter beside another one, and it does not look for another route if a path
//! matches and the method does not. So each path is written with every method and the function that API Gateway would
//! choose, and `{proxy+}` and `$default` become paths of one segment, of two, and so on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};

use crate::cfn::intrinsics::Resolver;
use crate::cfn::resources::StackResources;
use crate::cfn::template::Template;
use crate::gateway::routes::{Route, Routes};

/// The most segments of a path that only a greedy route takes.
const DEPTH: usize = 6;

const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

const HEAD: &str = r#"# Made from template.yaml; the test `cargo_lambda_has_the_routes_of_the_template` holds it equal and says how to make it anew.
# Address and port are not here because the command line's own defaults would win: `cargo lambda watch -A 127.0.0.1`.

[build]
# The functions, and not the tools around them: `cargo lambda build --release --arm64` is then what `sam build` does.
packages = ["functions"]

[watch]
# Where `patient-access local --services-only` leaves the functions' environment.
env_file = ".local/functions.env"
# The functions answer preflights themselves, each route as it should.
disable_cors = true
# One build beforehand serves all functions; a watcher for each would rebuild and restart all of them at every change.
ignore_changes = true
# Functions start with their first request.
wait = true
router = [
"#;

/// Each route's key (`GET /fhir/{type}`, `$default`) and the binary of the function behind it.
///
/// # Errors
/// The template cannot be read or resolved.
pub fn routes(template: &Path) -> Result<BTreeMap<String, String>> {
    let (routes, binaries) = read(template)?;
    routes.iter().map(|route| Ok((route.key.clone(), binary(&binaries, route)?.to_owned()))).collect()
}

/// The text of `CargoLambda.toml` for a template.
///
/// # Errors
/// The template cannot be read or resolved.
pub fn watch_config(template: &Path) -> Result<String> {
    let (routes, binaries) = read(template)?;
    let mut text = HEAD.to_owned();
    for path in paths(&routes) {
        let mut methods: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for method in METHODS {
            if let Some((route, _)) = routes.select(method, &path) {
                methods.entry(binary(&binaries, route)?).or_default().push(method);
            }
        }
        for (binary, methods) in methods {
            let methods =
                if methods.len() == METHODS.len() { String::new() } else { format!(" methods = {methods:?},") };
            writeln!(text, "  {{ path = \"{path}\",{methods} function = \"{binary}\" }},")?;
        }
    }
    text.push_str("]\n");
    Ok(text)
}

/// The routes of a template, and the binary of each function.
fn read(template: &Path) -> Result<(Routes, BTreeMap<String, String>)> {
    let template = Template::read(template)?;
    let resources = StackResources::new(&Resolver::new(&template, &BTreeMap::new())?)?;
    let binaries = resources.functions.into_iter().map(|function| (function.name, function.binary)).collect();
    Ok((Routes::new(resources.routes)?, binaries))
}

fn binary<'a>(binaries: &'a BTreeMap<String, String>, route: &Route) -> Result<&'a str> {
    binaries.get(&route.function).map(String::as_str).context("a route has no function")
}

/// All paths, those of greedy routes at each length.
fn paths(routes: &Routes) -> BTreeSet<String> {
    let written: Vec<Vec<&str>> = routes.iter().map(|route| segments(route.path().unwrap_or("/{default+}"))).collect();
    let mut paths: BTreeSet<String> = BTreeSet::new();
    for path in &written {
        let Some((last, prefix)) = path.split_last().filter(|(last, _)| last.ends_with("+}")) else {
            paths.insert(format!("/{}", path.join("/")));
            continue;
        };
        if *last == "{default+}" {
            paths.insert("/".to_owned());
        }
        let mut longer: Vec<String> = prefix.iter().map(|&segment| segment.to_owned()).collect();
        while longer.len() < DEPTH {
            longer.push(parameter(&written, &longer));
            paths.insert(format!("/{}", longer.join("/")));
        }
    }
    paths
}

/// A parameter for the segment after `prefix`. It has the name that routes with a parameter there give it, because the
/// router takes one name for one place.
fn parameter(written: &[Vec<&str>], prefix: &[String]) -> String {
    let there =
        written.iter().filter(|path| path.len() > prefix.len() && path.iter().zip(prefix).all(|(a, b)| *a == *b));
    let mut names = there.map(|path| path[prefix.len()]).filter(|name| name.starts_with('{') && !name.ends_with("+}"));
    names.next().map_or_else(|| format!("{{part{}}}", prefix.len() + 1), str::to_owned)
}

fn segments(path: &str) -> Vec<&str> {
    path.split('/').skip(1).collect()
}
