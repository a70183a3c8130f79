//! The values that an index takes of a resource, and that a change of it raises its version.

use super::*;
use serde_json::json;

fn at(resource: &Json, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    walk(resource, path, &mut |element| found.push(element.to_string()));
    found
}

#[test]
fn paths_flatten_arrays_and_keep_what_the_condition_names() {
    let resource = json!({"telecom": [{"system": "phone", "value": "1"}, {"system": "email", "value": "2"}],
        "extension": [{"url": "http://example.org/a.b", "valueCode": "x"}]});
    assert_eq!(at(&resource, "telecom.value"), ["\"1\"", "\"2\""]);
    assert_eq!(at(&resource, "telecom(system=email).value"), ["\"2\""]);
    assert_eq!(at(&resource, "extension(url=http://example.org/a.b).valueCode"), ["\"x\""]);
    assert!(at(&resource, "name.family").is_empty());
}

#[test]
fn what_is_told_in_words_alone_is_there_and_has_no_code() {
    let condition = ResourceType::named("Condition").unwrap();
    let index = |code: Json| Index::of(condition, &json!({"resourceType": "Condition", "code": code}));
    let keeps = |name: &str, value: &str, index: &Index| {
        crate::filter::Filter::parse(condition, name, value, &[]).unwrap().keeps(index)
    };
    for words in [json!({"text": "Hay fever"}), json!({"coding": [{"display": "Hay fever"}]})] {
        let index = index(words);
        assert!(keeps("code:missing", "false", &index) && !keeps("code:missing", "true", &index));
        assert!(keeps("code:not", "1", &index), "it is not that code");
        for value in ["1", "|1", "http://example.org|", "http://example.org|1"] {
            assert!(!keeps("code", value, &index), "{value}");
        }
    }
    assert!(keeps("code:missing", "true", &Index::of(condition, &json!({"resourceType": "Condition"}))));
}

#[test]
fn values_follow_from_kind_and_shape() {
    let coverage = json!({"resourceType": "Coverage", "status": "active", "period": {"start": "2025-01-01"},
        "payor": [{"reference": "Organization/1"}], "identifier": [{"system": "s", "value": "v"}]});
    let resource_type = ResourceType::named("Coverage").unwrap();
    let index = Index::of(resource_type, &coverage);
    let value = |code: &str| index.values(resource_type.parameter(code).unwrap().0).to_vec();
    assert_eq!(value("status"), [Value::Code("active".into())]);
    assert_eq!(value("payor"), [Value::Reference("Organization/1".into())]);
    assert_eq!(value("identifier"), [Value::Token { system: "s".into(), code: "v".into(), types: vec![] }]);
    assert!(matches!(value("period")[..], [Value::Date { high: i64::MAX, .. }]));
}

/// A hash of the parameter table and of the indexes of [`samples`] for each version: the first is of version 1.
const HASHES: &[u64] = &[0x0c1b_58e1_9302_f395, 0x2470_577e_72b0_3bac];

/// Resources with each kind of value in each of its shapes.
fn samples() -> Vec<Json> {
    let quantity =
        |value: u8| json!({"value": value, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"});
    let coding =
        json!([{"system": "http://loinc.org", "code": "1-8", "display": "x"}, {"code": "own"}, {"display": "words"}]);
    let identifier = json!([{"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MB"}]},
        "system": "urn:oid:1.2.3", "value": "M1"}, {"value": "bare"}]);
    vec![
        json!({"resourceType": "Patient", "id": "p", "meta": {"lastUpdated": "2026-01-02T03:04:05.678Z",
            "profile": ["https://x.example/p|1.0.0"], "source": "https://x.example/feed",
            "tag": [{"system": "https://x.example/tags", "code": "t"}], "security": coding},
            "identifier": identifier, "active": true, "birthDate": "1990-02", "gender": "female", "deceasedBoolean": false,
            "name": [{"text": "Ann Lee", "family": "Lee", "given": ["Ann", "B"], "prefix": ["Dr."]}],
            "telecom": [{"system": "phone", "value": "1"}, {"system": "email", "value": "a@x.example"}],
            "address": [{"line": ["1 Main"], "city": "Ames", "state": "IA", "postalCode": "50010", "country": "US"}],
            "generalPractitioner": [{"reference": "Practitioner/d", "identifier": {"system": "s", "value": "v"}}]}),
        json!({"resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/p"},
            "code": {"coding": coding, "text": "words"}, "category": [{"text": "words alone"}],
            "effectivePeriod": {"start": "2026-01-01", "end": "2026-01-02T00:00:00+05:00"}, "valueQuantity": quantity(1),
            "component": [{"code": {"coding": coding}, "valueCodeableConcept": {"coding": coding}},
                {"valueQuantity": {"value": 7, "comparator": "<", "unit": "mg"}}]}),
        json!({"resourceType": "Condition", "id": "c", "subject": {"reference": "https://other.example/Patient/p"},
            "onsetAge": quantity(2), "abatementRange": {"low": quantity(3), "high": quantity(4)},
            "recordedDate": "2026-03", "code": {"text": "words"}, "stage": [{"summary": {"coding": coding}}]}),
        json!({"resourceType": "ExplanationOfBenefit", "id": "e", "created": "2026", "use": "claim",
            "patient": {"reference": "Patient/p"}, "billablePeriod": {"start": "2026-01"}, "type": {"coding": coding},
            "item": [{"servicedDate": "2026-01-05"}], "insurer": {"reference": "Organization/i"}}),
        json!({"resourceType": "ServiceRequest", "id": "s", "intent": "order", "subject": {"reference": "Patient/p"},
            "instantiatesCanonical": ["https://x.example/plan|2"], "authoredOn": "2026-01-01T10:00:00-07:00",
            "occurrenceTiming": {"event": ["2026-02-01", "2026-02-09"], "repeat": {"boundsPeriod": {"end": "2027"}}}}),
        json!({"resourceType": "QuestionnaireResponse", "id": "q", "questionnaire": "https://x.example/q",
            "subject": {"reference": "Patient/p"}, "authored": "2016-12-31T23:59:60Z"}),
    ]
}

/// A small stable hash (FNV-1a): it protects nothing.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn what_changes_an_index_raises_its_version() {
    let rows = crate::types::TYPES.iter().flat_map(ResourceType::parameters);
    let mut text = String::new();
    for (position, row) in rows {
        text +=
            &format!("{} {} {position} {} {} {:?}\n", row.on, row.code, row.param_type.name(), row.path, row.targets);
    }
    let (mut found, mut kinds) = (0, std::collections::HashSet::new());
    for resource in samples() {
        let resource_type = ResourceType::named(resource["resourceType"].as_str().unwrap()).unwrap();
        let index = Index::of(resource_type, &resource);
        let json = serde_json::to_value(&index.entries).unwrap();
        for value in index.entries.iter().flat_map(|(_, values)| values) {
            found += 1;
            kinds.insert(std::mem::discriminant(value));
        }
        text += &format!("{json}\n");
    }
    // Number is of no parameter that is served.
    assert!(found > 40 && kinds.len() == 10, "the samples have {found} values of {} kinds", kinds.len());
    let hash = hash(&text);
    assert_eq!(
        HASHES.get(VERSION as usize - 1),
        Some(&hash),
        "The parameter table, or what is taken out of a resource, is not that of version {VERSION}: rows that are stored \
         would keep an index that no longer tells the truth. Raise VERSION by one, and add {hash:#018x} to HASHES."
    );
    assert_eq!(HASHES.len(), VERSION as usize, "each version has a hash");
}
