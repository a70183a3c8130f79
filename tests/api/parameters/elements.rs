//! The rows of token parameters, compared with R4's own definitions of their elements: the code system of a `code`, and
//! which elements are Identifiers.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Deserializer, Value as Json};
use shared::fhir::parameters::{Coded, SearchParamType, SearchParameter, public};
use shared::fhir::types::TYPES;

/// R4's definitions of types, by name, and of value sets, by URL.
struct R4 {
    types: BTreeMap<String, Json>,
    value_sets: BTreeMap<String, Json>,
}

impl R4 {
    /// Reads the package, if it is here; `tar` unpacks it.
    fn read() -> Option<R4> {
        let package = tests::shared_folder("spec/packages/rebuilt")?.join("hl7.fhir.r4.core-4.0.1.rebuilt.tgz");
        let files = ["package/StructureDefinition-*.json", "package/ValueSet-*.json"];
        let unpacked =
            Command::new(tests::path_of("tar")?).args(["-xzO", "--wildcards", "-f"]).arg(package).args(files).output();
        let unpacked = unpacked.ok().filter(|output| output.status.success())?;
        let mut r4 = R4 { types: BTreeMap::new(), value_sets: BTreeMap::new() };
        for definition in Deserializer::from_slice(&unpacked.stdout).into_iter::<Json>() {
            let definition = definition.expect("the package holds JSON");
            let text = |name: &str| definition[name].as_str().unwrap_or_default().to_owned();
            match definition["resourceType"].as_str() {
                Some("ValueSet") => drop(r4.value_sets.insert(text("url"), definition)),
                // A profile of a type has the type's name, too.
                Some("StructureDefinition") if definition["derivation"] != "constraint" => {
                    r4.types.insert(text("type"), definition);
                }
                _ => {}
            }
        }
        Some(r4)
    }

    /// The definition of the element at `path` in `kind`, with its one type.
    fn element(&self, kind: &str, path: &[&str]) -> (Json, String) {
        let mut at = kind.to_owned();
        let mut within = kind.to_owned();
        for (number, name) in path.iter().enumerate() {
            let elements = self.types[&within]["snapshot"]["element"].as_array().expect("R4 defines it");
            let named = |path: &str| elements.iter().find(|element| element["path"] == path);
            let one = format!("{at}.{name}");
            let (element, code) = match named(&one) {
                Some(element) => (element.clone(), element["type"][0]["code"].as_str().unwrap_or_default().to_owned()),
                // A choice of types: the name ends with the chosen type.
                None => R4::choice(elements, &at, name),
            };
            if number + 1 == path.len() {
                return (element, code);
            }
            let inside =
                elements.iter().any(|element| element["path"].as_str().unwrap().starts_with(&format!("{one}.")));
            (within, at) = match element["contentReference"].as_str() {
                Some(other) => (within, other.trim_start_matches('#').to_owned()),
                None if inside => (within, one),
                None => (code.clone(), code),
            };
        }
        panic!("{kind} has an empty path")
    }

    fn choice(elements: &[Json], at: &str, name: &str) -> (Json, String) {
        let of = |element: &Json| {
            let stem = element["path"].as_str()?.strip_prefix(at)?.strip_prefix('.')?.strip_suffix("[x]")?;
            let wanted = name.strip_prefix(stem)?;
            let codes = element["type"].as_array()?.iter().filter_map(|kind| kind["code"].as_str());
            let code = codes.into_iter().find(|code| code.eq_ignore_ascii_case(wanted))?;
            Some((element.clone(), code.to_owned()))
        };
        elements.iter().find_map(of).unwrap_or_else(|| panic!("R4 has no {at}.{name}"))
    }

    /// The code systems of a value set.
    fn systems(&self, value_set: &str) -> Vec<String> {
        let url = value_set.split('|').next().unwrap_or_default();
        let definition = self.value_sets.get(url).unwrap_or_else(|| panic!("R4 has no {url}"));
        let mut found = Vec::new();
        for include in definition["compose"]["include"].as_array().expect("it includes something") {
            found.extend(include["system"].as_str().map(str::to_owned));
            for other in include["valueSet"].as_array().into_iter().flatten() {
                found.extend(self.systems(other.as_str().unwrap()));
            }
        }
        found.sort();
        found.dedup();
        found
    }

    /// The value that a row must have for the elements at one of its paths.
    fn coded(&self, row: &SearchParameter, path: &str) -> Result<String, String> {
        let path: Vec<&str> = path.split('.').map(|step| step.split('(').next().unwrap()).collect();
        let (element, code) = self.element(row.on, &path);
        Ok(match code.as_str() {
            "Identifier" => format!("{:?}", Coded::Identifier),
            "boolean" => format!("{:?}", Coded::Implied("http://terminology.hl7.org/CodeSystem/special-values")),
            "code" => {
                let systems = self.systems(element["binding"]["valueSet"].as_str().ok_or("a code without a binding")?);
                let [system] = &systems[..] else { return Err(format!("codes of {systems:?}")) };
                format!("Implied({system:?})")
            }
            _ => format!("{:?}", Coded::AsWritten),
        })
    }
}

#[test]
fn a_row_names_the_system_of_its_codes_and_says_what_is_an_identifier() {
    let Some(r4) = R4::read() else {
        return tests::missing_tool("a_row_names_the_system_of_its_codes", "R4's package, or tar,");
    };
    let (mut faults, mut counted) = (Vec::new(), BTreeMap::<&str, usize>::new());
    let served = TYPES.iter().map(|resource_type| resource_type.own_parameters);
    let tables = served.chain([public::HEALTHCARE_SERVICE, public::INSURANCE_PLAN, public::ORGANIZATION_AFFILIATION]);
    for row in tables.flatten().filter(|row| row.param_type == SearchParamType::Token) {
        // Extensions are not R4's: theirs are concepts.
        for path in row.path.split(" | ").filter(|path| !path.contains("extension(")) {
            match r4.coded(row, path) {
                Ok(wanted) if wanted == format!("{:?}", row.coded) => {}
                wanted => faults.push(format!("{}.{} is {:?}: {wanted:?}", row.on, row.code, row.coded)),
            }
            let what = match row.coded {
                Coded::AsWritten => "as written",
                Coded::Implied(_) => "implied",
                Coded::Identifier => "identifiers",
            };
            *counted.entry(what).or_default() += 1;
        }
    }
    println!("{counted:?}");
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(counted.len() == 3 && counted.values().all(|count| *count > 30), "{counted:?}");
}
