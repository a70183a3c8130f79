//! The tables by which resources are checked, compared with HL7's own definitions, from which they are made.
//!
//! With `PATIENT_ACCESS_BLESS=1` the test writes them anew.

mod codes;
mod dictionary;
mod packages;
mod profiles;
mod types;

use self::packages::Packages;

/// The facts that only the tables hold.
const ROW: &str = "type Observation < DomainResource";

#[test]
fn the_tables_say_what_hl7s_definitions_say() {
    let Some(packages) = Packages::read() else {
        return tests::missing_tool("the_tables_say_what_hl7s_definitions_say", "HL7's packages, or tar,");
    };
    let (r4, dictionary) = types::table(&packages);
    let guides = profiles::table(&packages, dictionary.next());
    for (name, made) in [("r4.txt", r4), ("profiles.txt", guides)] {
        let path = tests::checkout().join("shared/fhir/src/conformance").join(name);
        if std::env::var_os("PATIENT_ACCESS_BLESS").is_some() {
            std::fs::write(&path, &made).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap();
        let differs = kept.lines().zip(made.lines()).find(|(kept, made)| kept != made);
        assert!(kept == made, "{name} says otherwise than the definitions (kept, made): {differs:#?}");
        let packed = zstd::encode_all(made.as_bytes(), 19).unwrap().len();
        println!("{name}: {} rows, {} bytes, {packed} packed", made.lines().count(), made.len());
    }
}

#[test]
fn no_function_that_serves_apps_carries_the_tables() {
    let carries = |name: &str| {
        let bytes = std::fs::read(tests::binaries().join(name)).unwrap();
        bytes.windows(ROW.len()).any(|window| window == ROW.as_bytes())
    };
    assert!(carries("patient-access"), "the loader has them");
    for name in std::fs::read_dir(tests::checkout().join("functions/src/bin")).unwrap() {
        let name = name.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
        assert!(!carries(&name), "{name} carries the tables of the loader");
    }
}
