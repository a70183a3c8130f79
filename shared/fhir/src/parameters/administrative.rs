//! People, organizations and places: who the member is, and who provides care and where.
//!
//! Plan-Net chains through most references below (`PractitionerRole?location.address-city=`). Those chains belong to
//! the public directory, whose data are nobody's secret; on member data only those exist that US Core and HRex demand.

use super::Definition::{PlanNet, R4, R4As, UsCore};
use super::{PROVIDERS, SearchParameter, boolean, code, date, identifier, reference, text, token};

pub(crate) const ENDPOINT: &[SearchParameter] = &[
    token("Endpoint", "connection-type", "connectionType", R4),
    identifier("Endpoint", "identifier", "identifier", R4),
    text("Endpoint", "name", "name", R4),
    reference("Endpoint", "organization", "managingOrganization", R4, &["Organization"]),
    token("Endpoint", "payload-type", "payloadType", R4),
    code("Endpoint", "status", "status", R4, "http://hl7.org/fhir/endpoint-status"),
];

pub(crate) const LOCATION: &[SearchParameter] = &[
    text("Location", "address", "address", R4),
    text("Location", "address-city", "address.city", R4),
    text("Location", "address-country", "address.country", R4),
    text("Location", "address-postalcode", "address.postalCode", R4),
    text("Location", "address-state", "address.state", R4),
    code("Location", "address-use", "address.use", R4, "http://hl7.org/fhir/address-use"),
    reference("Location", "endpoint", "endpoint", R4, &["Endpoint"]),
    identifier("Location", "identifier", "identifier", R4),
    text("Location", "name", "name | alias", R4),
    token("Location", "operational-status", "operationalStatus", R4),
    reference("Location", "organization", "managingOrganization", R4, &["Organization"]),
    reference("Location", "partof", "partOf", R4, &["Location"]),
    code("Location", "status", "status", R4, "http://hl7.org/fhir/location-status"),
    token("Location", "type", "type", R4),
];

pub(crate) const ORGANIZATION: &[SearchParameter] = &[
    boolean("Organization", "active", "active", R4),
    text("Organization", "address", "address", R4),
    text("Organization", "address-city", "address.city", R4),
    text("Organization", "address-country", "address.country", R4),
    text("Organization", "address-postalcode", "address.postalCode", R4),
    text("Organization", "address-state", "address.state", R4),
    code("Organization", "address-use", "address.use", R4, "http://hl7.org/fhir/address-use"),
    // Plan-Net's expression ends on the extension; the reference is its value.
    reference("Organization", "coverage-area",
        "extension(url=http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/location-reference)\
            .valueReference",
        PlanNet("organization-coverage-area"), &["Location"]),
    reference("Organization", "endpoint", "endpoint", R4, &["Endpoint"]),
    identifier("Organization", "identifier", "identifier", R4),
    text("Organization", "name", "name | alias", R4),
    reference("Organization", "partof", "partOf", R4, &["Organization"]),
    // Plan-Net 1.2.0, by FHIR's own extension; its sister on Practitioner is an extension of Plan-Net's.
    date("Organization", "period",
        "extension(url=http://hl7.org/fhir/StructureDefinition/organization-period).valuePeriod",
        PlanNet("organization-period")),
    token("Organization", "type", "type", R4),
];

pub(crate) const PATIENT: &[SearchParameter] = &[
    boolean("Patient", "active", "active", R4),
    text("Patient", "address", "address", R4As("individual-address")),
    text("Patient", "address-city", "address.city", R4As("individual-address-city")),
    text("Patient", "address-country", "address.country", R4As("individual-address-country")),
    text("Patient", "address-postalcode", "address.postalCode", R4As("individual-address-postalcode")),
    text("Patient", "address-state", "address.state", R4As("individual-address-state")),
    code("Patient", "address-use", "address.use", R4As("individual-address-use"), "http://hl7.org/fhir/address-use"),
    date("Patient", "birthdate", "birthDate", R4As("individual-birthdate")),
    // `deceased` itself is not searchable here: it asks whether a date or `true` exists, which no path can say.
    date("Patient", "death-date", "deceasedDateTime", R4),
    token("Patient", "email", "telecom(system=email)", R4As("individual-email")),
    // US Core compares only the code, here and in `race`. Ending on the Coding lets `system|code` match too; the
    // extension's `text` part has no Coding and is not found.
    token("Patient", "ethnicity",
        "extension(url=http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity).extension.valueCoding",
        UsCore("us-core-ethnicity")),
    text("Patient", "family", "name.family", R4As("individual-family")),
    code("Patient", "gender", "gender", R4As("individual-gender"), "http://hl7.org/fhir/administrative-gender"),
    // Defined by US Core 6.1.0 and 7.0.0, gone in 8.0.0.
    token("Patient", "gender-identity",
        "extension(url=http://hl7.org/fhir/us/core/StructureDefinition/us-core-genderIdentity).valueCodeableConcept",
        UsCore("us-core-patient-gender-identity")),
    reference("Patient", "general-practitioner", "generalPractitioner", R4, PROVIDERS),
    text("Patient", "given", "name.given", R4As("individual-given")),
    identifier("Patient", "identifier", "identifier", R4),
    token("Patient", "language", "communication.language", R4),
    reference("Patient", "link", "link.other", R4, &["Patient", "RelatedPerson"]),
    text("Patient", "name", "name", R4),
    reference("Patient", "organization", "managingOrganization", R4, &["Organization"]),
    token("Patient", "phone", "telecom(system=phone)", R4As("individual-phone")),
    token("Patient", "race",
        "extension(url=http://hl7.org/fhir/us/core/StructureDefinition/us-core-race).extension.valueCoding",
        UsCore("us-core-race")),
    token("Patient", "telecom", "telecom", R4As("individual-telecom")),
];

pub(crate) const PRACTITIONER: &[SearchParameter] = &[
    boolean("Practitioner", "active", "active", R4),
    text("Practitioner", "address", "address", R4As("individual-address")),
    text("Practitioner", "address-city", "address.city", R4As("individual-address-city")),
    text("Practitioner", "address-country", "address.country", R4As("individual-address-country")),
    text("Practitioner", "address-postalcode", "address.postalCode", R4As("individual-address-postalcode")),
    text("Practitioner", "address-state", "address.state", R4As("individual-address-state")),
    code("Practitioner", "address-use", "address.use", R4As("individual-address-use"), "http://hl7.org/fhir/address-use"),
    token("Practitioner", "communication", "communication", R4),
    token("Practitioner", "email", "telecom(system=email)", R4As("individual-email")),
    text("Practitioner", "family", "name.family", R4As("individual-family")),
    code("Practitioner", "gender", "gender", R4As("individual-gender"), "http://hl7.org/fhir/administrative-gender"),
    text("Practitioner", "given", "name.given", R4As("individual-given")),
    identifier("Practitioner", "identifier", "identifier", R4),
    text("Practitioner", "name", "name", R4),
    date("Practitioner", "period",
        "extension(url=http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/practitioner-period)\
            .valuePeriod",
        PlanNet("practitioner-period")),
    token("Practitioner", "phone", "telecom(system=phone)", R4As("individual-phone")),
    token("Practitioner", "telecom", "telecom", R4As("individual-telecom")),
];

pub(crate) const PRACTITIONER_ROLE: &[SearchParameter] = &[
    boolean("PractitionerRole", "active", "active", R4),
    date("PractitionerRole", "date", "period", R4),
    token("PractitionerRole", "email", "telecom(system=email)", R4As("individual-email")),
    reference("PractitionerRole", "endpoint", "endpoint", R4, &["Endpoint"]),
    identifier("PractitionerRole", "identifier", "identifier", R4),
    reference("PractitionerRole", "location", "location", R4, &["Location"]),
    // Plan-Net's expression ends on the extension; the reference is its value.
    reference("PractitionerRole", "network",
        "extension(url=http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/network-reference)\
            .valueReference",
        PlanNet("practitionerrole-network"), &["Organization"]),
    reference("PractitionerRole", "organization", "organization", R4, &["Organization"]),
    // Plan-Net's name for R4's `date`.
    date("PractitionerRole", "period", "period", PlanNet("practitionerrole-period")),
    token("PractitionerRole", "phone", "telecom(system=phone)", R4As("individual-phone")),
    // US Core (SHALL): `practitioner.identifier` and `practitioner.name`.
    reference("PractitionerRole", "practitioner", "practitioner", R4, &["Practitioner"])
        .chaining(&["identifier", "name"]),
    token("PractitionerRole", "role", "code", R4),
    reference("PractitionerRole", "service", "healthcareService", R4, &["HealthcareService"]),
    token("PractitionerRole", "specialty", "specialty", R4),
    token("PractitionerRole", "telecom", "telecom", R4As("individual-telecom")),
];

pub(crate) const RELATED_PERSON: &[SearchParameter] = &[
    boolean("RelatedPerson", "active", "active", R4),
    text("RelatedPerson", "address", "address", R4As("individual-address")),
    text("RelatedPerson", "address-city", "address.city", R4As("individual-address-city")),
    text("RelatedPerson", "address-country", "address.country", R4As("individual-address-country")),
    text("RelatedPerson", "address-postalcode", "address.postalCode", R4As("individual-address-postalcode")),
    text("RelatedPerson", "address-state", "address.state", R4As("individual-address-state")),
    code("RelatedPerson", "address-use", "address.use", R4As("individual-address-use"), "http://hl7.org/fhir/address-use"),
    date("RelatedPerson", "birthdate", "birthDate", R4As("individual-birthdate")),
    token("RelatedPerson", "email", "telecom(system=email)", R4As("individual-email")),
    code("RelatedPerson", "gender", "gender", R4As("individual-gender"), "http://hl7.org/fhir/administrative-gender"),
    identifier("RelatedPerson", "identifier", "identifier", R4),
    text("RelatedPerson", "name", "name", R4),
    reference("RelatedPerson", "patient", "patient", R4, &["Patient"]),
    token("RelatedPerson", "phone", "telecom(system=phone)", R4As("individual-phone")),
    token("RelatedPerson", "relationship", "relationship", R4),
    token("RelatedPerson", "telecom", "telecom", R4As("individual-telecom")),
];
