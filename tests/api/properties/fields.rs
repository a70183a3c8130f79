//! The search parameters of the random queries, as R4 and the guides define them.

/// The values that a search parameter compares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A `code` or boolean, with the system that R4 gives it; or an id, which has none.
    Plain(&'static str),
    /// Codings and identifiers.
    Token,
    /// Dates and periods.
    Date,
    /// The moment at which the server made the version visible.
    Instant,
    /// URIs.
    Uri,
    /// Canonical URLs: one without a version finds every version.
    Canonical,
    /// Strings, names and addresses.
    Text,
    /// References.
    Reference,
    /// Quantities.
    Quantity,
}

/// A parameter, what it compares, and the elements that it searches.
pub type Field = (&'static str, Kind, &'static [&'static str]);

/// The parameters of every type.
const COMMON: &[Field] = &[
    ("_lastUpdated", Kind::Instant, &["meta.lastUpdated"]),
    ("_profile", Kind::Canonical, &["meta.profile"]),
    ("_source", Kind::Uri, &["meta.source"]),
    ("_tag", Kind::Token, &["meta.tag"]),
];

const BOOLEAN: Kind = Kind::Plain("http://terminology.hl7.org/CodeSystem/special-values");

/// The parameters of the queries, by type, with the elements that they search according to R4 and the guides.
pub const FIELDS: &[(&str, &[Field])] = &[
    (
        "Observation",
        &[
            ("_id", Kind::Plain(""), &["id"]),
            ("category", Kind::Token, &["category"]),
            ("code", Kind::Token, &["code"]),
            ("status", Kind::Plain("http://hl7.org/fhir/observation-status"), &["status"]),
            ("date", Kind::Date, &["effectiveDateTime", "effectivePeriod"]),
            ("performer", Kind::Reference, &["performer"]),
            ("value-quantity", Kind::Quantity, &["valueQuantity"]),
            ("identifier", Kind::Token, &["identifier"]),
        ],
    ),
    (
        "Condition",
        &[
            ("recorded-date", Kind::Date, &["recordedDate"]),
            ("onset-date", Kind::Date, &["onsetDateTime", "onsetPeriod"]),
            ("onset-info", Kind::Text, &["onsetString"]),
            ("category", Kind::Token, &["category"]),
            ("code", Kind::Token, &["code"]),
        ],
    ),
    (
        "Coverage",
        &[
            ("period", Kind::Date, &["period"]),
            ("class-value", Kind::Text, &["class.value"]),
            ("dependent", Kind::Text, &["dependent"]),
            ("identifier", Kind::Token, &["identifier"]),
            ("policy-holder", Kind::Reference, &["policyHolder"]),
            ("type", Kind::Token, &["type"]),
        ],
    ),
    (
        "RelatedPerson",
        &[
            ("name", Kind::Text, &["name"]),
            ("address", Kind::Text, &["address"]),
            ("address-city", Kind::Text, &["address.city"]),
            ("birthdate", Kind::Date, &["birthDate"]),
            ("gender", Kind::Plain("http://hl7.org/fhir/administrative-gender"), &["gender"]),
            ("active", BOOLEAN, &["active"]),
            ("relationship", Kind::Token, &["relationship"]),
        ],
    ),
    (
        "ExplanationOfBenefit",
        &[
            ("created", Kind::Date, &["created"]),
            ("service-date", Kind::Date, &["billablePeriod", "item.servicedDate", "item.servicedPeriod"]),
            (
                "service-start-date",
                Kind::Date,
                &["billablePeriod.start", "item.servicedDate", "item.servicedPeriod.start"],
            ),
            ("billable-period-start", Kind::Date, &["billablePeriod.start"]),
            ("type", Kind::Token, &["type"]),
            ("use", Kind::Plain("http://hl7.org/fhir/claim-use"), &["use"]),
            ("provider", Kind::Reference, &["provider"]),
            ("disposition", Kind::Text, &["disposition"]),
        ],
    ),
];

/// The parameters of the queries on one type.
pub fn fields(kind: &str) -> Vec<Field> {
    let own = FIELDS.iter().find(|(name, _)| *name == kind).expect("the type is in the table").1;
    own.iter().chain(COMMON).copied().collect()
}

/// The parameters by which a search may be sorted.
pub fn sortable(kind: &str) -> Vec<&'static str> {
    let orders = |kind| !matches!(kind, Kind::Reference | Kind::Quantity);
    fields(kind).into_iter().filter(|(_, kind, _)| orders(*kind)).map(|(code, _, _)| code).collect()
}
