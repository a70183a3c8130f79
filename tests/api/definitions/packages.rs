//! HL7's definitions, read from the packages beside the checkout.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Deserializer, Value as Json};
use shared::fhir::guides::Guides;

/// The packages of each set of guides, by the folder that they lie in. Of PDex 2.1.0 and 2.2.0 the builds of their branches are here.
const SETS: [(Guides, &[&str]); 3] = [
    (
        Guides::UsCore3,
        &[
            "official/hl7.fhir.us.core-3.1.1.tgz",
            "official/hl7.fhir.us.carin-bb-2.0.0.tgz",
            "official/hl7.fhir.us.davinci-pdex-2.0.0.tgz",
            "official/hl7.fhir.us.davinci-hrex-1.0.0.tgz",
        ],
    ),
    (
        Guides::UsCore6,
        &[
            "official/hl7.fhir.us.core-6.1.0.tgz",
            "rebuilt/hl7.fhir.us.carin-bb-2.1.0.sushi.tgz",
            "ci-build/hl7.fhir.us.davinci-pdex-2.1.1-ci-20251217.tgz",
            "rebuilt/hl7.fhir.us.davinci-hrex-1.1.0.sushi.tgz",
        ],
    ),
    (
        Guides::UsCore7,
        &[
            "official/hl7.fhir.us.core-7.0.0.tgz",
            "rebuilt/hl7.fhir.us.carin-bb-2.2.0.sushi.tgz",
            "ci-build/hl7.fhir.us.davinci-pdex-2.2.0-ci-20260529.tgz",
            "rebuilt/hl7.fhir.us.davinci-hrex-1.2.0.sushi.tgz",
        ],
    ),
];

const R4: &str = "rebuilt/hl7.fhir.r4.core-4.0.1.rebuilt.tgz";

/// The definitions of some packages, by their URLs.
#[derive(Default)]
pub(super) struct Package {
    structures: BTreeMap<String, Json>,
    value_sets: BTreeMap<String, Json>,
    code_systems: BTreeMap<String, Json>,
}

impl Package {
    /// Adds a package; `tar` unpacks it.
    fn add(&mut self, file: &str) -> Option<()> {
        let path = tests::shared_folder("spec/packages")?.join(file);
        let kinds = ["StructureDefinition", "ValueSet", "CodeSystem"].map(|kind| format!("package/{kind}-*.json"));
        let mut tar = Command::new(tests::path_of("tar")?);
        let unpacked = tar.args(["-xzO", "--wildcards", "--warning=none", "-f"]).arg(path).args(kinds).output().ok()?;
        for definition in Deserializer::from_slice(&unpacked.stdout).into_iter::<Json>() {
            let definition = definition.expect("a package holds JSON");
            let kind = match definition["resourceType"].as_str() {
                Some("StructureDefinition") => &mut self.structures,
                Some("ValueSet") => &mut self.value_sets,
                Some("CodeSystem") => &mut self.code_systems,
                _ => continue,
            };
            kind.insert(definition["url"].as_str().unwrap_or_default().to_owned(), definition);
        }
        (!self.structures.is_empty()).then_some(())
    }
}

/// R4's definitions, and those of each set of guides.
pub(super) struct Packages {
    r4: Package,
    sets: Vec<(Guides, Package)>,
}

impl Packages {
    /// Reads them all, if they are here.
    pub(super) fn read() -> Option<Packages> {
        let mut r4 = Package::default();
        r4.add(R4)?;
        let sets = SETS.iter().map(|(guides, files)| {
            let mut package = Package::default();
            files.iter().try_for_each(|file| package.add(file))?;
            Some((*guides, package))
        });
        Some(Packages { r4, sets: sets.collect::<Option<_>>()? })
    }

    /// Those of a set of guides, then R4's, then those of the other sets, for what a set's package names and does not hold.
    fn package(&self, guides: Option<Guides>) -> impl Iterator<Item = &Package> {
        let of_set = self.sets.iter().filter(move |(set, _)| Some(*set) == guides).map(|(_, package)| package);
        let others = self.sets.iter().filter(move |(set, _)| guides.is_some_and(|guides| guides != *set));
        of_set.chain([&self.r4]).chain(others.map(|(_, package)| package))
    }

    /// A definition of a type, a profile or an extension: of a set of guides, else R4's.
    pub(super) fn structure(&self, guides: Option<Guides>, url: &str) -> Option<&Json> {
        self.package(guides).find_map(|package| package.structures.get(bare(url)))
    }

    /// R4's own definition of a type.
    pub(super) fn base(&self, name: &str) -> Option<&Json> {
        let defined = self.structure(None, &format!("http://hl7.org/fhir/StructureDefinition/{name}"))?;
        defined["snapshot"].is_object().then_some(defined)
    }

    /// All of R4's datatypes, by name.
    pub(super) fn datatypes(&self) -> impl Iterator<Item = &str> {
        let is_datatype = |defined: &&Json| {
            let kind = defined["kind"].as_str().unwrap_or_default();
            ["complex-type", "primitive-type"].contains(&kind) && defined["derivation"] != "constraint"
        };
        self.r4.structures.values().filter(is_datatype).filter_map(|defined| defined["type"].as_str())
    }

    /// The definitions of a value set, best first.
    pub(super) fn value_sets<'a>(&'a self, guides: Option<Guides>, url: &'a str) -> impl Iterator<Item = &'a Json> {
        self.package(guides).filter_map(move |package| package.value_sets.get(bare(url)))
    }

    pub(super) fn code_system(&self, guides: Option<Guides>, url: &str) -> Option<&Json> {
        self.package(guides).find_map(|package| package.code_systems.get(bare(url)))
    }
}

/// A canonical without its version.
pub(super) fn bare(canonical: &str) -> &str {
    canonical.split('|').next().unwrap_or_default()
}
