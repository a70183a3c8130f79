//! Which system a code is of where the element does not say it, against R4's own definitions.

use shared::fhir::parameters::{self, implied};
use shared::fhir::types::TYPES;

use crate::summary::Definitions;

#[test]
fn every_parameter_of_codes_or_booleans_has_the_system_that_they_imply() {
    let Some(definitions) = Definitions::read() else {
        return tests::missing_tool("every_parameter_of_codes_or_booleans_has_the_system", "R4's definitions");
    };
    let mut compared = 0;
    for kind in TYPES {
        for row in parameters::of(kind.name).filter(|row| row.kind == shared::fhir::Kind::Token) {
            let paths = row.path.split(" | ").filter(|path| !path.contains("extension("));
            let types: Vec<&str> = paths.flat_map(|path| definitions.types_at(kind.name, path)).collect();
            let is_implied = types.iter().any(|of| matches!(*of, "code" | "boolean"));
            assert_eq!(implied(row).is_some(), is_implied, "{} {} is of {types:?}", kind.name, row.code);
            compared += usize::from(is_implied);
        }
    }
    assert!(compared > 40, "{compared}");
}
