//! Coverage, and what was claimed and paid under it.

use super::Definition::{CarinBb, Hrex, Ours, Pdex, R4};
use super::{PRACTITIONERS, PROVIDERS, SearchParameter, code, date, identifier, reference, text, token};

pub(crate) const CLAIM: &[SearchParameter] = &[
    reference("Claim", "care-team", "careTeam.provider", R4, PROVIDERS),
    date("Claim", "created", "created", R4),
    reference("Claim", "detail-udi", "item.detail.udi", R4, &["Device"]),
    reference("Claim", "encounter", "item.encounter", R4, &["Encounter"]),
    reference("Claim", "enterer", "enterer", R4, PRACTITIONERS),
    reference("Claim", "facility", "facility", R4, &["Location"]),
    identifier("Claim", "identifier", "identifier", R4),
    reference("Claim", "insurer", "insurer", R4, &["Organization"]),
    reference("Claim", "item-udi", "item.udi", R4, &["Device"]),
    reference("Claim", "patient", "patient", R4, &["Patient"]),
    reference("Claim", "payee", "payee.party", R4,
        &["Organization", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"]),
    token("Claim", "priority", "priority", R4),
    reference("Claim", "procedure-udi", "procedure.udi", R4, &["Device"]),
    reference("Claim", "provider", "provider", R4, PROVIDERS),
    code("Claim", "status", "status", R4, "http://hl7.org/fhir/fm-status"),
    reference("Claim", "subdetail-udi", "item.detail.subDetail.udi", R4, &["Device"]),
    code("Claim", "use", "use", R4, "http://hl7.org/fhir/claim-use"),
];

pub(crate) const CLAIM_RESPONSE: &[SearchParameter] = &[
    date("ClaimResponse", "created", "created", R4),
    text("ClaimResponse", "disposition", "disposition", R4),
    identifier("ClaimResponse", "identifier", "identifier", R4),
    reference("ClaimResponse", "insurer", "insurer", R4, &["Organization"]),
    code("ClaimResponse", "outcome", "outcome", R4, "http://hl7.org/fhir/remittance-outcome"),
    reference("ClaimResponse", "patient", "patient", R4, &["Patient"]),
    date("ClaimResponse", "payment-date", "payment.date", R4),
    reference("ClaimResponse", "request", "request", R4, &["Claim"]),
    reference("ClaimResponse", "requestor", "requestor", R4, PROVIDERS),
    code("ClaimResponse", "status", "status", R4, "http://hl7.org/fhir/fm-status"),
    code("ClaimResponse", "use", "use", R4, "http://hl7.org/fhir/claim-use"),
];

pub(crate) const COVERAGE: &[SearchParameter] = &[
    reference("Coverage", "beneficiary", "beneficiary", R4, &["Patient"]),
    token("Coverage", "class-type", "class.type", R4),
    text("Coverage", "class-value", "class.value", R4),
    text("Coverage", "dependent", "dependent", R4),
    identifier("Coverage", "identifier", "identifier", R4),
    // HRex (SHALL): the member's name, gender and birthdate.
    reference("Coverage", "patient", "beneficiary", R4, &["Patient"]).chaining(&["birthdate", "gender", "name"]),
    // HRex (SHALL): `payor.identifier`, which names an insurer. A payor that is a person is not reached by it: of the types
    // that may pay, the chain leads into the shared one.
    reference("Coverage", "payor", "payor", R4, &["Organization", "Patient", "RelatedPerson"])
        .chaining(&["identifier"]),
    // Real clients sort coverage by its period; R4 and the guides have no parameter for it.
    date("Coverage", "period", "period", Ours),
    reference("Coverage", "policy-holder", "policyHolder", R4, &["Organization", "Patient", "RelatedPerson"]),
    code("Coverage", "status", "status", R4, "http://hl7.org/fhir/fm-status"),
    reference("Coverage", "subscriber", "subscriber", R4, &["Patient", "RelatedPerson"]),
    // HRex's, for `$member-match`: a token by name, a bare string without a system in the resource.
    token("Coverage", "subscriber-id", "subscriberId", Hrex("hrex-coverage-subscriberId")),
    token("Coverage", "type", "type", R4),
];

pub(crate) const EXPLANATION_OF_BENEFIT: &[SearchParameter] = &[
    // C4BB: only the start counts, so a stay that began before the range is not found, whenever it ended.
    date("ExplanationOfBenefit", "billable-period-start", "billablePeriod.start",
        CarinBb("explanationofbenefit-billable-period-start")),
    reference("ExplanationOfBenefit", "care-team", "careTeam.provider", R4, PROVIDERS),
    reference("ExplanationOfBenefit", "claim", "claim", R4, &["Claim"]),
    reference("ExplanationOfBenefit", "coverage", "insurance.coverage", R4, &["Coverage"]),
    date("ExplanationOfBenefit", "created", "created", R4),
    reference("ExplanationOfBenefit", "detail-udi", "item.detail.udi", R4, &["Device"]),
    text("ExplanationOfBenefit", "disposition", "disposition", R4),
    reference("ExplanationOfBenefit", "encounter", "item.encounter", R4, &["Encounter"]),
    reference("ExplanationOfBenefit", "enterer", "enterer", R4, PRACTITIONERS),
    reference("ExplanationOfBenefit", "facility", "facility", R4, &["Location"]),
    identifier("ExplanationOfBenefit", "identifier", "identifier", R4),
    // C4BB, for its `_include`; R4 has this parameter on Claim and ClaimResponse only.
    reference("ExplanationOfBenefit", "insurer", "insurer", CarinBb("explanationofbenefit-insurer"), &["Organization"]),
    reference("ExplanationOfBenefit", "item-udi", "item.udi", R4, &["Device"]),
    reference("ExplanationOfBenefit", "patient", "patient", R4, &["Patient"]),
    reference("ExplanationOfBenefit", "payee", "payee.party", R4,
        &["Organization", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"]),
    reference("ExplanationOfBenefit", "procedure-udi", "procedure.udi", R4, &["Device"]),
    reference("ExplanationOfBenefit", "provider", "provider", R4, PROVIDERS),
    // C4BB and PDex: one name for the date of service, whichever element a kind of claim keeps it in. Institutional
    // claims have the period of the bill, pharmacy claims a date, the others a period on each item.
    date("ExplanationOfBenefit", "service-date", "billablePeriod | item.servicedDate | item.servicedPeriod",
        CarinBb("explanationofbenefit-service-date")),
    // C4BB: the same, but only the day on which service started.
    date("ExplanationOfBenefit", "service-start-date",
        "billablePeriod.start | item.servicedDate | item.servicedPeriod.start",
        CarinBb("explanationofbenefit-service-start-date")),
    code("ExplanationOfBenefit", "status", "status", R4, "http://hl7.org/fhir/explanationofbenefit-status"),
    reference("ExplanationOfBenefit", "subdetail-udi", "item.detail.subDetail.udi", R4, &["Device"]),
    // C4BB and PDex: institutional, pharmacy and so on.
    token("ExplanationOfBenefit", "type", "type", CarinBb("explanationofbenefit-type")),
    // PDex: tells a prior authorization (`preauthorization`) from a claim (`claim`).
    code("ExplanationOfBenefit", "use", "use", Pdex("explanationofbenefit-use"), "http://hl7.org/fhir/claim-use"),
];
