//! Names of one run, in all their spellings.

use super::*;
use serde_json::json;
use shared::fhir::reference::references_in;

#[test]
fn a_member_is_found_in_a_shared_resource_wherever_it_stands() {
    for named in [
        json!({"extension": [{"url": "x", "valueReference": {"reference": "Patient/a"}}]}),
        json!({"note": [{"authorReference": {"reference": "RelatedPerson/a"}}]}),
        json!({"a": {"reference": "https://elsewhere.example/fhir/Patient/a/_history/2"}}),
        json!({"a": {"reference": "Patient?identifier=x|1"}}),
        json!({"a": {"type": "Patient", "identifier": {"value": "1"}}}),
        json!({"contained": [{"resourceType": "Patient"}]}),
    ] {
        assert!(member_in(&named).is_some(), "{named}");
    }
    let harmless = json!({"resourceType": "Organization", "type": [{"text": "Patient"}], "name": "Patient/a",
        "partOf": {"reference": "Organization/Patients"}});
    assert_eq!(member_in(&harmless), None);
}

#[test]
fn names_of_the_run_become_local_references() {
    let names = Names::default();
    let practitioner = json!({"identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1"}]});
    let reference = Reference::new("Practitioner", "p");
    names.call((None, "urn:uuid:a"), &reference).unwrap();
    for name in identifiers(&reference, &practitioner) {
        names.call((None, &name), &reference).unwrap();
    }
    let mut resource = json!({"a": {"reference": "urn:uuid:a"}, "contained": [{"b": [{"reference":
        "Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|1"}]}], "c": {"reference": "urn:uuid:other"}});
    names.resolve(None, &mut resource).unwrap();
    assert_eq!(references_in(&resource), [Reference::new("Practitioner", "p")].into());
    assert_eq!(resource["c"]["reference"], "urn:uuid:other");
}

/// A reference is a URI, in which a character may be percent-encoded (RFC 3986 §2.1).
#[test]
fn one_resource_is_named_in_several_spellings() {
    let names = Names::under(&["https://our.example/fhir/".to_owned()]);
    let npi = json!({"identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1 0"}]});
    let doctor = Reference::new("Practitioner", "p");
    names.call((Some(1), "urn:uuid:00000000-0000-4000-8000-00000000000A"), &doctor).unwrap();
    names.call((Some(1), "https://source.example/fhir/Practitioner/x"), &doctor).unwrap();
    for name in identifiers(&doctor, &npi) {
        names.call((None, &name), &doctor).unwrap();
    }
    for name in [
        "Practitioner/p",
        "urn:uuid:00000000-0000-4000-8000-00000000000a",
        "URN:UUID:00000000-0000-4000-8000-00000000000a",
        "https://source.example/fhir/Practitioner/x/_history/3",
        "https://our.example/fhir/Practitioner/p",
        "Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|1 0",
        "Practitioner?identifier=http%3A%2F%2Fhl7.org%2Ffhir%2Fsid%2Fus-npi%7C1%200",
        "Practitioner?identifier=http://hl7.org/fhir/sid/us-npi%7C1 0",
        "https://our.example/fhir/Practitioner?identifier=1%200",
    ] {
        assert_eq!(names.of(None, name).unwrap(), Some(doctor.clone()), "{name}");
    }
    for name in ["https://other.example/fhir/Practitioner/p", "Practitioner?name=x", "Practitioner?identifier=|1 0"] {
        assert_eq!(names.of(None, name).unwrap(), None, "{name}");
    }
}

/// R4 bundle.html, "Resolving references in Bundles".
#[test]
fn a_name_is_first_of_all_one_of_its_bundle() {
    let names = Names::default();
    let [one, two] = ["one", "two"].map(|id| Reference::new("Patient", id));
    names.call((Some(1), "urn:uuid:p"), &one).unwrap();
    names.call((Some(2), "urn:uuid:p"), &two).unwrap();
    let of = |bundle| names.of(Some(bundle), "urn:uuid:p").unwrap();
    assert_eq!((of(1), of(2), of(3)), (Some(one), Some(two), None));
    let ambiguous = |bundle| names.ambiguous(bundle, &mut json!({"a": {"reference": "urn:uuid:p"}})).unwrap();
    assert_eq!((ambiguous(None), ambiguous(Some(2))), (Some("urn:uuid:p".into()), None));
}

#[test]
fn a_name_without_a_resource_becomes_the_logical_reference_that_it_means() {
    let kind = ResourceType::named("Observation").unwrap();
    let mut resource = json!({"subject": {"reference": "Patient/a"}, "performer": [
        {"reference": "Practitioner?identifier=http%3A%2F%2Fx%7C7", "display": "Dr. X"},
        {"reference": "urn:uuid:gone"}, {"reference": "Organization?name=Clinic"}, {"reference": "#inside"},
        {"reference": "https://other.example/fhir/Practitioner/1"}]});
    assert_eq!(made_logical(kind, &mut resource).len(), 3);
    assert_eq!(
        resource["performer"],
        json!([{"display": "Dr. X", "identifier": {"system": "http://x", "value": "7"}, "type": "Practitioner"},
            {"identifier": {"system": "urn:ietf:rfc:3986", "value": "urn:uuid:gone"}},
            {"display": "Organization?name=Clinic", "type": "Organization"}, {"reference": "#inside"},
            {"reference": "https://other.example/fhir/Practitioner/1"}])
    );
}

/// R4, "canonical": it is no Reference.
#[test]
fn a_canonical_stays_as_it_was() {
    let names = Names::default();
    names.call((None, "http://plan.example/q"), &Reference::new("Questionnaire", "q")).unwrap();
    let questionnaire = json!({"resourceType": "Questionnaire", "url": "http://plan.example/q",
        "contained": [{"resourceType": "ValueSet", "url": "http://plan.example/q"}],
        "extension": [{"url": "http://plan.example/q", "extension": [{"url": "http://plan.example/q"}]}]});
    let mut resolved = questionnaire.clone();
    names.resolve(None, &mut resolved).unwrap();
    assert_eq!(resolved, questionnaire);
    let mut attachment = json!({"item": [{"valueAttachment": {"url": "http://plan.example/q"}}]});
    names.resolve(None, &mut attachment).unwrap();
    assert_eq!(attachment["item"][0]["valueAttachment"]["url"], "Questionnaire/q");
}

#[test]
fn a_name_may_be_a_binarys_unless_it_is_known_to_be_anothers() {
    let names = Names::default();
    names.call((None, "urn:uuid:a"), &Reference::new("Encounter", "e")).unwrap();
    names.call((None, "urn:uuid:b"), &Reference::new("Binary", "b")).unwrap();
    for name in [
        "Binary/b",
        "urn:uuid:b",
        "urn:uuid:not-read-yet",
        "urn:oid:1.2.3",
        "https://x.example/fhir/Binary/b",
        "https://x.example/fhir/Binary/b/_history/2",
        "Binary?identifier=a|b",
        "https://x.example/scans/77",
    ] {
        let resource = json!({"content": [{"attachment": {"url": name}}], "related": [{"reference": name}]});
        assert_eq!(binaries_in(&resource, (&names, None)).unwrap(), [name, name]);
    }
    for name in [
        "Encounter/e",
        "urn:uuid:a",
        "https://x.example/fhir/Encounter/e",
        "https://x.example/fhir/Encounter/e/_history/2",
        "Encounter?identifier=https://x.example/ids|b",
    ] {
        let named = binaries_in(&json!({"encounter": {"reference": name}}), (&names, None));
        assert!(named.unwrap().is_empty(), "{name}");
    }
}
