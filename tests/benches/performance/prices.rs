//! The cost in dollars: the measured units, at AWS's public prices.

use serde_json::Value as Json;
use tests::Templates;

use crate::loads::Load;
use crate::operations::Operation;
use crate::plots::float;

/// The place and time of the prices below. They are written down, not looked up.
pub const PRICES_OF: &str = "us-east-1, as published in January 2025";

const DOLLARS_PER_MILLION_READ_UNITS: f64 = 0.125;
const DOLLARS_PER_MILLION_WRITE_UNITS: f64 = 0.625;
/// Per month: $0.25 for the table, and $0.20 for point-in-time recovery.
const DOLLARS_PER_STORED_GIGABYTE: f64 = 0.25 + 0.20;
const DOLLARS_PER_MILLION_INVOCATIONS: f64 = 0.20;
const DOLLARS_PER_GIGABYTE_SECOND: f64 = 0.000_013_333_4;
/// HTTP API. A request or an answer counts once for every 512 KB begun.
const DOLLARS_PER_MILLION_API_REQUESTS: f64 = 1.00;
const BYTES_OF_AN_API_REQUEST: usize = 512 * 1024;
/// `RSA_2048`: $0.03 for 10,000.
const DOLLARS_PER_MILLION_SIGNATURES: f64 = 3.00;
const DOLLARS_PER_KEY: f64 = 1.00;
/// An alarm on several metrics is billed for each of them.
const DOLLARS_PER_METRIC_OF_AN_ALARM: f64 = 0.10;
const DOLLARS_PER_LOGGED_GIGABYTE: f64 = 0.50;

/// Assumptions about each request that one machine cannot measure: AWS's network is part of the time.
const SECONDS: f64 = 0.1;
const GIGABYTES_OF_MEMORY: f64 = 0.5;
const GIGABYTES_LOGGED: f64 = 2e-6;

/// The member whose price for a month is worked out.
pub const MEMBER: &str = "A member has 1,000 resources, 30 of them new or changed in the month, and\n\
    two apps. Each app is connected once in the month, renews its token and asks for news once a day, and reads four pages\n\
    of 50 claims.";

const APPS: f64 = 2.0;
const DAYS: f64 = 30.0;
const PAGES: f64 = 4.0;
const STORED: f64 = 1000.0;
const CHANGED: f64 = 30.0;

/// One line of the list.
pub struct Price {
    /// The thing that is priced.
    pub what: String,
    /// US dollars.
    pub dollars: f64,
    /// The parts of the price.
    pub parts: Vec<(String, f64)>,
}

impl Price {
    fn of(what: &str, parts: Vec<(&str, f64)>) -> Price {
        let parts: Vec<(String, f64)> = parts.into_iter().map(|(name, part)| (name.to_owned(), part)).collect();
        Price { what: what.to_owned(), dollars: parts.iter().map(|(_, part)| part).sum(), parts }
    }
}

/// The price list.
pub fn prices(operations: &[Operation], loads: &[Load]) -> Vec<Price> {
    let cost = |name: &str, signatures| parts(operations.iter().find(|row| row.name == name), signatures);
    let dollars = |name, signatures| cost(name, signatures).iter().map(|(_, part)| part).sum::<f64>();
    let (claims, (renewal, signed)) = ("newest 50 claims, our own samples", RENEWAL);
    let news = "$everything with _since yesterday, nothing new";
    let mut list = Vec::new();
    for (what, name, signatures) in [
        ("a million reads", "read by id: a claim", 0.0),
        ("a million pages of 50 claims", claims, 0.0),
        ("a million searches for news, with nothing new", news, 0.0),
        ("a million tokens, for a refresh token", renewal, signed),
    ] {
        list.push(Price::of(what, cost(name, signatures)));
    }
    let connecting: f64 = CONNECTION.iter().map(|(name, signatures)| dollars(name, *signatures)).sum();
    let each = loads.first().map_or(0.0, Load::each);
    let changed = loads.get(2).map_or(each, Load::each);
    let gigabytes = loads.first().map_or(0.0, Load::bytes_each) * STORED / 1e9;
    list.push(Price::of(
        "a thousand members for a month",
        vec![
            ("apps: tokens", 1e-3 * APPS * DAYS * dollars(renewal, signed)),
            ("apps: news", 1e-3 * APPS * DAYS * dollars(news, 0.0)),
            ("apps: pages of claims", 1e-3 * APPS * PAGES * dollars(claims, 0.0)),
            ("apps: connecting", 1e-3 * APPS * connecting),
            ("new resources", 1e-3 * CHANGED * changed * DOLLARS_PER_MILLION_WRITE_UNITS),
            ("storage", 1e3 * gigabytes * DOLLARS_PER_STORED_GIGABYTE),
        ],
    ));
    list.push(idle());
    let reads = loads.first().map_or(0.0, |load| load.read_units * each / load.write_units);
    list.push(Price::of(
        "the first load of a million resources",
        vec![
            ("write units", each * DOLLARS_PER_MILLION_WRITE_UNITS),
            ("read units", reads * DOLLARS_PER_MILLION_READ_UNITS),
        ],
    ));
    list
}

/// A refresh, and its signatures: only the access token is signed. The refresh token is opaque, and there is no new
/// `id_token`.
const RENEWAL: (&str, f64) = ("token, for a refresh token", 1.0);

/// The requests that connect an app, with the signatures of each.
const CONNECTION: [(&str, f64); 4] =
    [("authorize", 0.0), ("sign in", 0.0), ("consent", 0.0), ("token, for a code", 2.0)];

/// The price of a million such requests, in parts.
fn parts(operation: Option<&Operation>, signatures: f64) -> Vec<(&'static str, f64)> {
    let Some(operation) = operation else { return Vec::new() };
    let messages = operation.bytes.div_ceil(BYTES_OF_AN_API_REQUEST).max(1);
    let compute = SECONDS * GIGABYTES_OF_MEMORY * 1e6 * DOLLARS_PER_GIGABYTE_SECOND;
    vec![
        ("read units", operation.read_units * DOLLARS_PER_MILLION_READ_UNITS),
        ("write units", operation.write_units * DOLLARS_PER_MILLION_WRITE_UNITS),
        ("API", float(messages) * DOLLARS_PER_MILLION_API_REQUESTS),
        ("Lambda", DOLLARS_PER_MILLION_INVOCATIONS + compute),
        ("signatures", signatures * DOLLARS_PER_MILLION_SIGNATURES),
        ("logs", GIGABYTES_LOGGED * 1e6 * DOLLARS_PER_LOGGED_GIGABYTE),
    ]
}

/// The price of everything that the templates make, with nothing stored and nobody calling.
fn idle() -> Price {
    let resources = Templates::read().resources();
    // A condition stands for what a plan asks for beyond the default.
    let is_made = |resource: &&Json| resource["Condition"].is_null();
    let of_type =
        |name: &'static str| resources.values().filter(is_made).filter(move |resource| resource["Type"] == name);
    let keys = float(of_type("AWS::KMS::Key").count()) * DOLLARS_PER_KEY;
    let metrics = |alarm: &Json| {
        let named = alarm["Properties"]["Metrics"].as_array().map(Vec::as_slice).unwrap_or_default();
        named.iter().filter(|metric| metric.get("MetricStat").is_some()).count().max(1)
    };
    let alarms = float(of_type("AWS::CloudWatch::Alarm").map(metrics).sum::<usize>()) * DOLLARS_PER_METRIC_OF_AN_ALARM;
    Price::of("an idle month", vec![("keys", keys), ("alarms", alarms)])
}
