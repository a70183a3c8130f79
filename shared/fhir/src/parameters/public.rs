//! The types of the public directory (Plan-Net) and the public formulary that no member's record has. The table of types does not
//! name them, and no function that serves members reaches these rows.

use super::Definition::{Formulary, PlanNet, R4};
use super::{SearchParameter, boolean, code, date, identifier, reference, text, token};

/// Services that organizations offer in the directory.
pub const HEALTHCARE_SERVICE: &[SearchParameter] = &[
    boolean("HealthcareService", "active", "active", R4),
    token("HealthcareService", "characteristic", "characteristic", R4),
    reference("HealthcareService", "coverage-area", "coverageArea", R4, &["Location"]),
    // Plan-Net's expression ends on the inner extension; the code is its value.
    token("HealthcareService", "delivery-method",
        "extension(url=http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/delivery-method)\
            .extension(url=type)\
            .valueCodeableConcept",
        PlanNet("healthcareservice-delivery-method")),
    reference("HealthcareService", "endpoint", "endpoint", R4, &["Endpoint"]),
    identifier("HealthcareService", "identifier", "identifier", R4),
    reference("HealthcareService", "location", "location", R4, &["Location"]),
    text("HealthcareService", "name", "name", R4),
    reference("HealthcareService", "organization", "providedBy", R4, &["Organization"]),
    token("HealthcareService", "program", "program", R4),
    token("HealthcareService", "service-category", "category", R4),
    token("HealthcareService", "service-type", "type", R4),
    token("HealthcareService", "specialty", "specialty", R4),
];

/// Plans with their networks and formularies.
pub const INSURANCE_PLAN: &[SearchParameter] = &[
    text("InsurancePlan", "address", "contact.address", R4),
    text("InsurancePlan", "address-city", "contact.address.city", R4),
    text("InsurancePlan", "address-country", "contact.address.country", R4),
    text("InsurancePlan", "address-postalcode", "contact.address.postalCode", R4),
    text("InsurancePlan", "address-state", "contact.address.state", R4),
    code("InsurancePlan", "address-use", "contact.address.use", R4, "http://hl7.org/fhir/address-use"),
    reference("InsurancePlan", "administered-by", "administeredBy", R4, &["Organization"]),
    // Plan-Net and the formulary guide define this one alike.
    reference("InsurancePlan", "coverage-area", "coverageArea", PlanNet("insuranceplan-coverage-area"), &["Location"]),
    token("InsurancePlan", "coverage-type", "coverage.type", Formulary("InsurancePlan-coverage-type")),
    reference("InsurancePlan", "endpoint", "endpoint", R4, &["Endpoint"]),
    // The formulary guide: from the payer's plan to the formulary that it uses.
    reference("InsurancePlan", "formulary-coverage",
        "coverage.extension(url=http://hl7.org/fhir/us/davinci-drug-formulary\
            /StructureDefinition/usdf-FormularyReference-extension).valueReference",
        Formulary("InsurancePlan-formulary-coverage"), &["InsurancePlan"]),
    identifier("InsurancePlan", "identifier", "identifier", R4),
    text("InsurancePlan", "name", "name | alias", R4),
    // Plan-Net 1.2.0 defines it and names no target types: these are R4's for the element.
    reference("InsurancePlan", "network", "network", PlanNet("insuranceplan-network"), &["Organization"]),
    reference("InsurancePlan", "owned-by", "ownedBy", R4, &["Organization"]),
    date("InsurancePlan", "period", "period", Formulary("InsurancePlan-period")),
    token("InsurancePlan", "plan-type", "plan.type", PlanNet("insuranceplan-plan-type")),
    code("InsurancePlan", "status", "status", R4, "http://hl7.org/fhir/publication-status"),
    token("InsurancePlan", "type", "type", R4),
];

/// Organizations that take part in a network or in another organization.
pub const ORGANIZATION_AFFILIATION: &[SearchParameter] = &[
    boolean("OrganizationAffiliation", "active", "active", R4),
    date("OrganizationAffiliation", "date", "period", R4),
    token("OrganizationAffiliation", "email", "telecom(system=email)", R4),
    reference("OrganizationAffiliation", "endpoint", "endpoint", R4, &["Endpoint"]),
    identifier("OrganizationAffiliation", "identifier", "identifier", R4),
    reference("OrganizationAffiliation", "location", "location", R4, &["Location"]),
    reference("OrganizationAffiliation", "network", "network", R4, &["Organization"]),
    reference("OrganizationAffiliation", "participating-organization", "participatingOrganization", R4,
        &["Organization"]),
    // Plan-Net's name for R4's `date`.
    date("OrganizationAffiliation", "period", "period", PlanNet("organizationaffiliation-period")),
    token("OrganizationAffiliation", "phone", "telecom(system=phone)", R4),
    reference("OrganizationAffiliation", "primary-organization", "organization", R4, &["Organization"]),
    token("OrganizationAffiliation", "role", "code", R4),
    reference("OrganizationAffiliation", "service", "healthcareService", R4, &["HealthcareService"]),
    token("OrganizationAffiliation", "specialty", "specialty", R4),
    token("OrganizationAffiliation", "telecom", "telecom", R4),
];
