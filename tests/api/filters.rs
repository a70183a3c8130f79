//! Pages of a filter: they end in the middle of what was read, and put together they are what a naive filter keeps of the history,
//! at a cost that grows with what does not match.

use http::StatusCode;
use patient_access::load::Source;
use serde_json::{Value as Json, json};
use shared::bounds::SLICES;
use tests::{App, Reply, Tokens};

/// The Observations of the history.
const COUNT: usize = 900;

const LAB: &str = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory";

/// An Observation of the history. Three lie on each day, and every fortieth on none.
fn observation(number: usize) -> Json {
    let code = match number {
        500..540 => "together",
        _ if number % 400 == 7 => "rare",
        _ if number % 20 == 3 => "some",
        _ => "other",
    };
    let (system, category) = LAB.split_once('|').unwrap();
    let category = if number % 9 < 4 { category } else { "vital-signs" };
    let mut observation = json!({"resourceType": "Observation", "id": format!("o-{number}"),
        "status": if number.is_multiple_of(10) { "amended" } else { "final" },
        "category": [{"coding": [{"system": system, "code": category}]}],
        "code": {"coding": [{"system": "http://example.org/codes", "code": code}]},
        "subject": {"reference": "Patient/fay"}, "performer": [{"reference": "Practitioner/p"}]});
    if !number.is_multiple_of(40) {
        let day = number / 3;
        observation["effectiveDateTime"] = format!("2024-{:02}-{:02}", day / 28 % 12 + 1, day % 28 + 1).into();
    }
    observation
}

/// Whether a filter keeps a resource.
type Keeps = fn(&Json) -> bool;

/// Filters, and which Observations each must find.
const FILTERS: [(&str, Keeps); 8] = [
    ("status=final", |json| json["status"] == "final"),
    ("status=amended", |json| json["status"] == "amended"),
    ("category=laboratory", |json| json["category"][0]["coding"][0]["code"] == "laboratory"),
    ("code=some", |json| json["code"]["coding"][0]["code"] == "some"),
    ("code=rare", |json| json["code"]["coding"][0]["code"] == "rare"),
    ("code=together", |json| json["code"]["coding"][0]["code"] == "together"),
    ("code=none", |_| false),
    ("code=some,rare&status=final&date=2024-03", |json| {
        let date = json["effectiveDateTime"].as_str().unwrap_or_default();
        date.starts_with("2024-03") && json["status"] == "final" && json["code"]["coding"][0]["code"] != "other"
    }),
];

/// The cost of one request, from the function's log line.
#[derive(Clone, Copy, Debug)]
struct Cost {
    round_trips: u64,
    read_units: f64,
}

struct Stand {
    app: App,
    tokens: Tokens,
}

impl Stand {
    async fn new(scope: &str) -> Stand {
        let app = App::empty().await;
        let others =
            [json!({"resourceType": "Patient", "id": "fay"}), json!({"resourceType": "Practitioner", "id": "p"})];
        let feed = others.into_iter().chain((0..COUNT).map(observation)).collect();
        let report = app.load(Source::Memory(feed)).await;
        assert!(report.is_clean(), "{report}");
        app.add_member("fay", "fay").await;
        let tokens = app.sign_in("fay", scope).await;
        Stand { app, tokens }
    }

    async fn ask(&self, path: &str) -> (Reply, Cost) {
        const ROUTE: &str = "GET /fhir/{type}";
        let before = self.app.answered_so_far(ROUTE, 200).len();
        let reply = self.app.fhir(&self.tokens, path).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.body);
        let line = self.app.answered(ROUTE, 200, before + 1).await.pop().unwrap();
        let cost =
            Cost { round_trips: line["waves"].as_u64().unwrap(), read_units: line["read_units"].as_f64().unwrap() };
        (reply, cost)
    }

    /// All pages of a search.
    async fn walk(&self, first: &str) -> Vec<(Reply, Cost)> {
        let (mut pages, mut next) = (Vec::new(), Some(first.to_owned()));
        while let Some(url) = next {
            let page = self.ask(&url).await;
            next = page.0.link("next");
            pages.push(page);
        }
        pages
    }

    /// The whole history, in the order that pages without a filter have it.
    async fn history(&self, sort: &str) -> Vec<Json> {
        let pages = self.walk(&format!("Observation?_count=100{sort}")).await;
        pages.iter().flat_map(|(page, _)| page.entries("match")).collect()
    }
}

fn ids<'a>(resources: impl IntoIterator<Item = &'a Json>) -> Vec<String> {
    resources.into_iter().map(|json| json["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_a_filter_are_what_a_naive_filter_keeps_of_the_history() {
    let stand = Stand::new("patient/*.rs").await;
    for sort in ["", "&_sort=date"] {
        let history = stand.history(sort).await;
        assert_eq!(history.len(), COUNT);
        for (filter, keeps) in FILTERS {
            let expected = ids(history.iter().filter(|json| keeps(json)));
            for count in [3, 50] {
                if expected.len() > 200 && count < 50 {
                    continue;
                }
                let first = format!("Observation?_count={count}&{filter}&_include=Observation:performer{sort}");
                let pages = stand.walk(&first).await;
                let found = ids(&pages.iter().flat_map(|(page, _)| page.entries("match")).collect::<Vec<_>>());
                assert_eq!(found, expected, "{first}");
                for (page, cost) in &pages {
                    let matches = page.matches();
                    assert!(matches.len() <= count, "{first}");
                    assert!(!page.included().is_empty() || matches.is_empty(), "{first}: what it includes comes too");
                    // The slices, what they include, the audit; and, where the oldest come first, the rows without a date.
                    let most = SLICES as u64 + 2 + u64::from(!sort.is_empty());
                    assert!(cost.round_trips <= most, "{first}: {cost:?}");
                }
            }
        }
    }
    stand.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_filter_costs_what_it_misses() {
    let stand = Stand::new("patient/*.rs").await;
    let (plain, unfiltered) = stand.ask("Observation?_count=50").await;
    assert_eq!((plain.matches().len(), unfiltered.round_trips), (50, 2));
    for filter in ["status=final", "category=laboratory,vital-signs", "code:not=rare"] {
        let (page, cost) = stand.ask(&format!("Observation?_count=50&{filter}")).await;
        assert!(page.matches().len() == 50 && page.link("next").is_some(), "{filter}: {}", page.matches().len());
        assert!(
            cost.round_trips == 2 && cost.read_units <= 2.0 * unfiltered.read_units,
            "{filter}: {cost:?} beside {unfiltered:?}"
        );
    }
    let (_, whole) = stand.ask("Observation?_summary=count&code=some").await;
    for filter in ["code=some", "code=rare", "code=none", "status=amended"] {
        let pages = stand.walk(&format!("Observation?_count=10&{filter}")).await;
        let read: f64 = pages.iter().map(|(_, cost)| cost.read_units).sum();
        // Each page reads the grant, and each of its slices begins a unit that it may not use up.
        let count = |number: usize| f64::from(u32::try_from(number).unwrap());
        let begun = count(pages.len()) * (1.0 + 0.5 * count(SLICES));
        assert!(read <= 1.2 * whole.read_units + begun, "{filter}: {read} beside {}", whole.read_units);
    }
    stand.app.finish().await;
}

/// T086, T090
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_a_filter_under_a_granular_scope_are_full_and_end_at_what_they_show() {
    let stand = Stand::new(&format!("patient/Observation.rs?category={LAB} patient/Practitioner.rs")).await;
    let history = stand.history("").await;
    assert!(!history.is_empty() && history.iter().all(|json| FILTERS[2].1(json)));
    for (filter, keeps) in FILTERS {
        let expected = ids(history.iter().filter(|json| keeps(json)));
        let pages = stand.walk(&format!("Observation?_count=20&{filter}")).await;
        let mut found = Vec::new();
        for (page, _) in &pages {
            let shown = ids(&page.entries("match"));
            if let Some(place) = page.next_place() {
                assert_eq!(shown.len(), 20, "{filter}: a page that goes on is full");
                let at = place["at"][0].as_str().unwrap();
                assert!(at.ends_with(&format!("/{}", shown.last().unwrap())), "{filter}: {place}");
            }
            found.extend(shown);
        }
        assert_eq!(found, expected, "{filter}");
    }
    stand.app.finish().await;
}
