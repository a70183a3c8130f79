//! Grants as a person sees them: apps.

use std::collections::BTreeMap;

use super::pages::ConnectedApp;
use super::words::choices;
use crate::access::grant::Grant;
use crate::clock::Time;

/// The apps that hold the grants, in the order of their names.
pub(super) fn connected(grants: &[Grant]) -> Vec<ConnectedApp> {
    let mut by_app: BTreeMap<(&str, &str), Vec<&Grant>> = BTreeMap::new();
    for grant in grants {
        by_app.entry((&grant.client_name, &grant.client)).or_default().push(grant);
    }
    let app = |((name, client), grants): ((&str, &str), Vec<&Grant>)| {
        let first = grants.iter().map(|grant| grant.created_at).min();
        let last = grants.iter().map(|grant| grant.ends_at()).max();
        let scopes = grants.iter().map(|grant| grant.scope.as_str()).collect::<Vec<_>>().join(" ");
        ConnectedApp {
            client: client.to_owned(),
            name: name.to_owned(),
            since: day(first),
            until: day(last),
            sees: choices(&scopes.parse().unwrap_or_default()),
        }
    };
    by_app.into_iter().map(app).collect()
}

fn day(time: Option<Time>) -> String {
    time.map(Time::day).unwrap_or_default()
}
