//! The description of the API for the public (42 CFR 422.119(d)): the page and the `OpenAPI` document have every route of the template and
//! every parameter that is advertised, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use serde_json::Value as Json;
use tests::{App, checkout};

/// Routes that take what no other route takes. They have no path that could be described: their answers are 404, 405, and preflights.
const FALLBACK: [&str; 3] = ["/fhir/{proxy+}", "/{proxy+}", "$default"];

/// The routes of the template, each as method and path.
fn routes() -> BTreeSet<(String, String)> {
    let text = std::fs::read_to_string(checkout().join("template.yaml")).unwrap();
    let template: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text).unwrap();
    let mut routes = BTreeSet::new();
    for resource in template["Resources"].as_mapping().unwrap().values() {
        let Some(events) = resource["Properties"]["Events"].as_mapping() else { continue };
        for event in events.values().filter(|event| event["Type"] == "HttpApi") {
            let text = |name: &str, default: &str| event["Properties"][name].as_str().unwrap_or(default).to_owned();
            routes.insert((text("Method", "ANY").to_lowercase(), text("Path", "$default")));
        }
    }
    routes
}

/// The operations of the description, each as method, path and operation.
fn operations(description: &Json) -> Vec<(&str, &str, &Json)> {
    let paths = description["paths"].as_object().unwrap();
    let methods =
        paths.iter().flat_map(|(path, methods)| methods.as_object().unwrap().iter().map(move |(m, o)| (path, m, o)));
    methods.map(|(path, method, operation)| (method.as_str(), path.as_str(), operation)).collect()
}

/// Whether a path of the description is one that a route matches: a parameter of the route takes any step.
fn matches(route: &str, path: &str) -> bool {
    let (route, path): (Vec<&str>, Vec<&str>) = (route.split('/').collect(), path.split('/').collect());
    route.len() == path.len()
        && route.iter().zip(&path).all(|(of_route, of_path)| of_route.starts_with('{') || of_route == of_path)
}

/// The names of an operation's parameters in the query, references followed.
fn queried<'a>(description: &'a Json, operation: &'a Json) -> BTreeMap<&'a str, &'a Json> {
    let list = operation["parameters"].as_array().into_iter().flatten();
    let resolved = list.map(|parameter| match parameter["$ref"].as_str() {
        Some(reference) => {
            description.pointer(&reference[1..].replace("~1", "/")).unwrap_or_else(|| panic!("{reference}"))
        }
        None => parameter,
    });
    resolved.filter(|row| row["in"] == "query").map(|row| (row["name"].as_str().unwrap(), row)).collect()
}

fn names(list: &Json) -> BTreeSet<&str> {
    list.as_array().into_iter().flatten().filter_map(|row| row.as_str().or(row["name"].as_str())).collect()
}

/// T211
#[tokio::test(flavor = "multi_thread")]
async fn every_route_and_every_advertised_parameter_is_described_and_no_other() {
    let app = App::empty().await;
    let (description, statement) = (app.get("/openapi.json").await.json(), app.get("/fhir/metadata").await.json());
    let (routes, operations) = (routes(), operations(&description));
    for (method, route) in routes.iter().filter(|(_, route)| !FALLBACK.contains(&route.as_str())) {
        let described = operations.iter().any(|(other, path, _)| other == method && matches(route, path));
        assert!(described, "{method} {route} is not described");
    }
    let mut ids = BTreeSet::new();
    for (method, path, operation) in &operations {
        let routed = routes.iter().any(|(other, route)| other == method && matches(route, path));
        assert!(routed, "no route takes {method} {path}");
        assert!(
            ids.insert(operation["operationId"].as_str().unwrap()),
            "{} is the name of two",
            operation["operationId"]
        );
        assert!(!operation["summary"].as_str().unwrap().is_empty() && operation["responses"]["500"].is_object());
    }
    for resource in statement["rest"][0]["resource"].as_array().unwrap() {
        let kind = resource["type"].as_str().unwrap();
        let advertised = names(&resource["searchParam"]);
        let search = &description["paths"][format!("/fhir/{kind}")]["get"];
        assert_eq!(search.is_object(), !advertised.is_empty(), "{kind}");
        let queried = queried(&description, search);
        let controls = [
            "_count",
            "_sort",
            "_total",
            "_summary",
            "_elements",
            "_include",
            "_revinclude",
            "_format",
            "_pretty",
            "_cursor",
        ];
        let own: BTreeSet<&str> =
            queried.keys().copied().filter(|name| !controls.contains(name) && !name.contains('.')).collect();
        assert_eq!(own, advertised, "{kind}");
        let form = &description["paths"][format!("/fhir/{kind}/_search")]["post"]["requestBody"]["content"];
        let form = form["application/x-www-form-urlencoded"]["schema"]["properties"].as_object();
        assert_eq!(
            form.map(|form| form.keys().map(String::as_str).collect::<BTreeSet<_>>()).unwrap_or_default(),
            queried.keys().copied().collect::<BTreeSet<_>>(),
            "{kind}: what is posted is what is in a query"
        );
        for row in resource["searchParam"].as_array().into_iter().flatten() {
            let (name, data) = (row["name"].as_str().unwrap(), row["type"].as_str().unwrap());
            assert_eq!(
                queried[name]["schema"]["items"]["$ref"],
                format!("#/components/schemas/{data}"),
                "{kind} {name}"
            );
            for chain in row["documentation"].as_str().into_iter().flat_map(|text| text.split('`').skip(1).step_by(2)) {
                assert!(queried.contains_key(chain) || chain.contains(':'), "{kind} {chain}");
            }
        }
        for (list, name) in [("searchInclude", "_include"), ("searchRevInclude", "_revinclude")] {
            let described = queried.get(name).map(|row| names(&row["schema"]["items"]["enum"])).unwrap_or_default();
            assert_eq!(described, names(&resource[list]), "{kind} {name}");
        }
    }
    println!("described: {} operations", operations.len());
    app.finish().await;
}

/// T213
#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_for_anybody_and_names_all_that_the_description_has() {
    let app = App::empty().await;
    let reply = app.get("/documentation").await;
    assert_eq!((reply.status, reply.header("content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
    assert!(reply.header("cache-control").starts_with("public") && reply.header("set-cookie").is_empty());
    assert!(reply.header("content-security-policy").contains("default-src 'none'") && !reply.body.contains("<script"));
    let page = &reply.body;
    let description = app.get("/openapi.json").await.json();
    let smart = app.get("/fhir/.well-known/smart-configuration").await.json();
    assert_eq!(smart["service_documentation"], format!("{}/documentation", app.url()));
    let has = |text: &str| page.contains(text);
    for (_, route) in routes().iter().filter(|(_, route)| !FALLBACK.contains(&route.as_str())) {
        let shown = ["{id}/{operation}", "{type}/{id}"].iter().any(|end| route.ends_with(end))
            || has(&format!("<code>{route}</code>"));
        assert!(shown, "the page lacks {route}");
    }
    assert!(
        has("/fhir/Patient/{id}/$everything")
            && has("/fhir/DocumentReference/$docref")
            && has("/fhir/{type}/{id}</code>")
    );
    for name in
        description["components"]["parameters"].as_object().unwrap().values().map(|row| row["name"].as_str().unwrap())
    {
        assert!(has(&format!("<code>{name}</code>")), "the page lacks the parameter {name}");
    }
    for (name, schema) in description["components"]["schemas"].as_object().unwrap() {
        let is_resource = schema["externalDocs"]["url"].as_str().is_some_and(&has);
        let is_plain = ["id", "Nothing", "Discovery", "CapabilityStatement"].contains(&name.as_str());
        let shown = is_resource || is_plain || has(&format!("<b>{name}</b>")) || has(&format!("<td>{name}</td>"));
        assert!(shown, "the page lacks the structure {name}");
    }
    let statuses: BTreeSet<&str> = operations(&description)
        .iter()
        .flat_map(|(_, _, operation)| operation["responses"].as_object().unwrap().keys().map(String::as_str))
        .collect();
    for status in statuses {
        assert!(has(&format!("<td>{status}</td>")), "the page lacks the status {status}");
    }
    for part in ["What an app needs", "To be registered", "Exceptions, and how to handle them", "Redirect URIs", "PKCE"]
    {
        assert!(has(part), "{part}");
    }
    app.finish().await;
}
