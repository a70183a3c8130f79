//! The table of search parameters, compared with R4's own definitions and the guides'.

mod elements;

use std::collections::BTreeMap;

use serde_json::Value as Json;
use shared::fhir::parameters::SearchParameter;
use shared::fhir::types::{Owner, ResourceType, TYPES};

/// Versions of the guides that a plan may say it serves. Nothing is promised of a later US Core.
const SERVED: [&str; 12] = [
    "us-core-3.1.1",
    "us-core-6.1.0",
    "us-core-7.0.0",
    "carin-bb-2.0.0",
    "carin-bb-2.1.0",
    "carin-bb-2.2.0",
    "pdex-2.0.0",
    "pdex-2.1.1ci",
    "pdex-2.2.0ci",
    "hrex-1.0.0",
    "hrex-1.1.0",
    "hrex-1.2.0",
];

/// Parameters that guides list as R4's, and that R4 does not have.
pub const NOT_IN_R4: [(&str, &str, &str); 2] = [
    ("MedicationDispense", "intent", "PDex 2.0.0 lists it; R4 has no such parameter"),
    ("DiagnosticReport", "type", "PDex 2.1 lists it; R4 has no such parameter"),
];

/// Parameters of every type that the table leaves out, and why.
const LEFT_OUT: [(&str, &str); 4] = [
    ("_text", "asks about narrative"),
    ("_content", "asks about narrative"),
    ("_list", "asks about lists"),
    ("_has", "asks about more than the member's own resources"),
];

/// Parameters to which a guide's statement gives another type than their definition in R4.
const MISTYPED: [(&str, &str, &str); 1] = [("Coverage", "_id", "pdex-2.0.0")];

fn row(kind: &str, code: &str) -> Option<&'static SearchParameter> {
    ResourceType::named(kind)?.parameter(code).map(|(_, row)| row)
}

/// The types that are searched, each with its parameters in the collection of definitions.
fn searched(definitions: &Json) -> impl Iterator<Item = (&'static str, &serde_json::Map<String, Json>)> {
    let types = TYPES.iter().filter(|kind| kind.owner != Owner::Attachment);
    types.filter_map(|kind| Some((kind.name, definitions["types"][kind.name]["params"].as_object()?)))
}

fn definitions(test: &str) -> Option<Json> {
    let Some(folder) = tests::shared_folder("spec") else {
        tests::missing_tool(test, "the definitions of R4 and of the guides");
        return None;
    };
    Some(serde_json::from_str(&std::fs::read_to_string(folder.join("searchparams.json")).unwrap()).unwrap())
}

#[test]
fn every_parameter_that_a_guide_demands_is_there_with_the_type_of_its_definition() {
    let Some(definitions) = definitions("every_parameter_that_a_guide_demands") else { return };
    let (mut faults, mut compared) = (Vec::new(), BTreeMap::<&str, usize>::new());
    for (kind, parameters) in searched(&definitions) {
        for (code, definition) in parameters {
            let left_out = LEFT_OUT.iter().any(|(what, _)| what == code)
                || NOT_IN_R4.iter().any(|(on, what, _)| *on == kind && what == code);
            let has = row(kind, code);
            let base = &definition["base"]["type"];
            if let (Some(has), Some(wanted)) = (has, base.as_str()) {
                *compared.entry("R4").or_default() += 1;
                if has.param_type.name() != wanted {
                    faults.push(format!("{kind}.{code} is a {wanted} in R4"));
                }
            }
            for (guide, said) in definition["ig"].as_object().unwrap() {
                if !SERVED.contains(&guide.as_str()) || left_out {
                    continue;
                }
                let statements = said["capability"].as_object().into_iter().flatten();
                let own = (!said["definition"].is_null()).then_some(&said["definition"]);
                let demanded = statements.filter(|(server, _)| !server.contains("-access-server")).map(|(_, row)| row);
                for wanted in demanded.chain(own) {
                    *compared.entry("guides").or_default() += 1;
                    let mistyped = MISTYPED.contains(&(kind, code.as_str(), guide.as_str()));
                    match has {
                        None => faults.push(format!("{guide} has {kind}.{code}")),
                        Some(has) if wanted["type"] != has.param_type.name() && !mistyped => {
                            faults.push(format!("{kind}.{code} is a {} in {guide}", wanted["type"]));
                        }
                        Some(_) => {}
                    }
                }
            }
        }
    }
    faults.dedup();
    println!("definitions compared: {compared:?}");
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(compared["R4"] > 300 && compared["guides"] > 300, "{compared:?}");
}

#[test]
fn every_chain_that_a_guide_demands_is_there_and_no_other() {
    let Some(definitions) = definitions("every_chain_that_a_guide_demands") else { return };
    let mut demanded = Vec::new();
    for (kind, parameters) in searched(&definitions) {
        for (code, definition) in parameters {
            let guides = definition["ig"].as_object().unwrap().iter();
            let served = guides.filter(|(guide, _)| SERVED.contains(&guide.as_str()));
            let chains = served.flat_map(|(_, said)| said["definition"]["chain"].as_array().into_iter().flatten());
            let strict = chains.filter(|chain| chain["exp"] == "SHALL");
            demanded.extend(strict.map(|chain| format!("{kind}.{code}.{}", chain["v"].as_str().unwrap())));
        }
    }
    demanded.sort();
    demanded.dedup();
    let rows = TYPES.iter().flat_map(|kind| kind.parameters().map(move |(_, row)| (kind.name, row)));
    let chains =
        rows.flat_map(|(kind, row)| row.chains.iter().map(move |chain| format!("{kind}.{}.{chain}", row.code)));
    let mut chains: Vec<String> = chains.collect();
    chains.sort();
    assert_eq!(chains, demanded);
}
