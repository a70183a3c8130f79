//! The `CapabilityStatement`: everything that it advertises works, and it advertises everything that the guides demand.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use serde_json::Value as Json;
use shared::clock::Clock;
use tests::{App, Tokens};

use crate::parameters::NOT_IN_R4;

const EXPECTATION: &str = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-expectation";

/// A value that a parameter of this type accepts. A parameter about the member accepts only this member.
fn sensible(kind: &str, name: &str) -> String {
    let value = match kind {
        "token" => "http://example.org/system|code",
        "date" => "ge2001-02-03",
        "string" => "abc",
        "reference" if ["patient", "subject", "beneficiary"].contains(&name) => "Patient/alice",
        "reference" => "Organization/payer",
        "quantity" => "5.4|http://unitsofmeasure.org|mg",
        "number" => "5.4",
        "uri" => "http://example.org/profile",
        other => panic!("{name} is advertised as {other}, for which there is no test"),
    };
    value.to_owned()
}

fn texts(list: &Json) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The number of matches of a search that must be understood exactly as it was sent.
async fn found(app: &App, tokens: &Tokens, kind: &str, pair: (&str, &str)) -> u64 {
    let url = format!("{kind}?{}", encoded(&[pair, ("_count", "0")]));
    let reply = app.fhir_unguarded(tokens, &url).await;
    assert_eq!(reply.status, StatusCode::OK, "{url} is advertised: {}", reply.body);
    let echoed = reply.link("self").unwrap_or_default();
    assert!(echoed.contains(&encoded(&[pair])), "{url} is understood: {echoed}");
    reply.json()["total"].as_u64().unwrap_or_else(|| panic!("{url} is counted: {}", reply.body))
}

#[test]
fn every_parameter_and_include_that_is_advertised_is_answered() {
    tests::with_room(ask_everything);
}

async fn ask_everything() {
    let stack = App::start().await;
    let statement = stack.get("/fhir/metadata").await.json();
    let app = stack.inside(&Clock::System, stack.environment().clone()).await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let mut figures = BTreeMap::new();
    for resource in statement["rest"][0]["resource"].as_array().unwrap() {
        let kind = resource["type"].as_str().unwrap();
        let searched = resource["interaction"].as_array().unwrap().iter().any(|row| row["code"] == "search-type");
        let parameters = resource["searchParam"].as_array().cloned().unwrap_or_default();
        assert_eq!(searched, !parameters.is_empty(), "{kind} has parameters if and only if it is searched");
        let names: BTreeSet<&str> = parameters.iter().map(|row| row["name"].as_str().unwrap()).collect();
        assert_eq!(names.len(), parameters.len(), "{kind} advertises each parameter once");
        let all = if searched { found(&app, &tokens, kind, ("_id:missing", "false")).await } else { 0 };
        for row in &parameters {
            let (name, data) = (row["name"].as_str().unwrap(), row["type"].as_str().unwrap());
            assert!(row["definition"].as_str().is_some_and(|url| url.starts_with("http")), "{kind} {name} is defined");
            let some = found(&app, &tokens, kind, (name, &sensible(data, name))).await;
            assert!(some <= all, "{kind} {name}");
            // Each resource has the parameter or lacks it.
            let mut halves = 0;
            for missing in ["true", "false"] {
                halves += found(&app, &tokens, kind, (&format!("{name}:missing"), missing)).await;
            }
            assert_eq!(halves, all, "{kind} {name}:missing");
        }
        let (includes, reverse) = (texts(&resource["searchInclude"]), texts(&resource["searchRevInclude"]));
        for (name, value) in
            includes.iter().map(|value| ("_include", value)).chain(reverse.iter().map(|value| ("_revinclude", value)))
        {
            let url = format!("{kind}?{}", encoded(&[(name, value)]));
            let reply = app.fhir_unguarded(&tokens, &url).await;
            assert_eq!(reply.status, StatusCode::OK, "{url} is advertised: {}", reply.body);
        }
        for operation in resource["operation"].as_array().into_iter().flatten() {
            let path = match (kind, operation["name"].as_str()) {
                ("Patient", Some("everything")) => "Patient/alice/$everything",
                ("DocumentReference", Some("docref")) => "DocumentReference/$docref?patient=alice",
                other => panic!("no test for the operation {other:?}"),
            };
            assert_eq!(app.fhir_unguarded(&tokens, path).await.status, StatusCode::OK, "{path}");
        }
        for combination in resource["extension"].as_array().into_iter().flatten() {
            let parts = combination["extension"].as_array().unwrap().iter().filter(|part| part["url"] == "required");
            let together: Vec<(String, String)> = parts
                .map(|part| {
                    let name = part["valueString"].as_str().unwrap();
                    let row = parameters.iter().find(|row| row["name"] == name);
                    let row = row.unwrap_or_else(|| panic!("{kind} {name} is in a combination and not advertised"));
                    (name.to_owned(), sensible(row["type"].as_str().unwrap(), name))
                })
                .collect();
            let pairs: Vec<(&str, &str)> = together.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            let url = format!("{kind}?{}", encoded(&pairs));
            let reply = app.fhir_unguarded(&tokens, &url).await;
            assert_eq!(reply.status, StatusCode::OK, "{url} is advertised: {}", reply.body);
        }
        figures.insert(kind.to_owned(), (parameters.len(), includes.len(), reverse.len()));
    }
    println!("advertised and asked for, by type: parameters, includes, reverse includes");
    for (kind, (parameters, includes, reverse)) in &figures {
        println!("{kind:25} {parameters:3} {includes:3} {reverse:3}");
    }
    let total: usize = figures.values().map(|(parameters, ..)| parameters).sum();
    println!("{:25} {total}", "all");
    assert!(figures.len() >= 35 && total > 500, "{} types, {total} parameters", figures.len());
    app.finish().await;
    stack.finish().await;
}

/// The sets of guide versions, as the template's parameter names them, each with the folders of its guides' demands.
const SETS: [(&str, [&str; 3]); 3] = [
    ("3.1.1", ["us-core-3.1.1", "carin-bb-2.0.0", "pdex-2.0.0"]),
    ("6.1.0", ["us-core-6.1.0", "carin-bb-2.1.0", "pdex-2.1.1ci"]),
    ("7.0.0", ["us-core-7.0.0", "carin-bb-2.2.0", "pdex-2.2.0ci"]),
];

/// Demands of the guides that this statement leaves out, and why.
const LEFT_OUT: [(&str, &str, &str); 6] = [
    ("Consent", "", "comes with the member's pages"),
    ("Group", "", "is for payers and providers: not for a member's app"),
    ("ValueSet", "", "US Core leaves terminology to the server; no data of a member"),
    ("HealthcareService", "", "belongs to the public directory"),
    ("Coverage", "_id", "PDex 2.0.0 gives it another type than R4 does"),
    ("Patient", "member-match", "is an operation between payers"),
];

fn left_out(kind: &str, name: &str) -> bool {
    LEFT_OUT.iter().chain(&NOT_IN_R4).any(|(on, what, _)| *on == kind && (what.is_empty() || *what == name))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_demand_of_the_guides_is_advertised_for_each_set_of_versions() {
    let Some(folder) = tests::shared_folder("spec/capability") else {
        return tests::missing_tool("what_the_guides_demand_is_advertised", "the guides' own statements");
    };
    let demanded: Json =
        serde_json::from_str(&std::fs::read_to_string(folder.join("capability.json")).unwrap()).unwrap();
    let (mut checked, mut missing) = (BTreeMap::<&str, usize>::new(), Vec::new());
    for (set, guides) in SETS {
        let issuer = shared::issuer::Issuer::parse("https://fhir.example").unwrap();
        let guide_set = shared::fhir::guides::Guides::named(set).unwrap();
        let response = shared::rest::capability::metadata(&shared::http::Request::default(), &issuer, guide_set);
        let statement: Json = serde_json::from_slice(response.body().as_ref()).unwrap();
        let instantiates = texts(&statement["instantiates"]);
        for (guide, server) in guides.iter().flat_map(|guide| {
            let servers = demanded[*guide].as_object().unwrap().values();
            servers.map(move |server| (*guide, server))
        }) {
            let url = server["url"].as_str().unwrap();
            // Statements for servers to payers and providers are about other servers.
            if url.contains("-access-server") {
                continue;
            }
            // This server claims the same expectation for all types that a statement demands, or for none.
            let group = server["resources"]["Group"]["expectation"] == "SHALL";
            assert_eq!(instantiates.iter().any(|has| has == url), !group, "{set}: {url}");
            for (kind, wanted) in server["resources"].as_object().unwrap() {
                if left_out(kind, "") {
                    continue;
                }
                let resources = statement["rest"][0]["resource"].as_array().unwrap();
                let has = resources.iter().find(|resource| resource["type"] == kind.as_str());
                let Some(has) = has else {
                    let weak = wanted["expectation"].as_str() != Some("SHALL");
                    if !weak {
                        missing.push(format!("{guide} {kind}"));
                    }
                    continue;
                };
                let mut need = |what: &'static str, name: &str, there: bool| {
                    *checked.entry(what).or_default() += 1;
                    if !there && !left_out(kind, name) {
                        missing.push(format!("{guide} {kind} {what} {name}"));
                    }
                };
                for profile in wanted["profiles"].as_array().unwrap() {
                    let bare = profile["canonical"].as_str().unwrap().split('|').next().unwrap();
                    let id = bare.rsplit('/').next().unwrap();
                    let of_us_core = bare.contains("/us/core/") && !guide.starts_with("us-core");
                    // PDex repeats US Core's profiles. US Core's own list of the same set counts.
                    need("profile", id, of_us_core || texts(&has["supportedProfile"]).iter().any(|has| has == bare));
                }
                for row in wanted["searchParams"].as_array().unwrap() {
                    let name = row["name"].as_str().unwrap();
                    let listed = has["searchParam"].as_array().into_iter().flatten();
                    let same = |row: &&Json| row["name"] == name;
                    let there = listed.clone().find(same).is_some_and(|has| has["type"] == row["type"]);
                    need("parameter", name, there);
                }
                for row in wanted["combinations"].as_array().unwrap() {
                    let together: BTreeSet<String> = texts(&row["required"]).into_iter().collect();
                    if together.len() < 2 || together.iter().any(|name| left_out(kind, name)) {
                        continue;
                    }
                    let listed = has["extension"].as_array().into_iter().flatten();
                    let there = listed.clone().any(|combination| {
                        let parts = combination["extension"].as_array().unwrap();
                        let required = parts.iter().filter(|part| part["url"] == "required");
                        let names: BTreeSet<String> =
                            required.map(|part| part["valueString"].as_str().unwrap().to_owned()).collect();
                        let strength = parts.iter().find(|part| part["url"] == EXPECTATION);
                        let strong = strength.is_some_and(|part| part["valueCode"] == "SHALL");
                        names == together && (strong || row["expectation"] != "SHALL")
                    });
                    need("combination", &together.into_iter().collect::<Vec<_>>().join("+"), there);
                }
                for (list, key) in [("searchInclude", "include"), ("searchRevInclude", "revinclude")] {
                    for row in wanted[key].as_array().unwrap() {
                        let value = row["v"].as_str().unwrap();
                        need("include", value, texts(&has[list]).iter().any(|has| has == value));
                    }
                }
                for row in wanted["operations"].as_array().unwrap() {
                    let name = row["name"].as_str().unwrap();
                    let listed = has["operation"].as_array().into_iter().flatten();
                    // Anything that is no longer left out must be advertised.
                    need("operation", name, listed.clone().any(|has| has["name"] == name));
                }
            }
        }
    }
    println!("demanded by the guides' statements and advertised, over three sets of versions: {checked:?}");
    missing.sort();
    missing.dedup();
    assert!(missing.is_empty(), "{missing:#?}");
}
