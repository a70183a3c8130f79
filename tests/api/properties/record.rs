//! Random records. The pools are small on purpose, so that a query often hits a value, and often misses it by little.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{BoxedStrategy, Strategy, any};
use proptest::prop_oneof;
use proptest::sample::select;
use serde_json::{Value as Json, json};

/// Systems of codes and identifiers.
pub const SYSTEMS: &[&str] = &["http://example.org/one", "http://example.org/two", "urn:oid:1.2|3"];

/// Codes, some with characters that a query must escape.
pub const CODES: &[&str] = &["x", "y", "X", "a,b", "p|q", "back\\slash", "1$", "\u{e9}t\u{e9}"];

/// Dates in resources: of every precision, in several zones, near each other's edges.
pub const DATES: &[&str] = &[
    "2023",
    "2024",
    "2024-02",
    "2024-03",
    "2024-12",
    "2024-02-29",
    "2024-03-01",
    "2024-12-31",
    "2024-02-29T23:30:00-05:00",
    "2024-03-01T00:30:00+02:00",
    "2024-03-01T10:30:00Z",
    "2024-03-01T10:30:00.5Z",
    "2024-12-31T23:59:59.999Z",
    "2025-01-01T00:00:00Z",
];

/// Dates that only a query may have, without seconds.
pub const QUERY_DATES: &[&str] =
    &["2024-03-01T10:30Z", "2024-03-01T05:30-05:00", "2024-03-01T10:30", "2023-12-31", "2025"];

/// Words of names and addresses.
pub const WORDS: &[&str] =
    &["Mu\u{301}ller", "M\u{fc}ller", "muller", "O'Hara, Jr", "Pe\u{f1}a", "Main Street", "main", "Zo\u{e8}", "A|B\\C"];

/// Ids of the targets of references.
pub const IDS: &[&str] = &["one", "two", "quinn-3"];

/// Numbers of several precisions, at each other's edges.
pub const NUMBERS: &[&str] = &["0.95", "0.949", "1.0", "1.05", "1.04", "1.5", "0.5", "10", "9.5", "10.5", "1.10"];

/// Sources and profiles of resources. One is the beginning of another, and one has a version.
pub const URIS: &[&str] = &[
    "http://example.org/p",
    "http://example.org/p/q",
    "http://example.org/p|1",
    "urn:uuid:1",
    "http://example.org/a,b",
];

/// The number of resources of each type.
const EACH: usize = 24;

/// A member's record.
pub fn record(member: &'static str) -> BoxedStrategy<Vec<Json>> {
    (
        vec(with_meta(observation()), EACH),
        vec(with_meta(condition()), EACH),
        vec(with_meta(coverage()), EACH),
        vec(with_meta(related_person()), EACH),
        vec(with_meta(claim()), EACH),
    )
        .prop_map(move |(observations, conditions, coverages, persons, claims)| {
            let mut all = vec![
                json!({"resourceType": "Patient", "id": member}),
                json!({"resourceType": "Organization", "id": "one", "name": "One"}),
                json!({"resourceType": "Practitioner", "id": "two", "name": [{"family": "Two"}]}),
            ];
            for resources in [observations, conditions, coverages, persons, claims] {
                for (number, mut resource) in resources.into_iter().enumerate() {
                    let kind = resource["resourceType"].as_str().unwrap().to_owned();
                    let owner = match kind.as_str() {
                        "Coverage" => "beneficiary",
                        "Observation" | "Condition" => "subject",
                        _ => "patient",
                    };
                    resource["id"] = json!(format!("{member}-{}-{number}", kind.to_lowercase()));
                    resource[owner] = json!({"reference": format!("Patient/{member}")});
                    if kind == "ExplanationOfBenefit" {
                        let coverage = format!("Coverage/{member}-coverage-{}", number % 3);
                        resource["insurance"] = json!([{"focal": true, "coverage": {"reference": coverage}}]);
                    }
                    all.push(resource);
                }
            }
            all
        })
        .boxed()
}

/// The resource with the sender's `meta`.
fn with_meta(resource: BoxedStrategy<Json>) -> BoxedStrategy<Json> {
    let parts = (option::of(vec(coding(), 1..=2)), option::of(select(URIS)), option::of(vec(select(URIS), 1..=2)));
    (resource, parts)
        .prop_map(|(mut resource, (tag, source, profile))| {
            let parts = [
                ("tag", tag.map(Json::from)),
                ("source", source.map(Json::from)),
                ("profile", profile.map(Json::from)),
            ];
            for (name, part) in parts {
                if let Some(part) = part {
                    resource["meta"][name] = part;
                }
            }
            resource
        })
        .boxed()
}

/// An object of the parts that are present.
fn resource(kind: &str, parts: Vec<(&str, Option<Json>)>) -> Json {
    let mut resource = json!({"resourceType": kind});
    for (name, part) in parts {
        if let Some(part) = part {
            resource[name] = part;
        }
    }
    resource
}

fn date() -> BoxedStrategy<Json> {
    select(DATES).prop_map(|date| json!(date)).boxed()
}

/// A Period, possibly open at either end, never from a later day to an earlier one.
fn period() -> BoxedStrategy<Json> {
    let ends = (0..DATES.len(), 0..DATES.len(), 0..3_usize);
    ends.prop_map(|(a, b, open)| {
        // Only whole days of the pool have an order: the precisions above them overlap.
        let (first, last) = (DATES[5 + a.min(b) % 3], DATES[5 + a.max(b) % 3]);
        let (first, last) = if first <= last { (first, last) } else { (last, first) };
        match open {
            0 => json!({"start": first}),
            1 => json!({"end": last}),
            _ => json!({"start": first, "end": last}),
        }
    })
    .boxed()
}

fn coding() -> BoxedStrategy<Json> {
    (option::of(select(SYSTEMS)), select(CODES))
        .prop_map(|(system, code)| match system {
            Some(system) => json!({"system": system, "code": code}),
            None => json!({"code": code}),
        })
        .boxed()
}

fn concept() -> BoxedStrategy<Json> {
    vec(coding(), 1..=2).prop_map(|coding| json!({"coding": coding, "text": "x"})).boxed()
}

fn concepts() -> BoxedStrategy<Json> {
    vec(concept(), 1..=2).prop_map(|concepts| json!(concepts)).boxed()
}

fn identifier() -> BoxedStrategy<Json> {
    coding().prop_map(|coding| resource_without_kind(&coding)).boxed()
}

/// The parts of a Coding, as an Identifier has them.
fn resource_without_kind(coding: &Json) -> Json {
    match coding.get("system") {
        Some(system) => json!({"system": system, "value": coding["code"]}),
        None => json!({"value": coding["code"]}),
    }
}

fn reference(kinds: &'static [&'static str]) -> BoxedStrategy<Json> {
    let local = (select(kinds), select(IDS)).prop_map(|(kind, id)| format!("{kind}/{id}"));
    let versioned = (select(kinds), select(IDS)).prop_map(|(kind, id)| format!("{kind}/{id}/_history/2"));
    let foreign = (select(kinds), select(IDS)).prop_map(|(kind, id)| format!("https://elsewhere.example/{kind}/{id}"));
    let named = prop_oneof![6 => local, 1 => versioned, 1 => foreign].prop_map(|text| json!({"reference": text}));
    let logical = identifier().prop_map(|identifier| json!({"identifier": identifier}));
    prop_oneof![4 => named, 1 => logical].boxed()
}

fn word() -> BoxedStrategy<Json> {
    select(WORDS).prop_map(|word| json!(word)).boxed()
}

fn observation() -> BoxedStrategy<Json> {
    let effective = prop_oneof![
        date().prop_map(|date| ("effectiveDateTime", Some(date))),
        period().prop_map(|period| ("effectivePeriod", Some(period))),
    ];
    let unit = select(vec!["mg", "mmol/L"]);
    let value = (select(NUMBERS), unit).prop_map(|(number, unit)| {
        let number: Json = serde_json::from_str(number).unwrap();
        json!({"value": number, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit})
    });
    let actors = reference(&["Organization", "Practitioner"]);
    (
        option::of(concepts()),
        concept(),
        select(vec!["final", "amended"]),
        option::weighted(0.9, effective),
        option::of(vec(actors, 1..=2)),
        option::of(value),
        option::of(vec(identifier(), 1..=2)),
    )
        .prop_map(|(category, code, status, effective, performer, value, identifier)| {
            let mut parts = vec![
                ("category", category),
                ("code", Some(code)),
                ("status", Some(json!(status))),
                ("performer", performer.map(Json::from)),
                ("valueQuantity", value),
                ("identifier", identifier.map(Json::from)),
            ];
            parts.extend(effective);
            resource("Observation", parts)
        })
        .boxed()
}

fn condition() -> BoxedStrategy<Json> {
    let onset = prop_oneof![
        date().prop_map(|date| ("onsetDateTime", Some(date))),
        period().prop_map(|period| ("onsetPeriod", Some(period))),
        word().prop_map(|word| ("onsetString", Some(word))),
    ];
    (option::of(date()), option::of(onset), option::of(concepts()), option::of(concept()))
        .prop_map(|(recorded, onset, category, code)| {
            let mut parts = vec![("recordedDate", recorded), ("category", category), ("code", code)];
            parts.extend(onset);
            resource("Condition", parts)
        })
        .boxed()
}

fn coverage() -> BoxedStrategy<Json> {
    let class = (concept(), word()).prop_map(|(kind, value)| json!({"type": kind, "value": value}));
    (
        option::weighted(0.8, period()),
        option::of(vec(class, 1..=2)),
        option::of(word()),
        option::of(vec(identifier(), 1..=2)),
        option::of(reference(&["Organization", "RelatedPerson"])),
        option::of(concept()),
    )
        .prop_map(|(period, class, dependent, identifier, holder, kind)| {
            let parts = vec![
                ("status", Some(json!("active"))),
                ("period", period),
                ("class", class.map(Json::from)),
                ("dependent", dependent),
                ("identifier", identifier.map(Json::from)),
                ("policyHolder", holder),
                ("type", kind),
            ];
            resource("Coverage", parts)
        })
        .boxed()
}

fn related_person() -> BoxedStrategy<Json> {
    let name = (word(), vec(word(), 0..=2)).prop_map(|(family, given)| {
        let mut name = json!({"use": "official", "family": family});
        if !given.is_empty() {
            name["given"] = json!(given);
        }
        name
    });
    let address = (word(), word()).prop_map(|(line, city)| json!({"use": "home", "line": [line], "city": city}));
    (
        option::of(vec(name, 1..=2)),
        option::of(vec(address, 1..=2)),
        option::of(select(vec!["2023", "2024-02", "2024-02-29"])),
        option::of(select(vec!["female", "unknown"])),
        option::of(any::<bool>()),
        option::of(concepts()),
    )
        .prop_map(|(name, address, birth, gender, active, relationship)| {
            let parts = vec![
                ("name", name.map(Json::from)),
                ("address", address.map(Json::from)),
                ("birthDate", birth.map(Json::from)),
                ("gender", gender.map(Json::from)),
                ("active", active.map(Json::from)),
                ("relationship", relationship),
            ];
            resource("RelatedPerson", parts)
        })
        .boxed()
}

fn claim() -> BoxedStrategy<Json> {
    let item = prop_oneof![
        select(vec!["2023-12-31", "2024-02-29", "2024-03-01"])
            .prop_map(|date| json!({"sequence": 1, "servicedDate": date})),
        period().prop_map(|period| json!({"sequence": 1, "servicedPeriod": period})),
    ];
    (
        option::weighted(0.9, date()),
        option::of(period()),
        vec(item, 0..=3),
        concept(),
        select(vec!["claim", "preauthorization"]),
        option::of(reference(&["Organization", "Practitioner"])),
        option::of(word()),
    )
        .prop_map(|(created, billable, item, kind, usage, provider, disposition)| {
            let parts = vec![
                ("created", created),
                ("billablePeriod", billable),
                ("item", (!item.is_empty()).then(|| json!(item))),
                ("type", Some(kind)),
                ("use", Some(json!(usage))),
                ("provider", provider),
                ("disposition", disposition),
            ];
            resource("ExplanationOfBenefit", parts)
        })
        .boxed()
}
